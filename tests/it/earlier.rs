//! Commands that look at an earlier invocation: deferral, `result:`, retry, freshness, the documentation.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
};

use serde_json::Value as Json;

use super::binary::Folder;

const TWO_TARGETS: &str = "shop:
  target: dev
  outputs:
    dev: {type: datafusion, path: dev_lake, database: dev, schema: ann, databases: {prod: prod_lake}}
    prod: {type: datafusion, path: prod_lake, database: prod, schema: main}
";

/// A chain of three models that production has built; the state is in `prod/`.
fn with_production() -> Folder {
    let folder = Folder::new(&[
        ("profiles.yml", TWO_TARGETS),
        ("models/base.sql", "select '{{ target.name }}' as built_by"),
        ("models/middle.sql", "select *, '{{ this }}' as this from {{ ref('base') }}"),
        ("models/top.sql", "{{ config(materialized='table') }} select * from {{ ref('middle') }}"),
        ("models/eph.sql", "{{ config(materialized='ephemeral') }} select * from {{ ref('base') }}"),
        ("models/reads_eph.sql", "select * from {{ ref('eph') }}"),
        ("tests/is_prod.sql", "select * from {{ ref('base') }} where built_by <> 'prod'"),
    ]);
    folder.expect(0, &["-q", "build", "--target", "prod"]);
    fs::rename(folder.path("target"), folder.path("prod")).unwrap();
    folder
}

