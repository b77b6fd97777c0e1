//! Runs a microbatch model: one window of time after the other, each compiled and executed as a node of its own.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};

use crate::{
    artifacts::{BatchResults, RunResult},
    diagnostic::Diagnostic,
    event::{Event, NodeInfo, NodeOutcome, Status},
    jinja::Value,
    manifest::{
        Node,
        microbatch::{self, BatchSize, Microbatch},
    },
    names::{RelationKind, UniqueId},
};

use super::{
    compile::NodeError,
    context::Batch,
    execute::{Executed, Run, finished, run_once},
    report::{self, Stage},
    runner::Runner,
    scheduler::{NodeResult, Task},
};

/// More batches than this are a mistake.
const LIMIT: usize = 100_000;

/// The configs of a model that is built in batches; `None` for all other nodes. An unfit one is found while parsing.
pub fn settings(runner: &Runner, node: &Node) -> Option<Microbatch> {
    if !microbatch::is_microbatch(node) {
        return None;
    }
    let shared = &runner.run.scopes.shared;
    let is_batched = !microbatch::has_own_macro(runner.manifest(), &shared.project_name)
        || shared.flags.is_on("REQUIRE_BATCHED_EXECUTION_FOR_CUSTOM_MICROBATCH_STRATEGY");
    if is_batched { microbatch::microbatch(node).ok() } else { None }
}

/// Says of models that want their batches at once that they run one after the other.
pub fn warn_of_concurrency(runner: &Runner, selected: &BTreeSet<UniqueId>) {
    let nodes = selected.iter().filter_map(|id| runner.manifest().nodes.get(id));
    let wanting = nodes
        .filter(|node| microbatch::is_microbatch(node) && node.config.flag("concurrent_batches") == Some(true))
        .count();
    if wanting > 0 {
        let plural = if wanting == 1 { "" } else { "s" };
        let message = format!(
            "Found {wanting} microbatch model{plural} with the `concurrent_batches` config set to true. The batches of one \
             table run one after the other here; each query uses all cores."
        );
        runner.emit(Event::Warning { name: "InvalidConcurrentBatchesConfig", message });
    }
}

/// Runs all batches of a model and reports them.
pub fn execute(runner: &Runner, node: &Node, task: &Task, settings: Microbatch) -> NodeResult {
    let info = report::node_info(node);
    let (start, started) = (Instant::now(), Utc::now());
    let (index, total) = (task.index, runner.total());
    runner.emit(Event::NodeStarted { node: info.clone(), index, total, description: report::subject(node) });
    let mut results = BatchResults::default();
    let planned = plan(runner, node, task, settings);
    let planning = Stage { name: "compile", started, ended: Utc::now() };
    let problem = match planned {
        Ok((batches, exists)) => run_batches(runner, node, task, (&batches, exists), &mut results),
        Err(error) => Some(error),
    };
    let ran = results.successful.len() + results.failed.len();
    let (status, message) = match (results.successful.len(), results.failed.len()) {
        (_, 0) if problem.is_none() => (Status::Success, "SUCCESS".to_owned()),
        (0, _) => (Status::Error, "ERROR".to_owned()),
        (done, _) => (Status::PartialSuccess, format!("PARTIAL SUCCESS ({done}/{ran})")),
    };
    let elapsed = start.elapsed();
    runner.emit(Event::NodeFinished {
        node: info,
        index,
        total,
        outcome: outcome(status, message.clone(), report::end_line(node, status, None), elapsed.as_secs_f64()),
    });
    let stages = [planning, Stage { name: "execute", started: planning.ended, ended: Utc::now() }];
    if let Some(previous) = runner.options.previous_batches.get(&node.unique_id) {
        results.successful.extend(previous.successful.iter().cloned());
    }
    let result = RunResult {
        message: Some(message),
        failures: Some(0),
        compiled: Some(false),
        batch_results: Some(results),
        ..report::result(node, status, &stages, elapsed, &task.thread)
    };
    finished(runner, node, result, problem.as_ref())
}

