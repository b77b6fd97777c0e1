//! dbt's Jinja contexts in execute mode: `ref` and `source` resolve, `adapter` reaches the engine, results are kept.
//!
//! [`RunShared`] is made once per run; a [`NodeContext`] per node, hook or operation. Rendering blocks: it happens on
//! blocking threads, and waits for the engine through [`Bridge`](super::bridge::Bridge) alone.

mod adapter;
mod cache;
mod catalog;
mod comment;
mod config;
mod constraints;
mod errors;
mod inputs;
mod lookup;
mod node;
mod refs;
mod response;
mod rows;
mod statements;
#[cfg(test)]
mod tests;
mod versions;

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, OnceLock},
};

use indexmap::IndexMap;

pub use cache::{Cached, RelationCache};
pub use catalog::returned_relations;
pub use comment::QueryComment;
pub use inputs::{Batch, Defer, InputRows, UnitInputs, Window, source_relation};
pub use node::{NodeContext, NodeInput, Subject, Writer};
pub use refs::{RefIndex, Resolved};
pub use response::{Response, Results, StatementResult};
pub use rows::table;
pub use statements::{NodeStats, StatementStats};

use super::bridge::Bridge;
use crate::{
    artifacts,
    engine::Engine,
    jinja::Value,
    manifest::{Manifest, context::Scopes},
    names::{ResourceType, UniqueId},
};

/// What all contexts of a run share.
pub struct RunShared {
    pub scopes: Arc<Scopes>,
    pub manifest: Arc<Manifest>,
    pub engine: Arc<dyn Engine>,
    pub bridge: Bridge,
    pub cache: RelationCache,
    pub refs: RefIndex,
    /// The selected nodes, for `selected_resources` and for deferral.
    pub selected: Vec<UniqueId>,
    pub rows: InputRows,
    pub defer: Option<Defer>,
    comment: Option<QueryComment>,
    selected_set: HashSet<UniqueId>,
    graph: OnceLock<Value>,
}

impl fmt::Debug for RunShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunShared").field("selected", &self.selected).finish_non_exhaustive()
    }
}

impl RunShared {
    pub fn new(
        scopes: Arc<Scopes>,
        manifest: Arc<Manifest>,
        engine: Arc<dyn Engine>,
        bridge: Bridge,
        selected: Vec<UniqueId>,
    ) -> Self {
        let own_first = scopes.shared.flags.is_on("REQUIRE_REF_SEARCHES_NODE_PACKAGE_BEFORE_ROOT");
        let refs = RefIndex::new(&manifest, &scopes.shared.project_name, own_first);
        Self {
            scopes,
            manifest,
            engine,
            bridge,
            cache: RelationCache::default(),
            refs,
            selected_set: selected.iter().cloned().collect(),
            selected,
            rows: InputRows::default(),
            defer: None,
            comment: None,
            graph: OnceLock::new(),
        }
    }

    #[must_use]
    pub fn with_rows(mut self, rows: InputRows) -> Self {
        self.rows = rows;
        self
    }

    #[must_use]
    pub fn with_defer(mut self, defer: Option<Defer>) -> Self {
        self.defer = defer;
        self
    }

    #[must_use]
    pub fn with_comment(mut self, comment: Option<QueryComment>) -> Self {
        self.comment = comment;
        self
    }

    pub fn is_selected(&self, id: &UniqueId) -> bool {
        self.selected_set.contains(id)
    }

    /// `graph`: all nodes as dicts, made when a template first asks.
    pub fn graph(&self) -> Value {
        self.graph.get_or_init(|| graph(&self.manifest)).clone()
    }
}

fn graph(manifest: &Manifest) -> Value {
    let nodes = manifest.nodes.values().filter(|node| artifacts::is_plain(node));
    let nodes = nodes.map(|node| (node.unique_id.as_str(), artifacts::node_dict(node)));
    let sources = manifest.sources.values().map(|source| (source.unique_id.as_str(), artifacts::source_dict(source)));
    let exposures =
        manifest.exposures.values().map(|exposure| (exposure.unique_id.as_str(), artifacts::exposure_dict(exposure)));
    let groups = manifest.groups.values().map(|group| (group.unique_id.as_str(), artifacts::group_dict(group)));
    let kept = |kind: ResourceType| -> Vec<(&str, serde_json::Value)> {
        let nodes = manifest.nodes.values().filter(|node| node.resource_type == kind);
        nodes.map(|node| (node.unique_id.as_str(), artifacts::node_dict(node))).collect()
    };
    let section = |pairs: Vec<(&str, serde_json::Value)>| {
        Value::dict(pairs.into_iter().map(|(id, json)| (id, Value::from_json(&json))))
    };
    let sections: IndexMap<&str, Value> = [
        ("exposures", section(exposures.collect())),
        ("functions", section(kept(ResourceType::Function))),
        ("groups", section(groups.collect())),
        ("metrics", section(kept(ResourceType::Metric))),
        ("nodes", section(nodes.collect())),
        ("sources", section(sources.collect())),
        ("semantic_models", section(kept(ResourceType::SemanticModel))),
        ("saved_queries", section(kept(ResourceType::SavedQuery))),
    ]
    .into_iter()
    .collect();
    Value::dict(sections)
}
