//! `semantic_manifest.json`: the semantic layer alone, in the form of its interface.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::{ArtifactError, node_dict, write::write_json};
use crate::{
    manifest::{Manifest, Node, NodeKind},
    names::ResourceType,
};

/// Writes `semantic_manifest.json`.
///
/// # Errors
/// As [`write_manifest`](super::write_manifest).
pub fn write_semantic_manifest(path: &Path, manifest: &Manifest) -> Result<(), ArtifactError> {
    let of = |kind: ResourceType, make: fn(&Json) -> Json| -> Vec<Json> {
        let nodes = manifest.nodes.values().filter(|node| node.resource_type == kind);
        nodes.map(|node| make(&node_dict(node))).collect()
    };
    let spines: Vec<Json> = manifest.nodes.values().filter_map(time_spine).collect();
    let whole = json!({
        "semantic_models": of(ResourceType::SemanticModel, semantic_model),
        "metrics": of(ResourceType::Metric, metric),
        "project_configuration": {
            "time_spine_table_configurations": [],
            "metadata": null,
            "dsi_package_version": {"major_version": "0", "minor_version": "9", "patch_version": "0"},
            "time_spines": spines,
        },
        "saved_queries": of(ResourceType::SavedQuery, saved_query),
    });
    write_json(path, &whole)
}

/// These keys of an object; null for those that it lacks.
fn pick(object: &Json, keys: &[&str]) -> Map<String, Json> {
    keys.iter().map(|key| ((*key).to_owned(), object.get(key).cloned().unwrap_or(Json::Null))).collect()
}

fn config(object: &Json) -> Json {
    json!({"meta": object.pointer("/config/meta").cloned().unwrap_or_else(|| json!({}))})
}

fn semantic_model(dict: &Json) -> Json {
    let mut model = pick(
        dict,
        &[
            "name",
            "defaults",
            "description",
            "node_relation",
            "primary_entity",
            "entities",
            "measures",
            "dimensions",
            "label",
            "metadata",
        ],
    );
    for section in ["entities", "measures", "dimensions"] {
        for item in model.get_mut(section).and_then(Json::as_array_mut).into_iter().flatten() {
            if let Some(fields) = item.as_object_mut() {
                fields.entry("metadata").or_insert(Json::Null);
            }
        }
    }
    model.insert("config".to_owned(), config(dict));
    Json::Object(model)
}

fn metric(dict: &Json) -> Json {
    let keys = ["name", "description", "type", "type_params", "filter", "metadata", "label", "time_granularity"];
    let mut metric = pick(dict, &keys);
    // A metric without `type_params` in its YAML has fields that the older form lacks.
    if dict.pointer("/type_params/is_private").is_some() {
        metric.insert("datatype".to_owned(), Json::Null);
    } else if let Some(params) = metric.get_mut("type_params").and_then(Json::as_object_mut) {
        params.remove("metric_aggregation_params");
        if let Some(cumulative) = params.get_mut("cumulative_type_params").and_then(Json::as_object_mut) {
            cumulative.remove("metric");
        }
    }
    metric.insert("config".to_owned(), config(dict));
    Json::Object(metric)
}

fn saved_query(dict: &Json) -> Json {
    let mut query = pick(dict, &["name", "query_params", "description", "metadata", "label", "exports", "tags"]);
    for export in query.get_mut("exports").and_then(Json::as_array_mut).into_iter().flatten() {
        if let Some(fields) = export.as_object_mut() {
            fields.remove("unrendered_config");
            if let Some(config) = fields.get_mut("config").and_then(Json::as_object_mut) {
                config.remove("database");
            }
        }
    }
    Json::Object(query)
}

/// The time spine that a model declares.
fn time_spine(node: &Node) -> Option<Json> {
    let NodeKind::Model(fields) = &node.kind else { return None };
    let spine = fields.time_spine.as_ref().filter(|spine| !spine.is_none())?;
    let column = spine.get("standard_granularity_column")?.to_str();
    let granularity = node.columns.get(&column).and_then(|column| column.granularity.clone());
    let custom = spine.get("custom_granularities").map(|custom| custom.to_json()).unwrap_or_else(|| json!([]));
    Some(json!({
        "node_relation": {
            "alias": node.alias,
            "schema_name": node.schema,
            "database": node.database,
            "relation_name": node.relation_name,
        },
        "primary_column": {"name": column, "time_granularity": granularity},
        "custom_granularities": custom,
    }))
}
