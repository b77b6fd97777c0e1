//! Nodes, sources, exposures, macros, groups and docs on the wire. The same dicts are `model` and `graph` in templates,
//! so nulls are kept and the order is dbt's.

use indexmap::IndexMap;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value as JsonValue;
use sha2::{Digest, Sha256};

use super::{json::Json, metadata::hex, unit_test::UnitTestWire};
use crate::{
    jinja::{MacroKind, Value},
    manifest::{
        ColumnInfo, DependsOn, Disabled, Doc, Docs, Exposure, GenericTestFields, Group, Macro, ModelFields, Node,
        NodeKind, Quoting, RefArgs, Source,
    },
    names::{ResourceType, UniqueId},
};

/// A node as dbt's `to_dict()` gives it, nulls kept.
pub fn node_dict(node: &Node) -> JsonValue {
    dict(&NodeWire(node))
}

/// A source as dbt's `to_dict()` gives it.
pub fn source_dict(source: &Source) -> JsonValue {
    dict(&SourceWire(source))
}

/// An exposure as dbt's `to_dict()` gives it.
pub fn exposure_dict(exposure: &Exposure) -> JsonValue {
    dict(&ExposureWire(exposure))
}

/// A group as dbt's `to_dict()` gives it.
pub fn group_dict(group: &Group) -> JsonValue {
    dict(&GroupWire(group))
}

/// A macro as dbt's `to_dict()` gives it.
pub fn macro_dict(found: &Macro) -> JsonValue {
    dict(&MacroWire(found))
}

fn dict(wire: &impl Serialize) -> JsonValue {
    serde_json::to_value(wire).unwrap_or_default()
}

/// Serialises as a map of string keys to template values.
pub(super) struct Values<'a>(pub &'a IndexMap<String, Value>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Json::new(value))))
    }
}

struct List<'a>(&'a [Value]);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json::new))
    }
}

struct Ids<'a, I>(&'a I);

impl<'a, I> Serialize for Ids<'a, I>
where
    &'a I: IntoIterator<Item = &'a UniqueId>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.into_iter().map(UniqueId::as_str))
    }
}

pub(super) struct QuotingWire(pub Quoting);

impl Serialize for QuotingWire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("database", &self.0.database)?;
        map.serialize_entry("schema", &self.0.schema)?;
        map.serialize_entry("identifier", &self.0.identifier)?;
        map.serialize_entry("column", &self.0.column)?;
        map.end()
    }
}

#[derive(Serialize)]
struct DocsWire<'a> {
    show: bool,
    node_color: Option<&'a str>,
}

impl<'a> From<&'a Docs> for DocsWire<'a> {
    fn from(docs: &'a Docs) -> Self {
        Self { show: docs.show, node_color: docs.node_color.as_deref() }
    }
}

#[derive(Serialize)]
struct ChecksumWire<'a> {
    name: &'a str,
    checksum: &'a str,
}

#[derive(Serialize)]
struct RefWire<'a> {
    name: &'a str,
    package: Option<&'a str>,
    version: Option<Json<'a>>,
}

impl<'a> From<&'a RefArgs> for RefWire<'a> {
    fn from(call: &'a RefArgs) -> Self {
        Self { name: &call.name, package: call.package.as_deref(), version: call.version.as_ref().map(Json::new) }
    }
}

fn refs(refs: &[RefArgs]) -> Vec<RefWire<'_>> {
    refs.iter().map(RefWire::from).collect()
}

pub(super) struct DependsOnWire<'a>(pub &'a DependsOn);

impl Serialize for DependsOnWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("macros", &Ids(&self.0.macros))?;
        map.serialize_entry("nodes", &Ids(&self.0.nodes))?;
        map.end()
    }
}

struct ColumnsWire<'a>(&'a IndexMap<String, ColumnInfo>);

impl Serialize for ColumnsWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, column)| (name, ColumnWire(column))))
    }
}

struct ColumnWire<'a>(&'a ColumnInfo);

#[derive(Serialize)]
struct MetaAndTags<'a> {
    meta: Values<'a>,
    tags: &'a [String],
}

impl Serialize for ColumnWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let column = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &column.name)?;
        map.serialize_entry("description", &column.description)?;
        map.serialize_entry("meta", &Values(&column.meta))?;
        map.serialize_entry("data_type", &column.data_type)?;
        map.serialize_entry("constraints", &List(&column.constraints))?;
        map.serialize_entry("quote", &column.quote)?;
        map.serialize_entry("config", &MetaAndTags { meta: Values(&column.meta), tags: &column.tags })?;
        map.serialize_entry("tags", &column.tags)?;
        map.serialize_entry("granularity", &column.granularity)?;
        map.serialize_entry("doc_blocks", &Ids(&column.doc_blocks))?;
        for (key, value) in &column.extra {
            map.serialize_entry(key, &Json::new(value))?;
        }
        map.end()
    }
}

