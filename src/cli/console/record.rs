//! An event as the lines that dbt would write: event name, code, level, text and the data of the JSON form.

use serde_json::{Value as Json, json};

use crate::{
    diagnostic::{Diagnostic, Severity, SourceMap, Style, render},
    event::{Event, LogLevel, NodeInfo, NodeOutcome, Problem, RunStats, Status, count_text},
    names::ResourceType,
};

/// One line of the console or of the log.
#[derive(Debug, Clone)]
pub struct Record {
    /// dbt's event name.
    pub name: &'static str,
    /// dbt's event code.
    pub code: &'static str,
    pub level: LogLevel,
    /// Without time stamp; may have several lines.
    pub text: String,
    pub data: Json,
    /// Printed without a time stamp, and even with `--quiet`.
    pub bare: bool,
}

/// What the texts depend on.
#[derive(Debug, Clone)]
pub struct Options {
    pub printer_width: usize,
    pub style: Style,
    pub sources: SourceMap,
}

fn record(name: &'static str, code: &'static str, level: LogLevel, text: impl Into<String>, data: Json) -> Record {
    Record { name, code, level, text: text.into(), data, bare: false }
}

fn info(name: &'static str, code: &'static str, text: impl Into<String>, data: Json) -> Record {
    record(name, code, LogLevel::Info, text, data)
}

fn blank() -> Record {
    info("Formatting", "Z017", "", json!({}))
}

