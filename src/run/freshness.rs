//! How old the rows of sources are: `source freshness`. By a column, by a query, or by what the engine knows of the table.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender},
    },
    time::Instant,
};

use chrono::{DateTime, Duration, NaiveDate, Utc};

use crate::{
    artifacts::{Freshness, Measured, RunResult, Timing, to_json},
    diagnostic::{Diagnostic, Origin, SourceId, Span},
    event::{Event, NodeInfo, NodeOutcome, Problem, RunStats, Status},
    graph::{Dag, Edges, Queue},
    jinja::{Args, ErrorKind, JinjaError, Template, Value, as_date, as_datetime},
    manifest::{Source, context::Table},
    names::{ResourceType, UniqueId},
};

use super::{
    compile::NodeError,
    context::{NodeContext, NodeInput, Response, StatementResult, Subject, source_relation},
    hooks::{self, HookPoint},
    report,
    runner::Runner,
    scheduler::{Message, NodeResult, SkipCause, Task, WalkOptions, Worker, walk},
};

/// What a check of sources gave.
#[derive(Debug)]
pub struct FreshnessOutcome {
    /// By unique id.
    pub sources: Vec<Freshness>,
    pub stats: RunStats,
    pub problems: Vec<Problem>,
    pub interrupted: bool,
    /// Whether a source is too old, could not be measured, or a hook failed.
    pub failed: bool,
    /// Why the command ended before all was done: an on-run-end hook that could not be rendered.
    pub broken: Option<NodeError>,
    /// Seconds.
    pub elapsed: f64,
}

/// Whether a source has a threshold, so that it can be checked.
pub fn has_freshness(source: &Source) -> bool {
    ["warn_after", "error_after"].into_iter().any(|key| threshold(source, key).is_some())
}

/// Checks the selected sources, with the project's hooks around them.
///
/// # Errors
/// An on-run-start hook that cannot be rendered.
pub fn check_freshness(
    runner: &Runner,
    dag: &Dag,
    selected: &BTreeSet<UniqueId>,
    channel: (Sender<Message>, Receiver<Message>),
) -> Result<FreshnessOutcome, NodeError> {
    let start = Instant::now();
    let mut results = Vec::new();
    runner.emit(Event::Concurrency { threads: runner.options.threads, target: runner.options.target_name.clone() });
    if runner.options.hooks {
        let hooks = hooks::run(runner, HookPoint::Start, &[]);
        if let Some(error) = hooks.broken {
            return Err(error);
        }
        results.extend(hooks.results);
    }
    let checker = Checker { runner, total: selected.len(), found: Mutex::default() };
    let queue = Queue::new(runner.manifest(), dag, selected, Edges::None);
    let options = WalkOptions { threads: runner.options.threads, fail_fast: runner.options.fail_fast };
    let walked = walk(queue, options, &checker, channel);
    let mut stats = RunStats { total: walked.results.len(), ..RunStats::default() };
    for result in &walked.results {
        match result.result.status {
            Status::Pass => stats.pass += 1,
            Status::Warn => stats.warn += 1,
            Status::Skipped => stats.skip += 1,
            _ => stats.error += 1,
        }
    }
    results.extend(walked.results);
    let mut broken = None;
    if runner.options.hooks && !walked.interrupted {
        let so_far: Vec<RunResult> = results.iter().map(|result| result.result.clone()).collect();
        let hooks = hooks::run(runner, HookPoint::End, &so_far);
        results.extend(hooks.results);
        broken = hooks.broken;
    }
    let mut sources = checker.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    sources.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
    Ok(FreshnessOutcome {
        sources,
        stats,
        problems: results.iter().filter_map(|result| result.problem.clone()).collect(),
        interrupted: walked.interrupted,
        failed: results.iter().any(|result| result.fails),
        broken,
        elapsed: start.elapsed().as_secs_f64(),
    })
}

struct Checker<'a> {
    runner: &'a Runner,
    total: usize,
    found: Mutex<Vec<Freshness>>,
}

/// What was measured, and what the engine answered.
struct Answer {
    measured: Measured,
    response: Response,
}

