//! Types in one place: Arrow ↔ SQL names, SQL names in DDL and casts → Arrow, and what a Delta table can store.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit},
    util::display::FormatOptions,
};
use datafusion::{
    error::DataFusionError,
    logical_expr::{Expr, cast, lit, planner::TypePlanner},
    scalar::ScalarValue,
    sql::sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, TimezoneInfo},
};

use super::{
    functions::{rewrite_type, text_to_timestamps},
    snowflake::sql::VARIANT_TYPE,
};
use crate::engine::{Column, EngineError};

/// The key of a column comment in Delta and Arrow field metadata.
pub(super) const COMMENT: &str = "comment";

/// The key of a column's default in Arrow and Delta field metadata: the value as text. Not Delta's own feature of that kind,
/// which writers would have to know.
pub(super) const DEFAULT: &str = "tamis.default";

/// The key and the value of the mark of a column whose text is a semi-structured value.
pub(super) const VARIANT_MARK: (&str, &str) = ("tamis.type", "variant");

/// The mark of a column of DDL, where its type is that of variants.
pub(super) fn variant_mark(data_type: &DataType) -> Option<(String, String)> {
    (*data_type == DataType::LargeUtf8).then(|| (VARIANT_MARK.0.to_owned(), VARIANT_MARK.1.to_owned()))
}

/// Whether the text of a column is a semi-structured value.
pub(super) fn is_marked(field: &Field) -> bool {
    field.metadata().get(VARIANT_MARK.0).is_some_and(|mark| mark == VARIANT_MARK.1)
}

/// The metadata of a field that tables keep.
pub(super) fn kept_metadata(get: impl Fn(&str) -> Option<String>) -> HashMap<String, String> {
    [COMMENT, DEFAULT, VARIANT_MARK.0].into_iter().filter_map(|key| Some((key.to_owned(), get(key)?))).collect()
}

/// The value of a column in rows that do not say one.
pub(super) fn default_of(field: &Field) -> Expr {
    let text = field.metadata().get(DEFAULT).cloned();
    cast(lit(ScalarValue::Utf8(text)), field.data_type().clone())
}

/// The SQL name of a type, lower case.
pub(super) fn sql_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "integer".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "integer".to_owned(),
        DataType::Int64 | DataType::UInt32 => "bigint".to_owned(),
        DataType::UInt64 => "decimal(20,0)".to_owned(),
        DataType::Float16 | DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary".to_owned()
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("{}[]", sql_name(item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{} {}", field.name(), sql_name(field.data_type()))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let names: Vec<String> = fields.iter().map(|field| sql_name(field.data_type())).collect();
                format!("map({})", names.join(", "))
            }
            _ => "map".to_owned(),
        },
        DataType::Dictionary(_, value) => sql_name(value),
        DataType::RunEndEncoded(_, value) => sql_name(value.data_type()),
        other => other.to_string().to_lowercase(),
    }
}

/// The columns of a schema as callers see them.
pub(super) fn columns(schema: &Schema) -> Vec<Column> {
    schema
        .fields()
        .iter()
        .map(|field| Column {
            name: field.name().clone(),
            data_type: if is_marked(field) { VARIANT_MARK.1.to_owned() } else { sql_name(field.data_type()) },
            nullable: field.is_nullable(),
            comment: field.metadata().get(COMMENT).filter(|text| !text.is_empty()).cloned(),
        })
        .collect()
}

/// The Arrow type of a SQL type as written in DDL; `None` when it has none.
pub(super) fn from_sql(sql: &SqlType) -> Option<DataType> {
    known(sql).or_else(|| {
        let mut rewritten = sql.clone();
        rewrite_type(&mut rewritten);
        known(&rewritten)
    })
}

fn known(sql: &SqlType) -> Option<DataType> {
    Some(match sql {
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) | SqlType::Int2(_) | SqlType::TinyIntUnsigned(_) => DataType::Int16,
        SqlType::Int(_)
        | SqlType::Integer(_)
        | SqlType::Int4(_)
        | SqlType::MediumInt(_)
        | SqlType::SmallIntUnsigned(_) => DataType::Int32,
        SqlType::BigInt(_)
        | SqlType::Int8(_)
        | SqlType::IntUnsigned(_)
        | SqlType::IntegerUnsigned(_)
        | SqlType::Int64 => DataType::Int64,
        SqlType::BigIntUnsigned(_) => DataType::Decimal128(20, 0),
        SqlType::Real | SqlType::Float4 | SqlType::Float32 => DataType::Float32,
        // `float` is 8 bytes wherever it comes from Snowflake or Postgres, and a wider column loses nothing.
        SqlType::Float(_) | SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float8 | SqlType::Float64 => {
            DataType::Float64
        }
        SqlType::Char(_)
        | SqlType::Character(_)
        | SqlType::CharacterVarying(_)
        | SqlType::CharVarying(_)
        | SqlType::Varchar(_)
        | SqlType::Nvarchar(_)
        | SqlType::Text
        | SqlType::String(_)
        | SqlType::JSON
        | SqlType::Uuid => DataType::Utf8,
        SqlType::Bytea | SqlType::Binary(_) | SqlType::Varbinary(_) | SqlType::Blob(_) | SqlType::Bytes(_) => {
            DataType::Binary
        }
        SqlType::Date => DataType::Date32,
        SqlType::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => utc(),
        SqlType::Timestamp(..) | SqlType::Datetime(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        SqlType::Numeric(info) | SqlType::Decimal(info) | SqlType::Dec(info) => decimal(info, 38, 10)?,
        SqlType::Array(ArrayElemTypeDef::AngleBracket(item) | ArrayElemTypeDef::SquareBracket(item, None)) => {
            DataType::List(Arc::new(Field::new_list_field(from_sql(item)?, true)))
        }
        SqlType::Struct(fields, _) => DataType::Struct(
            fields
                .iter()
                .map(|field| Some(Field::new(&field.field_name.as_ref()?.value, from_sql(&field.field_type)?, true)))
                .collect::<Option<Fields>>()?,
        ),
        SqlType::Custom(name, modifiers) => custom(&name.to_string().to_lowercase(), modifiers)?,
        _ => return None,
    })
}

