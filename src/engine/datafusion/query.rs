//! Planning and running queries: case of identifiers, limits, the second try with less memory, and what it cost.

use std::{collections::HashSet, future::Future, sync::Arc};

use datafusion::{
    common::ParamValues,
    execution::SessionState,
    logical_expr::{LogicalPlan, LogicalPlanBuilder},
    physical_plan::{
        ExecutionPlan, collect,
        metrics::{Metric, MetricsSet},
    },
    sql::{parser::Statement as DataFusionStatement, sqlparser::ast::Statement},
};

use super::{
    Dialect, checks,
    core::{SessionCore, locked},
    errors::from_datafusion,
    external::{ExternalOptions, resolve_external},
    functions,
    parse::{Parsed, missing_field, parse_tokens, respell},
    snowflake, statement, types,
};
use crate::engine::{Column, EngineError, Metrics, Outcome};

/// As often is a statement mended whose columns were not found.
pub(super) const REPAIRS: usize = 100;

/// The logical plan of a query, and the statement that it was made from after respelling.
pub(super) async fn plan(session: &Arc<SessionCore>, parsed: Parsed) -> Result<(LogicalPlan, Parsed), EngineError> {
    plan_with(session, parsed, |statement| Ok(statement.clone())).await
}

/// Like [`plan`], for the query that `part` finds in the statement.
pub(super) async fn plan_with(
    session: &Arc<SessionCore>,
    mut parsed: Parsed,
    part: impl Fn(&Statement) -> Result<Statement, EngineError>,
) -> Result<(LogicalPlan, Parsed), EngineError> {
    let mut attempts = 0;
    let mut statement = prepare(session, part(&parsed.statement)?).await?;
    loop {
        let planned =
            session.state().statement_to_plan(DataFusionStatement::Statement(Box::new(statement.clone()))).await;
        let error = match planned {
            Ok(plan) => return Ok((plan, parsed)),
            Err(error) => error,
        };
        attempts += 1;
        if attempts > REPAIRS || missing_field(&error).is_none() {
            return Err(explain(session, &error));
        }
        if respell(&mut parsed.tokens, &error) {
            parsed.statement = parse_tokens(&parsed.tokens, parsed.dialect)?;
            statement = prepare(session, part(&parsed.statement)?).await?;
        } else if !functions::recover(&mut statement, &error) {
            return Err(explain(session, &error));
        }
    }
}

/// Functions of the warehouse, refusals, rewrites of dialect, external files: what happens to every statement before it is planned.
pub(super) async fn prepare(session: &Arc<SessionCore>, mut prepared: Statement) -> Result<Statement, EngineError> {
    statement::expand(session, &mut prepared)?;
    match session.lake.config.dialect {
        Dialect::Generic => checks::check_statement(&prepared)?,
        Dialect::Snowflake => {
            // What depends on the columns of a FROM is written out.
            for _ in 0..REPAIRS {
                let Some(asked) = snowflake::sql::question(&prepared) else { break };
                let asked = Box::pin(prepare(session, asked)).await?;
                let asked = DataFusionStatement::Statement(Box::new(asked));
                let planned = session.state().statement_to_plan(asked).await;
                let planned = planned.map_err(|error| explain(session, &error))?;
                snowflake::sql::answer(&mut prepared, planned.schema());
            }
            snowflake::sql::rewrite_statement(&mut prepared)?;
            checks::check_statement_but_pivots(&prepared)?;
        }
    }
    functions::rewrite_statement(&mut prepared)?;
    let options = ExternalOptions { project_root: session.lake.config.project_root.clone() };
    let external = resolve_external(&session.ctx, &mut prepared, &options).await?;
    if !external.is_empty() {
        locked(&session.externals).push(external);
    }
    Ok(prepared)
}

