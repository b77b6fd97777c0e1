//! Unit tests, run as a user runs them: what passes, what the differences look like, and what is said of a wrong test.

use serde_json::Value;

use super::binary::{Folder, Ran};

const STG: &str = "select id, trim(name) as name, cast(day as date) as day, cast(amount as decimal(10,2)) as amount\n\
                   from {{ source('raw', 'orders') }}\n";
const SOURCE: &str = "sources:\n  - name: raw\n    tables:\n      - name: orders\n        columns:\n\
                      \x20         - {name: id, data_type: bigint}\n\
                      \x20         - {name: name, data_type: varchar}\n\
                      \x20         - {name: day, data_type: varchar}\n\
                      \x20         - {name: amount, data_type: double}\n";

/// A project with `stg` over a source that is nowhere, more files, and unit tests.
fn project(files: &[(&str, &str)], tests: &str) -> Folder {
    let folder = Folder::new(&[("models/stg.sql", STG), ("models/sources.yml", SOURCE)]);
    for (path, text) in files {
        folder.write(path, text);
    }
    folder.write("models/tests.yml", format!("unit_tests:\n{tests}"));
    folder
}

#[track_caller]
fn check(status: i32, files: &[(&str, &str)], tests: &str, expected: &[&str]) -> Folder {
    let folder = project(files, tests);
    let ran = folder.expect(status, &["--no-use-colors", "test"]);
    says(&ran, expected);
    folder
}

#[track_caller]
fn says(ran: &Ran, expected: &[&str]) {
    for part in expected {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
}

const CLEAN: &str = r#"
  - name: cleans
    model: stg
    given:
      - input: source('raw', 'orders')
        rows:
          - {id: 1, name: " it's ", day: "2024-01-01", amount: 1.5}
          - {ID: 2, name: null}
    expect:
      rows:
        - {id: 2, name: null, amount: null, day: null}
        - {id: 1, name: "it's", amount: 1.50, day: 2024-01-01}
"#;

#[test]
fn a_unit_test_runs_without_any_table() {
    let folder = check(0, &[], CLEAN, &["1 of 1 PASS stg::cleans", "Finished running 1 unit test", "PASS=1"]);
    let results: Value = read(&folder, "target/run_results.json");
    assert_eq!(results["results"][0]["unique_id"], "unit_test.shop.stg.cleans");
    assert_eq!(results["results"][0]["failures"], 0);
    assert!(folder.path("target/compiled/shop/models/tests.yml/models/cleans.sql").exists());
}

fn read(folder: &Folder, path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.path(path)).unwrap()).unwrap()
}

#[test]
fn columns_are_planned_through_models_seeds_ephemeral_models_and_macros() {
    let files = [
        ("seeds/countries.csv", "code,name\nde,Germany\nfr,\n"),
        ("models/eph.sql", "{{ config(materialized='ephemeral') }}\nselect *, 'de' as code from {{ ref('stg') }}\n"),
        (
            "models/wide.sql",
            "select eph.*, countries.name as country, amount * 2 as double_amount from {{ ref('eph') }} as eph\n\
                             left join {{ ref('countries') }} as countries using (code)\n",
        ),
        ("models/top.sql", "select id, country, double_amount from {{ ref('wide') }}\n"),
    ];
    let tests = r#"
  - name: seed_rows
    model: wide
    given:
      - input: ref('countries')
      - input: ref('eph')
        rows: [{id: 1, code: de, amount: 1.25}, {id: 2, code: fr}]
    expect:
      rows: [{id: 1, country: Germany, double_amount: 2.5}, {id: 2, country: null, double_amount: null}]
  - name: over_a_view_that_is_not_there
    model: top
    given: [{input: ref('wide'), rows: [{id: 7, double_amount: 2}]}]
    expect: {rows: [{id: 7, country: null, double_amount: 2.00}]}
"#;
    check(0, &files, tests, &["PASS wide::seed_rows", "PASS top::over_a_view_that_is_not_there"]);
}

#[test]
fn rows_may_be_csv_sql_or_files() {
    let files = [
        ("tests/fixtures/orders.csv", "id,name,day\n1,\"a \"\"b\"\"\",2024-01-02\n2,,\n"),
        ("tests/fixtures/expected.sql", "select 1 as id, 'a \"b\"' as name union all select 2, null"),
    ];
    let tests = r#"
  - name: files
    model: stg
    given: [{input: "source('raw', 'orders')", format: csv, fixture: orders}]
    expect: {format: sql, fixture: expected}
  - name: inline
    model: stg
    given:
      - input: source('raw', 'orders')
        format: sql
        rows: select 3 as id, ' c' as name, '2024-01-01' as day, 1.0 as amount
    expect:
      format: csv
      rows: |
        id,name,amount
        3,c,1.00
  - name: nothing
    model: stg
    given: [{input: "source('raw', 'orders')", rows: []}]
    expect: {rows: []}
"#;
    check(0, &files, tests, &["PASS stg::files", "PASS stg::inline", "PASS stg::nothing"]);
}

