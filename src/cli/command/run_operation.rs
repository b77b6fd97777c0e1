//! `run-operation`: calls a macro, or runs SQL.

use std::{collections::BTreeSet, time::Instant};

use super::execute::{with_runner, write_artifacts};
use crate::{
    artifacts::RunResult,
    cli::{
        CommandError,
        invocation::{Invocation, mapping},
        prepare::prepare,
    },
    diagnostic::Diagnostic,
    event::{Event, Status},
    manifest::inline_node,
    run::{RunOutcome, run_inline, run_operation},
};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let arguments = mapping("args", invocation.flags.text("args").unwrap_or("{}"))?;
    let wrong = |message: &str| Err(Diagnostic::error("flag", message).into());
    let name = match (invocation.flags.positional.clone(), invocation.flags.text("sql").map(str::to_owned)) {
        (Some(_), Some(_)) => return wrong("`run-operation` calls a macro or runs --sql, not both"),
        (None, None) => return wrong("`run-operation` needs the name of a macro, or --sql"),
        (None, Some(_)) if !arguments.is_empty() => return wrong("--args are of a macro: write values into the SQL"),
        (None, Some(sql)) => return run_sql(invocation, &sql),
        (Some(name), None) => name,
    };
    let prepared = prepare(invocation)?;
    let start = Instant::now();
    let result = with_runner(invocation, &prepared, &BTreeSet::new(), |_, runner| {
        Ok(run_operation(runner, &name, arguments).map(|_| ()))
    })?;
    let status = if result.is_ok() { Status::Success } else { Status::Error };
    let id = match name.split_once('.') {
        Some(_) => format!("macro.{name}"),
        None => format!("macro.{}.{name}", prepared.project.name),
    };
    let elapsed = start.elapsed().as_secs_f64();
    let entry = RunResult {
        execution_time: elapsed,
        thread_id: "MainThread".into(),
        message: result.as_ref().err().map(|diagnostic| diagnostic.message.clone()),
        ..RunResult::new(id, status)
    };
    let outcome =
        RunOutcome { results: vec![entry], failed: result.is_err(), elapsed, ..RunOutcome::empty(&prepared.manifest) };
    write_artifacts(invocation, &prepared, &outcome)?;
    result.map_err(|diagnostic| CommandError::Failed(Some(diagnostic)))
}

fn run_sql(invocation: &mut Invocation, sql: &str) -> Result<(), CommandError> {
    let prepared = prepare(invocation)?;
    let node = inline_node(&prepared.project, &prepared.manifest, &prepared.scopes, sql, &invocation.sources);
    let node = node.map_err(|mut errors| {
        let last = errors.pop();
        errors.into_iter().for_each(|error| invocation.emit(Event::Diagnostic(error.into())));
        CommandError::Failed(last.map(Box::new))
    })?;
    let (mut outcome, error) =
        with_runner(invocation, &prepared, &BTreeSet::new(), |_, runner| Ok(run_inline(runner, &node)))?;
    for result in &mut outcome.results {
        result.unique_id = format!("sql_operation.{}.{}", prepared.project.name, node.name);
    }
    write_artifacts(invocation, &prepared, &outcome)?;
    match error {
        Some(error) => Err(CommandError::Failed(Some(Box::new(error.diagnostic)))),
        None => Ok(()),
    }
}
