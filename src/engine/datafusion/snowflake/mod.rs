//! The dialect `snowflake` of the engine: its names, its statements, and its SQL in the engine's own.
//!
//! ```text
//! text ─tokens─▶ names swapped ─┬─ command ─▶ answered here, recorded or refused
//!                               └─ clauses taken out ─▶ statement ─▶ the engine
//! ```

mod commands;
pub(super) mod names;
pub(super) mod show;
pub(super) mod sql;
mod tokens;

pub(super) use commands::Command;

use std::sync::Arc;

use datafusion::sql::sqlparser::tokenizer::{Token, Whitespace};

use super::{
    Dialect,
    core::{SessionCore, locked},
    parse::{self, Parsed},
    statement,
};
use crate::{
    engine::{EngineError, Outcome, StatementOptions},
    names::quote_identifier,
};

/// One piece of a text.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Statement(Box<Parsed>),
    Command(Command),
    /// A table is emptied and filled in one transaction: DELETE, then the INSERT.
    Overwrite(Box<Parsed>, Box<Parsed>),
}

/// The statements of a text in Snowflake's SQL.
///
/// # Errors
/// A text that cannot be read, and statements that cannot be done here.
pub(super) fn works(sql: &str) -> Result<Vec<Work>, EngineError> {
    let mut works = Vec::new();
    for mut tokens in parse::split(sql, Dialect::Snowflake)? {
        tokens::swap_names(&mut tokens);
        match commands::command(&tokens::Solid::new(&tokens))? {
            Some(Command::InsertOverwrite { table, overwrite }) => {
                if let Some(token) = tokens.get_mut(overwrite) {
                    token.token = Token::Whitespace(Whitespace::Space);
                }
                let quoted: Vec<String> = table.iter().map(|part| quote_identifier(part)).collect();
                let delete = parse::parse(&format!("delete from {}", quoted.join(".")))?.pop();
                let delete = delete.ok_or_else(|| parse::sql_error("INSERT OVERWRITE needs a table"))?;
                works.push(Work::Overwrite(Box::new(delete), Box::new(parse::parsed(tokens, Dialect::Snowflake)?)));
            }
            Some(command) => works.push(Work::Command(command)),
            None => {
                for clause in tokens::take_clauses(&mut tokens) {
                    tracing::debug!(clause, "snowflake: without meaning here");
                }
                tokens::mend_added_columns(&mut tokens);
                let mut parsed = parse::parsed(tokens, Dialect::Snowflake)?;
                sql::rewrite_columns(&mut parsed.statement);
                works.push(Work::Statement(Box::new(parsed)));
            }
        }
    }
    Ok(works)
}

/// Carries out a command.
///
/// # Errors
/// Relations that are not there, and what renaming and SHOW run into.
pub(super) async fn run(session: &Arc<SessionCore>, command: Command) -> Result<Outcome, EngineError> {
    match command {
        Command::Recorded(what) => {
            tracing::debug!(what, "snowflake: accepted, without meaning here");
            Ok(done())
        }
        Command::Show(show) => {
            let parameters = locked(&session.parameters).clone();
            show::show(session, &show, &parameters).await
        }
        Command::Describe(name) => show::describe(session, &name).await,
        Command::SetParameters(new) => {
            let mut parameters = locked(&session.parameters);
            for (name, value) in new {
                parameters.retain(|(known, _)| *known != name);
                parameters.push((name, value));
            }
            drop(parameters);
            Ok(done())
        }
        Command::UnsetParameters(names) => {
            locked(&session.parameters).retain(|(known, _)| !names.contains(known));
            Ok(done())
        }
        Command::Swap { one, other } => swap(session, &one, &other).await,
        Command::InsertOverwrite { .. } => Err(parse::sql_error("INSERT OVERWRITE needs rows")),
    }
}

/// Two tables change names, by way of a name that nobody else has.
async fn swap(session: &Arc<SessionCore>, one: &[String], other: &[String]) -> Result<Outcome, EngineError> {
    let written = |parts: &[String]| parts.iter().map(|part| quote_identifier(part)).collect::<Vec<_>>().join(".");
    let mut between = one.to_vec();
    if let Some(table) = between.last_mut() {
        table.push_str("__swapped");
    }
    for (from, to) in [(one, between.as_slice()), (other, one), (between.as_slice(), other)] {
        let sql = format!("alter table {} rename to {}", written(from), written(to));
        for parsed in parse::parse(&sql)? {
            statement::run(session, parsed, &StatementOptions::default()).await?;
        }
    }
    Ok(done())
}

fn done() -> Outcome {
    statement::nothing("SUCCESS")
}