impl Worker for Checker<'_> {
    fn is_counted(&self, _: &UniqueId) -> bool {
        true
    }

    fn execute(&self, task: &Task) -> Option<NodeResult> {
        let source = self.runner.manifest().sources.get(&task.id)?;
        let (info, name) = (info(source), title(source));
        let (index, total) = (task.index, self.total);
        let description = format!("freshness of {name}");
        self.runner.emit(Event::NodeStarted { node: info.clone(), index, total, description });
        let (start, started) = (Instant::now(), Utc::now());
        let answer = measure(self.runner, source, &task.thread);
        let timing = [("compile", started, started), ("execute", started, Utc::now())];
        let status = match &answer {
            Ok(answer) => judge(source, answer.measured.age),
            Err(_) => Status::RuntimeError,
        };
        let status = if status == Status::Warn && self.runner.options.warnings_fail { Status::Error } else { status };
        let elapsed = start.elapsed().as_secs_f64();
        let (word, bracket) = match status {
            Status::Pass => ("PASS", "PASS"),
            Status::Warn => ("WARN", "WARN"),
            Status::Error => ("ERROR STALE", "ERROR STALE"),
            _ => ("ERROR", "ERROR"),
        };
        self.runner.emit(Event::NodeFinished {
            node: info.clone(),
            index,
            total,
            outcome: NodeOutcome {
                status,
                message: bracket.to_owned(),
                description: format!("{word} freshness of {name}"),
                execution_time: elapsed,
                failures: None,
                rows_affected: None,
            },
        });
        let message = match &answer {
            Ok(answer) => age_message(source, answer.measured),
            Err(_) => format!("Runtime Error in source {} ({})", source.name, source.original_file_path),
        };
        let freshness = Freshness {
            unique_id: source.unique_id.to_string(),
            status,
            measured: answer.as_ref().ok().map(|answer| answer.measured),
            error: answer.as_ref().err().map(|error| error.message.clone()),
            criteria: source.freshness.as_ref().map(to_json).unwrap_or_default(),
            adapter_response: answer.as_ref().map(|answer| report::response_json(&answer.response)).unwrap_or_default(),
            timing: timing
                .into_iter()
                .map(|(name, from, to)| Timing {
                    name: name.to_owned(),
                    started_at: Some(from),
                    completed_at: Some(to),
                })
                .collect(),
            thread_id: task.thread.clone(),
            execution_time: elapsed,
        };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(freshness);
        let diagnostic = answer.err();
        Some(result(source, status, message, diagnostic))
    }

    fn crashed(&self, task: &Task) -> Option<NodeResult> {
        let source = self.runner.manifest().sources.get(&task.id)?;
        let message = format!("checking `{}` failed inside tamis (this is a bug, please report it)", source.name);
        Some(result(source, Status::RuntimeError, message, None))
    }

    fn skip(&self, id: &UniqueId, index: usize, cause: &SkipCause) -> Option<NodeResult> {
        let source = self.runner.manifest().sources.get(id)?;
        self.runner.emit(Event::NodeSkipped {
            node: info(source),
            index,
            total: self.total,
            description: format!("freshness of {}", title(source)),
            cause: matches!(cause, SkipCause::Interrupted).then(|| "an interrupt".to_owned()),
        });
        let result = RunResult::new(id.as_str(), Status::Skipped);
        Some(NodeResult { result, problem: None, blocks: false, fails: true })
    }

    fn cancel(&self) {
        Worker::cancel(self.runner);
    }
}

fn result(source: &Source, status: Status, message: String, diagnostic: Option<Diagnostic>) -> NodeResult {
    let fails = matches!(status, Status::Error | Status::RuntimeError);
    let problem = (status != Status::Pass).then(|| Problem {
        status,
        node: info(source),
        title: format!(
            "{} in source {} ({})",
            if status == Status::Warn { "Warning" } else { "Failure" },
            title(source),
            source.original_file_path
        ),
        message: message.clone(),
        diagnostic: diagnostic.map(Arc::new),
        compiled_path: None,
        stored_failures: None,
    });
    let result = RunResult { message: Some(message), ..RunResult::new(source.unique_id.as_str(), status) };
    NodeResult { result, problem, blocks: false, fails }
}

fn title(source: &Source) -> String {
    format!("{}.{}", source.source_name, source.name)
}

