//! Metrics: what is counted, and which measures and metrics it is made of.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::{ResourceType, UniqueId},
    project::yaml::{Map, Yaml},
};

use super::{
    super::node::{Node, NodeKind},
    Entry, Layer, Reader, filter, flat_metric, model, text_or_none, window,
};

const KEYS: [&str; 14] = [
    "name",
    "label",
    "description",
    "type",
    "type_params",
    "filter",
    "time_granularity",
    "config",
    "meta",
    "tags",
    "group",
    "enabled",
    "agg",
    "docs",
];

pub(super) const TYPES: [&str; 5] = ["simple", "ratio", "derived", "cumulative", "conversion"];

/// Reads an entry of `metrics`.
pub(super) fn read(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Vec<(Node, Span)> {
    let Some(entry) = Entry::new(ResourceType::Metric, yaml) else { return Vec::new() };
    if entry.get("type_params").is_none() {
        return flat_metric::read(reader, yaml, None, diagnostics);
    }
    entry.unknown_keys(&KEYS, diagnostics);
    let label = entry.require("label", diagnostics).map(|yaml| reader.native(yaml, diagnostics));
    let Some(kind) = entry.require("type", diagnostics) else { return Vec::new() };
    let kind_text = kind.to_value().to_str();
    if !TYPES.contains(&kind_text.as_str()) {
        let message = format!("metric `{}` has type `{kind_text}`", entry.name);
        let label = format!("expected one of {}", TYPES.join(", "));
        diagnostics.push(Diagnostic::error("metric", message).at(kind.span, label));
        return Vec::new();
    }
    let Some(params) = entry.require("type_params", diagnostics) else { return Vec::new() };
    let needed: &[&str] = match kind_text.as_str() {
        "simple" => &["measure"],
        "ratio" => &["numerator", "denominator"],
        "derived" => &["expr", "metrics"],
        "conversion" => &["conversion_type_params"],
        _ => &[],
    };
    for key in needed {
        if params.as_map().and_then(|map| map.get(key)).is_none_or(Yaml::is_null) {
            let message = format!("{kind_text} metric `{}` has no `{key}` in `type_params`", entry.name);
            diagnostics.push(Diagnostic::error("metric", message).at(params.span, format!("add `{key}:`")));
        }
    }
    let mut fields = IndexMap::new();
    fields.insert("label".to_owned(), label.unwrap_or(Value::None));
    fields.insert("type".to_owned(), kind_text.as_str().into());
    let at_older_place = |key: &&str| params.as_map().and_then(|map| map.get(key)).is_some_and(|yaml| !yaml.is_null());
    if kind_text == "cumulative" && ["window", "grain_to_date"].iter().any(at_older_place) {
        let message = format!("`window` and `grain_to_date` of metric `{}` are below `type_params`", entry.name);
        let warning = Diagnostic::warning("deprecated-key", message).event("MFCumulativeTypeParamsDeprecation");
        diagnostics.push(warning.at(params.span, "").help("move them below `cumulative_type_params` in it"));
    }
    let params = type_params(reader, params, kind_text == "cumulative", diagnostics);
    fields.insert("type_params".to_owned(), params);
    fields.insert("filter".to_owned(), filter(entry.get("filter")));
    fields.insert("metadata".to_owned(), Value::None);
    fields.extend(reader.fields(Some(yaml), &[("time_granularity", Value::None)], diagnostics));
    let node = reader.node(&entry, fields, diagnostics);
    vec![(node, entry.span)]
}

/// The metric that `create_metric` of a measure asks for.
pub(super) fn of_measure(
    reader: &Reader<'_>,
    (measure, semantic_model): (&Entry<'_>, &Node),
    diagnostics: &mut Vec<Diagnostic>,
) -> Node {
    let expr =
        measure.get("expr").map_or_else(|| measure.name.as_str().into(), |yaml| reader.native(yaml, diagnostics));
    let label =
        measure.get("label").map_or_else(|| measure.name.as_str().into(), |yaml| reader.native(yaml, diagnostics));
    let input = Value::dict(input_fields(&measure.name, Value::None, &MEASURE_FIELDS));
    let mut params = empty_params();
    params.insert("measure".to_owned(), input);
    params.insert("expr".to_owned(), text_or_none(&expr));
    let fields = IndexMap::from([
        ("label".to_owned(), label),
        ("type".to_owned(), "simple".into()),
        ("type_params".to_owned(), Value::dict(params)),
        ("filter".to_owned(), Value::None),
        ("metadata".to_owned(), Value::None),
        ("time_granularity".to_owned(), Value::None),
    ]);
    // The measure's keys are not the metric's.
    let no_keys = Map::default();
    let own = Entry { map: &no_keys, kind: ResourceType::Metric, name: measure.name.clone(), span: measure.span };
    let mut node = reader.node(&own, fields, diagnostics);
    let enabled = Value::Bool(semantic_model.config.is_enabled());
    let meta = semantic_model.config.get("meta").map(super::pairs).unwrap_or_default();
    node.unrendered_config.insert("enabled".to_owned(), enabled.clone());
    node.unrendered_config.insert("meta".to_owned(), Value::dict(meta.clone()));
    node.meta.extend(meta);
    node.config.0.insert("enabled".to_owned(), enabled);
    node.config.0.insert("meta".to_owned(), Value::dict(node.meta.clone()));
    let description = measure.get("description").map(|yaml| reader.native(yaml, diagnostics).to_str());
    node.description = description
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| format!("Metric created from measure {}", measure.name));
    node
}

const MEASURE_FIELDS: [(&str, Value); 4] = [
    ("filter", Value::None),
    ("alias", Value::None),
    ("join_to_timespine", Value::Bool(false)),
    ("fill_nulls_with", Value::None),
];
pub(super) const METRIC_FIELDS: [(&str, Value); 4] =
    [("filter", Value::None), ("alias", Value::None), ("offset_window", Value::None), ("offset_to_grain", Value::None)];

fn input_fields(name: &str, filter: Value, defaults: &[(&str, Value)]) -> IndexMap<String, Value> {
    let mut fields = IndexMap::from([("name".to_owned(), Value::from(name))]);
    fields.extend(defaults.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    fields.insert("filter".to_owned(), filter);
    fields
}

/// A measure or metric as an input: a name, or a mapping with a name.
pub(super) fn input(
    reader: &Reader<'_>,
    yaml: Option<&Yaml>,
    defaults: &[(&str, Value)],
    diagnostics: &mut Vec<Diagnostic>,
) -> Value {
    let Some(yaml) = yaml.filter(|yaml| !yaml.is_null()) else { return Value::None };
    let Some(map) = yaml.as_map() else {
        let name = reader.native(yaml, diagnostics).to_str();
        return Value::dict(input_fields(&name, Value::None, defaults));
    };
    let name = map.get("name").map(|yaml| reader.native(yaml, diagnostics).to_str()).unwrap_or_default();
    let mut fields = input_fields(&name, Value::None, defaults);
    let without_filter: Vec<(&str, Value)> = defaults.iter().filter(|(key, _)| *key != "filter").cloned().collect();
    fields.extend(reader.fields(Some(yaml), &without_filter, diagnostics));
    fields.insert("filter".to_owned(), filter(map.get("filter").filter(|yaml| !yaml.is_null())));
    if let Some(offset) = fields.get_mut("offset_window") {
        *offset = window(offset);
    }
    Value::dict(fields)
}

pub(super) fn empty_params() -> IndexMap<String, Value> {
    let mut params: IndexMap<String, Value> = IndexMap::new();
    for key in ["measure", "input_measures", "numerator", "denominator", "expr", "window", "grain_to_date", "metrics"] {
        let empty = if key == "input_measures" || key == "metrics" { Value::list([]) } else { Value::None };
        params.insert(key.to_owned(), empty);
    }
    for key in ["conversion_type_params", "cumulative_type_params", "metric_aggregation_params"] {
        params.insert(key.to_owned(), Value::None);
    }
    params
}

fn type_params(reader: &Reader<'_>, yaml: &Yaml, cumulative: bool, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let get = |key: &str| yaml.as_map().and_then(|map| map.get(key)).filter(|yaml| !yaml.is_null());
    let mut params = empty_params();
    let mut set = |key: &str, value: Value| {
        params.insert(key.to_owned(), value);
    };
    set("measure", input(reader, get("measure"), &MEASURE_FIELDS, diagnostics));
    for key in ["numerator", "denominator"] {
        set(key, input(reader, get(key), &METRIC_FIELDS, diagnostics));
    }
    let plain =
        reader.fields(Some(yaml), &["expr", "window", "grain_to_date"].map(|key| (key, Value::None)), diagnostics);
    let mut of_window = Vec::new();
    for (key, value) in plain {
        let value = match key.as_str() {
            "expr" => text_or_none(&value),
            "window" => window(&value),
            _ => value,
        };
        if key != "expr" {
            of_window.push((key.clone(), value.clone()));
        }
        set(&key, value);
    }
    let metrics = get("metrics").and_then(Yaml::as_list).unwrap_or_default();
    let metrics: Vec<Value> =
        metrics.iter().map(|item| input(reader, Some(item), &METRIC_FIELDS, diagnostics)).collect();
    set("metrics", Value::list(metrics));
    let given = get("cumulative_type_params");
    if cumulative || given.is_some() {
        let defaults = [("window", Value::None), ("grain_to_date", Value::None), ("period_agg", Value::from("first"))];
        let mut fields = reader.fields(given, &defaults, diagnostics);
        fields.entry("window".to_owned()).and_modify(|value| *value = window(value));
        // The older places of these two.
        for (key, older) in of_window {
            fields.entry(key).and_modify(|value| {
                if value.is_none() {
                    *value = older;
                }
            });
        }
        let metric = given.and_then(Yaml::as_map).and_then(|map| map.get("metric"));
        fields.insert("metric".to_owned(), input(reader, metric, &METRIC_FIELDS, diagnostics));
        set("cumulative_type_params", Value::dict(fields));
    }
    if let Some(given) = get("conversion_type_params") {
        let of = |key: &str| given.as_map().and_then(|map| map.get(key));
        let mut fields = IndexMap::new();
        for key in ["base_measure", "conversion_measure"] {
            fields.insert(key.to_owned(), input(reader, of(key), &MEASURE_FIELDS, diagnostics));
        }
        let defaults = [
            ("entity", Value::None),
            ("calculation", Value::from("conversion_rate")),
            ("window", Value::None),
            ("constant_properties", Value::None),
        ];
        fields.extend(reader.fields(Some(given), &defaults, diagnostics));
        fields.entry("window".to_owned()).and_modify(|value| *value = window(value));
        set("conversion_type_params", Value::dict(fields));
    }
    Value::dict(params)
}

/// Finds what each metric is made of: edges, and all measures that it comes down to.
pub(super) fn resolve(layer: &mut Layer, diagnostics: &mut Vec<Diagnostic>) {
    let is_metric = |node: &Node| node.resource_type == ResourceType::Metric && node.config.is_enabled();
    let ids: Vec<UniqueId> =
        layer.made.iter().filter(|(_, (node, _))| is_metric(node)).map(|(id, _)| id.clone()).collect();
    for id in &ids {
        let Some((node, span)) = layer.made.get(id) else { continue };
        let span = *span;
        let mut parents: Vec<UniqueId> = Vec::new();
        for measure in own_measures(node) {
            let name = measure.get("name").map(|name| name.to_str()).unwrap_or_default();
            match layer.measures.get(&name) {
                Some(model) => parents.push(model.clone()),
                None => {
                    diagnostics.push(unknown(node, "measure", &name, span, layer.measures.keys().map(String::as_str)))
                }
            }
        }
        for name in own_metrics(node) {
            match layer.metric(&name, &node.package_name) {
                Some(metric) => parents.push(metric.clone()),
                None => diagnostics.push(unknown(node, "metric", &name, span, layer.metric_names())),
            }
        }
        if let Some((node, _)) = layer.made.get_mut(id) {
            node.depends_on.nodes.extend(parents);
        }
    }
    for id in &ids {
        let mut measures: Vec<Value> = Vec::new();
        collect_measures(layer, id, &mut HashSet::new(), &mut measures);
        if let Some((node, _)) = layer.made.get_mut(id)
            && let NodeKind::Declared(fields) = &node.kind
        {
            let mut params = fields.get("type_params").map(super::pairs).unwrap_or_default();
            params.insert("input_measures".to_owned(), Value::list(measures));
            model::set(node, "type_params", Value::dict(params));
        }
    }
}

fn unknown<'n>(node: &Node, kind: &str, name: &str, span: Span, known: impl Iterator<Item = &'n str>) -> Diagnostic {
    let message = format!("metric `{}` uses {kind} `{name}`, which does not exist", node.name);
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let diagnostic = Diagnostic::error("metric", message).at(span, "").node(node.unique_id.as_str());
    match nearest(name, known) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

fn param(node: &Node, key: &str) -> Value {
    let NodeKind::Declared(fields) = &node.kind else { return Value::None };
    fields.get("type_params").and_then(|params| params.get(key)).unwrap_or(Value::None)
}

fn own_measures(node: &Node) -> Vec<Value> {
    let conversion = param(node, "conversion_type_params");
    let of_conversion = ["base_measure", "conversion_measure"].into_iter().filter_map(|key| conversion.get(key));
    std::iter::once(param(node, "measure")).chain(of_conversion).filter(|found| !found.is_none()).collect()
}

fn own_metrics(node: &Node) -> Vec<String> {
    let cumulative = param(node, "cumulative_type_params").get("metric").unwrap_or(Value::None);
    let conversion = param(node, "conversion_type_params");
    let of_conversion = ["base_metric", "conversion_metric"].into_iter().filter_map(|key| conversion.get(key));
    let listed = param(node, "metrics").items().unwrap_or_default();
    let inputs = [param(node, "numerator"), param(node, "denominator"), cumulative];
    let inputs = inputs.into_iter().chain(of_conversion).chain(listed);
    let mut names: Vec<String> = Vec::new();
    for name in inputs.filter_map(|input| input.get("name")).map(|name| name.to_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The measures of a metric and of all metrics below it. A metric that is met again has nothing to add.
fn collect_measures(layer: &Layer, id: &UniqueId, seen: &mut HashSet<UniqueId>, measures: &mut Vec<Value>) {
    if !seen.insert(id.clone()) {
        return;
    }
    let Some((node, _)) = layer.made.get(id) else { return };
    for measure in own_measures(node) {
        if !measures.iter().any(|known| known.to_repr() == measure.to_repr()) {
            measures.push(measure);
        }
    }
    for name in own_metrics(node) {
        if let Some(metric) = layer.metric(&name, &node.package_name) {
            collect_measures(layer, metric, seen, measures);
        }
    }
}
