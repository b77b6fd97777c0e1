//! Traps of dbt's language, each with dbt's own outcome: what is parsed, resolved, printed and counted.

use std::fs;

use super::binary::Folder;

/// A row: files, command, exit status, what is shown in this order.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], i32, &'a [&'a str]);

#[track_caller]
fn check(rows: &[Row<'_>]) {
    for (files, args, status, shown) in rows {
        Folder::new(files).expect(*status, args).shows(shown);
    }
}

/// Compiles one model `m` beside the given files.
#[track_caller]
fn compiled(files: &[(&str, &str)], sql: &str) -> String {
    let folder = Folder::new(files);
    folder.write("models/m.sql", sql);
    folder.expect(0, &["-q", "compile", "-s", "m"]);
    fs::read_to_string(folder.path("target/compiled/shop/models/m.sql")).unwrap()
}

const A: (&str, &str) = ("models/a.sql", "select 1 as id");

#[test]
fn a_ref_that_is_not_rendered_while_parsing_is_an_error_when_it_runs() {
    for guard in ["execute", "is_incremental() or execute"] {
        let b = format!("select 1 as id {{% if {guard} %}} from {{{{ ref('a') }}}} {{% endif %}}");
        check(&[(
            &[A, ("models/b.sql", &b)],
            &["run"],
            1,
            &["unable to infer all dependencies", "-- depends_on: {{ ref('a') }}", "PASS=1"],
        )]);
    }
    check(&[
        (
            &[
                A,
                (
                    "models/b.sql",
                    "-- depends_on: {{ ref('a') }}\n{% if execute %}select * from {{ ref('a') }}{% endif %}",
                ),
            ],
            &["run"],
            0,
            &["PASS=2"],
        ),
        (
            &[
                A,
                ("models/b.sql", "{# {{ ref('a') }} #} select 1 as id"),
                ("models/c.sql", "-- {{ ref('a') }}\nselect 1 as id"),
            ],
            &["-q", "ls", "-s", "a+"],
            0,
            &["shop.a\nshop.c"],
        ),
    ]);
}

#[test]
fn answers_while_parsing_are_not_those_of_the_run() {
    let sql = "{{ config(x=var('nowhere') , y=config.get('z', 'd') ~ 'e', r=ref('a').identifier) }}\
               {% set t = run_query('select 1') %}{{ config(q=(t is none)) }} select 1 as id";
    let folder = Folder::new(&[A, ("models/b.sql", sql)]);
    folder.expect(0, &["-q", "parse"]);
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path("target/manifest.json")).unwrap()).unwrap();
    let config = &manifest["nodes"]["model.shop.b"]["config"];
    assert_eq!(config["x"], serde_json::Value::Null);
    assert_eq!(config["y"], "e");
    assert_eq!(config["r"], "b");
    assert_eq!(config["q"], true);
}

#[test]
fn what_is_missing_fails_the_parse_or_only_its_node() {
    check(&[
        (&[A, ("models/b.sql", "select {{ var('nowhere') }} as id")], &["run"], 1, &["nowhere", "PASS=1"]),
        (&[A, ("models/b.sql", "select {{ env_var('NOWHERE') }} as id")], &["run"], 2, &["NOWHERE"]),
        (&[A, ("models/b.sql", "select {{ nowhere() }} as id")], &["run"], 1, &["nowhere", "PASS=1"]),
        (&[A, ("models/b.sql", "select '{{ nowhere }}' as id")], &["run"], 0, &["PASS=2"]),
        (&[A, ("models/b.sql", "select {{ nowhere.x }} as id")], &["run"], 1, &["nowhere", "PASS=1"]),
        (&[A, ("models/b.sql", "{% if %}")], &["run"], 2, &["error[jinja-syntax]"]),
        (
            &[A, ("models/s.yml", "models: [{name: a, columns: [{name: id, data_tests: [nowhere]}]}]")],
            &["build"],
            1,
            &["nowhere", "PASS=1"],
        ),
        (
            &[A, ("tests/t.sql", "select * from {{ ref('nowhere') }}")],
            &["build"],
            0,
            &["[NodeNotFoundOrDisabled]", "PASS=1", "TOTAL=1"],
        ),
        (
            &[A, ("models/off.sql", "{{ config(enabled=false) }} select * from {{ ref('nowhere') }}")],
            &["build"],
            0,
            &["PASS=1"],
        ),
        (
            &[A, ("models/s.yml", "models: [{name: a, description: \"{{ doc('nowhere') }}\"}]")],
            &["run"],
            2,
            &["nowhere"],
        ),
    ]);
}

