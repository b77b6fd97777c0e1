//! `source freshness`: how old the rows of sources are, and sources.json.

use std::path::Path;

use super::execute::{interrupts, with_runner};
use crate::{
    artifacts::write_sources,
    cli::{CommandError, invocation::Invocation, prepare::prepare},
    diagnostic::Diagnostic,
    event::Event,
    names::ResourceType as R,
    run::{check_freshness, has_freshness, scheduler::messages},
};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let action = invocation.flags.positional.clone().unwrap_or_default();
    if !matches!(action.as_str(), "freshness" | "snapshot-freshness") {
        let diagnostic = Diagnostic::error("flag", format!("`source` has no action `{action}`"));
        return Err(diagnostic.help("tamis source freshness").into());
    }
    let prepared = prepare(invocation)?;
    invocation.emit(prepared.found());
    let output = invocation.flags.text("output").map(str::to_owned);
    if output.is_some() {
        let message = "`--output` of `source freshness` will go: other commands look for sources.json in the target \
                       folder, which --target-path sets";
        let name = "CustomOutputPathInSourceFreshnessDeprecation";
        invocation.emit(Event::Warning { name, message: message.to_owned() });
    }
    let mut selected = prepared.select(invocation, &[R::Source], false)?;
    selected.retain(|id| prepared.manifest.sources.get(id).is_some_and(has_freshness));
    if selected.is_empty() {
        invocation.emit(Event::nothing_to_do());
    }
    let outcome = with_runner(invocation, &prepared, &selected, |_, runner| {
        let channel = messages();
        let watch = interrupts(runner, channel.0.clone());
        let outcome = check_freshness(runner, &prepared.dag, &selected, channel);
        watch.abort();
        outcome.map_err(|error| CommandError::Project(vec![error.diagnostic]))
    })?;
    let path = match output {
        Some(path) => invocation.absolute(Path::new(&path)),
        None => prepared.target_dir.join("sources.json"),
    };
    if invocation.flags.flag("write_json") {
        write_sources(&path, &outcome.sources, &prepared.metadata(invocation), outcome.elapsed)?;
        let path = path.display().to_string();
        invocation.emit(Event::ArtifactWritten { kind: "FreshnessExecutionResultArtifact", path });
    }
    let (stats, problems, interrupted) = (outcome.stats, outcome.problems, outcome.interrupted);
    invocation.emit(Event::Summary { stats, problems, interrupted });
    if interrupted {
        return Err(CommandError::Interrupted);
    }
    if let Some(error) = outcome.broken {
        return Err(CommandError::Project(vec![error.diagnostic]));
    }
    if outcome.failed || invocation.console.has_promoted() { Err(CommandError::Nodes) } else { Ok(()) }
}
