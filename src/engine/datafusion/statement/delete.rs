//! DELETE, UPDATE and TRUNCATE: files that hold rows concerned are written anew, the others stay.

use std::sync::Arc;

use datafusion::{
    common::DataFusionError,
    logical_expr::{LogicalPlan, LogicalPlanBuilder, cast},
    sql::sqlparser::ast::{
        Assignment, AssignmentTarget, Delete, Expr, FromTable, Ident, MergeAction, Select, SelectItem, Statement,
        TableWithJoins, Update, UpdateTableFromKind, Value,
    },
};

use super::{
    super::{
        commit::{Change, Depends},
        core::{SessionCore, fold},
        errors::carry,
        parse::{Parsed, sql_error},
        query::{add_metrics, with_less_memory},
        table::Table,
        write::{Written, write_plan},
    },
    insert::{missing_column, table_spec},
    merge, nothing,
    rewrite::{
        FILE, Target, files_and_sums, is_not_true, open_target, plan_ast, query_where, removes_of, requalify,
        respelling, rows, select_of, select_target, show_target, target_columns, template,
    },
};
use crate::{
    engine::{EngineError, Metrics, Outcome},
    names::{RelationKind, quote_identifier},
};

pub(super) async fn delete(session: &Arc<SessionCore>, parsed: Parsed) -> Result<Outcome, EngineError> {
    respelling(session, parsed, |statement| async { delete_once(session, statement).await }).await
}

async fn delete_once(session: &Arc<SessionCore>, statement: Statement) -> Result<Outcome, DataFusionError> {
    let (target, statement) = target_and_statement(session, statement, |statement| match statement {
        Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            from.first()
        }
        _ => None,
    })
    .await?;
    let Statement::Delete(delete) = statement else { return Err(carry(sql_error("DELETE was expected"))) };
    let Some(condition) = delete_condition(&delete).map_err(carry)? else {
        let rows = count(session, &target).await?;
        remove_everything(session, &target.table).await.map_err(carry)?;
        return Ok(Outcome { rows_affected: Some(rows), ..nothing("DELETE") });
    };
    let Some((files, hits)) = touched(session, &target, &condition).await? else {
        return Ok(Outcome { rows_affected: Some(0), ..nothing("DELETE") });
    };
    show_target(session, &target, Some(files.clone())).await.map_err(carry)?;
    let text = select_target(&target, &target_columns(&target));
    let kept = plan_ast(session, query_where(&text, Some(&is_not_true(&condition))).map_err(carry)?).await?;
    let outcome = replace_files(session, &target, kept, &files, "DELETE").await.map_err(carry)?;
    Ok(Outcome { tag: "DELETE".to_owned(), rows_affected: Some(hits), ..outcome })
}

/// The condition of a DELETE; `using` becomes an EXISTS.
fn delete_condition(delete: &Delete) -> Result<Option<Expr>, EngineError> {
    if delete.returning.is_some() || !delete.order_by.is_empty() || delete.limit.is_some() {
        return Err(EngineError::Unsupported {
            feature: "delete with returning, order by or limit".to_owned(),
            help: None,
        });
    }
    let Some(using) = &delete.using else { return Ok(delete.selection.clone()) };
    let mut exists = template("select 1 where true")?;
    let select: &mut Select = select_of(&mut exists)?;
    select.from.clone_from(using);
    select.selection.clone_from(&delete.selection);
    match exists {
        Statement::Query(subquery) => Ok(Some(Expr::Exists { subquery, negated: false })),
        _ => Err(EngineError::Internal { message: "a template is not a query".to_owned() }),
    }
}

pub(super) async fn update(session: &Arc<SessionCore>, mut parsed: Parsed) -> Result<Outcome, EngineError> {
    if let Statement::Update(Update { from: Some(_), .. }) = &parsed.statement {
        parsed.statement = update_as_merge(parsed.statement)?;
        return Ok(Outcome { tag: "UPDATE".to_owned(), ..merge::merge(session, parsed).await? });
    }
    respelling(session, parsed, |statement| async { update_once(session, statement).await }).await
}