pub(super) struct NodeWire<'a>(pub &'a Node);

impl Serialize for NodeWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.0;
        if let NodeKind::UnitTest(fields) = &node.kind {
            return UnitTestWire(node, fields).serialize(serializer);
        }
        if let NodeKind::Declared(fields) = &node.kind {
            return declared(node, fields, serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("database", &node.database)?;
        map.serialize_entry("schema", &node.schema)?;
        map.serialize_entry("name", &node.name)?;
        map.serialize_entry("resource_type", node.resource_type.as_str())?;
        map.serialize_entry("package_name", &node.package_name)?;
        map.serialize_entry("path", &node.path)?;
        map.serialize_entry("original_file_path", &node.original_file_path)?;
        map.serialize_entry("unique_id", node.unique_id.as_str())?;
        map.serialize_entry("fqn", &node.fqn)?;
        map.serialize_entry("alias", &node.alias)?;
        let checksum = ChecksumWire { name: node.checksum.name, checksum: &node.checksum.checksum };
        map.serialize_entry("checksum", &checksum)?;
        map.serialize_entry("config", &Values(&node.config.0))?;
        map.serialize_entry("tags", &node.tags)?;
        map.serialize_entry("description", &node.description)?;
        map.serialize_entry("columns", &ColumnsWire(&node.columns))?;
        map.serialize_entry("meta", &Values(&node.meta))?;
        map.serialize_entry("group", &node.group)?;
        map.serialize_entry("docs", &DocsWire::from(&node.docs))?;
        map.serialize_entry("patch_path", &node.patch_path)?;
        map.serialize_entry("build_path", &node.build_path)?;
        map.serialize_entry("unrendered_config", &Values(&node.unrendered_config))?;
        map.serialize_entry("created_at", &node.created_at)?;
        map.serialize_entry("relation_name", &node.relation_name)?;
        map.serialize_entry("raw_code", &node.raw_code)?;
        map.serialize_entry("doc_blocks", &Ids(&node.doc_blocks))?;
        if let NodeKind::Seed { root_path } = &node.kind {
            map.serialize_entry("root_path", root_path)?;
            map.serialize_entry("depends_on", &MacrosOnly { macros: Ids(&node.depends_on.macros) })?;
        } else {
            code_entries(node, &mut map)?;
        }
        match &node.kind {
            NodeKind::Model(model) => model_entries(model, &mut map)?,
            NodeKind::GenericTest(test) => generic_test_entries(test, &mut map)?,
            NodeKind::Operation { index, .. } => map.serialize_entry("index", index)?,
            NodeKind::Seed { .. }
            | NodeKind::Snapshot
            | NodeKind::Analysis
            | NodeKind::SingularTest
            | NodeKind::UnitTest(_)
            | NodeKind::Declared(_)
            | NodeKind::Inline => {}
            NodeKind::Function(function) => {
                map.serialize_entry("returns", &function.returns.as_ref().map(Json::new))?;
                map.serialize_entry("arguments", &List(&function.arguments))?;
            }
        }
        if !node.clues.config_as_written.is_empty() {
            // Ours: what a later `state:modified` compares instead of values that depend on the environment.
            map.serialize_entry("unrendered_properties", &Values(&node.clues.config_as_written))?;
        }
        map.end()
    }
}

/// What a node of a section of its own is called and where it is.
pub(super) fn identity_entries<M: SerializeMap>(node: &Node, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("name", &node.name)?;
    map.serialize_entry("resource_type", node.resource_type.as_str())?;
    map.serialize_entry("package_name", &node.package_name)?;
    map.serialize_entry("path", &node.path)?;
    map.serialize_entry("original_file_path", &node.original_file_path)?;
    map.serialize_entry("unique_id", node.unique_id.as_str())?;
    map.serialize_entry("fqn", &node.fqn)?;
    // dbt gives these two no description instead of an empty one, unless it is a model's.
    let kinds = [ResourceType::SemanticModel, ResourceType::SavedQuery];
    let of_model = matches!(&node.kind, NodeKind::Declared(fields) if fields.contains_key("description"));
    let absent = node.description.is_empty() && kinds.contains(&node.resource_type) && !of_model;
    map.serialize_entry("description", &(!absent).then_some(&node.description))
}

