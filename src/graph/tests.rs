//! Selections against what dbt recorded for one project (`tests/recorded/selection/`), cycles and orders on small
//! graphs, the lines of `ls`.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::*;
use crate::{
    artifacts::recorded::recorded_manifest,
    diagnostic::{SourceId, Span},
    manifest::{Checksum, Config, DependsOn, Docs, Manifest, ModelFields, Node, NodeKind, Quoting, RefArgs},
    names::{ResourceType, UniqueId},
    project::yaml::parse_value,
};

/// A node with an id `type.package.name` and nothing else.
fn node(id: &str, parents: &[&str]) -> Node {
    let mut parts = id.split('.');
    let resource_type = ResourceType::parse(parts.next().unwrap()).unwrap();
    let package_name = parts.next().unwrap().to_owned();
    let name = parts.next().unwrap().to_owned();
    Node {
        unique_id: UniqueId::new(id),
        resource_type,
        path: format!("{name}.sql"),
        original_file_path: format!("models/{name}.sql"),
        fqn: vec![package_name.clone(), name.clone()],
        database: "db".to_owned(),
        schema: "main".to_owned(),
        alias: name.clone(),
        name,
        package_name,
        checksum: Checksum { name: "none", checksum: String::new() },
        config: Config::default(),
        unrendered_config: IndexMap::new(),
        tags: Vec::new(),
        description: String::new(),
        columns: IndexMap::new(),
        meta: IndexMap::new(),
        group: None,
        docs: Docs::default(),
        patch_path: None,
        created_at: 0.0,
        relation_name: None,
        quoting: Quoting::default(),
        raw_code: "select 1".to_owned(),
        origin: None,
        language: "sql",
        doc_blocks: Vec::new(),
        refs: Vec::new(),
        sources: Vec::new(),
        metrics: Vec::new(),
        functions: Vec::new(),
        depends_on: DependsOn {
            nodes: parents.iter().map(|parent| UniqueId::new(*parent)).collect(),
            ..DependsOn::default()
        },
        compiled: None,
        build_path: None,
        clues: Default::default(),
        kind: match resource_type {
            ResourceType::Test => NodeKind::SingularTest,
            ResourceType::Snapshot => NodeKind::Snapshot,
            ResourceType::Analysis => NodeKind::Analysis,
            ResourceType::Seed => NodeKind::Seed { root_path: String::new() },
            ResourceType::Operation => NodeKind::Operation { index: 0, on_run_start: true },
            _ => NodeKind::Model(ModelFields::default()),
        },
    }
}

fn manifest(nodes: &[(&str, &[&str])]) -> Manifest {
    let nodes = nodes.iter().map(|(id, parents)| (UniqueId::new(*id), node(id, parents))).collect();
    Manifest { nodes, ..Manifest::default() }
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
}

