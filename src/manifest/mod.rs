//! `Project` evaluated in parse mode with dbt's contexts, names resolved → typed nodes: [`Manifest`]. Pure: reads no
//! file, asks no warehouse.

mod config;
pub mod context;
mod node;

use std::sync::Arc;

use indexmap::IndexMap;

pub use config::Config;
pub use node::*;

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

#[derive(Debug, Clone)]
pub enum Disabled {
    Node(Box<Node>),
    Source(Box<Source>),
    Exposure(Box<Exposure>),
}
