//! `manifest.json` (schema v12) and the empty `semantic_manifest.json`.

use std::{collections::BTreeMap, path::Path};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    ArtifactError, ManifestMetadata,
    json::Json,
    node::{DisabledWire, DocWire, ExposureWire, GroupWire, MacroWire, NodeWire, SourceWire},
    write::{write_json, write_masked},
};
use crate::{
    manifest::{Manifest, Node, NodeKind},
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

/// The nodes of one section: `nodes` or `unit_tests`.
struct Nodes<'a>(&'a Manifest, fn(&Node) -> bool);

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nodes = self.0.nodes.iter().filter(|(_, node)| (self.1)(node));
        serializer.collect_map(nodes.map(|(id, node)| (id.as_str(), NodeWire(node))))
    }
}

impl Serialize for ManifestWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let manifest = self.manifest;
        let empty = BTreeMap::<&str, ()>::new();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metadata", self.metadata)?;
        map.serialize_entry("nodes", &Nodes(manifest, is_plain))?;
        map.serialize_entry("sources", &Mapped(&manifest.sources, SourceWire))?;
        map.serialize_entry("macros", &Mapped(&manifest.macros, |found| MacroWire(found)))?;
        map.serialize_entry("docs", &Mapped(&manifest.docs, DocWire))?;
        map.serialize_entry("exposures", &Mapped(&manifest.exposures, ExposureWire))?;
        map.serialize_entry("metrics", &empty)?;
        map.serialize_entry("groups", &Mapped(&manifest.groups, GroupWire))?;
        map.serialize_entry("selectors", &Selectors(manifest))?;
        let disabled = |list| DisabledList(list);
        map.serialize_entry("disabled", &Mapped(&manifest.disabled, disabled))?;
        let (parents, children) = edges(manifest);
        map.serialize_entry("parent_map", &parents)?;
        map.serialize_entry("child_map", &children)?;
        map.serialize_entry("group_map", &groups(manifest))?;
        map.serialize_entry("saved_queries", &empty)?;
        map.serialize_entry("semantic_models", &empty)?;
        map.serialize_entry("unit_tests", &Nodes(manifest, |node| node.resource_type == ResourceType::UnitTest))?;
        map.serialize_entry("functions", &empty)?;
        map.end()
    }
}

/// Whether a node is in the section `nodes`.
pub fn is_plain(node: &Node) -> bool {
    !matches!(node.kind, NodeKind::Inline | NodeKind::UnitTest(_))
}

struct DisabledList<'a>(&'a Vec<crate::manifest::Disabled>);

impl Serialize for DisabledList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(DisabledWire))
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

/// The `semantic_manifest.json` of a project without a semantic layer.
#[derive(Debug, Default, Serialize)]
pub struct SemanticManifest {
    semantic_models: [(); 0],
    metrics: [(); 0],
    project_configuration: ProjectConfiguration,
    saved_queries: [(); 0],
}

#[derive(Debug, Serialize)]
struct ProjectConfiguration {
    time_spine_table_configurations: [(); 0],
    metadata: Option<()>,
    dsi_package_version: InterfaceVersion,
    time_spines: [(); 0],
}

#[derive(Debug, Serialize)]
struct InterfaceVersion {
    major_version: &'static str,
    minor_version: &'static str,
    patch_version: &'static str,
}

impl Default for ProjectConfiguration {
    fn default() -> Self {
        Self {
            time_spine_table_configurations: [],
            metadata: None,
            dsi_package_version: InterfaceVersion { major_version: "0", minor_version: "9", patch_version: "0" },
            time_spines: [],
        }
    }
}

/// Writes an empty `semantic_manifest.json`.
///
/// # Errors
/// As [`write_manifest`].
pub fn write_semantic_manifest(path: &Path) -> Result<(), ArtifactError> {
    write_json(path, &SemanticManifest::default())
}
