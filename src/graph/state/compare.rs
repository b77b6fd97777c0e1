//! Whether two nodes of the same unique id are the same, in what matters. Source: dbt's `state:modified`; where dbt
//! compares rendered values, the texts that they came from are compared as well, so that an environment is no change.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value as Json};

use crate::{
    artifacts::{StateExposure, StateManifest, StateNode, exposure_dict, node_dict, source_dict, to_json},
    manifest::{Manifest, Node, NodeKind, Source, StateClues},
    names::{ResourceType, UniqueId},
};

use super::super::Member;

/// Config keys that are no configs of the node's body: they belong to its relation, or only to selection.
const NOT_COMPARED: [&str; 5] = ["alias", "schema", "database", "tags", "group"];

/// The configs that change what a data test finds.
const TEST_CONFIGS: [&str; 8] =
    ["severity", "where", "limit", "fail_calc", "warn_if", "error_if", "store_failures", "store_failures_as"];

/// A manifest next to that of the state.
pub(super) struct Comparison<'a> {
    old: &'a StateManifest,
    /// Macros of the project and its packages that are new or have another text, and all that call them, however far away.
    changed_macros: HashSet<&'a UniqueId>,
}

impl<'a> Comparison<'a> {
    pub fn new(manifest: &'a Manifest, old: &'a StateManifest, embedded: &BTreeSet<String>) -> Self {
        let changed = manifest.macros.iter().filter(|(id, found)| {
            let before = old.macros.get(id.as_str());
            !embedded.contains(&found.package_name)
                && before.is_none_or(|before| !same_text(&before.macro_sql, &found.definition.text))
        });
        let changed: Vec<&UniqueId> = changed.map(|(id, _)| id).collect();
        Self { old, changed_macros: with_callers(manifest, changed) }
    }

