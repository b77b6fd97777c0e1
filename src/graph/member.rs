//! One view on everything that can be in the DAG: nodes, sources, exposures.

use std::borrow::Cow;

use crate::{
    jinja::Value,
    manifest::{Config, Exposure, Manifest, Node, NodeKind, Source},
    names::{ResourceType, UniqueId},
};

/// A member of the DAG, by kind.
#[derive(Debug, Clone, Copy)]
pub enum Member<'a> {
    Node(&'a Node),
    Source(&'a Source),
    Exposure(&'a Exposure),
}

impl<'a> Member<'a> {
    /// The enabled member of this id.
    pub fn find(manifest: &'a Manifest, id: &UniqueId) -> Option<Self> {
        let node = || manifest.nodes.get(id).map(Self::Node);
        let source = || manifest.sources.get(id).map(Self::Source);
        let exposure = || manifest.exposures.get(id).map(Self::Exposure);
        node().or_else(source).or_else(exposure)
    }

    /// All members, in the manifest's order.
    pub fn all(manifest: &'a Manifest) -> impl Iterator<Item = Self> {
        let nodes = manifest.nodes.values().map(Self::Node);
        nodes.chain(manifest.sources.values().map(Self::Source)).chain(manifest.exposures.values().map(Self::Exposure))
    }

    pub fn unique_id(self) -> &'a UniqueId {
        match self {
            Self::Node(node) => &node.unique_id,
            Self::Source(source) => &source.unique_id,
            Self::Exposure(exposure) => &exposure.unique_id,
        }
    }

    pub fn resource_type(self) -> ResourceType {
        match self {
            Self::Node(node) => node.resource_type,
            Self::Source(_) => ResourceType::Source,
            Self::Exposure(_) => ResourceType::Exposure,
        }
    }

    pub fn name(self) -> &'a str {
        match self {
            Self::Node(node) => &node.name,
            Self::Source(source) => &source.name,
            Self::Exposure(exposure) => &exposure.name,
        }
    }

    /// What `ls --output name` prints: `stg_orders`, `dim.v2`, `shop.orders` for a source.
    pub fn search_name(self) -> Cow<'a, str> {
        match self {
            Self::Node(node) => match version(node) {
                Some(version) => format!("{}.v{}", node.name, version.to_str()).into(),
                None => node.name.as_str().into(),
            },
            Self::Source(source) => format!("{}.{}", source.source_name, source.name).into(),
            Self::Exposure(exposure) => exposure.name.as_str().into(),
        }
    }

    pub fn package_name(self) -> &'a str {
        match self {
            Self::Node(node) => &node.package_name,
            Self::Source(source) => &source.package_name,
            Self::Exposure(exposure) => &exposure.package_name,
        }
    }

    pub fn original_file_path(self) -> &'a str {
        match self {
            Self::Node(node) => &node.original_file_path,
            Self::Source(source) => &source.original_file_path,
            Self::Exposure(exposure) => &exposure.original_file_path,
        }
    }

    /// The properties file that describes the member, without its `package://`.
    pub fn patch_file(self) -> Option<&'a str> {
        match self {
            Self::Node(node) => {
                node.patch_path.as_deref().and_then(|path| path.split_once("://")).map(|(_, path)| path)
            }
            Self::Source(_) | Self::Exposure(_) => None,
        }
    }

    pub fn fqn(self) -> &'a [String] {
        match self {
            Self::Node(node) => &node.fqn,
            Self::Source(source) => &source.fqn,
            Self::Exposure(exposure) => &exposure.fqn,
        }
    }

    pub fn tags(self) -> &'a [String] {
        match self {
            Self::Node(node) => &node.tags,
            Self::Source(source) => &source.tags,
            Self::Exposure(exposure) => &exposure.tags,
        }
    }

    pub fn config(self) -> &'a Config {
        match self {
            Self::Node(node) => &node.config,
            Self::Source(source) => &source.config,
            Self::Exposure(exposure) => &exposure.config,
        }
    }

    /// What it depends on, in the order of first use.
    pub fn depends_on(self) -> Box<dyn Iterator<Item = &'a UniqueId> + 'a> {
        match self {
            Self::Node(node) => Box::new(node.depends_on.nodes.iter()),
            Self::Exposure(exposure) => Box::new(exposure.depends_on.nodes.iter()),
            Self::Source(_) => Box::new(std::iter::empty()),
        }
    }

    pub fn is_versioned(self) -> bool {
        matches!(self, Self::Node(node) if version(node).is_some())
    }

    /// Whether the member comes along with what it tests.
    pub fn is_test(self) -> bool {
        matches!(self.resource_type(), ResourceType::Test | ResourceType::UnitTest)
    }

    /// Whether the file behind it holds nothing but white space; such nodes are listed but never run.
    pub fn is_blank(self) -> bool {
        match self {
            Self::Node(node) => {
                !matches!(node.kind, NodeKind::Seed { .. } | NodeKind::UnitTest(_) | NodeKind::Declared(_))
                    && node.raw_code.trim().is_empty()
            }
            Self::Source(_) | Self::Exposure(_) => false,
        }
    }
}

/// The version of a versioned model.
pub(super) fn version(node: &Node) -> Option<&Value> {
    match &node.kind {
        NodeKind::Model(model) => model.version.as_ref().filter(|version| !version.is_none()),
        _ => None,
    }
}