#[test]
fn selections_are_those_that_dbt_recorded() {
    let manifest = recorded_manifest();
    let dag = Dag::new(&manifest);
    let recorded: Vec<Json> =
        serde_json::from_str(include_str!("../../tests/recorded/selection/selections.json")).unwrap();
    let mut wrong = Vec::new();
    for entry in &recorded {
        for indirect in IndirectSelection::ALL {
            let expected = entry.get(indirect.as_str()).unwrap_or(&entry["eager"]);
            let input = SelectionInput {
                select: texts(&entry["select"]),
                exclude: texts(&entry["exclude"]),
                selector: entry["selector"].as_str().map(str::to_owned),
                indirect,
                include_blank: true,
                project_name: "shop".to_owned(),
                ..SelectionInput::default()
            };
            let found = match select(&manifest, &dag, &input) {
                Ok(found) => {
                    let ids: Vec<&str> = found.ids.iter().map(UniqueId::as_str).collect();
                    let warnings: Vec<&str> = found.warnings.iter().map(|warning| warning.message.as_str()).collect();
                    serde_json::json!({ "ids": ids.join(" "), "warnings": warnings })
                }
                Err(error) => serde_json::json!({ "error": error.to_string() }),
            };
            let same = match (&found["error"], &expected["error"]) {
                (Json::Null, Json::Null) => found == *expected,
                (Json::String(found), Json::String(expected)) => {
                    // The forms that a value may have are listed in our own words.
                    let start: String = found.split(": expected").next().unwrap_or_default().to_owned();
                    expected.contains(&start) || start.starts_with("Invalid")
                }
                _ => false,
            };
            if !same {
                wrong.push(format!("{input:?}\n  found    {found}\n  expected {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), recorded.len() * 4, wrong.join("\n"));
}

#[track_caller]
fn check_selection(input: SelectionInput, expected: &str) {
    let manifest = recorded_manifest();
    let found = select(&manifest, &Dag::new(&manifest), &input).map(|found| {
        let ids: Vec<&str> = found.ids.iter().map(|id| id.as_str()).collect();
        ids.join(" ")
    });
    assert_eq!(found.unwrap_or_else(|error| error.to_string()), expected);
}

fn words(select: &[&str]) -> SelectionInput {
    SelectionInput {
        select: select.iter().map(|word| (*word).to_owned()).collect(),
        project_name: "shop".to_owned(),
        ..SelectionInput::default()
    }
}

#[test]
fn results_are_limited_to_the_types_of_the_command() {
    check_selection(
        SelectionInput { resource_types: Some([ResourceType::Model].into()), ..words(&["stg_b"]) },
        "model.shop.stg_b",
    );
    check_selection(
        SelectionInput { exclude_resource_types: [ResourceType::Test].into(), ..words(&["stg_b"]) },
        "model.shop.stg_b",
    );
    check_selection(words(&["blank"]), "");
}

#[test]
fn a_selector_can_be_used_as_a_method() {
    check_selection(
        SelectionInput {
            resource_types: Some([ResourceType::Exposure].into()),
            ..words(&["selector:short+,exposure:*"])
        },
        "exposure.shop.board",
    );
    check_selection(
        words(&["selector:nope"]),
        "Could not find selector named nope, expected one of ['nightly', 'short', 'full', 'sets', 'cfg', 'inter', \
         'cautious_union']",
    );
}

#[test]
fn methods_that_compare_say_what_they_need() {
    check_selection(
        words(&["state:modified+"]),
        "`state:` needs the manifest.json of an earlier invocation: give its folder with --state",
    );
}

#[test]
fn selectors_are_normalised_as_in_the_manifest() {
    let file = serde_json::json!({ "selectors": [
        { "name": "a", "definition": "1+tag:x+" },
        { "name": "b", "default": true, "definition": { "union": [
            { "tag": "y" }, { "method": "selector", "value": "a" }, { "exclude": ["z"] }] } },
    ] });
    let selectors = Selectors::from_file(&file, IndirectSelection::Eager).unwrap();
    assert_eq!(selectors.default_name(), Some("b"));
    assert_eq!(selectors.expect("b").unwrap().to_string(), "tag:y 1+tag:x+ --exclude z");
    assert_eq!(
        selectors.0["b"].normalised["definition"].to_string(),
        r#"{"union":[{"method":"tag","value":"y"},{"parents":true,"parents_depth":"1","method":"tag","value":"x","children":true},{"exclude":[{"method":"fqn","value":"z"}]}]}"#
    );
}

#[test]
fn a_wrong_selector_is_shown_where_it_is() {
    let text = "selectors:\n- {name: a, definition: x}\n- {name: b, definition: {nope: y}}\n";
    let error = read_selectors(&parse_value(text).unwrap()).unwrap_err();
    assert_eq!(error.message, "'nope' is not a valid method name");
    let span = error.labels[0].span;
    assert_eq!(&text[span.start as usize..span.end as usize], "{name: b, definition: {nope: y}}");
    assert!(read_selectors(&parse_value("[1]").unwrap()).unwrap_err().message.ends_with("found a list"));
}

#[test]
fn wrong_selectors_files_are_explained() {
    for (definition, expected) in [
        (serde_json::json!({ "union": [], "method": "tag" }), "Only a single 'union' or 'intersection' key"),
        (serde_json::json!({ "union": "x" }), "Invalid value for key \"union\". Expected a list."),
        (serde_json::json!({ "union": [{ "exclude": [] }, { "exclude": [] }] }), "multiple exclude arguments"),
        (
            serde_json::json!({ "method": "selector", "value": "later" }),
            "Existing selector definition for later not found.",
        ),
        (serde_json::json!({ "a": 1, "b": 2 }), "Expected either 1 key or else"),
        (serde_json::json!({ "nope": "x" }), "'nope' is not a valid method name"),
        (serde_json::json!({ "method": "tag", "value": [1] }), "a single text"),
        (serde_json::json!(7), "Expected to find union, intersection, str or dict"),
    ] {
        let file = serde_json::json!({ "selectors": [{ "name": "s", "definition": definition }] });
        let error = Selectors::from_file(&file, IndirectSelection::Eager).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_cycle_is_named_with_the_places_of_its_refs() {
    let mut manifest = manifest(&[
        ("model.p.a", &["model.p.c"]),
        ("model.p.b", &["model.p.a"]),
        ("model.p.c", &["model.p.b"]),
        ("model.p.d", &["model.p.c", "model.p.d"]),
    ]);
    let call = RefArgs { name: "c".to_owned(), package: None, version: None, span: Some(Span::new(SourceId(0), 3, 6)) };
    manifest.nodes[&UniqueId::new("model.p.a")].refs.push(call);
    let cycles = find_cycles(&manifest, &Dag::new(&manifest));
    let messages: Vec<&str> = cycles.iter().map(|cycle| cycle.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "Found a cycle: model.p.a --> model.p.b --> model.p.c --> model.p.a",
            "Found a cycle: model.p.d --> model.p.d"
        ]
    );
    assert_eq!(cycles[0].labels[0].text, "`a` reads `c`");
    assert!(find_cycles(&recorded_manifest(), &Dag::new(&recorded_manifest())).is_empty());
}

#[track_caller]
fn check_order(manifest: &Manifest, selected: &[&str], edges: Edges, expected: &str) {
    let selected: BTreeSet<UniqueId> = selected.iter().map(|id| UniqueId::new(*id)).collect();
    let queue = Queue::new(manifest, &Dag::new(manifest), &selected, edges);
    let order: Vec<String> =
        queue.order().iter().map(|id| id.as_str().rsplit('.').next().unwrap().to_owned()).collect();
    assert_eq!(order.join(" "), expected);
}

#[test]
fn the_order_is_by_level_then_id_and_through_what_is_not_selected() {
    let manifest = manifest(&[
        ("model.p.z", &[]),
        ("model.p.b", &["model.p.z"]),
        ("model.p.a", &["model.p.b"]),
        ("model.p.c", &[]),
    ]);
    let all = ["model.p.a", "model.p.b", "model.p.c", "model.p.z"];
    check_order(&manifest, &all, Edges::Dependencies, "c z b a");
    check_order(&manifest, &all, Edges::None, "a b c z");
    check_order(&manifest, &["model.p.a", "model.p.c", "model.p.z"], Edges::Dependencies, "c z a");
}

#[test]
fn in_build_a_test_gates_what_is_below_all_that_it_tests() {
    let manifest = manifest(&[
        ("model.p.a", &[]),
        ("model.p.b", &[]),
        ("model.p.c", &["model.p.a"]),
        ("model.p.d", &["model.p.c", "model.p.b"]),
        ("test.p.on_a", &["model.p.a"]),
        ("test.p.on_both", &["model.p.a", "model.p.b"]),
        ("test.p.on_d", &["model.p.d"]),
    ]);
    let all: Vec<&str> = manifest.nodes.keys().map(UniqueId::as_str).collect();
    check_order(&manifest, &all, Edges::TestsGate, "a b on_a on_both c d on_d");
    let mut queue = Queue::new(
        &manifest,
        &Dag::new(&manifest),
        &all.iter().map(|id| UniqueId::new(*id)).collect(),
        Edges::TestsGate,
    );
    let names = |ids: BTreeSet<UniqueId>| {
        ids.iter().map(|id| id.as_str().rsplit('.').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(queue.descendants(&UniqueId::new("test.p.on_a"))), "c d on_d");
    assert_eq!(names(queue.descendants(&UniqueId::new("test.p.on_both"))), "d on_d");
    let a = queue.pop().unwrap();
    queue.mark_done(&a);
    assert_eq!(queue.ready().map(UniqueId::as_str).collect::<Vec<_>>(), ["model.p.b", "test.p.on_a"]);
    // The gate also holds when the model between is not selected.
    check_order(&manifest, &["model.p.a", "model.p.d", "test.p.on_a"], Edges::TestsGate, "a on_a d");
}

proptest::proptest! {
    #[test]
    fn the_order_respects_every_edge(edges in proptest::collection::vec((0usize..20, 0usize..20), 0..60), gate: bool) {
        let ids: Vec<String> = (0..20)
            .map(|number| format!("{}.p.n{number:02}", if number % 5 == 4 { "test" } else { "model" }))
            .collect();
        let mut parents: Vec<Vec<&str>> = vec![Vec::new(); 20];
        for (a, b) in edges {
            // Tests have no children.
            if a < b && a % 5 != 4 {
                parents[b].push(&ids[a]);
            }
        }
        let nodes: Vec<(&str, &[&str])> = ids.iter().map(String::as_str).zip(parents.iter().map(Vec::as_slice)).collect();
        let manifest = manifest(&nodes);
        let dag = Dag::new(&manifest);
        let selected: BTreeSet<UniqueId> = dag.ids().cloned().collect();
        let edges = if gate { Edges::TestsGate } else { Edges::Dependencies };
        let order = Queue::new(&manifest, &dag, &selected, edges).order();
        proptest::prop_assert_eq!(order.len(), 20);
        let place = |id: &str| order.iter().position(|found| found.as_str() == id).unwrap();
        for (id, parents) in &nodes {
            for parent in *parents {
                proptest::prop_assert!(place(parent) < place(id));
            }
        }
        if gate {
            for test in manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Test) {
                for id in dag.ids().filter(|id| id.as_str().starts_with("model")) {
                    let above = dag.ancestors(id);
                    let all_above = test.depends_on.nodes.iter().all(|parent| above.contains(parent));
                    if !test.depends_on.nodes.is_empty() && all_above {
                        proptest::prop_assert!(place(test.unique_id.as_str()) < place(id.as_str()));
                    }
                }
            }
        }
    }
}

#[test]
fn ls_prints_selectors_names_paths_and_json() {
    let manifest = recorded_manifest();
    let ids: BTreeSet<UniqueId> =
        ["exposure.shop.board", "model.shop.dim.v2", "source.shop.ext.events"].into_iter().map(UniqueId::new).collect();
    let lines = |output, keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        list_lines(&manifest, &ids, output, &keys).join("\n")
    };
    assert_eq!(lines(ListOutput::Selector, &[]), "exposure:shop.board\nshop.marts.dim.v2\nsource:shop.ext.events");
    assert_eq!(lines(ListOutput::Name, &[]), "board\ndim.v2\next.events");
    assert_eq!(
        lines(ListOutput::Path, &[]),
        "models/marts/schema.yml\nmodels/marts/dim_v2.sql\nmodels/staging/schema.yml"
    );
    assert_eq!(
        lines(ListOutput::Json, &["config.materialized", "name", "nothing", "config.alias", "source_name"]),
        "{\"name\": \"board\"}\n{\"config.materialized\": \"table\", \"name\": \"dim\"}\n\
         {\"name\": \"events\", \"source_name\": \"ext\"}"
    );
}
