//! `deps --add-package`: one more entry in packages.yml, with everything else in the file left as it is written.

use crate::{diagnostic::Span, project::yaml};

/// A package to add: its name or address, a version or revision, and which kind it is.
#[derive(Debug, Clone)]
pub struct Addition {
    pub name: String,
    pub version: Option<String>,
    /// `hub`, `git` or `local`.
    pub source: String,
}

/// The text with the entry added, and the names of the entries that it replaces.
///
/// # Errors
/// Where the text is not YAML, or `packages` is not a list in block style.
pub fn add(text: &str, addition: &Addition) -> Result<(String, Vec<String>), String> {
    let parsed = yaml::parse_value(text).map_err(|error| error.message.clone())?;
    let packages = match parsed.as_map() {
        Some(map) => map.entry("packages"),
        None if parsed.is_null() => None,
        None => return Err("it is not a mapping".to_owned()),
    };
    let Some(packages) = packages else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Ok((format!("{text}{gap}packages:\n{}", entry(addition, "  ")), Vec::new()));
    };
    let items = packages.value.as_list().unwrap_or_default();
    let (Some(first), Some(last)) = (items.first(), items.last()) else {
        let (before, after) = around(text, packages.key.span, packages.value.span);
        let after = after.trim_start_matches([' ', ']', '[']);
        let rest = after.strip_prefix('\n').unwrap_or(after);
        return Ok((format!("{before}packages:\n{}{rest}", entry(addition, "  ")), Vec::new()));
    };
    let line_start = |at: u32| text.get(..at as usize).map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
    let indent = text.get(line_start(first.span.start)..first.span.start as usize).unwrap_or_default();
    let Some(indent) = indent.strip_suffix("- ").or_else(|| indent.trim_end().strip_suffix('-')) else {
        return Err("write `packages` as a list with one `-` a line".to_owned());
    };
    if !indent.trim().is_empty() {
        return Err("write `packages` as a list with one `-` a line".to_owned());
    }
    let line_end = |at: u32| {
        let at = at as usize;
        text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |found| at + found + 1)
    };
    let end = line_end(last.span.end.saturating_sub(1).max(last.span.start));
    let mut removed = Vec::new();
    let mut result = String::new();
    let mut from = 0;
    for item in items {
        let identifier = ["package", "git", "local", "tarball", "private"]
            .iter()
            .find_map(|key| item.as_map().and_then(|map| map.get(key)).and_then(|value| value.as_str()));
        if let Some(identifier) = identifier.filter(|identifier| means_the_same(identifier, &addition.name)) {
            removed.push(identifier.to_owned());
            let start = line_start(item.span.start);
            result.push_str(text.get(from..start).unwrap_or_default());
            from = line_end(item.span.end.saturating_sub(1).max(item.span.start));
        }
    }
    result.push_str(text.get(from..end).unwrap_or_default());
    if !result.ends_with('\n') {
        result.push('\n');
    }
    result.push_str(&entry(addition, indent));
    result.push_str(text.get(end..).unwrap_or_default());
    Ok((result, removed))
}

fn around(text: &str, key: Span, value: Span) -> (&str, &str) {
    (text.get(..key.start as usize).unwrap_or_default(), text.get(value.end as usize..).unwrap_or_default())
}

fn entry(addition: &Addition, indent: &str) -> String {
    let (key, version_key) = match addition.source.as_str() {
        "git" => ("git", "revision"),
        "local" => ("local", "version"),
        _ => ("package", "version"),
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut lines = format!("{indent}- {key}: {}\n", plain_or_quoted(&addition.name));
    match addition.version.as_deref().filter(|_| addition.source != "local") {
        Some(range) if range.contains(',') => {
            let parts: Vec<String> = range.split(',').map(|part| quoted(part.trim())).collect();
            lines.push_str(&format!("{indent}  {version_key}: [{}]\n", parts.join(", ")));
        }
        Some(version) => lines.push_str(&format!("{indent}  {version_key}: {}\n", quoted(version))),
        None => {}
    }
    lines
}

fn plain_or_quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:@".contains(c);
    let starts_plain = text.starts_with(|c: char| c.is_alphanumeric() || c == '.');
    let is_plain = starts_plain && text.chars().all(plain) && !text.ends_with(':');
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Whether an entry names the package: with `_` or `-`, with or without the owner, but not as a part of a longer word.
fn means_the_same(identifier: &str, name: &str) -> bool {
    let short = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".git");
    if short.trim_matches('.').is_empty() {
        return identifier == name;
    }
    let folded = identifier.replace('-', "_");
    let wanted = short.replace('-', "_");
    folded.match_indices(&wanted).any(|(at, _)| {
        let before = folded.get(..at).and_then(|text| text.chars().last());
        let after = folded.get(at + wanted.len()..).and_then(|text| text.chars().next());
        let boundary = |c: Option<char>| c.is_none_or(|c| c == '/' || c == '.');
        boundary(before) && boundary(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, version: Option<&str>, source: &str, expected: &str) {
        let addition = Addition { name: name.into(), version: version.map(str::to_owned), source: source.into() };
        let (text, _) = add(text, &addition).unwrap();
        assert_eq!(text, expected);
        assert!(yaml::parse_value(&text).is_ok());
    }

    #[test]
    fn an_entry_is_added_and_the_rest_of_the_file_stays_as_it_is() {
        check("", "a/b", Some("1.0.0"), "hub", "packages:\n  - package: a/b\n    version: \"1.0.0\"\n");
        check("packages: []\n", "a/b", Some("1.0"), "hub", "packages:\n  - package: a/b\n    version: \"1.0\"\n");
        check(
            "# ours\npackages:\n- local: ../x  # near\n",
            "a/b",
            Some(">=1.0.0,<2.0.0"),
            "hub",
            "# ours\npackages:\n- local: ../x  # near\n- package: a/b\n  version: [\">=1.0.0\", \"<2.0.0\"]\n",
        );
        check(
            "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.0.0\n  - local: x\n\nprojects: []\n",
            "https://github.com/dbt-labs/dbt-utils.git",
            Some("main"),
            "git",
            "packages:\n  - local: x\n  - git: https://github.com/dbt-labs/dbt-utils.git\n    revision: \"main\"\n\nprojects: []\n",
        );
        check(
            "packages:\n  - package: a/dbt_utils_more\n    version: 1.0.0",
            "dbt-labs/dbt_utils",
            Some("1.3.0"),
            "hub",
            "packages:\n  - package: a/dbt_utils_more\n    version: 1.0.0\n  - package: dbt-labs/dbt_utils\n    version: \"1.3.0\"\n",
        );
        check("packages:\n  - local: a\n", "../b", None, "local", "packages:\n  - local: a\n  - local: ../b\n");
    }

    #[test]
    fn a_list_in_one_line_is_not_guessed_at() {
        let addition = Addition { name: "a/b".into(), version: None, source: "hub".into() };
        assert!(add("packages: [{local: x}]\n", &addition).unwrap_err().contains("one `-` a line"));
    }
}
