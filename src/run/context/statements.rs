//! Running SQL for a template: `adapter.execute` and its like, with what each statement cost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    engine::{Details, EngineError, Load, LoadMode, Metrics, Outcome, Session, TableOptions},
    event::Event,
    jinja::{Args, ErrorKind, Interp, JinjaError, Value},
    manifest::context::{
        Table,
        adapter::relation_argument,
        arguments::{bind, is_nothing, lock, lookup, string_pairs, text},
        base::iterate,
    },
    names::Relation,
};

use super::{
    errors::{of_call, of_statement, sql_text},
    node::NodeState,
    response::Response,
    rows,
};

/// Characters of a statement that are kept in [`NodeStats`].
const HEAD: usize = 200;

/// One statement of a node.
#[derive(Debug, Clone)]
pub struct StatementStats {
    /// The beginning of its text.
    pub sql: String,
    pub elapsed: Duration,
    pub metrics: Metrics,
    pub details: Details,
    pub failed: bool,
}

/// All statements of a node, in order.
#[derive(Debug, Clone, Default)]
pub struct NodeStats {
    pub statements: Vec<StatementStats>,
}

impl NodeStats {
    /// The statements before the one that failed, and what the warehouse said of that one. What ran after it put things
    /// back: a rollback, the session's settings.
    pub fn until_failure(&self) -> (&[StatementStats], Details) {
        let at = self.statements.iter().position(|statement| statement.failed).unwrap_or(self.statements.len());
        let (before, rest) = self.statements.split_at(at);
        (before, rest.first().map(|failed| failed.details.clone()).unwrap_or_default())
    }
}

impl NodeState {
    /// Runs SQL and keeps count of it. `limit` is the most rows that are returned.
    pub(super) fn run(&self, interp: &Interp<'_>, sql: &Arc<str>, limit: Option<usize>) -> Result<Outcome, JinjaError> {
        let session = self.session()?;
        let mut options = crate::engine::StatementOptions { limit, ..Default::default() };
        if creates_table(sql) {
            options.table = std::mem::take(&mut *lock(&self.table_options));
        }
        let sent = self.with_comment(sql)?;
        let connection = self.connection_name();
        let shared = &self.run.scopes.shared;
        shared.events.emit(Event::Sql { connection: connection.clone(), sql: sent.sql.to_string() });
        let begun = Instant::now();
        let outcome = self.run.bridge.wait(session.execute(&sent.sql, &options));
        let elapsed = begun.elapsed();
        let status = match &outcome {
            Ok(outcome) => Response::of(outcome, Details::new()).message,
            Err(_) => "ERROR".to_owned(),
        };
        let details = session.last_statement();
        let query_id = details.iter().find(|(name, _)| *name == "query_id").and_then(|(_, id)| id.as_str());
        let query_id = query_id.map(str::to_owned);
        shared.events.emit(Event::SqlDone { connection, status, elapsed: elapsed.as_secs_f64(), query_id });
        let metrics = outcome.as_ref().map_or_else(|_| Metrics::default(), |outcome| outcome.metrics);
        let head = sql.trim().chars().take(HEAD).collect();
        let failed = outcome.is_err();
        lock(&self.stats).statements.push(StatementStats { sql: head, elapsed, metrics, details, failed });
        outcome.map_err(|error| {
            let error = sent.own_position(error);
            of_statement(interp, sql, self.compiled_text().as_deref(), &error)
        })
    }

    /// What the warehouse said of the node's last statement.
    pub(super) fn last_details(&self) -> Details {
        lock(&self.stats).statements.last().map(|statement| statement.details.clone()).unwrap_or_default()
    }

