//! Runs one node: compile, call its materialization, judge what came back.

use std::{sync::Arc, time::Instant};

use chrono::Utc;

use crate::{
    artifacts::RunResult,
    diagnostic::Diagnostic,
    engine::{Details, Session},
    event::{Event, NodeOutcome, Status},
    jinja::{Args, ErrorKind, JinjaError, Value},
    manifest::{Node, NodeKind},
    names::ResourceType,
};

use super::{
    compile::{NodeError, file_of, write_file},
    context::{Batch, NodeContext, NodeInput, Response, Subject, Writer},
    microbatch,
    report::{self, Stage},
    runner::Runner,
    scheduler::{NodeResult, Task, is_failure},
    seed::{self, SeedOptions, SeedTable},
    unit_test,
};

/// What a node's execution gave.
pub(super) struct Executed {
    pub(super) status: Status,
    /// The message of run_results.json.
    pub(super) message: Option<String>,
    /// The bracket of the console.
    pub(super) bracket: String,
    pub(super) failures: Option<i64>,
    pub(super) response: Response,
    pub(super) compiled: Option<String>,
}

/// One run of a node, or of one batch of it.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// `Thread-1 (worker)`.
    pub(super) thread: String,
    pub(super) batch: Option<Batch>,
    /// Whether the batch adds to a table that is there, whatever the flags say.
    pub(super) adds: bool,
}

/// Runs a node and reports it.
pub fn execute(runner: &Runner, node: &Node, task: &Task) -> NodeResult {
    if !runner.options.clones
        && let Some(settings) = microbatch::settings(runner, node)
    {
        return microbatch::execute(runner, node, task, settings);
    }
    let info = report::node_info(node);
    let start = Instant::now();
    let description = report::subject(node);
    let (index, total) = (task.index, runner.total());
    runner.emit(Event::NodeStarted { node: info.clone(), index, total, description });
    let run = Run { thread: task.thread.clone(), batch: None, adds: false };
    let mut stages = Vec::new();
    let outcome = run_once(runner, node, &run, &mut stages);
    let elapsed = start.elapsed();
    if let Err(error) = &outcome
        && error.ephemeral.is_some()
    {
        return skipped_by_ephemeral(runner, node, task, error);
    }
    let (executed, error) = match outcome {
        Ok(executed) => (executed, None),
        Err(error) => (failed(node, &error), Some(error)),
    };
    let status = executed.status;
    runner.emit(Event::NodeFinished {
        node: info,
        index,
        total,
        outcome: NodeOutcome {
            status,
            message: executed.bracket.clone(),
            description: report::end_line(node, status, executed.failures),
            execution_time: elapsed.as_secs_f64(),
            failures: executed.failures,
            rows_affected: executed.response.rows_affected,
        },
    });
    let result = RunResult {
        adapter_response: match &error {
            Some(error) => report::details_json(&error.details),
            None => report::response_json(&executed.response),
        },
        message: executed.message.clone(),
        failures: executed.failures,
        compiled: (node.resource_type != ResourceType::Seed).then_some(executed.compiled.is_some()),
        compiled_code: executed.compiled.clone(),
        ..report::result(node, status, &stages, elapsed, &task.thread)
    };
    finished(runner, node, result, error.as_ref())
}

/// Runs a node, and once more where another run changed what it reads and writes.
pub(super) fn run_once(
    runner: &Runner,
    node: &Node,
    run: &Run,
    stages: &mut Vec<Stage>,
) -> Result<Executed, NodeError> {
    let outcome = attempt(runner, node, run, stages);
    if !outcome.as_ref().is_err_and(|error| error.diagnostic.code.0 == "conflict" && !error.committed) {
        return outcome;
    }
    runner.emit(Event::Debug { message: format!("{}: {}; runs once more", node.unique_id, "the table was changed") });
    stages.clear();
    attempt(runner, node, run, stages)
}

