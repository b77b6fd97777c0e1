//! The project in `tests/recorded/selection/project` as dbt parsed it; for tests of what reads a manifest.

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{
    jinja::Value,
    manifest::{
        Checksum, ColumnInfo, Compiled, Config, DependsOn, Disabled, Doc, Docs, Exposure, GenericTestFields, Group,
        Manifest, ModelFields, Node, NodeKind, Quoting, RefArgs, Source,
    },
    names::{ResourceType, UniqueId},
};

/// What dbt wrote.
pub fn recorded_json() -> Json {
    serde_json::from_str(include_str!("../../tests/recorded/selection/manifest.json")).unwrap()
}

/// What dbt wrote, read back into ours; without macros.
pub fn recorded_manifest() -> Manifest {
    let json = recorded_json();
    let disabled = |_: &str, json: &Json| {
        json.as_array().unwrap().iter().map(|json| Disabled::Node(Box::new(node("", json)))).collect()
    };
    Manifest {
        nodes: part(&json, "nodes", node),
        sources: part(&json, "sources", source),
        exposures: part(&json, "exposures", exposure),
        groups: part(&json, "groups", group),
        docs: part(&json, "docs", doc),
        disabled: part(&json, "disabled", disabled),
        selectors: values(&json["selectors"]),
        ..Manifest::default()
    }
}

fn part<T>(json: &Json, part: &str, read: impl Fn(&str, &Json) -> T) -> IndexMap<UniqueId, T> {
    json[part].as_object().unwrap().iter().map(|(id, json)| (UniqueId::new(id.as_str()), read(id, json))).collect()
}

pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap()), Value::Int),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(value)),
        Json::Object(items) => Value::dict(items.iter().map(|(key, item)| (key.as_str(), value(item)))),
    }
}

fn values(json: &Json) -> IndexMap<String, Value> {
    json.as_object().into_iter().flatten().map(|(key, item)| (key.clone(), value(item))).collect()
}

fn list(json: &Json) -> Vec<Value> {
    json.as_array().into_iter().flatten().map(value).collect()
}

fn optional(json: &Json) -> Option<Value> {
    (!json.is_null()).then(|| value(json))
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn optional_text(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned)
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().into_iter().flatten().map(text).collect()
}

fn ids<C: FromIterator<UniqueId>>(json: &Json) -> C {
    texts(json).into_iter().map(UniqueId::new).collect()
}

fn depends_on(json: &Json) -> DependsOn {
    DependsOn { macros: ids(&json["depends_on"]["macros"]), nodes: ids(&json["depends_on"]["nodes"]) }
}

fn quoting(json: &Json) -> Quoting {
    let flag = |key: &str| json["quoting"][key].as_bool();
    Quoting {
        database: flag("database"),
        schema: flag("schema"),
        identifier: flag("identifier"),
        column: flag("column"),
    }
}

fn refs(json: &Json) -> Vec<RefArgs> {
    let call = |json: &Json| RefArgs {
        name: text(&json["name"]),
        package: optional_text(&json["package"]),
        version: optional(&json["version"]),
        span: None,
    };
    json["refs"].as_array().into_iter().flatten().map(call).collect()
}

fn sources(json: &Json) -> Vec<Vec<String>> {
    json["sources"].as_array().into_iter().flatten().map(texts).collect()
}

const COLUMN_KEYS: [&str; 10] =
    ["name", "description", "meta", "data_type", "constraints", "quote", "config", "tags", "granularity", "doc_blocks"];

fn columns(json: &Json) -> IndexMap<String, ColumnInfo> {
    let column = |json: &Json| ColumnInfo {
        name: text(&json["name"]),
        description: text(&json["description"]),
        data_type: optional_text(&json["data_type"]),
        quote: json["quote"].as_bool(),
        constraints: list(&json["constraints"]),
        tags: texts(&json["tags"]),
        meta: values(&json["meta"]),
        granularity: None,
        doc_blocks: ids(&json["doc_blocks"]),
        extra: values(json).into_iter().filter(|(key, _)| !COLUMN_KEYS.contains(&key.as_str())).collect(),
        span: None,
    };
    json["columns"].as_object().into_iter().flatten().map(|(name, json)| (name.clone(), column(json))).collect()
}

fn docs(json: &Json) -> Docs {
    Docs {
        show: json["docs"]["show"].as_bool().unwrap_or(true),
        node_color: optional_text(&json["docs"]["node_color"]),
    }
}

fn kind(json: &Json) -> NodeKind {
    match ResourceType::parse(&text(&json["resource_type"])).unwrap() {
        ResourceType::Model => NodeKind::Model(ModelFields {
            access: text(&json["access"]),
            constraints: list(&json["constraints"]),
            version: optional(&json["version"]),
            latest_version: optional(&json["latest_version"]),
            deprecation_date: optional_text(&json["deprecation_date"]),
            primary_key: texts(&json["primary_key"]),
            time_spine: optional(&json["time_spine"]),
        }),
        ResourceType::Seed => NodeKind::Seed { root_path: text(&json["root_path"]) },
        ResourceType::Snapshot => NodeKind::Snapshot,
        ResourceType::Analysis => NodeKind::Analysis,
        ResourceType::Operation => NodeKind::Operation { index: 0, on_run_start: true },
        _ if json["test_metadata"].is_null() => NodeKind::SingularTest,
        _ => NodeKind::GenericTest(GenericTestFields {
            column_name: optional_text(&json["column_name"]),
            file_key_name: text(&json["file_key_name"]),
            attached_node: optional_text(&json["attached_node"]).map(UniqueId::new),
            test_name: text(&json["test_metadata"]["name"]),
            namespace: optional_text(&json["test_metadata"]["namespace"]),
            kwargs: values(&json["test_metadata"]["kwargs"]),
            span: None,
        }),
    }
}

