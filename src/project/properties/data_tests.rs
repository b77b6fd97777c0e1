//! Entries of `data_tests`: dbt's three forms, taken apart.

use crate::diagnostic::Diagnostic;

use super::super::{
    read::{Reader, key_name, scalar_text},
    yaml::{Data, Map, Yaml},
};
use super::{
    RawTest, Spanned,
    read::{entry_span, spanned},
};

/// Config keys that may stand beside a test's arguments.
const INLINE_CONFIG: [&str; 14] = [
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "meta",
    "database",
    "schema",
    "alias",
];

/// The tests of an entry, under `data_tests` or its old name `tests`.
pub(super) fn read_tests(reader: &mut Reader<'_, '_>) -> Vec<RawTest> {
    let (new, old) = (reader.map.entry("data_tests"), reader.map.entry("tests"));
    if let (Some(new), Some(old)) = (new, old) {
        let message = format!("{} has both `data_tests` and `tests`", reader.subject);
        let error = Diagnostic::error("tests-twice", message);
        reader
            .out
            .push(error.at(new.key.span, "").at(old.key.span, "the old name").help("merge them under `data_tests`"));
    }
    let key = if new.is_some() { "data_tests" } else { "tests" };
    let items = reader.list(key).unwrap_or_default();
    let subject = reader.subject.clone();
    items.iter().filter_map(|item| read_test(item, &subject, reader.out)).collect()
}

fn read_test(item: &Yaml, subject: &str, out: &mut Vec<Diagnostic>) -> Option<RawTest> {
    let wrong = |out: &mut Vec<Diagnostic>, message: String| {
        let error = Diagnostic::error("test-form", message).at(item.span, "");
        out.push(error.help("write `- unique`, or `- accepted_values:` with `arguments:` below it"));
        None
    };
    let map = match &item.data {
        Data::Str(name) => {
            let test = Spanned { text: name.to_string(), span: item.span };
            return Some(test_of(test, item, &Map::default()));
        }
        Data::Map(map) => map,
        _ => return wrong(out, format!("a test of {subject} must be a name or a mapping, found {}", item.kind())),
    };
    if let Some(name) = map.get("test_name") {
        return match spanned(name) {
            Some(test) => {
                let rest =
                    Map { entries: map.iter().filter(|entry| *key_name(entry) != *"test_name").cloned().collect() };
                check(&test, &rest, subject, out);
                Some(test_of(test, item, &rest))
            }
            None => wrong(out, format!("`test_name` of a test of {subject} must be a text")),
        };
    }
    let [entry] = map.entries.as_slice() else {
        return wrong(
            out,
            format!("a test of {subject} must be a mapping with one key, the test's name; found {} keys", map.len()),
        );
    };
    let test = Spanned { text: key_name(entry).to_string(), span: entry.key.span };
    let empty = Map::default();
    let body = match &entry.value.data {
        Data::Map(body) => body,
        Data::Null => &empty,
        _ => {
            let message = format!(
                "test `{}` of {subject} must have a mapping of arguments, found {}",
                test.text,
                entry.value.kind()
            );
            out.push(Diagnostic::error("test-form", message).at(entry_span(entry), ""));
            return None;
        }
    };
    check(&test, body, subject, out);
    Some(test_of(test, item, body))
}

fn check(test: &Spanned, body: &Map, subject: &str, out: &mut Vec<Diagnostic>) {
    let nested = body.get("arguments").and_then(Yaml::as_map);
    for key in ["model"] {
        if let Some(entry) = body.entry(key).or_else(|| nested.and_then(|nested| nested.entry(key))) {
            let message = format!(
                "test arguments include \"model\", which is a reserved argument: test `{}` of {subject}",
                test.text
            );
            out.push(Diagnostic::error("test-argument", message).at(entry.key.span, ""));
        }
    }
    for key in ["config", "arguments"] {
        if let Some(value) = body.get(key).filter(|value| !value.is_null() && value.as_map().is_none()) {
            let message =
                format!("`{key}` of test `{}` of {subject} must be a mapping, found {}", test.text, value.kind());
            out.push(Diagnostic::error("wrong-type", message).at(value.span, "expected a mapping"));
        }
    }
    let config = body.get("config").and_then(Yaml::as_map);
    for entry in body.iter() {
        let name = key_name(entry);
        let other = config.and_then(|config| config.entry(&name));
        if let Some(other) = other.filter(|_| INLINE_CONFIG.contains(&&*name)) {
            let message = format!("test `{}` of {subject} has `{name}` both at the top and in `config`", test.text);
            let error = Diagnostic::error("test-config-twice", message);
            out.push(error.at(entry.key.span, "").at(other.key.span, "also here"));
        }
    }
}

/// The test of an entry. What stands under `arguments` counts as if it stood beside it, so a `config` there is one too.
fn test_of(test: Spanned, item: &Yaml, body: &Map) -> RawTest {
    let mut body = body.clone();
    if let Some(nested) = body.get("arguments").and_then(Yaml::as_map).cloned() {
        let (own, arguments): (Vec<_>, Vec<_>) = nested.entries.into_iter().partition(|entry| {
            let name = key_name(entry);
            matches!(&*name, "name" | "description" | "config") || INLINE_CONFIG.contains(&&*name)
        });
        if !own.is_empty() {
            body.entries.retain(|entry| !own.iter().any(|other| key_name(other) == key_name(entry)));
            body.entries.extend(own);
            if let Some(entry) = body.entries.iter_mut().find(|entry| *key_name(entry) == *"arguments") {
                entry.value.data = Data::Map(Map { entries: arguments });
            }
        }
    }
    let mut found = RawTest {
        span: item.span,
        test,
        name: body.get("name").and_then(|name| Some(Spanned { text: scalar_text(name)?, span: name.span })),
        description: body.get("description").cloned(),
        config: body.get("config").and_then(Yaml::as_map).cloned(),
        inline_config: Map::default(),
        arguments: body.get("arguments").and_then(Yaml::as_map).cloned(),
        inline_arguments: Map::default(),
    };
    for entry in body.iter() {
        let name = key_name(entry);
        match &*name {
            "name" | "description" | "config" => {}
            // A test may have a parameter of this name; then it is no mapping.
            "arguments" if found.arguments.is_some() || entry.value.is_null() => {}
            key if INLINE_CONFIG.contains(&key) => found.inline_config.entries.push(entry.clone()),
            _ => found.inline_arguments.entries.push(entry.clone()),
        }
    }
    found
}