fn custom(name: &str, modifiers: &[String]) -> Option<DataType> {
    Some(match name {
        "number" => {
            let numbers: Option<Vec<u64>> = modifiers.iter().map(|text| text.parse().ok()).collect();
            match numbers?.as_slice() {
                [] => DataType::Decimal128(38, 0),
                [precision] => decimal(&ExactNumberInfo::Precision(*precision), 38, 0)?,
                [precision, scale, ..] => {
                    decimal(&ExactNumberInfo::PrecisionAndScale(*precision, i64::try_from(*scale).ok()?), 38, 0)?
                }
            }
        }
        "timestamp_ntz" | "timestampntz" | "datetime" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" | "timestamp_tz" | "timestamp_ltz" => utc(),
        "string" | "text" | "variant" | "bpchar" => DataType::Utf8,
        "byteint" => DataType::Int8,
        "hugeint" => DataType::Decimal128(38, 0),
        "ubigint" => DataType::Decimal128(20, 0),
        "uinteger" => DataType::Int64,
        VARIANT_TYPE => DataType::LargeUtf8,
        "int64" | "long" => DataType::Int64,
        "float64" => DataType::Float64,
        _ => return None,
    })
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn decimal(info: &ExactNumberInfo, precision: u8, scale: i8) -> Option<DataType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (precision, scale),
        ExactNumberInfo::Precision(precision) => (u8::try_from(*precision).ok()?, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => {
            (u8::try_from(*precision).ok()?, i8::try_from(*scale).ok()?)
        }
    };
    (precision <= 38 && scale >= 0 && scale.unsigned_abs() <= precision)
        .then_some(DataType::Decimal128(precision, scale))
}

/// Types in casts: as in DDL where DataFusion has none, and microseconds instead of nanoseconds, whose range ends in 2262.
#[derive(Debug)]
pub(super) struct LakeTypes;

impl TypePlanner for LakeTypes {
    fn plan_type_field(&self, sql: &SqlType) -> datafusion::error::Result<Option<FieldRef>> {
        let ours = match sql {
            SqlType::Timestamp(..)
            | SqlType::Datetime(_)
            | SqlType::Custom(..)
            | SqlType::Float(_)
            | SqlType::Double(_)
            | SqlType::Character(_)
            | SqlType::CharacterVarying(_)
            | SqlType::CharVarying(_)
            | SqlType::Nvarchar(_)
            | SqlType::Dec(_)
            | SqlType::MediumInt(_)
            | SqlType::Binary(_)
            | SqlType::Varbinary(_)
            | SqlType::Blob(_)
            | SqlType::Int64
            | SqlType::Float64 => from_sql(sql),
            _ => None,
        };
        Ok(ours.map(|data_type| Arc::new(Field::new("", data_type, true))))
    }
}