/// The batches to run, and whether the table is there for the first of them to add to.
fn plan(runner: &Runner, node: &Node, task: &Task, settings: Microbatch) -> Result<(Vec<Batch>, bool), NodeError> {
    let run = Run { thread: task.thread.clone(), batch: None, adds: false };
    let shared = &runner.run.scopes.shared;
    let context = super::execute::context(runner, node, &run);
    let found = context.find_relation(&node.relation(shared.quoting)).map_err(|error| NodeError::of(&error, node))?;
    let is_table = found.is_some_and(|relation| relation.kind != Some(RelationKind::View));
    if let Some(previous) = runner.options.previous_batches.get(&node.unique_id) {
        let batches = previous.failed.iter().filter_map(|(start, end)| {
            let time = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
            Some(batch(settings.size, time(start)?, time(end)?))
        });
        return Ok((batches.collect(), is_table));
    }
    let refresh = node.config.flag("full_refresh").unwrap_or_else(|| shared.flags.is_on("FULL_REFRESH"));
    let adds = is_table && !refresh;
    let batches = windows(settings, runner.options.event_time, shared.run_started_at, adds);
    match batches {
        Some(batches) => Ok((batches, adds)),
        None => {
            let message = format!("microbatch model `{}` would be built in more than {LIMIT} batches", node.name);
            let diagnostic = Diagnostic::error("microbatch-config", message)
                .help("set a later `begin` or a larger `batch_size`, or choose a window with `--event-time-start`");
            Err(NodeError::of_diagnostic(diagnostic.node(node.unique_id.as_str())))
        }
    }
}

fn batch(size: BatchSize, start: DateTime<Utc>, end: DateTime<Utc>) -> Batch {
    Batch { label: size.label(start), start, end }
}

/// The windows from start to end; `None` when there are too many. Source: dbt (`materializations.md` §4).
fn windows(
    settings: Microbatch,
    asked: Option<(DateTime<Utc>, DateTime<Utc>)>,
    now: DateTime<Utc>,
    adds: bool,
) -> Option<Vec<Batch>> {
    let Microbatch { begin, size, lookback } = settings;
    let end = size.ceiling(asked.map_or(now, |(_, end)| end))?;
    let mut start = match asked {
        Some((start, _)) => size.truncate(start),
        None if !adds => size.truncate(begin),
        // The end is the end of the current batch, which is one of those that are built.
        None => size.offset(end, lookback.checked_add(1)?.checked_neg()?)?,
    };
    let mut batches = Vec::new();
    loop {
        let next = size.offset(start, 1)?;
        if next >= end {
            batches.push(batch(size, start, end));
            return Some(batches);
        }
        batches.push(batch(size, start, next));
        start = next;
        if batches.len() >= LIMIT {
            return None;
        }
    }
}

/// Runs batch after batch; the first failure, if there is one. When the first batch fails the others are skipped.
fn run_batches(
    runner: &Runner,
    node: &Node,
    task: &Task,
    (batches, mut exists): (&[Batch], bool),
    results: &mut BatchResults,
) -> Option<NodeError> {
    let mut first_problem = None;
    let last = batches.len().saturating_sub(1);
    for (at, batch) in batches.iter().enumerate() {
        let line = Line { info: report::node_info(node), index: at + 1, total: batches.len(), name: name(node, batch) };
        let span = (utc_text(batch.start), utc_text(batch.end));
        if runner.is_stopping() || (at > 0 && results.successful.is_empty()) {
            line.finish(runner, Status::Skipped, "SKIPPED", 0.0);
            results.failed.push(span);
            continue;
        }
        line.start(runner);
        let begun = Instant::now();
        let part = with_hooks(node, at == 0, at == last);
        let run = Run { thread: task.thread.clone(), batch: Some(batch.clone()), adds: exists };
        let ran = run_once(runner, &part, &run, &mut Vec::new());
        let elapsed = begun.elapsed().as_secs_f64();
        match ran {
            Ok(Executed { bracket, .. }) => {
                line.finish(runner, Status::Success, &bracket, elapsed);
                results.successful.push(span);
                exists = true;
            }
            Err(error) => {
                line.finish(runner, Status::Error, "ERROR", elapsed);
                if first_problem.is_some() {
                    runner.emit(Event::Diagnostic(Arc::new(error.diagnostic.clone())));
                }
                results.failed.push(span);
                first_problem.get_or_insert(error);
            }
        }
    }
    first_problem
}