/// `update t set … from s where …` → `merge into t using s on … when matched then update set …`.
fn update_as_merge(statement: Statement) -> Result<Statement, EngineError> {
    let mut statement_of = template("merge into t using s on true when matched then update set c = null")?;
    let (Statement::Update(update), Statement::Merge(merge)) = (statement, &mut statement_of) else {
        return Err(sql_error("UPDATE was expected"));
    };
    let from = match update.from {
        Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => from,
        None => Vec::new(),
    };
    let from = <[TableWithJoins; 1]>::try_from(from);
    let Some([source]) = from.ok().filter(|[source]| source.joins.is_empty() && update.returning.is_none()) else {
        return Err(EngineError::Unsupported {
            feature: "update with several tables or returning".to_owned(),
            help: Some("join in a query: `from (select …) as s`".to_owned()),
        });
    };
    merge.table = update.table.relation;
    merge.source = source.relation;
    if let Some(condition) = update.selection {
        *merge.on = condition;
    }
    if let Some(MergeAction::Update(set)) = merge.clauses.first_mut().map(|clause| &mut clause.action) {
        set.assignments = update.assignments;
    }
    Ok(statement_of)
}

async fn update_once(session: &Arc<SessionCore>, statement: Statement) -> Result<Outcome, DataFusionError> {
    let (target, statement) = target_and_statement(session, statement, |statement| match statement {
        Statement::Update(update) => Some(&update.table),
        _ => None,
    })
    .await?;
    let Statement::Update(Update { assignments, selection, returning, .. }) = statement else {
        return Err(carry(sql_error("UPDATE was expected")));
    };
    if returning.is_some() {
        return Err(carry(EngineError::Unsupported { feature: "update with returning".to_owned(), help: None }));
    }
    let condition = selection.unwrap_or(Expr::Value(Value::Boolean(true).into()));
    let Some((files, hits)) = touched(session, &target, &condition).await? else {
        return Ok(Outcome { rows_affected: Some(0), ..nothing("UPDATE") });
    };
    show_target(session, &target, Some(files.clone())).await.map_err(carry)?;
    let text = select_target(&target, &target_columns(&target));
    let kept = plan_ast(session, query_where(&text, Some(&is_not_true(&condition))).map_err(carry)?).await?;
    let mut changed = query_where(&text, Some(&condition)).map_err(carry)?;
    set_values(&target, select_of(&mut changed).map_err(carry)?, &assignments).map_err(carry)?;
    let changed = plan_ast(session, changed).await?;
    let plan =
        LogicalPlanBuilder::from(stored_types(kept, &target)?).union(stored_types(changed, &target)?)?.build()?;
    let outcome = replace_files(session, &target, plan, &files, "UPDATE").await.map_err(carry)?;
    Ok(Outcome { tag: "UPDATE".to_owned(), rows_affected: Some(hits), ..outcome })
}

/// Puts the assigned values in the place of the columns.
fn set_values(target: &Target, select: &mut Select, assignments: &[Assignment]) -> Result<(), EngineError> {
    let schema = target.table.schema();
    for Assignment { target: column, value } in assignments {
        let column = assigned(column)?;
        let index = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(&fold(&column)));
        let index = index.ok_or_else(|| missing_column(&column, &schema))?;
        if let Some(item) = select.projection.get_mut(index) {
            *item = SelectItem::ExprWithAlias {
                expr: value.clone(),
                alias: Ident::with_quote('"', schema.field(index).name().clone()),
            };
        }
    }
    Ok(())
}

/// The column of an assignment: the last part, as it may be qualified.
pub(super) fn assigned(target: &AssignmentTarget) -> Result<Ident, EngineError> {
    match target {
        AssignmentTarget::ColumnName(name) => {
            let last = name.0.last().and_then(|part| part.as_ident());
            last.cloned().ok_or_else(|| sql_error(format!("`{name}` is not a column")))
        }
        AssignmentTarget::Tuple(_) => {
            Err(EngineError::Unsupported { feature: "assignment to several columns at once".to_owned(), help: None })
        }
    }
}

/// The plan's columns under the table's types and names.
pub(super) fn stored_types(plan: LogicalPlan, target: &Target) -> Result<LogicalPlan, DataFusionError> {
    let schema = target.table.schema();
    let columns = plan.schema().columns();
    let expressions = columns.into_iter().zip(schema.fields()).map(|(column, field)| {
        cast(datafusion::logical_expr::Expr::Column(column), field.data_type().clone()).alias(field.name())
    });
    LogicalPlanBuilder::from(plan).project(expressions.collect::<Vec<_>>())?.build()
}

pub(super) async fn truncate(session: &Arc<SessionCore>, statement: &Statement) -> Result<Outcome, EngineError> {
    let Statement::Truncate(truncate) = statement else { return Err(sql_error("TRUNCATE was expected")) };
    for table in &truncate.table_names {
        let name = session.resolve(&table.name)?;
        if let Some(temporary) = session.temporary(&name) {
            let empty = datafusion::datasource::MemTable::try_new(temporary.schema(), vec![Vec::new()])?;
            session.set_temporary(&name, Some(Arc::new(empty)));
            continue;
        }
        let (place, kind) = session.find(&name)?;
        match kind {
            None if truncate.if_exists => {}
            None => return Err(session.missing(&name)?),
            Some(RelationKind::Table) => remove_everything(session, session.table(&place).await?.as_ref()).await?,
            Some(kind) => return Err(sql_error(format!("{name} is a {kind}; only tables can be truncated"))),
        }
    }
    Ok(nothing("TRUNCATE"))
}

