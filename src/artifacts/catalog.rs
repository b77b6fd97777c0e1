//! `catalog.json` (schema v1): the relations of the project as they are in the warehouse.

use std::path::Path;

use indexmap::IndexMap;
use serde::Serialize;

use super::{ArtifactError, Metadata, metadata::WithSchema, write::write_masked};

const SCHEMA: &str = "catalog/v1";

/// A relation.
#[derive(Debug, Clone, Serialize)]
pub struct CatalogTable {
    pub metadata: CatalogMetadata,
    /// By the name as stored.
    pub columns: IndexMap<String, CatalogColumn>,
    pub stats: IndexMap<String, CatalogStat>,
    pub unique_id: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct CatalogMetadata {
    /// `BASE TABLE` or `VIEW`.
    #[serde(rename = "type")]
    pub kind: String,
    pub schema: String,
    pub name: String,
    pub database: Option<String>,
    pub comment: Option<String>,
    pub owner: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct CatalogColumn {
    #[serde(rename = "type")]
    pub data_type: String,
    /// From 1.
    pub index: usize,
    pub name: String,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct CatalogStat {
    pub id: String,
    pub label: String,
    pub value: serde_json::Value,
    pub include: bool,
    pub description: String,
}

/// Everything in the file but the metadata.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Catalog {
    pub nodes: IndexMap<String, CatalogTable>,
    pub sources: IndexMap<String, CatalogTable>,
    /// What could not be read; `None` when all could.
    pub errors: Option<Vec<String>>,
}

#[derive(Serialize)]
struct CatalogWire<'a> {
    metadata: WithSchema<'a>,
    #[serde(flatten)]
    catalog: &'a Catalog,
}

/// Writes the file.
///
/// # Errors
/// The file cannot be written.
pub fn write_catalog(path: &Path, catalog: &Catalog, metadata: &Metadata) -> Result<(), ArtifactError> {
    write_masked(path, &CatalogWire { metadata: WithSchema(metadata, SCHEMA), catalog }, &metadata.secrets)
}

/// dbt's stat of a relation without statistics.
pub fn no_stats() -> IndexMap<String, CatalogStat> {
    let stat = CatalogStat {
        id: "has_stats".into(),
        label: "Has Stats?".into(),
        value: false.into(),
        include: false,
        description: "Indicates whether there are statistics for this table".into(),
    };
    IndexMap::from([("has_stats".to_owned(), stat)])
}
