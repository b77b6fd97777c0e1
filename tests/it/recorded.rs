//! Whole projects against what dbt recorded for them (`tests/recorded/`): the manifest, key by key, and every selection.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::DateTime;
use indexmap::IndexMap;
use serde_json::Value as Json;
use tamis::{
    artifacts::{self, ManifestMetadata, Metadata},
    diagnostic::SourceMap,
    event::NoEvents,
    graph::{Dag, IndirectSelection, SelectionInput, read_selectors, select},
    jinja::Value,
    manifest::{self, Manifest, ParseOptions, Quoting, context::Flags},
    names::UniqueId,
    project::{self, AdapterSpec, DiskFileSystem, EmbeddedPackage, LoadOptions, Need},
};

/// The adapter that the recording was made with.
const ADAPTERS: &[AdapterSpec] = &[AdapterSpec {
    name: "duckdb",
    parents: &[],
    keys: &["path"],
    required: &[&["path"]],
    aliases: &[],
    quoted: true,
    reads_files: true,
    comment_behind: false,
    wide_types: false,
    dialects: &[],
    default_database: Some("memory"),
    default_schema: Some("main"),
    secret: &[],
}];

const EMBEDDED: &[EmbeddedPackage] = &[EmbeddedPackage { name: "dbt", files: tamis::packages::DBT }];

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(name)
}

fn recorded(name: &str, file: &str) -> Json {
    serde_json::from_slice(&std::fs::read(folder(name).join(file)).unwrap()).unwrap()
}

/// Where a project is and what it is parsed with.
pub struct Setup {
    pub project: PathBuf,
    pub target: Option<String>,
    pub env: BTreeMap<String, String>,
    pub vars: IndexMap<String, Value>,
}

fn parsed(name: &str) -> Manifest {
    let project = folder(name).join("project");
    parse(&Setup { project, target: None, env: BTreeMap::new(), vars: IndexMap::new() })
}

/// Parses a project as the recording did; errors fail the test.
pub fn parse(setup: &Setup) -> Manifest {
    let project = setup.project.clone();
    let env: manifest::context::Env = {
        let env = setup.env.clone();
        Arc::new(move |name| env.get(name).cloned())
    };
    let sources = SourceMap::default();
    let options = LoadOptions {
        current_dir: project.clone(),
        project_dir: None,
        profile_dirs: vec![project],
        profile: None,
        target: setup.target.clone(),
        threads: None,
        profile_need: Need::Required,
        with_files: true,
        vars: setup.vars.clone(),
        env: Arc::clone(&env),
        flags: Value::None,
        globals: IndexMap::new(),
        dbt_version: "1.11.14",
        version_check: true,
        adapters: ADAPTERS,
        embedded: EMBEDDED,
        parallelism: 1,
    };
    let (project, diagnostics) = project::load(&options, &DiskFileSystem, &sources);
    let shown = |found: &[tamis::diagnostic::Diagnostic]| {
        found.iter().map(|found| format!("{:?} {}", found.severity, found.message)).collect::<Vec<_>>().join("\n")
    };
    assert!(!diagnostics.iter().any(|found| found.is_error()), "{}", shown(&diagnostics));
    let project = project.unwrap();
    let parsed = manifest::build(
        &project,
        &ParseOptions {
            dbt_version: "1.11.14".into(),
            env,
            metadata_env: IndexMap::new(),
            flags: Flags::default(),
            invocation_args: Value::None,
            run_started_at: DateTime::from_timestamp_millis(1500).unwrap(),
            invocation_id: "e9a74eae-6a33-4b42-9465-e658f1194ca6".into(),
            events: Arc::new(NoEvents),
            incremental_strategies: vec![],
            parallelism: 2,
        },
    );
    assert!(!parsed.diagnostics.iter().any(|found| found.is_error()), "{}", shown(&parsed.diagnostics));
    let mut manifest = parsed.manifest;
    if let Some(selectors) = &project.selectors {
        manifest.selectors = read_selectors(selectors).unwrap();
    }
    manifest
}

/// Writes `manifest.json` into a folder.
pub fn write(manifest: &Manifest, folder: &Path) {
    let time = DateTime::from_timestamp_millis(1500).unwrap();
    let metadata = ManifestMetadata {
        common: Metadata {
            dbt_version: "1.11.14".to_owned(),
            invocation_id: "e9a74eae-6a33-4b42-9465-e658f1194ca6".to_owned(),
            invocation_started_at: time,
            generated_at: time,
            env: Default::default(),
            secrets: Vec::new(),
        },
        project_name: "shop".to_owned(),
        adapter_type: "duckdb".to_owned(),
        quoting: Quoting { database: Some(true), schema: Some(true), identifier: Some(true), column: None },
        run_started_at: time,
    };
    artifacts::write_manifest(&folder.join("manifest.json"), manifest, &metadata).unwrap();
}

fn written(manifest: &Manifest) -> Json {
    let target = tempfile::tempdir().unwrap();
    write(manifest, target.path());
    serde_json::from_slice(&std::fs::read(target.path().join("manifest.json")).unwrap()).unwrap()
}

/// Paths at which two values differ.
fn differences(at: &str, found: &Json, expected: &Json, into: &mut Vec<String>) {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => {
            for key in found.keys().chain(expected.keys().filter(|key| !found.contains_key(*key))) {
                let absent = Json::String("<absent>".to_owned());
                let of =
                    |side: &serde_json::Map<String, Json>| side.get(key).cloned().unwrap_or_else(|| absent.clone());
                differences(&format!("{at}/{key}"), &of(found), &of(expected), into);
            }
        }
        _ if found == expected => {}
        _ => into.push(format!("{at}: found {found}, expected {expected}")),
    }
}