/// The result of a node whose execution panicked.
pub fn crashed(runner: &Runner, node: &Node, task: &Task) -> NodeResult {
    let message = format!("running `{}` failed inside tamis (this is a bug, please report it)", node.name);
    let diagnostic = Diagnostic::error("internal", message).node(node.unique_id.as_str());
    let error =
        NodeError { kind: ErrorKind::Internal, diagnostic, ephemeral: None, committed: false, details: Details::new() };
    let executed = failed(node, &error);
    runner.emit(Event::NodeFinished {
        node: report::node_info(node),
        index: task.index,
        total: runner.total(),
        outcome: NodeOutcome {
            status: Status::Error,
            message: executed.bracket,
            description: report::end_line(node, Status::Error, None),
            execution_time: 0.0,
            failures: None,
            rows_affected: None,
        },
    });
    let mut result = report::result(node, Status::Error, &[], std::time::Duration::ZERO, &task.thread);
    result.message = executed.message;
    finished(runner, node, result, Some(&error))
}

/// A node whose ephemeral ancestor could not be compiled is skipped, and tells the ancestor's error.
fn skipped_by_ephemeral(runner: &Runner, node: &Node, task: &Task, error: &NodeError) -> NodeResult {
    runner.emit(Event::NodeSkipped {
        node: report::node_info(node),
        index: task.index,
        total: runner.total(),
        description: report::skip_line(node),
        cause: Some("ephemeral model status 'error'".to_owned()),
    });
    let mut result = report::result(node, Status::Skipped, &[], std::time::Duration::ZERO, &task.thread);
    let title = report::error_title(error, node);
    result.message = Some(format!("{title}\n  {}", error.diagnostic.message));
    result.compiled = Some(false);
    let problem = report::problem(node, Status::Error, title, Some(error));
    NodeResult { result, problem: Some(problem), blocks: true, fails: true }
}

/// The result with what the summary says of it.
pub(super) fn finished(runner: &Runner, node: &Node, result: RunResult, error: Option<&NodeError>) -> NodeResult {
    let status = result.status;
    let is_problem =
        matches!(status, Status::Error | Status::Fail | Status::Warn | Status::RuntimeError | Status::PartialSuccess);
    let problem = is_problem.then(|| {
        let message = match error {
            Some(error) => report::error_title(error, node),
            None => result.message.clone().unwrap_or_default(),
        };
        let mut problem = report::problem(node, status, message, error);
        if result.compiled_code.is_some() {
            problem.compiled_path = runner.compiled_path(node);
        }
        if matches!(status, Status::Fail | Status::Warn) && stores_failures(node, runner) {
            problem.stored_failures.clone_from(&node.relation_name);
        }
        problem
    });
    let blocks = match status {
        // `on_error: continue` of a model lets what is below it try with what is there.
        Status::Error | Status::PartialSuccess | Status::RuntimeError => {
            node.resource_type != ResourceType::Model || node.config.text("on_error") != Some("continue")
        }
        Status::Fail => runner.options.tests_gate,
        _ => false,
    };
    NodeResult { blocks, fails: is_failure(status), problem, result }
}

fn stores_failures(node: &Node, runner: &Runner) -> bool {
    let kind = node.config.text("store_failures_as");
    let stored = node.config.flag("store_failures").unwrap_or(runner.options.store_failures);
    kind.map_or(stored, |kind| kind != "ephemeral")
}

fn failed(node: &Node, error: &NodeError) -> Executed {
    let mut message = format!("{}\n  {}", report::error_title(error, node), error.diagnostic.message);
    for note in &error.diagnostic.notes {
        message.push_str("\n  ");
        message.push_str(note);
    }
    Executed {
        status: Status::Error,
        message: Some(message),
        bracket: "ERROR".into(),
        failures: None,
        response: Response::default(),
        compiled: None,
    }
}

