//! `manifest.json` (schema v12).

use std::{collections::BTreeMap, path::Path};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    ArtifactError, ManifestMetadata,
    json::Json,
    node::{DisabledWire, DocWire, ExposureWire, GroupWire, MacroWire, NodeWire, SourceWire},
    write::write_masked,
};
use crate::{
    manifest::{Disabled, Manifest, Node, NodeKind},
    names::{ResourceType, UniqueId},
};

/// Writes `manifest.json`.
///
/// # Errors
/// The folder is missing or the file cannot be written; then an older file is left as it was.
pub fn write_manifest(path: &Path, manifest: &Manifest, metadata: &ManifestMetadata) -> Result<(), ArtifactError> {
    write_masked(path, &ManifestWire { manifest, metadata }, &metadata.common.secrets)
}

struct ManifestWire<'a> {
    manifest: &'a Manifest,
    metadata: &'a ManifestMetadata,
}

/// Serialises an ordered map through a wire form of its values.
struct Mapped<'a, V, W>(&'a indexmap::IndexMap<UniqueId, V>, fn(&'a V) -> W);

impl<V, W: Serialize> Serialize for Mapped<'_, V, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, value)| (id.as_str(), (self.1)(value))))
    }
}

/// A section of nodes: `nodes`, or one that only holds one kind.
#[derive(Clone, Copy)]
enum Section {
    Plain,
    Of(ResourceType),
}

struct Nodes<'a>(&'a Manifest, Section);

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nodes = self.0.nodes.values().chain(without_target(self.0)).filter(|node| match self.1 {
            Section::Plain => is_plain(node),
            Section::Of(kind) => node.resource_type == kind,
        });
        serializer.collect_map(nodes.map(|node| (node.unique_id.as_str(), NodeWire(node))))
    }
}

impl Serialize for ManifestWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let manifest = self.manifest;
        let of = |kind| Nodes(manifest, Section::Of(kind));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metadata", self.metadata)?;
        map.serialize_entry("nodes", &Nodes(manifest, Section::Plain))?;
        map.serialize_entry("sources", &Mapped(&manifest.sources, SourceWire))?;
        map.serialize_entry("macros", &Mapped(&manifest.macros, |found| MacroWire(found)))?;
        map.serialize_entry("docs", &Mapped(&manifest.docs, DocWire))?;
        map.serialize_entry("exposures", &Mapped(&manifest.exposures, ExposureWire))?;
        map.serialize_entry("metrics", &of(ResourceType::Metric))?;
        map.serialize_entry("groups", &Mapped(&manifest.groups, GroupWire))?;
        map.serialize_entry("selectors", &Selectors(manifest))?;
        map.serialize_entry("disabled", &DisabledSection(manifest))?;
        let (parents, children) = edges(manifest);
        map.serialize_entry("parent_map", &parents)?;
        map.serialize_entry("child_map", &children)?;
        map.serialize_entry("group_map", &groups(manifest))?;
        map.serialize_entry("saved_queries", &of(ResourceType::SavedQuery))?;
        map.serialize_entry("semantic_models", &of(ResourceType::SemanticModel))?;
        map.serialize_entry("unit_tests", &of(ResourceType::UnitTest))?;
        map.serialize_entry("functions", &of(ResourceType::Function))?;
        map.end()
    }
}

/// Whether a node is in the section `nodes`.
pub fn is_plain(node: &Node) -> bool {
    !matches!(node.kind, NodeKind::Inline | NodeKind::UnitTest(_) | NodeKind::Function(_) | NodeKind::Declared(_))
}

/// Disabled tests that dbt leaves in the section `nodes`.
fn without_target(manifest: &Manifest) -> impl Iterator<Item = &Node> {
    manifest.disabled.values().flatten().filter_map(|disabled| match disabled {
        Disabled::Node(node) if node.clues.without_target => Some(&**node),
        _ => None,
    })
}

fn is_without_target(disabled: &Disabled) -> bool {
    matches!(disabled, Disabled::Node(node) if node.clues.without_target)
}

struct DisabledSection<'a>(&'a Manifest);

impl Serialize for DisabledSection<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.disabled.iter().filter(|(_, list)| !list.iter().all(is_without_target));
        serializer.collect_map(entries.map(|(id, list)| (id.as_str(), DisabledList(list))))
    }
}

struct DisabledList<'a>(&'a Vec<Disabled>);

impl Serialize for DisabledList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().filter(|disabled| !is_without_target(disabled)).map(DisabledWire))
    }
}

struct Selectors<'a>(&'a Manifest);

impl Serialize for Selectors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.selectors.iter().map(|(name, value)| (name, Json::new(value))))
    }
}

type EdgeMap<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// `parent_map` and `child_map`: every member of the graph, its neighbours sorted.
fn edges(manifest: &Manifest) -> (EdgeMap<'_>, EdgeMap<'_>) {
    let nodes = manifest.nodes.values().filter(|node| !matches!(node.kind, NodeKind::Inline));
    let nodes = nodes.chain(without_target(manifest));
    let mut parents: EdgeMap<'_> = BTreeMap::new();
    let members = nodes.map(|node| (&node.unique_id, Some(&node.depends_on.nodes)));
    let members = members.chain(manifest.sources.keys().map(|id| (id, None)));
    let exposures = manifest.exposures.values();
    let members = members.chain(exposures.map(|exposure| (&exposure.unique_id, Some(&exposure.depends_on.nodes))));
    for (id, depends_on) in members {
        let mut own: Vec<&str> = depends_on.into_iter().flatten().map(UniqueId::as_str).collect();
        own.sort_unstable();
        parents.insert(id.as_str(), own);
    }
    let mut children: EdgeMap<'_> = parents.keys().map(|id| (*id, Vec::new())).collect();
    for (id, own) in &parents {
        for parent in own {
            if let Some(children) = children.get_mut(parent) {
                children.push(*id);
            }
        }
    }
    (parents, children)
}

fn groups(manifest: &Manifest) -> EdgeMap<'_> {
    let mut groups: EdgeMap<'_> = manifest.groups.values().map(|group| (group.name.as_str(), Vec::new())).collect();
    for node in manifest.nodes.values() {
        if let Some(members) = node.group.as_deref().and_then(|group| groups.get_mut(group)) {
            members.push(node.unique_id.as_str());
        }
    }
    for members in groups.values_mut() {
        members.sort_unstable();
    }
    groups
}
