//! The compatibility report: `tests/compatibility.txt` lists dbt's features with their state and tests, and
//! `docs/compatibility.md` is made from it. `UPDATE_COMPATIBILITY=1` rewrites the page.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use regex::Regex;

use super::tidy::{files, none, root, rust_files};

/// The states, in the words of the file, and what they mean.
const STATES: [(&str, &str); 5] = [
    ("works", "gives what dbt gives; the tests show it"),
    ("differs", "works, with the difference that is named"),
    ("by design", "not supported on purpose; the program says so"),
    ("not yet", "not supported today"),
    ("no test", "believed to work; no test of its own"),
];

struct Row<'a> {
    area: &'a str,
    state: &'a str,
    feature: &'a str,
    tests: Vec<&'a str>,
    note: &'a str,
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let mut area = "";
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            area = title;
        } else if !line.starts_with('#') && !line.is_empty() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
            let tests = cell(2).split_whitespace().collect();
            rows.push(Row { area, state: cell(0), feature: cell(1), tests, note: cell(3) });
        }
    }
    rows
}

fn page(rows: &[Row<'_>]) -> String {
    let mut page =
        "# Compatibility with dbt\n\nThe language of dbt 1.11, feature by feature. Each row that works names the \
                    tests that show it (functions in `src/` and `tests/it/`, files in `tests/cases/`).\n\n\
                    | state | rows | meaning |\n|---|---:|---|\n"
            .to_owned();
    for (state, meaning) in STATES {
        let count = rows.iter().filter(|row| row.state == state).count();
        writeln!(page, "| {state} | {count} | {meaning} |").unwrap();
    }
    let mut area = "";
    for row in rows {
        if row.area != area {
            area = row.area;
            write!(page, "\n## {area}\n\n| feature | state | shown by | note |\n|---|---|---|---|\n").unwrap();
        }
        let tests: Vec<String> = row.tests.iter().map(|test| format!("`{test}`")).collect();
        writeln!(page, "| {} | {} | {} | {} |", row.feature, row.state, tests.join(" "), row.note).unwrap();
    }
    page
}

/// The names of all tests: functions, and files of cases.
fn tests() -> BTreeSet<String> {
    let function = Regex::new(r"#\[(?:tokio::)?test[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)").unwrap();
    let mut names = BTreeSet::new();
    for (_, text) in rust_files() {
        names.extend(function.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    let cases = files("tests/cases").into_iter().filter_map(|(file, _)| Some(file.rsplit_once('/')?.1.to_owned()));
    names.extend(cases);
    names
}

#[test]
fn each_row_of_the_compatibility_report_is_shown_by_tests_that_exist() {
    let text = fs::read_to_string(root().join("tests/compatibility.txt")).unwrap();
    let rows = rows(&text);
    assert!(rows.len() > 200, "the rows were not read");
    let known = tests();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for row in &rows {
        let named = format!("{}: {}", row.area, row.feature);
        if !STATES.iter().any(|(state, _)| *state == row.state) {
            wrong.push(format!("{named}: `{}` is no state", row.state));
        }
        if row.state == "works" && row.tests.is_empty() {
            wrong.push(format!("{named}: works, and names no test"));
        }
        if row.state == "no test" && !row.tests.is_empty() {
            wrong.push(format!("{named}: names a test, and says that there is none"));
        }
        if row.state == "differs" && row.note.is_empty() {
            wrong.push(format!("{named}: does not say what differs"));
        }
        for test in row.tests.iter().filter(|test| !known.contains(**test)) {
            wrong.push(format!("{named}: there is no test `{test}`"));
        }
        if !seen.insert(named.clone()) {
            wrong.push(format!("{named}: listed twice"));
        }
    }
    none(wrong);
}

#[test]
fn the_compatibility_report_is_made_from_its_rows() {
    let text = fs::read_to_string(root().join("tests/compatibility.txt")).unwrap();
    let (file, expected) = (root().join("docs/compatibility.md"), page(&rows(&text)));
    if std::env::var_os("UPDATE_COMPATIBILITY").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "docs/compatibility.md is not up to date: UPDATE_COMPATIBILITY=1 rewrites it");
}