async fn remove_everything(session: &Arc<SessionCore>, table: &Table) -> Result<(), EngineError> {
    let change = Change {
        adds: Vec::new(),
        removes: table.removes().await?,
        metadata: None,
        protocol: None,
        depends: Depends::OnBase,
        operation: "TRUNCATE",
    };
    let place = table.place.clone();
    session.apply(&place, Some(table.version()), session.stage(&place)?, change).await
}

/// Opens the target that `find` points at and calls it by its alias in all expressions.
async fn target_and_statement(
    session: &Arc<SessionCore>,
    mut statement: Statement,
    find: impl Fn(&Statement) -> Option<&TableWithJoins>,
) -> Result<(Target, Statement), DataFusionError> {
    let factor = find(&statement).map(|table| table.relation.clone());
    let factor = factor.ok_or_else(|| carry(sql_error("the statement names no table")))?;
    let target = open_target(session, &factor).await.map_err(carry)?;
    requalify(session, &target, &mut statement);
    Ok((target, statement))
}

/// The files with rows that meet the condition, and how many rows; `None` when there are none.
async fn touched(
    session: &Arc<SessionCore>,
    target: &Target,
    condition: &Expr,
) -> Result<Option<(Vec<String>, u64)>, DataFusionError> {
    show_target(session, target, None).await.map_err(carry)?;
    let file = quote_identifier(FILE);
    let text = format!("{} group by {file}", select_target(target, &[file.clone(), "count(*)".to_owned()]));
    let plan = plan_ast(session, query_where(&text, Some(condition)).map_err(carry)?).await?;
    let (files, sums) = files_and_sums(&rows(session, plan).await?)?;
    let hits = sums.first().copied().unwrap_or(0);
    Ok((hits > 0).then_some((files, hits)))
}

async fn count(session: &Arc<SessionCore>, target: &Target) -> Result<u64, DataFusionError> {
    show_target(session, target, None).await.map_err(carry)?;
    let text = select_target(target, &["''".to_owned(), "count(*)".to_owned()]);
    let plan = plan_ast(session, template(&text).map_err(carry)?).await?;
    Ok(files_and_sums(&rows(session, plan).await?)?.1.first().copied().unwrap_or(0))
}

/// Writes the rows of `plan` in the place of `files`.
async fn replace_files(
    session: &Arc<SessionCore>,
    target: &Target,
    plan: LogicalPlan,
    files: &[String],
    operation: &'static str,
) -> Result<Outcome, EngineError> {
    let (outcome, written) = write_rows(session, target, plan, false).await?;
    finish(session, target, written.0, files, (written.1, operation)).await?;
    Ok(outcome)
}

/// Runs a plan into staged files of the target.
pub(super) async fn write_rows(
    session: &Arc<SessionCore>,
    target: &Target,
    plan: LogicalPlan,
    counted: bool,
) -> Result<(Outcome, (super::super::transaction::Target, Written)), EngineError> {
    let stage = session.stage(&target.table.place)?;
    let (written, metrics) = with_less_memory(session, |state| {
        let (plan, folder, spec) = (plan.clone(), stage.folder.clone(), table_spec(&target.table, counted));
        async move {
            let physical = state.create_physical_plan(&plan).await?;
            let written = write_plan(Arc::clone(&physical), state.task_ctx(), &folder, &spec).await?;
            let mut metrics = Metrics::default();
            add_metrics(physical.as_ref(), &mut metrics);
            Ok((written, metrics))
        }
    })
    .await?;
    let metrics = Metrics { rows_written: written.rows, bytes_written: written.bytes, ..metrics };
    Ok((Outcome { metrics, ..nothing("") }, (stage, written)))
}

/// Applies the written files instead of `files`.
pub(super) async fn finish(
    session: &Arc<SessionCore>,
    target: &Target,
    stage: super::super::transaction::Target,
    files: &[String],
    (written, operation): (Written, &'static str),
) -> Result<(), EngineError> {
    let change = Change {
        adds: written.adds,
        removes: if files.is_empty() { Vec::new() } else { removes_of(&target.table, files).await? },
        metadata: None,
        protocol: None,
        depends: Depends::OnBase,
        operation,
    };
    session.apply(&target.table.place, Some(target.table.version()), stage, change).await
}
