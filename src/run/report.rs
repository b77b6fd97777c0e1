//! What is said about a node: the text of its lines, its title in the summary, its result in run_results.json.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    artifacts::{RunResult, Timing},
    engine::Details,
    event::{NodeInfo, Problem, Status},
    jinja::Value,
    manifest::{Exposure, Node, NodeKind, microbatch::is_microbatch},
    names::ResourceType,
};

use super::{compile::NodeError, context::Response};

/// A node for events.
pub fn node_info(node: &Node) -> NodeInfo {
    NodeInfo {
        unique_id: node.unique_id.clone(),
        name: node.name.clone(),
        path: node.path.clone(),
        resource_type: node.resource_type,
        materialized: node.config.materialized().to_owned(),
        database: Some(node.database.clone()),
        schema: Some(node.schema.clone()),
        alias: Some(node.alias.clone()),
        relation_name: node.relation_name.clone(),
        checksum: node.checksum.checksum.clone(),
    }
}

/// An exposure for events.
pub fn exposure_info(exposure: &Exposure) -> NodeInfo {
    NodeInfo {
        unique_id: exposure.unique_id.clone(),
        name: exposure.name.clone(),
        path: exposure.path.clone(),
        resource_type: ResourceType::Exposure,
        materialized: String::new(),
        database: None,
        schema: None,
        alias: None,
        relation_name: None,
        checksum: String::new(),
    }
}

/// `sql view model main.a`, `seed file main.a`, `test not_null_a_id`, `hook: shop.on-run-start.0`.
pub fn subject(node: &Node) -> String {
    let relation = format!("{}.{}", node.schema, node.alias);
    match (&node.kind, node.resource_type) {
        (NodeKind::Operation { .. }, _) => format!("hook: {}", hook_name(node)),
        (_, ResourceType::Seed) => format!("seed file {relation}"),
        (_, ResourceType::Snapshot) => format!("snapshot {relation}"),
        (_, ResourceType::Test) => format!("test {}", node.name),
        (_, ResourceType::Function) => format!("function {relation}"),
        (_, ResourceType::UnitTest) => format!("unit_test {}", unit_test_name(node)),
        _ if is_microbatch(node) => format!("{} microbatch model {relation}", node.language),
        _ => format!("{} {} model {relation}", node.language, node.config.materialized()),
    }
}

/// `orders::first_run` for a unit test, `dim.v2::first_run` for one of a version; the name of any other node.
fn unit_test_name(node: &Node) -> String {
    match &node.kind {
        NodeKind::UnitTest(fields) => match &fields.version {
            Some(version) => format!("{}.v{}::{}", fields.model, version.to_str(), node.name),
            None => format!("{}::{}", fields.model, node.name),
        },
        _ => node.name.clone(),
    }
}

/// `shop.on-run-start.0`.
pub fn hook_name(node: &Node) -> String {
    match node.kind {
        NodeKind::Operation { index, on_run_start } => {
            let point = if on_run_start { "on-run-start" } else { "on-run-end" };
            format!("{}.{point}.{index}", node.package_name)
        }
        _ => node.name.clone(),
    }
}

/// What the end line says before its dots.
pub fn end_line(node: &Node, status: Status, failures: Option<i64>) -> String {
    let what = subject(node);
    let failed = matches!(status, Status::Error | Status::RuntimeError);
    match (&node.kind, node.resource_type) {
        (_, ResourceType::Test | ResourceType::UnitTest) => {
            let name = unit_test_name(node);
            match (status, failures) {
                (Status::Pass, _) => format!("PASS {name}"),
                (Status::Fail, Some(failures)) => format!("FAIL {failures} {name}"),
                (Status::Warn, Some(failures)) => format!("WARN {failures} {name}"),
                _ => format!("ERROR {name}"),
            }
        }
        (NodeKind::Operation { .. }, _) if failed => format!("ERROR {what}"),
        (NodeKind::Operation { .. }, _) if status == Status::Skipped => format!("SKIP {what}"),
        (NodeKind::Operation { .. }, _) => format!("OK {what}"),
        (_, ResourceType::Seed) if failed => format!("ERROR loading {what}"),
        (_, ResourceType::Seed) => format!("OK loaded {what}"),
        (_, ResourceType::Snapshot) if failed => format!("ERROR snapshotting {what}"),
        (_, ResourceType::Snapshot) => format!("OK snapshotted {}", what.trim_start_matches("snapshot ")),
        _ if failed => format!("ERROR creating {what}"),
        _ if status == Status::PartialSuccess => format!("PARTIALLY created {what}"),
        _ => format!("OK created {what}"),
    }
}

/// What a skip line says after `SKIP`.
pub fn skip_line(node: &Node) -> String {
    match node.resource_type {
        ResourceType::Test => format!("test {}", node.name),
        ResourceType::UnitTest => format!("unit_test {}", node.versioned_name()),
        ResourceType::SavedQuery => format!("saved_query {}", node.name),
        ResourceType::Function => format!("function {}.{}", node.schema, node.alias),
        _ => format!("relation {}.{}", node.schema, node.alias),
    }
}

/// The first line of a node's error.
pub fn error_title(error: &NodeError, node: &Node) -> String {
    error.ephemeral.clone().unwrap_or_else(|| super::compile::error_title(error.title(), node))
}

/// The block of the summary.
pub fn problem(node: &Node, status: Status, message: String, error: Option<&NodeError>) -> Problem {
    let verb = if status == Status::Warn { "Warning" } else { "Failure" };
    Problem {
        status,
        node: node_info(node),
        title: format!("{verb} in {} {} ({})", node.resource_type, node.versioned_name(), node.original_file_path),
        message,
        diagnostic: error.map(|error| std::sync::Arc::new(error.diagnostic.clone())),
        compiled_path: None,
        stored_failures: None,
    }
}

/// When a stage began and ended.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    pub name: &'static str,
    pub started: DateTime<Utc>,
    pub ended: DateTime<Utc>,
}

/// A result with its timing.
pub fn result(node: &Node, status: Status, stages: &[Stage], elapsed: Duration, thread: &str) -> RunResult {
    RunResult {
        timing: stages
            .iter()
            .map(|stage| Timing {
                name: stage.name.to_owned(),
                started_at: Some(stage.started),
                completed_at: Some(stage.ended),
            })
            .collect(),
        thread_id: thread.to_owned(),
        execution_time: elapsed.as_secs_f64(),
        relation_name: node.relation_name.clone(),
        ..RunResult::new(node.unique_id.as_str(), status)
    }
}

/// The adapter's response in artifacts.
pub fn response_json(response: &Response) -> serde_json::Map<String, serde_json::Value> {
    let mut map = serde_json::Map::new();
    map.insert("_message".into(), response.message.clone().into());
    if let Some(code) = &response.code {
        map.insert("code".into(), code.clone().into());
    }
    if let Some(rows) = response.rows_affected {
        map.insert("rows_affected".into(), rows.into());
    }
    map.extend(details_json(&response.details));
    map
}

/// What a warehouse says of a statement, in artifacts.
pub fn details_json(details: &Details) -> serde_json::Map<String, serde_json::Value> {
    details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// `Got 2 results, configured to fail if != 0`.
pub fn test_message(failures: i64, verb: &str, condition: &Value) -> String {
    let plural = if failures == 1 { "" } else { "s" };
    format!("Got {failures} result{plural}, configured to {verb} if {}", condition.to_str())
}
