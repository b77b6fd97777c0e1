//! What DELETE, UPDATE and MERGE share: find the files that hold rows concerned, read only these, write them anew.
//! The target is a guest table of the statement with one more column, the file of each row.

use std::{collections::HashSet, future::Future, path::PathBuf, sync::Arc};

use arrow::{
    array::{AsArray, RecordBatch},
    compute::cast,
    datatypes::{DataType, Int64Type},
};
use datafusion::{
    common::DataFusionError,
    logical_expr::LogicalPlan,
    physical_plan::collect,
    sql::{
        parser::Statement as DataFusionStatement,
        sqlparser::ast::{
            Expr, Ident, ObjectName, Query, Select, SetExpr, Statement, TableAlias, TableFactor, visit_expressions_mut,
        },
    },
};
use deltalake::kernel::Remove;

use super::{
    super::{
        core::{Name, SessionCore, fold, locked},
        errors::carry,
        functions,
        parse::{self, Parsed, missing_field, parse_tokens, respell, sql_error},
        query::{self, with_less_memory},
        table::Table,
    },
    insert::require_writable,
};
use crate::{
    engine::EngineError,
    names::{RelationKind, quote_identifier},
};

/// The column with the file of each row of a target; cannot be typed.
pub(super) const FILE: &str = "\u{1}file";
/// The guest tables of a statement.
pub(super) const TARGET: &str = "\u{1}target";
pub(super) const SOURCE: &str = "\u{1}source";

/// The table that a statement changes.
pub(super) struct Target {
    pub name: Name,
    pub table: Arc<Table>,
    /// How the statement's expressions call it.
    pub alias: Ident,
}

/// Runs `work` on the statement; when a column was written in another case than stored, once more with that case.
pub(super) async fn respelling<T, F>(
    session: &Arc<SessionCore>,
    mut parsed: Parsed,
    work: impl Fn(Statement) -> F,
) -> Result<T, EngineError>
where
    F: Future<Output = Result<T, DataFusionError>>,
{
    let mut attempts = 0;
    let mut statement = query::prepare(session, parsed.statement.clone()).await?;
    loop {
        let error = match work(statement.clone()).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        attempts += 1;
        if attempts > query::REPAIRS || missing_field(&error).is_none() {
            return Err(query::explain(session, &error));
        }
        if respell(&mut parsed.tokens, &error) {
            parsed.statement = parse_tokens(&parsed.tokens, parsed.dialect)?;
            statement = query::prepare(session, parsed.statement.clone()).await?;
        } else if !functions::recover(&mut statement, &error) {
            return Err(query::explain(session, &error));
        }
    }
}

/// The target of a statement, opened; its alias is the one given, or the table's own name.
pub(super) async fn open_target(session: &Arc<SessionCore>, factor: &TableFactor) -> Result<Target, EngineError> {
    let TableFactor::Table { name, alias, .. } = factor else {
        return Err(sql_error(format!("`{factor}` is not a table")));
    };
    let resolved = session.resolve(name)?;
    let alias = match alias {
        Some(alias) => alias.name.clone(),
        None => Ident::with_quote('"', resolved.table.clone()),
    };
    if session.temporary(&resolved).is_some() {
        return Err(EngineError::Unsupported {
            feature: "changing rows of a temporary table".to_owned(),
            help: Some("create it anew with the rows that it should have".to_owned()),
        });
    }
    let (place, kind) = session.find_existing(&resolved)?;
    if kind != RelationKind::Table {
        return Err(sql_error(format!("{resolved} is a {kind}; only tables can be changed")));
    }
    let table = session.table(&place).await?;
    require_writable(&table)?;
    Ok(Target { name: resolved, table, alias })
}