#[test]
fn a_reference_to_what_was_not_built_here_is_deferred() {
    let folder = with_production();
    let built = |folder: &Folder, model: &str| folder.rows(&format!("select * from ann.{model}"));
    folder.expect(0, &["-q", "run", "-s", "middle", "reads_eph", "--defer", "--state", "prod"]);
    assert_eq!(built(&folder, "middle"), [r#"{"built_by":"prod","this":"\"dev\".\"ann\".\"middle\""}"#]);
    assert_eq!(built(&folder, "reads_eph"), [r#"{"built_by":"prod"}"#]);
    // A test reads where a model would.
    folder.expect(0, &["-q", "test", "-s", "is_prod", "--defer", "--state", "prod"]);
    // What is here is read here, unless the state is preferred and it is not selected.
    folder.expect(0, &["-q", "run", "-s", "base"]);
    for (flags, expected) in [
        (&["-s", "middle", "--defer", "--state", "prod"][..], "dev"),
        (&["-s", "middle", "--defer", "--favor-state", "--state", "prod"], "prod"),
        (&["-s", "middle", "--defer", "--favor-state", "--defer-state", "prod"], "prod"),
        (&["-s", "base", "middle", "--defer", "--favor-state", "--state", "prod"], "dev"),
    ] {
        folder.expect(0, &[&["-q", "run"], flags].concat());
        assert!(built(&folder, "middle")[0].contains(&format!(r#""built_by":"{expected}""#)), "{flags:?}");
    }
    folder.expect(1, &["-q", "test", "-s", "is_prod", "--defer", "--state", "prod"]);
}

#[test]
fn a_state_that_is_not_there_is_told() {
    let folder = Folder::new(&[("models/a.sql", "select 1 as id")]);
    for (args, expected) in [
        (
            &["run", "--defer"][..],
            "error[no-state]: --state or --defer-state are required for deferral, but neither was provided",
        ),
        (&["run", "--defer", "--state", "models"], "error[no-state]: --defer needs a manifest.json, and "),
        (
            &["ls", "-s", "state:new"],
            "error[no-state]: `state:` needs the manifest.json of an earlier invocation: give",
        ),
        (
            &["ls", "-s", "result:error", "--state", "models"],
            "run_results.json of an earlier invocation, which the folder",
        ),
        (&["ls", "-s", "source_status:fresher"], "`source_status:` needs the sources.json"),
        (&["retry"], "error[retry]: there is no earlier run to retry"),
    ] {
        folder.expect(2, args).shows(&[expected]);
    }
    folder.expect(0, &["-q", "run"]);
    folder.expect(2, &["ls", "-s", "state:changed", "--state", "target"]).shows(&["Invalid state selector value"]);
    folder
        .expect(0, &["ls", "-s", "state:old", "--state", "target"])
        .shows(&["The state and target directories are the same: 'target'", "shop.a"]);
    folder.write("target/manifest.json", "{\"metadata\": {}}");
    fs::rename(folder.path("target"), folder.path("old")).unwrap();
    folder.expect(2, &["ls", "-s", "state:old", "--state", "old"]).shows(&["which is not supported"]);
}

#[test]
fn retry_runs_what_did_not_succeed_with_the_flags_of_before() {
    let folder = Folder::new(&[
        ("models/good.sql", "select 1 as id"),
        ("models/bad.sql", "select {{ 'x' if var('broken') else '1' }} as id from {{ ref('good') }}"),
        ("models/below.sql", "select * from {{ ref('bad') }}"),
        ("models/other.sql", "select 1 as id"),
        (
            "models/s.yml",
            "models: [{name: good, columns: [{name: id, data_tests: [{not_null: {config: {where: \"{{ 'id > 0' }}\"}}}]}]}]\n",
        ),
    ]);
    folder.expect(1, &["build", "--exclude", "other", "--vars", "{broken: true}"]).shows(&["SKIP relation main.below"]);
    let again = folder.expect(1, &["retry"]);
    again.shows(&["1 of 2 START sql view model main.bad", "SKIP=1", "TOTAL=2"]);
    assert!(!again.text().contains("main.good"), "{}", again.text());
    // A new value of a variable, and all else as before.
    folder.expect(0, &["retry", "--vars", "{broken: false}"]).shows(&["main.bad", "main.below", "PASS=2", "TOTAL=2"]);
    folder.expect(0, &["retry"]).shows(&["Nothing to do"]);
    let results: Json = serde_json::from_slice(&fs::read(folder.path("target/run_results.json")).unwrap()).unwrap();
    assert_eq!(results["args"]["which"], "build");
    assert_eq!(results["args"]["exclude"], serde_json::json!(["other"]));
}

#[test]
fn what_cannot_be_retried_is_told() {
    let folder = Folder::new(&[
        ("models/a.sql", "select 1 as id"),
        (
            "macros/m.sql",
            "{% macro fails() %}{{ exceptions.raise_compiler_error('no ' ~ var('word', 'luck')) }}{% endmacro %}",
        ),
    ]);
    folder.expect(1, &["run-operation", "fails"]).shows(&["no luck"]);
    folder.expect(1, &["retry", "--vars", "{word: way}"]).shows(&["no way"]);
    for (which, expected) in
        [("list", "the earlier command was `list`, which cannot be retried"), ("", "do not say which")]
    {
        let results = format!("{{\"results\": [], \"args\": {{\"which\": \"{which}\"}}}}");
        folder.write("old/run_results.json", results);
        folder.expect(2, &["retry", "--state", "old"]).shows(&["error[retry]", expected]);
    }
}

const SOURCES: &str = "sources:
  - name: shop
    schema: main
    config:
      freshness: {warn_after: {count: 1, period: day}, error_after: {count: 3, period: day}}
      loaded_at_field: at
    tables:
      - {name: fresh, identifier: now}
      - {name: slow, identifier: days_2}
      - {name: stale, identifier: days_4}
      - {name: filtered, identifier: days_4, config: {freshness: {filter: \"at > now()\"}}}
      - {name: patient, identifier: days_4, config: {freshness: {warn_after: {count: 9, period: day}, error_after: {count: 10, period: day}}}}
      - {name: unchecked, identifier: days_4, config: {freshness: null}}
      - {name: asked, identifier: days_4, config: {loaded_at_field: null, loaded_at_query: \"select max(at) + interval '{{ 4 }} day' from {{ this }}\"}}
      - {name: table, identifier: days_4, config: {loaded_at_field: null}}
      - {name: view, identifier: seen, config: {loaded_at_field: null}}
      - {name: wrong, identifier: days_4, config: {loaded_at_field: nothing}}
      - {name: text, identifier: days_4, config: {loaded_at_field: \"'soon'\"}}
";

#[test]
fn sources_are_as_fresh_as_their_newest_row() {
    let model = |days: u8| format!("{{{{ config(materialized='table') }}}} select now() - interval '{days} day' as at");
    let folder = Folder::new(&[
        ("models/now.sql", &model(0)),
        ("models/days_2.sql", &model(2)),
        ("models/days_4.sql", &model(4)),
        ("models/seen.sql", "select * from {{ ref('now') }}"),
        ("models/below.sql", "select * from {{ source('shop', 'fresh') }}"),
        ("models/sources.yml", SOURCES),
    ]);
    folder.expect(0, &["-q", "run", "--exclude", "below"]);
    let ran = folder.expect(1, &["source", "freshness"]);
    for expected in [
        "PASS freshness of shop.fresh",
        "WARN freshness of shop.slow",
        "ERROR STALE freshness of shop.stale",
        "ERROR STALE freshness of shop.filtered",
        "PASS freshness of shop.patient",
        "PASS freshness of shop.asked",
        "PASS freshness of shop.table",
        "ERROR freshness of shop.view",
        "ERROR freshness of shop.wrong",
        "ERROR freshness of shop.text",
        "no row has a time; warns after 1 day, fails after 3 days",
        "4 days ago; warns after 1 day, fails after 3 days",
        "give a `loaded_at_field` or a `loaded_at_query`",
        "must be a timestamp, found 'soon'",
    ] {
        assert!(ran.text().contains(expected), "{expected} is missing in\n{}", ran.text());
    }
    assert!(!ran.text().contains("unchecked"), "{}", ran.text());
    let written: Json = serde_json::from_slice(&fs::read(folder.path("target/sources.json")).unwrap()).unwrap();
    assert_eq!(written["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/sources/v3.json");
    let of = |id: &str| {
        let results = written["results"].as_array().unwrap();
        results.iter().find(|result| result["unique_id"] == format!("source.shop.shop.{id}")).unwrap()
    };
    assert_eq!((&of("slow")["status"], &of("view")["status"]), (&"warn".into(), &"runtime error".into()));
    assert_eq!(of("stale")["criteria"]["error_after"], serde_json::json!({"count": 3, "period": "day"}));
    assert!((of("slow")["max_loaded_at_time_ago_in_s"].as_f64().unwrap() - 172_800.0).abs() < 600.0);

    // Promoted, a warning is a failure.
    folder.expect(0, &["source", "freshness", "-s", "source:shop.slow"]);
    folder.expect(
        1,
        &["--warn-error-options", "{error: [LogFreshnessResult]}", "source", "freshness", "-s", "source:shop.slow"],
    );
    folder.expect(0, &["source", "freshness", "-s", "source:shop.unchecked"]).shows(&["Nothing to do"]);
    folder
        .expect(0, &["source", "freshness", "-s", "source:shop.fresh", "-o", "elsewhere.json"])
        .shows(&["CustomOutputPath"]);
    assert!(folder.path("elsewhere.json").is_file());

    // What has newer rows than it had.
    folder.expect(0, &["-q", "source", "freshness", "-s", "source:shop.fresh", "source:shop.asked"]);
    fs::create_dir(folder.path("before")).unwrap();
    fs::copy(folder.path("target/sources.json"), folder.path("before/sources.json")).unwrap();
    folder.expect(0, &["-q", "run", "-s", "now"]);
    folder.expect(0, &["-q", "source", "freshness", "-s", "source:shop.fresh", "source:shop.asked"]);
    let ran = folder.expect(0, &["-q", "ls", "-s", "source_status:fresher+", "--state", "before"]);
    assert_eq!(ran.stdout, "shop.below\nsource:shop.shop.fresh\n");
}

#[test]
fn results_of_before_are_selected_by_their_status() {
    let folder = Folder::new(&[
        ("models/good.sql", "select 1 as id"),
        ("models/bad.sql", "select x as id"),
        ("models/below.sql", "select * from {{ ref('bad') }}"),
    ]);
    folder.expect(1, &["-q", "run"]);
    for (selector, expected) in [
        ("result:success", "shop.good\n"),
        ("result:error", "shop.bad\n"),
        ("result:error+", "shop.bad\nshop.below\n"),
        ("result:skipped", "shop.below\n"),
        ("result:fail", ""),
    ] {
        let ran = folder.expect(0, &["-q", "ls", "-s", selector, "--state", "target"]);
        assert_eq!(ran.stdout, expected, "{selector}");
    }
}

#[test]
fn the_documentation_is_one_page_that_is_served_to_this_machine() {
    let folder = Folder::new(&[
        ("seeds/raw.csv", "id,name\n1,a\n2,b\n"),
        ("data/e.csv", "id\n1\n"),
        ("models/orders.sql", "{{ config(materialized='table') }} select * from {{ ref('raw') }}"),
        (
            "models/s.yml",
            "models: [{name: orders, description: 'All `orders`', columns: [{name: id, data_tests: [not_null]}]}]\nsources: [{name: ext, tables: [{name: e, config: {external_location: data/e.csv}}]}]\n",
        ),
    ]);
    folder.expect(0, &["-q", "build"]);
    folder.expect(0, &["docs", "generate"]).shows(&["Building catalog"]);
    let catalog: Json = serde_json::from_slice(&fs::read(folder.path("target/catalog.json")).unwrap()).unwrap();
    let stat = |section: &str, id: &str, stat: &str| catalog[section][id]["stats"][stat]["value"].clone();
    assert_eq!(stat("nodes", "model.shop.orders", "row_count"), 2);
    assert!(stat("nodes", "model.shop.orders", "bytes").as_i64().unwrap() > 0);
    assert_eq!(stat("nodes", "model.shop.orders", "has_stats"), true);
    assert_eq!(catalog["sources"]["source.shop.ext.e"]["columns"]["id"]["index"], 1);
    let page = fs::read_to_string(folder.path("target/index.html")).unwrap();
    assert!(page.contains("All `orders`") && page.contains("\"Row Count\",2"), "the page lacks its data");

    folder.expect(2, &["docs", "serve", "--host", "0.0.0.0"]).shows(&["is not this machine"]);
    folder.expect(2, &["docs", "serve", "--target-path", "nothing"]).shows(&["run `tamis docs generate` first"]);
    let mut serving = folder.command(&["docs", "serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(serving.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.contains("http://")).unwrap();
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let mut connection = TcpStream::connect(&address).unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(&page), "{}", &answer[..200]);
}

#[test]
fn what_is_shown_or_compiled_is_in_the_results_too() {
    let folder = Folder::new(&[("models/a.sql", "select 1 as id union all select 2")]);
    for (args, id, code) in [
        (&["show", "--inline", "select 3 as x", "--limit", "7"][..], "sql_operation.shop.inline_query", "limit 7"),
        (&["show", "-s", "a"], "model.shop.a", "limit 5"),
        (&["compile", "--inline", "select 3 as x"], "sql_operation.shop.inline_query", "select 3 as x"),
    ] {
        folder.expect(0, args);
        let text = fs::read_to_string(folder.path("target/run_results.json")).unwrap();
        let results: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(results["results"][0]["unique_id"], id, "{args:?}");
        assert!(results["results"][0]["compiled_code"].as_str().unwrap().contains(code), "{args:?}: {text}");
    }
}

#[test]
fn the_catalog_has_the_comments_of_tables_and_views() {
    let folder = Folder::new(&[
        ("models/t.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("models/v.sql", "select 1 as id"),
        (
            "models/schema.yml",
            "models:\n  - {name: t, description: a table, config: {persist_docs: {relation: true}}}\n  - {name: v, description: a view, config: {persist_docs: {relation: true}}}\n",
        ),
    ]);
    folder.expect(0, &["-q", "run"]);
    fs::remove_file(folder.path("target/manifest.json")).unwrap();
    folder.expect(0, &["-q", "docs", "generate", "--no-compile"]);
    assert!(!folder.path("target/manifest.json").exists(), "--no-compile leaves the manifest alone");
    let text = fs::read_to_string(folder.path("target/catalog.json")).unwrap();
    let catalog: Json = serde_json::from_str(&text).unwrap();
    for (id, comment) in [("model.shop.t", "a table"), ("model.shop.v", "a view")] {
        assert_eq!(catalog["nodes"][id]["metadata"]["comment"], comment, "{id}");
    }
}