/// What the recording cannot fix: places, and orders that dbt leaves to chance.
fn settled(part: &str, mut json: Json) -> Json {
    for (_, entry) in json.as_object_mut().unwrap() {
        if part.ends_with("_map") {
            entry.as_array_mut().unwrap().sort_by_key(|id| id.as_str().unwrap().to_owned());
        }
        let entries = match entry {
            Json::Array(entries) => entries.iter_mut().collect(),
            entry => vec![entry],
        };
        for entry in entries.into_iter().filter_map(Json::as_object_mut) {
            if let Some(path) = entry.get_mut("root_path") {
                *path = "/project".into();
            }
            // Ours alone.
            entry.remove("unrendered_properties");
        }
    }
    json
}

/// Where we differ today: dbt keeps a single tag of an in-file config as it was written, and of an overridden source
/// what the package wrote, so that `state:modified` does not see that another schema is read.
const KNOWN: [&str; 2] = ["nodes/model.kit.stg_c/unrendered_config/tags", "sources/source.kit.till."];

#[test]
fn the_manifest_of_a_project_is_the_one_that_dbt_writes() {
    let mut wrong = Vec::new();
    for name in ["selection", "habits"] {
        let found = written(&parsed(name));
        for (part, expected) in recorded(name, "manifest.json").as_object().unwrap() {
            let mut found = settled(part, found[part].clone());
            if part == "docs" || part == "macros" {
                found.as_object_mut().unwrap().retain(|_, entry| entry["package_name"] != "dbt");
            }
            differences(part, &found, &settled(part, expected.clone()), &mut wrong);
        }
    }
    wrong.retain(|wrong| !KNOWN.iter().any(|known| wrong.starts_with(known)));
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_semantic_layer_of_models_is_the_one_that_dbt_1_12_writes() {
    let manifest = parsed("meaning");
    let found = written(&manifest);
    let mut wrong = Vec::new();
    for (part, expected) in recorded("meaning", "manifest.json").as_object().unwrap() {
        let found = match part.as_str() {
            "columns" => meanings(&found["nodes"]),
            part => settled(part, found[part].clone()),
        };
        differences(part, &found, &settled(part, expected.clone()), &mut wrong);
    }
    let target = tempfile::tempdir().unwrap();
    let path = target.path().join("semantic_manifest.json");
    artifacts::write_semantic_manifest(&path, &manifest).unwrap();
    let by_name = |mut whole: Json| {
        for part in ["metrics", "semantic_models", "saved_queries"] {
            whole[part].as_array_mut().unwrap().sort_by_key(|entry| entry["name"].as_str().unwrap().to_owned());
        }
        whole
    };
    let found = by_name(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
    differences("semantic", &found, &by_name(recorded("meaning", "semantic_manifest.json")), &mut wrong);
    // The version of the interface, which ours has from dbt 1.11.
    wrong.retain(|wrong| !wrong.contains("dsi_package_version"));
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_semantic_layer_of_models_is_selected_by_its_names() {
    let manifest = parsed("meaning");
    let dag = Dag::new(&manifest);
    for (words, expected) in [
        ("metric:growth", "metric.shop.growth"),
        ("semantic_model:shop.refund_facts", "semantic_model.shop.refund_facts"),
        (
            "semantic_model:refund_facts+",
            "metric.shop.net metric.shop.net_rolling metric.shop.refund_rate metric.shop.refunds metric.shop.share saved_query.shop.monthly semantic_model.shop.refund_facts",
        ),
        (
            "+metric:share,resource_type:model",
            "model.shop.orders model.shop.refunds test.shop.unique_orders_order_id.fed79b3a6e",
        ),
        ("group:sales", "metric.shop.revenue"),
    ] {
        let input = SelectionInput {
            select: vec![words.to_owned()],
            include_blank: true,
            project_name: "shop".to_owned(),
            ..SelectionInput::default()
        };
        let found = select(&manifest, &dag, &input).unwrap().ids;
        let found: Vec<&str> = found.iter().map(UniqueId::as_str).collect();
        assert_eq!(found.join(" "), expected, "{words}");
    }
}

/// What columns are in the semantic layer, by node and name.
fn meanings(nodes: &Json) -> Json {
    let mut found = serde_json::Map::new();
    for (id, node) in nodes.as_object().unwrap() {
        for (name, column) in node["columns"].as_object().into_iter().flatten() {
            let given = ["granularity", "entity", "dimension"].into_iter().filter(|key| !column[key].is_null());
            let given = given.map(|key| (key.to_owned(), column[key].clone())).collect();
            found.insert(format!("{id}.{name}"), Json::Object(given));
        }
    }
    Json::Object(found)
}

#[test]
fn selections_of_a_project_are_those_of_dbt() {
    let manifest = parsed("selection");
    let dag = Dag::new(&manifest);
    let words = |json: &Json| -> Vec<String> {
        json.as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut wrong = Vec::new();
    for entry in recorded("selection", "selections.json").as_array().unwrap() {
        let Some(expected) = entry["eager"]["ids"].as_str() else { continue };
        let input = SelectionInput {
            select: words(&entry["select"]),
            exclude: words(&entry["exclude"]),
            selector: entry["selector"].as_str().map(str::to_owned),
            indirect: IndirectSelection::Eager,
            include_blank: true,
            project_name: "shop".to_owned(),
            ..SelectionInput::default()
        };
        let found: Vec<String> = select(&manifest, &dag, &input).unwrap().ids.iter().map(UniqueId::to_string).collect();
        if found.join(" ") != expected {
            wrong.push(format!("{entry}\n  found    {}\n  expected {expected}", found.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
