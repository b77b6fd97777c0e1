//! Rows as Arrow, in Snowflake's own form: decimals as scaled integers, timestamps as integers or as structs of seconds,
//! nanoseconds and zone.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, StructArray, Time64NanosecondArray, TimestampMicrosecondArray},
    compute::cast,
    datatypes::{DataType, Decimal128Type, Int32Type, Int64Type},
};

use super::{RowType, data_type, unreadable};
use crate::engine::EngineError;

/// A column in the type that its rowtype says.
pub fn array(column: &RowType, array: &ArrayRef) -> Result<ArrayRef, EngineError> {
    let wanted = data_type(column);
    let scale = column.scale.unwrap_or(0);
    let failed = |error: arrow::error::ArrowError| unreadable(&error.to_string());
    if *array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    match &wanted {
        DataType::Decimal128(precision, scale) if array.data_type().is_integer() => {
            let integers = integers(array)?;
            let values = integers.iter().map(|value| value.map(i128::from));
            let scaled: Decimal128Array = values.collect();
            Ok(Arc::new(scaled.with_precision_and_scale(*precision, *scale).map_err(failed)?))
        }
        DataType::Decimal128(precision, scale)
            if matches!(array.data_type(), DataType::Decimal128(_, 0)) && *scale != 0 =>
        {
            let scaled = array.as_primitive::<Decimal128Type>().clone();
            Ok(Arc::new(scaled.with_precision_and_scale(*precision, *scale).map_err(failed)?))
        }
        DataType::Timestamp(_, zone) => {
            let micros: TimestampMicrosecondArray = match array.as_struct_opt() {
                Some(parts) => seconds_and_nanoseconds(parts, scale)?,
                None if array.data_type().is_integer() => {
                    integers(array)?.iter().map(|value| micros(value?, scale)).collect()
                }
                None => return cast(array, &wanted).map_err(failed),
            };
            Ok(Arc::new(micros.with_timezone_opt(zone.clone())))
        }
        DataType::Time64(_) if array.data_type().is_integer() => {
            let nanos: Time64NanosecondArray = integers(array)?
                .iter()
                .map(|value| i64::try_from(i128::from(value?).checked_mul(power(9 - scale)?)?).ok())
                .collect();
            Ok(Arc::new(nanos))
        }
        wanted => cast(array, wanted).map_err(failed),
    }
}

fn integers(array: &ArrayRef) -> Result<arrow::array::Int64Array, EngineError> {
    let cast = cast(array, &DataType::Int64).map_err(|error| unreadable(&error.to_string()))?;
    Ok(cast.as_primitive::<Int64Type>().clone())
}

fn power(exponent: i64) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

/// Microseconds of a number with `scale` digits after the second.
fn micros(value: i64, scale: i64) -> Option<i64> {
    let nanos = i128::from(value).checked_mul(power(9 - scale)?)?;
    i64::try_from(nanos.div_euclid(1000)).ok()
}

fn seconds_and_nanoseconds(parts: &StructArray, scale: i64) -> Result<TimestampMicrosecondArray, EngineError> {
    let epoch = parts.column_by_name("epoch").and_then(|array| array.as_primitive_opt::<Int64Type>());
    let epoch = epoch.ok_or_else(|| unreadable("a timestamp has no `epoch`"))?;
    let fraction = parts.column_by_name("fraction").and_then(|array| array.as_primitive_opt::<Int32Type>());
    let value = |row: usize| {
        if parts.is_null(row) || epoch.is_null(row) {
            return None;
        }
        match fraction {
            Some(fraction) => {
                let nanos = i128::from(epoch.value(row)) * 1_000_000_000 + i128::from(fraction.value(row));
                i64::try_from(nanos.div_euclid(1000)).ok()
            }
            // Without a fraction the number has the column's own scale.
            None => micros(epoch.value(row), scale),
        }
    };
    Ok((0..parts.len()).map(value).collect())
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Int8Array, Int32Array, Int64Array},
        datatypes::{Field, Fields},
        util::display::array_value_to_string,
    };

    use super::*;

    fn column(kind: &str, precision: i64, scale: i64) -> RowType {
        RowType { name: "c".into(), kind: kind.into(), scale: Some(scale), precision: Some(precision) }
    }

    fn zoned(fraction: bool) -> ArrayRef {
        let mut columns: Vec<(&str, ArrayRef)> = vec![("epoch", Arc::new(Int64Array::from(vec![1_704_067_200])))];
        if fraction {
            columns.push(("fraction", Arc::new(Int32Array::from(vec![123_456_789]))));
        }
        columns.push(("timezone", Arc::new(Int32Array::from(vec![1500]))));
        let fields: Fields =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        Arc::new(StructArray::new(fields, columns.into_iter().map(|(_, array)| array).collect(), None))
    }

    #[test]
    fn scaled_integers_and_structs_become_values_of_the_columns_type() {
        for (column, array, expected) in [
            (column("fixed", 5, 2), Arc::new(Int8Array::from(vec![Some(125), None])) as ArrayRef, "1.25"),
            (column("fixed", 5, 0), Arc::new(Int8Array::from(vec![Some(7), None])), "7"),
            (
                column("timestamp_ntz", 0, 3),
                Arc::new(Int64Array::from(vec![1_704_067_200_500])),
                "2024-01-01T00:00:00.500",
            ),
            (column("timestamp_tz", 0, 9), zoned(true), "2024-01-01T00:00:00.123456Z"),
            (column("timestamp_tz", 0, 0), zoned(false), "2024-01-01T00:00:00Z"),
            (column("time", 0, 0), Arc::new(Int32Array::from(vec![3661])), "01:01:01"),
        ] {
            let found = super::array(&column, &array).unwrap();
            assert_eq!(array_value_to_string(&found, 0).unwrap(), expected, "{column:?}");
        }
    }
}