/// The schema as a Delta table stores it: nullable everywhere, signed integers, microseconds, plain strings.
///
/// # Errors
/// [`EngineError::Sql`] naming the column whose type cannot be stored, or two columns that differ only by case.
pub(super) fn storable(schema: &Schema) -> Result<SchemaRef, EngineError> {
    let mut seen: Vec<String> = Vec::new();
    let mut fields = Vec::new();
    for field in schema.fields() {
        let lower = field.name().to_lowercase();
        if seen.contains(&lower) {
            return Err(EngineError::Sql {
                message: format!("duplicate column name `{}`; column names are compared without case", field.name()),
                position: None,
                help: Some("give one of the two columns another name with `as`".to_owned()),
            });
        }
        seen.push(lower);
        let data_type = storable_type(field.data_type()).map_err(|name| EngineError::Sql {
            message: format!("column `{}` has type {name}, which a table cannot store", field.name()),
            position: None,
            help: Some(format!("cast it: `cast(\"{}\" as varchar)`", field.name())),
        })?;
        let metadata = kept_metadata(|key| field.metadata().get(key).cloned());
        fields.push(Field::new(field.name(), data_type, true).with_metadata(metadata));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The stored form of a type, or the name of the type that has none.
fn storable_type(data_type: &DataType) -> Result<DataType, String> {
    Ok(match data_type {
        DataType::Null => DataType::Int32,
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => utc(),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Dictionary(_, value) => storable_type(value)?,
        DataType::RunEndEncoded(_, value) => storable_type(value.data_type())?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            DataType::List(Arc::new(Field::new("element", storable_type(item.data_type())?, true)))
        }
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| Ok(Field::new(field.name(), storable_type(field.data_type())?, true)))
                .collect::<Result<Fields, String>>()?,
        ),
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let value = &pair[1];
                let pair = Fields::from(vec![
                    Field::new("key", storable_type(pair[0].data_type())?, false),
                    Field::new("value", storable_type(value.data_type())?, true),
                ]);
                DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair), false)), *sorted)
            }
            _ => return Err("map".to_owned()),
        },
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::Binary
        | DataType::Date32
        | DataType::Decimal128(..) => data_type.clone(),
        other => return Err(sql_name(other)),
    })
}

/// The schema that callers get: strings, binaries and dictionaries as plain arrays.
pub(super) fn plain(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let data_type = match field.data_type() {
                DataType::Utf8View => DataType::Utf8,
                DataType::BinaryView => DataType::Binary,
                DataType::Dictionary(_, value) => match value.as_ref() {
                    DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
                    value => value.clone(),
                },
                other => other.clone(),
            };
            field.as_ref().clone().with_data_type(data_type)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// The same schema, nulls allowed everywhere: a plan's word on nullability is not always right.
pub(super) fn nullable(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(
        schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Fields>(),
    ))
}

/// A batch of a query as callers get it, see [`plain`].
pub(super) fn relabel(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, EngineError> {
    let internal = |error: arrow::error::ArrowError| EngineError::Internal { message: error.to_string() };
    let arrays = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| match array.data_type() == field.data_type() {
            true => Ok(Arc::clone(array)),
            false => arrow::compute::cast(array, field.data_type()).map_err(internal),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(internal)
}

/// A batch under another schema of as many columns: values are cast by position.
///
/// # Errors
/// [`EngineError::Data`] naming the column whose value does not fit, or that is null where the schema forbids it.
pub(super) fn cast_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, EngineError> {
    let mut arrays = Vec::with_capacity(schema.fields().len());
    for (array, field) in batch.columns().iter().zip(schema.fields()) {
        arrays.push(cast_array(array, field)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
        .map_err(|error| EngineError::Data { message: error.to_string() })
}

/// As CAST of SQL does.
fn convert(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, DataFusionError> {
    if let Some(timestamps) = text_to_timestamps(array, target) {
        return timestamps;
    }
    let options = CastOptions { safe: false, format_options: FormatOptions::default() };
    Ok(cast_with_options(array, target, &options)?)
}

fn cast_array(array: &ArrayRef, field: &Field) -> Result<ArrayRef, EngineError> {
    if !field.is_nullable() && array.is_nullable() && array.logical_null_count() > 0 {
        return Err(EngineError::Data {
            message: format!("NOT NULL constraint failed: column `{}` has a null value", field.name()),
        });
    }
    if array.data_type() == field.data_type() {
        return Ok(Arc::clone(array));
    }
    convert(array, field.data_type()).map_err(|error| EngineError::Data {
        message: format!(
            "column `{}`: cannot convert {} to {}: {error}",
            field.name(),
            sql_name(array.data_type()),
            sql_name(field.data_type())
        ),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::{dialect::GenericDialect, parser::Parser};

    use super::*;

    #[test]
    fn type_names_of_ddl_have_one_stored_form() {
        for (sql, expected) in [
            ("text", "varchar"),
            ("string", "varchar"),
            ("varchar(20)", "varchar"),
            ("character varying(3)", "varchar"),
            ("number(38,0)", "decimal(38,0)"),
            ("number", "decimal(38,0)"),
            ("numeric(10,2)", "decimal(10,2)"),
            ("timestamp_ntz", "timestamp"),
            ("datetime", "timestamp"),
            ("timestamptz", "timestamp with time zone"),
            ("timestamp with time zone", "timestamp with time zone"),
            ("int", "integer"),
            ("bigint", "bigint"),
            ("double precision", "double"),
            ("float", "double"),
            ("boolean", "boolean"),
            ("integer[]", "integer[]"),
        ] {
            let parsed = Parser::new(&GenericDialect {}).try_with_sql(sql).and_then(|mut p| p.parse_data_type());
            let name = parsed.ok().as_ref().and_then(from_sql).map(|data_type| sql_name(&data_type));
            assert_eq!(name.as_deref(), Some(expected), "{sql}");
        }
    }
}