/// A metric, semantic model or saved query.
fn declared<S: Serializer>(node: &Node, fields: &IndexMap<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    let kind = node.resource_type;
    let mut map = serializer.serialize_map(None)?;
    identity_entries(node, &mut map)?;
    let is_written = |key: &str| key != "description" && (key != "tags" || kind != ResourceType::SemanticModel);
    for (key, value) in fields.iter().filter(|(key, _)| is_written(key)) {
        map.serialize_entry(key, &Json::new(value))?;
    }
    if kind == ResourceType::Metric {
        map.serialize_entry("meta", &Values(&node.meta))?;
        map.serialize_entry("sources", &node.sources)?;
        map.serialize_entry("metrics", &node.metrics)?;
    }
    map.serialize_entry("config", &Values(&node.config.0))?;
    map.serialize_entry("unrendered_config", &Values(&node.unrendered_config))?;
    map.serialize_entry("depends_on", &DependsOnWire(&node.depends_on))?;
    map.serialize_entry("refs", &refs(&node.refs))?;
    map.serialize_entry("created_at", &node.created_at)?;
    map.serialize_entry("group", &node.group)?;
    map.end()
}

#[derive(Serialize)]
struct MacrosOnly<'a> {
    macros: Ids<'a, indexmap::IndexSet<UniqueId>>,
}

#[derive(Serialize)]
struct CteWire<'a> {
    id: &'a str,
    sql: &'a str,
}

/// What all nodes with a template have.
fn code_entries<M: SerializeMap>(node: &Node, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("language", node.language)?;
    map.serialize_entry("refs", &refs(&node.refs))?;
    map.serialize_entry("sources", &node.sources)?;
    map.serialize_entry("metrics", &node.metrics)?;
    map.serialize_entry("functions", &node.functions)?;
    map.serialize_entry("depends_on", &DependsOnWire(&node.depends_on))?;
    let path = node.compiled.as_ref().and_then(|compiled| compiled.path.as_deref());
    map.serialize_entry("compiled_path", &path)?;
    if let Some(compiled) = &node.compiled {
        map.serialize_entry("compiled", &true)?;
        map.serialize_entry("compiled_code", &compiled.code)?;
        map.serialize_entry("extra_ctes_injected", &true)?;
        let ctes = compiled.extra_ctes.iter().map(|(id, sql)| CteWire { id: id.as_str(), sql });
        map.serialize_entry("extra_ctes", &ctes.collect::<Vec<_>>())?;
    }
    map.serialize_entry("contract", &contract_of(node))
}

/// The contract of a node, with a digest of what it promises.
#[derive(Debug, Serialize)]
pub struct ContractWire {
    pub enforced: bool,
    pub alias_types: bool,
    pub checksum: Option<String>,
}

/// The contract as the manifest has it.
pub fn contract_of(node: &Node) -> ContractWire {
    let flag = |key: &str, default: bool| match node.config.get("contract").and_then(|contract| contract.get(key)) {
        Some(Value::Bool(value)) => value,
        _ => default,
    };
    let enforced = node.config.get("contract").is_some() && flag("enforced", false);
    let checksum = (enforced && node.resource_type == ResourceType::Model).then(|| contract_checksum(node));
    let alias_types = node.config.get("contract").is_none() || flag("alias_types", true);
    ContractWire { enforced, alias_types, checksum }
}

/// dbt's digest of names, types and constraints of the columns, by name, and of the model's own constraints where they
/// are enforced.
fn contract_checksum(node: &Node) -> String {
    let mut columns: Vec<&ColumnInfo> = node.columns.values().collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    let mut state = String::new();
    for column in columns {
        let data_type = column.data_type.as_deref().unwrap_or("None");
        let constraints: Vec<String> =
            column.constraints.iter().map(|found| constraint_repr(found, "ColumnLevelConstraint", "")).collect();
        state.push_str(&format!("|{}{data_type}[{}]", column.name, constraints.join(", ")));
    }
    if let (NodeKind::Model(model), kind @ ("table" | "incremental")) = (&node.kind, node.config.materialized()) {
        let own = model.constraints.iter().map(|found| {
            let columns = found.get("columns").unwrap_or_else(|| Value::list([])).to_repr();
            constraint_repr(found, "ModelLevelConstraint", &format!(", columns={columns}"))
        });
        state.push_str(&format!("{kind}[{}]", own.collect::<Vec<_>>().join(", ")));
    }
    hex(&Sha256::digest(state.as_bytes()))
}

