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
        tokens::plain_texts(&mut tokens);
        if let Some((table, overwrite)) = commands::overwritten(&tokens::Solid::new(&tokens)) {
            if let Some(token) = tokens.get_mut(overwrite) {
                token.token = Token::Whitespace(Whitespace::Space);
            }
            let delete = parse::parse(&format!("delete from {}", written(&table)))?.pop();
            let delete = delete.ok_or_else(|| parse::sql_error("INSERT OVERWRITE needs a table"))?;
            works.push(Work::Overwrite(Box::new(delete), Box::new(parse::parsed(tokens, Dialect::Snowflake)?)));
            continue;
        }
        match commands::command(&tokens::Solid::new(&tokens))? {
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
        Command::Comments { table, comments } => set_comments(session, &table, &comments).await,
        Command::Swap { one, other } => swap(session, &one, &other).await,
    }
}

/// Comments of a relation and its columns, as one change.
async fn set_comments(
    session: &Arc<SessionCore>,
    table: &[String],
    comments: &[(Option<String>, Option<String>)],
) -> Result<Outcome, EngineError> {
    let table = written(table);
    let statements = comments.iter().map(|(column, text)| {
        let text = text.as_deref().map_or_else(|| "null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")));
        match column {
            Some(column) => format!("comment on column {table}.{} is {text}", quote_identifier(column)),
            None => format!("comment on table {table} is {text}"),
        }
    });
    let statements: Vec<String> = statements.collect();
    if session.in_transaction() {
        return carry_out(session, &statements).await;
    }
    session.begin();
    match carry_out(session, &statements).await {
        Ok(outcome) => session.commit().await.map(|()| outcome),
        Err(error) => {
            session.rollback().await?;
            Err(error)
        }
    }
}

/// Two tables change names, by way of a name that nobody else has. Where one cannot, both keep theirs.
async fn swap(session: &Arc<SessionCore>, one: &[String], other: &[String]) -> Result<Outcome, EngineError> {
    let mut between = one.to_vec();
    if let Some(table) = between.last_mut() {
        table.push_str("__swapped");
    }
    let renames = [(one, between.as_slice()), (other, one), (between.as_slice(), other)];
    let rename =
        |(from, to): (&[String], &[String])| format!("alter table {} rename to {}", written(from), written(to));
    for (at, step) in renames.iter().enumerate() {
        let Err(error) = carry_out(session, &[rename(*step)]).await else { continue };
        for (from, to) in renames.iter().take(at).rev() {
            carry_out(session, &[rename((to, from))]).await?;
        }
        return Err(error);
    }
    Ok(done())
}

/// Runs statements of the engine's own SQL.
async fn carry_out(session: &Arc<SessionCore>, statements: &[String]) -> Result<Outcome, EngineError> {
    for sql in statements {
        for parsed in parse::parse(sql)? {
            statement::run(session, parsed, &StatementOptions::default()).await?;
        }
    }
    Ok(done())
}

/// A stored name in SQL.
fn written(parts: &[String]) -> String {
    parts.iter().map(|part| quote_identifier(part)).collect::<Vec<_>>().join(".")
}

fn done() -> Outcome {
    statement::nothing("SUCCESS")
}
