//! Sources outside the warehouse: files, globs and Hive-partitioned folders, named by path or by a `read_…` function.

use std::path::PathBuf;

use datafusion::{prelude::SessionContext, sql::sqlparser::ast::Statement};

use crate::engine::EngineError;

/// Where paths start.
#[derive(Debug, Clone)]
pub struct ExternalOptions {
    /// A relative path in SQL starts here.
    pub project_root: PathBuf,
}

/// Finds `'path'`, `read_parquet(…)`, `read_csv(…)`, `read_json(…)` and `delta_scan(…)` in table position, registers each
/// under a unique name in the session's default schema and rewrites the reference. Returns the registered names; the
/// caller deregisters them when the statement is done.
///
/// # Errors
/// [`EngineError::Sql`] for a wrong call, [`EngineError::Data`] or [`EngineError::Storage`] for the files.
pub async fn resolve_external(
    ctx: &SessionContext,
    statement: &mut Statement,
    options: &ExternalOptions,
) -> Result<Vec<String>, EngineError> {
    let _ = (ctx, statement, options);
    Ok(Vec::new())
}
