//! `show`: prints rows of a node or of a query.

use std::collections::BTreeSet;

use serde_json::json;

use super::execute::{with_runner, write_artifacts};
use crate::{
    cli::{
        CommandError,
        invocation::{Depth, Invocation},
        prepare::{Prepared, prepare},
        warehouse,
    },
    diagnostic::Diagnostic,
    engine::StatementOptions,
    event::Event,
    manifest::{Node, context::Table, inline_node},
    names::{ResourceType as R, UniqueId},
    project::Need,
    run::{compile_nodes, context::table, show_nodes},
};

const TYPES: &[R] = &[R::Model, R::Snapshot, R::Test, R::Analysis, R::Seed];

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    if let Some(sql) = invocation.flags.text("inline_direct").map(str::to_owned) {
        return direct(invocation, &sql);
    }
    let flags = &invocation.flags;
    if flags.text("inline").is_none() && flags.words("select").is_empty() && flags.text("selector").is_none() {
        let diagnostic = Diagnostic::error("flag", "`show` needs --select, --inline or --inline-direct");
        return Err(diagnostic.help("for example: tamis show --select my_model --limit 10").into());
    }
    let prepared = prepare(invocation)?;
    invocation.emit(prepared.found());
    if let Some(sql) = invocation.flags.text("inline").map(str::to_owned) {
        let node = inline_node(&prepared.project, &prepared.manifest, &prepared.scopes, &sql, &invocation.sources)
            .map_err(CommandError::Project)?;
        for table in rows(invocation, &prepared, &BTreeSet::new(), &[&node])? {
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
    for (node, table) in shown.iter().zip(rows(invocation, &prepared, &selected, &shown)?) {
        print(invocation, Some(&node.name), &table);
    }
    Ok(())
}

/// The rows of SQL that goes to the warehouse as it is: no file of the project is read but its settings.
fn direct(invocation: &mut Invocation, sql: &str) -> Result<(), CommandError> {
    let project = invocation.load(Depth::Settings, Need::Required)?;
    invocation.greet();
    let limit = invocation.flags.integer("limit").and_then(|limit| usize::try_from(limit).ok());
    let runtime = warehouse::runtime()?;
    let outcome = runtime.block_on(async {
        let engine = warehouse::open(&project, &invocation.id).await?;
        let session = engine.session("show").await?;
        let outcome = session.execute(sql, &StatementOptions { limit, ..StatementOptions::default() }).await;
        engine.close().await?;
        Ok::<_, CommandError>(outcome?)
    })?;
    print(invocation, None, &table(outcome.schema, outcome.batches));
    Ok(())
}

/// The rows of the nodes; what is `selected` along with them must compile too, as in dbt.
fn rows(
    invocation: &Invocation,
    prepared: &Prepared,
    selected: &BTreeSet<UniqueId>,
    nodes: &[&Node],
) -> Result<Vec<Table>, CommandError> {
    let limit = invocation.flags.integer("limit").filter(|limit| *limit >= 0);
    let (tables, outcome) = with_runner(invocation, prepared, selected, |_, runner| {
        compile_nodes(runner, &prepared.dag, selected)
            .and_then(|_| show_nodes(runner, nodes, limit))
            .map_err(|error| CommandError::Project(vec![error.diagnostic]))
    })?;
    write_artifacts(invocation, prepared, &outcome)?;
    Ok(tables)
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