fn attempt(runner: &Runner, node: &Node, run: &Run, stages: &mut Vec<Stage>) -> Result<Executed, NodeError> {
    if node.language != "sql" && node.resource_type == ResourceType::Model {
        let message = format!("`{}` is a Python model; Python models are not supported", node.name);
        return Err(NodeError::of_diagnostic(Diagnostic::error("python-model", message)));
    }
    if let NodeKind::UnitTest(fields) = &node.kind {
        return unit_test::attempt(runner, (node, fields), run, stages);
    }
    let context = context(runner, node, run);
    let started = Utc::now();
    let compiled = match node.resource_type {
        _ if runner.options.clones => None,
        ResourceType::Seed => {
            load_seed(runner, node, &context)?;
            None
        }
        _ => Some(runner.compiler.compile(&context, node)?),
    };
    stages.push(Stage { name: "compile", started, ended: Utc::now() });
    let started = Utc::now();
    let watch = runner.watch(&node.unique_id, &context);
    let made = materialize(runner, node, &context);
    drop(watch);
    stages.push(Stage { name: "execute", started, ended: Utc::now() });
    if made.is_err() {
        roll_back(&context);
    }
    let stats = context.take_stats();
    let (before, details) = stats.until_failure();
    let before: Vec<&str> = before.iter().map(|statement| statement.sql.as_str()).collect();
    let committed = made.is_err() && has_committed(&before);
    runner.record_stats(node, stats);
    let code = compiled.as_ref().map(|compiled| compiled.code.text.clone());
    if let Some(compiled) = compiled.filter(|_| run.batch.is_none()) {
        runner.record_compiled(node, &compiled);
    }
    made.map_err(|error| NodeError { committed, details, ..NodeError::of(&error, node) })?;
    let mut response = context.main_response().unwrap_or_default();
    if runner.options.clones && response.message.is_empty() {
        response.message = "No-op".to_owned();
    }
    if node.resource_type == ResourceType::Test {
        let mut executed = judge(runner, node, &context).map_err(|error| NodeError::of(&error, node))?;
        executed.compiled = code;
        return Ok(executed);
    }
    Ok(Executed {
        status: Status::Success,
        message: Some(response.message.clone()),
        bracket: response.message.clone(),
        failures: None,
        response,
        compiled: code,
    })
}

/// The context of a run of a node.
pub(super) fn context(runner: &Runner, node: &Node, run: &Run) -> NodeContext {
    let context = NodeContext::new(
        Arc::clone(&runner.run),
        NodeInput {
            subject: Subject::Node(Arc::new(node.clone())),
            thread: run.thread.as_str().into(),
            batch: run.batch.clone(),
            writer: runner.options.write_files.then(|| writer(runner, node, run.batch.as_ref())),
        },
    );
    if run.adds {
        context.override_macro("is_incremental", Value::Bool(true));
        context.override_macro("should_full_refresh", Value::Bool(false));
    }
    context
}

/// Writes what `write(…)` is given to target/run.
fn writer(runner: &Runner, node: &Node, batch: Option<&Batch>) -> Writer {
    let path = runner.target_dir.join("run").join(file_of(node, batch));
    Arc::new(move |text| write_file(&path, text).map_err(|diagnostic| diagnostic.message))
}

/// Whether statements, by their beginnings, changed rows for good: then running them again could change them twice.
/// Replacing a table may be repeated; so may what only this session sees.
fn has_committed(statements: &[&str]) -> bool {
    let mut in_transaction = false;
    for statement in statements {
        let first = statement.split_whitespace().next().unwrap_or_default().to_lowercase();
        match first.trim_end_matches(';') {
            "begin" | "start" => in_transaction = true,
            "commit" => return true,
            "rollback" => in_transaction = false,
            "insert" | "merge" | "delete" | "update" | "truncate" if !in_transaction => return true,
            _ => {}
        }
    }
    false
}

