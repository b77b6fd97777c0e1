//! Results as record batches: the columns by the `rowtype` of the answer, the rows from lists of texts or from Arrow.

mod arrow_rows;
mod text_rows;

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray, RecordBatchOptions},
    datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit},
    record_batch::RecordBatch,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::wire::{QueryData, RowType};
use crate::engine::{Column, EngineError, Metrics, Outcome};

/// Statements that change rows, by the numbers of their types.
const CHANGES_ROWS: std::ops::Range<u64> = 0x3000..0x4000;
/// Digits that a 64-bit integer holds.
const INTEGER_DIGITS: i64 = 18;

/// Collects the rows of a result.
pub struct Rows {
    rowtype: Vec<RowType>,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    limit: Option<usize>,
    count: usize,
}

impl Rows {
    pub fn new(rowtype: &[RowType], limit: Option<usize>) -> Self {
        let fields: Vec<Field> =
            rowtype.iter().map(|column| Field::new(&column.name, data_type(column), true)).collect();
        Self { rowtype: rowtype.to_vec(), schema: Arc::new(Schema::new(fields)), batches: Vec::new(), limit, count: 0 }
    }

    pub fn wants_more(&self) -> bool {
        self.limit.is_none_or(|limit| self.count < limit)
    }

    /// Rows as lists of texts.
    pub fn texts(&mut self, rows: &[Vec<Option<String>>]) -> Result<(), EngineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = self
            .rowtype
            .iter()
            .enumerate()
            .map(|(at, column)| text_rows::array(column, rows.iter().map(|row| row.get(at)?.as_deref())))
            .collect::<Result<Vec<_>, _>>()?;
        self.push(columns, rows.len())
    }

    /// A part of a JSON result: lists with commas between.
    pub fn list(&mut self, part: &[u8]) -> Result<(), EngineError> {
        let mut text = Vec::with_capacity(part.len() + 2);
        text.push(b'[');
        text.extend_from_slice(part.trim_ascii());
        text.push(b']');
        let rows: Vec<Vec<Option<String>>> = match serde_json::from_slice(&text) {
            Ok(rows) => rows,
            // Some servers write the outer brackets.
            Err(_) => serde_json::from_slice(part).map_err(super::errors::unread)?,
        };
        self.texts(&rows)
    }

    /// A stream of Arrow IPC in Base64.
    pub fn encoded(&mut self, text: &str) -> Result<(), EngineError> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|error| unreadable(&error.to_string()))?;
        self.stream(&bytes)
    }

    /// A stream of Arrow IPC.
    pub fn stream(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let reader = arrow::ipc::reader::StreamReader::try_new(std::io::Cursor::new(bytes), None)
            .map_err(|error| unreadable(&error.to_string()))?;
        for batch in reader {
            let batch = batch.map_err(|error| unreadable(&error.to_string()))?;
            if batch.num_columns() != self.rowtype.len() {
                return Err(unreadable("its columns are not those that were announced"));
            }
            let columns = self
                .rowtype
                .iter()
                .zip(batch.columns())
                .map(|(column, array)| arrow_rows::array(column, array))
                .collect::<Result<Vec<_>, _>>()?;
            self.push(columns, batch.num_rows())?;
        }
        Ok(())
    }

    fn push(&mut self, columns: Vec<arrow::array::ArrayRef>, rows: usize) -> Result<(), EngineError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let mut batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| unreadable(&error.to_string()))?;
        if let Some(limit) = self.limit {
            batch = batch.slice(0, rows.min(limit.saturating_sub(self.count)));
        }
        self.count += batch.num_rows();
        self.batches.push(batch);
        Ok(())
    }

    pub fn finish(self) -> (SchemaRef, Vec<RecordBatch>) {
        (self.schema, self.batches)
    }
}

fn unreadable(why: &str) -> EngineError {
    EngineError::Storage {
        context: "the result of Snowflake cannot be read".into(),
        message: why.to_owned(),
        path: None,
    }
}

/// The Arrow type of a column.
fn data_type(column: &RowType) -> DataType {
    let precision = column.precision.unwrap_or(38);
    match (column.kind.to_lowercase().as_str(), column.scale.unwrap_or(0)) {
        ("fixed", 0) if precision <= INTEGER_DIGITS => DataType::Int64,
        ("fixed", scale) => {
            DataType::Decimal128(u8::try_from(precision).unwrap_or(38).clamp(1, 38), i8::try_from(scale).unwrap_or(0))
        }
        ("real", _) => DataType::Float64,
        ("boolean", _) => DataType::Boolean,
        ("date", _) => DataType::Date32,
        ("time", _) => DataType::Time64(TimeUnit::Nanosecond),
        ("timestamp_ntz", _) => DataType::Timestamp(TimeUnit::Microsecond, None),
        ("timestamp_ltz" | "timestamp_tz", _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ("binary", _) => DataType::Binary,
        _ => DataType::Utf8,
    }
}

/// An outcome without rows.
pub fn nothing() -> Outcome {
    Outcome {
        tag: "SUCCESS".to_owned(),
        rows_affected: None,
        schema: Arc::new(Schema::empty()),
        batches: Vec::new(),
        metrics: Metrics::default(),
    }
}

/// Rows that a statement inserted, updated and deleted; of others the rows of the result. Source: dbt-snowflake's
/// `rows_affected`.
pub fn rows_affected(data: &QueryData, batches: &[RecordBatch]) -> Option<u64> {
    if let Some(inserted) = data.stats.and_then(|stats| stats.num_rows_inserted).filter(|rows| *rows > 0) {
        return Some(inserted);
    }
    if !data.statement_type_id.is_some_and(|id| CHANGES_ROWS.contains(&id)) {
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        return Some(data.total.unwrap_or(rows));
    }
    let batch = batches.first()?;
    let counts = batch.columns().iter().filter_map(|column| {
        let numbers = arrow::compute::cast(column, &DataType::Int64).ok()?;
        let numbers = numbers.as_primitive_opt::<Int64Type>()?;
        (!numbers.is_empty() && numbers.is_valid(0)).then(|| u64::try_from(numbers.value(0)).unwrap_or(0))
    });
    Some(counts.sum())
}

/// Columns of a result with Snowflake's names for their types.
pub fn columns(schema: &Schema) -> Vec<Column> {
    let column = |field: &Arc<Field>| Column {
        name: field.name().clone(),
        data_type: type_name(field.data_type()),
        nullable: field.is_nullable(),
        comment: None,
    };
    schema.fields().iter().map(column).collect()
}

fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Boolean => "boolean".into(),
        DataType::Decimal128(precision, scale) => format!("number({precision},{scale})"),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "float".into(),
        kind if kind.is_integer() => "number(38,0)".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Timestamp(_, None) => "timestamp_ntz".into(),
        DataType::Timestamp(_, Some(_)) => "timestamp_tz".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".into(),
        _ => "text".into(),
    }
}
