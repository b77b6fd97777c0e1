//! The `metadata` block of every artifact.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use md5::{Digest, Md5};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::manifest::Quoting;

/// What all artifacts say about the invocation that wrote them.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// A version of dbt that consumers know, not ours.
    pub dbt_version: String,
    pub invocation_id: String,
    pub invocation_started_at: DateTime<Utc>,
    pub generated_at: DateTime<Utc>,
    /// `DBT_ENV_CUSTOM_ENV_<key>` of the environment, by key.
    pub env: BTreeMap<String, String>,
    /// Texts that must not be written.
    pub secrets: Vec<String>,
}

/// What the manifest says in addition.
#[derive(Debug, Clone)]
pub struct ManifestMetadata {
    pub common: Metadata,
    pub project_name: String,
    pub adapter_type: String,
    pub quoting: Quoting,
    pub run_started_at: DateTime<Utc>,
}

/// A time as artifacts write it: `2024-01-31T23:59:59.000001Z`.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Metadata {
    fn entries<M: SerializeMap>(&self, schema: &str, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("dbt_schema_version", &format_args!("https://schemas.getdbt.com/dbt/{schema}.json"))?;
        map.serialize_entry("dbt_version", &self.dbt_version)?;
        map.serialize_entry("generated_at", &timestamp(self.generated_at))?;
        map.serialize_entry("invocation_id", &self.invocation_id)?;
        map.serialize_entry("invocation_started_at", &timestamp(self.invocation_started_at))?;
        map.serialize_entry("env", &self.env)
    }
}

/// The metadata of an artifact of this schema: `run-results/v6`.
pub(super) struct WithSchema<'a>(pub &'a Metadata, pub &'static str);

impl Serialize for WithSchema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.entries(self.1, &mut map)?;
        map.end()
    }
}

impl Serialize for ManifestMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.common.entries("manifest/v12", &mut map)?;
        map.serialize_entry("project_name", &self.project_name)?;
        map.serialize_entry("project_id", &hex(&Md5::digest(self.project_name.as_bytes())))?;
        map.serialize_entry("user_id", &())?;
        map.serialize_entry("send_anonymous_usage_stats", &false)?;
        map.serialize_entry("adapter_type", &self.adapter_type)?;
        map.serialize_entry("quoting", &super::node::QuotingWire(self.quoting))?;
        map.serialize_entry("run_started_at", &timestamp(self.run_started_at))?;
        map.end()
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
