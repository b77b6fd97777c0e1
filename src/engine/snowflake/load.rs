//! Rows of a seed or a fixture into a table: INSERT … VALUES, several thousand rows at a time.

use arrow::{
    array::Array,
    datatypes::DataType,
    util::display::{ArrayFormatter, FormatOptions},
};

use super::{metadata, result, session::SnowflakeSession};
use crate::{
    engine::{EngineError, Load, LoadMode, Outcome},
    names::{Relation, quote_identifier},
};

const ROWS: usize = 5_000;
/// Statements have an upper limit of 1 MB.
const BYTES: usize = 700_000;

pub async fn load(session: &SnowflakeSession, relation: &Relation, load: Load) -> Result<Outcome, EngineError> {
    let mut target = relation.render();
    if load.mode == LoadMode::CreateOrReplace {
        let columns = result::columns(&load.schema);
        let columns: Vec<String> =
            columns.iter().map(|column| format!("{} {}", quote_identifier(&column.name), column.data_type)).collect();
        session.statement(&format!("create or replace table {target} ({})", columns.join(", ")), None).await?;
    }
    if let Some(columns) = &load.columns {
        target = format!("{target} ({columns})");
    }
    let comment = load.comment.map(|comment| format!(" {comment}")).unwrap_or_default();
    let total: usize = load.batches.iter().map(arrow::record_batch::RecordBatch::num_rows).sum();
    let mut rows: Vec<String> = Vec::new();
    let mut bytes = 0;
    for batch in &load.batches {
        for row in 0..batch.num_rows() {
            let values: Result<Vec<String>, EngineError> =
                batch.columns().iter().map(|column| literal(column.as_ref(), row)).collect();
            let text = format!("({})", values?.join(", "));
            if rows.len() >= ROWS || bytes + text.len() > BYTES {
                insert(session, &target, &rows, &comment).await?;
                rows.clear();
                bytes = 0;
            }
            bytes += text.len();
            rows.push(text);
        }
    }
    if !rows.is_empty() {
        insert(session, &target, &rows, &comment).await?;
    }
    let mut outcome = result::nothing();
    outcome.rows_affected = u64::try_from(total).ok();
    Ok(outcome)
}

async fn insert(session: &SnowflakeSession, target: &str, rows: &[String], comment: &str) -> Result<(), EngineError> {
    session.statement(&format!("insert into {target} values\n{}{comment}", rows.join(",\n")), None).await?;
    Ok(())
}

fn literal(column: &dyn Array, row: usize) -> Result<String, EngineError> {
    if column.is_null(row) {
        return Ok("null".to_owned());
    }
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let internal = |error: arrow::error::ArrowError| EngineError::Internal { message: error.to_string() };
    let text = ArrayFormatter::try_new(column, &options).map_err(internal)?.value(row).to_string();
    let is_number = column.data_type().is_numeric()
        && text.chars().all(|letter| letter.is_ascii_digit() || "+-.eE".contains(letter));
    if is_number || matches!(column.data_type(), DataType::Boolean) {
        return Ok(text);
    }
    Ok(metadata::text_literal(&text))
}
