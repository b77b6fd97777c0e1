//! `run_results.json` (schema v6).

use std::{fs, path::Path};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as JsonValue};

use super::{
    ArtifactError, Metadata,
    metadata::{WithSchema, timestamp},
    write::write_masked,
};
use crate::event::Status;

/// When a stage of a node ran: `compile` or `execute`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    pub name: String,
    #[serde(serialize_with = "write_time", deserialize_with = "read_time", default)]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "write_time", deserialize_with = "read_time", default)]
    pub completed_at: Option<DateTime<Utc>>,
}

/// The batches of a microbatch model, each as `[start, end]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchResults {
    #[serde(default)]
    pub successful: Vec<(String, String)>,
    #[serde(default)]
    pub failed: Vec<(String, String)>,
}

/// How one node ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    #[serde(serialize_with = "write_status", deserialize_with = "read_status")]
    pub status: Status,
    /// Empty for what was skipped.
    #[serde(default)]
    pub timing: Vec<Timing>,
    /// `Thread-1 (worker)`; hooks have `main`.
    #[serde(default)]
    pub thread_id: String,
    /// Seconds.
    #[serde(default)]
    pub execution_time: f64,
    #[serde(default)]
    pub adapter_response: Map<String, JsonValue>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub failures: Option<i64>,
    pub unique_id: String,
    /// `None` for seeds, which have no code.
    #[serde(default)]
    pub compiled: Option<bool>,
    #[serde(default)]
    pub compiled_code: Option<String>,
    #[serde(default)]
    pub relation_name: Option<String>,
    #[serde(default)]
    pub batch_results: Option<BatchResults>,
}

impl RunResult {
    /// A result of this status with all else empty.
    pub fn new(unique_id: impl Into<String>, status: Status) -> Self {
        Self {
            status,
            timing: Vec::new(),
            thread_id: String::new(),
            execution_time: 0.0,
            adapter_response: Map::new(),
            message: None,
            failures: None,
            unique_id: unique_id.into(),
            compiled: None,
            compiled_code: None,
            relation_name: None,
            batch_results: None,
        }
    }

    /// The dict that `on-run-end` hooks see as one of `results`, without its `node`.
    pub fn to_dict(&self) -> JsonValue {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What `retry` and consumers of states need of a `run_results.json`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RunResults {
    #[serde(default)]
    pub metadata: Map<String, JsonValue>,
    #[serde(default)]
    pub results: Vec<RunResult>,
    #[serde(default)]
    pub elapsed_time: f64,
    /// The flags of the invocation, by lower-case name.
    #[serde(default)]
    pub args: Map<String, JsonValue>,
}

#[derive(Serialize)]
struct RunResultsWire<'a> {
    metadata: WithSchema<'a>,
    results: &'a [RunResult],
    elapsed_time: f64,
    args: &'a Map<String, JsonValue>,
}

const SCHEMA: &str = "run-results/v6";

/// Writes `run_results.json`. `elapsed` is in seconds, `args` are the flags by lower-case name.
///
/// # Errors
/// The file cannot be written; then an older file is left as it was.
pub fn write_run_results(
    path: &Path,
    results: &[RunResult],
    metadata: &Metadata,
    elapsed: f64,
    args: &Map<String, JsonValue>,
) -> Result<(), ArtifactError> {
    let wire = RunResultsWire { metadata: WithSchema(metadata, SCHEMA), results, elapsed_time: elapsed, args };
    write_masked(path, &wire, &metadata.secrets)
}

/// Reads a `run_results.json` of dbt or of ours.
///
/// # Errors
/// No such file, no JSON, or statuses that nobody writes.
pub fn read_run_results(path: &Path) -> Result<RunResults, ArtifactError> {
    let text = fs::read(path).map_err(|cause| ArtifactError::Read { path: path.to_owned(), cause })?;
    serde_json::from_slice(&text).map_err(|cause| ArtifactError::Malformed { path: path.to_owned(), cause })
}

fn write_status<S: Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}

fn read_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
    let text = String::deserialize(deserializer)?;
    Status::parse(&text).ok_or_else(|| serde::de::Error::custom(format_args!("unknown status `{text}`")))
}

fn write_time<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(timestamp).serialize(serializer)
}

pub(super) fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()).map(|time| time.with_timezone(&Utc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run_results.json");
        let time = DateTime::from_timestamp_micros(1_700_000_000_000_001);
        let mut result = RunResult::new("model.p.a", Status::PartialSuccess);
        result.timing = vec![Timing { name: "execute".to_owned(), started_at: time, completed_at: None }];
        result.batch_results =
            Some(BatchResults { successful: vec![("a".to_owned(), "b".to_owned())], failed: vec![] });
        let metadata = Metadata {
            dbt_version: "1.11.0".to_owned(),
            invocation_id: "i".to_owned(),
            invocation_started_at: time.unwrap(),
            generated_at: time.unwrap(),
            env: [("K".to_owned(), "v".to_owned())].into(),
            secrets: Vec::new(),
        };
        write_run_results(&path, &[result.clone()], &metadata, 1.5, &Map::new()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""generated_at":"2023-11-14T22:13:20.000001Z""#), "{text}");
        assert!(text.contains(r#""status":"partial success""#), "{text}");
        let read = read_run_results(&path).unwrap();
        assert_eq!((read.results, read.elapsed_time), (vec![result], 1.5));
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run_results.json");
        fs::write(&path, r#"{"results": [{"unique_id": "a", "status": "odd"}]}"#).unwrap();
        let error = read_run_results(&path).unwrap_err().to_string();
        assert!(error.contains("run_results.json") && error.contains("unknown status `odd`"), "{error}");
    }
}
