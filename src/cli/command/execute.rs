//! `run`, `test`, `seed`, `snapshot`, `build`: run the selected nodes.

use std::{collections::BTreeSet, sync::Arc};

use super::clone;
use crate::{
    artifacts::write_run_results,
    cli::{
        CommandError, event_time,
        invocation::Invocation,
        prepare::{Prepared, prepare},
        warehouse,
    },
    engine::Engine,
    event::{Event, Status},
    graph::Edges,
    jinja::Value,
    names::{ResourceType as R, UniqueId},
    run::{
        RunOptions, RunOutcome, Runner,
        bridge::Bridge,
        context::{InputRows, RunShared},
        run_nodes,
        scheduler::{Message, messages},
        show_nodes,
    },
};

/// As many rows as dbt shows of a seed.
const SAMPLE_ROWS: i64 = 10;

const BUILD: &[R] = &[R::Model, R::Seed, R::Snapshot, R::Test, R::UnitTest, R::SavedQuery, R::Exposure, R::Function];

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let types: &[R] = match invocation.flags.command.name {
        "run" => &[R::Model],
        "test" => &[R::Test, R::UnitTest],
        "seed" => &[R::Seed],
        "snapshot" => &[R::Snapshot],
        "clone" => clone::TYPES,
        _ => BUILD,
    };
    event_time::window(&invocation.flags)?;
    event_time::sample(&invocation.flags, invocation.started_at)?;
    if is_clone(invocation) {
        clone::folder(invocation)?;
    }
    let prepared = prepare(invocation)?;
    invocation.emit(prepared.found());
    let selected = prepared.select(invocation, types, false)?;
    if selected.is_empty() {
        invocation.emit(Event::nothing_to_do());
        write_artifacts(invocation, &prepared, &RunOutcome::empty(&prepared.manifest))?;
        return invocation.promoted();
    }
    let outcome = with_runner(invocation, &prepared, &selected, |invocation, runner| {
        let alone = invocation.flags.command.name == "test" || is_clone(invocation);
        let edges = if alone { Edges::None } else { edges(runner) };
        let channel = messages();
        let watch = interrupts(runner, channel.0.clone());
        let outcome = run_nodes(runner, &prepared.dag, &selected, edges, channel);
        watch.abort();
        let outcome = outcome.map_err(|error| CommandError::Project(vec![error.diagnostic]))?;
        if invocation.flags.command.name == "seed" && invocation.flags.flag("show") {
            samples(invocation, &prepared, runner, &outcome)?;
        }
        Ok(outcome)
    })?;
    finish(invocation, &prepared, outcome)
}

/// `seed --show`: rows of each seed that was loaded.
fn samples(
    invocation: &Invocation,
    prepared: &Prepared,
    runner: &Runner,
    outcome: &RunOutcome,
) -> Result<(), CommandError> {
    let loaded = outcome.results.iter().filter(|result| result.status == Status::Success);
    let nodes = loaded.filter_map(|result| prepared.manifest.nodes.get(&UniqueId::new(result.unique_id.as_str())));
    for node in nodes.filter(|node| node.resource_type == R::Seed) {
        let (tables, _) = show_nodes(runner, &[node], Some(SAMPLE_ROWS))
            .map_err(|error| CommandError::Project(vec![error.diagnostic]))?;
        invocation.emit(Event::Info { message: format!("Sample of table: {}.{}", node.schema, node.alias) });
        for table in &tables {
            invocation.console.data(table.to_text(None, None).trim_end());
        }
    }
    Ok(())
}

fn is_clone(invocation: &Invocation) -> bool {
    invocation.flags.command.name == "clone"
}

fn edges(runner: &Runner) -> Edges {
    if runner.options.tests_gate { Edges::TestsGate } else { Edges::Dependencies }
}

/// Ctrl-C becomes a message to the scheduler; a second one ends the process.
pub fn interrupts(runner: &Runner, sender: std::sync::mpsc::Sender<Message>) -> tokio::task::JoinHandle<()> {
    runner.run.bridge.handle().spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = sender.send(Message::Interrupt);
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    })
}

