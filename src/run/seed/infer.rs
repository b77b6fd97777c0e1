//! The type of a CSV column, and its values as an Arrow array. Source: dbt's seed loading (number, date, timestamp,
//! ISO-8601 timestamp, boolean, text; the first type that every value has).

use std::{str::FromStr, sync::Arc};

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;

type Values<'a> = &'a [Option<String>];

/// Whether the text stands for null in every type.
pub fn is_null(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("null")
}

/// The column as the first type that all its values have.
pub fn column(values: Values<'_>) -> ArrayRef {
    numbers(values)
        .or_else(|| dates(values))
        .or_else(|| timestamps(values, |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()))
        .or_else(|| timestamps(values, iso_timestamp))
        .or_else(|| booleans(values))
        .unwrap_or_else(|| {
            Arc::new(values.iter().map(|v| v.as_deref().filter(|t| !is_null(t))).collect::<StringArray>())
        })
}

/// All values converted, or `None` when one is not of the type.
fn all<T>(values: Values<'_>, convert: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
    values
        .iter()
        .map(|value| match value.as_deref().filter(|text| !is_null(text)) {
            None => Some(None),
            Some(text) => convert(text).map(Some),
        })
        .collect()
}

enum Number {
    Whole(i128),
    Fraction(f64),
}

fn numbers(values: Values<'_>) -> Option<ArrayRef> {
    let numbers = all(values, number)?;
    let is_whole = numbers.iter().flatten().all(|number| matches!(number, Number::Whole(_)));
    if !is_whole {
        #[expect(clippy::cast_precision_loss, reason = "a column with fractions is a column of floats")]
        let floats = numbers.iter().map(|number| {
            number.as_ref().map(|number| match number {
                Number::Whole(whole) => *whole as f64,
                Number::Fraction(fraction) => *fraction,
            })
        });
        return Some(Arc::new(floats.collect::<Float64Array>()));
    }
    let whole: Vec<Option<i128>> = numbers
        .into_iter()
        .map(|number| match number {
            Some(Number::Whole(whole)) => Some(whole),
            _ => None,
        })
        .collect();
    let fits: Option<Vec<Option<i64>>> =
        whole.iter().map(|number| number.map(i64::try_from).transpose().ok()).collect();
    match fits {
        Some(integers) => Some(Arc::new(Int64Array::from(integers))),
        None => {
            let decimals = Decimal128Array::from(whole).with_precision_and_scale(38, 0).ok()?;
            Some(Arc::new(decimals))
        }
    }
}

/// A number as people write it in a CSV: sign, groups, currency, percent, exponent.
fn number(text: &str) -> Option<Number> {
    let text = text.trim().trim_end_matches('%').trim_start_matches(['$', '€', '£', '¥']).trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest.trim_start_matches(['$', '€', '£', '¥'])),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '_' | 'e' | 'E' | '-' | '+');
    if matches!(digits.to_lowercase().as_str(), "inf" | "infinity" | "nan") {
        return format!("{sign}{digits}").parse().ok().map(Number::Fraction);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.chars().all(is_number) {
        return None;
    }
    let plain = format!("{sign}{}", digits.replace([',', '_'], ""));
    if let Ok(whole) = i128::from_str(&plain) {
        // Decimal(38, 0) is the widest whole number that a table stores.
        return (whole.unsigned_abs() < 10_u128.pow(38)).then_some(Number::Whole(whole));
    }
    let float: f64 = plain.parse().ok()?;
    let scientific = plain.contains(['e', 'E']);
    match Decimal::from_scientific(&plain).ok().filter(|_| scientific).map(|value| value.normalize()) {
        Some(value) if value.scale() == 0 => Some(Number::Whole(value.mantissa())),
        _ if plain.ends_with('.') => plain.trim_end_matches('.').parse().ok().map(Number::Whole),
        _ => Some(Number::Fraction(float)),
    }
}

fn dates(values: Values<'_>) -> Option<ArrayRef> {
    let epoch = NaiveDate::default();
    let days = all(values, |text| {
        let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
        i32::try_from(date.signed_duration_since(epoch).num_days()).ok()
    })?;
    Some(Arc::new(Date32Array::from(days)))
}

fn timestamps(values: Values<'_>, parse: impl Fn(&str) -> Option<NaiveDateTime>) -> Option<ArrayRef> {
    let micros = all(values, |text| Some(parse(text.trim())?.and_utc().timestamp_micros()))?;
    Some(Arc::new(TimestampMicrosecondArray::from(micros)))
}

/// ISO-8601 with a `T`; an offset is converted to UTC.
fn iso_timestamp(text: &str) -> Option<NaiveDateTime> {
    if !text.contains('T') {
        return None;
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.naive_utc());
    }
    let zoned = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y%m%dT%H%M%S%.f%#z"];
    if let Some(moment) = zoned.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()) {
        return Some(moment.naive_utc());
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y%m%dT%H%M%S%.f", "%Y%m%dT%H%M"];
    if let Some(moment) = local.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
        return Some(moment);
    }
    // An hour alone.
    NaiveDateTime::parse_from_str(&format!("{text}:00"), "%Y-%m-%dT%H:%M").ok()
}

fn booleans(values: Values<'_>) -> Option<ArrayRef> {
    let booleans = all(values, |text| match text.trim().to_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    })?;
    Some(Arc::new(BooleanArray::from(booleans)))
}
