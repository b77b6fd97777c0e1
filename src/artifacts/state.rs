//! A previous `manifest.json`, read tolerantly: what state comparison and deferral need, whoever wrote it.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Map, Value as JsonValue};

use super::ArtifactError;

/// A manifest of an earlier invocation. Keys that are missing are empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StateManifest {
    pub metadata: Map<String, JsonValue>,
    pub nodes: BTreeMap<String, StateNode>,
    /// Sources have `source_name` and `identifier` among [`StateNode::rest`].
    pub sources: BTreeMap<String, StateNode>,
    pub exposures: BTreeMap<String, StateExposure>,
    /// As written: what is compared of them is all in the dict.
    pub unit_tests: BTreeMap<String, Map<String, JsonValue>>,
    pub metrics: BTreeMap<String, Map<String, JsonValue>>,
    pub semantic_models: BTreeMap<String, Map<String, JsonValue>>,
    pub saved_queries: BTreeMap<String, Map<String, JsonValue>>,
    pub macros: BTreeMap<String, StateMacro>,
    pub disabled: BTreeMap<String, JsonValue>,
}

/// A node or source of an earlier invocation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StateNode {
    pub unique_id: String,
    pub name: String,
    pub resource_type: String,
    pub package_name: String,
    pub original_file_path: String,
    pub fqn: Vec<String>,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub alias: Option<String>,
    pub relation_name: Option<String>,
    pub description: Option<String>,
    pub raw_code: Option<String>,
    pub compiled_code: Option<String>,
    pub checksum: Map<String, JsonValue>,
    pub config: Map<String, JsonValue>,
    pub unrendered_config: Map<String, JsonValue>,
    pub columns: Map<String, JsonValue>,
    pub contract: Map<String, JsonValue>,
    pub depends_on: StateDependsOn,
    #[serde(flatten)]
    pub rest: Map<String, JsonValue>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StateDependsOn {
    pub macros: Vec<String>,
    pub nodes: Vec<String>,
}

/// An exposure of an earlier invocation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StateExposure {
    pub unique_id: String,
    pub fqn: Vec<String>,
    pub depends_on: StateDependsOn,
    #[serde(flatten)]
    pub rest: Map<String, JsonValue>,
}

/// A macro of an earlier invocation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct StateMacro {
    pub unique_id: String,
    pub macro_sql: String,
    pub depends_on: StateDependsOn,
}

/// Reads a `manifest.json` of schema v4 or later.
///
/// # Errors
/// No such file, no JSON, or no manifest.
pub fn read_manifest(path: &Path) -> Result<StateManifest, ArtifactError> {
    let text = fs::read(path).map_err(|cause| ArtifactError::Read { path: path.to_owned(), cause })?;
    let manifest: StateManifest =
        serde_json::from_slice(&text).map_err(|cause| ArtifactError::Malformed { path: path.to_owned(), cause })?;
    let schema = manifest.metadata.get("dbt_schema_version").and_then(JsonValue::as_str).unwrap_or_default();
    let version =
        schema.rsplit_once("manifest/v").and_then(|(_, rest)| rest.strip_suffix(".json")?.parse::<u32>().ok());
    match version {
        Some(4..) => Ok(manifest),
        _ => Err(ArtifactError::Version { path: path.to_owned(), found: schema.to_owned(), expected: "manifest/v12" }),
    }
}