/// `2024-01-02T00:00:00+00:00`.
fn utc_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
}

fn name(node: &Node, batch: &Batch) -> String {
    format!("batch {} of {}.{}", batch.label, node.schema, node.alias)
}

/// The node with its pre-hooks in the first batch only, and its post-hooks in the last.
fn with_hooks(node: &Node, is_first: bool, is_last: bool) -> Node {
    let mut part = node.clone();
    for (key, keeps) in [("pre-hook", is_first), ("post-hook", is_last)] {
        if !keeps {
            part.config.0.insert(key.to_owned(), Value::list([]));
        }
    }
    part
}

/// The lines of one batch.
struct Line {
    info: NodeInfo,
    index: usize,
    total: usize,
    name: String,
}

impl Line {
    fn start(&self, runner: &Runner) {
        let (node, description) = (self.info.clone(), self.name.clone());
        runner.emit(Event::BatchStarted { node, index: self.index, total: self.total, description });
    }

    fn finish(self, runner: &Runner, status: Status, bracket: &str, seconds: f64) {
        let verb = match status {
            Status::Success => "OK created",
            Status::Skipped => "SKIP",
            _ => "ERROR creating",
        };
        let outcome = outcome(status, bracket.to_owned(), format!("{verb} {}", self.name), seconds);
        runner.emit(Event::BatchFinished { node: self.info, index: self.index, total: self.total, outcome });
    }
}

fn outcome(status: Status, message: String, description: String, execution_time: f64) -> NodeOutcome {
    NodeOutcome { status, message, description, execution_time, failures: None, rows_affected: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::microbatch::flag_time;

    /// `2024-01-01 2024-01-02` of the batches.
    fn labels(size: BatchSize, lookback: i32, asked: Option<(&str, &str)>, now: &str, adds: bool) -> String {
        let time = |text: &str| flag_time(text).unwrap();
        let settings = Microbatch { begin: time("2024-01-01T12:30:00"), size, lookback };
        let asked = asked.map(|(start, end)| (time(start), time(end)));
        let batches = windows(settings, asked, time(now), adds).unwrap();
        for pair in batches.windows(2) {
            assert_eq!(pair[0].end, pair[1].start, "no gap, no overlap");
        }
        batches.iter().map(|batch| batch.label.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn windows_begin_at_begin_and_later_look_back() {
        use BatchSize::{Day, Hour, Month, Year};
        for (size, lookback, now, adds, expected) in [
            (Day, 1, "2024-01-03T08:00:00", false, "2024-01-01 2024-01-02 2024-01-03"),
            (Day, 0, "2024-01-03T08:00:00", true, "2024-01-03"),
            (Day, 1, "2024-01-03T08:00:00", true, "2024-01-02 2024-01-03"),
            // Exactly at a boundary the batch that has just ended is the current one.
            (Day, 1, "2024-01-03", true, "2024-01-01 2024-01-02"),
            (Hour, 1, "2024-01-01T14:10:00", false, "2024-01-01T12 2024-01-01T13 2024-01-01T14"),
            (Month, 1, "2024-03-31T23:00:00", true, "2024-02 2024-03"),
            (Year, 0, "2026-05-01", false, "2024 2025 2026"),
            // `begin` is in the future: one batch, which finds no rows.
            (Day, 1, "2023-06-01", false, "2024-01-01"),
        ] {
            assert_eq!(labels(size, lookback, None, now, adds), expected, "{size:?} {lookback} {now} {adds}");
        }
    }

    #[test]
    fn a_window_that_is_asked_for_is_widened_to_whole_batches() {
        for adds in [true, false] {
            assert_eq!(
                labels(BatchSize::Day, 3, Some(("2024-02-01T05:00:00", "2024-02-02T01:00:00")), "2025-01-01", adds),
                "2024-02-01 2024-02-02"
            );
        }
    }
}
