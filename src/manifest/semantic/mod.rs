//! The semantic layer: semantic models, metrics and saved queries, checked and put into the form of dbt's artifacts. Nothing
//! here is executed.

mod flat_metric;
mod metric;
mod model;
mod of_model;
mod saved_query;

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::{ResourceType, UniqueId},
    project::{
        Package, Project, PropertiesFile,
        yaml::{Map, Yaml},
    },
};

use super::{
    Disabled, Manifest,
    columns::pairs,
    configure::{Forest, check_config},
    draft::{Defaults, Place, fqn, node},
    node::{Node, NodeKind},
    properties::settings,
    render::Renderer,
    resolve::Names,
    settings::{Levels, resolve},
};

/// Id, kind, place and fqn of what was made.
pub type Made = (UniqueId, ResourceType, Span, Vec<String>);

/// Makes the nodes of all semantic models, metrics and saved queries. Needs all models in place.
pub fn add(
    project: &Project,
    manifest: &mut Manifest,
    renderer: &Renderer<'_>,
    (forest, defaults): (&Forest, &Defaults),
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Made> {
    let names = Names::new(manifest, &project.name);
    let mut layer = Layer::default();
    for package in project.packages.values() {
        for file in &package.properties {
            let reader = Reader { package, file, renderer, forest, defaults };
            for raw in &file.properties.models {
                of_model::read(&reader, raw, manifest, &mut layer, diagnostics);
            }
            for yaml in &file.properties.semantic_models {
                let made = model::read(&reader, yaml, (&names, manifest), &mut layer, diagnostics);
                layer.keep(made, diagnostics);
            }
            for yaml in &file.properties.metrics {
                let made = metric::read(&reader, yaml, diagnostics);
                layer.keep(made, diagnostics);
            }
        }
    }
    let of_measures = std::mem::take(&mut layer.of_measures);
    layer.keep(of_measures, diagnostics);
    metric::resolve(&mut layer, diagnostics);
    for package in project.packages.values() {
        for file in &package.properties {
            let reader = Reader { package, file, renderer, forest, defaults };
            for yaml in &file.properties.saved_queries {
                let made = saved_query::read(&reader, yaml, &layer, diagnostics);
                layer.keep(made, diagnostics);
            }
        }
    }
    if !layer.made.is_empty() {
        time_spine_without_yaml(manifest, diagnostics);
    }
    layer.finish(manifest)
}

/// The older form of a time spine: a model of a certain name.
fn time_spine_without_yaml(manifest: &Manifest, diagnostics: &mut Vec<Diagnostic>) {
    let is_older = |node: &&Node| {
        matches!(&node.kind, NodeKind::Model(fields) if fields.time_spine.is_none())
            && node.name == "metricflow_time_spine"
    };
    let has_spine = |node: &Node| matches!(&node.kind, NodeKind::Model(fields) if fields.time_spine.is_some());
    if manifest.nodes.values().any(has_spine) {
        return;
    }
    if let Some(node) = manifest.nodes.values().find(is_older) {
        let message = format!("model `{}` is a time spine without YAML", node.name);
        let warning = Diagnostic::warning("semantic-model", message).node(node.unique_id.as_str());
        let warning = warning.event("MFTimespineWithoutYamlConfigurationDeprecation");
        diagnostics
            .push(warning.help("describe it under `models` with `time_spine: {standard_granularity_column: …}`"));
    }
}

/// What was read so far.
#[derive(Default)]
struct Layer {
    made: IndexMap<UniqueId, (Node, Span)>,
    /// Measure → the semantic model that has it.
    measures: HashMap<String, UniqueId>,
    /// Metrics that measures ask for; they come after those that are declared.
    of_measures: Vec<(Node, Span)>,
}

impl Layer {
    fn keep(&mut self, made: Vec<(Node, Span)>, diagnostics: &mut Vec<Diagnostic>) {
        for (node, span) in made {
            if let Some((first, at)) = self.made.get(&node.unique_id) {
                let message = format!("{} `{}` is declared twice", word(first.resource_type), node.name);
                diagnostics.push(
                    Diagnostic::error("duplicate-name", message)
                        .at(span, "declared again here")
                        .at(*at, "first declared here")
                        .help("rename or remove one of the two"),
                );
                continue;
            }
            self.made.insert(node.unique_id.clone(), (node, span));
        }
    }

    /// The metric of a name, in a package before any other.
    fn metric(&self, name: &str, package: &str) -> Option<&UniqueId> {
        let own = UniqueId::new(format!("metric.{package}.{name}"));
        if let Some((id, _)) = self.made.get_key_value(&own) {
            return Some(id);
        }
        let mut metrics = self.made.values().map(|(node, _)| node);
        metrics.find(|node| node.resource_type == ResourceType::Metric && node.name == name).map(|node| &node.unique_id)
    }

    fn metric_names(&self) -> impl Iterator<Item = &str> {
        let metrics = self.made.values().map(|(node, _)| node);
        metrics.filter(|node| node.resource_type == ResourceType::Metric).map(|node| node.name.as_str())
    }

    fn finish(self, manifest: &mut Manifest) -> Vec<Made> {
        let mut made = Vec::new();
        for (unique_id, (mut node, span)) in self.made {
            made.push((unique_id.clone(), node.resource_type, span, node.fqn.clone()));
            if node.config.is_enabled() {
                manifest.nodes.insert(unique_id, node);
            } else {
                node.depends_on.nodes.clear();
                if node.resource_type == ResourceType::SemanticModel {
                    model::set(&mut node, "node_relation", Value::None);
                }
                manifest.disabled.entry(unique_id).or_default().push(Disabled::Node(Box::new(node)));
            }
        }
        made
    }
}

/// `semantic model`.
fn word(kind: ResourceType) -> String {
    kind.as_str().replace('_', " ")
}

/// Where an entry is declared, and what is needed to read it.
struct Reader<'a> {
    package: &'a Arc<Package>,
    file: &'a PropertiesFile,
    renderer: &'a Renderer<'a>,
    forest: &'a Forest,
    defaults: &'a Defaults,
}

