//! Turns other dialects' spellings into the planner's, on the parsed statement. Purely syntactic: it looks up no table
//! and no column, so that one statement always rewrites to the same one.

mod aggregates;

mod arrows;
pub(in crate::engine::datafusion) mod build;
mod calls;
mod names;
mod parts;
mod predicates;
mod queries;
mod recovery;
mod series;
pub(in crate::engine::datafusion) mod types;
mod using;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, Expr, Ident, Query, Select, SelectItem, Statement, TableFactor,
    VisitMut, VisitorMut,
};

use crate::engine::EngineError;

pub(in crate::engine::datafusion) use queries::{column_count, is_order_by_all};
pub use recovery::recover;
pub(in crate::engine::datafusion) use types::rewrite_type;

/// Rewrites what other dialects spell differently: bare date parts, type names, `iff`, `listagg`, tuple `IN`, ….
///
/// Runs once per parsed statement, before planning; a view's text is rewritten each time it is planned.
///
/// # Errors
/// [`EngineError::Sql`] when a rewritten function has the wrong arguments.
pub fn rewrite_statement(statement: &mut Statement) -> Result<(), EngineError> {
    rewrite_column_types(statement);
    match statement.visit(&mut Rewriter::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// Types in DDL are not expressions, so the visitor does not reach them.
fn rewrite_column_types(statement: &mut Statement) {
    match statement {
        Statement::CreateTable(create) => {
            for column in &mut create.columns {
                types::rewrite_type(&mut column.data_type);
            }
        }
        Statement::AlterTable(alter) => {
            for operation in &mut alter.operations {
                match operation {
                    AlterTableOperation::AddColumn { column_def, .. } => types::rewrite_type(&mut column_def.data_type),
                    AlterTableOperation::AlterColumn {
                        op: AlterColumnOperation::SetDataType { data_type, .. },
                        ..
                    } => types::rewrite_type(data_type),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[derive(Default)]
struct Rewriter {
    /// Per open SELECT: what its unnamed expressions read before the rewrite; a rewrite must not rename a column.
    unnamed: Vec<Vec<Option<String>>>,
}

impl VisitorMut for Rewriter {
    type Break = Box<EngineError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        queries::rewrite_query(query);
        match using::rewrite_order(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        self.unnamed.push(
            select
                .projection
                .iter()
                .map(|item| match item {
                    SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)) => None,
                    SelectItem::UnnamedExpr(expr) => Some(expr.to_string()),
                    _ => None,
                })
                .collect(),
        );
        match using::rewrite_using(select) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let names = self.unnamed.pop().unwrap_or_default();
        for (item, name) in select.projection.iter_mut().zip(names) {
            if let (SelectItem::UnnamedExpr(expr), Some(name)) = (&*item, name)
                && expr.to_string() != name
            {
                *item =
                    SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', column_name(&name)) };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        series::rewrite_series(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match rewrite_expression(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

/// The name of an unnamed column: `x::date` is named `x`, as Postgres does; anything else is named by its text.
fn column_name(text: &str) -> String {
    match text.split_once("::") {
        Some((name, _))
            if name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') =>
        {
            name.rsplit('.').next().unwrap_or(name).to_lowercase()
        }
        _ => text.to_lowercase(),
    }
}

fn rewrite_expression(expr: &mut Expr) -> Result<(), EngineError> {
    match expr {
        Expr::Function(call) => {
            if let Some(rewritten) = calls::rewrite_call(call)? {
                *expr = rewritten;
            }
        }
        Expr::Extract { field, expr: value, .. } => {
            if let Some(rewritten) = parts::extract(&field.to_string(), value) {
                *expr = rewritten;
            }
        }
        Expr::Cast { data_type, .. }
        | Expr::TypedString(datafusion::sql::sqlparser::ast::TypedString { data_type, .. }) => {
            types::rewrite_type(data_type);
        }
        _ => {
            if let Some(rewritten) = predicates::rewrite_predicate(expr)? {
                *expr = rewritten;
            }
        }
    }
    Ok(())
}