#[test]
fn names_that_clash_are_told_as_dbt_does() {
    check(&[
        (&[A, ("models/b.sql", "{{ config(alias='a') }} select 1 as id")], &["run"], 2, &["error[duplicate-relation]"]),
        (&[A, ("models/b.sql", "{{ config(alias='A', enabled=true) }} select 1 as id")], &["ls", "-q"], 0, &["shop.b"]),
        (&[A, ("models/x/a.sql", "{{ config(enabled=false) }} select 2 as id")], &["run"], 0, &["PASS=1"]),
        (
            &[A, ("models/s.yml", "models: [{name: a, columns: [{name: id, data_tests: [unique, unique]}]}]")],
            &["run"],
            2,
            &["error[duplicate-test]"],
        ),
        (&[A, ("seeds/a.csv", "id\n1\n")], &["parse"], 2, &["error[duplicate-relation]"]),
        (
            &[A, ("models/s.yml", "models: [{name: a, config: {group: nowhere}}]")],
            &["run"],
            2,
            &["error[group-not-found]"],
        ),
    ]);
}

#[test]
fn a_blank_model_is_listed_and_not_run() {
    let files = [A, ("models/blank.sql", "  \n")];
    check(&[(&files, &["-q", "ls"], 0, &["shop.a", "shop.blank"]), (&files, &["run"], 0, &["PASS=1", "TOTAL=1"])]);
}

#[test]
fn texts_of_values_are_pythons_and_white_space_stays() {
    for (sql, expected) in [
        ("{{ true }} {{ none }} {{ [1, 'a'] }} {{ {'a': 1} }}", "True None [1, 'a'] {'a': 1}"),
        ("{{ 7 / 2 }} {{ 7 // 2 }} {{ 1.0 }} {{ 'a' ~ 1 ~ none }}", "3.5 3 1.0 a1None"),
        ("{{ {'a': 1}.items() | list }}", "[('a', 1)]"),
        ("{{ config(materialized='view') }}\n\nselect 1", "\n\nselect 1"),
        ("{% set x %} a {% endset %}[{{ x }}]", "[ a ]"),
        ("{% set n = 1 %}{% for i in [2] %}{% set n = i %}{% endfor %}{{ n }}", "1"),
        ("{% set n = namespace(x=1) %}{% for i in [2] %}{% set n.x = i %}{% endfor %}{{ n.x }}", "2"),
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        ("{{ tojson({'a': '<b>'}) }}", "{\"a\": \"<b>\"}"),
        ("{{ ['b', 'A'] | sort }} {{ ['a', 'A'] | unique | list }}", "['A', 'b'] ['a']"),
        ("{{ 'ref' in context }} {{ context['ref'] is defined }}", "True True"),
        ("{{ this.type }} {{ ref('a').type }}", "None None"),
        ("{% if falsy() %}yes{% else %}no{% endif %} {% if spaces() %}yes{% endif %}", "no yes"),
        ("{{ var('text') }} {{ var('list') }}", "2 [1]"),
        ("{% set t = run_query('select 1 as a') %}{{ t.columns[0].values() if execute }}", "(1,)"),
        ("{{ config.get('unique_key', 'd') }} {{ config.get('mine', 'd') }}", "None d"),
        ("{{ load_result('nowhere') }}", "None"),
        ("{{ model.name }} {{ graph.nodes | list }}", "m ['model.shop.a', 'model.shop.m']"),
        (
            "{{ modules.datetime.datetime(2024, 1, 1).strftime('[%z]') }} {{ modules.datetime.timedelta(0, 1).total_seconds() }}",
            "[] 1.0",
        ),
        ("{{ dbt.dates_in_range('20240130', '20240201') | join(' ') }}", "20240130 20240131 20240201"),
        ("{{ dbt.partition_range('20240130,20240201') | join(' ') }}", "20240130 20240131 20240201"),
    ] {
        let files = [
            A,
            ("dbt_project.yml", "name: shop\nprofile: shop\nvars: {text: '{{ 1 + 1 }}', list: [1]}\n"),
            ("macros/m.sql", "{% macro falsy() %}{{ return(false) }}{% endmacro %}{% macro spaces() %} {% endmacro %}"),
        ];
        assert_eq!(compiled(&files, sql), expected, "{sql}");
    }
}