/// A constraint as Python prints the dataclass.
fn constraint_repr(constraint: &Value, class: &str, rest: &str) -> String {
    let field = |key: &str, default: Value| constraint.get(key).unwrap_or(default).to_repr();
    let kind = constraint.get("type").map_or_else(String::new, |kind| kind.to_str());
    format!(
        "{class}(type=<ConstraintType.{kind}: '{kind}'>, name={}, expression={}, warn_unenforced={}, \
         warn_unsupported={}, to={}, to_columns={}{rest})",
        field("name", Value::None),
        field("expression", Value::None),
        field("warn_unenforced", Value::Bool(true)),
        field("warn_unsupported", Value::Bool(true)),
        field("to", Value::None),
        field("to_columns", Value::list([])),
    )
}

fn model_entries<M: SerializeMap>(model: &ModelFields, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("access", if model.access.is_empty() { "protected" } else { &model.access })?;
    map.serialize_entry("constraints", &List(&model.constraints))?;
    map.serialize_entry("version", &model.version.as_ref().map(Json::new))?;
    map.serialize_entry("latest_version", &model.latest_version.as_ref().map(Json::new))?;
    map.serialize_entry("deprecation_date", &model.deprecation_date)?;
    map.serialize_entry("primary_key", &model.primary_key)?;
    map.serialize_entry("time_spine", &model.time_spine.as_ref().map(Json::new))
}

#[derive(Serialize)]
struct TestMetadata<'a> {
    name: &'a str,
    kwargs: Values<'a>,
    namespace: Option<&'a str>,
}

fn generic_test_entries<M: SerializeMap>(test: &GenericTestFields, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("column_name", &test.column_name)?;
    map.serialize_entry("file_key_name", &test.file_key_name)?;
    map.serialize_entry("attached_node", &test.attached_node.as_ref().map(UniqueId::as_str))?;
    let metadata =
        TestMetadata { name: &test.test_name, kwargs: Values(&test.kwargs), namespace: test.namespace.as_deref() };
    map.serialize_entry("test_metadata", &metadata)
}

pub(super) struct SourceWire<'a>(pub &'a Source);

impl Serialize for SourceWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let source = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("database", &source.database)?;
        map.serialize_entry("schema", &source.schema)?;
        map.serialize_entry("name", &source.name)?;
        map.serialize_entry("resource_type", "source")?;
        map.serialize_entry("package_name", &source.package_name)?;
        map.serialize_entry("path", &source.path)?;
        map.serialize_entry("original_file_path", &source.original_file_path)?;
        map.serialize_entry("unique_id", source.unique_id.as_str())?;
        map.serialize_entry("fqn", &source.fqn)?;
        map.serialize_entry("source_name", &source.source_name)?;
        map.serialize_entry("source_description", &source.source_description)?;
        map.serialize_entry("loader", &source.loader)?;
        map.serialize_entry("identifier", &source.identifier)?;
        map.serialize_entry("quoting", &QuotingWire(source.quoting))?;
        map.serialize_entry("loaded_at_field", &source.loaded_at_field)?;
        map.serialize_entry("loaded_at_query", &source.loaded_at_query)?;
        map.serialize_entry("freshness", &source.freshness.as_ref().map(Json::new))?;
        map.serialize_entry("external", &source.external.as_ref().map(Json::new))?;
        map.serialize_entry("description", &source.description)?;
        map.serialize_entry("columns", &ColumnsWire(&source.columns))?;
        map.serialize_entry("meta", &Values(&source.meta))?;
        map.serialize_entry("source_meta", &Values(&source.source_meta))?;
        map.serialize_entry("tags", &source.tags)?;
        map.serialize_entry("config", &Values(&source.config.0))?;
        map.serialize_entry("patch_path", &())?;
        map.serialize_entry("unrendered_config", &Values(&source.unrendered_config))?;
        map.serialize_entry("relation_name", &source.relation_name)?;
        map.serialize_entry("created_at", &source.created_at)?;
        map.serialize_entry("unrendered_database", &source.unrendered_database)?;
        map.serialize_entry("unrendered_schema", &source.unrendered_schema)?;
        map.serialize_entry("doc_blocks", &Ids(&source.doc_blocks))?;
        map.end()
    }
}

pub(super) struct ExposureWire<'a>(pub &'a Exposure);