/// The lines of an event, in order.
pub fn records(event: &Event, options: &Options) -> Vec<Record> {
    match event {
        Event::Started { version, dbt_version } => vec![info(
            "MainReportVersion",
            "A001",
            format!("Running with tamis={version} (dbt {dbt_version})"),
            json!({"version": dbt_version, "log_version": 3, "tamis_version": version}),
        )],
        Event::AdapterRegistered { adapter_type } => vec![info(
            "AdapterRegistered",
            "E034",
            format!("Registered adapter: {adapter_type}={}", env!("CARGO_PKG_VERSION")),
            json!({"adapter_name": adapter_type, "adapter_version": concat!("=", env!("CARGO_PKG_VERSION"))}),
        )],
        Event::Found { counts } => {
            let line = format!("Found {}", counts_text(counts));
            vec![info("FoundStats", "W006", line.clone(), json!({"stat_line": line})), blank()]
        }
        Event::Diagnostic(diagnostic) => vec![of_diagnostic(diagnostic, options)],
        Event::Failure => {
            vec![record("MainEncounteredError", "Z002", LogLevel::Error, "Encountered an error:", json!({"exc": ""}))]
        }
        Event::Warning { name, message } => {
            vec![record(
                name,
                warning_code(name),
                LogLevel::Warn,
                match name.contains("Deprecation") {
                    true => format!("[WARNING][{name}]: {message}"),
                    false => format!("[WARNING]: {message}"),
                },
                json!({"msg": message}),
            )]
        }
        Event::Concurrency { threads, target } => {
            let line = format!("Concurrency: {threads} threads (target='{target}')");
            vec![info("ConcurrencyLine", "Q026", line, json!({"num_threads": threads, "target_name": target})), blank()]
        }
        Event::Log { message, level, node } => {
            let (name, code) = match level {
                LogLevel::Debug => ("JinjaLogDebug", "I063"),
                LogLevel::Info => ("JinjaLogInfo", "I062"),
                LogLevel::Warn | LogLevel::Error => ("JinjaLogWarning", "I061"),
            };
            let text = if *level == LogLevel::Warn { format!("[WARNING]: {message}") } else { message.clone() };
            let id = node.as_ref().map(ToString::to_string);
            vec![record(name, code, *level, text, json!({"msg": message, "node_info": {"unique_id": id}}))]
        }
        Event::Print { message } => {
            vec![Record { bare: true, ..info("PrintEvent", "Z052", message.clone(), json!({"msg": message})) }]
        }
        Event::Sql { connection, sql } => vec![record(
            "SQLQuery",
            "E016",
            LogLevel::Debug,
            format!("On {connection}: {sql}"),
            json!({"conn_name": connection, "sql": sql}),
        )],
        Event::SqlDone { connection, status, elapsed, query_id } => {
            let mut data = json!({"conn_name": connection, "status": status, "elapsed": elapsed});
            let mut text = format!("SQL status: {status} in {elapsed:.3} seconds");
            if let Some(id) = query_id {
                data["query_id"] = id.as_str().into();
                text.push_str(&format!(" (query {id})"));
            }
            vec![record("SQLQueryStatus", "E017", LogLevel::Debug, text, data)]
        }
        Event::NodeStarted { node, index, total, description } => {
            let text =
                fancy(options.printer_width, Some((*index, *total)), &format!("START {description}"), "RUN", None);
            let data = json!({"description": description, "index": index, "total": total, "node_info": node_info(node, "started")});
            vec![
                record(
                    "NodeStart",
                    "Q024",
                    LogLevel::Debug,
                    format!("Began running node {}", node.unique_id),
                    json!({"node_info": node_info(node, "started")}),
                ),
                info("LogStartLine", "Q011", text, data),
            ]
        }
        Event::NodeFinished { node, index, total, outcome } => finished_node(node, *index, *total, outcome, options),
        Event::BatchStarted { node, index, total, description } => {
            let line =
                fancy(options.printer_width, Some((*index, *total)), &format!("START {description}"), "RUN", None);
            let data = json!({"description": description, "batch_index": index, "total_batches": total,
                "node_info": node_info(node, "started")});
            vec![info("LogStartBatch", "Q045", format!("Batch {line}"), data)]
        }
        Event::BatchFinished { node, index, total, outcome } => {
            vec![finished_batch(node, *index, *total, outcome, options)]
        }
        Event::NodeSkipped { node, index, total, description, cause } => {
            let (text, status) = match cause {
                Some(cause) => (format!("SKIP {description} due to {cause}"), "ERROR SKIP"),
                None => (format!("SKIP {description}"), "SKIP"),
            };
            let colored = paint(status, if cause.is_some() { Status::Error } else { Status::Warn }, options.style);
            let line = fancy(options.printer_width, Some((*index, *total)), &text, &colored, None);
            let data =
                json!({"index": index, "total": total, "status": "skipped", "node_info": node_info(node, "skipped")});
            vec![info("SkippingDetails", "Q034", line, data), node_finished_debug(node, "skipped", None)]
        }
        Event::Progress { .. } => Vec::new(),
        Event::Finished { counts, elapsed } => {
            let text = format!("Finished running {counts} in {} ({elapsed:.2}s).", duration(*elapsed));
            vec![
                blank(),
                info("FinishedRunningStats", "E047", text, json!({"stat_line": counts, "execution_time": elapsed})),
            ]
        }
        Event::Summary { stats, problems, interrupted } => summary(*stats, problems, *interrupted, options),
        Event::ArtifactWritten { kind, path } => vec![record(
            "ArtifactWritten",
            "P001",
            LogLevel::Debug,
            format!("Wrote artifact {kind} to {path}"),
            json!({"artifact_type": kind, "artifact_path": path}),
        )],
        Event::CommandCompleted { command, success, elapsed } => {
            let outcome = if *success { "succeeded" } else { "failed" };
            vec![record(
                "CommandCompleted",
                "Q039",
                LogLevel::Debug,
                format!("Command `{command}` {outcome} after {elapsed:.2} seconds"),
                json!({"command": command, "success": success, "elapsed": elapsed}),
            )]
        }
        Event::Debug { message } => {
            vec![record("Note", "Z050", LogLevel::Debug, message.clone(), json!({"msg": message}))]
        }
        Event::Info { message } => vec![info("Note", "Z050", message.clone(), json!({"msg": message}))],
    }
}

