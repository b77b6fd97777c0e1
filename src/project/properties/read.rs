//! The YAML of a properties file → [`Properties`]. What is wrong is reported at its place; the rest is kept.

use crate::{
    diagnostic::{Diagnostic, Span},
    names::ResourceType,
};

use super::super::{
    read::{Reader, key_name, scalar_text},
    yaml::{Entry, Map, Yaml},
};
use super::{
    Include, Properties, RawColumn, RawExposure, RawGroup, RawMacro, RawNode, RawSingularTest, RawSource, RawTable,
    RawVersion, RawVersionColumns, Spanned, data_tests::read_tests, unit_tests::unit_test,
};

const TOP_KEYS: [&str; 19] = [
    "version",
    "models",
    "seeds",
    "snapshots",
    "analyses",
    "macros",
    "sources",
    "data_tests",
    "tests",
    "exposures",
    "groups",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "functions",
    "anchors",
    "catalogs",
    "config-version",
];

/// Config keys that also count beside `config`.
const LEGACY_CONFIG: [&str; 5] = ["meta", "docs", "group", "access", "contract"];

/// Config keys that do nothing beside `config`.
const MISPLACED: [&str; 5] = ["tags", "quote_columns", "freshness", "enabled", "materialized"];

const NODE_KEYS: [&str; 8] =
    ["name", "description", "config", "columns", "data_tests", "tests", "constraints", "deprecation_date"];

/// Keys of a model's semantic layer; elsewhere they are kept without a warning.
const SEMANTIC_KEYS: [&str; 6] =
    ["semantic_model", "agg_time_dimension", "primary_entity", "metrics", "derived_semantics", "model"];

const COLUMN_KEYS: [&str; 14] = [
    "name",
    "description",
    "data_type",
    "quote",
    "constraints",
    "data_tests",
    "tests",
    "config",
    "meta",
    "tags",
    "granularity",
    "docs",
    "entity",
    "dimension",
];

const UNKNOWN: &str = "CustomKeyInObjectDeprecation";

/// Reads a whole properties file. `shown` is its path for messages.
pub(in super::super) fn read(yaml: &Yaml, shown: &str, out: &mut Vec<Diagnostic>) -> Properties {
    let mut properties = Properties::default();
    if yaml.is_null() {
        return properties;
    }
    let Some(map) = yaml.as_map() else {
        let message = format!("the properties file {shown} must be a mapping, found {}", yaml.kind());
        out.push(Diagnostic::error("wrong-type", message).at(yaml.span, ""));
        return properties;
    };
    let mut reader = Reader::new(map, yaml.span, "a properties file", out);
    reader.unknown_keys(&TOP_KEYS, "CustomTopLevelKeyDeprecation");
    let is_two = |version: &&Yaml| version.as_int() == Some(2) || version.as_str() == Some("2");
    if let Some(version) = reader.given("version").filter(|version| !is_two(version)) {
        // dbt reads such a file all the same.
        let warning = Diagnostic::warning("wrong-value", "`version` of a properties file should be 2");
        reader.out.push(warning.at(version.span, "").help("write `version: 2`, or leave it out"));
    }
    for (section, kind) in [
        ("models", ResourceType::Model),
        ("seeds", ResourceType::Seed),
        ("snapshots", ResourceType::Snapshot),
        ("analyses", ResourceType::Analysis),
        ("functions", ResourceType::Function),
    ] {
        let nodes: Vec<RawNode> = entries(map, section, shown, out, |entry, out| node(kind, entry, out));
        match kind {
            ResourceType::Model => properties.models = nodes,
            ResourceType::Seed => properties.seeds = nodes,
            ResourceType::Snapshot => properties.snapshots = nodes,
            ResourceType::Function => properties.functions = nodes,
            _ => properties.analyses = nodes,
        }
    }
    properties.sources = entries(map, "sources", shown, out, source);
    properties.macros = entries(map, "macros", shown, out, a_macro);
    for section in ["data_tests", "tests"] {
        properties.singular_tests.extend(entries(map, section, shown, out, singular_test));
    }
    properties.exposures = entries(map, "exposures", shown, out, exposure);
    properties.groups = entries(map, "groups", shown, out, group);
    properties.unit_tests = entries(map, "unit_tests", shown, out, unit_test).into_iter().flatten().collect();
    for (section, list) in [
        ("metrics", &mut properties.metrics),
        ("semantic_models", &mut properties.semantic_models),
        ("saved_queries", &mut properties.saved_queries),
    ] {
        *list = entries(map, section, shown, out, |entry, _| entry.yaml.clone());
    }
    properties
}

