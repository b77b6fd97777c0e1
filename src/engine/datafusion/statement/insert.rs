//! INSERT: a query's rows, by position or by a column list, into a table.

use std::sync::Arc;

use datafusion::{
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder},
    sql::sqlparser::ast::{Ident, Insert, Statement, TableObject},
};

use super::{
    super::{
        commit::{Change, Depends},
        core::{Name, SessionCore, fold},
        parse::{Parsed, sql_error},
        query::{self, add_metrics, with_less_memory},
        table::Table,
        types,
        write::{WriteSpec, write_plan},
    },
    nothing,
};
use crate::{
    engine::{EngineError, Metrics, Outcome},
    names::RelationKind,
};

pub(super) async fn insert(session: &Arc<SessionCore>, parsed: Parsed) -> Result<Outcome, EngineError> {
    let Statement::Insert(insert) = &parsed.statement else { return Err(sql_error("INSERT was expected")) };
    if insert.on.is_some() || insert.overwrite || insert.returning.is_some() {
        return Err(EngineError::Unsupported {
            feature: "insert with on conflict, overwrite or returning".to_owned(),
            help: Some("use `merge`".to_owned()),
        });
    }
    let TableObject::TableName(table) = &insert.table else {
        return Err(sql_error("INSERT needs the name of a table"));
    };
    let name = session.resolve(table)?;
    let columns = column_list(insert)?;
    let plan = plan_rows(session, parsed).await?;
    append(session, &name, plan, columns).await
}

async fn plan_rows(session: &Arc<SessionCore>, parsed: Parsed) -> Result<LogicalPlan, EngineError> {
    let (plan, _) = query::plan_with(session, parsed, |statement| match statement {
        Statement::Insert(Insert { source: Some(source), .. }) => Ok(Statement::Query(source.clone())),
        _ => Err(sql_error("INSERT needs VALUES or a query")),
    })
    .await?;
    Ok(plan)
}

/// The query of an INSERT with the columns of the table that it is to fill.
pub(super) async fn plan_for(
    session: &Arc<SessionCore>,
    parsed: Parsed,
    schema: &arrow::datatypes::SchemaRef,
) -> Result<LogicalPlan, EngineError> {
    let Statement::Insert(insert) = &parsed.statement else { return Err(sql_error("INSERT was expected")) };
    let columns = column_list(insert)?;
    arrange(plan_rows(session, parsed).await?, schema, columns)
}

fn column_list(insert: &Insert) -> Result<Option<Vec<Ident>>, EngineError> {
    if insert.columns.is_empty() {
        return Ok(None);
    }
    let idents = insert.columns.iter().map(|name| match name.0.last().and_then(|part| part.as_ident()) {
        Some(ident) => Ok(ident.clone()),
        None => Err(sql_error(format!("`{name}` is not a column"))),
    });
    idents.collect::<Result<Vec<_>, _>>().map(Some)
}

/// Appends the rows of `plan`: by position, or to `columns` with the default in the others.
pub(super) async fn append(
    session: &Arc<SessionCore>,
    name: &Name,
    plan: LogicalPlan,
    columns: Option<Vec<Ident>>,
) -> Result<Outcome, EngineError> {
    if let Some(temporary) = session.temporary(name) {
        let schema = temporary.schema();
        let plan = arrange(plan, &schema, columns)?;
        let (added, rows, metrics) = super::create::materialize(session, plan, Some(schema)).await?;
        super::create::extend_temporary(session, name, &temporary, &added).await?;
        return Ok(Outcome { rows_affected: Some(rows), metrics, ..nothing("INSERT") });
    }
    let (place, kind) = session.find_existing(name)?;
    if kind != RelationKind::Table {
        return Err(sql_error(format!("{name} is a {kind}; rows go into tables")));
    }
    let table = session.table(&place).await?;
    require_writable(&table)?;
    let schema = table.schema();
    let plan = arrange(plan, &schema, columns)?;
    let target = session.stage(&place)?;
    let reads_itself = reads(&plan, &name.table);
    let (written, metrics) = with_less_memory(session, |state| {
        let (plan, folder, table) = (plan.clone(), target.folder.clone(), Arc::clone(&table));
        let spec = table_spec(&table, false);
        async move {
            let physical = state.create_physical_plan(&plan).await?;
            let written = write_plan(Arc::clone(&physical), state.task_ctx(), &folder, &spec).await?;
            let mut metrics = Metrics::default();
            add_metrics(physical.as_ref(), &mut metrics);
            Ok((written, metrics))
        }
    })
    .await?;
    let (rows, bytes) = (written.rows, written.bytes);
    let change = Change {
        adds: written.adds,
        removes: Vec::new(),
        metadata: None,
        protocol: None,
        depends: if reads_itself { Depends::OnBase } else { Depends::Append },
        operation: "WRITE",
    };
    session.apply(&place, Some(table.version()), target, change).await?;
    Ok(Outcome {
        rows_affected: Some(rows),
        metrics: Metrics { rows_written: rows, bytes_written: bytes, ..metrics },
        ..nothing("INSERT")
    })
}

