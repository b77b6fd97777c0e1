//! The typed nodes of a manifest. Field names and meanings are dbt's (`artifacts.md` §4).

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};

use crate::{
    diagnostic::{Origin, Span},
    jinja::Value,
    names::{Relation, ResourceType, UniqueId},
};

use super::{config::Config, unit_test_node::UnitTestFields};

/// A node of the DAG that has SQL or data: model, seed, snapshot, analysis, data test, unit test, function, operation; and of what the
/// semantic layer declares.
#[derive(Debug, Clone)]
pub struct Node {
    pub unique_id: UniqueId,
    pub resource_type: ResourceType,
    pub name: String,
    pub package_name: String,
    /// Relative to the resource root: `staging/stg_orders.sql`.
    pub path: String,
    /// Relative to the project root, forward slashes.
    pub original_file_path: String,
    pub fqn: Vec<String>,
    pub database: String,
    pub schema: String,
    pub alias: String,
    pub checksum: Checksum,
    pub config: Config,
    pub unrendered_config: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub description: String,
    pub columns: IndexMap<String, ColumnInfo>,
    pub meta: IndexMap<String, Value>,
    pub group: Option<String>,
    pub docs: Docs,
    /// `<package>://<path of the yml>`.
    pub patch_path: Option<String>,
    /// Seconds since the epoch.
    pub created_at: f64,
    /// Quoted name in the warehouse; `None` for ephemeral models, analyses, and tests that store nothing.
    pub relation_name: Option<String>,
    pub quoting: Quoting,
    /// Template text as dbt strips it; empty for seeds.
    pub raw_code: String,
    /// Where `raw_code` is in the user's file.
    pub origin: Option<Origin>,
    pub language: &'static str,
    pub doc_blocks: Vec<UniqueId>,
    pub refs: Vec<RefArgs>,
    pub sources: Vec<Vec<String>>,
    pub metrics: Vec<Vec<String>>,
    pub functions: Vec<Vec<String>>,
    pub depends_on: DependsOn,
    /// Filled by compile.
    pub compiled: Option<Compiled>,
    /// Path of the file under target/run, project-relative, once run.
    pub build_path: Option<String>,
    pub clues: StateClues,
    pub kind: NodeKind,
}

/// What comparing with a previous state needs beyond what the manifest itself says.
#[derive(Debug, Clone, Default)]
pub struct StateClues {
    /// Config keys that a `config()` call in the node's own file gives, in whatever branch.
    pub config_in_file: BTreeSet<String>,
    /// Configs of properties files as written, where rendering changed them.
    pub config_as_written: IndexMap<String, Value>,
    /// A test that is disabled because what it tests is not there. dbt leaves it among the nodes of the manifest.
    pub without_target: bool,
    /// Digests of a seed's text with the line ends of other systems.
    pub other_checksums: Vec<String>,
}

/// What only one kind of node has.
#[derive(Debug, Clone)]
pub enum NodeKind {
    Model(ModelFields),
    Seed {
        /// Absolute root of the project that holds the CSV.
        root_path: String,
    },
    Snapshot,
    Analysis,
    GenericTest(GenericTestFields),
    SingularTest,
    UnitTest(Box<UnitTestFields>),
    Function(FunctionFields),
    /// A metric, semantic model or saved query: its own fields, as artifacts have them.
    Declared(Box<IndexMap<String, Value>>),
    Operation {
        index: usize,
        on_run_start: bool,
    },
    /// `--inline`.
    Inline,
}

#[derive(Debug, Clone, Default)]
pub struct ModelFields {
    pub access: String,
    pub constraints: Vec<Value>,
    pub version: Option<Value>,
    pub latest_version: Option<Value>,
    pub deprecation_date: Option<String>,
    pub primary_key: Vec<String>,
    pub time_spine: Option<Value>,
}

/// A function that is made in the warehouse.
#[derive(Debug, Clone, Default)]
pub struct FunctionFields {
    /// Each a dict of `name`, `data_type`, `description`, `default_value`.
    pub arguments: Vec<Value>,
    /// A dict of `data_type` and `description`; `None` when the properties do not say.
    pub returns: Option<Value>,
}

#[derive(Debug, Clone)]
pub struct GenericTestFields {
    pub column_name: Option<String>,
    /// `models.orders`.
    pub file_key_name: String,
    pub attached_node: Option<UniqueId>,
    /// The test macro's name without `test_`.
    pub test_name: String,
    pub namespace: Option<String>,
    /// As written, `model` included.
    pub kwargs: IndexMap<String, Value>,
    /// Where the test is written in the yml.
    pub span: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// `sha256`, `path` or `none`.
    pub name: &'static str,
    pub checksum: String,
}