/// Takes back what a failed node left open.
pub(super) fn roll_back(context: &NodeContext) {
    if context.open_session().is_some() {
        // A statement that failed outside a transaction has nothing to roll back; that is fine.
        let _ = context.execute(&"rollback".into(), None);
    }
}

/// Finds and calls the materialization, and remembers the relations that it made.
pub(super) fn materialize(runner: &Runner, node: &Node, context: &NodeContext) -> Result<(), JinjaError> {
    let name = match node.resource_type {
        _ if runner.options.clones => "clone",
        ResourceType::Test => "test",
        ResourceType::UnitTest => "unit",
        ResourceType::Function => "function",
        ResourceType::Seed => "seed",
        ResourceType::Snapshot => "snapshot",
        _ => node.config.materialized(),
    };
    let macros = &runner.run.scopes.shared.macros;
    let may_override = runner
        .run
        .scopes
        .shared
        .flags
        .get("REQUIRE_EXPLICIT_PACKAGE_OVERRIDES_FOR_BUILTIN_MATERIALIZATIONS")
        .is_some_and(|flag| !flag.is_truthy());
    let definition = macros.materialization(name, may_override).ok_or_else(|| {
        let adapter = macros.adapter_type();
        JinjaError::raised(format!(
            "No materialization '{name}' was found for adapter {adapter}! (searched types 'default' and '{adapter}')"
        ))
    })?;
    if may_override && macros.replaces_built_in(definition) {
        let message = format!(
            "package `{}` replaces the built-in materialization `{name}`; that ends when the flag \
             `require_explicit_package_overrides_for_builtin_materializations` is gone",
            definition.package
        );
        runner.emit(Event::Warning { name: "PackageMaterializationOverrideDeprecation", message });
    }
    let before = runner.call_macro(context, "tamis_before_node", Args::default())?;
    let returned = context.call_macro(definition, Args::default());
    let positional = vec![before, returned.is_err().into()];
    let after = runner.call_macro(context, "tamis_after_node", Args { positional, ..Args::default() });
    context.add_to_cache(&returned?)?;
    after?;
    if points_to_latest(runner, node) {
        let pointer = runner.call_macro(context, "create_latest_version_pointer", Args::default())?;
        context.add_to_cache(&pointer)?;
    }
    Ok(())
}

/// Whether the node is the latest version of a model that has a view under its own name beside. The config is true,
/// false or a mapping with `enabled`; the flag `latest_version_pointer_enabled_by_default` speaks where it is silent.
fn points_to_latest(runner: &Runner, node: &Node) -> bool {
    let NodeKind::Model(fields) = &node.kind else { return false };
    let text = |version: &Option<Value>| version.as_ref().map(Value::to_str);
    let is_latest = fields.version.is_some() && text(&fields.version) == text(&fields.latest_version);
    if !is_latest || runner.options.clones {
        return false;
    }
    let config = node.config.get("latest_version_pointer");
    let enabled = match config {
        Some(Value::Bool(enabled)) => Some(*enabled),
        Some(config) => config.get("enabled").map(|enabled| enabled.is_truthy()),
        None => None,
    };
    let default = || runner.run.scopes.shared.flags.is_on("LATEST_VERSION_POINTER_ENABLED_BY_DEFAULT");
    enabled.unwrap_or_else(default)
}

/// Reads a seed's file into the context.
fn load_seed(runner: &Runner, node: &Node, context: &NodeContext) -> Result<(), NodeError> {
    let Some(table) = read_seed(node)? else { return Ok(()) };
    for warning in table.warnings {
        runner.emit(Event::Diagnostic(Arc::new(warning.node(node.unique_id.as_str()))));
    }
    context.set_seed(table.batch.schema(), vec![table.batch]);
    Ok(())
}

