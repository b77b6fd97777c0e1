//! Arrow record batches ↔ tables of Python values.

use std::{any::Any, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{
        DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit,
        TimestampMicrosecondType, UInt64Type,
    },
    error::ArrowError,
    record_batch::RecordBatch,
    util::display::{ArrayFormatter, FormatOptions},
};
use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;

use crate::{
    engine::EngineError,
    jinja::{Object, Value},
    manifest::context::{ColumnKind, Table, datetime, table::Row},
};

/// Batches behind a table; they are loaded as they are.
#[derive(Debug)]
pub(super) struct Batches {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
}

impl Object for Batches {
    fn type_name(&self) -> &'static str {
        "batches"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A table over batches. Rows become Python values when a template looks at them.
pub fn table(schema: SchemaRef, batches: Vec<RecordBatch>) -> Table {
    let names = schema.fields().iter().map(|field| field.name().as_str().into()).collect();
    let kinds = (0..schema.fields().len()).map(|at| kind(&schema, &batches, at)).collect();
    let native = Arc::new(Batches { schema, batches: batches.clone() });
    Table::lazy(names, kinds, Box::new(move || batches.iter().flat_map(rows).collect()), Some(native))
}

/// What agate would take a column for: a column without any value counts as integer.
fn kind(schema: &Schema, batches: &[RecordBatch], at: usize) -> ColumnKind {
    let all_null = batches
        .iter()
        .all(|batch| batch.columns().get(at).is_none_or(|column| column.logical_null_count() == column.len()));
    if all_null && batches.iter().any(|batch| batch.num_rows() > 0) {
        return ColumnKind::Integer;
    }
    match schema.fields().get(at).map(|field| field.data_type()) {
        Some(kind) if kind.is_integer() => ColumnKind::Integer,
        Some(DataType::Null) => ColumnKind::Integer,
        Some(kind) if kind.is_numeric() => ColumnKind::Number,
        Some(DataType::Boolean) => ColumnKind::Boolean,
        Some(DataType::Date32 | DataType::Date64) => ColumnKind::Date,
        Some(DataType::Timestamp(..)) => ColumnKind::DateTime,
        _ => ColumnKind::Text,
    }
}

/// An error about a value that does not fit its column, with the first row that has the value. The message names the
/// column in backticks and the value in quotes.
pub(super) fn name_row(error: EngineError, batches: &[RecordBatch]) -> EngineError {
    let EngineError::Data { message } = error else { return error };
    let row = message.split('`').nth(1).and_then(|column| {
        let mut before = 0;
        for batch in batches {
            let texts = batch.column_by_name(column)?.as_string_opt::<i32>()?;
            let found = texts.iter().position(|text| text.is_some_and(|text| message.contains(&format!("'{text}'"))));
            if let Some(at) = found {
                return Some(before + at + 1);
            }
            before += batch.num_rows();
        }
        None
    });
    let place = row.map(|row| format!("row {row} after the header, ")).unwrap_or_default();
    EngineError::Data { message: format!("{place}{message}") }
}

fn rows(batch: &RecordBatch) -> Vec<Row> {
    let columns: Vec<Vec<Value>> = batch.columns().iter().map(values).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column.get(row).cloned().unwrap_or(Value::None)).collect())
        .collect()
}

/// The values of one array.
fn values(array: &ArrayRef) -> Vec<Value> {
    converted(array).unwrap_or_else(|_| vec![Value::None; array.len()])
}

