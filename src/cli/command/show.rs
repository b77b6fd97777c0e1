//! `show`: prints rows of a node or of a query.

use std::collections::BTreeSet;

use serde_json::json;

use super::execute::with_runner;
use crate::{
    cli::{
        CommandError,
        invocation::Invocation,
        prepare::{Prepared, prepare},
    },
    diagnostic::Diagnostic,
    event::Event,
    manifest::{Node, context::Table, inline_node},
    names::ResourceType as R,
    run::{compile_nodes, show_node},
};

const TYPES: &[R] = &[R::Model, R::Snapshot, R::Test, R::Analysis, R::Seed];

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    if invocation.flags.text("inline_direct").is_some() {
        return Err(CommandError::NotSupported("--inline-direct".into()));
    }
    let flags = &invocation.flags;
    if flags.text("inline").is_none() && flags.words("select").is_empty() && flags.text("selector").is_none() {
        let diagnostic = Diagnostic::error("flag", "`show` needs --select or --inline");
        return Err(diagnostic.help("for example: tamis show --select my_model --limit 10").into());
    }
    let prepared = prepare(invocation)?;
    invocation.emit(prepared.found());
    if let Some(sql) = invocation.flags.text("inline").map(str::to_owned) {
        let node = inline_node(&prepared.project, &prepared.manifest, &prepared.scopes, &sql, &invocation.sources)
            .map_err(CommandError::Project)?;
        let table = rows(invocation, &prepared, &[&node])?;
        for (_, table) in table {
            print(invocation, None, &table);
        }
        return Ok(());
    }
    let selected = prepared.select(invocation, TYPES, false)?;
    if selected.is_empty() {
        invocation.emit(Event::nothing_to_do());
        return invocation.promoted();
    }
    let wanted = invocation.flags.words("select").first().cloned().unwrap_or_default();
    let nodes: Vec<&Node> = selected.iter().filter_map(|id| prepared.manifest.nodes.get(id)).collect();
    let shown: Vec<&Node> = nodes.into_iter().filter(|node| wanted.is_empty() || wanted.contains(&node.name)).collect();
    // What is selected along with the node must compile too, as in dbt.
    with_runner(invocation, &prepared, &selected, |_, runner| {
        compile_nodes(runner, &prepared.dag, &selected).map_err(|error| CommandError::Project(vec![error.diagnostic]))
    })?;
    for (name, table) in rows(invocation, &prepared, &shown)? {
        print(invocation, Some(&name), &table);
    }
    Ok(())
}

fn rows(invocation: &Invocation, prepared: &Prepared, nodes: &[&Node]) -> Result<Vec<(String, Table)>, CommandError> {
    let limit = invocation.flags.integer("limit").filter(|limit| *limit >= 0);
    with_runner(invocation, prepared, &BTreeSet::new(), |_, runner| {
        let mut tables = Vec::with_capacity(nodes.len());
        for node in nodes {
            let table =
                show_node(runner, node, limit).map_err(|error| CommandError::Project(vec![error.diagnostic]))?;
            tables.push((node.name.clone(), table));
        }
        Ok(tables)
    })
}

fn print(invocation: &Invocation, node: Option<&str>, table: &Table) {
    if invocation.flags.text("output") == Some("json") {
        let rows = table.to_json_rows();
        let form = match node {
            Some(node) => json!({"node": node, "show": rows}),
            None => json!({"show": rows}),
        };
        invocation.console.data(&format!("{form:#}"));
        return;
    }
    let title = node.map_or_else(|| "Previewing inline node:".to_owned(), |node| format!("Previewing node '{node}':"));
    invocation.emit(Event::Info { message: title });
    invocation.console.data(table.to_text(None, None).trim_end());
}