/// A planning error; for a missing table with near names.
pub(super) fn explain(session: &SessionCore, error: &datafusion::error::DataFusionError) -> EngineError {
    let mapped = from_datafusion(error);
    let EngineError::NotFound { relation, .. } = &mapped else { return mapped };
    let parts: Vec<String> = relation.split("\".\"").map(|part| part.trim_matches('"').replace("\"\"", "\"")).collect();
    let [database, schema, table] = parts.as_slice() else { return mapped };
    let (table, _) = super::parse::split_version(table);
    let name = super::core::Name { database: database.clone(), schema: schema.clone(), table: table.to_owned() };
    let position = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| super::errors::position(&span));
    match session.missing(&name).unwrap_or_else(|error| error) {
        EngineError::Sql { message, help, .. } => EngineError::Sql { message, position, help },
        other => other,
    }
}

/// Runs `work` and, when memory runs out, once more with joins that can spill.
pub(super) async fn with_less_memory<T, F>(
    session: &SessionCore,
    work: impl Fn(SessionState) -> F,
) -> Result<T, EngineError>
where
    F: Future<Output = Result<T, EngineError>>,
{
    match work(session.state()).await {
        Err(EngineError::Memory { message }) => {
            tracing::info!(session = %session.name, %message, "out of memory; running again with sort-merge joins");
            let mut state = session.state();
            state.config_mut().options_mut().optimizer.prefer_hash_join = false;
            state.config_mut().options_mut().execution.target_partitions = 1;
            work(state).await
        }
        result => result,
    }
}

/// Runs a query to the end.
pub(super) async fn run(
    session: &SessionCore,
    plan: LogicalPlan,
    limit: Option<usize>,
) -> Result<Outcome, EngineError> {
    let plan = match limit {
        Some(limit) if !matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) => {
            LogicalPlanBuilder::from(plan).limit(0, Some(limit))?.build()?
        }
        _ => plan,
    };
    let plan = plan.with_param_values(ParamValues::List(Vec::new()))?;
    with_less_memory(session, |state| {
        let plan = plan.clone();
        async move {
            let physical = state.create_physical_plan(&plan).await?;
            let schema = types::nullable(&types::plain(physical.schema().as_ref()));
            let batches = collect(Arc::clone(&physical), state.task_ctx()).await?;
            let batches = batches
                .iter()
                .filter(|batch| batch.num_rows() > 0)
                .map(|batch| types::relabel(batch, &schema))
                .collect::<Result<Vec<_>, _>>()?;
            let mut metrics = Metrics::default();
            add_metrics(physical.as_ref(), &mut metrics);
            Ok(Outcome { tag: "SELECT".to_owned(), rows_affected: None, schema, batches, metrics })
        }
    })
    .await
}

/// Names and types of a query's columns, after coercion, without running it.
pub(super) fn output_columns(session: &SessionCore, plan: LogicalPlan) -> Result<Vec<Column>, EngineError> {
    let state = session.state();
    let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    Ok(types::columns(analyzed.schema().as_arrow()))
}

/// Sums what the operators of an executed plan counted. A scan may stand in the plan several times, with one count.
pub(super) fn add_metrics(plan: &dyn ExecutionPlan, metrics: &mut Metrics) {
    add_unseen_metrics(plan, &mut HashSet::new(), metrics);
}

fn add_unseen_metrics(plan: &dyn ExecutionPlan, seen: &mut HashSet<*const Metric>, metrics: &mut Metrics) {
    let mut counted = MetricsSet::new();
    for metric in plan.metrics().iter().flat_map(MetricsSet::iter) {
        if seen.insert(Arc::as_ptr(metric)) {
            counted.push(Arc::clone(metric));
        }
    }
    let sum = |name: &str| counted.sum_by_name(name).map_or(0, |value| value.as_usize() as u64);
    metrics.bytes_read += sum("bytes_scanned");
    metrics.files_read += sum("files_opened");
    metrics.spilled_bytes += counted.spilled_bytes().unwrap_or(0) as u64;
    if plan.children().is_empty() {
        metrics.rows_read += counted.output_rows().unwrap_or(0) as u64;
    }
    for child in plan.children() {
        add_unseen_metrics(child.as_ref(), seen, metrics);
    }
}