#[test]
fn lists_and_mappings_are_arrays_and_structs() {
    let files = [
        (
            "models/nested.sql",
            "select id, tags, info, cardinality(tags) as n, info['a'] as a from {{ source('raw', 'nested') }}\n",
        ),
        (
            "models/nested.yml",
            "sources:\n  - name: raw\n    tables:\n      - name: nested\n        columns:\n\
                               \x20         - {name: id, data_type: bigint}\n\
                               \x20         - {name: tags, data_type: 'varchar[]'}\n\
                               \x20         - {name: info, data_type: 'struct<a bigint, b varchar>'}\n",
        ),
        ("models/sources.yml", ""),
        ("models/stg.sql", "select 1 as id"),
    ];
    let tests = r#"
  - name: nested
    model: nested
    given:
      - input: source('raw', 'nested')
        rows:
          - {id: 1, tags: [a, "b'c"], info: {a: 5, b: x}}
          - {id: 2}
    expect:
      rows:
        - {id: 1, tags: [a, "b'c"], info: {a: 5, b: x}, n: 2, a: 5}
        - {id: 2, tags: null, info: null, n: null, a: null}
"#;
    check(0, &files, tests, &["PASS nested::nested"]);
}

const INCREMENTAL: &str = "{{ config(materialized='incremental', unique_key='id') }}\n\
    select id, name, '{{ env_var('REGION', 'none') }}' as region, '{{ var('who', 'no one') }}' as who, {{ day() }} as day\n\
    from {{ ref('stg') }}\n\
    {% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}\n";

#[test]
fn macros_variables_and_the_table_itself_can_be_given() {
    let files = [("models/inc.sql", INCREMENTAL), ("macros/day.sql", "{% macro day() %}current_date{% endmacro %}")];
    let tests = r#"
  - name: first_run
    model: inc
    overrides:
      macros: {is_incremental: false, day: "date '2024-01-01'"}
      vars: {who: me}
      env_vars: {REGION: eu}
    given: [{input: ref('stg'), rows: [{id: 1}]}]
    expect: {rows: [{id: 1, region: eu, who: me, day: 2024-01-01}]}
  - name: second_run
    model: inc
    overrides: {macros: {is_incremental: true, shop.day: "date '2024-01-01'"}}
    given:
      - {input: ref('stg'), rows: [{id: 1}, {id: 3}]}
      - {input: this, rows: [{id: 2}]}
    expect: {rows: [{id: 3, region: none, who: no one}]}
"#;
    check(0, &files, tests, &["PASS inc::first_run", "PASS inc::second_run"]);
}

#[test]
fn what_differs_is_shown_and_the_model_is_not_built() {
    let tests = r#"
  - name: wrong
    model: stg
    given: [{input: "source('raw', 'orders')", rows: [{id: 1, name: bob}, {id: 2, name: ann}]}]
    expect: {rows: [{id: 1, name: rob}, {id: 2, name: ann}, {id: 3, name: eve}]}
"#;
    let folder = project(&[("models/below.sql", "select id from {{ ref('stg') }}")], tests);
    let ran = folder.expect(1, &["--no-use-colors", "build"]);
    says(
        &ran,
        &[
            "1 of 3 FAIL 1 stg::wrong",
            "2 of 3 SKIP relation main.stg",
            "3 of 3 SKIP relation main.below",
            "Failure in unit_test wrong (models/tests.yml)",
            "actual differs from expected:",
            "@@ ,id,name\n  →  ,1 ,rob→bob\n     ,2 ,ann\n  ---,3 ,eve\n",
            "compiled code at target/compiled/shop/models/tests.yml/models/wrong.sql",
            "PASS=0 WARN=0 ERROR=1 SKIP=2",
        ],
    );
    let results: Value = read(&folder, "target/run_results.json");
    assert_eq!((&results["results"][0]["status"], &results["results"][0]["failures"]), (&"fail".into(), &1.into()));
}

#[test]
fn a_wrong_test_is_an_error_at_its_line() {
    let given = "given: [{input: \"source('raw', 'orders')\", rows: [{id: 1}]}]";
    let tests = format!(
        r#"
  - name: given_column
    model: stg
    given: [{{input: "source('raw', 'orders')", rows: [{{id: 1, naem: x}}]}}]
    expect: {{rows: [{{id: 1}}]}}
  - name: expected_column
    model: stg
    {given}
    expect: {{rows: [{{id: 1, amuont: 2}}]}}
  - name: value
    model: stg
    given: [{{input: "source('raw', 'orders')", rows: [{{id: abc}}]}}]
    expect: {{rows: [{{id: 1}}]}}
  - name: no_input
    model: stg
    given: []
    expect: {{rows: [{{id: 1}}]}}
"#
    );
    check(
        1,
        &[],
        &tests,
        &[
            "Invalid column name: 'naem' in unit test fixture for 'orders'.",
            "models/tests.yml:5:63",
            "help: did you mean `name`?",
            "Invalid column name: 'amuont' in unit test fixture for expected output.",
            "models/tests.yml:10:29",
            "cannot cast string 'abc' to value of bigint type",
            "models/tests.yml:13:56",
            "depends on a source named 'raw.orders' which was not found",
            "add `- input: source('raw', 'orders')` with its rows",
            "ERROR=4",
        ],
    );
}

