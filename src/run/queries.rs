//! `compile`, `show` and `run-operation --sql`: nodes and texts whose SQL is rendered, queried or run; nothing is built.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use chrono::Utc;

use crate::{
    artifacts::RunResult,
    event::{Event, NodeOutcome, RunStats, Status},
    graph::{Dag, Edges, Queue},
    jinja::{Args, JinjaError, Value},
    manifest::{Node, context::Table},
    names::{ResourceType, UniqueId},
};

use super::{
    compile::{CompiledNode, NodeError, has_sql},
    context::{NodeContext, Response},
    execute::roll_back,
    report::{self, Stage},
    runner::{RunOutcome, Runner},
};

/// Compiles the selected nodes in the order of the graph; stops at the first error.
///
/// # Errors
/// The first node's that cannot be compiled.
pub fn compile_nodes(
    runner: &Runner,
    dag: &Dag,
    selected: &BTreeSet<UniqueId>,
) -> Result<(Vec<(UniqueId, CompiledNode)>, RunOutcome), NodeError> {
    let start = Instant::now();
    let mut compiled = Vec::new();
    let mut results = Vec::new();
    for id in Queue::new(runner.manifest(), dag, selected, Edges::Dependencies).order() {
        let Some(node) = runner.manifest().nodes.get(&id).filter(|node| has_sql(node)) else { continue };
        let (code, result) = compile_one(runner, node)?;
        results.push(result);
        compiled.push((id, code));
    }
    Ok((compiled, outcome(runner, results, start)))
}

/// Compiles a node that is not in the manifest.
///
/// # Errors
/// As `compile_nodes`.
pub fn compile_inline(runner: &Runner, node: &Node) -> Result<(CompiledNode, RunOutcome), NodeError> {
    let start = Instant::now();
    let (code, result) = compile_one(runner, node)?;
    Ok((code, outcome(runner, vec![result], start)))
}

/// The rows of each node's query, at most `limit` of each.
///
/// # Errors
/// The first node's, from its template or from the engine.
pub fn show_nodes(runner: &Runner, nodes: &[&Node], limit: Option<i64>) -> Result<(Vec<Table>, RunOutcome), NodeError> {
    let start = Instant::now();
    let mut tables = Vec::with_capacity(nodes.len());
    let mut results = Vec::with_capacity(nodes.len());
    for node in nodes {
        let (table, result) = show_one(runner, node, limit)?;
        tables.push(table);
        results.push(result);
    }
    Ok((tables, outcome(runner, results, start)))
}

/// Runs the code of an inline node as it is; its result, and what went wrong.
pub fn run_inline(runner: &Runner, node: &Node) -> (RunOutcome, Option<NodeError>) {
    let start = Instant::now();
    let info = report::node_info(node);
    let description = |word: &str| format!("{word} {}", node.name);
    let started = description("executing");
    runner.emit(Event::NodeStarted { node: info.clone(), index: 1, total: 1, description: started });
    let (stages, ran) = run_one(runner, node);
    let status = if ran.is_ok() { Status::Success } else { Status::Error };
    let (message, word) = if ran.is_ok() { ("OK", "OK executed") } else { ("ERROR", "ERROR executing") };
    let failures = i64::from(ran.is_err());
    let (response, error) = match ran {
        Ok(response) => (response, None),
        Err(error) => (Response::default(), Some(error)),
    };
    let outcome_line = NodeOutcome {
        status,
        message: message.into(),
        description: description(word),
        execution_time: start.elapsed().as_secs_f64(),
        failures: Some(failures),
        rows_affected: response.rows_affected,
    };
    runner.emit(Event::NodeFinished { node: info, index: 1, total: 1, outcome: outcome_line });
    let mut result = report::result(node, status, &stages, start.elapsed(), "MainThread");
    result.failures = Some(failures);
    result.message = error.as_ref().map(|error| error.diagnostic.message.clone());
    result.adapter_response = match &error {
        Some(error) => report::details_json(&error.details),
        None => report::response_json(&response),
    };
    (RunOutcome { failed: error.is_some(), ..outcome(runner, vec![result], start) }, error)
}

