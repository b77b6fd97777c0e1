//! Runs a unit test: the tested model's query on the given rows, against the rows that are expected.

mod diff;
mod fixture;
mod schema;

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    engine::Column,
    event::Status,
    jinja::{JinjaError, Template, Value},
    manifest::{InputTarget, Node, RowSet, UnitInput, UnitRows, UnitTestFields},
    names::UniqueId,
};

use self::{
    fixture::{Fixture, fixture_sql},
    schema::{Known, Schemas},
};
use super::{
    compile::{CompiledNode, NodeError, origin, relative_path, write_file},
    context::{NodeContext, Subject, UnitInputs},
    execute::{Executed, Run, context, materialize},
    inject::{Cte, inject},
    report::Stage,
    runner::Runner,
};

/// Runs the test `node` and compares.
pub(super) fn attempt(
    runner: &Runner,
    (node, fields): (&Node, &UnitTestFields),
    run: &Run,
    stages: &mut Vec<Stage>,
) -> Result<Executed, NodeError> {
    let started = Utc::now();
    let model = tested(runner, node)?;
    if model.language != "sql" {
        let message = format!("unit test `{}` tests `{}`, which is not written in SQL", node.name, model.name);
        return Err(NodeError::of_diagnostic(Diagnostic::error("unit-test", message).at(fields.span, "")));
    }
    let stand_in = stand_in(node, model, fields);
    let context = context(runner, &stand_in, run);
    let watch = runner.watch(&node.unique_id, &context);
    let compiled = compile(runner, &context, (&stand_in, model), fields)?;
    stages.push(Stage { name: "compile", started, ended: Utc::now() });
    let started = Utc::now();
    let made = check_expected(&context, &compiled, fields)
        .and_then(|()| materialize(runner, &stand_in, &context).map_err(|error| explain(&error, node, fields)));
    stages.push(Stage { name: "execute", started, ended: Utc::now() });
    drop(watch);
    let stats = context.take_stats();
    let (_, details) = stats.until_failure();
    runner.record_stats(node, stats);
    made.map_err(|error| NodeError { details, ..error })?;
    let response = context.main_response().unwrap_or_default();
    let table = context.main_table().ok_or_else(|| {
        NodeError::of(&JinjaError::raised("the materialization `unit` ran no statement `main`"), node)
    })?;
    let difference = diff::compare(&table).map_err(|message| NodeError::of(&JinjaError::raised(message), node))?;
    let (status, failures) = if difference.is_some() { (Status::Fail, 1) } else { (Status::Pass, 0) };
    Ok(Executed {
        status,
        message: difference,
        bracket: if status == Status::Pass { "PASS".to_owned() } else { format!("FAIL {failures}") },
        failures: Some(failures),
        response,
        compiled: Some(compiled.code.text),
    })
}

fn tested<'r>(runner: &'r Runner, node: &Node) -> Result<&'r Node, NodeError> {
    let id = node.depends_on.nodes.first();
    id.and_then(|id| runner.manifest().nodes.get(id)).ok_or_else(|| {
        let message = format!("the model of unit test `{}` is gone", node.name);
        NodeError::of_diagnostic(Diagnostic::error("internal", message))
    })
}

/// The tested model under the name of the test, to be made by the materialization `unit`.
fn stand_in(node: &Node, model: &Node, fields: &UnitTestFields) -> Node {
    let mut stand_in = Node {
        unique_id: node.unique_id.clone(),
        resource_type: node.resource_type,
        name: node.versioned_name(),
        package_name: node.package_name.clone(),
        path: node.path.clone(),
        original_file_path: node.original_file_path.clone(),
        ..model.clone()
    };
    let (rows, sql) = match &fields.expect.rows {
        RowSet::Sql(sql) => (Value::list([]), Value::from(sql.as_str())),
        RowSet::Rows(_) => (fields.expect.to_value(), Value::None),
    };
    for (key, value) in [("materialized", "unit".into()), ("expected_rows", rows), ("expected_sql", sql)] {
        stand_in.config.0.insert(key.to_owned(), value);
    }
    stand_in
}