    /// The node or source of this id in the state.
    pub fn before(&self, member: Member<'_>) -> Option<&'a StateNode> {
        let id = member.unique_id().as_str();
        match member {
            Member::Source(_) => self.old.sources.get(id),
            Member::Node(_) => self.old.nodes.get(id),
            Member::Exposure(_) => None,
        }
    }

    fn exposure_before(&self, member: Member<'_>) -> Option<&'a StateExposure> {
        self.old.exposures.get(member.unique_id().as_str())
    }

    fn unit_test_before(&self, member: Member<'_>) -> Option<&'a Map<String, Json>> {
        self.old.unit_tests.get(member.unique_id().as_str())
    }

    /// A metric, semantic model or saved query of before.
    fn declared_before(&self, member: Member<'_>) -> Option<&'a Map<String, Json>> {
        let id = member.unique_id().as_str();
        [&self.old.metrics, &self.old.semantic_models, &self.old.saved_queries].into_iter().find_map(|of| of.get(id))
    }

    pub fn knew(&self, member: Member<'_>) -> bool {
        self.before(member).is_some()
            || self.exposure_before(member).is_some()
            || self.unit_test_before(member).is_some()
            || self.declared_before(member).is_some()
    }

    /// Whether a macro that the member uses, however far away, is new or has another text.
    pub fn macros_changed(&self, member: Member<'_>) -> bool {
        let Member::Node(node) = member else { return false };
        node.depends_on.macros.iter().any(|id| self.changed_macros.contains(id))
    }

    /// Whether the configs are those of before. False without a before.
    pub fn same_config(&self, member: Member<'_>) -> bool {
        match member {
            Member::Node(node) if matches!(node.kind, NodeKind::Declared(_)) => {
                self.declared_before(member).is_some_and(|old| same_declared_config(node, old))
            }
            Member::Node(node) => self.before(member).is_some_and(|old| same_node_config(node, old)),
            Member::Source(source) => {
                self.before(member).is_some_and(|old| same_map(&source.unrendered_config, &old.unrendered_config))
            }
            Member::Exposure(exposure) => self.exposure_before(member).is_some_and(|old| {
                let unrendered = old.rest.get("unrendered_config").and_then(Json::as_object);
                same_map(&exposure.unrendered_config, unrendered.unwrap_or(&Map::new()))
            }),
        }
    }

    /// Whether the member is as it was, macros and contracts aside. New sources, exposures, metrics and the like
    /// count as unchanged, as in dbt.
    pub fn same_contents(&self, member: Member<'_>) -> bool {
        match member {
            Member::Node(node) if matches!(node.kind, NodeKind::UnitTest(_)) => {
                let now = node_dict(node);
                let keys = ["model", "given", "expect", "overrides", "versions"];
                self.unit_test_before(member)
                    .is_some_and(|old| keys.into_iter().all(|key| same_json(now.get(key), old.get(key))))
            }
            Member::Node(node) if matches!(node.kind, NodeKind::Declared(_)) => {
                self.declared_before(member).is_none_or(|old| same_declared(node, old))
            }
            Member::Node(node) => self.before(member).is_some_and(|old| same_node(node, old)),
            Member::Source(source) => self.before(member).is_none_or(|old| {
                let now = source_dict(source);
                let same = |key: &str| same_json(now.get(key), old.rest.get(key));
                same_source_relation(source, old)
                    && source.fqn == old.fqn
                    && self.same_config(member)
                    && ["quoting", "freshness", "loaded_at_field", "external"].into_iter().all(same)
            }),
            Member::Exposure(exposure) => self.exposure_before(member).is_none_or(|old| {
                let now = exposure_dict(exposure);
                let same = |key: &str| same_json(now.get(key), old.rest.get(key));
                let parents: BTreeSet<&str> = exposure.depends_on.nodes.iter().map(UniqueId::as_str).collect();
                exposure.fqn == old.fqn
                    && ["type", "owner", "maturity", "url", "description", "label"].into_iter().all(same)
                    && parents == old.depends_on.nodes.iter().map(String::as_str).collect()
                    && self.same_config(member)
            }),
        }
    }
}

/// These macros and all that call one of them.
fn with_callers<'a>(manifest: &'a Manifest, mut open: Vec<&'a UniqueId>) -> HashSet<&'a UniqueId> {
    let mut callers: HashMap<&UniqueId, Vec<&UniqueId>> = HashMap::new();
    if !open.is_empty() {
        for (id, found) in &manifest.macros {
            for called in &found.depends_on {
                callers.entry(called).or_default().push(id);
            }
        }
    }
    let mut found = HashSet::new();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(callers.get(id).into_iter().flatten());
        }
    }
    found
}

/// What of a metric, semantic model or saved query makes it another one. Where exports go depends on the environment. Unlike
/// dbt, for which a metric of another expression or filter is the same, we look at what it is computed from.
fn same_declared(node: &Node, old: &Map<String, Json>) -> bool {
    const KEYS: [&str; 13] = [
        "type",
        "label",
        "description",
        "model",
        "defaults",
        "entities",
        "dimensions",
        "measures",
        "primary_entity",
        "filter",
        "time_granularity",
        "group",
        "tags",
    ];
    let now = node_dict(node);
    let old_json = Json::from(old.clone());
    let same = |path: &str| same_json(now.pointer(path), old_json.pointer(path));
    // The measures of the metrics that it is made of are theirs.
    let params = now.get("type_params").and_then(Json::as_object);
    let mut params = params.into_iter().flat_map(Map::keys).filter(|key| *key != "input_measures");
    KEYS.iter().all(|key| {
        (*key == "tags" && node.resource_type != ResourceType::SavedQuery) || same_json(now.get(key), old.get(*key))
    }) && ["/query_params/metrics", "/query_params/group_by", "/query_params/where"].into_iter().all(same)
        && params.all(|key| same(&format!("/type_params/{key}")))
        && same_exports(now.get("exports"), old.get("exports"))
        && same_declared_config(node, old)
}

fn same_declared_config(node: &Node, old: &Map<String, Json>) -> bool {
    let before = old.get("unrendered_config").and_then(Json::as_object);
    same_map(&node.unrendered_config, before.unwrap_or(&Map::new()))
}

fn same_exports(now: Option<&Json>, before: Option<&Json>) -> bool {
    let list = |exports: Option<&Json>| exports.and_then(Json::as_array).cloned().unwrap_or_default();
    let (now, before) = (list(now), list(before));
    let paths = ["/name", "/unrendered_config/export_as", "/unrendered_config/schema", "/unrendered_config/alias"];
    now.len() == before.len()
        && now
            .iter()
            .zip(&before)
            .all(|(now, old)| paths.iter().all(|path| same_json(now.pointer(path), old.pointer(path))))
}

fn same_node(node: &Node, old: &StateNode) -> bool {
    if matches!(node.kind, NodeKind::GenericTest(_)) {
        return same_node_config(node, old) && node.fqn == old.fqn;
    }
    same_body(node, old)
        && same_node_config(node, old)
        && same_persisted_descriptions(node, old)
        && node.fqn == old.fqn
        && same_relation(node, old)
        && same_references(node, old)
}

pub(super) fn same_body(node: &Node, old: &StateNode) -> bool {
    if node.resource_type != ResourceType::Seed {
        return old.raw_code.as_deref().is_some_and(|code| same_text(code, &node.raw_code));
    }
    let field = |key: &str| old.checksum.get(key).and_then(Json::as_str).unwrap_or_default();
    let own = [&node.checksum.checksum];
    node.checksum.name == field("name")
        && own.into_iter().chain(&node.clues.other_checksums).any(|checksum| checksum == field("checksum"))
}

fn same_node_config(node: &Node, old: &StateNode) -> bool {
    let pairs = ConfigPair::new(node, old);
    if node.resource_type == ResourceType::Test {
        return TEST_CONFIGS.into_iter().all(|key| pairs.same(key));
    }
    let keys =
        node.unrendered_config.keys().map(String::as_str).chain(old.unrendered_config.keys().map(String::as_str));
    keys.filter(|key| !NOT_COMPARED.contains(key)).all(|key| pairs.same(key))
}

/// Whether database, schema and alias are configured as before; what the environment adds to them does not matter.
pub(super) fn same_relation(node: &Node, old: &StateNode) -> bool {
    let pairs = ConfigPair::new(node, old);
    ["database", "schema", "alias"].into_iter().all(|key| pairs.same(key))
}

/// As written where the state says how they were written, else as they are.
pub(super) fn same_source_relation(source: &Source, old: &StateNode) -> bool {
    let written = |key: &str| old.rest.get(key).map(Json::as_str);
    let places = match (written("unrendered_database"), written("unrendered_schema")) {
        (Some(database), Some(schema)) => {
            source.unrendered_database.as_deref() == database && source.unrendered_schema.as_deref() == schema
        }
        _ => old.database.as_ref() == Some(&source.database) && old.schema.as_ref() == Some(&source.schema),
    };
    places && old.rest.get("identifier").and_then(Json::as_str) == Some(&source.identifier)
}

pub(super) fn same_persisted_descriptions(node: &Node, old: &StateNode) -> bool {
    let persists = |what: &str| {
        let docs = node.config.get("persist_docs").and_then(|docs| docs.get(what));
        docs.is_some_and(|on| on.is_truthy())
    };
    if persists("relation") && !same_text(&node.description, old.description.as_deref().unwrap_or_default()) {
        return false;
    }
    if !persists("columns") {
        return true;
    }
    let before = |name: &str| old.columns.get(name).and_then(|column| column.get("description")).and_then(Json::as_str);
    node.columns.len() == old.columns.len()
        && node
            .columns
            .iter()
            .all(|(name, column)| before(name).is_some_and(|description| same_text(description, &column.description)))
}

/// What those who refer to a model depend on.
fn same_references(node: &Node, old: &StateNode) -> bool {
    let NodeKind::Model(model) = &node.kind else { return true };
    let access = if model.access.is_empty() { "protected" } else { &model.access };
    let latest = model.latest_version.as_ref().map(to_json);
    let date = model.deprecation_date.as_deref().map(Json::from);
    let access = Json::from(access);
    let same = |key: &str, now: Option<&Json>| same_json(now, old.rest.get(key));
    same("latest_version", latest.as_ref()) && same("access", Some(&access)) && same("deprecation_date", date.as_ref())
}

/// The configs of a node now and before, and what is known of how they were written.
struct ConfigPair<'a> {
    node: &'a Node,
    old: &'a StateNode,
    old_texts: Option<&'a Map<String, Json>>,
    same_code: bool,
}

impl<'a> ConfigPair<'a> {
    fn new(node: &'a Node, old: &'a StateNode) -> Self {
        let same_code = old.raw_code.as_deref().is_some_and(|code| same_text(code, &node.raw_code));
        let old_texts = old.rest.get("unrendered_properties").and_then(Json::as_object);
        Self { node, old, old_texts, same_code }
    }

