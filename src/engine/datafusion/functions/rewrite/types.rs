//! Type names of other dialects. Timestamps are microseconds (what tables store, and year 9999 fits), strings have no
//! length, `float` is a double.

use datafusion::sql::sqlparser::ast::{ArrayElemTypeDef, DataType, ExactNumberInfo, TimezoneInfo};

pub(in crate::engine::datafusion) const TIMESTAMP: DataType = DataType::Timestamp(Some(6), TimezoneInfo::None);
pub(in crate::engine::datafusion) const TIMESTAMP_TZ: DataType =
    DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone);
pub(in crate::engine::datafusion) const DOUBLE: DataType = DataType::Double(ExactNumberInfo::None);
pub(in crate::engine::datafusion) const BIGINT: DataType = DataType::BigInt(None);
pub(in crate::engine::datafusion) const VARCHAR: DataType = DataType::Varchar(None);

pub(in crate::engine::datafusion) fn decimal(precision: u64, scale: i64) -> DataType {
    DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision, scale))
}

/// Replaces a type name by one that the planner knows; leaves an unknown one for the planner to refuse.
pub(in crate::engine::datafusion) fn rewrite_type(data_type: &mut DataType) {
    let rewritten = match &mut *data_type {
        DataType::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => return rewrite_type(element),
        DataType::Struct(fields, _) => return fields.iter_mut().for_each(|field| rewrite_type(&mut field.field_type)),
        DataType::Custom(name, arguments) => custom(&name.to_string().to_lowercase(), arguments),
        known => simple(&*known),
    };
    if let Some(rewritten) = rewritten {
        *data_type = rewritten;
    }
}

fn simple(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Character(_)
        | DataType::Char(_)
        | DataType::CharacterVarying(_)
        | DataType::CharVarying(_)
        | DataType::Varchar(_)
        | DataType::Nvarchar(_)
        | DataType::Uuid
        | DataType::CharacterLargeObject(_)
        | DataType::CharLargeObject(_)
        | DataType::Clob(_)
        | DataType::Text
        | DataType::TinyText
        | DataType::MediumText
        | DataType::LongText
        | DataType::String(_)
        | DataType::FixedString(_)
        | DataType::JSON
        | DataType::JSONB => VARCHAR,
        DataType::Dec(info) | DataType::BigNumeric(info) | DataType::BigDecimal(info) => DataType::Decimal(*info),
        DataType::Float(ExactNumberInfo::Precision(precision)) if *precision <= 24 => DataType::Real,
        DataType::Float(_) | DataType::Float64 | DataType::Double(_) => DOUBLE,
        DataType::Float32 => DataType::Real,
        DataType::Int64 => BIGINT,
        DataType::Int32 | DataType::MediumInt(_) => DataType::Int(None),
        DataType::Int16 => DataType::SmallInt(None),
        DataType::HugeInt | DataType::UHugeInt | DataType::Int128 | DataType::UInt128 => decimal(38, 0),
        DataType::UBigInt | DataType::UInt64 => DataType::BigIntUnsigned(None),
        DataType::UInt32 => DataType::IntUnsigned(None),
        DataType::USmallInt | DataType::UInt16 => DataType::SmallIntUnsigned(None),
        DataType::UTinyInt | DataType::UInt8 => DataType::TinyIntUnsigned(None),
        DataType::Bytes(_)
        | DataType::Blob(_)
        | DataType::TinyBlob
        | DataType::MediumBlob
        | DataType::LongBlob
        | DataType::Binary(_)
        | DataType::Varbinary(_) => DataType::Bytea,
        DataType::Date32 => DataType::Date,
        DataType::Datetime(_) | DataType::TimestampNtz(_) => TIMESTAMP,
        DataType::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => TIMESTAMP_TZ,
        DataType::Timestamp(..) => TIMESTAMP,
        DataType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            DataType::Time(None, TimezoneInfo::None)
        }
        DataType::Interval { .. } => DataType::Interval { fields: None, precision: None },
        _ => return None,
    })
}

fn custom(name: &str, arguments: &[String]) -> Option<DataType> {
    let argument = |index: usize| arguments.get(index).and_then(|text| text.trim().parse::<u64>().ok());
    Some(match name {
        "number" => {
            decimal(argument(0).unwrap_or(38), argument(1).and_then(|scale| i64::try_from(scale).ok()).unwrap_or(0))
        }
        "timestamp_ntz" | "timestampntz" | "timestamp_s" | "timestamp_ms" | "timestamp_us" | "timestamp_ns" => {
            TIMESTAMP
        }
        "timestamp_tz" | "timestamptz" | "timestamp_ltz" | "timestampltz" => TIMESTAMP_TZ,
        "long" => BIGINT,
        "byteint" => DataType::TinyInt(None),
        "short" => DataType::SmallInt(None),
        "logical" => DataType::Boolean,
        "string" | "variant" | "object" | "super" | "bpchar" | "uniqueidentifier" | "sysname" => VARCHAR,
        "hugeint" => decimal(38, 0),
        "ubigint" => DataType::BigIntUnsigned(None),
        "uinteger" => DataType::IntUnsigned(None),
        "money" => decimal(19, 4),
        _ => return None,
    })
}
