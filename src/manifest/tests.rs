//! Whole projects in memory, parsed: what nodes come out, and what is said about what is wrong.

use std::{path::PathBuf, sync::Arc};

use chrono::{TimeZone, Utc};
use indexmap::IndexMap;

use super::{context::Flags, *};
use crate::{
    diagnostic::SourceMap,
    event::NoEvents,
    project::{AdapterSpec, EmbeddedPackage, FileSystem, LoadOptions, MemoryFileSystem, Need, load},
};

const ADAPTERS: &[AdapterSpec] = &[AdapterSpec {
    name: "datafusion",
    parents: &[],
    keys: &["path"],
    required: &[&["path"]],
    aliases: &[],
    quoted: true,
    reads_files: true,
    comment_behind: false,
    dialects: &[],
    wide_types: false,
    default_database: Some("tamis"),
    default_schema: None,
    secret: &[],
}];

const PROFILES: &str =
    "shop:\n  target: dev\n  outputs:\n    dev: {type: datafusion, path: w, schema: main, threads: 2}\n";

struct Case {
    parsed: Parsed,
    sources: SourceMap,
}

impl Case {
    /// `error[code] place message` for each.
    fn shown(&self) -> Vec<String> {
        self.parsed
            .diagnostics
            .iter()
            .map(|found| {
                let level = if found.is_error() { "error" } else { "warning" };
                let place =
                    found.labels.first().map_or_else(String::new, |label| self.sources.location(label.span) + " ");
                let help = found.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
                format!("{level}[{}] {place}{}{help}", found.code, found.message)
            })
            .collect()
    }

    fn node(&self, unique_id: &str) -> &Node {
        let nodes = &self.parsed.manifest.nodes;
        nodes.get(unique_id).unwrap_or_else(|| panic!("no {unique_id} in {:?}", nodes.keys()))
    }

    fn config(&self, unique_id: &str, key: &str) -> String {
        self.node(unique_id).config.get(key).map_or_else(|| "absent".to_owned(), |value| value.to_json().to_string())
    }

    fn depends_on(&self, unique_id: &str) -> Vec<&str> {
        self.node(unique_id).depends_on.nodes.iter().map(UniqueId::as_str).collect()
    }
}

fn parse_in(fs: &dyn FileSystem, root: &str, adapters: &[AdapterSpec]) -> Case {
    let embedded: Vec<EmbeddedPackage> =
        crate::packages::ALL.iter().map(|(name, files)| EmbeddedPackage { name, files }).collect();
    let sources = SourceMap::default();
    let options = LoadOptions {
        current_dir: PathBuf::from(root),
        project_dir: None,
        profile_dirs: vec![PathBuf::from("")],
        profile: None,
        target: None,
        threads: None,
        profile_need: Need::Required,
        with_files: true,
        vars: IndexMap::new(),
        env: Arc::new(|_| None),
        flags: Value::None,
        globals: IndexMap::new(),
        dbt_version: "1.11.2",
        version_check: true,
        adapters,
        embedded: &embedded,
        parallelism: 2,
    };
    let (project, loading) = load(&options, fs, &sources);
    let mut parsed = build(&project.unwrap(), &parse_options());
    parsed.diagnostics.splice(0..0, loading);
    Case { parsed, sources }
}

fn parse_options() -> ParseOptions {
    ParseOptions {
        dbt_version: "1.11.2".into(),
        env: Arc::new(|_| None),
        metadata_env: IndexMap::new(),
        flags: Flags::default(),
        invocation_args: Value::None,
        run_started_at: Utc.timestamp_opt(1_700_000_000, 0).unwrap(),
        invocation_id: "00000000-0000-0000-0000-000000000000".into(),
        events: Arc::new(NoEvents),
        incremental_strategies: vec!["append"],
        parallelism: 2,
    }
}

