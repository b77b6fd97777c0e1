//! Names and numbers of a date: `last_day`, `monthname`, `dayname`, `yearweek`, epochs; and dates made of parts.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, AsArray, Float64Array, Int64Array, StringArray},
        compute::cast,
        datatypes::{DataType, Float64Type, Int64Type},
    },
    common::{Result, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use super::{
    TIMESTAMP,
    calendar::{DatePart, MICROS_PER_DAY, MICROS_PER_SECOND, add_months, civil, days, last_day_of_month},
    difference::{from_micros, micros, part},
    temporal,
};
use crate::engine::datafusion::functions::scalar::{answer, array, constant_text, function, is_text};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        function("last_day", coerce_last_day, |_, _| Ok(DataType::Date32), last_day),
        function(
            "monthname",
            |types| one_date(types, "monthname(date)"),
            |_, _| Ok(DataType::Utf8),
            |args| name(args, month_name),
        ),
        function(
            "dayname",
            |types| one_date(types, "dayname(date)"),
            |_, _| Ok(DataType::Utf8),
            |args| name(args, day_name),
        ),
        function(
            "epoch_ms",
            |types| epoch_argument(types, "epoch_ms(timestamp)"),
            epoch_type,
            |args| epoch(args, 1_000),
        ),
        function("epoch_us", |types| epoch_argument(types, "epoch_us(timestamp)"), epoch_type, |args| epoch(args, 1)),
        function("make_timestamp", make_arguments, |_, _| Ok(TIMESTAMP), make_timestamp),
        function("timestamp_from_parts", make_arguments, |_, _| Ok(TIMESTAMP), make_timestamp),
        function("timestamp_ntz_from_parts", make_arguments, |_, _| Ok(TIMESTAMP), make_timestamp),
    ]
}

fn one_date(types: &[DataType], usage: &'static str) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [date] => Ok(vec![temporal(date).ok_or(usage)?]),
        _ => Err(usage),
    }
}

fn coerce_last_day(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    const USAGE: &str = "last_day(date, 'month')";
    match types {
        [date] => Ok(vec![temporal(date).ok_or(USAGE)?]),
        [date, part] if is_text(part) => Ok(vec![temporal(date).ok_or(USAGE)?, DataType::Utf8]),
        _ => Err(USAGE),
    }
}

fn last_day(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let unit = match args.args.get(1) {
        None => DatePart::Month,
        Some(_) => part(constant_text(args, 1).unwrap_or("month"))?,
    };
    let last = |micros: i64| {
        let day = micros.div_euclid(MICROS_PER_DAY);
        let month = civil(day).1;
        let last = match unit {
            DatePart::Week => day + 6 - (day + 3).rem_euclid(7),
            DatePart::Quarter => {
                last_day_of_month(add_months(day, (3 - month.rem_euclid(3)).rem_euclid(3)).unwrap_or(day))
            }
            DatePart::Year => days(civil(day).0, 12, 31),
            _ => last_day_of_month(day),
        };
        last * MICROS_PER_DAY
    };
    let lasts: Int64Array = micros(&array(args, 0)?)?.unary(last);
    answer(args, from_micros(&lasts, &DataType::Date32)?)
}

fn name(args: &ScalarFunctionArgs, name: fn(i64) -> &'static str) -> Result<ColumnarValue> {
    let dates = micros(&array(args, 0)?)?;
    let names: StringArray =
        dates.iter().map(|micros| micros.map(|micros| name(micros.div_euclid(MICROS_PER_DAY)))).collect();
    answer(args, Arc::new(names))
}

fn month_name(day: i64) -> &'static str {
    usize::try_from(civil(day).1 - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default()
}

fn day_name(day: i64) -> &'static str {
    usize::try_from((day + 3).rem_euclid(7)).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default()
}

fn epoch_argument(types: &[DataType], usage: &'static str) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [number] if number.is_integer() => Ok(vec![DataType::Int64]),
        _ => one_date(types, usage),
    }
}

/// A number becomes a timestamp, a timestamp becomes a number.
fn epoch_type(types: &[DataType], _: &[Option<&datafusion::common::ScalarValue>]) -> Result<DataType> {
    Ok(if types.first() == Some(&DataType::Int64) { TIMESTAMP } else { DataType::Int64 })
}

fn epoch(args: &ScalarFunctionArgs, unit: i64) -> Result<ColumnarValue> {
    let values = array(args, 0)?;
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        let instants: Int64Array = numbers.try_unary(|number| {
            number.checked_mul(unit).ok_or_else(|| {
                datafusion::arrow::error::ArrowError::ComputeError(format!("{number} is no valid epoch"))
            })
        })?;
        return answer(args, from_micros(&instants, &TIMESTAMP)?);
    }
    let numbers: Int64Array = micros(&values)?.unary(|micros| micros.div_euclid(unit));
    answer(args, Arc::new(numbers))
}

fn make_arguments(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    if types.len() != 6 || !types.iter().all(|part| part.is_numeric() || part.is_null()) {
        return Err("make_timestamp(year, month, day, hour, minute, second)");
    }
    let mut coerced = vec![DataType::Int64; 5];
    coerced.push(DataType::Float64);
    Ok(coerced)
}

fn make_timestamp(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let mut parts = Vec::with_capacity(5);
    for index in 0..5 {
        let part = cast(&array(args, index)?, &DataType::Int64)?;
        parts.push(part.as_primitive::<Int64Type>().clone());
    }
    let seconds = cast(&array(args, 5)?, &DataType::Float64)?;
    let seconds: &Float64Array = seconds.as_primitive::<Float64Type>();
    let made: Int64Array = (0..seconds.len())
        .map(|row| {
            let [year, month, day, hour, minute] = [0, 1, 2, 3, 4]
                .map(|index| parts.get(index).filter(|part| part.is_valid(row)).map(|part| part.value(row)));
            let (Some(year), Some(month), Some(day), Some(hour), Some(minute)) = (year, month, day, hour, minute)
            else {
                return Ok(None);
            };
            if seconds.is_null(row) {
                return Ok(None);
            }
            timestamp_of([year, month, day, hour, minute], seconds.value(row)).map(Some)
        })
        .collect::<Result<_>>()?;
    answer(args, from_micros(&made, &TIMESTAMP)?)
}

fn timestamp_of([year, month, day, hour, minute]: [i64; 5], second: f64) -> Result<i64> {
    let month_exists = (1..=12).contains(&month) && (-200_000..=200_000).contains(&year);
    let valid = month_exists
        && (1..=civil(last_day_of_month(days(year, month, 1))).2).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..60.0).contains(&second);
    if !valid {
        return exec_err!("{year}-{month}-{day} {hour}:{minute}:{second} is no timestamp");
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 60 million")]
    let micros = (second * 1e6).round() as i64;
    Ok(days(year, month, day) * MICROS_PER_DAY + (hour * 3_600 + minute * 60) * MICROS_PER_SECOND + micros)
}
