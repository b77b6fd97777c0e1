//! `ls`: the selected resources, one per line.

use crate::{
    cli::{CommandError, flags::Origin, invocation::Invocation, prepare::prepare},
    event::Event,
    graph::{ListOutput, list_lines},
    names::ResourceType as R,
};

/// What `ls` lists unless types are asked for: everything but analyses.
const TYPES: &[R] = &[
    R::Model,
    R::Seed,
    R::Snapshot,
    R::Test,
    R::Source,
    R::Exposure,
    R::Metric,
    R::SemanticModel,
    R::SavedQuery,
    R::UnitTest,
    R::Function,
];

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let prepared = prepare(invocation)?;
    let only_models = invocation.flags.origin("models") == Origin::CommandLine;
    let types = if only_models { &[R::Model][..] } else { TYPES };
    let ids = prepared.select(invocation, types, true)?;
    if ids.is_empty() {
        invocation.emit(Event::Warning { name: "NoNodesSelected", message: "No nodes selected!".into() });
        return invocation.promoted();
    }
    let output = invocation.flags.text("output").and_then(ListOutput::parse).unwrap_or(ListOutput::Selector);
    let limit = invocation.flags.integer("limit").and_then(|limit| usize::try_from(limit).ok());
    let lines = list_lines(&prepared.manifest, &ids, output, invocation.flags.words("output_keys"));
    for line in lines.into_iter().take(limit.unwrap_or(usize::MAX)) {
        invocation.console.data(&line);
    }
    Ok(())
}
