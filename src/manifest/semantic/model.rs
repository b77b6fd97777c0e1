//! Semantic models: what a model's columns mean.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::Value,
    names::ResourceType,
    project::yaml::Yaml,
};

use super::{
    super::{
        Manifest,
        calls::{Call, parse_call},
        node::Node,
        resolve::{Asker, Failure, Names},
    },
    Entry, Layer, Reader, metric, text_or_none,
};

const KEYS: [&str; 15] = [
    "name",
    "model",
    "description",
    "label",
    "defaults",
    "entities",
    "measures",
    "dimensions",
    "primary_entity",
    "config",
    "meta",
    "tags",
    "group",
    "enabled",
    "docs",
];

/// Reads an entry of `semantic_models`; the metrics that its measures ask for are kept in `layer`.
pub(super) fn read(
    reader: &Reader<'_>,
    yaml: &Yaml,
    (names, manifest): (&Names, &Manifest),
    layer: &mut Layer,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(Node, Span)> {
    let Some(entry) = Entry::new(ResourceType::SemanticModel, yaml) else { return Vec::new() };
    entry.unknown_keys(&KEYS, diagnostics);
    let Some(written) = entry.require("model", diagnostics) else { return Vec::new() };
    let text = written.to_value().to_str();
    let Some(Call::Ref(call)) = parse_call(&text, Some(written.span)) else {
        let message = format!("semantic model `{}` is of `{text}`, which is no `ref`", entry.name);
        diagnostics.push(Diagnostic::error("semantic-model", message).at(written.span, "expected `ref('…')`"));
        return Vec::new();
    };
    let mut fields = IndexMap::new();
    fields.insert("model".to_owned(), Value::from(text.as_str()));
    fields.insert("node_relation".to_owned(), Value::None);
    let label = reader.fields(Some(yaml), &[("label", Value::None), ("primary_entity", Value::None)], diagnostics);
    fields.extend(label);
    let defaults = entry.get("defaults");
    let of_defaults = reader.fields(defaults, &[("agg_time_dimension", Value::None)], diagnostics);
    fields.insert("defaults".to_owned(), if defaults.is_some() { Value::dict(of_defaults) } else { Value::None });
    for (section, read) in [
        ("entities", entity as fn(&Reader<'_>, &Yaml, &mut Vec<Diagnostic>) -> Value),
        ("measures", measure),
        ("dimensions", dimension),
    ] {
        let items = entry.get(section).and_then(Yaml::as_list).unwrap_or_default();
        let items: Vec<Value> = items.iter().map(|item| read(reader, item, diagnostics)).collect();
        fields.insert(section.to_owned(), Value::list(items));
    }
    fields.insert("metadata".to_owned(), Value::None);
    let mut node = reader.node(&entry, fields, diagnostics);
    inherit_meta(&mut node);
    let asker = Asker {
        package: node.package_name.clone(),
        unique_id: node.unique_id.to_string(),
        name: node.name.clone(),
        kind: ResourceType::SemanticModel,
        group: node.group.clone(),
        span: Some(entry.span),
    };
    match names.reference(&call, &asker) {
        Ok(id) => {
            let relation = manifest.nodes.get(&id).map(relation_of);
            set(&mut node, "node_relation", relation.unwrap_or(Value::None));
            node.depends_on.nodes.insert(id);
        }
        Err(Failure::Missing { diagnostic, .. } | Failure::Refused(diagnostic)) => diagnostics.push(*diagnostic),
    }
    node.refs.push(call);
    for item in entry.get("measures").and_then(Yaml::as_list).unwrap_or_default() {
        let Some(measure) = Entry::new(ResourceType::Metric, item) else { continue };
        layer.measures.insert(measure.name.clone(), node.unique_id.clone());
        if measure.get("create_metric").is_some_and(|yaml| yaml.as_bool() == Some(true)) {
            layer.of_measures.push((metric::of_measure(reader, (&measure, &node), diagnostics), measure.span));
        }
    }
    vec![(node, entry.span)]
}

pub(super) fn set(node: &mut Node, key: &str, value: Value) {
    if let super::NodeKind::Declared(fields) = &mut node.kind {
        fields.insert(key.to_owned(), value);
    }
}

/// Each entity, measure and dimension has the `meta` of its semantic model too, unless it says otherwise.
pub(super) fn inherit_meta(node: &mut Node) {
    let Some(meta) = node.config.get("meta").map(super::pairs).filter(|meta| !meta.is_empty()) else { return };
    let super::NodeKind::Declared(fields) = &mut node.kind else { return };
    for section in ["entities", "measures", "dimensions"] {
        let Some(elements) = fields.get_mut(section) else { continue };
        let merged = elements.items().unwrap_or_default().into_iter().map(|element| {
            let mut whole = meta.clone();
            whole.extend(element.get("config").and_then(|config| config.get("meta")).iter().flat_map(super::pairs));
            let mut element = super::pairs(&element);
            element.insert("config".to_owned(), Value::dict([("meta", Value::dict(whole))]));
            Value::dict(element)
        });
        *elements = Value::list(merged.collect::<Vec<_>>());
    }
}

/// The relation of a node as the semantic layer names it.
pub fn relation_of(node: &Node) -> Value {
    Value::dict([
        ("alias", Value::from(node.alias.as_str())),
        ("schema_name", node.schema.as_str().into()),
        ("database", node.database.as_str().into()),
        ("relation_name", node.relation_name.as_deref().map_or(Value::None, Value::from)),
    ])
}

fn config(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let given = yaml.as_map().and_then(|map| map.get("config"));
    Value::dict(reader.fields(given, &[("meta", Value::dict::<Value>([]))], diagnostics))
}

fn entity(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let keys = ["name", "type", "description", "label", "role", "expr"].map(|key| (key, Value::None));
    let mut fields = reader.fields(Some(yaml), &keys, diagnostics);
    fields.entry("expr".to_owned()).and_modify(|expr| *expr = text_or_none(expr));
    fields.insert("config".to_owned(), config(reader, yaml, diagnostics));
    Value::dict(fields)
}

fn measure(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let keys = ["name", "agg", "description", "label"].map(|key| (key, Value::None));
    let mut fields = reader.fields(Some(yaml), &keys, diagnostics);
    fields.insert("create_metric".to_owned(), Value::Bool(false));
    let keys = ["expr", "agg_params", "non_additive_dimension", "agg_time_dimension"].map(|key| (key, Value::None));
    fields.extend(reader.fields(Some(yaml), &keys, diagnostics));
    fields.entry("expr".to_owned()).and_modify(|expr| *expr = text_or_none(expr));
    fields.insert("config".to_owned(), config(reader, yaml, diagnostics));
    Value::dict(fields)
}

fn dimension(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let keys = ["name", "type", "description", "label"].map(|key| (key, Value::None));
    let mut fields = reader.fields(Some(yaml), &keys, diagnostics);
    let partition = reader.fields(Some(yaml), &[("is_partition", Value::Bool(false))], diagnostics);
    fields.extend(partition);
    let given = yaml.as_map().and_then(|map| map.get("type_params")).filter(|yaml| !yaml.is_null());
    let params =
        reader.fields(given, &[("time_granularity", Value::None), ("validity_params", Value::None)], diagnostics);
    fields.insert("type_params".to_owned(), if given.is_some() { Value::dict(params) } else { Value::None });
    fields.extend(reader.fields(Some(yaml), &[("expr", Value::None)], diagnostics));
    fields.entry("expr".to_owned()).and_modify(|expr| *expr = text_or_none(expr));
    fields.insert("metadata".to_owned(), Value::None);
    fields.insert("config".to_owned(), config(reader, yaml, diagnostics));
    Value::dict(fields)
}
