//! An engine's error as a template's error: its message verbatim, at the place in the model that printed the SQL.

use std::sync::Arc;

use crate::{
    diagnostic::Diagnostic,
    engine::{EngineError, SqlPosition},
    jinja::{ErrorKind, Interp, JinjaError, Value},
};

/// Lines of SQL that are shown when the place is not known.
const SHOWN_LINES: usize = 8;

/// The error of a statement. `sql` is the text that was executed, `compiled` the model's part of it.
pub(super) fn of_statement(
    interp: &Interp<'_>,
    sql: &Arc<str>,
    compiled: Option<&str>,
    error: &EngineError,
) -> JinjaError {
    let message = error.to_string();
    let mut diagnostic = diagnostic_of(error);
    let (position, help) = match error {
        EngineError::Sql { position, help, .. } => (*position, help.clone()),
        EngineError::Unsupported { help, .. } => (None, help.clone()),
        _ => (None, None),
    };
    diagnostic.help = help;
    let offset = position.and_then(|position| byte_offset(sql, position)).or_else(|| named(sql, &message));
    let map = interp.map_of(sql);
    let span_at = |offset: usize| map.as_ref().and_then(|map| map.lookup(offset));
    if let Some(span) = offset.and_then(span_at) {
        return wrap(diagnostic.at(span, ""));
    }
    // Not known where: then at least which model, and what was run.
    let first = compiled.and_then(|code| Some(sql.find(code)? + (code.len() - code.trim_start().len())));
    if let Some(span) = first.and_then(span_at) {
        diagnostic = diagnostic.at(span, "in the query that starts here");
    }
    let lines: Vec<&str> = sql.trim().lines().collect();
    let mut shown = lines.get(..lines.len().min(SHOWN_LINES)).unwrap_or_default().join("\n");
    if lines.len() > SHOWN_LINES {
        shown.push_str("\n…");
    }
    let place = position.map(|at| format!(", line {}, column {}", at.line, at.column)).unwrap_or_default();
    wrap(diagnostic.note(format!("the statement{place}:\n{shown}")))
}

/// Where the first name in backticks stands in the text, if it stands there once.
fn named(sql: &str, message: &str) -> Option<usize> {
    let name = message.split('`').nth(1).filter(|name| !name.is_empty())?;
    let is_word = |character: Option<char>| character.is_some_and(|one| one.is_alphanumeric() || one == '_');
    let mut places = sql.match_indices(name).map(|(at, _)| at).filter(|at| {
        let before = sql.get(..*at).and_then(|before| before.chars().next_back());
        let after = sql.get(at + name.len()..).and_then(|after| after.chars().next());
        !is_word(before) && !is_word(after)
    });
    places.next().filter(|_| places.next().is_none())
}

/// The error of a call that is not a statement: listing, loading, describing.
pub(super) fn of_call(error: &EngineError) -> JinjaError {
    wrap(diagnostic_of(error))
}

/// A conflict has a code of its own: the node runs once more.
fn diagnostic_of(error: &EngineError) -> Diagnostic {
    match error {
        EngineError::Conflict { .. } => Diagnostic::error("conflict", error.to_string()),
        _ => Diagnostic::error("database-error", error.to_string()),
    }
}

fn wrap(diagnostic: Diagnostic) -> JinjaError {
    let mut error = JinjaError::new(ErrorKind::Database, diagnostic.message.clone());
    error.diagnostic = Some(Box::new(diagnostic));
    error
}

/// The byte at which a line and column (in characters, from one) begin.
fn byte_offset(text: &str, position: SqlPosition) -> Option<usize> {
    let mut start = 0;
    for _ in 1..position.line {
        start += text.get(start..)?.find('\n')? + 1;
    }
    let line = text.get(start..)?;
    let column = position.column.saturating_sub(1);
    let offset = line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset);
    Some(start + offset)
}

/// The text of an SQL argument, sharing what the value holds so that its origin is known.
pub(super) fn sql_text(value: &Value) -> Arc<str> {
    match value {
        Value::Str(text) => Arc::clone(text),
        other => other.to_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_once_in_the_text_is_the_place() {
        let sql = "select name, names, total from t where total > 1";
        for (message, expected) in [
            ("column `name` does not exist", Some(7)),
            ("column `total` is not grouped", None),
            ("column `other` does not exist", None),
            ("overflow", None),
        ] {
            assert_eq!(named(sql, message), expected, "{message}");
        }
    }

    #[test]
    fn a_position_in_sql_is_a_byte_of_its_text() {
        let text = "select é,\n  x from t";
        for (line, column, expected) in [(1, 1, Some(0)), (1, 9, Some(9)), (2, 3, Some(13)), (3, 1, None)] {
            assert_eq!(byte_offset(text, SqlPosition { line, column }), expected, "{line}:{column}");
        }
    }
}