fn info(source: &Source) -> NodeInfo {
    NodeInfo {
        unique_id: source.unique_id.clone(),
        name: source.name.clone(),
        path: source.path.clone(),
        resource_type: ResourceType::Source,
        materialized: String::new(),
        database: Some(source.database.clone()),
        schema: Some(source.schema.clone()),
        alias: Some(source.identifier.clone()),
        relation_name: Some(source.relation_name.clone()),
        checksum: String::new(),
    }
}

/// A threshold in seconds.
fn threshold(source: &Source, key: &str) -> Option<f64> {
    let threshold = source.freshness.as_ref()?.get(key)?;
    let count = match threshold.get("count")? {
        Value::Int(count) => u32::try_from(count).ok().map(f64::from)?,
        Value::Float(count) => count,
        _ => return None,
    };
    let period = threshold.get("period")?;
    let seconds = match period.as_str()? {
        "minute" => 60.0,
        "hour" => 3_600.0,
        "day" => 86_400.0,
        _ => return None,
    };
    Some(count * seconds)
}

fn judge(source: &Source, age: f64) -> Status {
    let exceeded = |key| threshold(source, key).is_some_and(|limit| age > limit);
    match (exceeded("error_after"), exceeded("warn_after")) {
        (true, _) => Status::Error,
        (false, true) => Status::Warn,
        (false, false) => Status::Pass,
    }
}

fn age_message(source: &Source, measured: Measured) -> String {
    let limits: Vec<String> = [("warn_after", "warns"), ("error_after", "fails")]
        .into_iter()
        .filter_map(|(key, verb)| Some(format!("{verb} after {}", span(threshold(source, key)?))))
        .collect();
    if measured.max_loaded_at == beginning() {
        return format!("no row has a time; {}", limits.join(", "));
    }
    let newest = measured.max_loaded_at.format("%Y-%m-%d %H:%M:%S");
    format!("the newest row is of {newest} UTC, {} ago; {}", span(measured.age), limits.join(", "))
}

/// `2 days 3 hours`, in the two largest units.
fn span(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "far below 2^63 seconds, or capped there")]
    let whole = seconds.max(0.0) as i64;
    let parts =
        [("day", whole / 86_400), ("hour", whole / 3_600 % 24), ("minute", whole / 60 % 60), ("second", whole % 60)];
    let shown: Vec<String> = parts
        .into_iter()
        .skip_while(|(_, count)| *count == 0)
        .take(2)
        .filter(|(_, count)| *count > 0)
        .map(|(unit, count)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if shown.is_empty() { "0 seconds".to_owned() } else { shown.join(" ") }
}

/// What stands for the time of no row: dbt's `datetime.min`.
fn beginning() -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(1, 1, 1).and_then(|date| date.and_hms_opt(0, 0, 0));
    date.map_or(DateTime::UNIX_EPOCH, |naive| naive.and_utc())
}

fn measure(runner: &Runner, source: &Source, thread: &str) -> Result<Answer, Diagnostic> {
    let context = NodeContext::new(
        Arc::clone(&runner.run),
        NodeInput {
            subject: Subject::Source(Arc::new(source.clone())),
            thread: thread.into(),
            batch: None,
            writer: None,
        },
    );
    let _watch = runner.watch(&source.unique_id, &context);
    let of = |error: JinjaError| placed(error.to_diagnostic(), source);
    if let Some(query) = source.loaded_at_query.as_deref().filter(|query| !query.trim().is_empty()) {
        let query = render(&context, source, query)?;
        let args =
            [("source", source_relation(source, &runner.run.scopes.shared).into_value()), ("loaded_at_query", query)];
        return call(runner, &context, "collect_freshness_custom_sql", args.into()).map_err(of);
    }
    if let Some(field) = source.loaded_at_field.as_deref().filter(|field| !field.trim().is_empty()) {
        let filter = source.freshness.as_ref().and_then(|freshness| freshness.get("filter")).unwrap_or(Value::None);
        let args = [
            ("source", source_relation(source, &runner.run.scopes.shared).into_value()),
            ("loaded_at_field", field.into()),
            ("filter", filter),
        ];
        return call(runner, &context, "collect_freshness", args.into()).map_err(of);
    }
    by_metadata(runner, source, &context)
}

fn placed(diagnostic: Diagnostic, source: &Source) -> Diagnostic {
    let diagnostic = diagnostic.node(source.unique_id.as_str());
    match source.span {
        Some(span) if diagnostic.labels.is_empty() => diagnostic.at(span, "this source"),
        _ => diagnostic,
    }
}

