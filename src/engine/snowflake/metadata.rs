//! What is in the account: schemas, relations, columns. SHOW and DESCRIBE, which need no warehouse; one page of a schema
//! per round trip.

use std::collections::HashMap;

use arrow::{
    array::Array,
    util::display::{ArrayFormatter, FormatOptions},
};

use super::session::SnowflakeSession;
use crate::{
    engine::{Column, EngineError, Outcome, RelationFacts, Stored},
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

/// All pages of a SHOW. `next` tells the name after which the next page begins.
async fn pages(session: &SnowflakeSession, show: &str) -> Result<Vec<HashMap<String, String>>, EngineError> {
    let mut all: Vec<HashMap<String, String>> = Vec::new();
    loop {
        let from = all.last().and_then(|row| row.get("name")).map(|name| format!(" from {}", text_literal(name)));
        let outcome = session.statement(&format!("{show} limit {PAGE}{}", from.unwrap_or_default()), None).await?;
        let page = rows(&outcome);
        let is_last = page.len() < PAGE;
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

fn relation(row: &HashMap<String, String>) -> Option<Relation> {
    let (database, schema) = (row.get("database_name")?, row.get("schema_name")?);
    let kind = match row.get("kind").map_or("TABLE", String::as_str) {
        "VIEW" => RelationKind::View,
        "MATERIALIZED VIEW" | "MATERIALIZED_VIEW" => RelationKind::MaterializedView,
        "EXTERNAL TABLE" | "EXTERNAL_TABLE" => RelationKind::External,
        _ => RelationKind::Table,
    };
    Some(Relation::new(database, schema, row.get("name")?).with_kind(Some(kind)))
}

/// The relation's name in SQL: as it is stored when it came from the account, else by the quoting of the project.
fn rendered(session: &SnowflakeSession, relation: &Relation) -> String {
    let quoting = session.config.quoting;
    let mut relation = relation.clone();
    relation.quote = quoting;
    relation.render()
}

pub async fn columns(session: &SnowflakeSession, relation: &Relation) -> Result<Option<Vec<Column>>, EngineError> {
    let outcome = session.statement(&format!("describe table {}", rendered(session, relation)), None).await;
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
    let quoting = session.config.quoting;
    let (Some(database), Some(schema), Some(name)) = (&relation.database, &relation.schema, &relation.identifier)
    else {
        return Ok(None);
    };
    let place = format!("{}.{}", written(database, quoting.database), written(schema, quoting.schema));
    let like = text_literal(&name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"));
    let sql = format!("show {what} like {like} in schema {place}");
    let found = or_nothing(session.statement(&sql, None).await.map(|outcome| rows(&outcome)))?;
    Ok(found.into_iter().find(|row| row.get("name").is_some_and(|found| found.eq_ignore_ascii_case(name))))
}

pub async fn facts(session: &SnowflakeSession, relation: &Relation) -> Result<Option<RelationFacts>, EngineError> {
    let Some(row) = shown(session, relation, "objects").await? else { return Ok(None) };
    let number = |key: &str| row.get(key).and_then(|text| text.parse().ok());
    let Some(bytes) = number("bytes") else { return Ok(None) };
    Ok(Some(RelationFacts {
        rows: number("rows"),
        bytes,
        files: 0,
        last_changed: None,
        comment: row.get("comment").filter(|comment| !comment.is_empty()).cloned(),
    }))
}

pub async fn stored(session: &SnowflakeSession, relation: &Relation) -> Result<Option<Stored>, EngineError> {
    let Some(row) = shown(session, relation, "objects").await? else { return Ok(None) };
    let kind = self::relation(&row).and_then(|relation| relation.kind).unwrap_or(RelationKind::Table);
    let version = ["created_on", "rows", "bytes"].map(|key| row.get(key).cloned().unwrap_or_default()).join(" ");
    Ok(Some(Stored { kind, version, properties: Vec::new() }))
}
