//! `Project` evaluated in parse mode with dbt's contexts, names resolved → typed nodes: [`Manifest`]. Pure: reads no
//! file, asks no warehouse.

mod build;
mod calls;
mod checks;
mod columns;
mod config;
mod configure;
pub mod context;
mod defaults;
mod draft;
mod generic_tests;
mod inline;
mod merge;
pub mod microbatch;
mod naming;
mod node;
mod options;
mod others;
mod properties;
mod python;
mod registry;
mod render;
mod resolve;
mod semantic;
mod settings;
mod sources;
pub mod test_name;
mod tree;
mod unit_test_node;
mod unit_tests;
mod versions;

use std::sync::Arc;

use indexmap::IndexMap;

pub use build::{Parsed, build};
pub use calls::{Call, parse_call};
pub use config::Config;
pub use generic_tests::looks_like_call;
pub use inline::inline_node;
pub use node::*;
pub use options::{ParseOptions, project_quoting, target};
pub use resolve::{Asker, Failure, Names};
pub use unit_test_node::*;

use crate::{
    jinja::{MacroDef, Value},
    names::UniqueId,
};

/// A macro as the manifest knows it.
#[derive(Debug, Clone)]
pub struct Macro {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub definition: Arc<MacroDef>,
    pub depends_on: Vec<UniqueId>,
    pub description: String,
    pub meta: IndexMap<String, Value>,
    pub docs: Docs,
    pub patch_path: Option<String>,
    pub arguments: Vec<Value>,
    pub created_at: f64,
}

/// A `{% docs %}` block.
#[derive(Debug, Clone)]
pub struct Doc {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub block_contents: String,
}

/// The in-memory truth about a project. Maps are in the order of dbt's manifest (files in order, then within a file).
#[derive(Debug, Default, Clone)]
pub struct Manifest {
    pub nodes: IndexMap<UniqueId, Node>,
    pub sources: IndexMap<UniqueId, Source>,
    pub exposures: IndexMap<UniqueId, Exposure>,
    pub groups: IndexMap<UniqueId, Group>,
    pub macros: IndexMap<UniqueId, Arc<Macro>>,
    pub docs: IndexMap<UniqueId, Doc>,
    /// Disabled nodes and sources by unique id.
    pub disabled: IndexMap<UniqueId, Vec<Disabled>>,
    /// Normalised selectors.yml.
    pub selectors: IndexMap<String, Value>,
}

/// The SHA-256 of a text in hex.
pub fn sha256_hex(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug, Clone)]
pub enum Disabled {
    Node(Box<Node>),
    Source(Box<Source>),
    Exposure(Box<Exposure>),
}

#[cfg(test)]
mod tests;