fn node(_: &str, json: &Json) -> Node {
    Node {
        unique_id: UniqueId::new(text(&json["unique_id"])),
        resource_type: ResourceType::parse(&text(&json["resource_type"])).unwrap(),
        name: text(&json["name"]),
        package_name: text(&json["package_name"]),
        path: text(&json["path"]),
        original_file_path: text(&json["original_file_path"]),
        fqn: texts(&json["fqn"]),
        database: text(&json["database"]),
        schema: text(&json["schema"]),
        alias: text(&json["alias"]),
        checksum: Checksum {
            name: if json["checksum"]["name"] == "none" { "none" } else { "sha256" },
            checksum: text(&json["checksum"]["checksum"]),
        },
        config: Config(values(&json["config"])),
        unrendered_config: values(&json["unrendered_config"]),
        tags: texts(&json["tags"]),
        description: text(&json["description"]),
        columns: columns(json),
        meta: values(&json["meta"]),
        group: optional_text(&json["group"]),
        docs: docs(json),
        patch_path: optional_text(&json["patch_path"]),
        created_at: json["created_at"].as_f64().unwrap(),
        relation_name: optional_text(&json["relation_name"]),
        quoting: Quoting::default(),
        raw_code: text(&json["raw_code"]),
        origin: None,
        language: "sql",
        doc_blocks: ids(&json["doc_blocks"]),
        refs: refs(json),
        sources: sources(json),
        metrics: Vec::new(),
        functions: Vec::new(),
        depends_on: depends_on(json),
        compiled: json["compiled_code"].as_str().map(|code| Compiled {
            code: code.to_owned(),
            extra_ctes: Vec::new(),
            macros: Vec::new(),
            path: optional_text(&json["compiled_path"]),
        }),
        build_path: None,
        clues: Default::default(),
        kind: kind(json),
    }
}

fn source(id: &str, json: &Json) -> Source {
    Source {
        unique_id: UniqueId::new(id),
        name: text(&json["name"]),
        source_name: text(&json["source_name"]),
        source_description: text(&json["source_description"]),
        package_name: text(&json["package_name"]),
        path: text(&json["path"]),
        original_file_path: text(&json["original_file_path"]),
        fqn: texts(&json["fqn"]),
        database: text(&json["database"]),
        schema: text(&json["schema"]),
        identifier: text(&json["identifier"]),
        loader: text(&json["loader"]),
        quoting: quoting(json),
        loaded_at_field: optional_text(&json["loaded_at_field"]),
        loaded_at_query: optional_text(&json["loaded_at_query"]),
        freshness: optional(&json["freshness"]),
        external: optional(&json["external"]),
        description: text(&json["description"]),
        columns: columns(json),
        meta: values(&json["meta"]),
        source_meta: values(&json["source_meta"]),
        tags: texts(&json["tags"]),
        config: Config(values(&json["config"])),
        unrendered_config: values(&json["unrendered_config"]),
        unrendered_database: optional_text(&json["unrendered_database"]),
        unrendered_schema: optional_text(&json["unrendered_schema"]),
        relation_name: text(&json["relation_name"]),
        created_at: json["created_at"].as_f64().unwrap(),
        doc_blocks: ids(&json["doc_blocks"]),
        span: None,
    }
}

fn exposure(id: &str, json: &Json) -> Exposure {
    Exposure {
        unique_id: UniqueId::new(id),
        name: text(&json["name"]),
        package_name: text(&json["package_name"]),
        path: text(&json["path"]),
        original_file_path: text(&json["original_file_path"]),
        fqn: texts(&json["fqn"]),
        exposure_type: text(&json["type"]),
        owner: values(&json["owner"]),
        label: optional_text(&json["label"]),
        maturity: optional_text(&json["maturity"]),
        url: optional_text(&json["url"]),
        description: text(&json["description"]),
        meta: values(&json["meta"]),
        tags: texts(&json["tags"]),
        config: Config(values(&json["config"])),
        unrendered_config: values(&json["unrendered_config"]),
        depends_on: depends_on(json),
        refs: refs(json),
        sources: sources(json),
        metrics: json["metrics"].as_array().into_iter().flatten().map(texts).collect(),
        created_at: json["created_at"].as_f64().unwrap(),
        span: None,
    }
}

fn group(id: &str, json: &Json) -> Group {
    Group {
        unique_id: UniqueId::new(id),
        name: text(&json["name"]),
        package_name: text(&json["package_name"]),
        path: text(&json["path"]),
        original_file_path: text(&json["original_file_path"]),
        owner: values(&json["owner"]),
        description: optional_text(&json["description"]),
        config: values(&json["config"]),
    }
}

fn doc(id: &str, json: &Json) -> Doc {
    Doc {
        unique_id: UniqueId::new(id),
        name: text(&json["name"]),
        package_name: text(&json["package_name"]),
        path: text(&json["path"]),
        original_file_path: text(&json["original_file_path"]),
        block_contents: text(&json["block_contents"]),
    }
}
