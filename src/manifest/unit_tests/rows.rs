//! The rows of a fixture: inline, in a fixture file or in a seed's file; as a list of dicts, CSV or SQL.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    project::{
        Package, Project,
        properties::RawRows,
        yaml::{Data, Yaml},
    },
};

use super::super::{
    node::Node,
    render::Renderer,
    unit_test_node::{Cell, RowFormat, RowSet, UnitRows},
};

/// Where rows may be found.
pub struct Sources<'a> {
    pub project: &'a Project,
    pub package: &'a Arc<Package>,
    pub renderer: &'a Renderer<'a>,
    /// The input, when it is a seed.
    pub seed: Option<&'a Node>,
}

/// Reads the rows of a unit test; what does not fit its format is reported and `None`.
pub fn read(raw: &RawRows, test: &str, sources: &Sources<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<UnitRows> {
    let format = match raw.format.as_ref().map(|format| format.text.as_str()) {
        None | Some("dict") => RowFormat::Dict,
        Some("csv") => RowFormat::Csv,
        Some("sql") => RowFormat::Sql,
        Some(other) => {
            let span = raw.format.as_ref().map_or(raw.span, |format| format.span);
            let message = format!("unit test `{test}` has rows of format `{other}`");
            diagnostics.push(Diagnostic::error("unit-test", message).at(span, "expected `dict`, `csv` or `sql`"));
            return None;
        }
    };
    let rows = match format {
        RowFormat::Dict if raw.is_seed() => match sources.seed_text() {
            Some((text, delimiter)) => RowSet::Rows(csv_rows(text, delimiter, Empty::Kept)),
            None => RowSet::Rows(Vec::new()),
        },
        RowFormat::Dict => RowSet::Rows(dict_rows(raw, test, sources, diagnostics)?),
        RowFormat::Csv => RowSet::Rows(csv_rows(&text(raw, test, format, sources, diagnostics)?, b',', Empty::Null)),
        RowFormat::Sql => RowSet::Sql(text(raw, test, format, sources, diagnostics)?),
    };
    let fixture = raw.fixture.as_ref().map(|fixture| fixture.text.clone());
    Some(UnitRows { format, fixture, rows, span: raw.rows.as_ref().map_or(raw.span, |yaml| yaml.span) })
}

impl Sources<'_> {
    fn seed_text(&self) -> Option<(&str, u8)> {
        let seed = self.seed?;
        let package = self.project.packages.get(&seed.package_name)?;
        let file = package.seeds.iter().find(|file| file.original_file_path == seed.original_file_path)?;
        let delimiter = seed.config.text("delimiter").and_then(|text| text.bytes().next()).unwrap_or(b',');
        Some((file.text.as_deref()?, delimiter))
    }
}

/// The text of CSV or SQL rows: inline or of a fixture file.
fn text(
    raw: &RawRows,
    test: &str,
    format: RowFormat,
    sources: &Sources<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<String> {
    if let Some(fixture) = &raw.fixture {
        let fixtures = &sources.package.fixtures;
        let ending = format!(".{}", format.as_str());
        let named = fixtures.iter().filter(|file| file.name == fixture.text);
        if let Some(file) =
            named.clone().find(|file| file.path.to_lowercase().ends_with(&ending)).or(named.clone().next())
        {
            return Some(file.text.to_string());
        }
        let message = format!("unit test `{test}` takes rows from fixture `{}`, which does not exist", fixture.text);
        let label = format!("no file `fixtures/{}{ending}` below the test paths", fixture.text);
        let diagnostic = Diagnostic::error("unit-test", message).at(fixture.span, label);
        diagnostics.push(match nearest(&fixture.text, fixtures.iter().map(|file| file.name.as_str())) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        });
        return None;
    }
    let given = raw.rows.as_ref();
    if let Some(yaml) = given.filter(|yaml| yaml.as_str().is_some()) {
        return Some(sources.renderer.native(&sources.package.name, yaml, diagnostics).to_str());
    }
    diagnostics.push(mismatch(test, format, given, raw.span));
    None
}

fn mismatch(test: &str, format: RowFormat, given: Option<&Yaml>, span: Span) -> Diagnostic {
    let expected = match format {
        RowFormat::Dict => "a list of mappings",
        RowFormat::Csv | RowFormat::Sql => "a text, or `fixture:`",
    };
    let found = given.map_or("nothing", Yaml::kind);
    let message = format!("unit test `{test}` has rows that do not match format `{}`", format.as_str());
    let label = format!("expected {expected}, found {found}");
    let diagnostic = Diagnostic::error("unit-test", message).at(given.map_or(span, |yaml| yaml.span), label);
    match given.map(|yaml| &yaml.data) {
        Some(Data::Str(_)) => diagnostic.help("add `format: csv` or `format: sql`"),
        _ => diagnostic,
    }
}

fn dict_rows(
    raw: &RawRows,
    test: &str,
    sources: &Sources<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Vec<IndexMap<String, Cell>>> {
    let items = raw.rows.as_ref().and_then(Yaml::as_list);
    let Some(items) = items else {
        diagnostics.push(mismatch(test, RowFormat::Dict, raw.rows.as_ref(), raw.span));
        return None;
    };
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let Some(map) = item.as_map() else {
            let message = format!("unit test `{test}` has a row that is no mapping");
            let label = format!("expected `{{column: value}}`, found {}", item.kind());
            diagnostics.push(Diagnostic::error("unit-test", message).at(item.span, label));
            return None;
        };
        let mut row = IndexMap::with_capacity(map.len());
        for entry in map.iter() {
            let value = plain(&sources.renderer.native(&sources.package.name, &entry.value, diagnostics));
            row.insert(entry.key.to_value().to_str(), Cell { value, span: Some(entry.key.span) });
        }
        rows.push(row);
    }
    Some(rows)
}

/// Dates and times as text, in lists and dicts too.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(_) => value.to_str().into(),
        Value::List(_) | Value::Tuple(_) => Value::list(value.items().unwrap_or_default().iter().map(plain)),
        Value::Dict(_) => {
            Value::dict(value.pairs().unwrap_or_default().into_iter().map(|(key, item)| (key, plain(&item))))
        }
        other => other.clone(),
    }
}

/// What an empty field of CSV is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Empty {
    Null,
    Kept,
}

fn csv_rows(text: &str, delimiter: u8, empty: Empty) -> Vec<IndexMap<String, Cell>> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok);
    let Some(header) = records.next() else { return Vec::new() };
    records
        .map(|record| {
            let cells = header.iter().enumerate().map(|(at, name)| {
                let value = match record.get(at) {
                    Some("") if empty == Empty::Null => Value::None,
                    Some(field) => field.into(),
                    None => Value::None,
                };
                (name.to_owned(), Cell { value, span: None })
            });
            cells.collect()
        })
        .collect()
}
