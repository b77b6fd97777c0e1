//! `compile`: renders SQL without running it; with `--select` or `--inline`, prints it.

use std::collections::BTreeSet;

use serde_json::json;

use super::execute::{with_runner, write_artifacts};
use crate::{
    cli::{CommandError, invocation::Invocation, prepare::prepare},
    event::Event,
    manifest::inline_node,
    names::ResourceType as R,
    run::{compile_inline, compile_nodes},
};

const TYPES: &[R] = &[R::Model, R::Snapshot, R::Test, R::Analysis, R::Seed, R::Operation];

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let prepared = prepare(invocation)?;
    invocation.emit(prepared.found());
    let as_json = invocation.flags.text("output") == Some("json");
    if let Some(sql) = invocation.flags.text("inline").map(str::to_owned) {
        let node = inline_node(&prepared.project, &prepared.manifest, &prepared.scopes, &sql, &invocation.sources)
            .map_err(CommandError::Project)?;
        let (compiled, outcome) = with_runner(invocation, &prepared, &BTreeSet::new(), |_, runner| {
            compile_inline(runner, &node).map_err(|error| CommandError::Project(vec![error.diagnostic]))
        })?;
        write_artifacts(invocation, &prepared, &outcome)?;
        let code = compiled.code.text;
        return print(invocation, "inline node", &code, as_json.then(|| json!({"compiled": code})));
    }
    let selected = prepared.select(invocation, TYPES, false)?;
    if selected.is_empty() {
        invocation.emit(Event::nothing_to_do());
        return invocation.promoted();
    }
    let (compiled, outcome) = with_runner(invocation, &prepared, &selected, |_, runner| {
        compile_nodes(runner, &prepared.dag, &selected).map_err(|error| CommandError::Project(vec![error.diagnostic]))
    })?;
    write_artifacts(invocation, &prepared, &outcome)?;
    let Some(wanted) = invocation.flags.words("select").first() else { return Ok(()) };
    for (id, code) in compiled {
        let Some(node) = prepared.manifest.nodes.get(&id).filter(|node| wanted.contains(&node.name)) else { continue };
        let form = as_json.then(|| json!({"node": node.name, "compiled": code.code.text}));
        print(invocation, &format!("node '{}'", node.name), &code.code.text, form)?;
    }
    Ok(())
}

fn print(invocation: &Invocation, what: &str, code: &str, form: Option<serde_json::Value>) -> Result<(), CommandError> {
    match form {
        Some(form) => invocation.console.data(&format!("{form:#}")),
        None => {
            invocation.emit(Event::Info { message: format!("Compiled {what} is:") });
            invocation.console.data(code);
        }
    }
    Ok(())
}
