//! Metrics without `type_params`: all that they are made of stands at one level.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::Value,
    names::{ResourceType, UniqueId},
    project::yaml::Yaml,
};

use super::{
    super::node::Node,
    Entry, Reader, filter,
    metric::{METRIC_FIELDS, TYPES, empty_params, input},
    text_or_none, unknown_keys, window,
};

const KEYS: [&str; 29] = [
    "name",
    "label",
    "description",
    "type",
    "filter",
    "time_granularity",
    "config",
    "hidden",
    "agg",
    "percentile",
    "percentile_type",
    "join_to_timespine",
    "fill_nulls_with",
    "expr",
    "non_additive_dimension",
    "agg_time_dimension",
    "window",
    "grain_to_date",
    "period_agg",
    "input_metric",
    "numerator",
    "denominator",
    "input_metrics",
    "entity",
    "calculation",
    "base_metric",
    "conversion_metric",
    "constant_properties",
    "docs",
];

const AGGREGATIONS: [&str; 9] =
    ["sum", "min", "max", "count_distinct", "sum_boolean", "average", "percentile", "median", "count"];

/// The semantic model that a metric stands beside.
pub(super) struct Home {
    pub semantic_model: String,
    pub agg_time_dimension: Option<Value>,
}

/// Reads a metric; one that aggregates needs the semantic model that it stands beside.
pub(super) fn read(
    reader: &Reader<'_>,
    yaml: &Yaml,
    home: Option<&Home>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(Node, Span)> {
    let Some(entry) = Entry::new(ResourceType::Metric, yaml) else {
        let error = Diagnostic::error("missing-key", "a metric must be a mapping with a `name`");
        diagnostics.push(error.at(yaml.span, "this metric"));
        return Vec::new();
    };
    diagnostics.extend(unknown_keys(entry.map, &KEYS, &format!("metric `{}`", entry.name)));
    let mut metric = Flat { reader, entry: &entry, diagnostics };
    let Some(kind) = metric.kind(home) else { return Vec::new() };
    if !metric.has_what_it_needs(&kind) {
        return Vec::new();
    }
    let params = metric.params(&kind, home);
    let label = entry.get("label").map_or_else(|| entry.name.as_str().into(), |yaml| reader.native(yaml, diagnostics));
    let mut fields = IndexMap::from([
        ("label".to_owned(), label),
        ("type".to_owned(), kind.as_str().into()),
        ("type_params".to_owned(), params),
        ("filter".to_owned(), filter(entry.get("filter"))),
        ("metadata".to_owned(), Value::None),
    ]);
    fields.extend(reader.fields(Some(yaml), &[("time_granularity", Value::None)], diagnostics));
    let mut node = reader.node(&entry, fields, diagnostics);
    // Only the config has one here.
    node.meta.clear();
    if let (Some(home), "simple") = (home, kind.as_str()) {
        let id = format!("semantic_model.{}.{}", reader.package.name, home.semantic_model);
        node.depends_on.nodes.insert(UniqueId::new(id));
    }
    vec![(node, entry.span)]
}

/// A metric while it is read.
struct Flat<'a, 'd> {
    reader: &'a Reader<'a>,
    entry: &'a Entry<'a>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Flat<'_, '_> {
    fn error(&mut self, message: String, span: Span, label: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error("metric", message).at(span, label));
    }

    /// The text of a key, which is one of `words`.
    fn word(&mut self, key: &str, words: &[&str], default: &str) -> Option<String> {
        let Some(yaml) = self.entry.get(key) else { return Some(default.to_owned()) };
        let text = self.reader.native(yaml, self.diagnostics).to_str();
        let lower = text.to_lowercase();
        if words.contains(&lower.as_str()) {
            return Some(lower);
        }
        let message = format!("metric `{}` has {key} `{text}`", self.entry.name);
        self.error(message, yaml.span, format!("expected one of {}", words.join(", ")));
        None
    }

    fn kind(&mut self, home: Option<&Home>) -> Option<String> {
        let kind = self.word("type", &TYPES, "simple")?;
        if let (None, true) = (home, kind == "simple") {
            let message = format!("simple metric `{}` stands beside no semantic model", self.entry.name);
            let error = Diagnostic::error("metric", message).at(self.entry.span, "");
            self.diagnostics.push(error.help(
                "move it under `metrics` of a model with `semantic_model: true`, or give it `type_params` with a `measure`",
            ));
            return None;
        }
        Some(kind)
    }

    /// Whether all keys are there without which a metric of its type is nothing.
    fn has_what_it_needs(&mut self, kind: &str) -> bool {
        let needed: &[&str] = match kind {
            "simple" => &["agg"],
            "ratio" => &["numerator", "denominator"],
            "derived" => &["expr", "input_metrics"],
            "cumulative" => &["input_metric"],
            _ => &["entity", "base_metric", "conversion_metric"],
        };
        let is_percentile = self.entry.get("agg").is_some_and(|yaml| yaml.as_str() == Some("percentile"));
        let more: &[&str] = if is_percentile { &["percentile"] } else { &[] };
        let mut complete = true;
        for key in needed.iter().chain(more).filter(|key| self.entry.get(key).is_none()) {
            let message = format!("{kind} metric `{}` has no `{key}`", self.entry.name);
            self.error(message, self.entry.span, format!("add `{key}:`"));
            complete = false;
        }
        if let (Some(yaml), false) = (self.entry.get("agg"), kind == "simple") {
            let message = format!("{kind} metric `{}` has an `agg`, which only simple metrics have", self.entry.name);
            self.error(message, yaml.span, "remove this");
            complete = false;
        }
        complete
    }

    fn native(&mut self, key: &str) -> Value {
        self.entry.get(key).map_or(Value::None, |yaml| self.reader.native(yaml, self.diagnostics))
    }

    fn input(&mut self, key: &str) -> Value {
        input(self.reader, self.entry.get(key), &METRIC_FIELDS, self.diagnostics)
    }

    fn window(&mut self) -> Value {
        let found = window(&self.native("window"));
        if let (Some(text), Some(yaml)) = (found.as_str(), self.entry.get("window")) {
            let message = format!("metric `{}` has window `{text}`", self.entry.name);
            self.error(message, yaml.span, "expected a count and a unit, like `7 days`");
        }
        found
    }

    fn params(&mut self, kind: &str, home: Option<&Home>) -> Value {
        let mut params = empty_params();
        let listed = self.entry.get("input_metrics").and_then(Yaml::as_list).unwrap_or_default();
        let listed: Vec<Value> =
            listed.iter().map(|item| input(self.reader, Some(item), &METRIC_FIELDS, self.diagnostics)).collect();
        let expr = text_or_none(&self.native("expr"));
        let mut set = |key: &str, value: Value| {
            params.insert(key.to_owned(), value);
        };
        set("metrics", Value::list(listed));
        set("expr", expr);
        set("numerator", self.input("numerator"));
        set("denominator", self.input("denominator"));
        set("fill_nulls_with", self.native("fill_nulls_with"));
        set("join_to_timespine", Value::Bool(self.native("join_to_timespine") == Value::Bool(true)));
        set("is_private", Value::Bool(self.native("hidden") == Value::Bool(true)));
        match (kind, home) {
            ("simple", Some(home)) => set("metric_aggregation_params", self.aggregation(home)),
            ("cumulative", _) => set("cumulative_type_params", self.cumulative()),
            ("conversion", _) => set("conversion_type_params", self.conversion()),
            _ => {}
        }
        Value::dict(params)
    }

    fn aggregation(&mut self, home: &Home) -> Value {
        let agg = self.word("agg", &AGGREGATIONS, "").unwrap_or_default();
        let percentile_type = self.word("percentile_type", &["discrete", "continuous"], "").unwrap_or_default();
        let agg_params = Value::dict([
            ("percentile", self.native("percentile")),
            ("use_discrete_percentile", Value::Bool(percentile_type == "discrete")),
            ("use_approximate_percentile", Value::Bool(percentile_type == "continuous")),
        ]);
        let time = match self.native("agg_time_dimension") {
            Value::None => home.agg_time_dimension.clone().unwrap_or(Value::None),
            own => own,
        };
        Value::dict([
            ("semantic_model", home.semantic_model.as_str().into()),
            ("agg", agg.into()),
            ("agg_params", agg_params),
            ("agg_time_dimension", time),
            ("non_additive_dimension", self.non_additive()),
        ])
    }

    fn non_additive(&mut self) -> Value {
        let Some(yaml) = self.entry.get("non_additive_dimension") else { return Value::None };
        let keys = [("name", Value::None), ("window_agg", Value::None), ("group_by", Value::list([]))];
        let mut fields = self.reader.fields(Some(yaml), &keys, self.diagnostics);
        let mut take = |key: &str| fields.shift_remove(key).unwrap_or(Value::None);
        let (name, choice, groups) = (take("name"), take("window_agg"), take("group_by"));
        for (key, value) in [("name", &name), ("window_agg", &choice)] {
            if value.is_none() {
                let message = format!("`non_additive_dimension` of metric `{}` has no `{key}`", self.entry.name);
                self.error(message, yaml.span, format!("add `{key}:`"));
            }
        }
        Value::dict([("name", name), ("window_choice", choice), ("window_groupings", groups)])
    }

    fn cumulative(&mut self) -> Value {
        let period = self.word("period_agg", &["first", "last", "average"], "first").unwrap_or_default();
        Value::dict([
            ("window", self.window()),
            ("grain_to_date", self.native("grain_to_date")),
            ("period_agg", period.into()),
            ("metric", self.input("input_metric")),
        ])
    }

    fn conversion(&mut self) -> Value {
        let calculation = self.word("calculation", &["conversion_rate", "conversions"], "conversion_rate");
        Value::dict([
            ("entity", self.native("entity")),
            ("base_measure", Value::None),
            ("conversion_measure", Value::None),
            ("base_metric", self.input("base_metric")),
            ("conversion_metric", self.input("conversion_metric")),
            ("calculation", calculation.unwrap_or_default().into()),
            ("window", self.window()),
            ("constant_properties", self.native("constant_properties")),
        ])
    }
}
