//! Whether a model still keeps the contract that it had, and what of it was broken.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value as Json};

use crate::{
    artifacts::{StateNode, contract_of, node_dict},
    manifest::{Node, NodeKind},
};

/// What became of a contract.
pub(super) enum Change {
    None,
    /// Something was added.
    Compatible,
    /// What others may rely on is gone: one sentence each.
    Breaking(Vec<String>),
}

pub(super) fn was_enforced(old: &StateNode) -> bool {
    old.contract.get("enforced") == Some(&Json::Bool(true))
}

/// Whether a model is past its deprecation date, so that removing it breaks nothing.
pub(super) fn is_retired(old: &StateNode, now: DateTime<Utc>) -> bool {
    let date = old.rest.get("deprecation_date").and_then(Json::as_str).unwrap_or_default();
    let zoned = DateTime::parse_from_rfc3339(date).map(|date| date.with_timezone(&Utc)).ok();
    let parsed =
        zoned.or_else(|| NaiveDateTime::parse_from_str(date, "%Y-%m-%dT%H:%M:%S").ok().map(|date| date.and_utc()));
    parsed.is_some_and(|date| date < now)
}

/// Compares the contract of a model with the one it had.
pub(super) fn change(node: &Node, old: &StateNode) -> Change {
    let NodeKind::Model(_) = node.kind else { return Change::None };
    let now = contract_of(node);
    match (was_enforced(old), now.enforced) {
        (false, false) => return Change::None,
        (false, true) => return Change::Compatible,
        (true, true) if now.checksum.as_deref() == old.contract.get("checksum").and_then(Json::as_str) => {
            return Change::None;
        }
        (true, _) => {}
    }
    let mut broken = Vec::new();
    if !now.enforced {
        broken.push("The contract is no longer enforced.".to_owned());
    }
    let dict = node_dict(node);
    let columns = dict.get("columns").and_then(Json::as_object);
    let enforced_before = enforces_constraints(old.config.get("materialized"));
    broken.extend(columns_changed(columns.unwrap_or(&Map::new()), old, enforced_before));
    if enforced_before {
        for gone in gone(constraints(old.rest.get("constraints")), constraints(dict.get("constraints"))) {
            let columns = gone.get("columns").map(Json::to_string).unwrap_or_default();
            broken.push(format!("An enforced constraint was removed: '{}' on columns {columns}.", name_of(gone)));
        }
    }
    let has_constraints = !constraints(old.rest.get("constraints")).is_empty()
        || old.columns.values().any(|column| !constraints(column.get("constraints")).is_empty());
    let materialized = node.config.materialized();
    if enforced_before && has_constraints && !enforces_constraints(Some(&materialized.into())) {
        let before = old.config.get("materialized").and_then(Json::as_str).unwrap_or_default();
        broken.push(format!(
            "The materialization changed from {before} to {materialized}, which does not enforce constraints."
        ));
    }
    if broken.is_empty() { Change::Compatible } else { Change::Breaking(broken) }
}

fn columns_changed(columns: &Map<String, Json>, old: &StateNode, enforced_before: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let mut names: Vec<&String> = old.columns.keys().collect();
    names.sort();
    for name in names {
        let before = old.columns.get(name);
        let Some(now) = columns.get(name) else {
            broken.push(format!("The column '{name}' was removed."));
            continue;
        };
        let data_type = |column: Option<&Json>| {
            column.and_then(|column| column.get("data_type")).and_then(Json::as_str).map(str::to_owned)
        };
        let (was, is) = (data_type(before), data_type(Some(now)));
        if was.as_deref().map(base_type) != is.as_deref().map(base_type) {
            let shown = |data_type: Option<String>| data_type.unwrap_or_else(|| "none".to_owned());
            broken.push(format!("The type of column '{name}' changed from {} to {}.", shown(was), shown(is)));
        }
        let own = |column: Option<&Json>| column.and_then(|column| column.get("constraints")).cloned();
        if enforced_before {
            let (was, is) = (own(before), own(Some(now)));
            for gone in gone(constraints(was.as_ref()), constraints(is.as_ref())) {
                broken.push(format!("An enforced constraint was removed: '{}' on column '{name}'.", name_of(gone)));
            }
        }
    }
    broken
}

/// `Varchar(10)` → `varchar`: a size is no part of the contract.
fn base_type(data_type: &str) -> String {
    data_type.split('(').next().unwrap_or_default().trim().to_lowercase()
}

fn enforces_constraints(materialized: Option<&Json>) -> bool {
    matches!(materialized.and_then(Json::as_str), Some("table" | "incremental"))
}

fn constraints(json: Option<&Json>) -> &[Json] {
    json.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Constraints of before that the warehouse enforced and that are not there now.
fn gone<'a>(before: &'a [Json], now: &[Json]) -> Vec<&'a Json> {
    let enforced = |found: &Json| matches!(found.get("type").and_then(Json::as_str), Some("not_null" | "check"));
    let same = |one: &Json, other: &Json| {
        ["type", "name", "expression", "columns"].into_iter().all(|key| {
            let field = |json: &Json| json.get(key).filter(|value| !value.is_null()).cloned();
            field(one) == field(other)
        })
    };
    before.iter().filter(|found| enforced(found) && !now.iter().any(|other| same(found, other))).collect()
}

fn name_of(constraint: &Json) -> String {
    let text = |key: &str| constraint.get(key).and_then(Json::as_str);
    text("name").or_else(|| text("type")).unwrap_or_default().to_owned()
}
