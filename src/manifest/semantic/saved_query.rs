//! Saved queries: metrics and how they are grouped, under a name.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::ResourceType,
    project::yaml::Yaml,
};

use super::{super::node::Node, Entry, Layer, Reader, filter};

const KEYS: [&str; 10] =
    ["name", "description", "label", "query_params", "exports", "config", "meta", "tags", "group", "enabled"];

/// Reads an entry of `saved_queries`.
pub(super) fn read(
    reader: &Reader<'_>,
    yaml: &Yaml,
    layer: &Layer,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(Node, Span)> {
    let Some(entry) = Entry::new(ResourceType::SavedQuery, yaml) else { return Vec::new() };
    entry.unknown_keys(&KEYS, diagnostics);
    let Some(params) = entry.require("query_params", diagnostics) else { return Vec::new() };
    let get = |key: &str| params.as_map().and_then(|map| map.get(key)).filter(|yaml| !yaml.is_null());
    let list = |key: &str, diagnostics: &mut Vec<Diagnostic>| {
        let items = get(key).and_then(Yaml::as_list).unwrap_or_default();
        Value::list(items.iter().map(|item| reader.native(item, diagnostics)).collect::<Vec<_>>())
    };
    let query = IndexMap::from([
        ("metrics".to_owned(), list("metrics", diagnostics)),
        ("group_by".to_owned(), list("group_by", diagnostics)),
        ("where".to_owned(), filter(get("where"))),
        ("order_by".to_owned(), list("order_by", diagnostics)),
        ("limit".to_owned(), get("limit").map_or(Value::None, |yaml| reader.native(yaml, diagnostics))),
    ]);
    let exports = entry.get("exports").and_then(Yaml::as_list).unwrap_or_default();
    let exports: Vec<Value> = exports.iter().map(|item| export(reader, item, diagnostics)).collect();
    let label = entry.get("label").map_or(Value::None, |yaml| reader.native(yaml, diagnostics));
    let fields = IndexMap::from([
        ("query_params".to_owned(), Value::dict(query)),
        ("exports".to_owned(), Value::list(exports)),
        ("label".to_owned(), label),
        ("metadata".to_owned(), Value::None),
    ]);
    let mut node = reader.node(&entry, fields, diagnostics);
    for item in get("metrics").and_then(Yaml::as_list).unwrap_or_default() {
        let name = item.to_value().to_str();
        match layer.metric(&name, &node.package_name) {
            Some(id) => {
                node.depends_on.nodes.insert(id.clone());
            }
            None => {
                let message = format!("saved query `{}` uses metric `{name}`, which does not exist", node.name);
                let diagnostic = Diagnostic::error("metric", message).at(item.span, "no metric has this name");
                let mut known: Vec<&str> = layer.metric_names().collect();
                known.sort_unstable();
                diagnostics.push(match nearest(&name, known) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic,
                });
            }
        }
    }
    vec![(node, entry.span)]
}

/// Where a query's rows would be written; nothing here writes them.
fn export(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let name = reader.fields(Some(yaml), &[("name", Value::None)], diagnostics);
    let name = name.get("name").cloned().unwrap_or(Value::None);
    let given = yaml.as_map().and_then(|map| map.get("config")).filter(|yaml| !yaml.is_null());
    let config = reader.fields(
        given,
        &[
            ("export_as", Value::from("table")),
            ("schema", Value::from(reader.defaults.schema.as_str())),
            ("alias", name.clone()),
            ("database", Value::from(reader.defaults.database.as_str())),
        ],
        diagnostics,
    );
    let of = |key: &str| config.get(key).cloned().unwrap_or(Value::None);
    let written = given.map_or_else(|| Value::dict::<Value>([]), Yaml::to_value);
    Value::dict([
        ("name", name),
        (
            "config",
            Value::dict([
                ("export_as", of("export_as")),
                ("schema_name", of("schema")),
                ("alias", of("alias")),
                ("database", of("database")),
            ]),
        ),
        ("unrendered_config", written),
    ])
}