/// `database.schema.table.column` → `alias.column`, as the target has another name while it is rewritten.
pub(super) fn requalify(session: &SessionCore, target: &Target, statement: &mut Statement) {
    let _ = visit_expressions_mut(statement, |expr| {
        if let Expr::CompoundIdentifier(parts) = expr
            && parts.len() > 2
            && let Some((column, relation)) = parts.split_last()
        {
            let named = session.resolve(&ObjectName::from(relation.to_vec()));
            let same = |left: &str, right: &str| left.eq_ignore_ascii_case(right);
            if named.is_ok_and(|named| {
                same(&named.database, &target.name.database)
                    && same(&named.schema, &target.name.schema)
                    && same(&named.table, &target.name.table)
            }) {
                *expr = Expr::CompoundIdentifier(vec![target.alias.clone(), column.clone()]);
            }
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
}

/// Shows the target under [`TARGET`]: all of it, or only some files.
pub(super) async fn show_target(
    session: &Arc<SessionCore>,
    target: &Target,
    files: Option<Vec<String>>,
) -> Result<(), EngineError> {
    let provider = target.table.provider_with_files(&session.state(), FILE, files).await?;
    locked(&session.guests).insert(TARGET.to_owned(), provider);
    Ok(())
}

/// An alias as SQL text.
pub(super) fn alias_text(alias: &Ident) -> String {
    quote_identifier(&fold(alias))
}

/// A query from a text in which `true` after WHERE stands for `condition`, which keeps its positions.
pub(super) fn query_where(text: &str, condition: Option<&Expr>) -> Result<Statement, EngineError> {
    let mut statement = template(text)?;
    if let Some(condition) = condition {
        select_of(&mut statement)?.selection = Some(condition.clone());
    }
    Ok(statement)
}

pub(super) fn template(text: &str) -> Result<Statement, EngineError> {
    let mut statements = parse::parse(text)?;
    match statements.pop() {
        Some(parsed) => Ok(parsed.statement),
        None => Err(EngineError::Internal { message: format!("a template is empty: {text}") }),
    }
}

pub(super) fn select_of(statement: &mut Statement) -> Result<&mut Select, EngineError> {
    if let Statement::Query(query) = statement
        && let Query { body, .. } = query.as_mut()
        && let SetExpr::Select(select) = body.as_mut()
    {
        return Ok(select);
    }
    Err(EngineError::Internal { message: "a template is not a select".to_owned() })
}

/// `expr is not true`.
pub(super) fn is_not_true(condition: &Expr) -> Expr {
    Expr::IsNotTrue(Box::new(Expr::Nested(Box::new(condition.clone()))))
}

/// Plans a statement that was prepared already.
pub(super) async fn plan_ast(session: &Arc<SessionCore>, statement: Statement) -> Result<LogicalPlan, DataFusionError> {
    session.state().statement_to_plan(DataFusionStatement::Statement(Box::new(statement))).await
}

/// Runs a small query.
pub(super) async fn rows(session: &Arc<SessionCore>, plan: LogicalPlan) -> Result<Vec<RecordBatch>, DataFusionError> {
    with_less_memory(session, |state| {
        let plan = plan.clone();
        async move {
            let physical = state.create_physical_plan(&plan).await?;
            Ok(collect(physical, state.task_ctx()).await?)
        }
    })
    .await
    .map_err(carry)
}

/// The files named in the first column and the sums of the others.
pub(super) fn files_and_sums(batches: &[RecordBatch]) -> Result<(Vec<String>, Vec<u64>), DataFusionError> {
    let mut files = Vec::new();
    let mut sums: Vec<u64> = Vec::new();
    for batch in batches {
        let Some((first, rest)) = batch.columns().split_first() else { continue };
        let names = cast(first, &DataType::Utf8)?;
        files.extend(names.as_string::<i32>().iter().flatten().map(str::to_owned));
        sums.resize(rest.len().max(sums.len()), 0);
        for (sum, column) in sums.iter_mut().zip(rest) {
            let column = cast(column, &DataType::Int64)?;
            *sum += column.as_primitive::<Int64Type>().iter().flatten().map(i64::unsigned_abs).sum::<u64>();
        }
    }
    Ok((files, sums))
}

/// The `remove` actions of files as the file column names them.
pub(super) async fn removes_of(table: &Table, files: &[String]) -> Result<Vec<Remove>, EngineError> {
    let root = table.folder.clone();
    let wanted: HashSet<PathBuf> = files.iter().map(|file| local_path(file, &root)).collect();
    let removes: Vec<Remove> =
        table.removes().await?.into_iter().filter(|remove| wanted.contains(&root.join(&remove.path))).collect();
    if removes.len() == wanted.len() {
        return Ok(removes);
    }
    Err(EngineError::Internal {
        message: format!("{} of {} files of {} were found in its log", removes.len(), wanted.len(), table.place),
    })
}

fn local_path(file: &str, root: &std::path::Path) -> PathBuf {
    let url = url::Url::parse(file).ok().filter(|url| url.scheme() == "file");
    match url.and_then(|url| url.to_file_path().ok()) {
        Some(path) => path,
        None => root.join(file),
    }
}

/// `select <columns> from target as alias`, the columns in the table's order.
pub(super) fn select_target(target: &Target, columns: &[String]) -> String {
    let alias = alias_text(&target.alias);
    let columns = columns.join(", ");
    format!("select {columns} from {} as {alias} where true", quote_identifier(TARGET))
}

/// The target's columns as SQL text, with its alias.
pub(super) fn target_columns(target: &Target) -> Vec<String> {
    let alias = alias_text(&target.alias);
    target.table.schema().fields().iter().map(|field| format!("{alias}.{}", quote_identifier(field.name()))).collect()
}

/// An alias for a table factor.
pub(super) fn table_alias(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}
