//! Columns and constraints as properties declare them.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::Value,
    project::{
        properties::RawColumn,
        yaml::{Map, Yaml},
    },
};

use super::{
    merge::{deep_copy, listify},
    node::ColumnInfo,
    render::Renderer,
};

/// The columns of a properties entry by name. Of a name that stands twice the later entry counts, as in dbt.
pub fn columns<'a>(
    raw: impl IntoIterator<Item = &'a RawColumn>,
    renderer: &Renderer<'_>,
    package: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> IndexMap<String, ColumnInfo> {
    let mut columns: IndexMap<String, ColumnInfo> = IndexMap::new();
    for raw in raw {
        if let Some(first) = columns.get(&raw.name.text) {
            let message = format!("column `{}` is described twice; the later entry counts", raw.name.text);
            let mut diagnostic =
                Diagnostic::warning("duplicate-column", message).at(raw.name.span, "described again here");
            if let Some(span) = first.span {
                diagnostic = diagnostic.at(span, "first described here");
            }
            diagnostics.push(diagnostic.help("merge the two entries"));
        }
        columns.insert(raw.name.text.clone(), column(raw, renderer, package, diagnostics));
    }
    columns
}

fn column(raw: &RawColumn, renderer: &Renderer<'_>, package: &str, diagnostics: &mut Vec<Diagnostic>) -> ColumnInfo {
    let native = |yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>| renderer.native(package, yaml, diagnostics);
    let mut tags = Vec::new();
    let mut meta = IndexMap::new();
    let from_config = |key: &str| raw.config.as_ref().and_then(|config| config.get(key));
    for yaml in [raw.tags.as_ref(), from_config("tags")].into_iter().flatten() {
        super::settings::add_tags(&mut tags, &native(yaml, diagnostics));
    }
    for yaml in [raw.meta.as_ref(), from_config("meta")].into_iter().flatten() {
        meta.extend(pairs(&native(yaml, diagnostics)));
    }
    let text = |value: Value| (!value.is_none()).then(|| value.to_str());
    let data_type = raw.data_type.as_ref().map(|yaml| native(yaml, diagnostics)).and_then(text);
    let granularity = raw.granularity.as_ref().map(|yaml| native(yaml, diagnostics)).and_then(text);
    let quote = raw.quote.as_ref().map(|yaml| native(yaml, diagnostics)).and_then(|value| match value {
        Value::Bool(quote) => Some(quote),
        _ => None,
    });
    let constraints = constraints(raw.constraints.as_ref(), Level::Column, renderer, package, diagnostics);
    let (description, doc_blocks) = renderer.description(package, raw.description.as_ref(), diagnostics);
    let mut extra = extra(&raw.extra, renderer, package, diagnostics);
    for (key, yaml) in [("entity", &raw.entity), ("dimension", &raw.dimension)] {
        let Some(yaml) = yaml else { continue };
        let written = native(yaml, diagnostics);
        extra.insert(key.to_owned(), meaning(key, &written, &raw.name.text, &description));
    }
    ColumnInfo {
        name: raw.name.text.clone(),
        description,
        data_type,
        quote,
        constraints,
        tags,
        meta,
        granularity,
        doc_blocks,
        extra,
        span: Some(raw.span),
    }
}

/// An `entity` or `dimension` of a column with all of dbt's fields. A text is its type alone.
fn meaning(key: &str, written: &Value, column: &str, description: &str) -> Value {
    if written.pairs().is_none() {
        return written.clone();
    }
    let of = |name: &'static str, default: Value| match written.get(name).filter(|value| !value.is_none()) {
        Some(value) => (name, deep_copy(&value)),
        None => (name, default),
    };
    let mut fields = vec![
        of("name", column.into()),
        of("type", Value::None),
        of("description", description.into()),
        of("label", Value::None),
        of("config", Value::dict::<Value>([])),
    ];
    if key == "dimension" {
        fields.push(of("is_partition", Value::Bool(false)));
        fields.push(("validity_params", validity(written)));
    }
    Value::dict(fields)
}

/// Whether a time dimension starts or ends the validity of a row.
pub fn validity(dimension: &Value) -> Value {
    let Some(given) = dimension.get("validity_params").filter(|given| !given.is_none()) else { return Value::None };
    Value::dict(["is_start", "is_end"].map(|key| (key, given.get(key).unwrap_or(Value::Bool(false)))))
}

/// Keys that dbt does not know, rendered.
pub fn extra(
    map: &Map,
    renderer: &Renderer<'_>,
    package: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> IndexMap<String, Value> {
    let keyed = map.iter().filter_map(|entry| entry.key.as_str().map(|key| (key, &entry.value)));
    keyed.map(|(key, yaml)| (key.to_owned(), renderer.native(package, yaml, diagnostics))).collect()
}

/// Whether constraints are declared on a model, where they name their columns, or on a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Model,
    Column,
}

/// A list of constraints, each with all of dbt's fields.
pub fn constraints(
    yaml: Option<&Yaml>,
    level: Level,
    renderer: &Renderer<'_>,
    package: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Value> {
    let Some(yaml) = yaml else { return Vec::new() };
    let items = listify(&renderer.native(package, yaml, diagnostics));
    items.iter().filter_map(|item| constraint(item, level, yaml.span, diagnostics)).collect()
}

const CONSTRAINTS: [&str; 6] = ["check", "not_null", "unique", "primary_key", "foreign_key", "custom"];

fn constraint(item: &Value, level: Level, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Option<Value> {
    let kind = item.get("type").map(|kind| kind.to_str()).unwrap_or_default();
    if !CONSTRAINTS.contains(&kind.as_str()) {
        let found = if kind.is_empty() { "no `type`".to_owned() } else { format!("`{kind}`") };
        diagnostics.push(
            Diagnostic::error(
                "constraint-type",
                format!("a constraint has {found}, expected one of {}", CONSTRAINTS.join(", ")),
            )
            .at(span, "in these constraints"),
        );
        return None;
    }
    let field = |name: &str, default: Value| match item.get(name) {
        Some(value) => (name.to_owned(), deep_copy(&value)),
        None => (name.to_owned(), default),
    };
    let mut fields = vec![
        field("type", Value::None),
        field("name", Value::None),
        field("expression", Value::None),
        field("warn_unenforced", Value::Bool(true)),
        field("warn_unsupported", Value::Bool(true)),
        field("to", Value::None),
        field("to_columns", Value::list([])),
    ];
    if level == Level::Model {
        fields.push(field("columns", Value::list([])));
    }
    Some(Value::dict(fields))
}

/// The pairs of a dict by their keys as text.
pub fn pairs(value: &Value) -> IndexMap<String, Value> {
    value.pairs().unwrap_or_default().into_iter().map(|(key, item)| (key.to_str(), item)).collect()
}