/// An entry while it is read.
struct Entry<'a> {
    map: &'a Map,
    kind: ResourceType,
    name: String,
    span: Span,
}

impl<'a> Entry<'a> {
    fn new(kind: ResourceType, yaml: &'a Yaml) -> Option<Self> {
        let map = yaml.as_map()?;
        Self::of_map(kind, map, map.get("name")?.span)
    }

    fn of_map(kind: ResourceType, map: &'a Map, span: Span) -> Option<Self> {
        Some(Self { map, kind, name: map.get("name")?.to_value().to_str(), span })
    }

    fn get(&self, key: &str) -> Option<&'a Yaml> {
        self.map.get(key).filter(|yaml| !yaml.is_null())
    }

    /// The error for a key that an entry cannot do without.
    fn require(&self, key: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<&'a Yaml> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} `{}` has no `{key}`", word(self.kind), self.name);
            diagnostics.push(Diagnostic::error("missing-key", message).at(self.span, "").help(format!("add `{key}:`")));
        }
        found
    }

    fn unknown_keys(&self, known: &[&str], diagnostics: &mut Vec<Diagnostic>) {
        for entry in self.map.iter() {
            let Some(key) = entry.key.as_str().filter(|key| !known.contains(key)) else { continue };
            let message = format!("unknown key `{key}` in {} `{}`", word(self.kind), self.name);
            let warning = Diagnostic::warning("unknown-key", message)
                .event("CustomKeyInObjectDeprecation")
                .at(entry.key.span, "not a key that is read");
            diagnostics.push(match nearest(key, known.iter().copied()) {
                Some(near) => warning.help(format!("did you mean `{near}`?")),
                None => warning,
            });
        }
    }
}

