//! `state:` against what dbt found modified (`tests/recorded/state/`): each change of `edits.json` is made in a copy of
//! the project and compared with the manifest that dbt wrote for the original, and with our own.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use chrono::DateTime;
use indexmap::IndexMap;
use serde_json::Value as Json;
use tamis::{
    artifacts::{StateManifest, read_manifest},
    graph::{Dag, IndirectSelection, PreviousState, SelectionInput, select},
    jinja::Value,
    manifest::Manifest,
    names::UniqueId,
};

use super::{
    recorded::{Setup, parse, write},
    tidy::{none, root},
};

const SELECTORS: [&str; 9] = [
    "state:new",
    "state:modified",
    "state:unmodified",
    "state:modified.body",
    "state:modified.configs",
    "state:modified.relation",
    "state:modified.persisted_descriptions",
    "state:modified.macros",
    "state:modified.contract",
];

/// Where dbt finds more modified than was changed, because configs and line ends depend on where it runs: what is left for
/// us. A manifest that dbt wrote does not have the texts of properties (`env_yml`), so there their values are compared.
fn beyond_dbt(edit: &str, by_dbt: bool, selector: &str) -> Option<Vec<&'static str>> {
    let env_yml = |is_found: bool| Some(if is_found { vec!["model.shop.env_yml"] } else { Vec::new() });
    let compares_configs =
        ["state:modified", "state:unmodified", "state:modified.configs", "state:modified.relation"].contains(&selector);
    match edit {
        "another environment" | "Windows line ends" => Some(Vec::new()),
        "another target" => env_yml(by_dbt && compares_configs),
        "a config in properties that depends on the target" => {
            env_yml(compares_configs && (by_dbt || selector != "state:modified.configs"))
        }
        _ => None,
    }
}

fn recorded(file: &str) -> Json {
    serde_json::from_slice(&fs::read(root().join("tests/recorded/state").join(file)).unwrap()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn windows(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            windows(&path);
        } else {
            fs::write(&path, fs::read_to_string(&path).unwrap().replace('\n', "\r\n")).unwrap();
        }
    }
}

fn texts(json: &Json) -> Vec<&str> {
    json.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// A copy of a recorded project with a change made in it.
fn edited(name: &str, edit: &Json) -> (tempfile::TempDir, Setup) {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("project");
    copy(&root().join("tests/recorded").join(name).join("project"), &project);
    for change in edit["replace"].as_array().into_iter().flatten() {
        let change = texts(change);
        let path = project.join(change[0]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(change[1]), "{edit}");
        fs::write(path, text.replacen(change[1], change[2], 1)).unwrap();
    }
    for change in edit["move"].as_array().into_iter().flatten() {
        let change = texts(change);
        fs::create_dir_all(project.join(change[1]).parent().unwrap()).unwrap();
        fs::rename(project.join(change[0]), project.join(change[1])).unwrap();
    }
    for (path, text) in edit["write"].as_object().into_iter().flatten() {
        fs::write(project.join(path), text.as_str().unwrap()).unwrap();
    }
    if edit["windows"] == true {
        windows(&project);
    }
    let env: BTreeMap<String, String> = serde_json::from_value(edit["env"].clone()).unwrap_or_default();
    let vars: IndexMap<String, Value> = edit["vars"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, json)| (key.clone(), Value::from_json(json)))
        .collect();
    let target = edit["target"].as_str().map(str::to_owned);
    (folder, Setup { project, target, env, vars })
}

/// The ids that a selector finds, or the error; `state:unmodified` as what it does not find.
fn found(manifest: &Manifest, state: &Arc<PreviousState>, selector: &str) -> Result<Vec<String>, String> {
    let dag = Dag::new(manifest);
    let chosen = |selector: &str| {
        let input = SelectionInput {
            select: vec![selector.to_owned()],
            indirect: IndirectSelection::Empty,
            include_blank: true,
            project_name: "shop".to_owned(),
            state: Arc::clone(state),
            ..SelectionInput::default()
        };
        select(manifest, &dag, &input).map(|found| found.ids).map_err(|error| error.to_string())
    };
    let mut ids = chosen(selector)?;
    if selector == "state:unmodified" {
        let mut all = chosen("state:old")?;
        all.extend(chosen("state:new")?);
        ids = all.difference(&ids).cloned().collect();
    }
    Ok(ids.iter().map(UniqueId::to_string).collect())
}

fn previous(manifest: StateManifest) -> Arc<PreviousState> {
    Arc::new(PreviousState {
        manifest: Some(manifest),
        embedded: ["dbt".to_owned()].into(),
        now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        ..PreviousState::default()
    })
}