fn render(context: &NodeContext, source: &Source, query: &str) -> Result<Value, Diagnostic> {
    let nowhere = || Span::new(SourceId(u32::MAX), 0, 0);
    let origin = Origin::Within(source.span.unwrap_or_else(nowhere));
    let template = Template::parse(query, origin).map_err(|mut errors| match errors.is_empty() {
        true => Diagnostic::error("jinja-syntax", "`loaded_at_query` does not parse"),
        false => errors.swap_remove(0),
    })?;
    let rendered = context.render(&template).map_err(|error| placed(error.to_diagnostic(), source))?;
    Ok(rendered.text.into())
}

/// Calls a macro that returns a result of one row with two times.
fn call(
    runner: &Runner,
    context: &NodeContext,
    name: &str,
    arguments: Vec<(&'static str, Value)>,
) -> Result<Answer, JinjaError> {
    let keyword = arguments.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let returned = runner.call_macro(context, name, Args { positional: Vec::new(), keyword })?;
    let (table, response) = match Table::from_value(&returned) {
        Some(table) => (Some(table.clone()), Response::default()),
        None => {
            let result = returned.downcast::<StatementResult>();
            let response = result.map(|result| Response::from_value(&result.response)).unwrap_or_default();
            (result.map(|result| result.table.clone()), response)
        }
    };
    let table = table.ok_or_else(|| {
        JinjaError::raised(format!(
            "macro `{name}` must return the result of a statement, found {}",
            returned.to_repr()
        ))
    })?;
    let [row] = table.rows() else {
        return Err(JinjaError::raised(format!("macro `{name}` must return one row, found {}", table.rows().len())));
    };
    let [loaded, now] = &**row else {
        return Err(JinjaError::raised(format!("macro `{name}` must return two columns, found {}", row.len())));
    };
    let max_loaded_at = if loaded.is_none() { beginning() } else { time(loaded, "the time of the newest row")? };
    Ok(Answer { measured: measured(max_loaded_at, time(now, "the time of the check")?), response })
}

fn measured(max_loaded_at: DateTime<Utc>, snapshotted_at: DateTime<Utc>) -> Measured {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds fit a float's 53 bits")]
    let age = (snapshotted_at - max_loaded_at).num_milliseconds() as f64 / 1_000.0;
    Measured { max_loaded_at, snapshotted_at, age }
}

/// A value as a moment; without a zone it is UTC.
fn time(value: &Value, what: &str) -> Result<DateTime<Utc>, JinjaError> {
    if let Some((naive, offset)) = as_datetime(value) {
        return Ok((naive - Duration::seconds(offset.unwrap_or(0).into())).and_utc());
    }
    if let Some(midnight) = as_date(value).and_then(|date| date.and_hms_opt(0, 0, 0)) {
        return Ok(midnight.and_utc());
    }
    let message = format!(
        "{what} must be a timestamp, found {} of type {}: cast the column in `loaded_at_field`, like `cast(at as \
         timestamp)`",
        value.to_repr(),
        value.type_name()
    );
    Err(JinjaError::new(ErrorKind::Type, message))
}

/// When the rows of the table last changed, by what the engine knows.
fn by_metadata(runner: &Runner, source: &Source, context: &NodeContext) -> Result<Answer, Diagnostic> {
    let of = |message: String| placed(Diagnostic::error("freshness", message), source);
    let session = context.session().map_err(|error| placed(error.to_diagnostic(), source))?;
    let object = source_relation(source, &runner.run.scopes.shared);
    let facts = runner
        .run
        .bridge
        .wait(session.facts(&object.relation, object.external.as_deref()))
        .map_err(|error| placed(Diagnostic::error("warehouse", error.to_string()), source))?;
    let changed = facts.and_then(|facts| facts.last_changed).ok_or_else(|| {
        of(format!(
            "the age of `{}` is not known: it is no table whose changes are recorded, and has no `loaded_at_field`",
            title(source)
        ))
        .help("give a `loaded_at_field` or a `loaded_at_query`")
    })?;
    let response = Response { message: "METADATA".to_owned(), ..Response::default() };
    Ok(Answer { measured: measured(changed, Utc::now()), response })
}
