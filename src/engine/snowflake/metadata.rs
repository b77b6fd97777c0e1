//! What is in the account: schemas, relations, columns. SHOW and DESCRIBE, which need no warehouse; one page of a schema
//! per round trip.

use std::collections::HashMap;

use arrow::{
    array::Array,
    util::display::{ArrayFormatter, FormatOptions},
};
use chrono::DateTime;

use super::session::SnowflakeSession;
use crate::{
    engine::{Column, Described, EngineError, Outcome, RelationFacts, Stored},
    names::{Relation, RelationKind, quote_identifier},
};

/// The most rows that SHOW gives at once.
const PAGE: usize = 10_000;

/// The texts of a column.
pub fn texts(outcome: &Outcome, column: usize) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for batch in &outcome.batches {
        let Some(array) = batch.columns().get(column) else { continue };
        let options = FormatOptions::default();
        let Ok(formatter) = ArrayFormatter::try_new(array.as_ref(), &options) else { continue };
        all.extend((0..array.len()).map(|row| (!array.is_null(row)).then(|| formatter.value(row).to_string())));
    }
    all
}

/// Rows by the names of their columns, in lower case.
pub fn rows(outcome: &Outcome) -> Vec<HashMap<String, String>> {
    let count = outcome.batches.iter().map(|batch| batch.num_rows()).sum();
    let mut rows = vec![HashMap::new(); count];
    for (at, field) in outcome.schema.fields().iter().enumerate() {
        for (row, value) in rows.iter_mut().zip(texts(outcome, at)) {
            if let Some(value) = value {
                row.insert(field.name().to_lowercase(), value);
            }
        }
    }
    rows
}

/// A name as it is written in SQL by the quoting of the project.
fn written(name: &str, quoted: bool) -> String {
    if quoted { quote_identifier(name) } else { name.to_owned() }
}

pub fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// All pages of a SHOW; the last name of one tells where the next begins.
async fn pages(session: &SnowflakeSession, show: &str) -> Result<Vec<HashMap<String, String>>, EngineError> {
    let mut all: Vec<HashMap<String, String>> = Vec::new();
    loop {
        let from = all.last().and_then(|row| row.get("name")).map(|name| format!(" from {}", text_literal(name)));
        let outcome = session.statement(&format!("{show} limit {PAGE}{}", from.unwrap_or_default()), None).await?;
        let page = rows(&outcome);
        let name = |rows: &[HashMap<String, String>]| rows.last().and_then(|row| row.get("name").cloned());
        // A server that does not know FROM would give the first page for ever.
        let is_last = page.len() < PAGE || name(&page) == name(&all);
        if page.len() == PAGE && is_last {
            return Ok(all);
        }
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// Nothing where the place does not exist, or may not be seen.
fn or_nothing<T: Default>(outcome: Result<T, EngineError>) -> Result<T, EngineError> {
    match outcome {
        Err(EngineError::Sql { message, .. }) if is_missing(&message) => Ok(T::default()),
        outcome => outcome,
    }
}

fn is_missing(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("does not exist") || message.contains("not found")
}

pub async fn schemas(session: &SnowflakeSession, database: &str) -> Result<Vec<String>, EngineError> {
    let database = written(database, session.config.quoting.database);
    let found = pages(session, &format!("show terse schemas in database {database}")).await?;
    Ok(found.into_iter().filter_map(|mut row| row.remove("name")).collect())
}

pub async fn relations(session: &SnowflakeSession, database: &str, schema: &str) -> Result<Vec<Relation>, EngineError> {
    let quoting = session.config.quoting;
    let place = format!("{}.{}", written(database, quoting.database), written(schema, quoting.schema));
    let found = or_nothing(pages(session, &format!("show objects in schema {place}")).await)?;
    Ok(found.iter().filter_map(relation).collect())
}

fn is_yes(row: &HashMap<String, String>, key: &str) -> bool {
    row.get(key).is_some_and(|flag| flag.eq_ignore_ascii_case("y") || flag.eq_ignore_ascii_case("yes"))
}

fn relation(row: &HashMap<String, String>) -> Option<Relation> {
    let (database, schema) = (row.get("database_name")?, row.get("schema_name")?);
    let kind = match row.get("kind").map_or("TABLE", String::as_str) {
        "VIEW" => RelationKind::View,
        "MATERIALIZED VIEW" | "MATERIALIZED_VIEW" => RelationKind::MaterializedView,
        "EXTERNAL TABLE" | "EXTERNAL_TABLE" => RelationKind::External,
        _ if is_yes(row, "is_dynamic") => RelationKind::DynamicTable,
        _ if is_yes(row, "is_iceberg") => RelationKind::IcebergTable,
        _ => RelationKind::Table,
    };
    Some(Relation::new(database, schema, row.get("name")?).with_kind(Some(kind)))
}

pub async fn columns(session: &SnowflakeSession, relation: &Relation) -> Result<Option<Vec<Column>>, EngineError> {
    let outcome = session.statement(&format!("describe table {}", relation.render()), None).await;
    let outcome = match outcome {
        Err(EngineError::Sql { message, .. }) if is_missing(&message) => return Ok(None),
        outcome => outcome?,
    };
    let column = |row: HashMap<String, String>| {
        if row.get("kind").is_some_and(|kind| !kind.eq_ignore_ascii_case("column")) {
            return None;
        }
        Some(Column {
            name: row.get("name")?.clone(),
            data_type: row.get("type")?.to_lowercase(),
            nullable: row.get("null?").is_none_or(|flag| flag == "Y" || flag == "true"),
            comment: row.get("comment").filter(|comment| !comment.is_empty()).cloned(),
        })
    };
    Ok(Some(rows(&outcome).into_iter().filter_map(column).collect()))
}

/// The row of SHOW for a relation.
async fn shown(
    session: &SnowflakeSession,
    relation: &Relation,
    what: &str,
) -> Result<Option<HashMap<String, String>>, EngineError> {
    let quote = relation.quote;
    let (Some(database), Some(schema), Some(name)) = (&relation.database, &relation.schema, &relation.identifier)
    else {
        return Ok(None);
    };
    let place = format!("{}.{}", written(database, quote.database), written(schema, quote.schema));
    let like = text_literal(&name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"));
    let sql = format!("show {what} like {like} in schema {place}");
    let found = or_nothing(session.statement(&sql, None).await.map(|outcome| rows(&outcome)))?;
    Ok(found.into_iter().find(|row| row.get("name").is_some_and(|found| found.eq_ignore_ascii_case(name))))
}

/// A name as it is stored: without quotes it is folded to upper case.
fn folded(name: &str, quoted: bool) -> String {
    if quoted { name.to_owned() } else { name.to_uppercase() }
}

const TABLES: &str = "select table_catalog as database_name, table_schema as schema_name, table_name as name, \
    case when table_type = 'BASE TABLE' then 'TABLE' else table_type end as kind, is_dynamic, is_iceberg, \
    row_count, bytes, date_part(epoch_second, last_altered) as changed, comment";

fn facts_of(row: &HashMap<String, String>) -> RelationFacts {
    let number = |key: &str| row.get(key).and_then(|text| text.parse::<f64>().ok());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts, and seconds, are whole and small"
    )]
    RelationFacts {
        rows: number("row_count").map(|rows| rows as u64),
        bytes: number("bytes").map_or(0, |bytes| bytes as u64),
        files: 0,
        last_changed: number("changed").and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0)),
        comment: row.get("comment").filter(|comment| !comment.is_empty()).cloned(),
    }
}

