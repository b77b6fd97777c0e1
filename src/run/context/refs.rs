//! What `ref` and `source` mean while running: names → nodes of the manifest.

use std::collections::HashMap;

use crate::{
    jinja::Value,
    manifest::{Disabled, Manifest, Node, NodeKind, RefArgs},
    names::{ResourceType, UniqueId},
};

/// Models, seeds and snapshots by name, sources by their two names.
#[derive(Debug, Default)]
pub struct RefIndex {
    nodes: HashMap<String, Vec<UniqueId>>,
    sources: HashMap<(String, String), Vec<UniqueId>>,
    functions: HashMap<String, Vec<UniqueId>>,
    disabled_nodes: HashMap<String, Vec<String>>,
    disabled_sources: HashMap<(String, String), Vec<String>>,
    root: String,
    /// Whether a package's own nodes come before the root's.
    own_package_first: bool,
}

/// What a name led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    Node(UniqueId),
    Disabled,
    Missing,
    /// Several packages have it.
    Ambiguous(Vec<UniqueId>),
}

impl RefIndex {
    pub fn new(manifest: &Manifest, root: &str, own_package_first: bool) -> Self {
        let mut index = Self { root: root.to_owned(), own_package_first, ..Self::default() };
        for node in manifest.nodes.values().filter(|node| node.is_refable()) {
            index.nodes.entry(node.name.clone()).or_default().push(node.unique_id.clone());
        }
        for node in manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Function) {
            index.functions.entry(node.name.clone()).or_default().push(node.unique_id.clone());
        }
        for source in manifest.sources.values() {
            let names = (source.source_name.clone(), source.name.clone());
            index.sources.entry(names).or_default().push(source.unique_id.clone());
        }
        for disabled in manifest.disabled.values().flatten() {
            match disabled {
                Disabled::Node(node) if is_refable_kind(node.resource_type) => {
                    index.disabled_nodes.entry(node.name.clone()).or_default().push(node.package_name.clone());
                }
                Disabled::Source(source) => {
                    let names = (source.source_name.clone(), source.name.clone());
                    index.disabled_sources.entry(names).or_default().push(source.package_name.clone());
                }
                Disabled::Node(_) | Disabled::Exposure(_) => {}
            }
        }
        index
    }

    /// Packages to look in, in order; `None` is any.
    fn packages<'a>(&'a self, explicit: Option<&'a str>, caller: &'a str) -> Vec<Option<&'a str>> {
        match explicit {
            Some(package) => vec![Some(package)],
            None if caller == self.root => vec![Some(&self.root), None],
            None if self.own_package_first => vec![Some(caller), Some(&self.root), None],
            None => vec![Some(&self.root), Some(caller), None],
        }
    }

    /// The node that a `ref` in a template of package `caller` means.
    pub fn node(&self, manifest: &Manifest, call: &RefArgs, caller: &str) -> Resolved {
        let known = self.nodes.get(&call.name).map(Vec::as_slice).unwrap_or_default();
        for package in self.packages(call.package.as_deref(), caller) {
            let found: Vec<&Node> = known
                .iter()
                .filter_map(|id| manifest.nodes.get(id))
                .filter(|node| package.is_none_or(|package| node.package_name == package))
                .filter(|node| has_version(node, call.version.as_ref()))
                .collect();
            match found.as_slice() {
                [] => {}
                [node] => return Resolved::Node(node.unique_id.clone()),
                several => return Resolved::Ambiguous(several.iter().map(|node| node.unique_id.clone()).collect()),
            }
        }
        let disabled = self.disabled_nodes.get(&call.name).map(Vec::as_slice).unwrap_or_default();
        let matches = |package: &String| call.package.as_ref().is_none_or(|wanted| wanted == package);
        if disabled.iter().any(matches) { Resolved::Disabled } else { Resolved::Missing }
    }

    /// The function that a `function` in a template of package `caller` means.
    pub fn function(&self, manifest: &Manifest, package: Option<&str>, name: &str, caller: &str) -> Resolved {
        let known = self.functions.get(name).map(Vec::as_slice).unwrap_or_default();
        for package in self.packages(package, caller) {
            let mut found = known.iter().filter_map(|id| manifest.nodes.get(id));
            if let Some(node) = found.find(|node| package.is_none_or(|package| node.package_name == package)) {
                return Resolved::Node(node.unique_id.clone());
            }
        }
        Resolved::Missing
    }

    /// The source table that a `source` in a template of package `caller` means.
    pub fn source(&self, manifest: &Manifest, source: &str, table: &str, caller: &str) -> Resolved {
        let names = (source.to_owned(), table.to_owned());
        let known = self.sources.get(&names).map(Vec::as_slice).unwrap_or_default();
        for package in [Some(caller), Some(&self.root), None] {
            let found = known
                .iter()
                .filter_map(|id| manifest.sources.get(id))
                .find(|source| package.is_none_or(|package| source.package_name == package));
            if let Some(found) = found {
                return Resolved::Node(found.unique_id.clone());
            }
        }
        if self.disabled_sources.contains_key(&names) { Resolved::Disabled } else { Resolved::Missing }
    }
}

fn is_refable_kind(kind: ResourceType) -> bool {
    matches!(kind, ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot)
}

/// Whether a node is the version that a `ref` asks for; without one, the latest version.
fn has_version(node: &Node, wanted: Option<&Value>) -> bool {
    let version = match &node.kind {
        NodeKind::Model(model) => model.version.as_ref(),
        _ => None,
    };
    match (version, wanted) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(version), Some(wanted)) => version.to_str() == wanted.to_str(),
        (Some(version), None) => match &node.kind {
            NodeKind::Model(model) => {
                model.latest_version.as_ref().is_none_or(|latest| latest.to_str() == version.to_str())
            }
            _ => true,
        },
    }
}