#[test]
fn secrets_and_results_that_were_taken_are_errors() {
    check(&[
        (
            &[("models/a.sql", "select '{{ env_var('DBT_ENV_SECRET_X', 'd') }}' as id")],
            &["run"],
            2,
            &["DBT_ENV_SECRET_X"],
        ),
        (
            &[(
                "models/a.sql",
                "{% call statement('s', fetch_result=true) %}select 1 as x{% endcall %}\
                 {% if execute %}{% set x = load_result('s') %}{% set y = load_result('s') %}{% endif %} select 1 as id",
            )],
            &["run"],
            1,
            &["'s'"],
        ),
    ]);
}

#[test]
fn an_overridden_ref_reaches_the_original_by_builtins() {
    let files = [
        A,
        (
            "macros/ref.sql",
            "{% macro ref(name) %}{% do return(builtins.ref(name).include(database=false)) %}{% endmacro %}",
        ),
    ];
    assert_eq!(compiled(&files, "select * from {{ ref('a') }}"), "select * from \"main\".\"a\"");
    assert_eq!(compiled(&[], "{{ builtins.ref.config.project_name }}"), "shop");
}

#[test]
fn hooks_of_the_project_fail_and_end_as_in_dbt() {
    let project = |extra: &str| format!("name: shop\nprofile: shop\n{extra}");
    let start = project("on-run-start: ['select nothing', 'select 2']\n");
    let skip = project("on-run-start: ['select nothing']\nflags: {skip_nodes_if_on_run_start_fails: true}\n");
    let end = project(
        "on-run-end: [\"{{ log('ends ' ~ results | map(attribute='status') | sort | join(',') ~ schemas, info=true) }}\"]\n",
    );
    let parse = project("on-run-start: [\"{{ log('at parse ' ~ execute ~ this, info=true) }}\"]\n");
    check(&[
        (&[("dbt_project.yml", &start), A], &["run"], 1, &["OK created sql view model main.a", "ERROR=1"]),
        (&[("dbt_project.yml", &skip), A], &["run"], 1, &["SKIP", "ERROR=1"]),
        (
            &[("dbt_project.yml", &end), A, ("models/bad.sql", "select nothing")],
            &["run"],
            1,
            &["ends error,success['main']", "ERROR=1"],
        ),
        (&[("dbt_project.yml", &parse), A], &["ls"], 0, &["at parse FalseNone", "shop.a"]),
        (&[("models/a.sql", "{{ config(post_hook='select nothing') }} select 1 as id")], &["run"], 1, &["ERROR=1"]),
    ]);
}

#[test]
fn nothing_selected_is_a_warning_and_success() {
    check(&[
        (&[A], &["run", "-s", "nowhere"], 0, &["does not match any enabled nodes", "Nothing to do"]),
        (&[A], &["--warn-error", "run", "-s", "nowhere"], 2, &["no-nodes-for-selection"]),
        (&[A, ("models/b.sql", "select nothing")], &["compile", "-s", "a"], 0, &["select 1 as id"]),
    ]);
}