/// The model's query with the given rows in front.
fn compile(
    runner: &Runner,
    context: &NodeContext,
    (stand_in, model): (&Node, &Node),
    fields: &UnitTestFields,
) -> Result<CompiledNode, NodeError> {
    let names = cte_names(runner, model, &fields.given);
    let mut inputs = UnitInputs::default();
    for (input, name) in fields.given.iter().zip(&names) {
        match &input.target {
            InputTarget::Node(id) => {
                inputs.nodes.insert(id.clone(), name.clone());
            }
            InputTarget::This => inputs.this = Some(name.clone()),
            InputTarget::Missing => return Err(missing_input(stand_in, input)),
        }
    }
    context.set_unit_inputs(inputs);
    let overrides = fields.overrides.clone().unwrap_or_default();
    context.override_vars(&overrides.vars, &overrides.env_vars);
    for (name, value) in &overrides.macros {
        context.override_macro(name, value.clone());
    }
    let schemas = Schemas { runner, context };
    let mut ctes: Vec<(UniqueId, Cte)> = Vec::new();
    for (input, name) in fields.given.iter().zip(names) {
        let id = match &input.target {
            InputTarget::Node(id) => id,
            _ => &model.unique_id,
        };
        let body = match &input.rows.rows {
            RowSet::Sql(_) => fixture::rendered_sql(context, &input.rows, stand_in)?,
            RowSet::Rows(_) => {
                let fixture = typed(&schemas, id, input, stand_in)?;
                fixture_sql(runner, context, &fixture, stand_in)?
            }
        };
        ctes.push((id.clone(), Cte { alias: name, body }));
    }
    let template =
        Template::parse(&crate::diagnostic::line_feeds(&stand_in.raw_code), origin(stand_in)).map_err(|errors| {
            let first = errors.into_iter().next();
            NodeError::of_diagnostic(first.unwrap_or_else(|| Diagnostic::error("internal", "no template")))
        })?;
    let body = context.render(&template).map_err(|error| NodeError::of(&error, stand_in))?;
    let plain: Vec<Cte> = ctes.iter().map(|(_, cte)| cte.clone()).collect();
    let code = inject(body.clone(), &plain);
    context.set_compiled(code.text.as_str(), code.map.clone());
    if let Some(target) = &runner.compiler.target_dir {
        let path = target.join("compiled").join(relative_path(stand_in));
        write_file(&path, &code.text).map_err(NodeError::of_diagnostic)?;
    }
    Ok(CompiledNode { code, body, ctes, macros: Vec::new() })
}

/// The names of the inputs' CTEs, without the prefix: aliases, told apart where two are the same.
fn cte_names(runner: &Runner, model: &Node, given: &[UnitInput]) -> Vec<String> {
    let manifest = runner.manifest();
    let mut seen: HashMap<String, usize> = HashMap::new();
    given
        .iter()
        .map(|input| {
            let name = match &input.target {
                InputTarget::Node(id) => match (manifest.nodes.get(id), manifest.sources.get(id)) {
                    (Some(node), _) => node.alias.clone(),
                    (None, Some(source)) => source.identifier.clone(),
                    (None, None) => id.to_string(),
                },
                _ => model.alias.clone(),
            };
            // The name is printed without quotes.
            let letters = name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' });
            let name: String = letters.flat_map(char::to_lowercase).collect();
            let count = seen.entry(name.clone()).or_insert(0);
            *count += 1;
            if *count == 1 { name } else { format!("{name}__{count}") }
        })
        .collect()
}

fn missing_input(node: &Node, input: &UnitInput) -> NodeError {
    let message =
        format!("Unit test '{}' had an input ({}) which was not found in the manifest.", node.name, input.input);
    let diagnostic = Diagnostic::error("unit-test-input", message).at(input.span, "nothing has this name");
    NodeError::of_diagnostic(diagnostic.node(node.unique_id.as_str()))
}

