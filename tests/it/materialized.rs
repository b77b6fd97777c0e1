//! Tables that are made only when they must be: materialized views and clones; and strategies of the project's own.

use std::{fs, os::unix::fs::MetadataExt};

use super::binary::Folder;

#[test]
fn a_materialized_view_is_refreshed_when_something_that_it_reads_changed() {
    let folder = Folder::new(&[
        ("seeds/raw.csv", "id\n1\n2\n"),
        ("models/behind.sql", "select id from {{ ref('raw') }}"),
        ("models/between.sql", "{{ config(materialized='ephemeral') }} select id from {{ ref('behind') }}"),
        (
            "models/total.sql",
            "{{ config(materialized='materialized_view') }} select count(*) as n {{ var('more', '') }} from {{ ref('between') }}",
        ),
    ]);
    let total = |folder: &Folder| folder.rows("select n from {{ ref('total') }}").join("");
    folder.expect(0, &["build"]).shows(&["OK created sql materialized_view model main.total", "[CREATE TABLE AS 1 in"]);
    for _ in 0..2 {
        folder.expect(0, &["run"]).shows(&["OK created sql materialized_view model main.total", "[UP TO DATE in"]);
    }
    assert_eq!(total(&folder), r#"{"n":2}"#);
    folder.write("seeds/raw.csv", "id\n1\n2\n3\n");
    folder.expect(0, &["-q", "seed"]);
    folder.expect(0, &["run", "-s", "total"]).shows(&["[CREATE TABLE AS 1 in"]);
    assert_eq!(total(&folder), r#"{"n":3}"#);
    // Another query of a view before it, of its own, and a refresh that is asked for.
    folder.write("models/behind.sql", "select id from {{ ref('raw') }} where id > 1");
    folder.expect(0, &["run"]).shows(&["[CREATE TABLE AS 1 in"]);
    assert_eq!(total(&folder), r#"{"n":2}"#);
    folder.expect(0, &["run"]).shows(&["[UP TO DATE in"]);
    folder.expect(0, &["run", "--vars", "{more: ', 1 as one'}"]).shows(&["[CREATE TABLE AS 1 in"]);
    folder.expect(0, &["run", "--full-refresh", "--vars", "{more: ', 1 as one'}"]).shows(&["[CREATE TABLE AS 1 in"]);
    folder.expect(0, &["run", "--vars", "{more: ', 1 as one'}"]).shows(&["[UP TO DATE in"]);
}

#[test]
fn a_materialized_view_of_files_is_always_refreshed() {
    let folder = Folder::new(&[
        ("in/a.csv", "id\n1\n"),
        (
            "models/sources.yml",
            "sources:\n  - name: lake\n    tables:\n      - name: a\n        config: {meta: {external_location: in/a.csv}}\n",
        ),
        (
            "models/total.sql",
            "{{ config(materialized='materialized_view') }} select count(*) as n from {{ source('lake', 'a') }}",
        ),
    ]);
    for _ in 0..2 {
        folder.expect(0, &["run"]).shows(&["[CREATE TABLE AS 1 in"]);
    }
}

/// A project that was built in the schema `main`, with its manifest in `state`, and a profile for another schema.
fn built() -> Folder {
    let folder = Folder::new(&[
        ("seeds/raw.csv", "id,day\n1,2024-01-01\n2,2024-01-02\n"),
        (
            "models/parts.sql",
            "{{ config(materialized='table', partition_by='day') }} select id, day from {{ ref('raw') }}",
        ),
        ("models/seen.sql", "select * from {{ ref('parts') }}"),
        ("models/never.sql", "{{ config(materialized='ephemeral') }} select 1 as id"),
        (
            "profiles.yml",
            "shop:\n  target: dev\n  outputs:\n    dev: {type: datafusion, path: warehouse, schema: main, threads: 2}\n    \
             copy: {type: datafusion, path: warehouse, schema: copy, threads: 2}\n",
        ),
    ]);
    folder.expect(0, &["-q", "build"]);
    fs::create_dir(folder.path("state")).unwrap();
    fs::copy(folder.path("target/manifest.json"), folder.path("state/manifest.json")).unwrap();
    folder
}

/// The data files of a table: inode, and the folder of their partition.
fn files(folder: &Folder, table: &str) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.path(&format!("warehouse/{table}"))];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                let partition = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
                found.push((fs::metadata(&path).unwrap().ino(), partition));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_clone_shares_the_files_of_a_table_until_one_of_the_two_changes() {
    let folder = built();
    let ran = folder.expect(0, &["clone", "--state", "state", "--target", "copy"]);
    ran.shows(&["Done. PASS=3 WARN=0 ERROR=0"]);
    ran.shows(&["[CLONE 2 in"]);
    assert_eq!(files(&folder, "main/parts"), files(&folder, "copy/parts"), "hard links, partition by partition");
    let rows = [r#"{"id":1,"day":"2024-01-01"}"#, r#"{"id":2,"day":"2024-01-02"}"#];
    for table in ["copy.parts", "copy.seen", "copy.raw"] {
        assert_eq!(folder.rows(&format!("select id, day from {table} order by id")), rows, "{table}");
    }
    folder.write(
        "macros/remove.sql",
        "{% macro remove() %}{% do run_query('delete from main.parts where id = 1') %}{% endmacro %}",
    );
    folder.expect(0, &["-q", "run-operation", "remove"]);
    assert_eq!(folder.rows("select id, day from copy.parts order by id"), rows, "the clone keeps its rows");
    // What is there is kept, unless all is to be made anew.
    folder.expect(0, &["clone", "--state", "state", "--target", "copy"]).shows(&["already exists", "[No-op in"]);
    folder.expect(0, &["-q", "clone", "--state", "state", "--target", "copy", "--full-refresh", "-s", "parts"]);
    assert_eq!(folder.rows("select id, day from copy.parts order by id"), rows[1..]);
    // A state that is this environment's own: each relation would be its own copy.
    folder
        .expect(0, &["--debug", "clone", "--state", "state", "--full-refresh", "-s", "parts"])
        .shows(&["skipping clone for relation"]);
    assert_eq!(folder.rows("select id, day from main.parts order by id"), rows[1..]);
}

#[test]
fn a_clone_needs_a_state_and_says_what_the_state_does_not_have() {
    let folder = built();
    folder.expect(2, &["clone", "--target", "copy"]).shows(&["--state or --defer-state are required for deferral"]);
    folder.expect(2, &["clone", "--target", "copy", "--state", "nowhere"]).shows(&["nowhere/manifest.json"]);
    folder.write("models/fresh.sql", "select 1 as id");
    let ran = folder.expect(0, &["clone", "--state", "state", "--target", "copy", "-s", "fresh"]);
    ran.shows(&["No relation found in state manifest for model.shop.fresh"]);
}

#[test]
fn an_incremental_strategy_may_be_a_macro_of_the_project() {
    let folder = Folder::new(&[
        (
            "macros/keep.sql",
            "{% macro get_incremental_keep_first_sql(arg_dict) %}
             insert into {{ arg_dict.target_relation }} select * from {{ arg_dict.temp_relation }} as new
             where not exists (select 1 from {{ arg_dict.target_relation }} as old where old.id = new.id)
             {% endmacro %}",
        ),
        (
            "models/firsts.sql",
            "{{ config(materialized='incremental', incremental_strategy='keep_first') }} select * from (values (1, {{ var('n') }}), ({{ var('n') }}, 0)) as t(id, n)",
        ),
    ]);
    for n in ["5", "6"] {
        folder.expect(0, &["-q", "run", "--vars", &format!("{{n: {n}}}")]);
    }
    let rows = [r#"{"id":1,"n":5}"#, r#"{"id":5,"n":0}"#, r#"{"id":6,"n":0}"#];
    assert_eq!(folder.rows("select * from {{ ref('firsts') }} order by id"), rows);
    folder.write(
        "models/firsts.sql",
        "{{ config(materialized='incremental', incremental_strategy='unknown') }} select 1 as id, 2 as n",
    );
    folder.expect(1, &["run"]).shows(&["get_incremental_unknown_sql"]);
}

#[test]
fn a_changed_query_changes_the_columns_as_on_schema_change_says() {
    let first = "1 as id, named_struct('a', 1) as s, make_array(1, 2) as l, 'x' as old";
    let second = "2 as id, named_struct('a', 2) as s, make_array(3.5) as l, named_struct('k', make_array(1)) as added";
    let select = |mode: &str, columns: &str| {
        format!("{{{{ config(materialized='incremental', on_schema_change='{mode}') }}}} select {columns}")
    };
    for (mode, second, expected) in [
        (
            "append_new_columns",
            second.replace("3.5", "3"),
            [
                r#"{"id":1,"s":"{a: 1}","l":"[1, 2]","old":"x","added":null}"#,
                r#"{"id":2,"s":"{a: 2}","l":"[3]","old":null,"added":"{k: [1]}"}"#,
            ],
        ),
        (
            "sync_all_columns",
            second.to_owned(),
            [
                r#"{"id":1,"s":"{a: 1}","l":"[1.0, 2.0]","added":null}"#,
                r#"{"id":2,"s":"{a: 2}","l":"[3.5]","added":"{k: [1]}"}"#,
            ],
        ),
        (
            "ignore",
            format!("{first}, 5 as added").replace("1 as id", "2 as id"),
            [r#"{"id":1,"s":"{a: 1}","l":"[1, 2]","old":"x"}"#, r#"{"id":2,"s":"{a: 1}","l":"[1, 2]","old":"x"}"#],
        ),
    ] {
        let folder = Folder::new(&[("models/m.sql", &select(mode, first))]);
        folder.expect(0, &["-q", "run"]);
        folder.write("models/m.sql", select("fail", &second));
        folder.expect(1, &["run"]).shows(&["The source and target schemas on this incremental model are out of sync!"]);
        folder.write("models/m.sql", select(mode, &second));
        folder.expect(0, &["-q", "run"]);
        assert_eq!(folder.rows("select * from {{ ref('m') }} order by id"), expected, "{mode}");
    }
}

#[test]
fn the_latest_version_has_a_view_under_the_models_own_name() {
    let models = |config: &str| {
        format!(
            "models:\n  - name: dim\n    latest_version: 2\n    config: {{{config}}}\n    versions: [{{v: 1}}, {{v: 2}}, {{v: 3}}]\n"
        )
    };
    let by_default = "flags: {latest_version_pointer_enabled_by_default: true}\n";
    for (config, project, name) in [
        ("latest_version_pointer: {enabled: true}", "", "dim"),
        ("latest_version_pointer: true", "", "dim"),
        ("latest_version_pointer: {enabled: true, alias: dim_now}", "", "dim_now"),
        ("materialized: table", by_default, "dim"),
    ] {
        let folder = Folder::new(&[
            ("dbt_project.yml", &format!("name: shop\nprofile: shop\n{project}")),
            ("models/dim_v1.sql", "select 1 as id"),
            ("models/dim_v2.sql", "select 2 as id"),
            ("models/dim_v3.sql", "select 3 as id"),
            ("models/s.yml", &models(config)),
        ]);
        for _ in 0..2 {
            folder.expect(0, &["run"]);
            assert_eq!(
                folder.rows(&format!("select * from {{{{ target.schema }}}}.{name}")),
                [r#"{"id":2}"#],
                "{config}"
            );
        }
    }
}

#[test]
fn the_pointer_to_the_latest_version_takes_nobodys_name_and_stays_away_unless_asked_for() {
    let versions = |config: &str| format!("models: [{{name: dim, config: {{{config}}}, versions: [{{v: 1}}]}}]");
    let folder = Folder::new(&[("models/dim.sql", "select 1 as id"), ("models/s.yml", &versions(""))]);
    folder.expect(0, &["run"]);
    let tables = "select count(*) as n from information_schema.tables where table_name = 'dim'";
    assert_eq!(folder.rows(tables), [r#"{"n":0}"#]);
    folder.write("models/s.yml", versions("latest_version_pointer: {enabled: true, alias: taken}"));
    folder.write("seeds/taken.csv", "id\n7\n");
    folder
        .expect(1, &["build"])
        .shows(&["the latest version pointer of model.shop.dim.v1 would be", "seed.shop.taken"]);
    assert_eq!(folder.rows("select * from {{ ref('taken') }}"), [r#"{"id":7}"#]);
}

#[test]
fn what_is_below_a_failed_model_runs_where_it_says_continue() {
    let files = |on_error: &str| {
        Folder::new(&[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\non-run-start: '{{ register_upstream_external_models() }}'\n",
            ),
            ("models/a.sql", &format!("{{{{ config({on_error}) }}}} select 1 as id from nothing")),
            ("models/b.sql", "-- depends_on: {{ ref('a') }}\nselect 2 as id"),
            ("models/c.sql", "select * from {{ ref('b') }}"),
        ])
    };
    files("").expect(1, &["run"]).shows(&["PASS=1", "ERROR=1", "SKIP=2"]);
    files("on_error='skip_children'").expect(1, &["run"]).shows(&["SKIP=2"]);
    let folder = files("on_error='continue'");
    folder.expect(1, &["run"]).shows(&["PASS=3", "ERROR=1", "SKIP=0"]);
    assert_eq!(folder.rows("select * from {{ ref('c') }}"), [r#"{"id":2}"#]);
    folder.expect(1, &["run", "--fail-fast"]).shows(&["ERROR=1", "SKIP=2"]);
    files("on_error='go on'").expect(2, &["run"]).shows(&["expected `skip_children` or `continue`"]);
}
