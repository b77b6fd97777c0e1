//! `run-operation`: calls a macro.

use std::{collections::BTreeSet, time::Instant};

use super::execute::{with_runner, write_artifacts};
use crate::{
    artifacts::RunResult,
    cli::{
        CommandError,
        invocation::{Invocation, mapping},
        prepare::prepare,
    },
    event::Status,
    run::{RunOutcome, run_operation},
};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let arguments = mapping("args", invocation.flags.text("args").unwrap_or("{}"))?;
    let name = invocation.flags.positional.clone().unwrap_or_default();
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
