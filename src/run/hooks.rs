//! The project's `on-run-start` and `on-run-end` hooks: packages first, the root last, each by its index.

use std::{any::Any, collections::BTreeSet, time::Instant};

use chrono::Utc;

use crate::{
    artifacts::{RunResult, node_dict},
    event::{Event, NodeOutcome, Status},
    jinja::{Args, Interp, JinjaError, Object, Template, Value},
    manifest::{Node, NodeKind, context::mapping::mapping_method},
};

use super::{
    compile::NodeError,
    context::{NodeContext, Response},
    report::{self, Stage},
    runner::Runner,
    scheduler::NodeResult,
};

/// When hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookPoint {
    Start,
    End,
}

/// What the hooks of a point did.
#[derive(Default)]
pub struct HookResults {
    pub results: Vec<NodeResult>,
    /// Why a hook has no SQL to execute. That ends the command, as in dbt; a statement that fails does not.
    pub broken: Option<NodeError>,
}

/// Runs the hooks of a point. After the first that fails, the rest are skipped.
pub fn run(runner: &Runner, point: HookPoint, results: &[RunResult]) -> HookResults {
    let hooks = hooks(runner, point);
    let total = hooks.len();
    let mut done = HookResults::default();
    for (at, node) in hooks.into_iter().enumerate() {
        let place = (at + 1, total);
        if done.results.iter().any(|hook| hook.fails) {
            done.results.push(skip(runner, node, place));
            continue;
        }
        match render(runner, node, point, results) {
            Ok(sql) => done.results.push(run_one(runner, node, &sql, place)),
            Err(error) => return HookResults { broken: Some(error), ..done },
        }
    }
    if total > 0 {
        runner.emit(Event::Info { message: String::new() });
    }
    done
}

fn skip(runner: &Runner, node: &Node, (index, total): (usize, usize)) -> NodeResult {
    runner.emit(Event::NodeFinished {
        node: report::node_info(node),
        index,
        total,
        outcome: NodeOutcome {
            status: Status::Skipped,
            message: "SKIP".into(),
            description: report::end_line(node, Status::Skipped, None),
            execution_time: 0.0,
            failures: Some(0),
            rows_affected: None,
        },
    });
    let mut result = report::result(node, Status::Skipped, &[], std::time::Duration::ZERO, "main");
    result.failures = Some(0);
    NodeResult { result, problem: None, blocks: false, fails: true }
}

fn hooks(runner: &Runner, point: HookPoint) -> Vec<&Node> {
    let root = runner.run.scopes.shared.project_name.clone();
    let mut hooks: Vec<(bool, &str, usize, &Node)> = runner
        .manifest()
        .nodes
        .values()
        .filter_map(|node| match node.kind {
            NodeKind::Operation { index, on_run_start } if on_run_start == (point == HookPoint::Start) => {
                Some((*node.package_name == *root, node.package_name.as_str(), index, node))
            }
            _ => None,
        })
        .collect();
    hooks.sort_by_key(|(is_root, package, index, _)| (*is_root, *package, *index));
    hooks.into_iter().map(|(.., node)| node).collect()
}

fn run_one(runner: &Runner, node: &Node, sql: &HookSql, (index, total): (usize, usize)) -> NodeResult {
    let info = report::node_info(node);
    let start = Instant::now();
    let started = Utc::now();
    runner.emit(Event::NodeStarted { node: info.clone(), index, total, description: report::subject(node) });
    let outcome = execute(runner, node, sql);
    let elapsed = start.elapsed();
    let status = if outcome.is_ok() { Status::Success } else { Status::Error };
    let bracket = if outcome.is_ok() { "OK" } else { "ERROR" };
    runner.emit(Event::NodeFinished {
        node: info,
        index,
        total,
        outcome: NodeOutcome {
            status,
            message: bracket.into(),
            description: report::end_line(node, status, None),
            execution_time: elapsed.as_secs_f64(),
            failures: Some(i64::from(outcome.is_err())),
            rows_affected: None,
        },
    });
    let stages = [Stage { name: "execute", started, ended: Utc::now() }];
    let mut result = report::result(node, status, &stages, elapsed, "main");
    result.failures = Some(i64::from(outcome.is_err()));
    let problem = match &outcome {
        Ok(response) => {
            result.adapter_response = report::response_json(response);
            result.message = Some(response.message.clone()).filter(|message| !message.is_empty());
            result.compiled = Some(true);
            result.compiled_code = Some(sql.text.clone());
            None
        }
        Err(error) => {
            let title = report::error_title(error, node);
            result.message = Some(format!("{title}\n  {}", error.diagnostic.message));
            Some(report::problem(node, status, title, Some(error)))
        }
    };
    NodeResult { result, problem, blocks: false, fails: outcome.is_err() }
}

