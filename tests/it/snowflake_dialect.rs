//! `dialect: snowflake`: a project that was written for Snowflake, on the embedded engine.

use super::binary::Folder;

const PROFILE: &str = "shop:\n  target: laptop\n  outputs:\n    laptop: {type: datafusion, dialect: snowflake, path: warehouse, database: analytics, schema: dev}\n    plain: {type: datafusion, path: warehouse, database: analytics, schema: dev}\n";

fn folder(files: &[(&str, &str)]) -> Folder {
    let mut all = vec![("profiles.yml", PROFILE)];
    all.extend_from_slice(files);
    Folder::new(&all)
}

#[test]
fn a_project_sees_snowflake() {
    let folder = folder(&[
        (
            "macros/pick.sql",
            "{% macro pick() %}{{ return(adapter.dispatch('pick')()) }}{% endmacro %}
             {% macro default__pick() %}'default'{% endmacro %}{% macro snowflake__pick() %}'snowflake'{% endmacro %}",
        ),
        (
            "models/a.sql",
            "select 7/2 as half, '{{ target.type }}' as kind, {{ pick() }} as picked, parse_json('{\"a\": {\"B\": [1, 2]}}') as doc",
        ),
        (
            "models/b.sql",
            "select half, DOC:a.B[1]::int as \"low\", picked as \"Mixed Case\", kind AS \"UP\" from {{ ref('a') }}",
        ),
    ]);
    folder.expect(0, &["run"]);
    assert_eq!(
        folder.rows("select * from {{ ref('b') }}"),
        [r#"{"HALF":3.5,"low":2,"Mixed Case":"snowflake","UP":"snowflake"}"#]
    );
    // The lake has them as the ordinary dialect does.
    let plain =
        folder.expect(0, &["show", "-q", "--target", "plain", "--inline", "select up from dev.b", "--output", "json"]);
    assert!(plain.stdout.contains("\"up\": \"snowflake\""), "{}", plain.stdout);
}

#[test]
fn statements_without_a_local_meaning_are_accepted_and_others_refused() {
    let run = |sql: &str, status: i32| {
        let folder = folder(&[
            ("models/a.sql", "select 1 as id"),
            ("macros/m.sql", &format!("{{% macro m() %}}{{% do run_query(\"{sql}\") %}}{{% endmacro %}}")),
        ]);
        folder.expect(0, &["run"]);
        folder.expect(status, &["run-operation", "m"])
    };
    for sql in [
        "use warehouse big",
        "grant select on table dev.a to role reader",
        "alter session set query_tag = 'x'",
        "alter warehouse big resume",
        "create or replace masking policy p as (v text) returns text -> '*'",
        "alter view dev.a set tag t = 'x'",
        "create or replace transient table dev.t cluster by (id) copy grants as (select 1 as id)",
        "create or replace secure view dev.v copy grants as select 1 as id",
        "create or replace dynamic table dev.d target_lag = '1 hour' warehouse = big as select * from dev.a",
    ] {
        run(sql, 0);
    }
    for (sql, said) in [
        ("copy into dev.a from @s", "COPY INTO"),
        ("create stage s", "stages"),
        ("create stream s on table dev.a", "streams"),
        ("create or replace task t as select 1", "tasks"),
        ("call p()", "stored procedures"),
        ("use schema other", "USE of a database or schema"),
    ] {
        run(sql, 1).shows(&[said, "dialect `snowflake`"]);
    }
}

#[test]
fn what_is_there_is_shown_as_snowflake_names_it() {
    let folder = folder(&[
        ("models/a.sql", "{{ config(materialized='table') }} select 1 as id, 'x' as \"low\""),
        (
            "models/shown.sql",
            "{%- set tables = run_query('show terse objects in schema dev limit 10') if execute else none -%}
             {%- set columns = run_query('describe table dev.a') if execute else none -%}
             -- {{ ref('a') }}
             select {% if execute %}'{{ tables.rows[0]['name'] }} {{ tables.rows[0]['kind'] }}'{% else %}''{% endif %} as tables,
             {% if execute %}'{{ columns.columns[0].values() | join(',') }}'{% else %}''{% endif %} as cols",
        ),
    ]);
    folder.expect(0, &["run"]);
    assert_eq!(folder.rows("select * from {{ ref('shown') }}"), [r#"{"TABLES":"A TABLE","COLS":"ID,low"}"#]);
    let columns = "select column_name, data_type from information_schema.columns where table_name = 'A' order by 1";
    assert_eq!(
        folder.rows(columns),
        [r#"{"COLUMN_NAME":"ID","DATA_TYPE":"NUMBER"}"#, r#"{"COLUMN_NAME":"low","DATA_TYPE":"TEXT"}"#]
    );
}

#[test]
fn tables_swap_overwrite_and_clone() {
    let folder = folder(&[
        ("models/a.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("models/b.sql", "{{ config(materialized='table') }} select 2 as id"),
        (
            "macros/m.sql",
            "{% macro m() %}{% do run_query('alter table dev.a swap with dev.b') %}
             {% do run_query('insert overwrite into dev.b select 7 as id') %}
             {% do run_query('create or replace table dev.c clone dev.a') %}
             {% do run_query('alter table dev.c add column x number(10,2), y text') %}{% endmacro %}",
        ),
    ]);
    folder.expect(0, &["run"]);
    folder.expect(0, &["run-operation", "m"]);
    assert_eq!(folder.rows("select (select id from dev.a) as a, (select id from dev.b) as b"), [r#"{"A":2,"B":7}"#]);
    assert_eq!(folder.rows("select * from dev.c"), [r#"{"ID":2,"X":null,"Y":null}"#]);
}

#[test]
fn comments_are_kept_and_updates_join() {
    let folder = folder(&[
        ("models/a.sql", "select 1 as id"),
        (
            "macros/m.sql",
            "{% macro m() %}{% for sql in [
                'create or replace dynamic table dev.t target_lag = downstream as select 1 as id, 10 as v union all select 2, 20',
                \"alter table dev.t alter id comment $$it's a key$$, column v comment 'a value'\",
                'comment if exists on dynamic table dev.t is $$rows$$',
                'comment on schema dev is $$nothing$$',
                'update dev.t as t set v = s.v + t.v from (select 2 as id, 1 as v) as s where t.id = s.id',
             ] %}{% do run_query(sql) %}{% endfor %}
             {{ log('found ' ~ run_query('select count(*), sum(v) from dev.t')[0][1], info=true) }}{% endmacro %}",
        ),
    ]);
    folder.expect(0, &["run"]);
    folder.expect(0, &["run-operation", "m"]).shows(&["found 31"]);
    let comments =
        "select column_name, column_comment from information_schema.columns where table_name = 'T' order by 1";
    assert_eq!(
        folder.rows(comments),
        [r#"{"COLUMN_NAME":"ID","COLUMN_COMMENT":"it's a key"}"#, r#"{"COLUMN_NAME":"V","COLUMN_COMMENT":"a value"}"#]
    );
}

#[test]
fn a_project_of_many_materializations_builds_twice() {
    let folder = folder(&[
        ("seeds/codes.csv", "id,code\n1,a\n2,b\n"),
        (
            "models/lagging.sql",
            "{{ config(materialized='dynamic_table', target_lag='1 hour', snowflake_warehouse='w') }}
             select id, iff(code = 'a', 'first', 'other') as place from {{ ref('codes') }}",
        ),
        (
            "models/growing.sql",
            "{{ config(materialized='incremental', unique_key='id', cluster_by=['id'], copy_grants=true) }}
             select id, place, '{{ is_incremental() }}' as again from {{ ref('lagging') }}",
        ),
        (
            "models/all.yml",
            "models:
  - name: lagging
    description: \"it's lagging\"
    config: {persist_docs: {relation: true, columns: true}}
    columns: [{name: id, description: key, data_tests: [unique, not_null]}]
unit_tests:
  - name: places
    model: lagging
    given: [{input: ref('codes'), rows: [{id: 1, code: a}, {id: 2, code: x}]}]
    expect: {rows: [{id: 1, place: first}, {id: 2, place: other}]}
",
        ),
        (
            "snapshots/history.sql",
            "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols=['place']) }}
             select id, place from {{ ref('lagging') }}{% endsnapshot %}",
        ),
    ]);
    for again in ["False", "True"] {
        folder.expect(0, &["build"]).shows(&["ERROR=0"]);
        assert_eq!(
            folder.rows("select * from {{ ref('growing') }} order by id"),
            [(1, "first"), (2, "other")]
                .map(|(id, place)| format!(r#"{{"ID":{id},"PLACE":"{place}","AGAIN":"{again}"}}"#))
        );
    }
    assert_eq!(folder.rows("select count(*) as n from {{ ref('history') }}"), [r#"{"N":2}"#]);
}

#[test]
fn a_swap_that_cannot_be_done_leaves_both_names() {
    let folder = folder(&[
        ("models/a.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("macros/m.sql", "{% macro m() %}{% do run_query('alter table dev.a swap with dev.nothing') %}{% endmacro %}"),
    ]);
    folder.expect(0, &["run"]);
    folder.expect(1, &["run-operation", "m"]).shows(&["does not exist"]);
    assert_eq!(folder.rows("select * from dev.a"), [r#"{"ID":1}"#]);
}

#[test]
fn another_dialect_is_refused_at_its_line() {
    let folder = folder(&[]);
    folder.write("profiles.yml", PROFILE.replace("dialect: snowflake", "dialect: oracle"));
    folder.expect(2, &["parse"]).shows(&["`dialect: oracle` is not supported", "write one of snowflake"]);
}