#[test]
fn data_tests_count_nulls_and_failures_as_dbt_does() {
    let nulls = ("models/a.sql", "select 1 as id union all select null union all select null");
    let tests = |text: &str| format!("models: [{{name: a, columns: [{{name: id, data_tests: [{text}]}}]}}]");
    let rows = [
        ("unique", 0, "PASS=2"),
        ("not_null", 1, "FAIL 2"),
        ("{accepted_values: {arguments: {values: [1]}}}", 0, "PASS=2"),
        ("{not_null: {config: {where: id > 0}}}", 0, "PASS=2"),
        ("{not_null: {config: {error_if: '> 2', warn_if: '> 1'}}}", 0, "WARN 2"),
        ("{not_null: {config: {error_if: 'between 1 and 5'}}}", 1, "FAIL 2"),
        ("{not_null: {config: {limit: 1}}}", 1, "FAIL 1"),
        ("{not_null: {config: {severity: warn}}}", 0, "WARN 2"),
        ("{unique: {config: {fail_calc: sum(n_records)}}}", 1, "ERROR=1"),
        ("{relationships: {arguments: {to: ref('a'), field: id}}}", 0, "PASS=2"),
    ];
    for (text, status, shown) in rows {
        check(&[(&[nulls, ("models/s.yml", &tests(text))], &["build"], status, &[shown])]);
    }
    let folder = Folder::new(&[A, ("models/s.yml", &tests("unique"))]);
    folder.expect(0, &["-q", "build", "--store-failures"]);
    assert_eq!(folder.rows("select * from main_dbt_test__audit.unique_a_id"), [""; 0]);
}

#[test]
fn selectors_of_versions_and_vars_of_the_command_line_are_as_in_dbt() {
    let versions = "models: [{name: dim, latest_version: 2, versions: [{v: 1}, {v: 2}]}]";
    let files = [
        ("models/dim_v1.sql", "select 1 as id"),
        ("models/dim_v2.sql", "select 2 as id"),
        ("models/s.yml", versions),
        ("models/u.sql", "select '{{ var('n', 0) + 1 }}' as n, * from {{ ref('dim') }}"),
    ];
    check(&[
        (&files, &["-q", "ls", "-s", "dim"], 0, &["shop.dim.v1\nshop.dim.v2"]),
        (&files, &["-q", "ls", "-s", "dim.v1", "--output", "name"], 0, &["dim.v1"]),
        (&files, &["-q", "ls", "-s", "dim_v2"], 0, &["shop.dim.v2"]),
        (&files, &["-q", "ls", "-s", "version:latest"], 0, &["shop.dim.v2"]),
        (&files, &["-q", "compile", "-s", "u", "--vars", "n: 007"], 0, &["select '8' as n", "\"dim_v2\""]),
    ]);
}