/// How files of an existing table look.
pub(super) fn table_spec(table: &Table, counted: bool) -> WriteSpec {
    WriteSpec {
        schema: table.schema(),
        partition_by: table.partition_columns(),
        cluster_by: Vec::new(),
        target_file_size: table.property("delta.targetFileSize").and_then(|text| text.parse().ok()),
        counted,
    }
}

/// Refuses tables that use Delta features which our files would break.
pub(super) fn require_writable(table: &Table) -> Result<(), EngineError> {
    let on = |name: &str| table.property(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mapped = table.property("delta.columnMapping.mode").is_some_and(|mode| mode != "none");
    let feature = if mapped {
        "column mapping"
    } else if on("delta.enableChangeDataFeed") {
        "the change data feed"
    } else if on("delta.enableDeletionVectors") {
        "deletion vectors"
    } else if on("delta.enableRowTracking") {
        "row tracking"
    } else {
        return Ok(());
    };
    Err(EngineError::Unsupported {
        feature: format!("writing into {}, which uses {feature}", table.place),
        help: Some("replace the table instead of changing it".to_owned()),
    })
}

/// Whether a plan scans a table of this name. Too often true costs a second run at worst.
fn reads(plan: &LogicalPlan, table: &str) -> bool {
    let mut found = false;
    let visited = datafusion::common::tree_node::TreeNode::apply(plan, |node| {
        if let LogicalPlan::TableScan(scan) = node {
            found |= scan.table_name.table().eq_ignore_ascii_case(table);
        }
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    });
    found || visited.is_err()
}

/// The plan with exactly the table's columns, in its order.
fn arrange(
    plan: LogicalPlan,
    schema: &arrow::datatypes::SchemaRef,
    columns: Option<Vec<Ident>>,
) -> Result<LogicalPlan, EngineError> {
    let given = plan.schema().fields().len();
    let Some(columns) = columns else {
        if given != schema.fields().len() {
            return Err(sql_error(format!(
                "the table has {} columns, {given} values are given for each row",
                schema.fields().len()
            )));
        }
        return Ok(plan);
    };
    if columns.len() != given {
        return Err(sql_error(format!("{} columns are listed, {given} values are given for each row", columns.len())));
    }
    for (at, column) in columns.iter().enumerate() {
        let known = schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(&column.value));
        if !known {
            return Err(missing_column(column, schema));
        }
        if columns.iter().take(at).any(|other| other.value.eq_ignore_ascii_case(&column.value)) {
            return Err(sql_error(format!("column `{}` is listed twice", column.value)));
        }
    }
    let inputs: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let expressions = schema.fields().iter().map(|field| {
        let at = columns.iter().position(|column| column.value.eq_ignore_ascii_case(field.name()));
        let value = at.and_then(|at| inputs.get(at).cloned()).unwrap_or_else(|| types::default_of(field));
        value.alias(field.name())
    });
    Ok(LogicalPlanBuilder::from(plan).project(expressions.collect::<Vec<_>>())?.build()?)
}

/// The error for a column that a table does not have.
pub(super) fn missing_column(column: &Ident, schema: &arrow::datatypes::SchemaRef) -> EngineError {
    let near = crate::diagnostic::nearest(&column.value, schema.fields().iter().map(|field| field.name().as_str()));
    let at = column.span.start;
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let position =
        (at.line > 0).then(|| crate::engine::SqlPosition { line: number(at.line), column: number(at.column).max(1) });
    EngineError::Sql {
        message: format!("column `{}` does not exist", fold(column)),
        position,
        help: near.map(|near| format!("did you mean `{near}`?")),
    }
}
