//! Carries out statements: one file per subject, one function per kind of statement.

mod alter;
mod clone;
mod comment;
mod create;
mod delete;
mod drop;
mod function;
mod insert;
mod merge;
mod merge_rules;
mod rewrite;
mod show;
mod view;

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::sql::sqlparser::ast::Statement;

pub(super) use self::{
    create::{create_filled, fills, load},
    function::expand,
};
use super::{core::SessionCore, parse::Parsed, query};
use crate::engine::{EngineError, Metrics, Outcome, StatementOptions};

/// As often is a statement outside of a transaction run again when another writer was faster.
const RETRIES: usize = 3;

/// Runs one statement.
pub(super) async fn run(
    session: &Arc<SessionCore>,
    parsed: Parsed,
    options: &StatementOptions,
) -> Result<Outcome, EngineError> {
    let mut retries = RETRIES;
    loop {
        match Box::pin(run_once(session, parsed.clone(), options)).await {
            Err(EngineError::Conflict { .. })
                if retries > 0 && !session.in_transaction() && can_be_repeated(&parsed.statement) =>
            {
                retries -= 1;
                session.begin_statement();
            }
            Err(error @ EngineError::Conflict { .. }) => {
                session.forget_reads();
                return Err(error);
            }
            result => return result,
        }
    }
}

/// What changes the rows of a table.
pub(super) fn is_dml(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_)
            | Statement::Truncate(_)
    )
}

/// What reads a table, changes it, and can simply be done again.
fn can_be_repeated(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_)
            | Statement::Truncate(_)
            | Statement::Comment { .. }
            | Statement::AlterTable(_)
    )
}

async fn run_once(
    session: &Arc<SessionCore>,
    parsed: Parsed,
    options: &StatementOptions,
) -> Result<Outcome, EngineError> {
    match &parsed.statement {
        Statement::Query(_) => {
            let (plan, _) = query::plan(session, parsed).await?;
            query::run(session, plan, options.limit).await
        }
        Statement::Explain { .. } => show::explain(session, parsed).await,
        Statement::CreateTable(_) => create::create_table(session, parsed, &options.table).await,
        Statement::CreateView(_) => view::create_view(session, parsed).await,
        Statement::CreateFunction(function) => function::create_function(session, function),
        Statement::DropFunction(function) => function::drop_function(session, function),
        Statement::CreateSchema { .. } => create::create_schema(session, &parsed.statement),
        Statement::Drop { .. } => drop::drop(session, &parsed.statement).await,
        Statement::AlterTable(_) => alter::alter_table(session, parsed).await,
        Statement::Insert(_) => insert::insert(session, parsed).await,
        Statement::Delete(_) => delete::delete(session, parsed).await,
        Statement::Update(_) => delete::update(session, parsed).await,
        Statement::Truncate(_) => delete::truncate(session, &parsed.statement).await,
        Statement::Merge(_) => merge::merge(session, parsed).await,
        Statement::Comment { .. } => comment::comment(session, &parsed.statement).await,
        Statement::StartTransaction { .. } => {
            session.begin();
            Ok(nothing("BEGIN"))
        }
        Statement::Commit { .. } => session.commit().await.map(|()| nothing("COMMIT")),
        Statement::Rollback { .. } => session.rollback().await.map(|()| nothing("ROLLBACK")),
        Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowViews { .. }
        | Statement::ShowSchemas { .. }
        | Statement::ShowDatabases { .. }
        | Statement::ShowColumns { .. } => show::show(session, &parsed.statement).await,
        other => Err(unsupported(other)),
    }
}

fn unsupported(statement: &Statement) -> EngineError {
    let text = statement.to_string();
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    let feature = words.join(" ").to_lowercase();
    let help = match statement {
        Statement::OptimizeTable { .. } | Statement::Vacuum(_) => Some("tables are maintained by a later version"),
        Statement::Set(_) => Some("settings belong into the profile"),
        Statement::Copy { .. } => Some("read files with `from 'path'`, write tables with a model"),
        _ => None,
    };
    EngineError::Unsupported { feature, help: help.map(str::to_owned) }
}

/// The outcome of a statement that returns no rows.
pub(super) fn nothing(tag: &str) -> Outcome {
    Outcome {
        tag: tag.to_owned(),
        rows_affected: None,
        schema: Arc::new(Schema::empty()),
        batches: Vec::new(),
        metrics: Metrics::default(),
    }
}