fn of_diagnostic(diagnostic: &Diagnostic, options: &Options) -> Record {
    let text = render(diagnostic, &options.sources, options.style);
    let location = diagnostic.labels.first().map(|label| {
        let file = options.sources.get(label.span.source);
        let (line, column) = file.line_col(label.span.start);
        json!({"file": crate::diagnostic::display_path(&file.path), "line": line, "column": column})
    });
    let stack: Vec<Json> = diagnostic
        .stack
        .iter()
        .map(|frame| json!({"macro": frame.name, "called_at": frame.call.map(|span| options.sources.location(span))}))
        .collect();
    let data = json!({
        "code": diagnostic.code.0, "msg": diagnostic.message, "location": location, "help": diagnostic.help,
        "notes": diagnostic.notes, "macro_stack": stack, "unique_id": diagnostic.node,
    });
    match diagnostic.severity {
        Severity::Error => {
            record(diagnostic.event.unwrap_or("MainEncounteredError"), "Z002", LogLevel::Error, text, data)
        }
        Severity::Warning => {
            let name = diagnostic.event.unwrap_or("Warning");
            let text = if name == "Warning" { text } else { format!("[WARNING][{name}]: {text}") };
            record(name, warning_code(name), LogLevel::Warn, text, data)
        }
    }
}

fn warning_code(name: &str) -> &'static str {
    match name {
        "NoNodesForSelectionCriteria" => "M030",
        "NothingToDo" => "Q035",
        "NodeNotFoundOrDisabled" => "I057",
        "UnusedResourceConfigPath" => "I053",
        "NoNodeForYamlKey" => "I059",
        "WrongResourceSchemaFile" => "I058",
        "JinjaLogWarning" => "I061",
        _ => "Z049",
    }
}

fn finished_node(node: &NodeInfo, index: usize, total: usize, outcome: &NodeOutcome, options: &Options) -> Vec<Record> {
    let (name, code) = match node.resource_type {
        ResourceType::Test | ResourceType::UnitTest => ("LogTestResult", "Q007"),
        ResourceType::Seed => ("LogSeedResult", "Q016"),
        ResourceType::Snapshot => ("LogSnapshotResult", "Q015"),
        ResourceType::Operation => ("LogHookEndLine", "Q033"),
        ResourceType::Source => ("LogFreshnessResult", "Q018"),
        ResourceType::Exposure | ResourceType::SavedQuery => ("LogNodeNoOpResult", "Q019"),
        _ => ("LogModelResult", "Q012"),
    };
    let level = match outcome.status {
        Status::Error | Status::Fail | Status::RuntimeError => LogLevel::Error,
        Status::Warn | Status::PartialSuccess => LogLevel::Warn,
        _ => LogLevel::Info,
    };
    let status = paint(&outcome.message, outcome.status, options.style);
    let text =
        fancy(options.printer_width, Some((index, total)), &outcome.description, &status, Some(outcome.execution_time));
    let data = json!({
        "description": outcome.description, "index": index, "total": total, "status": outcome.status.as_str(),
        "execution_time": outcome.execution_time, "num_failures": outcome.failures.unwrap_or(0),
        "node_info": node_info(node, outcome.status.as_str()),
    });
    vec![record(name, code, level, text, data), node_finished_debug(node, outcome.status.as_str(), Some(outcome))]
}

fn finished_batch(node: &NodeInfo, index: usize, total: usize, outcome: &NodeOutcome, options: &Options) -> Record {
    let status = paint(&outcome.message, outcome.status, options.style);
    let time = Some(outcome.execution_time);
    let line = fancy(options.printer_width, Some((index, total)), &outcome.description, &status, time);
    let data = json!({
        "description": outcome.description, "batch_index": index, "total_batches": total,
        "status": outcome.status.as_str(), "execution_time": outcome.execution_time,
        "node_info": node_info(node, outcome.status.as_str()),
    });
    let level = if outcome.status == Status::Error { LogLevel::Error } else { LogLevel::Info };
    record("LogBatchResult", "Q046", level, format!("Batch {line}"), data)
}