/// The rows of an input with the types of all columns that it has.
fn typed<'i>(
    schemas: &Schemas<'_>,
    id: &UniqueId,
    input: &'i UnitInput,
    node: &Node,
) -> Result<Fixture<'i>, NodeError> {
    let names = input.rows.columns();
    let mut known = schemas.find(id)?;
    if let Known::All(columns) = &known
        && let Some(unknown) = names.iter().find(|name| !has(columns, name))
    {
        // What is stored may be older than the project.
        match schemas.planned(id) {
            Ok(planned) if names.iter().all(|name| has(&planned, name)) => known = Known::All(planned),
            _ => {
                let what = format!("'{}'", schemas.name(id));
                return Err(unknown_column(unknown, columns, &input.rows, &what, node));
            }
        }
    }
    let columns = match known {
        Known::All(columns) => columns,
        Known::Some(columns) => fixture::with_inferred(columns, &input.rows),
    };
    if columns.is_empty() {
        let message = format!("unit test `{}` cannot tell the columns of input `{}`", node.name, input.input);
        let help = "declare its columns with `data_type` in its properties, or give a row";
        let diagnostic =
            Diagnostic::error("unit-test-rows", message).at(input.span, "not in the warehouse, and no row is given");
        return Err(NodeError::of_diagnostic(diagnostic.help(help).node(node.unique_id.as_str())));
    }
    Ok(Fixture { rows: &input.rows, columns, what: &input.input, is_seed: schemas.is_seed(id) })
}

fn has(columns: &[Column], name: &str) -> bool {
    columns.iter().any(|column| column.name.eq_ignore_ascii_case(name))
}

/// The expected columns must be columns of the model.
fn check_expected(context: &NodeContext, compiled: &CompiledNode, fields: &UnitTestFields) -> Result<(), NodeError> {
    let Subject::Node(node) = context.subject() else { return Ok(()) };
    let sql: Arc<str> = compiled.code.text.as_str().into();
    let columns = context.describe(&sql).map_err(|error| explain(&error, node, fields))?;
    match fields.expect.columns().iter().find(|name| !has(&columns, name)) {
        Some(unknown) => Err(unknown_column(unknown, &columns, &fields.expect, "expected output", node)),
        None => Ok(()),
    }
}

fn unknown_column(name: &str, columns: &[Column], rows: &UnitRows, what: &str, node: &Node) -> NodeError {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let message = format!("Invalid column name: '{name}' in unit test fixture for {what}.");
    let diagnostic = Diagnostic::error("unit-test-rows", message)
        .at(span_of(rows, |column, _| column == name), "not a column")
        .note(format!("the columns are {}", names.join(", ")))
        .note(format!("in unit test `{}`", node.name))
        .node(node.unique_id.as_str());
    NodeError::of_diagnostic(match nearest(name, names.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    })
}

/// Where the first cell that `is_it` is written, else all rows.
fn span_of(rows: &UnitRows, is_it: impl Fn(&str, &Value) -> bool) -> Span {
    let RowSet::Rows(found) = &rows.rows else { return rows.span };
    let cells = found.iter().flatten();
    let mut matching = cells.filter(|(name, cell)| is_it(name, &cell.value)).filter_map(|(_, cell)| cell.span);
    matching.next().unwrap_or(rows.span)
}

/// An error of the engine; where it names a value that the test gives, with the place of the value.
fn explain(error: &JinjaError, node: &Node, fields: &UnitTestFields) -> NodeError {
    let mut found = NodeError::of(error, node);
    let quoted = found.diagnostic.message.split('\'').nth(1).map(str::to_owned);
    let all = fields.given.iter().map(|input| &input.rows).chain([&fields.expect]);
    let place = quoted.and_then(|text| {
        let is_it = |_: &str, value: &Value| value.as_str() == Some(&text);
        all.map(|rows| (rows, span_of(rows, is_it))).find(|(rows, span)| rows.span != *span).map(|(_, span)| span)
    });
    if let Some(place) = place {
        found.diagnostic.labels.clear();
        found.diagnostic.stack.clear();
        found.diagnostic = found.diagnostic.at(place, "the value of this column").note("in the rows of the unit test");
        found.diagnostic.notes.retain(|note| !note.starts_with("the statement"));
    }
    found
}