fn converted(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let cast = |kind: &DataType| arrow::compute::cast(array, kind);
    Ok(match array.data_type() {
        DataType::Null => vec![Value::None; array.len()],
        DataType::Boolean => array.as_boolean().iter().map(Value::from).collect(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().iter().map(|value| value.map(unsigned).into()).collect(),
        kind if kind.is_integer() => {
            cast(&DataType::Int64)?.as_primitive::<Int64Type>().iter().map(Value::from).collect()
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => floats(array)?,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            let array = cast(&DataType::Decimal128(*precision, *scale))?;
            let array = array.as_primitive::<Decimal128Type>();
            array.iter().map(|value| value.map(|value| decimal(value, *scale)).into()).collect()
        }
        DataType::Date32 | DataType::Date64 => {
            let array = cast(&DataType::Date32)?;
            array.as_primitive::<Date32Type>().iter().map(|days| days.and_then(date).into()).collect()
        }
        DataType::Timestamp(_, zone) => {
            let array = cast(&DataType::Timestamp(TimeUnit::Microsecond, None))?;
            let array = array.as_primitive::<TimestampMicrosecondType>();
            array.iter().map(|micros| micros.and_then(|micros| timestamp(micros, zone.is_some())).into()).collect()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let array = cast(&DataType::Utf8)?;
            array.as_string::<i32>().iter().map(Value::from).collect()
        }
        _ => texts(array)?,
    })
}

/// agate reads floats as decimals, by their shortest text.
fn floats(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let number = |value: f64| {
        let text = Value::Float(value).to_str();
        let exact = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
        exact.map_or(Value::Float(value), Value::Decimal)
    };
    let single = matches!(array.data_type(), DataType::Float32);
    if single {
        // Through text, so that 0.1 stays 0.1.
        let values = texts(array)?;
        return Ok(values
            .into_iter()
            .map(|value| value.as_str().and_then(|text| text.parse::<f64>().ok()).map(number).into())
            .collect());
    }
    let array = arrow::compute::cast(array, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().iter().map(|value| value.map(number).into()).collect())
}

/// Values of other types as the text that Arrow shows.
fn texts(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    Ok((0..array.len())
        .map(|at| if array.is_null(at) { Value::None } else { formatter.value(at).to_string().into() })
        .collect())
}

fn unsigned(value: u64) -> Value {
    i64::try_from(value).map_or_else(|_| Value::Decimal(Decimal::from(value)), Value::Int)
}

fn decimal(value: i128, scale: i8) -> Value {
    let text = || {
        // Beyond 28 digits only the text is exact.
        let digits = value.unsigned_abs().to_string();
        let scale = usize::try_from(scale).unwrap_or(0);
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at_checked(digits.len() - scale).unwrap_or((digits.as_str(), ""));
        let sign = if value < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        Value::from(format!("{sign}{whole}{point}{fraction}"))
    };
    let Ok(scale) = u32::try_from(scale) else { return text() };
    Decimal::try_from_i128_with_scale(value, scale).map_or_else(|_| text(), Value::Decimal)
}

fn date(days: i32) -> Option<Value> {
    let day = chrono::Days::new(u64::from(days.unsigned_abs()));
    let epoch = NaiveDate::default();
    let date = if days < 0 { epoch.checked_sub_days(day) } else { epoch.checked_add_days(day) };
    date.map(crate::jinja::date_value)
}

fn timestamp(micros: i64, aware: bool) -> Option<Value> {
    let time = DateTime::from_timestamp_micros(micros)?;
    Some(if aware { datetime::utc(time) } else { crate::jinja::naive_datetime_value(time.naive_utc()) })
}

/// The batches of a table: those it was made of, or its rows as Arrow.
///
/// # Errors
/// A value does not fit the column's kind.
pub(super) fn batches(table: &Table) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    if let Some(native) = table.native()
        && let Some(native) = native.as_any().downcast_ref::<Batches>()
    {
        return Ok((Arc::clone(&native.schema), native.batches.clone()));
    }
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (at, (name, kind)) in table.names().iter().zip(table.kinds()).enumerate() {
        let cells = table.rows().iter().map(|row| row.get(at).cloned().unwrap_or(Value::None));
        let column = column(*kind, &cells.collect::<Vec<_>>());
        fields.push(Field::new(&**name, column.data_type().clone(), true));
        columns.push(column);
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(table.rows().len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
    Ok((schema, vec![batch]))
}

fn column(kind: ColumnKind, cells: &[Value]) -> ArrayRef {
    let text = |value: &Value| (!value.is_none()).then(|| value.to_str());
    match kind {
        ColumnKind::Integer => Arc::new(Int64Array::from_iter(cells.iter().map(|value| match value {
            Value::Int(number) => Some(*number),
            other => text(other).and_then(|text| text.parse().ok()),
        }))),
        ColumnKind::Number => Arc::new(Float64Array::from_iter(
            cells.iter().map(|value| text(value).and_then(|text| text.parse::<f64>().ok())),
        )),
        ColumnKind::Boolean => {
            Arc::new(BooleanArray::from_iter(cells.iter().map(|value| (!value.is_none()).then(|| value.is_truthy()))))
        }
        ColumnKind::Date => Arc::new(Date32Array::from_iter(cells.iter().map(|value| {
            let date = text(value)?.parse::<NaiveDate>().ok()?;
            i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
        }))),
        ColumnKind::DateTime => Arc::new(TimestampMicrosecondArray::from_iter(cells.iter().map(|value| {
            let text = text(value)?;
            let parsed = chrono::NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            Some(parsed.and_utc().timestamp_micros())
        }))),
        ColumnKind::Text => Arc::new(StringArray::from_iter(cells.iter().map(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_named_with_its_row() {
        let schema = Arc::new(Schema::new(vec![Field::new("day", DataType::Utf8, true)]));
        let days: ArrayRef = Arc::new(StringArray::from(vec![Some("2024-01-01"), None, Some("soon")]));
        let batch = RecordBatch::try_new(schema, vec![days]).unwrap();
        for (message, expected) in [
            ("column `day`: no date: 'soon'", "row 3 after the header, column `day`: no date: 'soon'"),
            ("column `other`: no date: 'soon'", "column `other`: no date: 'soon'"),
            ("the disk is full", "the disk is full"),
        ] {
            let named = name_row(EngineError::Data { message: message.into() }, std::slice::from_ref(&batch));
            assert_eq!(named.to_string(), expected);
        }
    }
}