fn parse(files: &[(&str, &str)]) -> Case {
    let mut fs = MemoryFileSystem::default();
    fs.insert("/p/dbt_project.yml", "name: shop\nprofile: shop\n");
    fs.insert("/p/profiles.yml", PROFILES);
    for (path, text) in files {
        fs.insert(PathBuf::from("/p").join(path), *text);
    }
    parse_in(&fs, "/p", ADAPTERS)
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(parse(files).shown(), expected);
}

#[test]
fn refs_sources_and_comments_make_edges_but_code_that_only_runs_later_does_not() {
    let case = parse(&[
        ("models/a.sql", "select 1 as id"),
        ("models/b.sql", "-- depends_on: {{ ref('a') }}\nselect * from {{ source('raw', 't') }}"),
        ("models/c.sql", "{% if execute %}{{ ref('a') }}{% endif %}{# {{ ref('b') }} #} select 1"),
        ("models/d.sql", "{{ config(post_hook=\"grant on {{ ref('a') }}\") }} select 1"),
        ("models/s.yml", "sources: [{name: raw, tables: [{name: t}]}]"),
    ]);
    assert_eq!(case.shown(), Vec::<String>::new());
    assert_eq!(case.depends_on("model.shop.b"), ["source.shop.raw.t", "model.shop.a"]);
    assert_eq!(case.depends_on("model.shop.c"), Vec::<&str>::new());
    assert_eq!(case.depends_on("model.shop.d"), ["model.shop.a"]);
}

#[test]
fn a_ref_that_means_nothing_is_an_error_with_its_place_and_a_near_name() {
    check(
        &[
            ("models/stg_orders.sql", "select 1"),
            ("models/off.sql", "{{ config(enabled=false) }} select * from {{ ref('nothing') }}"),
            ("models/orders.sql", "select *\nfrom {{ ref('stg_ordrs') }}"),
            ("models/x.sql", "select * from {{ ref('off') }} {{ source('a', 'b') }}"),
        ],
        &[
            "error[ref-not-found] models/orders.sql:2:9 model `orders` refers to `stg_ordrs`, which does not exist \
             (did you mean `stg_orders`?)",
            "error[source-not-found] models/x.sql:1:35 model `x` refers to source `a.b`, which does not exist",
            "error[ref-not-found] models/x.sql:1:18 model `x` refers to `off`, which is disabled",
        ],
    );
}

#[test]
fn two_nodes_of_one_name_or_relation_are_reported_with_both_places() {
    check(
        &[("models/a/m.sql", "select 1"), ("models/b/m.sql", "select 2")],
        &["error[duplicate-name] models/b/m.sql:1:1 model `m` is defined twice in package `shop` \
           (rename, remove or disable one of the two)"],
    );
    check(
        &[("models/a.sql", "select 1"), ("models/b.sql", "{{ config(alias='a') }} select 2")],
        &["error[duplicate-relation] models/b.sql:1:1 `model.shop.a` and `model.shop.b` would both be \
           \"tamis\".\"main\".\"a\" (give one of the two another `alias` or `schema`)"],
    );
}

#[test]
fn a_disabled_model_may_share_its_name_and_its_tests_vanish() {
    let case = parse(&[
        ("models/a/m.sql", "{{ config(enabled=false) }} select 1"),
        ("models/b/n.sql", "{{ config(enabled=false) }} select 1"),
        ("models/b/m.sql", "select 2"),
        ("models/s.yml", "models: [{name: n, columns: [{name: id, data_tests: [unique]}]}]"),
    ]);
    assert_eq!(case.shown(), Vec::<String>::new());
    assert_eq!(case.node("model.shop.m").path, "b/m.sql");
    let disabled: Vec<&str> = case.parsed.manifest.disabled.keys().map(UniqueId::as_str).collect();
    assert_eq!(disabled, ["model.shop.m", "model.shop.n", "test.shop.unique_n_id.7ed99df871"]);
}