/// A hook that was rendered.
struct HookSql {
    context: NodeContext,
    text: String,
}

fn render(runner: &Runner, node: &Node, point: HookPoint, results: &[RunResult]) -> Result<HookSql, NodeError> {
    let context = NodeContext::of_node(&runner.run, node);
    if point == HookPoint::End {
        set_results(runner, &context, results);
    }
    let origin = node.origin.unwrap_or(crate::diagnostic::Origin::Within(crate::diagnostic::Span::new(
        crate::diagnostic::SourceId(u32::MAX),
        0,
        0,
    )));
    let template = Template::parse(&node.raw_code, origin).map_err(|errors| {
        let first = errors.into_iter().next();
        NodeError::of_diagnostic(first.unwrap_or_else(|| crate::diagnostic::Diagnostic::error("internal", "")))
    })?;
    let rendered = context.render(&template).map_err(|error| NodeError::of(&error, node))?;
    context.set_compiled(rendered.text.as_str(), rendered.map);
    Ok(HookSql { context, text: rendered.text })
}

fn execute(runner: &Runner, node: &Node, sql: &HookSql) -> Result<Response, NodeError> {
    if sql.text.trim().is_empty() {
        return Ok(Response::default());
    }
    let _watch = runner.watch(&node.unique_id, &sql.context);
    let interp = sql.context.interp();
    let executed = sql.context.execute_in(&interp, &sql.text.as_str().into(), None);
    executed.map(|(response, _)| response).map_err(|error| NodeError::of(&error, node))
}

/// What on-run-end hooks see besides: `results`, `schemas`, `database_schemas`.
fn set_results(runner: &Runner, context: &NodeContext, results: &[RunResult]) {
    let is_hook = |result: &RunResult| result.unique_id.starts_with("operation.");
    let shown = results.iter().filter(|result| !is_hook(result) || result.status != Status::Success);
    let values = shown.map(|result| {
        let node = runner.manifest().nodes.get(result.unique_id.as_str());
        let node = node.map_or(Value::None, |node| Value::from_json(&node_dict(node)));
        result_object(&Value::from_json(&result.to_dict()), node)
    });
    context.set("results", Value::list(values));
    let mut schemas: BTreeSet<(String, String)> = BTreeSet::new();
    for result in results.iter().filter(|result| result.status == Status::Success && !is_hook(result)) {
        if let Some(node) = runner.manifest().nodes.get(result.unique_id.as_str()).filter(|node| node.is_refable()) {
            schemas.insert((node.database.clone(), node.schema.clone()));
        }
    }
    let pairs =
        schemas.iter().map(|(database, schema)| Value::tuple([database.as_str().into(), schema.as_str().into()]));
    context.set("database_schemas", Value::list(pairs));
    let names: BTreeSet<&str> = schemas.iter().map(|(_, schema)| schema.as_str()).collect();
    context.set("schemas", Value::list(names.into_iter().map(Value::from)));
}

/// dbt's RunResult in templates; its node and its timings are objects too.
fn result_object(result: &Value, node: Value) -> Value {
    let mut plain = result.pairs().unwrap_or_default();
    plain.push(("node".into(), node.clone()));
    let mut shown = plain.clone();
    for (key, value) in &mut shown {
        *value = match key.as_str() {
            Some("node") if !node.is_none() => described("CompiledNode", node.clone()),
            Some("timing") => {
                let timings = value.items().unwrap_or_default().into_iter();
                Value::list(timings.map(|timing| described("TimingInfo", timing)))
            }
            _ => continue,
        };
    }
    Value::object(Described { kind: "RunResult", plain: Value::dict(plain), shown: Value::dict(shown) })
}

fn described(kind: &'static str, fields: Value) -> Value {
    Value::object(Described { kind, plain: fields.clone(), shown: fields })
}

/// An object of dbt's: its fields are attributes, and `to_dict()` gives them as a dict.
#[derive(Debug)]
struct Described {
    kind: &'static str,
    /// All the way down.
    plain: Value,
    shown: Value,
}

impl Object for Described {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        self.shown.get(name)
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        self.get_attr(key.as_str()?)
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        match name {
            "to_dict" => Some(Ok(self.plain.clone())),
            _ => mapping_method(self, name, args),
        }
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.plain.pairs().unwrap_or_default().into_iter().map(|(key, _)| key).collect())
    }

    fn to_repr(&self) -> String {
        format!("{}({})", self.kind, self.plain.to_repr())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
