//! The entries of `unit_tests`: what is given, what is expected, what is overridden; nothing is rendered yet.

use crate::diagnostic::{Diagnostic, Span};

use super::{
    super::{
        read::Reader,
        yaml::{Map, Yaml},
    },
    Spanned,
    read::{Named, present, spanned},
};

const KEYS: [&str; 9] =
    ["name", "model", "description", "given", "expect", "overrides", "config", "versions", "enabled"];
const ROWS_KEYS: [&str; 4] = ["input", "rows", "format", "fixture"];
const UNKNOWN: &str = "CustomKeyInObjectDeprecation";

/// An entry of `unit_tests`.
#[derive(Debug, Clone)]
pub struct RawUnitTest {
    pub name: Spanned,
    pub span: Span,
    /// The tested model's name, a version after a space.
    pub model: Spanned,
    pub description: Option<Yaml>,
    pub given: Vec<RawInput>,
    pub expect: RawRows,
    /// A mapping of `macros`, `vars`, `env_vars`.
    pub overrides: Option<Yaml>,
    pub config: Option<Map>,
    /// A mapping of `include` or `exclude`.
    pub versions: Option<Yaml>,
}

/// One input of a unit test.
#[derive(Debug, Clone)]
pub struct RawInput {
    /// `ref('…')`, `source('…', '…')` or `this`.
    pub input: Spanned,
    pub rows: RawRows,
}

/// Rows in one of three formats, inline or in a file.
#[derive(Debug, Clone)]
pub struct RawRows {
    pub span: Span,
    /// `dict`, `csv` or `sql`.
    pub format: Option<Spanned>,
    pub rows: Option<Yaml>,
    pub fixture: Option<Spanned>,
}

impl RawRows {
    /// Whether the rows are those of a seed's file: none are given.
    pub fn is_seed(&self) -> bool {
        self.rows.is_none()
            && self.fixture.is_none()
            && self.format.as_ref().is_none_or(|format| format.text.eq_ignore_ascii_case("dict"))
    }
}

/// Reads an entry; one that misses what every unit test needs is reported and `None`.
pub(super) fn unit_test(entry: &Named<'_>, out: &mut Vec<Diagnostic>) -> Option<RawUnitTest> {
    let map = entry.map;
    let mut reader = entry.reader("unit test", out);
    reader.unknown_keys(&KEYS, UNKNOWN);
    let missing: Vec<&str> = ["model", "given", "expect"].into_iter().filter(|key| map.get(key).is_none()).collect();
    if let [first, ..] = missing.as_slice() {
        let keys: Vec<String> = missing.iter().map(|key| format!("`{key}`")).collect();
        let error = Diagnostic::error("missing-key", format!("{} has no {}", reader.subject, keys.join(", no ")));
        reader.out.push(error.at(entry.name.span, "").help(format!("add `{first}:`")));
        return None;
    }
    let model = reader.text("model")?;
    let model = Spanned { text: model, span: reader.given("model").map_or(entry.name.span, |yaml| yaml.span) };
    let mut given = Vec::new();
    for item in reader.list("given").unwrap_or_default() {
        given.extend(input(item, &entry.name.text, reader.out));
    }
    let expect = match (reader.mapping("expect"), reader.given("expect")) {
        (Some(map), Some(yaml)) => rows(map, yaml.span, &format!("`expect` of {}", reader.subject), reader.out),
        _ => return None,
    };
    Some(RawUnitTest {
        name: entry.name.clone(),
        span: entry.yaml.span,
        model,
        description: present(map, "description"),
        given,
        expect,
        overrides: reader.mapping("overrides").and_then(|_| present(map, "overrides")),
        config: reader.mapping("config").cloned(),
        versions: reader.mapping("versions").and_then(|_| present(map, "versions")),
    })
}

fn input(item: &Yaml, test: &str, out: &mut Vec<Diagnostic>) -> Option<RawInput> {
    let found = item.as_map().and_then(|map| Some((map, map.get("input").and_then(spanned)?)));
    let Some((map, input)) = found else {
        let message = format!("an input of unit test `{test}` must be a mapping with `input`");
        let error = Diagnostic::error("missing-key", message).at(item.span, "this entry of `given`");
        out.push(error.help("write `- input: ref('…')` with `rows:` below"));
        return None;
    };
    let subject = format!("input `{}` of unit test `{test}`", input.text);
    let rows = rows(map, item.span, &subject, out);
    Some(RawInput { input, rows })
}

fn rows(map: &Map, span: Span, subject: &str, out: &mut Vec<Diagnostic>) -> RawRows {
    let mut reader = Reader::new(map, span, subject, out);
    reader.unknown_keys(&ROWS_KEYS, UNKNOWN);
    let text = |key: &str| map.get(key).filter(|yaml| !yaml.is_null()).and_then(spanned);
    RawRows { span, format: text("format"), rows: present(map, "rows"), fixture: text("fixture") }
}
