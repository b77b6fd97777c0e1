//! The manifest that is written is the one that dbt writes for the same project.

use std::{path::Path, time::Instant};

use chrono::DateTime;
use serde_json::Value as Json;

use super::{
    recorded::{recorded_json, recorded_manifest},
    *,
};
use crate::manifest::{Manifest, Quoting};

fn metadata() -> ManifestMetadata {
    let time = DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap();
    ManifestMetadata {
        common: Metadata {
            dbt_version: "1.11.14".to_owned(),
            invocation_id: "e9a74eae-6a33-4b42-9465-e658f1194ca6".to_owned(),
            invocation_started_at: time,
            generated_at: time,
            env: [("team".to_owned(), "x".to_owned())].into(),
            secrets: Vec::new(),
        },
        project_name: "shop".to_owned(),
        adapter_type: "datafusion".to_owned(),
        quoting: Quoting { database: Some(true), schema: Some(true), identifier: Some(true), column: None },
        run_started_at: time,
    }
}

fn written(path: &Path, manifest: &Manifest) -> Json {
    write_manifest(path, manifest, &metadata()).unwrap();
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
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

#[test]
fn the_manifest_has_what_dbt_writes() {
    let folder = tempfile::tempdir().unwrap();
    let found = written(&folder.path().join("manifest.json"), &recorded_manifest());
    let expected = recorded_json();
    let mut wrong = Vec::new();
    for (part, mut expected) in expected.as_object().unwrap().clone() {
        if part.ends_with("_map") {
            // dbt leaves the order of these to chance.
            for ids in expected.as_object_mut().unwrap().values_mut() {
                ids.as_array_mut().unwrap().sort_by_key(|id| id.as_str().unwrap().to_owned());
            }
        }
        differences(&part, &found[&part], &expected, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(found["metadata"]["project_id"], "fb54f3c5992b96d001bb16e8e92d968d");
    assert_eq!(found["metadata"]["generated_at"], "2023-11-14T22:13:20.000001Z");
    let keys = |json: &Json| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let id = "model.shop.kpi";
    assert_eq!(keys(&found["nodes"][id]), keys(&expected["nodes"][id]), "the order of keys is dbt's");
}

#[test]
fn a_state_is_read_tolerantly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.json");
    written(&path, &recorded_manifest());
    let state = read_manifest(&path).unwrap();
    assert_eq!(state.nodes["model.shop.dim.v2"].relation_name.as_deref(), Some("\"memory\".\"main\".\"dim_v2\""));
    assert_eq!(state.nodes["model.shop.kpi"].depends_on.nodes, ["model.shop.orders"]);
    for (text, expected) in [
        ("{}", "has the schema ``, which is not supported"),
        (r#"{"metadata": {"dbt_schema_version": "https://x/manifest/v3.json"}}"#, "manifest/v3.json"),
        ("{", "is not a valid artifact: EOF"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = read_manifest(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
#[ignore = "slow: writes 3,000 nodes and says how long it took"]
fn a_large_manifest_is_written_fast() {
    let small = recorded_manifest();
    let mut large = small.clone();
    for copy in 0..3000 / small.nodes.len() {
        for node in small.nodes.values() {
            let mut node = node.clone();
            node.unique_id = crate::names::UniqueId::new(format!("{}_{copy}", node.unique_id));
            large.nodes.insert(node.unique_id.clone(), node);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    write_manifest(&folder.path().join("manifest.json"), &large, &metadata()).unwrap();
    println!("{} nodes in {:?}", large.nodes.len(), started.elapsed());
}