fn node_finished_debug(node: &NodeInfo, status: &str, outcome: Option<&NodeOutcome>) -> Record {
    let data = json!({
        "node_info": node_info(node, status),
        "run_result": {
            "status": status, "message": outcome.map(|o| o.message.clone()),
            "execution_time": outcome.map_or(0.0, |o| o.execution_time),
            "num_failures": outcome.and_then(|o| o.failures).unwrap_or(0), "timing_info": [], "adapter_response":
            {"rows_affected": outcome.and_then(|o| o.rows_affected)},
        },
    });
    record("NodeFinished", "Q025", LogLevel::Debug, format!("Finished running node {}", node.unique_id), data)
}

fn node_info(node: &NodeInfo, status: &str) -> Json {
    json!({
        "unique_id": node.unique_id.as_str(), "node_name": node.name, "node_path": node.path,
        "resource_type": node.resource_type.as_str(), "materialized": node.materialized, "node_status": status,
        "node_checksum": node.checksum,
        "node_relation": {"database": node.database, "schema": node.schema, "alias": node.alias,
            "relation_name": node.relation_name},
    })
}

/// A progress line: `1 of 9 START … [RUN]`, filled with dots to the printer width.
fn fancy(width: usize, index: Option<(usize, usize)>, message: &str, status: &str, time: Option<f64>) -> String {
    let progress = index.map_or(String::new(), |(index, total)| format!("{index} of {total} "));
    let mut line = format!("{progress}{message} ");
    let length = line.chars().count();
    if length < width {
        line.push_str(&".".repeat(width - length));
    }
    let time = time.map_or(String::new(), |seconds| format!(" in {seconds:.2}s"));
    format!("{line} [{status}{time}]")
}

fn paint(text: &str, status: Status, style: Style) -> String {
    if style == Style::Plain {
        return text.to_owned();
    }
    let color = match status {
        Status::Success | Status::Pass => 32,
        Status::Error | Status::Fail | Status::RuntimeError => 31,
        Status::Warn | Status::PartialSuccess | Status::Skipped | Status::NoOp => 33,
    };
    format!("\u{1b}[{color}m{text}\u{1b}[0m")
}

/// `3 models, 1 seed, 2 data tests, 511 macros`: dbt's words for counts.
pub fn counts_text(counts: &[(ResourceType, usize)]) -> String {
    let parts: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| count_text(kind.as_str(), *count)).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration in whole minutes")]
    let minutes = (seconds / 60.0) as u64;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rest = seconds - minutes as f64 * 60.0;
    format!("{} hours {} minutes and {rest:.2} seconds", minutes / 60, minutes % 60)
}

fn summary(stats: RunStats, problems: &[Problem], interrupted: bool, options: &Options) -> Vec<Record> {
    let is_error = |problem: &&Problem| !matches!(problem.status, Status::Warn | Status::PartialSuccess);
    let errors = problems.iter().filter(is_error).count();
    let partial = problems.iter().filter(|problem| problem.status == Status::PartialSuccess).count();
    let warnings = stats.warn;
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (headline, status) = if interrupted {
        ("Exited because of keyboard interrupt".to_owned(), Status::Error)
    } else if errors > 0 {
        let partial = if partial == 1 { "1 partial success".into() } else { format!("{partial} partial successes") };
        (
            format!("Completed with {}, {partial}, and {}:", plural(errors, "error"), plural(warnings, "warning")),
            Status::Error,
        )
    } else if partial > 0 {
        let partial = if partial == 1 { "1 partial success".into() } else { format!("{partial} partial successes") };
        (format!("Completed with {partial} and {}", plural(warnings, "warning")), Status::Warn)
    } else if warnings > 0 {
        (format!("Completed with {}:", plural(warnings, "warning")), Status::Warn)
    } else {
        ("Completed successfully".to_owned(), Status::Success)
    };
    let data = json!({"num_errors": errors, "num_warnings": warnings, "keyboard_interrupt": interrupted});
    let mut lines = vec![blank(), info("EndOfRunSummary", "Z030", paint(&headline, status, options.style), data)];
    for problem in problems {
        lines.push(blank());
        lines.extend(problem_block(problem, options));
    }
    let RunStats { pass, warn, error, skip, no_op, total } = stats;
    lines.push(blank());
    lines.push(info(
        "StatsLine",
        "Z023",
        format!("Done. PASS={pass} WARN={warn} ERROR={error} SKIP={skip} NO-OP={no_op} TOTAL={total}"),
        json!({"stats": {"pass": pass, "warn": warn, "error": error, "skip": skip, "noop": no_op, "total": total}}),
    ));
    lines
}