/// The rows of a seed's file; `None` for any other node.
pub(super) fn read_seed(node: &Node) -> Result<Option<SeedTable>, NodeError> {
    let NodeKind::Seed { root_path } = &node.kind else { return Ok(None) };
    let path = std::path::Path::new(root_path).join(&node.original_file_path);
    let bytes = std::fs::read(&path).map_err(|error| {
        let message = format!("cannot read {}: {error}", node.original_file_path);
        NodeError::of_diagnostic(Diagnostic::error("seed-csv", message))
    })?;
    let types = node.config.get("column_types").and_then(Value::pairs).unwrap_or_default();
    let options = SeedOptions {
        delimiter: node.config.text("delimiter").unwrap_or(",").to_owned(),
        text_columns: types.iter().map(|(name, _)| name.to_str()).collect(),
    };
    let table = seed::read(&node.original_file_path, &bytes, &options)
        .map_err(|diagnostic| NodeError::of_diagnostic(diagnostic.node(node.unique_id.as_str())))?;
    Ok(Some(table))
}

/// A data test's verdict from its one row. Source: dbt (`materializations.md` §9).
fn judge(runner: &Runner, node: &Node, context: &NodeContext) -> Result<Executed, JinjaError> {
    let response = context.main_response().unwrap_or_default();
    let table = context.main_table().ok_or_else(|| JinjaError::raised("the test returned no table"))?;
    let row = match table.rows() {
        [row] if row.len() >= 3 => row,
        rows => {
            let message = format!(
                "a test must return one row with failures, should_warn and should_error, found {} rows",
                rows.len()
            );
            return Err(JinjaError::raised(message));
        }
    };
    let at = |name: &str, or: usize| {
        table.position(name).or(Some(or)).and_then(|at| row.get(at)).cloned().unwrap_or(Value::None)
    };
    let failures = match at("failures", 0) {
        Value::Int(failures) => failures,
        Value::Decimal(number) => number.try_into().unwrap_or(i64::MAX),
        #[expect(clippy::cast_possible_truncation, reason = "counts are whole")]
        Value::Float(number) => number as i64,
        other => {
            let message = format!(
                "the fail_calc `{}` gave {}, not a number",
                node.config.text("fail_calc").unwrap_or(""),
                other.to_repr()
            );
            return Err(JinjaError::new(ErrorKind::Value, message));
        }
    };
    let (warns, errs) = (at("should_warn", 1).is_truthy(), at("should_error", 2).is_truthy());
    let severe = node.config.text("severity").is_none_or(|severity| severity.eq_ignore_ascii_case("error"));
    let condition = |key: &str| node.config.get(key).cloned().unwrap_or_else(|| "!= 0".into());
    let (status, message) = if severe && errs {
        (Status::Fail, Some(report::test_message(failures, "fail", &condition("error_if"))))
    } else if warns {
        let promoted = runner.options.warnings_fail;
        let verb = if promoted { "fail" } else { "warn" };
        let status = if promoted { Status::Fail } else { Status::Warn };
        (status, Some(report::test_message(failures, verb, &condition("warn_if"))))
    } else {
        (Status::Pass, None)
    };
    let bracket = match status {
        Status::Pass => "PASS".to_owned(),
        Status::Fail => format!("FAIL {failures}"),
        _ => format!("WARN {failures}"),
    };
    let failures = if status == Status::Pass { 0 } else { failures };
    Ok(Executed { status, message, bracket, failures: Some(failures), response, compiled: None })
}

/// Stops what a session runs.
pub async fn cancel(session: Arc<dyn Session>) {
    session.cancel().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_changed_rows_for_good_does_not_run_again() {
        for (statements, expected) in [
            (&["create temporary table t as (select 1)"][..], false),
            (&["begin", "delete from a", "insert into a select 1"], false),
            (&["begin", "insert into a select 1", "commit"], true),
            (&["begin", "insert into a select 1", "rollback"], false),
            (&["insert into a select 1"], true),
            (&["create or replace table a as (select 1)"], false),
            (&[], false),
        ] {
            assert_eq!(has_committed(statements), expected, "{statements:?}");
        }
    }
}
