//! `docs generate`: manifest.json with compiled code, and catalog.json with what the warehouse holds.

use std::collections::BTreeSet;

use super::execute::{with_runner, write_artifacts};
use crate::{
    artifacts::{Catalog, write_catalog},
    cli::{CommandError, invocation::Invocation, prepare::prepare},
    event::Event,
    names::ResourceType as R,
    run::{catalog, compile_nodes},
};

const TYPES: &[R] = &[R::Model, R::Snapshot, R::Test, R::Analysis, R::Seed];

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let action = invocation.flags.positional.clone().unwrap_or_default();
    if action != "generate" {
        return Err(CommandError::NotSupported(format!("`tamis docs {action}`")));
    }
    let prepared = prepare(invocation)?;
    invocation.emit(prepared.found());
    if invocation.flags.flag("compile") {
        let selected = prepared.select(invocation, TYPES, false)?;
        let (_, outcome) = with_runner(invocation, &prepared, &selected, |_, runner| {
            compile_nodes(runner, &prepared.dag, &selected)
                .map_err(|error| CommandError::Failed(Some(Box::new(error.diagnostic))))
        })?;
        write_artifacts(invocation, &prepared, &outcome)?;
    }
    let found = if invocation.flags.flag("empty_catalog") {
        Catalog::default()
    } else {
        invocation.emit(Event::Info { message: "Building catalog".into() });
        with_runner(invocation, &prepared, &BTreeSet::new(), |_, runner| Ok(catalog(runner)?))?
    };
    let path = prepared.target_dir.join("catalog.json");
    write_catalog(&path, &found, &prepared.metadata(invocation))?;
    invocation.emit(Event::Info { message: format!("Catalog written to {}", path.display()) });
    Ok(())
}