    /// `execute(sql, auto_begin=False, fetch=False, limit=None)` → `(response, table)`.
    pub(super) fn execute(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "execute", &["sql", "auto_begin", "fetch", "limit"])?;
        let sql = sql_text(&bound.required("sql")?);
        let limit = bound.text("limit").and_then(|limit| limit.parse().ok());
        let outcome = self.run(interp, &sql, limit)?;
        let response = Value::object(Response::of(&outcome, self.last_details()));
        let table =
            if bound.flag("fetch", false) { rows::table(outcome.schema, outcome.batches) } else { Table::empty() };
        Ok(Value::tuple([response, table.into_value()]))
    }

    /// `add_query(sql, auto_begin=True, bindings=None, abridge_sql_log=False)` → `(connection, cursor)`, both none.
    pub(super) fn add_query(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "add_query", &["sql", "auto_begin", "bindings", "abridge_sql_log"])?;
        let mut sql = sql_text(&bound.required("sql")?);
        if let Some(bindings) = bound.get("bindings").filter(|bindings| !is_nothing(bindings)) {
            sql = bind_literals(&sql, &iterate(bindings)?)?.into();
        }
        self.run(interp, &sql, None)?;
        Ok(Value::tuple([Value::None, Value::None]))
    }

    /// `tamis_load(relation, agate_table, mode, columns)`: rows into a table, as they are. `mode` is `replace` or `append`.
    pub(super) fn load(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "tamis_load", &["relation", "agate_table", "mode", "columns"])?;
        let relation = bound.required("relation")?;
        let relation = relation_argument(&relation, "tamis_load")?.relation.clone();
        let table = bound.required("agate_table")?;
        let table = Table::from_value(&table).ok_or_else(|| JinjaError::type_error("tamis_load() takes a table"))?;
        let mode = match bound.text("mode").as_deref() {
            Some("append") => LoadMode::Append,
            Some("replace") | None => LoadMode::CreateOrReplace,
            Some(other) => {
                return Err(JinjaError::raised(format!(
                    "tamis_load(): mode is `replace` or `append`, found `{other}`"
                )));
            }
        };
        let (schema, batches) = rows::batches(table).map_err(|error| value_error(&error.to_string()))?;
        let rows = batches.clone();
        let load = Load { schema, batches, mode, columns: bound.text("columns"), comment: self.comment_of_own()? };
        let outcome = match self.load_batches(&self.session()?, &relation, load) {
            Ok(outcome) => outcome,
            Err(error) => return Err(of_call(&rows::name_row(error, &rows))),
        };
        Ok(Value::object(Response::of(&outcome, self.last_details())))
    }

    fn load_batches(
        &self,
        session: &Arc<dyn Session>,
        relation: &Relation,
        load: Load,
    ) -> Result<Outcome, EngineError> {
        let begun = Instant::now();
        let outcome = self.run.bridge.wait(session.load(relation, load));
        let stats = StatementStats {
            sql: format!("load {}", relation.render()),
            elapsed: begun.elapsed(),
            metrics: outcome.as_ref().map_or_else(|_| Metrics::default(), |outcome| outcome.metrics),
            details: session.last_statement(),
            failed: outcome.is_err(),
        };
        lock(&self.stats).statements.push(stats);
        outcome
    }

    /// `tamis_table_options({…})`: settings of the table that the next CREATE TABLE makes.
    pub(super) fn set_table_options(&self, args: Args) -> Result<Value, JinjaError> {
        let given = bind(args, "tamis_table_options", &["options"])?.required("options")?;
        let list = |name: &str| -> Result<Vec<String>, JinjaError> {
            match lookup(&given, name) {
                None => Ok(Vec::new()),
                Some(value) if is_nothing(&value) => Ok(Vec::new()),
                Some(Value::Str(text)) => Ok(vec![text.to_string()]),
                Some(value) => Ok(iterate(&value)?.iter().map(Value::to_str).collect()),
            }
        };
        let size = lookup(&given, "target_file_size").filter(|size| !is_nothing(size));
        let target_file_size = match size {
            None => None,
            Some(size) => Some(file_size(&size).ok_or_else(|| {
                value_error(&format!(
                    "target_file_size: expected bytes or a size like `128mb`, found `{}`",
                    size.to_str()
                ))
            })?),
        };
        let properties = ["tblproperties", "table_properties", "properties"]
            .into_iter()
            .filter_map(|name| lookup(&given, name).as_ref().and_then(string_pairs))
            .flatten()
            .map(|(name, value)| (name, property(&value)))
            .collect();
        *lock(&self.table_options) = TableOptions {
            partition_by: list("partition_by")?,
            cluster_by: list("cluster_by")?,
            target_file_size,
            properties,
            filled_at_once: lookup(&given, "filled_at_once").is_some_and(|value| value.is_truthy()),
        };
        Ok("".into())
    }
}

fn value_error(message: &str) -> JinjaError {
    JinjaError::new(ErrorKind::Value, message)
}

/// Table properties are text; booleans in lower case.
fn property(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        other => other.to_str(),
    }
}

/// Bytes of `134217728`, `128mb`, `1 GB`.
fn file_size(value: &Value) -> Option<u64> {
    let text = text(value)?.trim().to_lowercase();
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    let factor = match text.get(digits.len()..)?.trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Whether the text has a CREATE TABLE that is not temporary.
fn creates_table(sql: &str) -> bool {
    let words: Vec<String> = sql
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .take(4000)
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut rest = words.as_slice();
    while let Some(at) = rest.iter().position(|word| word == "create") {
        rest = rest.get(at + 1..).unwrap_or_default();
        let after: Vec<&str> = rest.iter().take(3).map(String::as_str).collect();
        if matches!(after.as_slice(), ["table", ..] | ["or", "replace", "table"]) {
            return true;
        }
    }
    false
}

/// SQL with each `?` (outside of quotes) replaced by a literal.
fn bind_literals(sql: &str, bindings: &[Value]) -> Result<String, JinjaError> {
    let mut text = String::with_capacity(sql.len());
    let mut bindings = bindings.iter();
    let mut quote = None;
    for character in sql.chars() {
        match (character, quote) {
            ('?', None) => match bindings.next() {
                Some(value) => text.push_str(&literal(value)),
                None => return Err(value_error("the statement has more placeholders than bindings")),
            },
            ('\'' | '"', None) => {
                quote = Some(character);
                text.push(character);
            }
            (character, Some(open)) if character == open => {
                quote = None;
                text.push(character);
            }
            _ => text.push(character),
        }
    }
    Ok(text)
}

fn literal(value: &Value) -> String {
    match value {
        Value::None | Value::Undefined(_) => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => value.to_str(),
        other => format!("'{}'", other.to_str().replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_create_table_takes_the_table_options() {
        for (sql, expected) in [
            ("create table a as select 1", true),
            ("/* x */ CREATE OR REPLACE TABLE \"a\".\"b\" (id int)", true),
            ("create temporary table a as select 1", false),
            ("create view a as select 1", false),
            ("begin; create table a (b int)", true),
            ("insert into created select 'create'", false),
        ] {
            assert_eq!(creates_table(sql), expected, "{sql}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        for (size, expected) in
            [("1024", Some(1024)), ("128mb", Some(134_217_728)), ("1 GB", Some(1 << 30)), ("much", None)]
        {
            assert_eq!(file_size(&size.into()), expected, "{size}");
        }
    }

    #[test]
    fn bindings_become_literals() {
        let bound = bind_literals("insert into a values (?, '?', ?)", &[Value::Int(1), "it's".into()]).unwrap();
        assert_eq!(bound, "insert into a values (1, '?', 'it''s')");
    }
}
