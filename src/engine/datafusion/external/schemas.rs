//! The schema of a source: each file's own, and one that all of them fit into.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit},
    datasource::file_format::FileFormat,
    execution::SessionState,
    object_store::ObjectStore,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{super::types::sql_name, formats::Format, listing::File};
use crate::engine::EngineError;

/// Up to so many files are all looked into; of more, an even sample, unless `union_by_name = true` asks for all.
const ALL_FILES: usize = 256;
const SAMPLE_FILES: usize = 64;
const CONCURRENT: usize = 16;

/// The schemas of the files that were looked into, by position in the listing.
pub(super) type Schemas = Vec<(usize, SchemaRef)>;

/// Reads the schemas of the files: Parquet footers, heads of text files.
///
/// # Errors
/// A file that is not what it should be, by name.
pub(super) async fn infer(
    state: &SessionState,
    store: &Arc<dyn ObjectStore>,
    format: &Arc<dyn FileFormat>,
    files: &[(usize, &File)],
    all: bool,
) -> Result<Schemas, EngineError> {
    let wanted: Vec<(usize, File)> = if all || files.len() <= ALL_FILES {
        files.iter().map(|(index, file)| (*index, (*file).clone())).collect()
    } else {
        let last = files.len() - 1;
        let picked = (0..SAMPLE_FILES).map(|nth| nth * last / (SAMPLE_FILES - 1));
        picked.filter_map(|nth| files.get(nth)).map(|(index, file)| (*index, (*file).clone())).collect()
    };
    let schemas = stream::iter(wanted).map(|(index, file)| {
        let (format, store) = (Arc::clone(format), Arc::clone(store));
        async move {
            let schema = format.infer_schema(state, &store, std::slice::from_ref(&file.meta)).await;
            match schema {
                Ok(schema) => Ok((index, normal(&schema))),
                Err(error) => Err(unreadable(&file, &error.find_root().strip_backtrace())),
            }
        }
    });
    schemas.buffered(CONCURRENT).try_collect().await
}

fn unreadable(file: &File, cause: &str) -> EngineError {
    let what = if file.meta.size == 0 { "the file is empty" } else { cause };
    EngineError::Data { message: format!("cannot read `{}` ({} bytes): {what}", file.shown, file.meta.size) }
}

/// Timestamps in microseconds, every column nullable.
fn normal(schema: &SchemaRef) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(normal_field).collect::<Vec<_>>()))
}

fn normal_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), normal_type(field.data_type()), true))
}

fn normal_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| Arc::from("UTC")))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(normal_field).collect()),
        DataType::List(element) => DataType::List(normal_field(element)),
        DataType::Dictionary(_, value) => normal_type(value),
        other => other.clone(),
    }
}

/// One schema that all files fit into: columns by name in the order of first sight, types as wide as needed.
///
/// # Errors
/// A column whose types have nothing in common, with the two files that differ. Of CSV, whose types are guesses, such
/// a column is text.
pub(super) fn union(schemas: &Schemas, files: &[File], format: Format) -> Result<Vec<FieldRef>, EngineError> {
    let mut columns: Vec<(FieldRef, usize)> = Vec::new();
    for (index, schema) in schemas {
        for field in schema.fields() {
            let Some((known, first)) = columns.iter_mut().find(|(known, _)| known.name() == field.name()) else {
                columns.push((Arc::clone(field), *index));
                continue;
            };
            let common = match common_type(known.data_type(), field.data_type()) {
                Some(common) => common,
                None if format == Format::Csv => DataType::Utf8,
                None => {
                    let shown = |index: usize| files.get(index).map(|file| file.shown.as_str()).unwrap_or_default();
                    return Err(EngineError::Data {
                        message: format!(
                            "column `{}` is {} in `{}` and {} in `{}`",
                            field.name(),
                            sql_name(known.data_type()),
                            shown(*first),
                            sql_name(field.data_type()),
                            shown(*index),
                        ),
                    });
                }
            };
            *known = Arc::new(Field::new(known.name(), common, true));
        }
    }
    Ok(columns
        .into_iter()
        .map(|(field, _)| match field.data_type() {
            // A column without any value.
            DataType::Null => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
            _ => field,
        })
        .collect())
}

/// The narrowest type that holds the values of both, without loss.
fn common_type(left: &DataType, right: &DataType) -> Option<DataType> {
    if left == right {
        return Some(left.clone());
    }
    let text = |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
    Some(match (left, right) {
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (left, right) if text(left) && text(right) => DataType::Utf8View,
        (left, right) if left.is_integer() && right.is_integer() => wider_integer(left, right),
        (left, right) if left.is_floating() && right.is_floating() => DataType::Float64,
        (left, right) if left.is_numeric() && right.is_numeric() && (left.is_floating() || right.is_floating()) => {
            DataType::Float64
        }
        (DataType::Decimal128(precision, scale), DataType::Decimal128(other_precision, other_scale)) => {
            let common = *scale.max(other_scale);
            let digits = |precision: u8, scale: i8| i16::from(precision) + i16::from(common) - i16::from(scale);
            let needed = digits(*precision, *scale).max(digits(*other_precision, *other_scale));
            let needed = u8::try_from(needed).ok().filter(|needed| *needed <= DECIMAL128_MAX_PRECISION)?;
            DataType::Decimal128(needed, common)
        }
        (DataType::Date32, timestamp @ DataType::Timestamp(_, None))
        | (timestamp @ DataType::Timestamp(_, None), DataType::Date32) => timestamp.clone(),
        (DataType::Struct(left), DataType::Struct(right)) => DataType::Struct(union_fields(left, right)?),
        (DataType::List(left), DataType::List(right)) => {
            DataType::List(Arc::new(Field::new(left.name(), common_type(left.data_type(), right.data_type())?, true)))
        }
        _ => return None,
    })
}

fn union_fields(left: &Fields, right: &Fields) -> Option<Fields> {
    let mut all: Vec<FieldRef> = Vec::with_capacity(left.len());
    for field in left {
        all.push(match right.iter().find(|other| other.name() == field.name()) {
            Some(other) => Arc::new(Field::new(field.name(), common_type(field.data_type(), other.data_type())?, true)),
            None => Arc::clone(field),
        });
    }
    let more = right.iter().filter(|field| !left.iter().any(|known| known.name() == field.name())).cloned();
    all.extend(more);
    Some(all.into())
}

fn wider_integer(left: &DataType, right: &DataType) -> DataType {
    let (left_bits, right_bits) = (left.primitive_width().unwrap_or(8), right.primitive_width().unwrap_or(8));
    if left.is_signed_integer() == right.is_signed_integer() {
        if left_bits >= right_bits { left.clone() } else { right.clone() }
    } else {
        DataType::Int64
    }
}
