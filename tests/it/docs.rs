//! What the documentation promises: a page for each diagnostic and only for those that exist, and links that lead
//! somewhere.

use std::{collections::BTreeSet, fs, path::Path};

use regex::Regex;

use super::tidy::{files, none, root, rust_files};

/// The texts of the program without its tests.
fn program() -> Vec<String> {
    let is_program = |file: &str| file.starts_with("src/") && !file.ends_with("/tests.rs") && !file.contains("/tests/");
    let texts = rust_files().into_iter().filter(|(file, _)| is_program(file)).map(|(_, text)| text);
    texts.map(|text| text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()).collect()
}

/// The codes that a text gives to diagnostics: beside the constructor, or chosen first where a variable is passed.
fn codes(text: &str) -> Vec<String> {
    let direct = Regex::new(r#"(?:Diagnostic::(?:error|warning)|Code)\(\s*"([a-z0-9-]+)""#).unwrap();
    let chosen = Regex::new(r"let code = [^;]*;").unwrap();
    let passed = Regex::new(r#"\breport\(\s*"([a-z0-9-]+)""#).unwrap();
    let quoted = Regex::new(r#""([a-z0-9-]+)""#).unwrap();
    let mut found: Vec<String> = direct.captures_iter(text).map(|code| code[1].to_owned()).collect();
    for choice in chosen.find_iter(text).filter(|_| text.contains("Diagnostic::error(code,")) {
        found.extend(quoted.captures_iter(choice.as_str()).map(|code| code[1].to_owned()));
    }
    if text.contains("Diagnostic::error(code,") {
        found.extend(passed.captures_iter(text).map(|code| code[1].to_owned()));
    }
    found
}

/// The names of the pages of diagnostics.
fn pages() -> BTreeSet<String> {
    let pages = files("docs/errors").into_iter();
    let names = pages.filter_map(|(file, _)| Some(Path::new(&file).file_stem()?.to_str()?.to_owned()));
    names.filter(|name| name != "README").collect()
}

#[test]
fn each_code_of_a_diagnostic_has_a_page() {
    let pages = pages();
    let codes: BTreeSet<String> = program().iter().flat_map(|text| codes(text)).collect();
    assert!(codes.len() > 80, "the codes were not found");
    none(codes.difference(&pages).map(|code| format!("docs/errors/{code}.md is missing")).collect());
}

#[test]
fn each_page_is_of_a_code_and_is_listed() {
    let program = program();
    let list = fs::read_to_string(root().join("docs/errors/README.md")).unwrap();
    let mut wrong = Vec::new();
    for code in pages() {
        let text = fs::read_to_string(root().join(format!("docs/errors/{code}.md"))).unwrap();
        if !text.starts_with(&format!("# {code}\n")) {
            wrong.push(format!("docs/errors/{code}.md does not start with its code"));
        }
        if !program.iter().any(|text| text.contains(&format!("\"{code}\""))) {
            wrong.push(format!("docs/errors/{code}.md: no diagnostic has this code"));
        }
        if !list.contains(&format!("({code}.md)")) {
            wrong.push(format!("docs/errors/README.md does not list {code}"));
        }
    }
    none(wrong);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)").unwrap();
    let mut wrong = Vec::new();
    let documents = files("docs")
        .into_iter()
        .chain(["README.md", "CONTRIBUTING.md"].into_iter().map(|name| (name.to_owned(), root().join(name))));
    for (file, path) in documents.filter(|(file, _)| file.ends_with(".md")) {
        let text = fs::read_to_string(&path).unwrap();
        // Code is no link: `[a](b)` may be SQL or Jinja there.
        let prose: Vec<&str> = text.split("```").step_by(2).collect();
        for found in prose.iter().flat_map(|prose| link.captures_iter(prose)) {
            if !path.with_file_name("").join(&found[1]).exists() {
                wrong.push(format!("{file}: {} does not exist", &found[1]));
            }
        }
    }
    none(wrong);
}

#[test]
fn codes_are_found_beside_constructors_and_where_they_are_chosen() {
    for (text, expected) in [
        ("Diagnostic::error(\n    \"cycle\", x)", vec!["cycle"]),
        ("warning.code = Code(\"lost\");", vec!["lost"]),
        ("let code = match x { A => \"one\", B => \"two\" }; Diagnostic::error(code, y)", vec!["one", "two"]),
        ("let word = match x { A => \"one\" }; Diagnostic::error(code, y)", vec![]),
    ] {
        assert_eq!(codes(text), expected, "{text}");
    }
}

#[test]
fn each_flag_and_command_is_documented() {
    let spec = fs::read_to_string(root().join("src/cli/flags/spec.rs")).unwrap();
    let page = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let word = |start: &str| Regex::new(&format!(r#"\b{start}\(\s*"([a-z-]+)""#)).unwrap();
    let mut wrong = Vec::new();
    for (pattern, before) in [(word("spec"), "`--"), (word("command"), "| `")] {
        let found: BTreeSet<&str> =
            pattern.captures_iter(&spec).filter_map(|name| name.get(1)).map(|name| name.as_str()).collect();
        assert!(!found.is_empty(), "nothing was found after {before}");
        let is_missing = |name: &&str| !page.contains(&format!("{before}{name}"));
        wrong.extend(found.into_iter().filter(is_missing).map(|name| format!("docs/cli.md does not tell of {name}")));
    }
    none(wrong);
}
