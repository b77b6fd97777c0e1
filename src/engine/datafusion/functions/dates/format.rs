//! Dates as text and back: `strftime`, `strptime`, `to_char`, `to_timestamp`.

use std::{fmt::Write, sync::Arc};

use chrono::{
    DateTime, NaiveDate, NaiveTime,
    format::{Item, Parsed, StrftimeItems},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int64Array, StringBuilder},
        compute::cast,
        datatypes::{DataType, Float64Type},
    },
    common::{Result, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use super::{
    TIMESTAMP,
    difference::{from_micros, micros},
    pattern::{Purpose, to_chrono},
    temporal,
};
use crate::engine::datafusion::functions::scalar::{answer, array, constant_text, function, is_text, strings};

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        function("strftime", |types| printing(types, "strftime(date, '%Y-%m-%d')"), |_, _| Ok(DataType::Utf8), print),
        function("to_char", |types| printing(types, "to_char(date, 'YYYY-MM-DD')"), |_, _| Ok(DataType::Utf8), print),
        function(
            "date_format",
            |types| printing(types, "date_format(date, '%Y-%m-%d')"),
            |_, _| Ok(DataType::Utf8),
            print,
        ),
        function("strptime", parsing, |_, _| Ok(TIMESTAMP), |args| parse(args, OnFailure::Error)),
        function("try_strptime", parsing, |_, _| Ok(TIMESTAMP), |args| parse(args, OnFailure::Null)),
        function("to_timestamp", instant, |_, _| Ok(TIMESTAMP), to_timestamp),
    ]
}

/// Date and format, in either order where the format is text and the date is not.
fn printing(types: &[DataType], usage: &'static str) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [date, format] if is_text(format) => Ok(vec![temporal(date).ok_or(usage)?, DataType::Utf8]),
        _ => Err(usage),
    }
}

fn parsing(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [text, format] if is_text(text) && is_text(format) => Ok(vec![DataType::Utf8, DataType::Utf8]),
        [number, format] if number.is_integer() && is_text(format) => Ok(vec![DataType::Utf8, DataType::Utf8]),
        _ => Err("strptime(text, '%Y-%m-%d')"),
    }
}

fn instant(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [number] if number.is_numeric() => Ok(vec![DataType::Float64]),
        [other] => Ok(vec![temporal(other).ok_or("to_timestamp(seconds | text)")?]),
        _ => Err("to_timestamp(seconds | text)"),
    }
}

/// A format of chrono, checked once.
fn items(format: &str, purpose: Purpose) -> Result<Vec<Item<'static>>> {
    let chrono = to_chrono(format, purpose);
    match StrftimeItems::new(&chrono).parse_to_owned() {
        Ok(items) => Ok(items),
        Err(_) => exec_err!("`{format}` is not a valid date format"),
    }
}

fn print(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let dates = micros(&array(args, 0)?)?;
    let mut text = StringBuilder::with_capacity(dates.len(), dates.len() * 20);
    let constant = match constant_text(args, 1) {
        Some(format) => Some(items(format, Purpose::Print)?),
        None => None,
    };
    let formats = strings(&array(args, 1)?)?;
    for row in 0..dates.len() {
        if dates.is_null(row) || formats.is_null(row) {
            text.append_null();
            continue;
        }
        let Some(date) = DateTime::from_timestamp_micros(dates.value(row)) else {
            return exec_err!("a timestamp is outside the range of dates");
        };
        let own;
        let items: &[Item<'static>] = match &constant {
            Some(items) => items,
            None => {
                own = items(formats.value(row), Purpose::Print)?;
                &own
            }
        };
        if write!(text, "{}", date.naive_utc().format_with_items(items.iter())).is_err() {
            return exec_err!("`{}` asks for something that a date has not", formats.value(row));
        }
        text.append_value("");
    }
    answer(args, Arc::new(text.finish()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    Error,
    Null,
}

fn parse(args: &ScalarFunctionArgs, on_failure: OnFailure) -> Result<ColumnarValue> {
    let texts = strings(&array(args, 0)?)?;
    let formats = strings(&array(args, 1)?)?;
    let constant = match constant_text(args, 1) {
        Some(format) => Some(items(format, Purpose::Parse)?),
        None => None,
    };
    let parsed: Int64Array = (0..texts.len())
        .map(|row| {
            if texts.is_null(row) || formats.is_null(row) {
                return Ok(None);
            }
            let text = texts.value(row);
            let own;
            let items: &[Item<'static>] = match &constant {
                Some(items) => items,
                None => {
                    own = items(formats.value(row), Purpose::Parse)?;
                    &own
                }
            };
            match parse_one(text, items) {
                None if on_failure == OnFailure::Error => {
                    exec_err!("`{text}` does not match the date format `{}`", formats.value(row))
                }
                parsed => Ok(parsed),
            }
        })
        .collect::<Result<_>>()?;
    answer(args, from_micros(&parsed, &TIMESTAMP)?)
}

fn parse_one(text: &str, items: &[Item<'static>]) -> Option<i64> {
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text, items.iter()).ok()?;
    if parsed.timestamp().is_some() {
        return parsed.to_datetime().ok().map(|instant| instant.timestamp_micros());
    }
    let date = match parsed.to_naive_date() {
        Ok(date) => date,
        // Only a month (`%Y-%m`) or a year: its first day.
        Err(_) => {
            let year = parsed
                .year()
                .or_else(|| parsed.year_mod_100().map(|year| if year < 69 { 2000 + year } else { 1900 + year }))?;
            if parsed.month().is_none() && parsed.day().is_some() {
                return None;
            }
            NaiveDate::from_ymd_opt(year, parsed.month().unwrap_or(1), parsed.day().unwrap_or(1))?
        }
    };
    let time = if parsed.hour_mod_12().is_none() { NaiveTime::MIN } else { time_of(parsed.clone())? };
    let local = date.and_time(time).and_utc().timestamp_micros();
    Some(local - i64::from(parsed.offset().unwrap_or(0)) * 1_000_000)
}

/// A missing minute is 0; a missing AM or PM leaves the hour as it is.
fn time_of(mut parsed: Parsed) -> Option<NaiveTime> {
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    if parsed.hour_div_12().is_none() {
        parsed.set_ampm(false).ok()?;
    }
    parsed.to_naive_time().ok()
}

fn to_timestamp(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let values = array(args, 0)?;
    let Some(seconds) = values.as_primitive_opt::<Float64Type>() else {
        let plain: ArrayRef = from_micros(&micros(&cast(&values, &naive(values.data_type()))?)?, &TIMESTAMP)?;
        return answer(args, plain);
    };
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
    let instants: Int64Array = seconds.unary_opt(|seconds| {
        let micros = (seconds * 1e6).round();
        (micros.abs() < 8.3e18).then_some(micros as i64)
    });
    if instants.null_count() != seconds.null_count() {
        return exec_err!("to_timestamp: a number of seconds is outside the range of timestamps");
    }
    answer(args, from_micros(&instants, &TIMESTAMP)?)
}

fn naive(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, None),
        other => other.clone(),
    }
}
