//! Functions in the warehouse, the semantic layer, and Python models: what is made, what is listed, what is refused.

use serde_json::{Value, json};

use super::binary::Folder;

const FUNCTIONS: [(&str, &str); 4] = [
    ("functions/plus_one.sql", "x + 1"),
    ("functions/twice.sql", "select {{ function('plus_one') }}(x) * 2 as y"),
    (
        "functions/schema.yml",
        "functions:\n  - name: plus_one\n    description: adds one\n    config: {tags: [maths], volatility: deterministic}\n\
         \x20   arguments: [{name: x, data_type: bigint, description: the number}]\n    returns: {data_type: bigint}\n\
         \x20 - name: twice\n    arguments: [{name: x, data_type: bigint, default_value: 20}]\n    returns: {data_type: double}\n",
    ),
    (
        "models/orders.sql",
        "select x, {{ function('plus_one') }}(x) as y from (values (1), (cast(null as int))) as t (x)",
    ),
];

fn read(folder: &Folder, path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.path(path)).unwrap()).unwrap()
}

#[test]
fn functions_are_made_before_what_calls_them() {
    let folder = Folder::new(&FUNCTIONS);
    let ran = folder.expect(0, &["--no-use-colors", "build"]);
    for part in [
        "1 of 3 START function main.plus_one",
        "1 of 3 OK created function main.plus_one",
        "function main.twice",
        "OK created sql view model main.orders",
        "2 functions",
        "PASS=3",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    assert_eq!(folder.rows("select y from main.orders order by y nulls last"), [r#"{"y":2}"#, r#"{"y":null}"#]);
    for (call, expected) in [
        ("{{ function('plus_one') }}(41)", "42"),
        ("{{ function('twice') }}(1 + 1)", "6"),
        ("{{ function('twice') }}()", "42"),
        ("main.plus_one(x => main.plus_one(1))", "3"),
        ("sum(main.plus_one(v))", "5"),
    ] {
        let rows = folder.rows(&format!("select {call} as n from (values (1), (2)) as t (v) limit 1"));
        let rows = if call.starts_with("sum") {
            folder.rows(&format!("select {call} as n from (values (1), (2)) as t (v)"))
        } else {
            rows
        };
        assert_eq!(rows, [format!(r#"{{"n":{expected}}}"#)], "{call}");
    }
    let sql = std::fs::read_to_string(folder.path("target/run/shop/functions/plus_one.sql")).unwrap();
    assert!(sql.contains("CREATE OR REPLACE FUNCTION") && sql.contains("IMMUTABLE"), "{sql}");
}

#[test]
fn functions_are_in_the_manifest_and_in_the_lineage() {
    let folder = Folder::new(&FUNCTIONS);
    folder.expect(0, &["parse"]);
    let manifest = read(&folder, "target/manifest.json");
    let function = &manifest["functions"]["function.shop.plus_one"];
    assert_eq!(function["returns"], json!({"data_type": "bigint", "description": null}));
    assert_eq!(
        function["arguments"],
        json!([{"name": "x", "data_type": "bigint", "description": "the number", "default_value": null}])
    );
    assert_eq!(function["raw_code"], "x + 1");
    assert_eq!(
        (&function["config"]["type"], &function["config"]["volatility"]),
        (&"scalar".into(), &"deterministic".into())
    );
    assert_eq!(manifest["nodes"]["model.shop.orders"]["functions"], json!([["plus_one"]]));
    assert_eq!(manifest["parent_map"]["function.shop.twice"], json!(["function.shop.plus_one"]));
    for (selector, expected) in [
        ("resource_type:function", "shop.plus_one shop.twice"),
        ("function:shop.twice", "shop.twice"),
        ("plus_one+", "shop.orders shop.plus_one shop.twice"),
        ("tag:maths", "shop.plus_one"),
    ] {
        let mut listed: Vec<String> =
            folder.expect(0, &["-q", "ls", "--select", selector]).stdout.lines().map(str::to_owned).collect();
        listed.sort();
        assert_eq!(listed.join(" "), expected, "{selector}");
    }
}

#[test]
fn what_is_wrong_with_a_function_is_told() {
    let schema = |config: &str| {
        format!(
            "functions:\n  - name: f\n    config: {{{config}}}\n    arguments: [{{name: x, data_type: int}}]\n    returns: {{data_type: int}}\n"
        )
    };
    for (status, files, expected) in [
        (
            1,
            vec![("functions/f.sql", "x +".to_owned()), ("functions/f.yml", schema(""))],
            r#"the body of function "tamis"."main"."f": "#,
        ),
        (
            1,
            vec![("functions/f.sql", "x".to_owned()), ("functions/f.yml", schema("type: table"))],
            "No macro named 'table_function_sql' found within namespace",
        ),
        (
            1,
            vec![("functions/f.py", "def f(x): return x".to_owned()), ("functions/f.yml", schema("entry_point: f"))],
            "A `runtime_version` is required for python functions",
        ),
        (
            1,
            vec![
                ("functions/f.py", "def f(x): return x".to_owned()),
                ("functions/f.yml", schema("entry_point: f, runtime_version: '3.11'")),
            ],
            "No macro named 'scalar_function_python' found within namespace",
        ),
        (2, vec![("functions/f.sql", "x".to_owned())], "function `f` does not say what it returns"),
        (
            2,
            vec![("models/a.sql", "select {{ function('g') }}(1)".to_owned())],
            "model `a` refers to function `g`, which does not exist",
        ),
        (
            1,
            vec![("models/a.sql", "{{ config(materialized='table') }} select main.f(1) as x".to_owned())],
            r#"function "tamis"."main"."f" does not exist"#,
        ),
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let ran = Folder::new(&files).expect(status, &["--no-use-colors", "build"]);
        assert!(ran.stdout.contains(expected), "no {expected:?} in\n{}", ran.stdout);
    }
}

const SEMANTIC: &str = r#"
semantic_models:
  - name: orders
    description: sm
    model: ref('orders')
    defaults: {agg_time_dimension: ordered_at}
    entities:
      - {name: order, type: primary, expr: order_id}
    dimensions:
      - {name: ordered_at, type: time, type_params: {time_granularity: day}}
      - {name: big, type: categorical, expr: amount > 3, label: Big}
    measures:
      - {name: amount, agg: sum, description: the amount}
      - {name: order_count, agg: count, expr: order_id, create_metric: true}
metrics:
  - name: revenue
    label: Revenue
    type: simple
    type_params: {measure: amount}
    filter: "{{ Dimension('order__big') }} = true"
    config: {meta: {a: 1}}
  - name: aov
    label: AOV
    type: ratio
    type_params: {numerator: revenue, denominator: {name: order_count}}
  - name: growth
    label: Growth
    type: derived
    type_params: {expr: revenue - prev, metrics: [revenue, {name: revenue, alias: prev, offset_window: 1 month}]}
  - name: cumul
    label: C
    type: cumulative
    type_params: {measure: {name: amount, fill_nulls_with: 0}, cumulative_type_params: {window: 7 days}}
saved_queries:
  - name: weekly
    query_params:
      metrics: [revenue, aov]
      group_by: ["TimeDimension('order__ordered_at', 'day')"]
      where: ["{{ Dimension('order__big') }} = true"]
    exports:
      - {name: e1, config: {export_as: table, schema: x}}
exposures:
  - name: dash
    type: dashboard
    owner: {email: a@b.c}
    depends_on: [metric('revenue'), ref('orders')]
"#;

#[test]
fn the_semantic_layer_is_in_the_artifacts_as_dbt_writes_it() {
    let folder = Folder::new(&[
        ("models/orders.sql", "select 1 as order_id, date '2024-01-01' as ordered_at, 5.0 as amount"),
        ("models/days.sql", "select date '2024-01-01' as date_day"),
        ("models/semantic.yml", SEMANTIC),
        (
            "models/days.yml",
            "models:\n  - name: days\n    time_spine: {standard_granularity_column: date_day}\n    columns: [{name: date_day, granularity: day}]\n",
        ),
    ]);
    let ran = folder.expect(0, &["--no-use-colors", "build"]);
    for part in
        ["5 metrics", "1 semantic model", "1 saved query", "NO-OP saved_query weekly", "NO-OP exposure dash", "NO-OP=2"]
    {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    let results = read(&folder, "target/run_results.json");
    let nothing = results["results"].as_array().unwrap().iter().filter(|result| result["status"] == "no-op");
    assert!(nothing.clone().all(|result| result["message"] == "NO-OP" && result["failures"] == 0), "{results}");
    assert_eq!(nothing.count(), 2);
    let manifest = read(&folder, "target/manifest.json");
    let metric = |name: &str| manifest["metrics"][format!("metric.shop.{name}")].clone();
    let measure =
        json!({"name": "amount", "filter": null, "alias": null, "join_to_timespine": false, "fill_nulls_with": null});
    assert_eq!(metric("revenue")["type_params"]["measure"], measure);
    assert_eq!(
        metric("revenue")["filter"],
        json!({"where_filters": [{"where_sql_template": "{{ Dimension('order__big') }} = true"}]})
    );
    assert_eq!(
        metric("growth")["type_params"]["metrics"][1]["offset_window"],
        json!({"count": 1, "granularity": "month"})
    );
    assert_eq!(metric("growth")["type_params"]["input_measures"], json!([measure]));
    assert_eq!(
        metric("cumul")["type_params"]["cumulative_type_params"]["window"],
        json!({"count": 7, "granularity": "day"})
    );
    assert_eq!(metric("order_count")["type_params"]["expr"], "order_id");
    let parents = |id: &str| manifest["parent_map"][id].clone();
    assert_eq!(parents("metric.shop.revenue"), json!(["semantic_model.shop.orders"]));
    assert_eq!(parents("metric.shop.aov"), json!(["metric.shop.order_count", "metric.shop.revenue"]));
    assert_eq!(parents("saved_query.shop.weekly"), json!(["metric.shop.aov", "metric.shop.revenue"]));
    assert_eq!(parents("exposure.shop.dash"), json!(["metric.shop.revenue", "model.shop.orders"]));
    let model = &manifest["semantic_models"]["semantic_model.shop.orders"];
    assert_eq!(model["node_relation"]["relation_name"], r#""tamis"."main"."orders""#);
    assert_eq!(model["measures"][1]["expr"], "order_id");
    let semantic = read(&folder, "target/semantic_manifest.json");
    assert_eq!(semantic["metrics"].as_array().unwrap().len(), 5);
    let spine = &semantic["project_configuration"]["time_spines"][0];
    assert_eq!(spine["primary_column"], json!({"name": "date_day", "time_granularity": "day"}));
    let listed = folder.expect(0, &["-q", "ls", "--select", "+saved_query:weekly"]);
    assert_eq!(
        listed.stdout.lines().collect::<Vec<_>>(),
        [
            "metric:shop.aov",
            "metric:shop.order_count",
            "metric:shop.revenue",
            "shop.orders",
            "saved_query:shop.weekly",
            "semantic_model:shop.orders"
        ]
    );
}

#[test]
fn a_python_model_is_parsed_and_refused_when_it_runs() {
    let python = "import pandas as pd\n\n\ndef model(dbt, session):\n    # dbt.ref('not_this')\n    \
                  dbt.config(materialized=\"incremental\", tags=[\"py\"], meta={\"a\": 1})\n    \
                  orders = dbt.ref(\"orders\")\n    raw = dbt.source('raw', 'events')\n    return orders\n";
    let folder = Folder::new(&[
        ("models/orders.sql", "select 1 as id"),
        ("models/scores.py", python),
        ("models/below.sql", "select * from {{ ref('scores') }}"),
        ("models/sources.yml", "sources: [{name: raw, tables: [{name: events}]}]\n"),
    ]);
    let ran = folder.expect(1, &["--no-use-colors", "build"]);
    for part in [
        "START python incremental model main.scores",
        "`scores` is a Python model; Python models are not supported",
        "SKIP relation main.below",
        "PASS=1 WARN=0 ERROR=1 SKIP=1",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    let manifest = read(&folder, "target/manifest.json");
    let node = &manifest["nodes"]["model.shop.scores"];
    assert_eq!(node["language"], "python");
    assert_eq!((&node["config"]["materialized"], &node["tags"]), (&"incremental".into(), &json!(["py"])));
    assert_eq!(node["meta"], json!({"a": 1}));
    assert_eq!(node["depends_on"]["nodes"], json!(["source.shop.raw.events", "model.shop.orders"]));
    folder.write("models/scores.py", "def model(dbt, session):\n    name = 'orders'\n    return dbt.ref(name)\n");
    let ran = folder.expect(2, &["--no-use-colors", "parse"]);
    assert!(ran.stdout.contains("`dbt.ref` of a Python model takes literal texts"), "{}", ran.stdout);
    assert!(ran.stdout.contains("models/scores.py:3:12"), "{}", ran.stdout);
}

#[test]
fn macros_name_only_languages_that_dbt_knows() {
    let folder = Folder::new(&[]);
    folder.expect(0, &["parse"]);
    let manifest = read(&folder, "target/manifest.json");
    for (id, found) in manifest["macros"].as_object().unwrap() {
        for language in found["supported_languages"].as_array().into_iter().flatten() {
            // dbt 1.11 refuses to read a manifest with any other.
            assert!(["sql", "python"].contains(&language.as_str().unwrap()), "{id}: {language}");
        }
    }
}

#[test]
fn the_json_log_tells_the_whole_error_of_a_node() {
    let folder = Folder::new(&[("models/a.sql", "{{ exceptions.raise_compiler_error('no way') if execute }}")]);
    let ran = folder.expect(1, &["--log-format", "json", "run"]);
    let events: Vec<Value> = ran.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let named = |name: &str| events.iter().find(|event| event["info"]["name"] == name).unwrap();
    assert_eq!(named("RunResultError")["info"]["code"], "Z024");
    assert_eq!(named("RunResultError")["data"]["msg"], "Compilation Error in model a (models/a.sql)\n  no way");
    assert_eq!(named("RunResultFailure")["info"]["msg"], "Failure in model a (models/a.sql)");
}
