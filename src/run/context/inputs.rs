//! The relation that a `ref` or `source` gives while running: deferral, external files, `--empty`, `--sample`, batches.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::{
    jinja::Value,
    manifest::{
        ColumnInfo, Node, Quoting, Source,
        context::{EventTimeFilter, RelationObject, Shared, arguments::text},
    },
    names::{Policy, Relation, ResourceType, UniqueId},
};

use indexmap::IndexMap;

/// From, until.
pub type Window = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Which rows of their inputs nodes see.
#[derive(Debug, Clone, Default)]
pub struct InputRows {
    /// `--empty`.
    pub empty: bool,
    /// `--sample`.
    pub sample: Option<Window>,
}

/// Relations of another environment for what this one does not have.
#[derive(Debug, Clone, Default)]
pub struct Defer {
    /// Prefer them for all nodes that are not selected.
    pub favor_state: bool,
    pub relations: HashMap<UniqueId, Relation>,
}

/// The window of a microbatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// `2024-01-01`: how people call it. Without dashes it is dbt's id of the batch.
    pub label: String,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

impl Batch {
    pub fn id(&self) -> String {
        self.label.replace('-', "")
    }
}

/// What stands for the inputs of a unit test: names of CTEs.
#[derive(Debug, Clone, Default)]
pub struct UnitInputs {
    /// Of the nodes and sources that have rows.
    pub nodes: HashMap<UniqueId, String>,
    /// Of the table that the model itself made before.
    pub this: Option<String>,
}

/// Whose rows are limited: models and snapshots.
pub(super) fn reads_rows_by_time(node: &Node) -> bool {
    matches!(node.resource_type, ResourceType::Model | ResourceType::Snapshot)
}

/// The filter on an input that has an `event_time`, for `reader`.
pub(super) fn event_time(
    reader: Option<&Node>,
    batch: Option<&Batch>,
    rows: &InputRows,
    column: Option<String>,
) -> Option<EventTimeFilter> {
    let field = column?;
    reader.filter(|reader| reads_rows_by_time(reader))?;
    let (mut start, mut end) = match batch {
        Some(batch) => (Some(batch.start), Some(batch.end)),
        None => (None, None),
    };
    if let Some((from, until)) = rows.sample {
        start = start.max(from);
        end = match (end, until) {
            (Some(end), Some(until)) => Some(end.min(until)),
            (end, until) => end.or(until),
        };
    }
    (start.is_some() || end.is_some()).then_some(EventTimeFilter { field, start, end })
}

/// The SQL of a node's or source's event time column.
pub(super) fn event_time_column(config: Option<&str>, columns: &IndexMap<String, ColumnInfo>) -> Option<String> {
    let name = config?;
    let quote = columns.get(name).and_then(|column| column.quote).unwrap_or(false);
    Some(if quote { format!("\"{name}\"") } else { name.to_owned() })
}

/// The relation of a source table: a name in the warehouse, or the SQL that reads a file.
pub fn source_relation(source: &Source, shared: &Shared) -> RelationObject {
    let relation = Relation {
        quote: source_quoting(source.quoting, shared.adapter_quoting),
        ..Relation::new(source.database.clone(), source.schema.clone(), source.identifier.clone())
    };
    let mut object = RelationObject::from(relation);
    let location = external_location(source).filter(|_| shared.reads_files);
    object.external = location.map(|location| external_sql(&location).into());
    object
}

fn source_quoting(quoting: Quoting, default: Policy) -> Policy {
    Policy {
        database: quoting.database.unwrap_or(default.database),
        schema: quoting.schema.unwrap_or(default.schema),
        identifier: quoting.identifier.unwrap_or(default.identifier),
    }
}

/// `external_location` of the table's config or meta, of the source's meta, or `external.location`; names filled in.
fn external_location(source: &Source) -> Option<String> {
    const KEY: &str = "external_location";
    let of_meta = |meta: Option<Value>| meta.and_then(|meta| meta.get(KEY));
    let found = source
        .config
        .get(KEY)
        .cloned()
        .filter(|value| !value.is_none())
        .or_else(|| source.meta.get(KEY).cloned())
        .or_else(|| of_meta(source.config.get("meta").cloned()))
        .or_else(|| source.source_meta.get(KEY).cloned())
        .or_else(|| source.external.as_ref().and_then(|external| external.get("location")))?;
    let location = text(&found)?;
    Some(
        location
            .replace("{name}", &source.name)
            .replace("{identifier}", &source.identifier)
            .replace("{schema}", &source.schema)
            .replace("{database}", &source.database)
            .replace("{source_name}", &source.source_name),
    )
}

/// A call is SQL already; a path is quoted.
fn external_sql(location: &str) -> String {
    if location.contains('(') || location.starts_with('\'') {
        return location.to_owned();
    }
    format!("'{}'", location.replace('\'', "''"))
}
