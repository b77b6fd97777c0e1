//! The lines of `ls`: selectors, names, paths or JSON objects of the selected members.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::{
    artifacts::{exposure_dict, node_dict, python_json, source_dict},
    manifest::{Manifest, NodeKind},
    names::{ResourceType, UniqueId},
};

use super::Member;

/// `--output` of `ls`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ListOutput {
    #[default]
    Selector,
    Name,
    Path,
    Json,
}

impl ListOutput {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "selector" => Some(Self::Selector),
            "name" => Some(Self::Name),
            "path" => Some(Self::Path),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// The keys of a JSON line without `--output-keys`.
const DEFAULT_KEYS: [&str; 10] = [
    "alias",
    "name",
    "package_name",
    "depends_on",
    "tags",
    "config",
    "resource_type",
    "source_name",
    "original_file_path",
    "unique_id",
];

/// One line per member, by unique id. `keys` are those of `--output-keys`.
pub fn list_lines(manifest: &Manifest, ids: &BTreeSet<UniqueId>, output: ListOutput, keys: &[String]) -> Vec<String> {
    let members = ids.iter().filter_map(|id| Member::find(manifest, id));
    members
        .map(|member| match output {
            ListOutput::Selector => selector(member),
            ListOutput::Name => member.search_name().into_owned(),
            ListOutput::Path => member.original_file_path().to_owned(),
            ListOutput::Json => json(member, keys),
        })
        .collect()
}

fn selector(member: Member<'_>) -> String {
    match member {
        Member::Node(node) if node.resource_type == ResourceType::UnitTest => {
            format!("unit_test:{}.{}", node.package_name, node.versioned_name())
        }
        Member::Node(node) if matches!(node.kind, NodeKind::Declared(_)) => {
            format!("{}:{}.{}", node.resource_type, node.package_name, node.name)
        }
        Member::Node(node) => node.fqn.join("."),
        Member::Source(source) => format!("source:{}.{}.{}", source.package_name, source.source_name, source.name),
        Member::Exposure(exposure) => format!("exposure:{}.{}", exposure.package_name, exposure.name),
    }
}

fn json(member: Member<'_>, keys: &[String]) -> String {
    let dict = match member {
        Member::Node(node) => node_dict(node),
        Member::Source(source) => source_dict(source),
        Member::Exposure(exposure) => exposure_dict(exposure),
    };
    let Json::Object(dict) = dict else { return String::new() };
    let chosen: Map<String, Json> = if keys.is_empty() {
        dict.into_iter().filter(|(key, _)| DEFAULT_KEYS.contains(&key.as_str())).collect()
    } else {
        keys.iter().filter_map(|key| Some((key.clone(), chosen_value(&dict, key)?))).collect()
    };
    python_json(&Json::Object(chosen))
}

/// The value under a key, or under a dotted path; a path to nothing or to null gives no value.
fn chosen_value(dict: &Map<String, Json>, key: &str) -> Option<Json> {
    let Some((first, rest)) = key.split_once('.') else { return dict.get(key).cloned() };
    let found = rest.split('.').try_fold(dict.get(first)?, |value, key| value.get(key))?;
    (!found.is_null()).then(|| found.clone())
}