fn run_one(runner: &Runner, node: &Node) -> (Vec<Stage>, Result<Response, NodeError>) {
    let started = Utc::now();
    let (context, compiled) = match compile(runner, node) {
        Ok(found) => found,
        Err(error) => return (vec![Stage { name: "compile", started, ended: Utc::now() }], Err(error)),
    };
    let executed = Utc::now();
    let mut interp = context.interp();
    let code: Arc<str> = compiled.code.text.as_str().into();
    interp.trace(&code, compiled.code.map.clone());
    let ran = {
        let _watch = runner.watch(&node.unique_id, &context);
        context.execute_in(&interp, &code, None)
    };
    if ran.is_err() {
        roll_back(&context);
    }
    let (_, details) = context.take_stats().until_failure();
    let stages = vec![
        Stage { name: "compile", started, ended: executed },
        Stage { name: "execute", started: executed, ended: Utc::now() },
    ];
    (stages, ran.map(|(response, _)| response).map_err(|error| NodeError { details, ..NodeError::of(&error, node) }))
}

fn outcome(runner: &Runner, results: Vec<RunResult>, start: Instant) -> RunOutcome {
    RunOutcome {
        stats: RunStats { total: results.len(), pass: results.len(), ..RunStats::default() },
        results,
        problems: Vec::new(),
        interrupted: false,
        failed: false,
        broken: None,
        manifest: runner.manifest_after(),
        elapsed: start.elapsed().as_secs_f64(),
    }
}

fn compile_one(runner: &Runner, node: &Node) -> Result<(CompiledNode, RunResult), NodeError> {
    let start = Instant::now();
    let started = Utc::now();
    let (context, code) = compile(runner, node)?;
    runner.record_stats(node, context.take_stats());
    let stages = [Stage { name: "compile", started, ended: Utc::now() }];
    let mut result = report::result(node, Status::Success, &stages, start.elapsed(), "MainThread");
    result.compiled = Some(true);
    result.compiled_code = Some(code.code.text.clone());
    Ok((code, result))
}

fn compile(runner: &Runner, node: &Node) -> Result<(NodeContext, CompiledNode), NodeError> {
    let context = NodeContext::of_node(&runner.run, node);
    let compiled = runner.compiler.compile(&context, node)?;
    runner.record_compiled(node, &compiled);
    Ok((context, compiled))
}

fn show_one(runner: &Runner, node: &Node, limit: Option<i64>) -> Result<(Table, RunResult), NodeError> {
    let of = |error: JinjaError| NodeError::of(&error, node);
    let start = Instant::now();
    let compile_started = Utc::now();
    let (context, compiled) = match node.resource_type {
        ResourceType::Seed => {
            let relation = node.relation_name.clone().unwrap_or_default();
            let seed = Node { raw_code: format!("select * from {relation}"), language: "sql", ..node.clone() };
            compile(runner, &seed)?
        }
        _ => compile(runner, node)?,
    };
    let execute_started = Utc::now();
    let mut interp = context.interp();
    let code: Arc<str> = compiled.code.text.as_str().into();
    interp.trace(&code, compiled.code.map.clone());
    let header = node.config.get("sql_header").cloned().unwrap_or(Value::None);
    let args = Args::new(vec![Value::Str(code), header, limit.into()]);
    let root = Arc::clone(runner.run.scopes.shared.macros.root());
    let definition = runner.run.scopes.shared.macros.find(&root, "get_show_sql").cloned();
    let definition = definition.ok_or_else(|| of(JinjaError::raised("there is no macro `get_show_sql`")))?;
    let sql = interp.call_macro(&definition, args).map_err(of)?;
    let text: Arc<str> = match &sql {
        Value::Str(text) => Arc::clone(text),
        other => other.to_str().into(),
    };
    let _watch = runner.watch(&node.unique_id, &context);
    let (response, table) = context.execute_in(&interp, &text, None).map_err(of)?;
    let stages = [
        Stage { name: "compile", started: compile_started, ended: execute_started },
        Stage { name: "execute", started: execute_started, ended: Utc::now() },
    ];
    Ok((table, shown(node, &stages, start, &response, &text)))
}

fn shown(node: &Node, stages: &[Stage], start: Instant, response: &Response, sql: &str) -> RunResult {
    let mut result = report::result(node, Status::Success, stages, start.elapsed(), "MainThread");
    result.adapter_response = report::response_json(response);
    result.compiled = Some(true);
    result.compiled_code = Some(sql.to_owned());
    result
}
