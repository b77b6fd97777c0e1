//! The house rules that a machine can check: who may use whom, sizes and names of files, one copy of Arrow, no traces of
//! somebody's machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the repository, without what git ignores, as `(path from the root, path)`.
pub fn files(folder: &str) -> Vec<(String, PathBuf)> {
    const IGNORED: [&str; 6] = ["target", "logs", "dbt_packages", "warehouse", ".git", "proptest-regressions"];
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            // What runs leave behind; in the sources such a name is a module's.
            if IGNORED.contains(&name.as_str()) && !path.starts_with(root().join("src")) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let from_root = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push((from_root, path));
            }
        }
    }
    found.sort();
    found
}

/// Rust files of the repository with their texts.
pub fn rust_files() -> Vec<(String, String)> {
    ["src", "tests", "benches"]
        .into_iter()
        .flat_map(files)
        .filter(|(name, _)| name.ends_with(".rs"))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect()
}

#[track_caller]
pub fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The modules of `lib.rs` in their order.
fn module_order() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let module = Regex::new(r"(?m)^(?:pub )?mod (\w+);").unwrap();
    module.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

/// The top-level modules that a text names after `crate::`, with their lines; comments and tests aside.
fn uses(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let line_of = |at: usize| code.get(..at).unwrap_or_default().lines().count();
    let mut found = Vec::new();
    let name = Regex::new(r"^\s*(\w+)").unwrap();
    for (at, start) in code.match_indices("crate::") {
        let rest = code.get(at + start.len()..).unwrap_or_default();
        let Some(list) = rest.strip_prefix('{') else {
            found.extend(name.captures(rest).map(|name| (line_of(at), name[1].to_owned())));
            continue;
        };
        // Only the names at the outer level of the braces are modules.
        let mut depth = 1;
        let mut fresh = true;
        for (offset, char) in list.char_indices() {
            match char {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => fresh = true,
                _ if fresh && depth == 1 && !char.is_whitespace() => {
                    fresh = false;
                    let rest = list.get(offset..).unwrap_or_default();
                    found.extend(name.captures(rest).map(|name| (line_of(at), name[1].to_owned())));
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let order = module_order();
    let place = |module: &str| order.iter().position(|known| known == module);
    let mut wrong = Vec::new();
    for (file, text) in rust_files() {
        let Some(module) = file.strip_prefix("src/").and_then(|path| path.split(['/', '.']).next()) else { continue };
        let Some(own) = place(module) else { continue };
        if module == "testing" || file.ends_with("/tests.rs") || file.contains("/tests/") {
            continue;
        }
        for (line, used) in uses(&text) {
            let upward = place(&used).is_some_and(|used| used > own);
            let engine_knows =
                module == "engine" && ["jinja", "project", "manifest", "artifacts", "graph"].contains(&&*used);
            if upward || engine_knows {
                wrong.push(format!("{file}:{line}: `{module}` must not use `{used}`"));
            }
        }
    }
    none(wrong);
}

#[test]
fn files_have_one_subject_and_less_than_a_thousand_lines() {
    let mut wrong = Vec::new();
    for (file, text) in rust_files() {
        let lines = text.lines().count();
        if lines >= 1000 {
            wrong.push(format!("{file}: {lines} lines; look for the seam"));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{file}: does not say its subject in a first line of `//!`"));
        }
    }
    none(wrong);
}

#[test]
fn files_have_names_from_the_domain() {
    let mut wrong = Vec::new();
    // dbt's own word for the names that every template sees.
    let allowed = ["src/manifest/context/base.rs"];
    for (file, _) in rust_files().into_iter().filter(|(file, _)| !allowed.contains(&file.as_str())) {
        for part in file.trim_end_matches(".rs").split('/') {
            if ["utils", "util", "common", "helpers", "helper", "manager", "base"].contains(&part) {
                wrong.push(format!("{file}: `{part}` says nothing; name what is in it"));
            }
        }
    }
    none(wrong);
}

#[test]
fn there_is_one_copy_of_arrow_and_of_what_stands_on_it() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let package = Regex::new(r#"(?m)^name = "([^"]+)"\nversion = "([^"]+)"(?:\nsource = "([^"]+)")?"#).unwrap();
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut wrong = Vec::new();
    for found in package.captures_iter(&lock) {
        let (name, version) = (found[1].to_owned(), found[2].to_owned());
        let watched = ["arrow", "parquet", "datafusion", "sqlparser", "deltalake", "object_store"];
        let watched = watched.iter().any(|start| name == *start || name.starts_with(&format!("{start}-")));
        if let Some((_, other)) = seen.iter().find(|(other, _)| watched && *other == name) {
            wrong.push(format!("Cargo.lock: `{name}` {version} beside {other}"));
        }
        if let Some(source) = found.get(3).map(|source| source.as_str())
            && source != "registry+https://github.com/rust-lang/crates.io-index"
        {
            wrong.push(format!("Cargo.lock: `{name}` comes from {source}"));
        }
        seen.push((name, version));
    }
    assert!(seen.len() > 100, "the lock file was not understood");
    none(wrong);
}

#[test]
fn nothing_names_a_machine() {
    let place = Regex::new(concat!(r#"(^|[\s"'`(=:,])/("#, r"work|root|home|Users", r")/")).unwrap();
    let mut wrong = Vec::new();
    for (file, path) in files("") {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate() {
            if place.is_match(line) {
                wrong.push(format!("{file}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    none(wrong);
}

#[test]
fn uses_are_found_in_lists_and_in_paths() {
    let text =
        "use crate::{\n    names::{UniqueId, b},\n    run,\n};\n// crate::cli::x\nlet a = crate::event::Event;\n";
    let found: Vec<String> = uses(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(found, ["names", "run", "event"]);
}