impl Serialize for ExposureWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let exposure = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &exposure.name)?;
        map.serialize_entry("resource_type", "exposure")?;
        map.serialize_entry("package_name", &exposure.package_name)?;
        map.serialize_entry("path", &exposure.path)?;
        map.serialize_entry("original_file_path", &exposure.original_file_path)?;
        map.serialize_entry("unique_id", exposure.unique_id.as_str())?;
        map.serialize_entry("fqn", &exposure.fqn)?;
        map.serialize_entry("type", &exposure.exposure_type)?;
        map.serialize_entry("owner", &Values(&exposure.owner))?;
        map.serialize_entry("description", &exposure.description)?;
        map.serialize_entry("label", &exposure.label)?;
        map.serialize_entry("maturity", &exposure.maturity)?;
        map.serialize_entry("meta", &Values(&exposure.meta))?;
        map.serialize_entry("tags", &exposure.tags)?;
        map.serialize_entry("config", &Values(&exposure.config.0))?;
        map.serialize_entry("unrendered_config", &Values(&exposure.unrendered_config))?;
        map.serialize_entry("url", &exposure.url)?;
        map.serialize_entry("depends_on", &DependsOnWire(&exposure.depends_on))?;
        map.serialize_entry("refs", &refs(&exposure.refs))?;
        map.serialize_entry("sources", &exposure.sources)?;
        map.serialize_entry("metrics", &exposure.metrics)?;
        map.serialize_entry("created_at", &exposure.created_at)?;
        map.end()
    }
}

pub(super) struct MacroWire<'a>(pub &'a Macro);

impl Serialize for MacroWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ConfigWire<'a> {
            meta: Values<'a>,
            docs: DocsWire<'a>,
        }
        let found = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &found.name)?;
        map.serialize_entry("resource_type", "macro")?;
        map.serialize_entry("package_name", &found.package_name)?;
        map.serialize_entry("path", &found.path)?;
        map.serialize_entry("original_file_path", &found.original_file_path)?;
        map.serialize_entry("unique_id", found.unique_id.as_str())?;
        map.serialize_entry("macro_sql", &*found.definition.text)?;
        map.serialize_entry("depends_on", &MacroDependsOn { macros: Ids(&found.depends_on) })?;
        map.serialize_entry("description", &found.description)?;
        map.serialize_entry("meta", &Values(&found.meta))?;
        map.serialize_entry("docs", &DocsWire::from(&found.docs))?;
        map.serialize_entry("config", &ConfigWire { meta: Values(&found.meta), docs: (&found.docs).into() })?;
        map.serialize_entry("patch_path", &found.patch_path)?;
        map.serialize_entry("arguments", &List(&found.arguments))?;
        map.serialize_entry("created_at", &found.created_at)?;
        let languages: Option<Vec<&str>> = match &found.definition.kind {
            MacroKind::Materialization { languages, .. } => {
                Some(languages.iter().map(|language| &**language).collect())
            }
            MacroKind::Macro | MacroKind::Test => None,
        };
        map.serialize_entry("supported_languages", &languages)?;
        map.end()
    }
}

#[derive(Serialize)]
struct MacroDependsOn<'a> {
    macros: Ids<'a, Vec<UniqueId>>,
}

pub(super) struct GroupWire<'a>(pub &'a Group);

impl Serialize for GroupWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &group.name)?;
        map.serialize_entry("resource_type", "group")?;
        map.serialize_entry("package_name", &group.package_name)?;
        map.serialize_entry("path", &group.path)?;
        map.serialize_entry("original_file_path", &group.original_file_path)?;
        map.serialize_entry("unique_id", group.unique_id.as_str())?;
        map.serialize_entry("owner", &Values(&group.owner))?;
        map.serialize_entry("description", &group.description)?;
        map.serialize_entry("config", &Values(&group.config))?;
        map.end()
    }
}

pub(super) struct DocWire<'a>(pub &'a Doc);

impl Serialize for DocWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let doc = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &doc.name)?;
        map.serialize_entry("resource_type", "doc")?;
        map.serialize_entry("package_name", &doc.package_name)?;
        map.serialize_entry("path", &doc.path)?;
        map.serialize_entry("original_file_path", &doc.original_file_path)?;
        map.serialize_entry("unique_id", doc.unique_id.as_str())?;
        map.serialize_entry("block_contents", &doc.block_contents)?;
        map.end()
    }
}

pub(super) struct DisabledWire<'a>(pub &'a Disabled);

impl Serialize for DisabledWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Disabled::Node(node) => NodeWire(node).serialize(serializer),
            Disabled::Source(source) => SourceWire(source).serialize(serializer),
            Disabled::Exposure(exposure) => ExposureWire(exposure).serialize(serializer),
        }
    }
}