fn problem_block(problem: &Problem, options: &Options) -> Vec<Record> {
    let (name, code, level) = match problem.status {
        Status::Warn => ("RunResultWarning", "Z021", LogLevel::Warn),
        Status::Skipped => ("SkippingDetails", "Q034", LogLevel::Info),
        _ => ("RunResultFailure", "Z022", LogLevel::Error),
    };
    let node = node_info(&problem.node, problem.status.as_str());
    let title = paint(&problem.title, problem.status, options.style);
    let mut lines = vec![record(name, code, level, title, json!({"msg": problem.message, "node_info": node}))];
    if !problem.message.is_empty() {
        let (name, code) = match problem.status {
            Status::Warn => ("RunResultWarningMessage", "Z046"),
            _ => ("RunResultError", "Z024"),
        };
        let mut whole = problem.message.clone();
        if let Some(diagnostic) = &problem.diagnostic {
            whole.push_str(&format!("\n  {}", diagnostic.message));
        }
        lines.push(record(name, code, level, indent(&problem.message), json!({"msg": whole, "node_info": node})));
    }
    if let Some(diagnostic) = &problem.diagnostic {
        let mut detail = of_diagnostic(diagnostic, options);
        detail.text = indent(&detail.text);
        detail.name = "RunResultErrorDetail";
        lines.push(detail);
    }
    if let Some(path) = &problem.compiled_path {
        lines.push(blank());
        let text = format!("  compiled code at {path}");
        lines.push(info("SQLCompiledPath", "Z026", text, json!({"path": path, "node_info": node})));
    }
    if let Some(relation) = &problem.stored_failures {
        let query = format!("select * from {relation}");
        let rule = "-".repeat(query.chars().count() + 2);
        let text = format!("  See test failures:\n  {rule}\n  {query}\n  {rule}");
        lines.push(blank());
        lines.push(info("CheckNodeTestFailure", "Z027", text, json!({"relation_name": relation, "node_info": node})));
    }
    lines
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("  {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_use_dbts_words() {
        use ResourceType::{Analysis, Macro, Model, Seed, Test};
        for (counts, expected) in [
            (vec![(Model, 3), (Seed, 1), (Test, 2), (Macro, 511)], "3 models, 1 seed, 2 data tests, 511 macros"),
            (vec![(Test, 1), (Analysis, 2), (Seed, 0)], "1 test, 2 analyses"),
            (vec![], "nothing"),
        ] {
            assert_eq!(counts_text(&counts), expected);
        }
    }

    #[test]
    fn a_progress_line_is_filled_to_the_printer_width() {
        assert_eq!(
            fancy(40, Some((1, 9)), "OK created sql view model s.a", "OK", Some(0.123)),
            "1 of 9 OK created sql view model s.a ... [OK in 0.12s]"
        );
        assert_eq!(fancy(10, None, "a very long message", "RUN", None), "a very long message  [RUN]");
    }
}
