//! What dbt's consumers read from `target/`: `manifest.json`, `run_results.json`, `sources.json`,
//! `catalog.json`, `semantic_manifest.json`, `perf_info.json`. Wire forms of one schema version each, written and read here; nothing else knows their keys.

mod catalog;
mod json;
mod manifest;
mod metadata;
mod node;
#[cfg(test)]
pub(crate) mod recorded;
mod run_results;
mod semantic_manifest;
mod sources;
mod state;
mod unit_test;
mod write;

use std::path::PathBuf;

pub use catalog::{Catalog, CatalogColumn, CatalogMetadata, CatalogStat, CatalogTable, no_stats, write_catalog};
pub use json::{Json, python_json, to_json};
pub use manifest::{is_plain, write_manifest};
pub use metadata::{ManifestMetadata, Metadata, timestamp};
pub use node::{ContractWire, contract_of, exposure_dict, group_dict, macro_dict, node_dict, source_dict};
pub use run_results::{BatchResults, RunResult, RunResults, Timing, read_run_results, write_run_results};
pub use semantic_manifest::write_semantic_manifest;
pub use sources::{Freshness, FreshnessResults, Measured, read_sources, write_sources};
pub use state::{StateExposure, StateMacro, StateManifest, StateNode, read_manifest};
pub use write::{PerfInfo, masked, write_json, write_perf_info, write_text};

/// Why an artifact was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("could not write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("could not read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("`{}` is not a valid artifact: {cause}", path.display())]
    Malformed {
        path: PathBuf,
        #[source]
        cause: serde_json::Error,
    },
    #[error("`{}` has the schema `{found}`, which is not supported; expected `{expected}`", path.display())]
    Version { path: PathBuf, found: String, expected: &'static str },
}

#[cfg(test)]
mod tests;