#[derive(Debug, Clone, Default)]
pub struct ColumnInfo {
    pub name: String,
    pub description: String,
    pub data_type: Option<String>,
    pub quote: Option<bool>,
    pub constraints: Vec<Value>,
    pub tags: Vec<String>,
    pub meta: IndexMap<String, Value>,
    pub granularity: Option<String>,
    pub doc_blocks: Vec<UniqueId>,
    /// Keys dbt does not know, kept verbatim.
    pub extra: IndexMap<String, Value>,
    pub span: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docs {
    pub show: bool,
    pub node_color: Option<String>,
}

impl Default for Docs {
    fn default() -> Self {
        Self { show: true, node_color: None }
    }
}

/// Quoting of a node or source; `None` means the project's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quoting {
    pub database: Option<bool>,
    pub schema: Option<bool>,
    pub identifier: Option<bool>,
    pub column: Option<bool>,
}

/// The arguments of one `ref()`, and where it was called.
#[derive(Debug, Clone)]
pub struct RefArgs {
    pub name: String,
    pub package: Option<String>,
    pub version: Option<Value>,
    pub span: Option<Span>,
}

#[derive(Debug, Clone, Default)]
pub struct DependsOn {
    pub macros: IndexSet<UniqueId>,
    pub nodes: IndexSet<UniqueId>,
}

/// What compile adds to a node.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// With the CTEs of ephemeral parents injected.
    pub code: String,
    /// `(unique_id, sql)` of the injected CTEs, in order.
    pub extra_ctes: Vec<(UniqueId, String)>,
    /// The macros that the template called.
    pub macros: Vec<UniqueId>,
    pub path: Option<String>,
}

/// A source table.
#[derive(Debug, Clone)]
pub struct Source {
    pub unique_id: UniqueId,
    pub name: String,
    pub source_name: String,
    pub source_description: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub fqn: Vec<String>,
    pub database: String,
    pub schema: String,
    pub identifier: String,
    pub loader: String,
    pub quoting: Quoting,
    pub loaded_at_field: Option<String>,
    pub loaded_at_query: Option<String>,
    pub freshness: Option<Value>,
    pub external: Option<Value>,
    pub description: String,
    pub columns: IndexMap<String, ColumnInfo>,
    pub meta: IndexMap<String, Value>,
    pub source_meta: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub config: Config,
    pub unrendered_config: IndexMap<String, Value>,
    pub unrendered_database: Option<String>,
    pub unrendered_schema: Option<String>,
    pub relation_name: String,
    pub created_at: f64,
    pub doc_blocks: Vec<UniqueId>,
    pub span: Option<Span>,
}

/// An exposure.
#[derive(Debug, Clone)]
pub struct Exposure {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub fqn: Vec<String>,
    pub exposure_type: String,
    pub owner: IndexMap<String, Value>,
    pub label: Option<String>,
    pub maturity: Option<String>,
    pub url: Option<String>,
    pub description: String,
    pub meta: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub config: Config,
    pub unrendered_config: IndexMap<String, Value>,
    pub depends_on: DependsOn,
    pub refs: Vec<RefArgs>,
    pub sources: Vec<Vec<String>>,
    pub metrics: Vec<Vec<String>>,
    pub created_at: f64,
    pub span: Option<Span>,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub owner: IndexMap<String, Value>,
    pub description: Option<String>,
    pub config: IndexMap<String, Value>,
}

impl Node {
    /// The relation of the node in the warehouse, with the quoting of the node over `defaults`.
    pub fn relation(&self, defaults: crate::names::Policy) -> Relation {
        let mut relation = Relation::new(self.database.clone(), self.schema.clone(), self.alias.clone());
        relation.quote.database = self.quoting.database.unwrap_or(defaults.database);
        relation.quote.schema = self.quoting.schema.unwrap_or(defaults.schema);
        relation.quote.identifier = self.quoting.identifier.unwrap_or(defaults.identifier);
        relation
    }

    /// The name, for a unit test of a version with the version.
    pub fn versioned_name(&self) -> String {
        match &self.kind {
            NodeKind::UnitTest(fields) => match &fields.version {
                Some(version) => format!("{}_v{}", self.name, version.to_str()),
                None => self.name.clone(),
            },
            _ => self.name.clone(),
        }
    }

    pub fn is_ephemeral(&self) -> bool {
        self.config.materialized() == "ephemeral"
    }

    /// Models, seeds and snapshots: what `ref` can name.
    pub fn is_refable(&self) -> bool {
        matches!(self.resource_type, ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot)
    }
}