#[test]
fn what_is_modified_is_what_dbt_finds_modified() {
    let own = tempfile::tempdir().unwrap();
    let (_base, setup) = edited("state", &Json::Null);
    write(&parse(&setup), own.path());
    let states = [
        ("dbt's manifest", previous(read_manifest(&root().join("tests/recorded/state/manifest.json")).unwrap())),
        ("our manifest", previous(read_manifest(&own.path().join("manifest.json")).unwrap())),
    ];
    let expected = recorded("selections.json");
    let mut wrong = Vec::new();
    let none_found = Json::Array(Vec::new());
    for edit in recorded("edits.json").as_array().unwrap() {
        let name = edit["name"].as_str().unwrap();
        let (_folder, setup) = edited("state", edit);
        let manifest = parse(&setup);
        for (whose, state) in &states {
            for selector in SELECTORS {
                let of_dbt = expected[name].get(selector).unwrap_or(&none_found).clone();
                let expected = beyond_dbt(name, *whose == "dbt's manifest", selector).map_or(of_dbt, Json::from);
                let found = found(&manifest, state, selector);
                let same = match (&found, &expected) {
                    (Ok(ids), Json::Array(expected)) => ids == expected,
                    (Err(error), Json::String(_)) => error.contains("breaking change"),
                    _ => false,
                };
                if !same {
                    wrong.push(format!("{name}, {selector}, {whose}:\n  found    {found:?}\n  expected {expected}"));
                }
            }
        }
    }
    none(wrong);
}

#[test]
fn metrics_and_semantic_models_are_modified_when_what_they_mean_is() {
    let own = tempfile::tempdir().unwrap();
    let (_base, setup) = edited("meaning", &Json::Null);
    write(&parse(&setup), own.path());
    let path = own.path().join("manifest.json");
    let ours: Json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let dbts = root().join("tests/recorded/meaning/manifest.json");
    let dbts: Json = serde_json::from_slice(&fs::read(dbts).unwrap()).unwrap();
    let states = [("ours", &ours), ("dbt's", &dbts)].map(|(whose, json)| {
        let mut whole = ours.clone();
        for part in ["metrics", "semantic_models", "saved_queries"] {
            whole[part] = json[part].clone();
        }
        fs::write(&path, whole.to_string()).unwrap();
        (whose, previous(read_manifest(&path).unwrap()))
    });
    let (orders, refunds, others) = ("models/orders.yml", "models/mart/refunds.yml", "models/others.yml");
    for (file, old, new, expected) in [
        (orders, "semantic_model: true", "semantic_model:  true", ""),
        (
            orders,
            "agg: sum\n        expr: amount\n        label",
            "agg: max\n        expr: amount\n        label",
            "metric.shop.revenue",
        ),
        (orders, "expr: 1,", "expr: 2,", "metric.shop.order_count"),
        (orders, "'web'\"", "'shop'\"", "metric.shop.middle"),
        (orders, "window: 7 days", "window: 8 days", "metric.shop.rolling"),
        (orders, "description: All money.", "description: Some money.", "metric.shop.revenue"),
        (orders, "meta: {owner: metric}", "meta: {owner: others}", "metric.shop.revenue"),
        (orders, "time_granularity: month", "time_granularity: day", "metric.shop.middle"),
        (orders, "label: Buyer", "label: Client", "semantic_model.shop.orders"),
        (orders, "then 'big' end", "then 'huge' end", "semantic_model.shop.orders"),
        (orders, "dimension: categorical", "description: x", "semantic_model.shop.orders"),
        (
            orders,
            "semantic_model: true",
            "semantic_model: {name: renamed}",
            "metric.shop.last_balance metric.shop.middle metric.shop.order_count metric.shop.p50 metric.shop.p95 metric.shop.revenue",
        ),
        (refunds, "group: sales", "group: finance", "semantic_model.shop.refund_facts"),
        (refunds, "base_metric: order_count", "base_metric: revenue", "metric.shop.refund_rate"),
        (refunds, "alias: back", "alias: returned", "metric.shop.refund_rate"),
        (refunds, "metrics: [net, revenue]", "metrics: [net]", "saved_query.shop.monthly"),
        (others, "primary_entity: thing", "primary_entity: being", "semantic_model.shop.called"),
        (others, "agg: max, expr: id", "agg: min, expr: id", "metric.shop.top_ids"),
        ("dbt_project.yml", "{owner: project}", "{owner: them}", "all metrics but two"),
    ] {
        let (_folder, setup) = edited("meaning", &serde_json::json!({"replace": [[file, old, new]]}));
        let manifest = parse(&setup);
        for (whose, state) in &states {
            let found = found(&manifest, state, "state:modified").unwrap();
            if expected == "all metrics but two" {
                let metrics = manifest.nodes.keys().filter(|id| id.as_str().starts_with("metric."));
                assert_eq!(found.len(), metrics.count() - 2, "{found:?}");
            } else {
                assert_eq!(found.join(" "), expected, "{new}, {whose}");
            }
        }
    }
}
