//! What a user finds of a statement afterwards: in the artifacts, in the logs, and at the line of a model.

use serde_json::Value;

use super::server::Server;
use crate::binary::Folder;

fn project(server: &Server) -> Folder {
    Folder::new(&[
        ("profiles.yml", &server.profile("user: ann, password: pw-ann")),
        ("models/good.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("models/bad.sql", "{{ config(materialized='table') }}\nselect\n  no_such_column\nfrom {{ ref('good') }}"),
    ])
}

#[test]
fn the_ids_of_query_and_session_are_in_the_results_of_models_that_failed_as_well() {
    let server = Server::start();
    let folder = project(&server);
    folder.expect(1, &["run"]);
    let results = std::fs::read_to_string(folder.path("target/run_results.json")).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    let mut ids = Vec::new();
    for result in results["results"].as_array().unwrap() {
        let response = &result["adapter_response"];
        assert!(response["query_id"].as_str().is_some_and(|id| id.starts_with("query-")), "{result}");
        assert!(response["session_id"].is_string(), "{result}");
        ids.push(response["query_id"].to_string());
    }
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    // The failed model has the id of the statement that failed, not of what put the session back after it.
    let log = std::fs::read_to_string(folder.path("logs/dbt.log")).unwrap();
    let failed = log.lines().find(|line| line.contains("SQL status: ERROR")).unwrap();
    let id = failed.split("(query ").nth(1).and_then(|rest| rest.split(')').next()).unwrap();
    assert_eq!(ids[1], format!("\"{id}\""), "{log}");
}

#[test]
fn the_ids_of_queries_are_in_the_debug_log() {
    let server = Server::start();
    let folder = project(&server);
    let ran = folder.expect(1, &["--debug", "--log-format", "json", "run"]);
    let statements: Vec<Value> = ran
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["info"]["name"] == "SQLQueryStatus")
        .collect();
    assert!(!statements.is_empty(), "{}", ran.stdout);
    assert!(statements.iter().all(|line| line["data"]["query_id"].is_string()), "{statements:?}");
}

#[test]
fn an_error_is_shown_at_the_line_that_snowflake_names() {
    let server = Server::start();
    let folder = project(&server);
    folder.expect(1, &["run"]).shows(&["invalid identifier 'NO_SUCH_COLUMN'", "models/bad.sql:3:3"]);
}