#[test]
fn older_forms_work_and_are_told_by_dbts_events() {
    let project = |extra: &str| format!("name: shop\nprofile: shop\n{extra}");
    let profile = "shop:\n  target: dev\n  outputs:\n    dev: {type: datafusion, path: warehouse, schema: main}\nconfig: {use_colors: false}\n";
    let yaml = |event: &'static str, text: &str| (event, vec![("models/s.yml", text.to_owned())]);
    let file = |event: &'static str, text: &str| (event, vec![("dbt_project.yml", project(text))]);
    let model = "select * from {{ ref('a') }}".to_owned();
    let dated = |year: i32| format!("models: [{{name: a, deprecation_date: '{year}-01-01'}}]");
    let values = "models: [{name: a, columns: [{name: id, data_tests: [{accepted_values: {values: [1]}}]}]}]";
    for (event, files) in [
        yaml("MissingArgumentsPropertyInGenericTestDeprecation", values),
        yaml(
            "PropertyMovedToConfigDeprecation",
            "models: [{name: a, columns: [{name: id, data_tests: [{unique: {where: id > 0}}]}]}]",
        ),
        yaml("ExposureNameDeprecation", "exposures: [{name: a b, type: dashboard, owner: {name: x}}]"),
        yaml("DuplicateYAMLKeysDeprecation", "models: [{name: a, name: a}]"),
        yaml("SourceOverrideDeprecation", "sources: [{name: s, overrides: p, tables: [{name: t}]}]"),
        yaml("CustomTopLevelKeyDeprecation", "mine: 1\n"),
        yaml("CustomKeyInObjectDeprecation", "models: [{name: a, mine: 1}]"),
        yaml("DeprecatedModel", &dated(2020)),
        yaml("NoNodeForYamlKey", "models: [{name: n}]"),
        yaml("WrongResourceSchemaFile", "seeds: [{name: a}]"),
        ("DeprecatedReference", vec![("models/b.sql", model.clone()), ("models/s.yml", dated(2020))]),
        ("UpcomingReferenceDeprecation", vec![("models/b.sql", model), ("models/s.yml", dated(2999))]),
        ("MacroNotFoundForPatch", vec![("macros/s.yml", "macros: [{name: n}]".to_owned())]),
        ("JinjaLogWarning", vec![("models/b.sql", "{% do exceptions.warn('hm') %}select 1 as id".to_owned())]),
        ("ProjectFlagsMovedDeprecation", vec![("profiles.yml", profile.to_owned())]),
        ("ConfigDataPathDeprecation", vec![("dbt_project.yml", project("data-paths: [seeds]\n"))]),
        (
            "ModulesItertoolsUsageDeprecation",
            vec![("models/b.sql", "select {{ modules.itertools.chain([1], [2]) | sum }} as n".to_owned())],
        ),
        yaml(
            "TimeDimensionsRequireGranularityDeprecation",
            "models: [{name: a, semantic_model: true, columns: [{name: id, dimension: time}]}]",
        ),
        yaml(
            "MFCumulativeTypeParamsDeprecation",
            "semantic_models: [{name: s, model: ref('a'), measures: [{name: n, agg: sum}]}]\nmetrics: [{name: m, label: m, type: cumulative, type_params: {measure: n, window: 7 days}}]",
        ),
        (
            "MFTimespineWithoutYamlConfigurationDeprecation",
            vec![
                ("models/metricflow_time_spine.sql", "select 1 as d".to_owned()),
                ("models/s.yml", "semantic_models: [{name: s, model: ref('a')}]".to_owned()),
            ],
        ),
        file("ConfigTargetPathDeprecation", "target-path: output\n"),
        file("ConfigLogPathDeprecation", "log-path: output\n"),
        file("ConfigSourcePathDeprecation", "source-paths: [models]\n"),
        file("UnusedResourceConfigPath", "models: {shop: {x: {+enabled: true}}}\n"),
        (
            "DuplicateNameDistinctNodeTypesDeprecation",
            vec![("seeds/a.csv", "id\n1\n".to_owned()), ("dbt_project.yml", project("seeds: {+alias: seed_a}\n"))],
        ),
        (
            "ResourceNamesWithSpacesDeprecation",
            vec![
                ("models/b c.sql", "select 1 as id".to_owned()),
                ("dbt_project.yml", project("flags: {require_resource_names_without_spaces: false}\n")),
            ],
        ),
    ] {
        let folder = Folder::new(&[A]);
        for (path, text) in files {
            folder.write(path, text);
        }
        folder.expect(0, &["parse"]).shows(&[event]);
    }
    Folder::new(&[A])
        .expect(0, &["source", "freshness", "-o", "out.json"])
        .shows(&["CustomOutputPathInSourceFreshnessDeprecation"]);
    let folder = Folder::new(&[
        A,
        ("packages.yml", "packages: [{local: kit}]"),
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nflags: {require_explicit_package_overrides_for_builtin_materializations: false}\n",
        ),
        ("kit/dbt_project.yml", "name: kit\n"),
        (
            "kit/macros/view.sql",
            "{% materialization view, adapter='datafusion' %}{% call statement('main') %}create or replace view {{ this }} as select 2 as id{% endcall %}{{ return({'relations': [this]}) }}{% endmaterialization %}",
        ),
    ]);
    folder
        .expect(0, &["run"])
        .shows(&["PackageMaterializationOverrideDeprecation", "OK created sql view model main.a"]);
    assert_eq!(folder.rows("select id from main.a"), [r#"{"id":2}"#]);
}

#[test]
fn catalogs_are_checked_and_have_no_effect() {
    let catalogs = |text: &str| format!("catalogs:\n  - name: lake\n{text}");
    let one = "    write_integrations: [{name: w, catalog_type: built_in, adapter_properties: {key: \"{{ env_var('DBT_ENV_SECRET_X') }}\"}}]\n";
    let two = "    write_integrations: [{name: w, catalog_type: a}, {name: w, catalog_type: b}]\n";
    for (text, status, expected) in [
        (catalogs(one), 0, "`model.shop.a` is of catalog `lake`, which nothing is written to"),
        (catalogs(one).replace("lake", "sea"), 0, "`model.shop.a` is of catalog `lake`, which is not in catalogs.yml"),
        (catalogs(&format!("    active_write_integration: v\n{one}")), 2, "did you mean `w`?"),
        (catalogs(two), 2, "catalog `lake` has two write integrations `w`"),
        (catalogs(two), 2, "has 2 write integrations and none is active"),
        (catalogs("    write_integrations: [{name: w}]\n"), 2, "has no `catalog_type`"),
        ("catalogs: [1]\n".to_owned(), 2, "a catalog must be a mapping with a `name`"),
        (String::new(), 2, "catalogs.yml has no catalogs"),
    ] {
        let folder = Folder::new(&[("models/a.sql", "{{ config(catalog_name='lake') }} select 1 as id")]);
        folder.write("catalogs.yml", &text);
        folder.expect(status, &["run"]).shows(&[expected]);
    }
}

#[test]
fn indexes_have_no_effect() {
    let model = "{{ config(materialized='table', indexes=[{'columns': ['id']}], post_hook='{% do create_indexes(this) %}') }}\n\
                 select {{ 1 if get_create_index_sql(this, {'columns': ['id']}) is none else 2 }} as id";
    let folder = Folder::new(&[("models/a.sql", model)]);
    folder.expect(0, &["run"]).shows(&["OK created sql table model main.a"]);
    assert_eq!(folder.rows("select id from {{ ref('a') }}"), [r#"{"id":1}"#]);
}

#[test]
fn an_error_of_an_ephemeral_model_is_its_consumers() {
    check(&[(
        &[
            (
                "models/eph.sql",
                "{{ config(materialized='ephemeral') }} select {{ exceptions.raise_compiler_error('broken') if execute }} 1 as id",
            ),
            ("models/top.sql", "select * from {{ ref('eph') }}"),
            A,
        ],
        &["run"],
        1,
        &["broken", "PASS=1"],
    )]);
}

#[test]
fn tests_of_a_version_are_those_of_its_columns() {
    let yaml = "models:\n  - name: dim\n    latest_version: 2\n    columns:\n      - {name: id, data_tests: [unique]}\n      \
                - {name: old, data_tests: [not_null]}\n    versions:\n      - v: 1\n      - v: 2\n        \
                columns: [{include: all, exclude: [old]}]\n";
    let files = [
        ("models/dim_v1.sql", "select 1 as id, 2 as old"),
        ("models/dim_v2.sql", "select 1 as id"),
        ("models/s.yml", yaml),
    ];
    check(&[
        (
            &files,
            &["-q", "ls", "--resource-type", "test"],
            0,
            &["not_null_dim_v1_old", "unique_dim_v1_id", "unique_dim_v2_id"],
        ),
        (&files, &["build"], 0, &["PASS=5"]),
    ]);
}

#[test]
fn schemas_are_made_before_the_first_node_runs() {
    let folder = Folder::new(&[
        (
            "models/a.sql",
            "{{ config(schema='x', pre_hook='create table main_y.early as select 1 as id') }} select 1 as id",
        ),
        ("models/b.sql", "{{ config(schema='y') }} select * from {{ ref('a') }}"),
        ("models/s.yml", "models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]"),
    ]);
    folder.expect(0, &["build", "--threads", "1"]).shows(&["PASS=3"]);
    assert_eq!(folder.rows("select id from main_y.early"), [r#"{"id":1}"#]);
    assert!(!folder.path("warehouse/main_dbt_test__audit").exists(), "failures were not to be stored");
}

#[test]
fn packages_may_ask_for_a_version_of_dbt() {
    let kit = ("dbt_packages/kit/dbt_project.yml", "name: kit\nrequire-dbt-version: '>=2.0.0'\n");
    let files = [A, ("packages.yml", "packages: [{local: kit}]"), kit, ("kit/dbt_project.yml", kit.1)];
    check(&[
        (&files, &["run"], 2, &["error[dbt-version]", "'kit' package", ">=2.0.0"]),
        (&files, &["run", "--no-version-check"], 0, &["PASS=1"]),
    ]);
}

#[test]
fn an_ephemeral_model_names_the_relation_that_it_would_be() {
    let files = [A, ("models/e.sql", "{{ config(materialized='ephemeral') }} select '{{ this }}' as t")];
    let text = compiled(&files, "select * from {{ ref('e') }}");
    assert_eq!(text, "with __dbt__cte__e as (\n select '\"tamis\".\"main\".\"e\"' as t\n) select * from __dbt__cte__e");
}

#[test]
fn compile_and_show_stop_at_the_first_error() {
    let values = "models: [{name: a, columns: [{name: id, data_tests: [{accepted_values: {arguments: {values: [\"{{ nowhere.x }}\"]}}}]}]}]";
    let with_test = [A, ("models/s.yml", values)];
    check(&[
        (&[A, ("models/b.sql", "select nothing")], &["show", "-s", "b"], 2, &["error[database-error]"]),
        (&[A, ("models/b.sql", "select {{ nowhere.x }}")], &["compile", "-s", "b"], 2, &["error[jinja-undefined]"]),
        (&with_test, &["show", "-s", "a"], 2, &["error[jinja-undefined]"]),
        (&with_test, &["show", "-s", "a", "--indirect-selection", "empty"], 0, &["| 1"]),
    ]);
}

#[test]
fn operations_run_no_hooks_and_no_results_are_left_without_json() {
    let folder = Folder::new(&[
        A,
        ("dbt_project.yml", "name: shop\nprofile: shop\non-run-start: ['select nothing']\n"),
        ("macros/m.sql", "{% macro m() %}{{ print('this is ' ~ this) }}{% endmacro %}"),
    ]);
    folder.expect(0, &["run-operation", "m", "--no-write-json"]).shows(&["this is None"]);
    assert!(!folder.path("target/run_results.json").exists());
    folder.expect(0, &["run-operation", "m"]);
    let results: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path("target/run_results.json")).unwrap()).unwrap();
    assert_eq!(results["results"][0]["unique_id"], "macro.shop.m");
    assert_eq!(results["results"].as_array().unwrap().len(), 1);
}

#[test]
fn sql_runs_without_a_macro_and_is_shown_without_a_parse() {
    let folder = Folder::new(&[("models/a.sql", "select 1 as id"), ("models/b.sql", "select 2 as id")]);
    folder.expect(0, &["run"]);
    let ran = folder.expect(
        0,
        &["run-operation", "--sql", "create table main.c as select id + 1 as {{ 'n' }} from {{ ref('b') }}"],
    );
    ran.shows(&["1 of 1 START executing inline_query", "1 of 1 OK executed inline_query"]);
    let results = std::fs::read_to_string(folder.path("target/run_results.json")).unwrap();
    assert!(results.contains(r#""unique_id":"sql_operation.shop.inline_query""#), "{results}");
    assert_eq!(folder.rows("select n from main.c"), [r#"{"n":3}"#]);
    let failed = folder.expect(1, &["run-operation", "--sql", "create table main.d as selec 1"]);
    failed.shows(&["ERROR executing inline_query", "syntax error at or near \"selec\""]);
    folder.expect(1, &["run-operation", "--sql", "select * from {{ ref('bb') }}"]).shows(&["did you mean `b`?"]);
    for (words, expected) in [
        (&["run-operation"][..], "needs the name of a macro, or --sql"),
        (&["run-operation", "m", "--sql", "select 1"], "calls a macro or runs --sql, not both"),
        (&["run-operation", "--sql", "select 1", "--args", "{a: 1}"], "--args are of a macro"),
    ] {
        folder.expect(2, words).shows(&[expected]);
    }
    assert_eq!(folder.expect(0, &["-q", "ls", "--limit", "1"]).stdout.trim(), "shop.a");

    // Nothing is rendered, and no model is read.
    folder.write("models/a.sql", "{{ broken");
    let shown = folder.expect(
        0,
        &[
            "show",
            "--inline-direct",
            "select n, '{{ x }}' as x from main.c union all select 9, '' order by n",
            "--limit",
            "1",
        ],
    );
    assert!(shown.stdout.contains("| 3 | {{ x }} |") && !shown.stdout.contains("| 9 |"), "{}", shown.stdout);
    let shown = folder.expect(0, &["-q", "show", "--output", "json", "--inline-direct", "select n from main.c"]);
    let json: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(json, serde_json::json!({"show": [{"n": 3}]}));
    folder.expect(2, &["show", "--inline-direct", "selec 1"]).shows(&["syntax error at or near \"selec\""]);
}

#[test]
fn keys_that_come_twice_are_kept_or_refused_as_the_strategy_does() {
    let model = |strategy: &str| {
        format!(
            "{{{{ config(materialized='incremental', incremental_strategy='{strategy}', unique_key='id') }}}}\n\
             select 1 as id, 'x' as v union all select 1, 'y' union all select null, 'n'"
        )
    };
    let (deletes, merges) = (model("delete+insert"), model("merge"));
    let folder = Folder::new(&[("models/d.sql", &deletes), ("models/m.sql", &merges)]);
    folder.expect(0, &["-q", "run"]);
    folder.expect(1, &["run"]).shows(&["2 rows of the source match", "PASS=1", "ERROR=1"]);
    let count =
        |model: &str| folder.rows(&format!("select count(id) as ids, count(*) as n from {{{{ ref('{model}') }}}}"));
    assert_eq!(count("d"), [r#"{"ids":2,"n":4}"#], "a null key never matches");
    assert_eq!(count("m"), [r#"{"ids":2,"n":3}"#]);
}

#[test]
fn seeds_are_shown_when_asked_for() {
    let files = [("seeds/s.csv", "id,name\n1,x\n")];
    check(&[
        (
            &files,
            &["seed", "--show"],
            0,
            &["OK loaded seed file main.s", "Sample of table: main.s", "| 1", "x", "PASS=1"],
        ),
        (&files, &["-q", "build", "--show"], 0, &[]),
    ]);
}

#[test]
fn grants_are_told_to_have_no_effect() {
    check(&[(
        &[("models/a.sql", "{{ config(grants={'select': ['ann']}) }} select 1 as id")],
        &["run"],
        0,
        &["grants on", "have no effect", "PASS=1"],
    )]);
}

#[test]
fn clean_deletes_nothing_that_is_not_the_projects_output() {
    for target in ["models", "'../x'", "."] {
        let project = format!("name: shop\nprofile: shop\nclean-targets: [{target}]\n");
        check(&[(&[A, ("dbt_project.yml", &project)], &["clean"], 2, &["error[clean-refused]"])]);
    }
}
