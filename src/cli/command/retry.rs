//! `retry`: the command of the last run_results.json once more, with its flags, for what did not succeed.

use std::collections::BTreeSet;

use crate::{
    artifacts::{RunResults, read_run_results},
    cli::{
        CommandError,
        flags::Flags,
        invocation::{Again, Depth, Invocation},
        state,
    },
    diagnostic::{Diagnostic, SourceMap},
    event::{Event, Status},
    names::UniqueId,
    project::{self, DiskFileSystem, Need},
};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let previous = previous_results(invocation)?;
    invocation.flags = Flags::of_results(&previous.args, &invocation.flags)
        .map_err(|message| Diagnostic::error("retry", message).help("run the command itself"))?;
    let warnings_too = invocation.flags.flag("warn_error");
    let batches = previous.results.iter().filter_map(|result| {
        let batches = result.batch_results.clone()?;
        let partial = !batches.successful.is_empty() && !batches.failed.is_empty();
        partial.then(|| (UniqueId::new(result.unique_id.as_str()), batches))
    });
    invocation.again = Some(Again { nodes: unsuccessful(&previous, warnings_too), batches: batches.collect() });
    let command = invocation.flags.command.name;
    invocation.emit(Event::Debug { message: format!("retrying `{command}`") });
    super::dispatch(invocation)
}

/// The results in the folder of `--state`, else in the target folder.
fn previous_results(invocation: &Invocation) -> Result<RunResults, CommandError> {
    // Whatever is wrong with the project is told when it is loaded for the command.
    let options = invocation.load_options(Depth::Settings, Need::Optional)?;
    let (project, diagnostics) = project::load(&options, &DiskFileSystem, &SourceMap::default());
    let Some(project) = project else {
        return Err(CommandError::Project(diagnostics.into_iter().filter(Diagnostic::is_error).collect()));
    };
    let folder = state::folder(invocation, &project, "state").unwrap_or_else(|| invocation.target_dir(&project));
    let path = folder.join("run_results.json");
    if !path.is_file() {
        let message = format!("there is no earlier run to retry: {} does not exist", path.display());
        return Err(Diagnostic::error("retry", message)
            .help("run a command like `tamis build` first, or give its folder with --state")
            .into());
    }
    Ok(read_run_results(&path)?)
}

/// What is run again. Hooks belong to the command and run with it.
fn unsuccessful(previous: &RunResults, warnings_too: bool) -> BTreeSet<UniqueId> {
    let again = |status: Status| match status {
        Status::Error | Status::Fail | Status::Skipped | Status::RuntimeError | Status::PartialSuccess => true,
        Status::Warn => warnings_too,
        Status::Success | Status::Pass | Status::NoOp => false,
    };
    let ids = previous.results.iter().filter(|result| again(result.status)).map(|result| result.unique_id.as_str());
    ids.filter(|id| !id.starts_with("operation.")).map(UniqueId::new).collect()
}