/// What INFORMATION_SCHEMA tells of a relation: its size, and when it last changed.
pub async fn facts(session: &SnowflakeSession, relation: &Relation) -> Result<Option<RelationFacts>, EngineError> {
    let (Some(database), Some(schema), Some(name)) = (&relation.database, &relation.schema, &relation.identifier)
    else {
        return Ok(None);
    };
    let quote = relation.quote;
    let sql = format!(
        "{TABLES} from {}.information_schema.tables where table_schema = {} and table_name = {}",
        written(database, quote.database),
        text_literal(&folded(schema, quote.schema)),
        text_literal(&folded(name, quote.identifier)),
    );
    let found = or_nothing(session.statement(&sql, None).await.map(|outcome| rows(&outcome)))?;
    Ok(found.first().map(facts_of))
}

/// All relations of a schema with their columns, in two statements.
pub async fn described(
    session: &SnowflakeSession,
    database: &str,
    schema: &str,
) -> Result<Vec<Described>, EngineError> {
    let quoting = session.config.quoting;
    let views = format!("{}.information_schema", written(database, quoting.database));
    let of_schema = format!("table_schema = {}", text_literal(&folded(schema, quoting.schema)));
    let tables = format!("{TABLES} from {views}.tables where {of_schema} order by table_name");
    let columns = format!(
        "select table_name, column_name, data_type, is_nullable, comment from {views}.columns where {of_schema} \
         order by table_name, ordinal_position"
    );
    let tables = or_nothing(session.statement(&tables, None).await.map(|outcome| rows(&outcome)))?;
    let mut by_table: HashMap<String, Vec<Column>> = HashMap::new();
    for mut row in or_nothing(session.statement(&columns, None).await.map(|outcome| rows(&outcome)))? {
        let mut take = |key: &str| row.remove(key).unwrap_or_default();
        let column = Column {
            name: take("column_name"),
            data_type: take("data_type"),
            nullable: take("is_nullable") != "NO",
            comment: Some(take("comment")).filter(|comment| !comment.is_empty()),
        };
        by_table.entry(take("table_name")).or_default().push(column);
    }
    let described = |row: &HashMap<String, String>| {
        let relation = relation(row)?;
        let columns = relation.identifier.as_ref().and_then(|name| by_table.remove(name)).unwrap_or_default();
        Some(Described { relation, columns, facts: Some(facts_of(row)) })
    };
    Ok(tables.iter().filter_map(described).collect())
}

pub async fn stored(session: &SnowflakeSession, relation: &Relation) -> Result<Option<Stored>, EngineError> {
    let Some(row) = shown(session, relation, "objects").await? else { return Ok(None) };
    let kind = self::relation(&row).and_then(|relation| relation.kind).unwrap_or(RelationKind::Table);
    let version = ["created_on", "rows", "bytes"].map(|key| row.get(key).cloned().unwrap_or_default()).join(" ");
    Ok(Some(Stored { kind, version, properties: Vec::new() }))
}
