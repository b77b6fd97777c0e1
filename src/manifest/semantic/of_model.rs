//! The semantic layer inside of a model's own properties: its columns are the entities and dimensions, and its metrics
//! stand beside them.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::{ResourceType, UniqueId},
    project::{
        properties::{RawColumn, RawNode},
        yaml::{self, Data, Map, Yaml},
    },
};

use super::{
    super::{
        Manifest,
        columns::validity,
        node::{ColumnInfo, Node, RefArgs},
    },
    Entry, Layer, Reader, flat_metric,
    model::{relation_of, set},
    text_or_none, unknown_keys,
};

const ENTITY_TYPES: [&str; 4] = ["foreign", "natural", "primary", "unique"];
const DIMENSION_TYPES: [&str; 2] = ["categorical", "time"];
const GRANULARITIES: [&str; 11] =
    ["nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];

/// Reads what a model's entry says of its semantic model and metrics. A model that is not there, or is disabled, has none.
pub(super) fn read(
    reader: &Reader<'_>,
    raw: &RawNode,
    manifest: &Manifest,
    layer: &mut Layer,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let given = |key: &str| raw.extra.get(key).filter(|yaml| !yaml.is_null());
    let Some(written) = given("semantic_model") else {
        if let Some(unused) = given("metrics") {
            let message = format!("the metrics of model `{}` are not read: it has no `semantic_model`", raw.name.text);
            let warning = Diagnostic::warning("semantic-model", message).at(unused.span, "these metrics");
            diagnostics.push(warning.help("add `semantic_model: true` to the model"));
        }
        return;
    };
    let no_options = Map::default();
    let options = match (reader.native(written, diagnostics), written.as_map()) {
        (Value::Bool(true), _) => &no_options,
        (Value::Bool(false), _) => return,
        (_, Some(options)) => options,
        _ => {
            let message = format!("`semantic_model` of model `{}` is {}", raw.name.text, written.kind());
            let error = Diagnostic::error("semantic-model", message);
            diagnostics.push(error.at(written.span, "expected true, false or a mapping"));
            return;
        }
    };
    let subject = format!("`semantic_model` of model `{}`", raw.name.text);
    diagnostics.extend(unknown_keys(options, &["name", "enabled", "group", "config"], &subject));
    if let Some(config) = options.get("config").and_then(Yaml::as_map) {
        diagnostics.extend(unknown_keys(config, &["meta"], &format!("`config` of {subject}")));
    }
    let is_off = options.get("enabled").is_some_and(|yaml| reader.native(yaml, diagnostics) == Value::Bool(false));
    if is_off {
        return;
    }
    if !raw.versions.is_empty() {
        let message = format!("model `{}` has versions, so its semantic model and metrics are not read", raw.name.text);
        let warning = Diagnostic::warning("semantic-model", message).at(written.span, "not read");
        diagnostics.push(warning.help("declare it under `semantic_models` with a `ref` to one version"));
        return;
    }
    let id = UniqueId::new(format!("model.{}.{}", reader.package.name, raw.name.text));
    let Some(model) = manifest.nodes.get(&id) else { return };
    let (entry_map, span) = semantic_entry(raw, options);
    let Some(entry) = Entry::of_map(ResourceType::SemanticModel, &entry_map, span) else { return };
    let made = semantic_model(reader, raw, (model, &entry), diagnostics);
    let home = flat_metric::Home {
        semantic_model: made.name.clone(),
        agg_time_dimension: given("agg_time_dimension").map(|yaml| reader.native(yaml, diagnostics)),
    };
    layer.keep(vec![(made, span)], diagnostics);
    for yaml in given("metrics").and_then(Yaml::as_list).unwrap_or_default() {
        let metrics = flat_metric::read(reader, yaml, Some(&home), diagnostics);
        layer.keep(metrics, diagnostics);
    }
}

/// The model's entry in the form of an entry of `semantic_models`, as far as name, description and config go.
fn semantic_entry(raw: &RawNode, options: &Map) -> (Map, Span) {
    let span = options.get("name").map_or(raw.name.span, |name| name.span);
    let text = |text: &str| Yaml {
        data: Data::Str(text.into()),
        span,
        origin: crate::diagnostic::Origin::Within(span),
        plain: true,
    };
    let pair = |key: &str, value: Yaml| yaml::Entry { key: text(key), value };
    let name = options.get("name").filter(|name| !name.is_null()).cloned().unwrap_or_else(|| text(&raw.name.text));
    let mut config = Map::default();
    if let Some(given) = options.get("config").and_then(Yaml::as_map) {
        let meta = given.get("meta").cloned();
        let none = Yaml { data: Data::Map(Map::default()), ..text("") };
        config.entries.push(pair("meta", meta.unwrap_or(none)));
        if options.get("enabled").is_none() {
            config.entries.push(pair("enabled", Yaml { data: Data::Bool(true), ..text("") }));
        }
    }
    config.entries.extend(["enabled", "group"].iter().filter_map(|key| options.entry(key)).cloned());
    let mut entries = vec![pair("name", name)];
    entries.extend(raw.description.clone().map(|description| pair("description", description)));
    entries.push(pair("config", Yaml { data: Data::Map(config), ..text("") }));
    (Map { entries }, span)
}

fn semantic_model(
    reader: &Reader<'_>,
    raw: &RawNode,
    (model, entry): (&Node, &Entry<'_>),
    diagnostics: &mut Vec<Diagnostic>,
) -> Node {
    let given = |key: &str| raw.extra.get(key).filter(|yaml| !yaml.is_null());
    let mut entities = Vec::new();
    let mut dimensions = Vec::new();
    for column in &raw.columns {
        let Some(info) = model.columns.get(&column.name.text) else { continue };
        entities.extend(column_entity(column, info, diagnostics));
        dimensions.extend(column_dimension(column, info, diagnostics));
    }
    if let Some(derived) = given("derived_semantics") {
        let subject = format!("`derived_semantics` of model `{}`", raw.name.text);
        let Some(map) = derived.as_map() else {
            let message = format!("{subject} is {}", derived.kind());
            diagnostics.push(Diagnostic::error("semantic-model", message).at(derived.span, "expected a mapping"));
            return reader.node(entry, IndexMap::new(), diagnostics);
        };
        diagnostics.extend(unknown_keys(map, &["entities", "dimensions"], &subject));
        let items = |key: &str| map.get(key).and_then(Yaml::as_list).unwrap_or_default();
        entities.extend(items("entities").iter().filter_map(|yaml| derived_entity(reader, yaml, diagnostics)));
        dimensions.extend(items("dimensions").iter().filter_map(|yaml| derived_dimension(reader, yaml, diagnostics)));
    }
    let mut text = |key: &str| given(key).map_or(Value::None, |yaml| reader.native(yaml, diagnostics));
    let primary_entity = text("primary_entity");
    let time = text("agg_time_dimension");
    if let (Some(name), Some(yaml)) = (time.as_str(), given("agg_time_dimension")) {
        let is_time = |dimension: &&Value| dimension.get("type").is_some_and(|kind| kind.as_str() == Some("time"));
        let times = dimensions.iter().filter(is_time).filter_map(|dimension| dimension.get("name"));
        let times: Vec<String> = times.map(|name| name.to_str()).collect();
        if !times.iter().any(|time| time == name) {
            let message = format!("`agg_time_dimension` of model `{}` is `{name}`", raw.name.text);
            let error = Diagnostic::error("semantic-model", message).at(yaml.span, "no time dimension has this name");
            diagnostics.push(match nearest(name, times.iter().map(String::as_str)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        }
    }
    let mut fields = IndexMap::from([
        ("model".to_owned(), Value::from(format!("ref('{}')", raw.name.text))),
        ("node_relation".to_owned(), relation_of(model)),
        ("label".to_owned(), Value::None),
        ("primary_entity".to_owned(), primary_entity),
        ("defaults".to_owned(), Value::dict([("agg_time_dimension", time)])),
        ("entities".to_owned(), Value::list(entities)),
        ("measures".to_owned(), Value::list([])),
        ("dimensions".to_owned(), Value::list(dimensions)),
        ("metadata".to_owned(), Value::None),
    ]);
    // The description of a model is never null.
    fields.insert("description".to_owned(), Value::from(model.description.as_str()));
    let mut node = reader.node(entry, fields, diagnostics);
    super::model::inherit_meta(&mut node);
    node.description.clone_from(&model.description);
    node.depends_on.nodes.insert(model.unique_id.clone());
    node.refs.push(RefArgs { name: raw.name.text.clone(), package: None, version: None, span: Some(raw.name.span) });
    set(&mut node, "node_relation", relation_of(model));
    node
}

/// The type of an entity or dimension when it is one.
fn checked_type(value: &Value, types: &[&str], subject: &str, span: Span) -> Result<Value, Box<Diagnostic>> {
    let text = value.as_str().unwrap_or_default();
    if types.contains(&text) {
        return Ok(text.into());
    }
    let message = match value {
        Value::None => format!("{subject} has no `type`"),
        other => format!("{subject} has type `{}`", other.to_str()),
    };
    let error = Diagnostic::error("semantic-model", message);
    Err(Box::new(error.at(span, format!("expected one of {}", types.join(", ")))))
}

/// Where the type stands: under `type` of a mapping, or it is the whole value.
fn type_span(yaml: &Yaml) -> Span {
    yaml.as_map().and_then(|map| map.get("type")).map_or(yaml.span, |found| found.span)
}

fn config(meta: Value) -> Value {
    Value::dict([("meta", meta)])
}

fn meta_of(value: &Value) -> Option<Value> {
    value.get("config")?.get("meta").filter(|meta| !meta.is_none())
}

fn column_entity(column: &RawColumn, info: &ColumnInfo, diagnostics: &mut Vec<Diagnostic>) -> Option<Value> {
    let (yaml, written) = (column.entity.as_ref()?, info.extra.get("entity")?);
    let name = written.get("name").unwrap_or_else(|| info.name.as_str().into());
    let subject = format!("the entity `{}`", name.to_str());
    if let Some(map) = yaml.as_map() {
        diagnostics.extend(unknown_keys(map, &["name", "type", "description", "label", "config"], &subject));
    }
    let kind =
        written.get("type").unwrap_or_else(|| if yaml.as_map().is_some() { Value::None } else { written.clone() });
    let kind = checked_type(&kind, &ENTITY_TYPES, &subject, type_span(yaml));
    let kind = kind.map_err(|error| diagnostics.push(*error)).ok()?;
    let of = |key: &str| written.get(key).unwrap_or(Value::None);
    let own_meta = || Value::dict(info.meta.iter().map(|(key, value)| (key.as_str(), value.clone())));
    let is_renamed = name.to_str() != info.name;
    Some(Value::dict([
        ("name", name),
        ("type", kind),
        ("description", written.get("description").unwrap_or_else(|| info.description.as_str().into())),
        ("label", of("label")),
        ("role", Value::None),
        ("expr", if is_renamed { info.name.as_str().into() } else { Value::None }),
        ("config", config(meta_of(written).unwrap_or_else(own_meta))),
    ]))
}

fn column_dimension(column: &RawColumn, info: &ColumnInfo, diagnostics: &mut Vec<Diagnostic>) -> Option<Value> {
    let (yaml, written) = (column.dimension.as_ref()?, info.extra.get("dimension")?);
    let name = written.get("name").unwrap_or_else(|| info.name.as_str().into());
    let subject = format!("the dimension `{}`", name.to_str());
    if let Some(map) = yaml.as_map() {
        let keys = ["name", "type", "description", "label", "is_partition", "config", "validity_params"];
        diagnostics.extend(unknown_keys(map, &keys, &subject));
    }
    let kind =
        written.get("type").unwrap_or_else(|| if yaml.as_map().is_some() { Value::None } else { written.clone() });
    let kind = checked_type(&kind, &DIMENSION_TYPES, &subject, type_span(yaml));
    let kind = kind.map_err(|error| diagnostics.push(*error)).ok()?;
    let of = |key: &str, default: Value| written.get(key).unwrap_or(default);
    let params = TimeParams {
        granularity: info.granularity.as_deref().map_or(Value::None, Value::from),
        granularity_span: column.granularity.as_ref().map(|yaml| yaml.span),
        validity: of("validity_params", Value::None),
        place: "beside `dimension`",
    };
    let type_params = params.check(&subject, &kind, yaml.span, diagnostics);
    let mut meta = info.meta.clone();
    meta.extend(meta_of(written).iter().flat_map(super::pairs));
    let is_renamed = name.to_str() != info.name;
    Some(dimension([
        name,
        kind,
        of("description", info.description.as_str().into()),
        of("label", Value::None),
        of("is_partition", Value::Bool(false)),
        type_params,
        if is_renamed { info.name.as_str().into() } else { Value::None },
        config(Value::dict(meta)),
    ]))
}

fn dimension([name, kind, description, label, is_partition, type_params, expr, config]: [Value; 8]) -> Value {
    Value::dict([
        ("name", name),
        ("type", kind),
        ("description", description),
        ("label", label),
        ("is_partition", is_partition),
        ("type_params", type_params),
        ("expr", expr),
        ("metadata", Value::None),
        ("config", config),
        ("datatype", Value::None),
    ])
}

/// What only time dimensions have.
struct TimeParams {
    granularity: Value,
    granularity_span: Option<Span>,
    validity: Value,
    /// Where a granularity would stand.
    place: &'static str,
}

impl TimeParams {
    fn check(self, subject: &str, kind: &Value, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Value {
        let help = format!("add `granularity: day` {}", self.place);
        let Some(granularity) = self.granularity.as_str() else {
            if !self.validity.is_none() {
                let message = format!("{subject} has `validity_params` and no granularity");
                diagnostics.push(Diagnostic::error("semantic-model", message).at(span, "").help(help));
            } else if kind.as_str() == Some("time") {
                let message = format!("{subject} is a time dimension without a granularity");
                let warning = Diagnostic::warning("semantic-model", message).at(span, "").help(help);
                diagnostics.push(warning.event("TimeDimensionsRequireGranularityDeprecation"));
            }
            return Value::None;
        };
        if !GRANULARITIES.contains(&granularity) {
            let message = format!("{subject} has granularity `{granularity}`");
            let error = Diagnostic::error("semantic-model", message);
            let label = format!("expected one of {}", GRANULARITIES.join(", "));
            diagnostics.push(error.at(self.granularity_span.unwrap_or(span), label));
        }
        Value::dict([("time_granularity", self.granularity), ("validity_params", self.validity)])
    }
}

/// The fields of an entry of `derived_semantics`, its name and type checked.
fn derived<'y>(
    reader: &Reader<'_>,
    yaml: &'y Yaml,
    (what, keys, types): (&str, &[&str], &[&str]),
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(&'y Map, IndexMap<String, Value>)> {
    let place = || format!("a derived {what}");
    let Some(map) = yaml.as_map() else {
        let message = format!("{} must be a mapping, found {}", place(), yaml.kind());
        diagnostics.push(Diagnostic::error("wrong-type", message).at(yaml.span, ""));
        return None;
    };
    let defaults: Vec<(&str, Value)> = keys.iter().map(|key| (*key, Value::None)).collect();
    let mut fields = reader.fields(Some(yaml), &defaults, diagnostics);
    let name = fields.get("name").filter(|name| !name.is_none()).map(Value::to_str);
    let subject = name.as_ref().map_or_else(place, |name| format!("the {what} `{name}`"));
    diagnostics.extend(unknown_keys(map, keys, &subject));
    for key in ["name", "expr"] {
        if fields.get(key).is_none_or(Value::is_none) {
            let error = Diagnostic::error("missing-key", format!("{subject} has no `{key}`"));
            diagnostics.push(error.at(yaml.span, "").help(format!("add `{key}:`")));
            return None;
        }
    }
    let kind = fields.get("type").cloned().unwrap_or(Value::None);
    if let Err(error) = checked_type(&kind, types, &subject, type_span(yaml)) {
        diagnostics.push(*error);
        return None;
    }
    fields.entry("expr".to_owned()).and_modify(|expr| *expr = text_or_none(expr));
    let config = fields.entry("config".to_owned()).or_insert(Value::None);
    let meta = config.get("meta").filter(|meta| !meta.is_none());
    *config = Value::dict([("meta", meta.unwrap_or_else(|| Value::dict::<Value>([])))]);
    Some((map, fields))
}

fn derived_entity(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Option<Value> {
    let keys = ["name", "type", "description", "label", "expr", "config"];
    let (_, mut fields) = derived(reader, yaml, ("entity", &keys, &ENTITY_TYPES), diagnostics)?;
    fields.insert("role".to_owned(), Value::None);
    Some(Value::dict(fields))
}

fn derived_dimension(reader: &Reader<'_>, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Option<Value> {
    let keys =
        ["name", "type", "description", "label", "is_partition", "expr", "config", "granularity", "validity_params"];
    let (map, mut fields) = derived(reader, yaml, ("dimension", &keys, &DIMENSION_TYPES), diagnostics)?;
    let mut take = |key: &str| fields.shift_remove(key).unwrap_or(Value::None);
    let (name, kind) = (take("name"), take("type"));
    let subject = format!("the dimension `{}`", name.to_str());
    let params = TimeParams {
        granularity: take("granularity"),
        granularity_span: map.get("granularity").map(|yaml| yaml.span),
        validity: validity(&yaml.to_value()),
        place: "to it",
    };
    let type_params = params.check(&subject, &kind, yaml.span, diagnostics);
    let is_partition = Value::Bool(take("is_partition") == Value::Bool(true));
    let (description, label) = (take("description"), take("label"));
    Some(dimension([name, kind, description, label, is_partition, type_params, take("expr"), take("config")]))
}
