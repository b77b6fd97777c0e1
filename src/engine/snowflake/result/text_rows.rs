//! Rows as lists of texts: days since 1970, seconds with a fraction, hexadecimal bytes.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        Time64NanosecondArray, TimestampMicrosecondArray,
    },
    datatypes::DataType,
};

use super::{RowType, data_type, unreadable};
use crate::engine::EngineError;

/// The values of one column.
pub fn array<'a>(column: &RowType, values: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef, EngineError> {
    let wrong = |text: &str| unreadable(&format!("`{text}` in column `{}` is no {}", column.name, column.kind));
    macro_rules! read {
        ($array:ty, $read:expr) => {{
            let read = $read;
            let values = values.map(|value| value.map(|text| read(text).ok_or_else(|| wrong(text))).transpose());
            Arc::new(values.collect::<Result<$array, EngineError>>()?) as ArrayRef
        }};
    }
    Ok(match data_type(column) {
        DataType::Int64 => read!(Int64Array, |text: &str| text.parse::<i64>().ok()),
        DataType::Decimal128(precision, scale) => {
            let values =
                values.map(|value| value.map(|text| unscaled(text, scale).ok_or_else(|| wrong(text))).transpose());
            let array: Decimal128Array = values.collect::<Result<_, EngineError>>()?;
            Arc::new(array.with_precision_and_scale(precision, scale).map_err(|error| unreadable(&error.to_string()))?)
        }
        DataType::Float64 => read!(Float64Array, real),
        DataType::Boolean => read!(BooleanArray, |text: &str| match text.to_lowercase().as_str() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        }),
        DataType::Date32 => read!(Date32Array, |text: &str| text.parse::<i32>().ok()),
        DataType::Time64(_) => read!(Time64NanosecondArray, |text: &str| { i64::try_from(unscaled(text, 9)?).ok() }),
        // A zone follows the seconds after a space; the seconds are UTC.
        DataType::Timestamp(_, zone) => {
            let micros = |text: &str| {
                let seconds = text.split(' ').next()?;
                i64::try_from(unscaled(seconds, 9)?.div_euclid(1000)).ok()
            };
            let values = values.map(|value| value.map(|text| micros(text).ok_or_else(|| wrong(text))).transpose());
            let array: TimestampMicrosecondArray = values.collect::<Result<_, EngineError>>()?;
            Arc::new(array.with_timezone_opt(zone))
        }
        DataType::Binary => {
            let bytes: Result<Vec<Option<Vec<u8>>>, EngineError> =
                values.map(|value| value.map(|text| bytes(text).ok_or_else(|| wrong(text))).transpose()).collect();
            Arc::new(bytes?.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        _ => Arc::new(values.collect::<StringArray>()),
    })
}

/// `-12.5` with a scale of 2 is -1250. Digits after the scale must be zeros.
fn unscaled(text: &str, scale: i8) -> Option<i128> {
    let scale = usize::try_from(scale).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let kept = fraction.get(..scale.min(fraction.len()))?;
    if fraction.get(kept.len()..)?.chars().any(|digit| digit != '0') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let padded = format!("{whole}{kept:0<scale$}");
    let digits = padded.chars().all(|digit| digit.is_ascii_digit()).then_some(padded)?;
    digits.parse::<i128>().ok().map(|number| sign * number)
}

fn real(text: &str) -> Option<f64> {
    match text.to_lowercase().as_str() {
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        lower => lower.parse().ok(),
    }
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    if !hexadecimal.len().is_multiple_of(2) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(hexadecimal.get(at..at + 2)?, 16).ok();
    (0..hexadecimal.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::*;

    #[test]
    fn texts_become_values_of_the_columns_type() {
        for (kind, precision, scale, text, expected) in [
            ("fixed", 10, 0, "42", "42"),
            ("fixed", 38, 0, "170141183460469231731", "170141183460469231731"),
            ("fixed", 10, 2, "-0.05", "-0.05"),
            ("real", 0, 0, "1.5e3", "1500.0"),
            ("boolean", 0, 0, "1", "true"),
            ("date", 0, 0, "19723", "2024-01-01"),
            ("time", 0, 9, "3661.500000000", "01:01:01.500"),
            ("timestamp_ntz", 0, 9, "1704067200.123456789", "2024-01-01T00:00:00.123456"),
            ("timestamp_ntz", 0, 9, "-0.500000000", "1969-12-31T23:59:59.500"),
            ("timestamp_tz", 0, 9, "1704067200.000000000 1500", "2024-01-01T00:00:00Z"),
            ("binary", 0, 0, "00ff", "00ff"),
            ("variant", 0, 0, "{\"a\": 1}", "{\"a\": 1}"),
        ] {
            let column =
                RowType { name: "c".into(), kind: kind.into(), scale: Some(scale), precision: Some(precision) };
            let array = array(&column, [Some(text), None].into_iter()).unwrap();
            assert_eq!(array_value_to_string(&array, 0).unwrap(), expected, "{kind} {text}");
            assert!(array.is_null(1), "{kind}");
        }
    }

    #[test]
    fn a_text_that_is_no_value_is_told() {
        for (kind, text) in [
            ("fixed", "x"),
            ("fixed", "1.5"),
            ("date", "2024-01-01"),
            ("boolean", "2"),
            ("binary", "0g"),
            ("binary", "é"),
        ] {
            let column = RowType { name: "c".into(), kind: kind.into(), scale: Some(0), precision: Some(10) };
            let error = array(&column, [Some(text)].into_iter()).unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}` in column `c` is no {kind}")), "{error}");
        }
    }
}
