//! `sources.json` (schema v3): how fresh sources are.

use std::{fs, path::Path};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value as JsonValue};

use super::{
    ArtifactError, Metadata,
    metadata::{WithSchema, timestamp},
    run_results::{Timing, read_time},
    write::write_masked,
};
use crate::event::Status;

/// How one source table was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Freshness {
    pub unique_id: String,
    /// `pass`, `warn`, `error`, or `runtime error` when it could not be measured.
    pub status: Status,
    pub measured: Option<Measured>,
    /// Why it could not be measured.
    pub error: Option<String>,
    /// The thresholds, as in the manifest.
    pub criteria: JsonValue,
    pub adapter_response: Map<String, JsonValue>,
    pub timing: Vec<Timing>,
    pub thread_id: String,
    /// Seconds.
    pub execution_time: f64,
}

/// When a source was last loaded, and when that was looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    pub max_loaded_at: DateTime<Utc>,
    pub snapshotted_at: DateTime<Utc>,
    /// Seconds between the two.
    pub age: f64,
}

impl Serialize for Freshness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("unique_id", &self.unique_id)?;
        let Some(measured) = self.measured else {
            map.serialize_entry("error", &self.error)?;
            map.serialize_entry("status", "runtime error")?;
            return map.end();
        };
        map.serialize_entry("max_loaded_at", &timestamp(measured.max_loaded_at))?;
        map.serialize_entry("snapshotted_at", &timestamp(measured.snapshotted_at))?;
        map.serialize_entry("max_loaded_at_time_ago_in_s", &measured.age)?;
        map.serialize_entry("status", self.status.as_str())?;
        map.serialize_entry("criteria", &self.criteria)?;
        map.serialize_entry("adapter_response", &self.adapter_response)?;
        map.serialize_entry("timing", &self.timing)?;
        map.serialize_entry("thread_id", &self.thread_id)?;
        map.serialize_entry("execution_time", &self.execution_time)?;
        map.end()
    }
}

#[derive(Serialize)]
struct SourcesWire<'a> {
    metadata: WithSchema<'a>,
    results: &'a [Freshness],
    elapsed_time: f64,
}

/// Writes `sources.json`. `elapsed` is in seconds.
///
/// # Errors
/// The file cannot be written; then an older file is left as it was.
pub fn write_sources(
    path: &Path,
    results: &[Freshness],
    metadata: &Metadata,
    elapsed: f64,
) -> Result<(), ArtifactError> {
    let wire = SourcesWire { metadata: WithSchema(metadata, "sources/v3"), results, elapsed_time: elapsed };
    write_masked(path, &wire, &metadata.secrets)
}

/// What selections need of a `sources.json`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FreshnessResults {
    #[serde(default)]
    results: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    unique_id: String,
    #[serde(default, deserialize_with = "read_time")]
    max_loaded_at: Option<DateTime<Utc>>,
}

impl FreshnessResults {
    /// The sources that could be measured, with the time of their newest row.
    pub fn loaded(&self) -> impl Iterator<Item = (&str, DateTime<Utc>)> {
        self.results.iter().filter_map(|entry| Some((entry.unique_id.as_str(), entry.max_loaded_at?)))
    }
}

/// Reads a `sources.json` of dbt or of ours.
///
/// # Errors
/// No such file, or no JSON of this form.
pub fn read_sources(path: &Path) -> Result<FreshnessResults, ArtifactError> {
    let text = fs::read(path).map_err(|cause| ArtifactError::Read { path: path.to_owned(), cause })?;
    serde_json::from_slice(&text).map_err(|cause| ArtifactError::Malformed { path: path.to_owned(), cause })
}