#[test]
fn a_test_of_what_is_not_there_is_disabled_with_a_warning() {
    check(
        &[
            ("models/orders.sql", "select 1"),
            ("models/s.yml", "models:\n  - name: ordrs\n    columns: [{name: id, data_tests: [unique]}]\n"),
        ],
        &[
            "warning[properties-without-node] models/s.yml:2:11 properties describe model `ordrs`, which does not exist \
             (did you mean `orders`?)",
            "warning[test-target-not-found] models/s.yml:3:39 test `unique_ordrs_id` refers to `ordrs`, which does not \
             exist (did you mean `orders`?)",
        ],
    );
}

#[test]
fn properties_in_the_wrong_section_or_twice_are_pointed_at() {
    check(
        &[
            ("seeds/s.csv", "id\n1\n"),
            ("models/m.sql", "select 1"),
            ("models/a.yml", "models: [{name: s}, {name: m}]"),
            ("models/b.yml", "models: [{name: m}]"),
        ],
        &[
            "warning[wrong-section] models/a.yml:1:17 `s` is a seed, but is described under `models` (move it to `seeds:`)",
            "error[duplicate-properties] models/b.yml:1:17 model `m` is described twice (merge the two entries)",
        ],
    );
}

#[test]
fn configs_of_the_wrong_type_are_errors_where_they_are_written() {
    check(
        &[
            ("dbt_project.yml", "name: shop\nprofile: shop\nmodels:\n  shop:\n    +materialized: 3\n"),
            ("models/a.sql", "{{ config(enabled='maybe') }} select 1"),
            ("models/s.yml", "models: [{name: a, config: {materialized: view, tags: [{x: 1}]}}]"),
        ],
        &[
            "error[config-type] models/s.yml:1:49 config `tags` of `model.shop.a` is `[{'x': 1}]`, expected a text or a \
             list of texts",
            "error[config-type] models/a.sql:1:4 config `enabled` of `model.shop.a` is the text `maybe`, expected true or \
             false",
        ],
    );
}

#[test]
fn paths_of_config_trees_that_apply_to_nothing_are_named() {
    let tree = "models:\n  shop:\n    materialized: table\n    stagin:\n      +enabled: true\n    meta: {a: 1}\n";
    check(
        &[("dbt_project.yml", &format!("name: shop\nprofile: shop\n{tree}")), ("models/staging/a.sql", "select 1")],
        &[
            "warning[missing-plus-prefix] dbt_project.yml:5:5 config `materialized` is written without `+` \
             (write `+materialized`)",
            "warning[unused-config-path] dbt_project.yml:6:5 2 config paths apply to no resource: `models.shop.stagin`, \
             `models.shop.meta` (did you mean `staging`?)",
        ],
    );
}

#[test]
fn the_root_project_has_the_last_word_about_a_package() {
    let case = parse(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\nmodels:\n  +tags: all\n  pk:\n    +materialized: table\n"),
        ("dbt_packages/pk/dbt_project.yml", "name: pk\nmodels:\n  pk:\n    +tags: own\n"),
        ("dbt_packages/pk/models/m.sql", "{{ config(materialized='view', tags=['file']) }} select 1"),
        ("packages.yml", "packages: [{local: dbt_packages/pk}]"),
    ]);
    assert_eq!(case.shown(), Vec::<String>::new());
    assert_eq!(case.config("model.pk.m", "materialized"), "\"table\"");
    assert_eq!(case.node("model.pk.m").tags, ["own", "file", "all"]);
}

#[test]
fn names_come_from_the_naming_macros() {
    let case = parse(&[
        ("models/a.sql", "{{ config(schema='x', alias='b') }} select 1"),
        ("models/e.sql", "{{ config(materialized='ephemeral') }} select 1"),
        (
            "macros/m.sql",
            "{% macro generate_schema_name(custom, node) %} {{ custom or 'none' }}_{{ node.name }} {% endmacro %}",
        ),
    ]);
    assert_eq!(case.shown(), Vec::<String>::new());
    assert_eq!(case.node("model.shop.a").relation_name.as_deref(), Some("\"tamis\".\"x_a\".\"b\""));
    assert_eq!(case.node("model.shop.e").relation_name, None);
    assert_eq!(case.node("model.shop.e").schema, "none_e");
}