    /// Whether a key is as it was: the same value, the same text in the properties, or given by an unchanged file.
    fn same(&self, key: &str) -> bool {
        let StateClues { config_in_file, config_as_written, .. } = &self.node.clues;
        if self.same_code && config_in_file.contains(key) {
            return true;
        }
        let value = self.node.unrendered_config.get(key).map(to_json);
        let before = self.old.unrendered_config.get(key);
        if same_json(value.as_ref(), before) {
            return true;
        }
        let text = config_as_written.get(key).map(to_json);
        let text_before = self.old_texts.and_then(|texts| texts.get(key));
        let equal = |one: Option<&Json>, other: Option<&Json>| one.is_some() && same_json(one, other);
        equal(text.as_ref(), text_before) || equal(text.as_ref(), before) || equal(text_before, value.as_ref())
    }
}

fn same_map(now: &indexmap::IndexMap<String, crate::jinja::Value>, before: &Map<String, Json>) -> bool {
    let keys = now.keys().map(String::as_str).chain(before.keys().map(String::as_str));
    keys.into_iter().all(|key| same_json(now.get(key).map(to_json).as_ref(), before.get(key)))
}

/// Whether two values are equal; absent, null and a dict of nulls are the same.
fn same_json(one: Option<&Json>, other: Option<&Json>) -> bool {
    match (one.filter(|json| !is_nothing(json)), other.filter(|json| !is_nothing(json))) {
        (Some(Json::Object(one)), Some(Json::Object(other))) => {
            one.keys().chain(other.keys()).all(|key| same_json(one.get(key), other.get(key)))
        }
        (Some(Json::Array(one)), Some(Json::Array(other))) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_json(Some(one), Some(other)))
        }
        (Some(Json::String(one)), Some(Json::String(other))) => same_text(one, other),
        (Some(Json::Number(one)), Some(Json::Number(other))) => one == other || one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Object(map) => !map.is_empty() && map.values().all(is_nothing),
        _ => false,
    }
}

/// Whether two texts are the same but for line ends.
fn same_text(one: &str, other: &str) -> bool {
    one == other || crate::diagnostic::line_feeds(one) == crate::diagnostic::line_feeds(other)
}
