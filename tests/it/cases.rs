//! Cases: a small project in one file, the expected diagnostics under the line they hit.
//!
//! ```text
//! --- models/orders.sql
//! select id from {{ ref('stg_ordrs') }}
//! #                     ^^^^^^^^^^^ error[ref-not-found] model `orders` refers to `stg_ordrs`, which does not exist
//! ```
//!
//! Diagnostics without a place are expected in a last section `--- diagnostics`. `UPDATE_CASES=1` rewrites the
//! expectations; read the diff.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use tamis::{
    diagnostic::{Diagnostic, Label, Severity, SourceMap, display_path},
    testing::{TestProject, diagnose},
};

const NO_PLACE: &str = "diagnostics";

#[test]
fn every_case_gives_the_diagnostics_that_it_expects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut failures = String::new();
    let mut count = 0;
    for path in case_files(&root) {
        count += 1;
        let written = fs::read_to_string(&path).unwrap();
        let actual = run(&written);
        if written == actual {
            continue;
        }
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&path, actual).unwrap();
        } else {
            let name = path.strip_prefix(&root).unwrap().display();
            writeln!(failures, "==== {name}: got\n{actual}").unwrap();
        }
    }
    assert!(count > 0, "no cases in {}", root.display());
    assert!(failures.is_empty(), "cases differ (UPDATE_CASES=1 rewrites them):\n{failures}");
}

fn case_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(case_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "case") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The case with the diagnostics that the program gives.
fn run(written: &str) -> String {
    let (intro, files) = split(written);
    let project = TestProject::new(files.iter().filter(|(path, _)| path != NO_PLACE).cloned());
    let (sources, diagnostics) = diagnose(&project);
    let mut placed: BTreeMap<(String, usize), Vec<String>> = BTreeMap::new();
    let mut loose = Vec::new();
    for diagnostic in &diagnostics {
        place(&sources, diagnostic, &mut placed, &mut loose);
    }
    let mut text = intro;
    for (path, content) in files.iter().filter(|(path, _)| path != NO_PLACE) {
        writeln!(text, "--- {path}").unwrap();
        for (number, line) in content.lines().enumerate() {
            writeln!(text, "{line}").unwrap();
            for expected in placed.remove(&(path.clone(), number + 1)).unwrap_or_default() {
                writeln!(text, "{expected}").unwrap();
            }
        }
    }
    // What hit a line past the end, or a file that the case does not show.
    loose.extend(placed.into_iter().flat_map(|((path, line), lines)| {
        lines.into_iter().map(move |text| format!("{path}:{line} {}", text.trim_start_matches(['#', ' ', '^'])))
    }));
    if !loose.is_empty() {
        writeln!(text, "--- {NO_PLACE}").unwrap();
        for line in loose {
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

/// Comment lines before the first file, then path and content of each file without expectations.
fn split(written: &str) -> (String, Vec<(String, String)>) {
    let mut intro = String::new();
    let mut files: Vec<(String, String)> = Vec::new();
    for line in written.lines() {
        if let Some(path) = line.strip_prefix("--- ") {
            files.push((path.trim().to_owned(), String::new()));
        } else if let Some((_, content)) = files.last_mut() {
            if !is_expectation(line) {
                writeln!(content, "{line}").unwrap();
            }
        } else {
            writeln!(intro, "{line}").unwrap();
        }
    }
    (intro, files)
}

fn is_expectation(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('#') else { return false };
    let after = rest.trim_start().trim_start_matches('^');
    rest.trim_start().starts_with('^')
        && [" error[", " warning[", " note:"].iter().any(|start| after.starts_with(start))
}

fn place(
    sources: &SourceMap,
    diagnostic: &Diagnostic,
    placed: &mut BTreeMap<(String, usize), Vec<String>>,
    loose: &mut Vec<String>,
) {
    let level = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
    let mut text = format!("{level}[{}] {}", diagnostic.code, diagnostic.message.replace('\n', " | "));
    if let Some(help) = &diagnostic.help {
        write!(text, " (help: {})", help.replace('\n', " | ")).unwrap();
    }
    for run in diagnostic.stack.chunk_by(|one, next| one.name == next.name) {
        let name = &run[0].name;
        if run.len() > 1 {
            write!(text, " (in macro {name}, over and over)").unwrap();
        } else {
            write!(text, " (in macro {name})").unwrap();
        }
    }
    let Some((first, others)) = diagnostic.labels.split_first() else {
        loose.push(text);
        return;
    };
    let mut put = |label: &Label, text: String| {
        let file = sources.get(label.span.source);
        let (line, column) = file.line_col(label.span.start);
        let shown = file.slice(label.span).lines().next().map_or(0, |text| text.chars().count()).max(1);
        // The marker takes the first column.
        let (indent, carets) = if column > 1 { (column - 2, shown) } else { (0, shown.saturating_sub(1).max(1)) };
        let expected = format!("#{}{} {text}", " ".repeat(indent), "^".repeat(carets));
        placed.entry((display_path(&file.path), line)).or_default().push(expected);
    };
    put(first, text);
    for label in others {
        put(label, format!("note: {}", label.text));
    }
}