#[test]
fn private_models_are_for_their_group() {
    check(
        &[
            ("models/p.sql", "select 1"),
            ("models/ok.sql", "select * from {{ ref('p') }}"),
            ("models/other.sql", "select * from {{ ref('p') }}"),
            (
                "models/s.yml",
                "groups: [{name: g, owner: {name: x}}]\nmodels:\n  - {name: p, access: private, config: {group: g}}\n  \
                 - {name: ok, config: {group: g}}\n  - {name: other, config: {group: h}}\n",
            ),
        ],
        &[
            "error[ref-not-allowed] models/other.sql:1:18 model `other` refers to `p`, which is private to group `g` (change the \
             `access` of the model, or the `group` of one of the two)",
            "error[group-not-found] models/other.sql:1:1 model `other` is in group `h`, which does not exist (did you mean `g`?)",
        ],
    );
}

#[test]
fn docs_blocks_are_found_in_descriptions_or_reported() {
    let files = |name: &'static str| {
        [
            ("models/m.sql", "select 1".to_owned()),
            ("models/d.md", "{% docs about %}\n  text\n{% enddocs %}".to_owned()),
            ("models/s.yml", format!("models:\n  - name: m\n    description: \"A {{{{ doc('{name}') }}}}.\"\n")),
        ]
    };
    let about = files("about");
    let case = parse(&about.each_ref().map(|(path, text)| (*path, text.as_str())));
    assert_eq!(case.node("model.shop.m").description, "A text.");
    let abut = files("abut");
    check(
        &abut.each_ref().map(|(path, text)| (*path, text.as_str())),
        &["error[doc-not-found] models/s.yml:3:24 docs block `abut` does not exist (did you mean `about`?)"],
    );
}

#[test]
fn a_python_model_has_edges_although_it_is_not_run() {
    let case = parse(&[
        ("models/a.sql", "select 1"),
        (
            "models/p.py",
            "def model(dbt, session):\n    dbt.config(materialized='incremental')\n    return dbt.ref(\"a\")\n",
        ),
    ]);
    assert_eq!(case.depends_on("model.shop.p"), ["model.shop.a"]);
    assert_eq!(case.config("model.shop.p", "materialized"), "\"incremental\"");
}

#[test]
fn a_mistake_in_a_shared_place_is_reported_once() {
    let case = parse(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels:\n  +materialized: 3\n  +post-hook: \"{{ ref('missing') }}\"\n",
        ),
        ("models/a.sql", "select 1"),
        ("models/b.sql", "select 1"),
        ("models/c.sql", "select 1"),
    ]);
    assert_eq!(
        case.shown(),
        [
            "error[config-type] dbt_project.yml:4:3 config `materialized` of `model.shop.a` is `3`, expected a text",
            "error[ref-not-found] dbt_project.yml:5:3 model `a` refers to `missing`, which does not exist",
        ]
    );
    assert_eq!(case.parsed.diagnostics.first().unwrap().notes, ["the same holds for 2 more nodes"]);
}

#[test]
fn a_test_with_a_wrong_argument_is_an_error_where_it_is_written() {
    check(
        &[
            ("models/a.sql", "select 1 as id"),
            ("macros/t.sql", "{% test positive(model, column_name) %}select 1{% endtest %}"),
            (
                "models/s.yml",
                "models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n          \
                 - positive: {arguments: {mn: 1}}\n          - uniqe\n",
            ),
        ],
        &[
            "warning[unknown-generic-test] models/s.yml:7:13 no generic test is named `uniqe` (did you mean `unique`?)",
            "error[jinja-type] models/s.yml:6:13 macro 'test_positive' takes no keyword argument 'mn'",
        ],
    );
}