/// An entry of a section: a mapping with a name.
pub(super) struct Named<'a> {
    pub(super) yaml: &'a Yaml,
    pub(super) map: &'a Map,
    pub(super) name: Spanned,
}

impl<'a> Named<'a> {
    pub(super) fn reader<'o>(&self, what: &str, out: &'o mut Vec<Diagnostic>) -> Reader<'a, 'o> {
        Reader::new(self.map, self.yaml.span, format!("{what} `{}`", self.name.text), out)
    }
}

/// The entries of a section, each read by `read`; what is no mapping with a name is reported.
fn entries<T>(
    map: &Map,
    section: &str,
    shown: &str,
    out: &mut Vec<Diagnostic>,
    read: impl Fn(&Named<'_>, &mut Vec<Diagnostic>) -> T,
) -> Vec<T> {
    let Some(value) = map.get(section) else { return Vec::new() };
    let Some(items) = value.as_list() else {
        let message = format!("The schema file at {shown} is invalid because the value of '{section}' is not a list");
        let span = map.entry(section).map_or(value.span, |entry| entry.key.span.to(value.span));
        out.push(Diagnostic::error("wrong-type", message).at(span, format!("found {}", value.kind())));
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items {
        let Some(map) = item.as_map() else {
            let message = format!(
                "The schema file at {shown} is invalid because a list element for '{section}' is not a dictionary"
            );
            let error = Diagnostic::error("wrong-type", message).at(item.span, format!("found {}", item.kind()));
            out.push(error.help("write `- name: …`"));
            continue;
        };
        match name_of(map) {
            Some(name) => found.push(read(&Named { yaml: item, map, name }, out)),
            None => {
                let message = format!(
                    "The schema file at {shown} is invalid because a list element for '{section}' does not have a name attribute."
                );
                out.push(Diagnostic::error("missing-key", message).at(item.span, "this entry"));
            }
        }
    }
    found
}

fn name_of(map: &Map) -> Option<Spanned> {
    map.get("name").and_then(spanned)
}

pub(super) fn spanned(yaml: &Yaml) -> Option<Spanned> {
    Some(Spanned { text: scalar_text(yaml)?, span: yaml.span })
}

fn config(reader: &mut Reader<'_, '_>) -> Option<Map> {
    reader.mapping("config").cloned()
}

/// The entries whose key is (or is not) one of `keys`.
fn pick(map: &Map, wanted: impl Fn(&str) -> bool) -> Map {
    Map { entries: map.iter().filter(|entry| wanted(&key_name(entry))).cloned().collect() }
}

pub(super) fn present(map: &Map, key: &str) -> Option<Yaml> {
    map.get(key).filter(|value| !value.is_null()).cloned()
}

fn list(reader: &mut Reader<'_, '_>, key: &str) -> Option<Yaml> {
    reader.list(key)?;
    reader.value(key).cloned()
}

/// Warns of configs where they have no effect.
fn misplaced(reader: &mut Reader<'_, '_>) {
    for entry in reader.map.iter() {
        let key = key_name(entry);
        if MISPLACED.contains(&&*key) {
            let message = format!("`{key}` of {} has no effect here", reader.subject);
            let warning =
                Diagnostic::warning("property-moved-to-config", message).at(entry.key.span, "not in `config`");
            let warning = warning.help(format!("move `{key}` below a key `config:`"));
            reader.out.push(warning.event("PropertyMovedToConfigDeprecation"));
        }
    }
}

fn node(kind: ResourceType, entry: &Named<'_>, out: &mut Vec<Diagnostic>) -> RawNode {
    let own: &[&str] = match kind {
        ResourceType::Model => &["latest_version", "versions", "time_spine"],
        ResourceType::Snapshot => &["relation"],
        ResourceType::Function => &["arguments", "returns", "language", "overloads"],
        _ => &[],
    };
    let known = NODE_KEYS.iter().chain(own).chain(&LEGACY_CONFIG).chain(&MISPLACED).chain(&SEMANTIC_KEYS);
    let known: Vec<&str> = known.copied().collect();
    let map = entry.map;
    let mut reader = entry.reader(kind.as_str(), out);
    reader.unknown_keys(&known, UNKNOWN);
    misplaced(&mut reader);
    let columns = read_columns(&mut reader);
    let config = config(&mut reader);
    let constraints = list(&mut reader, "constraints");
    let arguments = list(&mut reader, "arguments");
    let returns = reader.mapping("returns").and_then(|_| present(map, "returns"));
    let versions = match kind {
        ResourceType::Model => read_versions(&mut reader, &entry.name.text),
        _ => Vec::new(),
    };
    RawNode {
        arguments,
        returns,
        kind,
        name: entry.name.clone(),
        span: entry.yaml.span,
        description: present(map, "description"),
        config,
        legacy_config: pick(map, |key| LEGACY_CONFIG.contains(&key)),
        columns,
        tests: read_tests(&mut reader),
        constraints,
        latest_version: present(map, "latest_version"),
        versions,
        deprecation_date: present(map, "deprecation_date"),
        time_spine: present(map, "time_spine"),
        relation: present(map, "relation").as_ref().and_then(spanned),
        extra: pick(map, |key| !NODE_KEYS.contains(&key) && !own.contains(&key) && !LEGACY_CONFIG.contains(&key)),
    }
}

/// The columns of an entry; entries without a name are reported.
fn read_columns(reader: &mut Reader<'_, '_>) -> Vec<RawColumn> {
    let items = reader.list("columns").unwrap_or_default();
    let subject = reader.subject.clone();
    items.iter().filter_map(|item| column(item, &subject, reader.out)).collect()
}

fn column(item: &Yaml, subject: &str, out: &mut Vec<Diagnostic>) -> Option<RawColumn> {
    let Some(map) = item.as_map() else {
        let message = format!("a column of {subject} must be a mapping, found {}", item.kind());
        out.push(Diagnostic::error("wrong-type", message).at(item.span, "").help("write `- name: …`"));
        return None;
    };
    let Some(name) = name_of(map) else {
        let message = format!("a column of {subject} has no `name`");
        out.push(Diagnostic::error("missing-key", message).at(item.span, "this column"));
        return None;
    };
    let mut reader = Reader::new(map, item.span, format!("column `{}` of {subject}", name.text), out);
    reader.unknown_keys(&COLUMN_KEYS, UNKNOWN);
    let config = config(&mut reader);
    let constraints = list(&mut reader, "constraints");
    Some(RawColumn {
        tests: read_tests(&mut reader),
        name,
        span: item.span,
        description: present(map, "description"),
        data_type: present(map, "data_type"),
        quote: present(map, "quote"),
        constraints,
        config,
        meta: present(map, "meta"),
        tags: present(map, "tags"),
        granularity: present(map, "granularity"),
        entity: present(map, "entity"),
        dimension: present(map, "dimension"),
        extra: pick(map, |key| !COLUMN_KEYS.contains(&key)),
    })
}

const VERSION_KEYS: [&str; 9] =
    ["v", "defined_in", "description", "config", "constraints", "data_tests", "tests", "columns", "deprecation_date"];

fn read_versions(reader: &mut Reader<'_, '_>, model: &str) -> Vec<RawVersion> {
    let mut found = Vec::new();
    for item in reader.list("versions").unwrap_or_default() {
        let Some((map, v)) = item.as_map().and_then(|map| Some((map, present(map, "v")?))) else {
            let message = format!("a version of model `{model}` must be a mapping with `v`");
            reader.out.push(Diagnostic::error("missing-key", message).at(item.span, "this version"));
            continue;
        };
        let subject = format!("version {} of model `{model}`", scalar_text(&v).unwrap_or_default());
        let mut version = Reader::new(map, item.span, &subject, reader.out);
        let known: Vec<&str> = VERSION_KEYS.iter().chain(&LEGACY_CONFIG).chain(&MISPLACED).copied().collect();
        version.unknown_keys(&known, UNKNOWN);
        misplaced(&mut version);
        let columns = map.get("columns").is_some().then(|| version_columns(&mut version));
        let has_tests = map.get("data_tests").or_else(|| map.get("tests")).is_some();
        let config = config(&mut version);
        found.push(RawVersion {
            v,
            span: item.span,
            defined_in: present(map, "defined_in").as_ref().and_then(spanned),
            description: present(map, "description"),
            config,
            legacy_config: pick(map, |key| LEGACY_CONFIG.contains(&key)),
            tests: has_tests.then(|| read_tests(&mut version)),
            constraints: list(&mut version, "constraints"),
            columns,
            deprecation_date: present(map, "deprecation_date"),
            extra: pick(map, |key| !VERSION_KEYS.contains(&key) && !LEGACY_CONFIG.contains(&key)),
        });
    }
    found
}

fn version_columns(reader: &mut Reader<'_, '_>) -> RawVersionColumns {
    let mut found = RawVersionColumns::default();
    let subject = reader.subject.clone();
    for item in reader.list("columns").unwrap_or_default() {
        let include = item.as_map().filter(|map| map.get("include").is_some() || map.get("exclude").is_some());
        let Some(map) = include else {
            found.columns.extend(column(item, &subject, reader.out));
            continue;
        };
        let mut entry = Reader::new(map, item.span, format!("the columns of {subject}"), reader.out);
        entry.unknown_keys(&["include", "exclude"], UNKNOWN);
        found.exclude = entry.texts("exclude").unwrap_or_default();
        found.include = match entry.texts("include") {
            Some(names) if names.iter().any(|name| name == "*" || name == "all") => Some(Include::All),
            Some(names) => Some(Include::Names(names)),
            None => None,
        };
    }
    found
}

const SOURCE_KEYS: [&str; 17] = [
    "name",
    "description",
    "database",
    "schema",
    "loader",
    "quoting",
    "freshness",
    "loaded_at_field",
    "loaded_at_query",
    "config",
    "meta",
    "tags",
    "overrides",
    "tables",
    "data_tests",
    "tests",
    "catalog",
];

fn source(entry: &Named<'_>, out: &mut Vec<Diagnostic>) -> RawSource {
    let map = entry.map;
    let mut reader = entry.reader("source", out);
    reader.unknown_keys(&SOURCE_KEYS, UNKNOWN);
    let config = config(&mut reader);
    let mut tables = Vec::new();
    for item in reader.list("tables").unwrap_or_default() {
        let named = item.as_map().and_then(|map| Some(Named { yaml: item, map, name: name_of(map)? }));
        match named {
            Some(table) => tables.push(read_table(&table, &entry.name.text, reader.out)),
            None => {
                let message = format!("a table of source `{}` must be a mapping with `name`", entry.name.text);
                reader.out.push(Diagnostic::error("missing-key", message).at(item.span, "this table"));
            }
        }
    }
    RawSource {
        name: entry.name.clone(),
        span: entry.yaml.span,
        description: present(map, "description"),
        database: present(map, "database"),
        schema: present(map, "schema"),
        loader: present(map, "loader"),
        quoting: present(map, "quoting"),
        freshness: map.get("freshness").cloned(),
        loaded_at_field: present(map, "loaded_at_field"),
        loaded_at_query: present(map, "loaded_at_query"),
        config,
        meta: present(map, "meta"),
        tags: present(map, "tags"),
        overrides: present(map, "overrides").as_ref().and_then(spanned),
        overridden: None,
        tables,
        extra: pick(map, |key| !SOURCE_KEYS.contains(&key)),
    }
}

const TABLE_KEYS: [&str; 17] = [
    "name",
    "identifier",
    "description",
    "columns",
    "data_tests",
    "tests",
    "quoting",
    "freshness",
    "loaded_at_field",
    "loaded_at_query",
    "external",
    "loader",
    "config",
    "meta",
    "tags",
    "docs",
    "constraints",
];

fn read_table(entry: &Named<'_>, source: &str, out: &mut Vec<Diagnostic>) -> RawTable {
    let map = entry.map;
    let mut reader = entry.reader(&format!("table of source `{source}`:"), out);
    reader.unknown_keys(&TABLE_KEYS, UNKNOWN);
    let config = config(&mut reader);
    let columns = read_columns(&mut reader);
    RawTable {
        name: entry.name.clone(),
        span: entry.yaml.span,
        identifier: present(map, "identifier"),
        description: present(map, "description"),
        columns,
        tests: read_tests(&mut reader),
        quoting: present(map, "quoting"),
        freshness: map.get("freshness").cloned(),
        loaded_at_field: map.get("loaded_at_field").cloned(),
        loaded_at_query: present(map, "loaded_at_query"),
        external: present(map, "external"),
        loader: present(map, "loader"),
        config,
        meta: present(map, "meta"),
        tags: present(map, "tags"),
        extra: pick(map, |key| !TABLE_KEYS.contains(&key)),
    }
}

fn a_macro(entry: &Named<'_>, out: &mut Vec<Diagnostic>) -> RawMacro {
    let map = entry.map;
    let mut reader = entry.reader("macro", out);
    reader.unknown_keys(&["name", "description", "config", "arguments", "docs", "meta", "columns"], UNKNOWN);
    let config = config(&mut reader);
    RawMacro {
        name: entry.name.clone(),
        span: entry.yaml.span,
        description: present(map, "description"),
        config,
        arguments: reader.list("arguments").unwrap_or_default().to_vec(),
        docs: present(map, "docs"),
        meta: present(map, "meta"),
    }
}

fn singular_test(entry: &Named<'_>, out: &mut Vec<Diagnostic>) -> RawSingularTest {
    let mut reader = entry.reader("data test", out);
    reader.unknown_keys(&["name", "description", "config", "meta", "docs"], UNKNOWN);
    RawSingularTest {
        config: config(&mut reader),
        name: entry.name.clone(),
        span: entry.yaml.span,
        description: present(entry.map, "description"),
    }
}

const EXPOSURE_KEYS: [&str; 13] = [
    "name",
    "type",
    "owner",
    "label",
    "maturity",
    "url",
    "description",
    "depends_on",
    "config",
    "meta",
    "tags",
    "enabled",
    "docs",
];

fn exposure(entry: &Named<'_>, out: &mut Vec<Diagnostic>) -> RawExposure {
    let map = entry.map;
    let mut reader = entry.reader("exposure", out);
    reader.unknown_keys(&EXPOSURE_KEYS, UNKNOWN);
    let config = config(&mut reader);
    for key in ["type", "owner"] {
        if reader.given(key).is_none() {
            let error = Diagnostic::error("missing-key", format!("{} has no `{key}`", reader.subject));
            reader.out.push(error.at(entry.name.span, ""));
        }
    }
    let depends_on = reader.list("depends_on").unwrap_or_default();
    RawExposure {
        name: entry.name.clone(),
        span: entry.yaml.span,
        exposure_type: present(map, "type").as_ref().and_then(spanned),
        owner: present(map, "owner"),
        label: present(map, "label"),
        maturity: present(map, "maturity"),
        url: present(map, "url"),
        description: present(map, "description"),
        depends_on: depends_on.iter().filter_map(spanned).collect(),
        config,
        meta: present(map, "meta"),
        tags: present(map, "tags"),
    }
}

fn group(entry: &Named<'_>, out: &mut Vec<Diagnostic>) -> RawGroup {
    let map = entry.map;
    let mut reader = entry.reader("group", out);
    reader.unknown_keys(&["name", "owner", "description", "config", "meta"], UNKNOWN);
    let config = config(&mut reader);
    if reader.mapping("owner").is_none() {
        let error = Diagnostic::error("missing-key", format!("{} has no `owner`", reader.subject));
        reader.out.push(error.at(entry.name.span, "").help("add `owner:` with `name` or `email`"));
    }
    RawGroup {
        name: entry.name.clone(),
        span: entry.yaml.span,
        owner: present(map, "owner"),
        description: present(map, "description"),
        config,
    }
}

/// The span from a key to the end of its value.
pub(super) fn entry_span(entry: &Entry) -> Span {
    entry.key.span.to(entry.value.span)
}