/// Opens the warehouse, calls `body` with a runner, and closes the warehouse whatever came of it.
pub fn with_runner<T>(
    invocation: &Invocation,
    prepared: &Prepared,
    selected: &BTreeSet<UniqueId>,
    body: impl FnOnce(&Invocation, &Runner) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let runtime = warehouse::runtime()?;
    let engine = runtime.block_on(warehouse::open(&prepared.project, &invocation.id))?;
    let runner = runner(invocation, prepared, selected, Arc::clone(&engine), Bridge::new(runtime.handle().clone()));
    let result = runner.and_then(|runner| body(invocation, &runner));
    let closed = runtime.block_on(engine.close());
    let value = result?;
    closed?;
    Ok(value)
}

fn runner(
    invocation: &Invocation,
    prepared: &Prepared,
    selected: &BTreeSet<UniqueId>,
    engine: Arc<dyn Engine>,
    bridge: Bridge,
) -> Result<Runner, CommandError> {
    let flags = &invocation.flags;
    let name = flags.command.name;
    let is_seed = name == "seed";
    let shared = RunShared::new(
        Arc::clone(&prepared.scopes),
        Arc::clone(&prepared.manifest),
        engine,
        bridge,
        selected.iter().cloned().collect(),
    )
    .with_rows(InputRows {
        empty: flags.flag("empty") && !is_seed,
        sample: event_time::sample(flags, invocation.started_at)?,
    })
    .with_defer(if is_clone(invocation) {
        Some(clone::relations(invocation, prepared)?)
    } else {
        prepared.defer.clone()
    })
    .with_comment(prepared.comment.clone());
    let profile = prepared.project.profile.as_ref();
    let shown = prepared.target_dir.strip_prefix(&prepared.project.root).unwrap_or(&prepared.target_dir);
    let options = RunOptions {
        threads: profile.map_or(1, |profile| profile.threads),
        fail_fast: flags.flag("fail_fast"),
        tests_gate: name == "build",
        hooks: matches!(name, "run" | "test" | "seed" | "snapshot" | "build")
            || name == "source"
                && prepared.scopes.shared.flags.get("SOURCE_FRESHNESS_RUN_PROJECT_HOOKS").is_none_or(Value::is_truthy),
        store_failures: flags.flag("store_failures"),
        warnings_fail: invocation.console.treats_as_error(match name {
            "source" => "LogFreshnessResult",
            _ => "LogTestResult",
        }),
        write_files: true,
        target_name: profile.map(|profile| profile.target_name.clone()).unwrap_or_default(),
        target_shown: crate::diagnostic::display_path(shown),
        skip_if_start_fails: prepared.scopes.shared.flags.is_on("SKIP_NODES_IF_ON_RUN_START_FAILS"),
        event_time: event_time::window(flags)?,
        previous_batches: invocation.again.as_ref().map(|again| again.batches.clone()).unwrap_or_default(),
        clones: is_clone(invocation),
    };
    let inject = !flags.is_explicit("inject_ephemeral_ctes") || flags.flag("inject_ephemeral_ctes");
    Ok(Runner::new(Arc::new(shared), options, prepared.target_dir.clone(), inject))
}

/// Writes the artifacts, prints the summary, and judges.
fn finish(invocation: &Invocation, prepared: &Prepared, outcome: RunOutcome) -> Result<(), CommandError> {
    write_artifacts(invocation, prepared, &outcome)?;
    let RunOutcome { stats, problems, interrupted, failed, broken, .. } = outcome;
    invocation.emit(Event::Summary { stats, problems, interrupted });
    if interrupted {
        return Err(CommandError::Interrupted);
    }
    if let Some(error) = broken {
        return Err(CommandError::Project(vec![error.diagnostic]));
    }
    // A warning that a macro raised and that was promoted fails the run, too.
    if failed || invocation.console.has_promoted() { Err(CommandError::Nodes) } else { Ok(()) }
}

/// run_results.json, and manifest.json with what was compiled.
pub fn write_artifacts(invocation: &Invocation, prepared: &Prepared, outcome: &RunOutcome) -> Result<(), CommandError> {
    if !invocation.flags.flag("write_json") {
        return Ok(());
    }
    prepared.write_manifest(invocation, &outcome.manifest)?;
    let path = prepared.target_dir.join("run_results.json");
    let args = invocation.result_args(prepared);
    write_run_results(&path, &outcome.results, &prepared.metadata(invocation), outcome.elapsed, &args)?;
    invocation.emit(Event::ArtifactWritten { kind: "RunExecutionResult", path: path.display().to_string() });
    Ok(())
}