impl Reader<'_> {
    fn native(&self, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
        self.renderer.native(&self.package.name, yaml, diagnostics)
    }

    /// A node of these fields, configured.
    fn node(&self, entry: &Entry<'_>, mut fields: IndexMap<String, Value>, diagnostics: &mut Vec<Diagnostic>) -> Node {
        let package = self.package.name.as_str();
        let place = Place {
            kind: entry.kind,
            package: self.package,
            name: &entry.name,
            path: self.file.path.clone(),
            original_file_path: self.file.original_file_path.clone(),
            fqn: fqn(package, &self.file.path, &entry.name),
        };
        let mut beside = Map::default();
        for key in ["meta", "tags", "group", "enabled"] {
            beside.entries.extend(entry.map.entry(key).filter(|found| !found.value.is_null()).cloned());
        }
        let config = entry.get("config").and_then(Yaml::as_map);
        let properties = settings(self.renderer, package, config, &beside, diagnostics);
        let own_tags = entry.get("tags").map_or_else(|| Value::list([]), |yaml| self.native(yaml, diagnostics));
        let levels = Levels {
            own_tree: self.forest.own(entry.kind, package, &place.fqn),
            root_tree: self.forest.root(entry.kind, package, &place.fqn),
            properties,
            in_file: Vec::new(),
        };
        let mut resolved = resolve(entry.kind, &levels);
        if entry.kind != ResourceType::Metric {
            // dbt does not count what the project says of them as written.
            let levels = Levels { own_tree: Vec::new(), root_tree: Vec::new(), ..levels };
            resolved.unrendered = resolve(entry.kind, &levels).unrendered;
        }
        let (description, _) = self.renderer.description(package, entry.get("description"), diagnostics);
        fields.insert("tags".to_owned(), own_tags);
        let mut node = node(place, NodeKind::Declared(Box::new(fields)), self.defaults);
        check_config(entry.kind, node.unique_id.as_str(), &resolved, diagnostics);
        node.description = description;
        node.tags = resolved.tags;
        node.meta = resolved.config.get("meta").map(pairs).unwrap_or_default();
        node.group = resolved.config.text("group").map(str::to_owned);
        node.unrendered_config = resolved.unrendered;
        node.config = resolved.config;
        node
    }

    /// The fields of a mapping: what is given, else the default.
    fn fields(
        &self,
        yaml: Option<&Yaml>,
        defaults: &[(&str, Value)],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> IndexMap<String, Value> {
        let given = yaml.and_then(Yaml::as_map);
        let of = |key: &str, default: &Value, diagnostics: &mut Vec<Diagnostic>| match given
            .and_then(|map| map.get(key))
            .filter(|yaml| !yaml.is_null())
        {
            Some(yaml) => self.native(yaml, diagnostics),
            None => default.clone(),
        };
        defaults.iter().map(|(key, default)| ((*key).to_owned(), of(key, default, diagnostics))).collect()
    }
}

/// Errors for keys that nothing reads.
fn unknown_keys(map: &Map, keys: &[&str], subject: &str) -> Vec<Diagnostic> {
    let unknown = map.iter().filter_map(|entry| Some((entry.key.as_str()?, entry.key.span)));
    unknown
        .filter(|(key, _)| !keys.contains(key))
        .map(|(key, span)| {
            let error = Diagnostic::error("unknown-key", format!("unknown key `{key}` in {subject}"));
            let error = error.at(span, "not a key that is read");
            match nearest(key, keys.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            }
        })
        .collect()
}

/// A `filter` or `where`: one text or several, kept as templates.
fn filter(yaml: Option<&Yaml>) -> Value {
    let Some(yaml) = yaml else { return Value::None };
    let texts: Vec<Value> = match yaml.as_list() {
        Some(items) => items.iter().map(|item| item.to_value().to_str().into()).collect(),
        None => vec![yaml.to_value().to_str().into()],
    };
    let filters = texts.into_iter().map(|text| Value::dict([("where_sql_template", text)]));
    Value::dict([("where_filters", Value::list(filters))])
}

/// `1 month`, `7 days`.
fn window(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let mut words = text.split_whitespace();
    let (Some(count), Some(unit)) = (words.next().and_then(|word| word.parse::<i64>().ok()), words.next()) else {
        return value.clone();
    };
    let unit = unit.to_lowercase();
    let unit = unit.strip_suffix('s').unwrap_or(&unit);
    Value::dict([("count", Value::Int(count)), ("granularity", unit.into())])
}

/// Numbers and booleans as text: an expression may be written as `1`.
fn text_or_none(value: &Value) -> Value {
    match value {
        Value::None => Value::None,
        other => other.to_str().into(),
    }
}