#[test]
fn a_versioned_model_is_tested_in_each_version() {
    let files = [
        ("models/dim_v1.sql", "select id, name from {{ ref('stg') }}"),
        ("models/dim_v2.sql", "select id, upper(name) as name from {{ ref('stg') }}"),
        ("models/dim.yml", "models:\n  - name: dim\n    latest_version: 2\n    versions: [{v: 1}, {v: 2}]\n"),
    ];
    let tests = r#"
  - name: all
    model: dim
    given: [{input: ref('stg'), rows: [{id: 1}]}]
    expect: {rows: [{id: 1}]}
  - name: new
    model: dim
    versions: {exclude: [1]}
    given: [{input: ref('stg'), rows: [{id: 1, name: a}]}]
    expect: {rows: [{name: A}]}
"#;
    let folder = check(0, &files, tests, &["PASS dim.v1::all", "PASS dim.v2::all", "PASS dim.v2::new", "PASS=3"]);
    let manifest: Value = read(&folder, "target/manifest.json");
    let ids: Vec<&String> = manifest["unit_tests"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["unit_test.shop.dim.all_v1", "unit_test.shop.dim.all_v2", "unit_test.shop.dim.new_v2"]);
}

#[test]
fn unit_tests_are_selected_by_type_name_tag_and_model() {
    let tests = r#"
  - name: one
    model: stg
    config: {tags: [nightly]}
    given: [{input: "source('raw', 'orders')", rows: []}]
    expect: {rows: []}
  - name: two
    model: stg
    config: {enabled: false}
    given: []
    expect: {rows: []}
  - name: three
    model: other
    given: []
    expect: {rows: [{a: 1}]}
"#;
    let folder = project(&[("models/other.sql", "select 1 as a")], tests);
    for (selector, expected) in [
        ("test_type:unit", "unit_test:shop.three unit_test:shop.one"),
        ("test_type:data", ""),
        ("unit_test:one", "unit_test:shop.one"),
        ("test_name:th*", "unit_test:shop.three"),
        ("tag:nightly", "unit_test:shop.one"),
        ("resource_type:unit_test", "unit_test:shop.three unit_test:shop.one"),
        ("other", "shop.other unit_test:shop.three"),
        ("unit_test:two", ""),
    ] {
        let ran = folder.expect(0, &["-q", "ls", "--select", selector]);
        let listed: Vec<&str> = ran.stdout.lines().filter(|line| !line.contains("WARNING")).collect();
        assert_eq!(listed.join(" "), expected, "{selector}");
    }
}

#[test]
fn the_hash_of_a_unit_test_is_that_of_dbt() {
    // As dbt 1.11 hashes these two.
    let files = [
        ("models/orders.sql", "select id, name from {{ ref('stg') }} left join {{ ref('countries') }} using (code)"),
        ("seeds/countries.csv", "code,name\nde,Germany\nfr,France\n"),
        ("tests/fixtures/f1.csv", "id,name,day\n1,a,2024-01-02\n2,b,2024-01-03\n"),
    ];
    let tests = r#"
  - name: full_refresh
    model: orders
    overrides:
      macros: {is_incremental: false}
      vars: {v: hello}
      env_vars: {FOO: bar}
    given:
      - input: ref('stg')
        rows:
          - {id: 1, name: bob, day: 2024-01-02, code: de}
          - {id: 2, name: null}
      - input: ref('countries')
    expect:
      rows:
        - {id: 1, name: BOB, country: Germany, v: hello, day: 2024-01-02}
        - {id: 2, name: null, country: null, v: helloo, day: null}
        - {id: 3, name: "x'y", country: null, v: hello, day: null}
  - name: incr
    model: orders
    overrides: {macros: {is_incremental: true}}
    given:
      - {input: ref('stg'), format: csv, fixture: f1}
      - {input: ref('countries'), format: sql, rows: "select 'de' as code, 'D' as name"}
      - {input: this, rows: [{id: 9, day: 2024-01-02}]}
    expect:
      format: csv
      rows: |
        id,name
        2,B
"#;
    let folder = project(&files, tests);
    folder.expect(0, &["parse"]);
    let manifest: Value = read(&folder, "target/manifest.json");
    for (name, checksum) in [
        ("full_refresh", "39ae0c1b1a86f7cf60a023ef54bebd7eccd327bf352ff8502a0e1febe751cd2b"),
        ("incr", "85164beb64221617333ed2e362f5d30ad23e4046ff4545e471d4eb40406352a4"),
    ] {
        let test = &manifest["unit_tests"][format!("unit_test.shop.orders.{name}")];
        assert_eq!(test["checksum"], checksum, "{name}");
        assert_eq!(test["depends_on"]["nodes"], serde_json::json!(["model.shop.orders"]));
    }
}
