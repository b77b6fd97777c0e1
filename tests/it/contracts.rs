//! Contracts, constraints, versions and access, as a user meets them.

use super::binary::Folder;

#[track_caller]
fn run(status: i32, files: &[(&str, &str)], args: &[&str], expected: &[&str]) -> Folder {
    let folder = Folder::new(files);
    let ran = folder.expect(status, &[&["--no-use-colors"], args].concat());
    for part in expected {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    folder
}

/// A table `orders` of this query under a contract with these columns.
fn contract(sql: &str, columns: &str) -> Vec<(&'static str, String)> {
    let properties = format!(
        "models:\n  - name: orders\n    config: {{materialized: table, contract: {{enforced: true}}}}\n    columns:\n{columns}"
    );
    vec![("models/orders.sql", sql.to_owned()), ("models/schema.yml", properties)]
}

#[track_caller]
fn check(status: i32, sql: &str, columns: &str, expected: &[&str]) {
    let files = contract(sql, columns);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    run(status, &files, &["run"], expected);
}

#[test]
fn types_that_hold_the_same_values_agree() {
    for (value, data_type) in [
        ("1", "integer"),
        ("1", "int"),
        ("1", "bigint"),
        ("count(*)", "smallint"),
        ("'x'", "string"),
        ("'x'", "text"),
        ("'x'", "varchar(10)"),
        ("true", "bool"),
        ("cast('1.5' as decimal(10,2))", "numeric(10,2)"),
        ("date '2024-01-01'", "date"),
        ("'2013-11-03 00:00:00-07'::timestamptz", "timestamptz"),
        ("make_array(1, 2)", "int[]"),
        ("named_struct('a', 1)", "struct<a integer>"),
    ] {
        let columns = format!("      - {{name: v, data_type: \"{data_type}\"}}\n");
        check(0, &format!("select {value} as v"), &columns, &["PASS=1"]);
    }
}

#[test]
fn a_broken_contract_shows_a_table_and_the_declared_columns() {
    check(
        1,
        "select 1 as id, 'x' as extra, 'y' as name",
        "      - {name: id, data_type: varchar}\n      - {name: NAME, data_type: varchar}\n      - {name: gone, data_type: date}\n",
        &[
            "Compilation Error in model orders (models/orders.sql)",
            "This model has an enforced contract that failed.",
            "| column_name | definition_type | contract_type | mismatch_reason       |",
            "| extra       | varchar         |               | missing in contract   |",
            "| gone        |                 | date          | missing in definition |",
            "| id          | bigint          | varchar       | data type mismatch    |",
            "models/schema.yml:5:9",
        ],
    );
}

#[test]
fn the_table_has_the_declared_types_in_the_declared_order_and_no_nulls() {
    let columns = "      - {name: b, data_type: integer, constraints: [{type: not_null}]}\n      - {name: a, data_type: varchar}\n";
    let files = contract("select 'x' as a, {{ var('b', 1) }} as b", columns);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let folder = run(0, &files, &["run"], &["PASS=1"]);
    let rows = folder.rows("select column_name, data_type from information_schema.columns where table_name = 'orders'");
    assert_eq!(rows, [r#"{"column_name":"b","data_type":"integer"}"#, r#"{"column_name":"a","data_type":"varchar"}"#]);
    let failed = folder.expect(1, &["run", "--vars", "{b: 'null'}"]);
    assert!(failed.stdout.contains("column `b` has a null value"), "{}", failed.stdout);
    assert_eq!(folder.rows("select b from main.orders"), [r#"{"b":1}"#]);
}

#[test]
fn constraints_that_are_not_enforced_are_told() {
    let columns = "      - name: id\n        data_type: integer\n        constraints:\n\
                   \x20         - {type: unique}\n\
                   \x20         - {type: check, expression: id > 0, warn_unenforced: false}\n\
                   \x20         - {type: foreign_key, to: ref('parents'), to_columns: [id]}\n";
    let mut files = contract("select 1 as id", columns);
    files.push(("models/parents.sql", "select 1 as id".to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let folder = run(
        0,
        &files,
        &["run"],
        &[
            "1 of 2 START sql view model main.parents",
            "The constraint type unique is not enforced by datafusion.",
            "The constraint type foreign_key is not enforced by datafusion.",
            "PASS=2",
        ],
    );
    let sql = std::fs::read_to_string(folder.path("target/run/shop/models/orders.sql")).unwrap();
    assert!(sql.contains(r#"references "tamis"."main"."parents" (id)"#), "{sql}");
    assert!(sql.contains("id integer unique check (id > 0) references"), "{sql}");
    let words: Vec<&str> = sql.split_whitespace().collect();
    let words = words.join(" ");
    for part in [r#"create table "tamis"."main"."orders" ("#, r#"insert into "tamis"."main"."orders" ("#] {
        assert!(words.contains(part), "no {part} in {words}");
    }
    let silenced = folder.expect(0, &["--warn-error-options", "{silence: [ConstraintNotEnforced]}", "run"]);
    assert!(!silenced.stdout.contains("not enforced"), "{}", silenced.stdout);
}

#[test]
fn a_view_has_a_contract_but_no_constraints() {
    let files = [
        ("models/orders.sql", "select 1 as id"),
        (
            "models/schema.yml",
            "models:\n  - name: orders\n    config: {contract: {enforced: true}}\n    columns:\n\
             \x20     - {name: id, data_type: integer, constraints: [{type: not_null}]}\n",
        ),
    ];
    run(0, &files, &["run"], &["Constraint types are not supported for view materializations", "PASS=1"]);
}

#[test]
fn an_unpinned_ref_is_the_latest_version() {
    let files = [
        ("models/dim_v1.sql", "select 1 as v"),
        ("models/dim_v2.sql", "select 2 as v"),
        (
            "models/dim.yml",
            "models:\n  - name: dim\n    latest_version: 1\n    versions:\n      - {v: 1, config: {alias: dim}}\n      - {v: 2}\n",
        ),
        ("models/reads.sql", "select v from {{ ref('dim') }} union all select v from {{ ref('dim', v=2) }}"),
    ];
    let folder = run(0, &files, &["run"], &["sql view model main.dim ", "sql view model main.dim_v2 ", "PASS=3"]);
    assert_eq!(folder.rows("select v from main.reads order by v"), [r#"{"v":1}"#, r#"{"v":2}"#]);
}

#[test]
fn a_private_model_is_for_its_group() {
    let files = [
        ("models/inner.sql", "select 1 as id"),
        ("models/friend.sql", "select * from {{ ref('inner') }}"),
        ("models/stranger.sql", "select * from {{ ref('inner') }}"),
        (
            "models/schema.yml",
            "groups: [{name: g, owner: {name: o}}]\nmodels:\n  - {name: inner, config: {group: g, access: private}}\n\
             \x20 - {name: friend, config: {group: g}}\n",
        ),
    ];
    run(2, &files, &["run"], &["model `stranger` refers to `inner`, which is private to group `g`"]);
}

#[test]
fn the_columns_of_a_contract_are_those_of_the_query_behind_its_header() {
    let folder = Folder::new(&[
        (
            "models/orders.sql",
            "{{ config(materialized='table', sql_header='create or replace temporary table head as select 7 as id;') }}\nselect id from head",
        ),
        (
            "models/schema.yml",
            "models:\n  - name: orders\n    config: {contract: {enforced: true}}\n    columns: [{name: id, data_type: integer}]\n",
        ),
    ]);
    folder.expect(0, &["run"]);
    assert_eq!(folder.rows("select id from {{ ref('orders') }}"), [r#"{"id":7}"#]);
}
