//! Functions of dates and times.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, exec_err},
    logical_expr::ScalarUDF,
};

use super::{
    convert, formats,
    row::{NTZ, Row, Value, ltz, strict},
};

const TEXT: DataType = DataType::Utf8;
const INT: DataType = DataType::Int64;
const DATE: DataType = DataType::Date32;
const MICROS_PER_DAY: i64 = 86_400_000_000;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let mut all = vec![
        strict("sf_date_part", "ts", INT, "date_part('part', date)", |row| date_part(row.text(0), row.micros(1))),
        strict("sf_monthname", "s", TEXT, "monthname(date)", |row| {
            Ok(formats::month_name(time(row.micros(0))?.month()).chars().take(3).collect::<String>().into())
        }),
        strict("sf_dayname", "s", TEXT, "dayname(date)", |row| {
            Ok(formats::day_name(time(row.micros(0))?.date()).into())
        }),
        strict("sf_next_day", "dt", DATE, "next_day(date, 'friday')", |row| {
            let (day, wanted) = (row.date(0), weekday(row.text(1))?);
            Ok(Value::Date(day + 1 + (wanted - 1 - weekday_of(day)).rem_euclid(7)))
        }),
        strict("sf_previous_day", "dt", DATE, "previous_day(date, 'friday')", |row| {
            let (day, wanted) = (row.date(0), weekday(row.text(1))?);
            Ok(Value::Date(day - 1 - (weekday_of(day) - 1 - wanted).rem_euclid(7)))
        }),
        strict("sf_add_months", "di", DATE, "add_months(date, months)", |row| {
            moved(row.date(0), row.int(1)).map_or_else(|| out_of_range("add_months"), |days| Ok(Value::Date(days)))
        }),
        strict("sf_add_months_to_timestamp", "si", NTZ, "add_months(timestamp, months)", |row| {
            let days = i32::try_from(row.micros(0).div_euclid(MICROS_PER_DAY)).ok();
            match days.and_then(|days| moved(days, row.int(1))) {
                Some(days) => {
                    Ok(Value::Micros(i64::from(days) * MICROS_PER_DAY + row.micros(0).rem_euclid(MICROS_PER_DAY)))
                }
                None => out_of_range("add_months"),
            }
        }),
        strict("sf_months_between", "ss", DataType::Float64, "months_between(date, date)", |row| {
            months_between(row.micros(0), row.micros(1)).map(Value::Float)
        }),
        strict("sf_date_from_parts", "iii", DATE, "date_from_parts(year, month, day)", |row| {
            from_parts(row.int(0), row.int(1), row.int(2))
                .and_then(|days| i32::try_from(days).ok())
                .map_or_else(|| out_of_range("date_from_parts"), |days| Ok(Value::Date(days)))
        }),
        strict(
            "sf_timestamp_from_parts",
            "iiiiii?i",
            NTZ,
            "timestamp_from_parts(year, month, day, hour, minute, second, nanosecond)",
            timestamp_from_parts,
        ),
        strict("sf_time_slice", "sit?t", NTZ, "time_slice(timestamp, length, 'part', 'start')", time_slice),
        strict("sf_time_slice_date", "dit?t", DATE, "time_slice(date, length, 'part', 'start')", |row| {
            match time_slice_of(i64::from(row.date(0)) * MICROS_PER_DAY, row)? {
                Value::Micros(micros) => {
                    Ok(i32::try_from(micros.div_euclid(MICROS_PER_DAY)).map_or(Value::Null, Value::Date))
                }
                other => Ok(other),
            }
        }),
    ];
    all.extend(conversions());
    all
}

/// Between text, numbers and times.
fn conversions() -> Vec<ScalarUDF> {
    vec![
        strict("sf_print_timestamp", "st", TEXT, "to_char(timestamp, 'YYYY-MM-DD')", |row| {
            Ok(formats::print(row.text(1), row.micros(0)).into())
        }),
        strict("sf_print_number", "ft", TEXT, "to_char(number, '999.00')", |row| {
            Ok(print_number(row.float(0), row.text(1)).into())
        }),
        strict("sf_parse_date", "tt", DATE, "to_date(text, 'YYYY-MM-DD')", |row| match day_of(row) {
            Some(days) => Ok(Value::Date(days)),
            None => exec_err!("date '{}' does not match the format '{}'", row.text(0), row.text(1)),
        }),
        strict("sf_try_parse_date", "tt", DATE, "try_to_date(text, 'YYYY-MM-DD')", |row| {
            Ok(day_of(row).map_or(Value::Null, Value::Date))
        }),
        strict("sf_parse_timestamp", "tt", NTZ, "to_timestamp(text, 'YYYY-MM-DD HH24:MI:SS')", |row| {
            match formats::parse(row.text(1), row.text(0)) {
                Some((local, _)) => Ok(Value::Micros(local)),
                None => exec_err!("timestamp '{}' does not match the format '{}'", row.text(0), row.text(1)),
            }
        }),
        strict("sf_try_parse_timestamp", "tt", NTZ, "try_to_timestamp(text, 'YYYY-MM-DD HH24:MI:SS')", |row| {
            Ok(formats::parse(row.text(1), row.text(0)).map_or(Value::Null, |(local, _)| Value::Micros(local)))
        }),
        strict("sf_parse_timestamp_tz", "tt", ltz(), "to_timestamp_tz(text, 'YYYY-MM-DD HH24:MI:SS TZHTZM')", |row| {
            match formats::parse(row.text(1), row.text(0)) {
                Some((local, offset)) => Ok(Value::Micros(local - i64::from(offset.unwrap_or(0)) * 1_000_000)),
                None => exec_err!("timestamp '{}' does not match the format '{}'", row.text(0), row.text(1)),
            }
        }),
        strict("sf_try_parse_timestamp_tz", "tt", ltz(), "try_to_timestamp_tz(text, format)", |row| {
            let moment = formats::parse(row.text(1), row.text(0));
            Ok(moment.map_or(Value::Null, |(local, offset)| {
                Value::Micros(local - i64::from(offset.unwrap_or(0)) * 1_000_000)
            }))
        }),
        strict("sf_epoch_to_timestamp", "f?i", NTZ, "to_timestamp(number, scale)", |row| {
            #[expect(clippy::cast_possible_truncation, reason = "beyond it no timestamp lies")]
            let micros = if row.len() > 1 {
                let digits = i32::try_from(row.int(1)).unwrap_or(0);
                (row.float(0) * 10_f64.powi(6 - digits)).round() as i64
            } else if row.float(0).fract() == 0.0 {
                formats::epoch(row.float(0) as i64)
            } else {
                (row.float(0) * 1e6).round() as i64
            };
            Ok(Value::Micros(micros))
        }),
        strict("sf_parse_number", "tt", DataType::Float64, "to_number(text, format)", |row| {
            match parse_number(row.text(0)) {
                Some(number) => Ok(number.into()),
                None => exec_err!("Numeric value '{}' is not recognized", row.text(0)),
            }
        }),
        strict("sf_try_parse_number", "tt", DataType::Float64, "try_to_number(text, format)", |row| {
            Ok(parse_number(row.text(0)).into())
        }),
        strict("sf_to_boolean", "t", DataType::Boolean, "to_boolean(text)", |row| {
            match convert::boolean(row.text(0)) {
                Some(is) => Ok(is.into()),
                None => exec_err!("Boolean value '{}' is not recognized", row.text(0)),
            }
        }),
    ]
}

fn time(micros: i64) -> Result<NaiveDateTime> {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) => Ok(time.naive_utc()),
        None => exec_err!("a timestamp is outside the range of dates"),
    }
}

fn out_of_range(name: &str) -> Result<Value> {
    exec_err!("`{name}` leaves the range of dates")
}

/// A part of a date, by any of its names.
fn date_part(part: &str, micros: i64) -> Result<Value> {
    let time = time(micros)?;
    let date = time.date();
    Ok(Value::Int(match part.to_lowercase().as_str() {
        "year" | "y" | "yy" | "yyy" | "yyyy" | "yr" | "years" | "yrs" => date.year().into(),
        "month" | "mm" | "mon" | "mons" | "months" => date.month().into(),
        "day" | "d" | "dd" | "days" | "dayofmonth" => date.day().into(),
        "dayofweek" | "weekday" | "dow" | "dw" => date.weekday().num_days_from_sunday().into(),
        "dayofweekiso" | "weekday_iso" | "dow_iso" | "dw_iso" | "dayofweek_iso" | "isodow" => {
            date.weekday().number_from_monday().into()
        }
        "dayofyear" | "yearday" | "doy" | "dy" => date.ordinal().into(),
        "week" | "w" | "wk" | "weekofyear" | "woy" | "wy" | "weekiso" | "week_iso" | "weekofyeariso"
        | "weekofyear_iso" | "isoweek" => date.iso_week().week().into(),
        "yearofweek" | "yearofweekiso" | "isoyear" => date.iso_week().year().into(),
        "quarter" | "q" | "qtr" | "qtrs" | "quarters" => (date.month0() / 3 + 1).into(),
        "hour" | "h" | "hh" | "hr" | "hours" | "hrs" => time.hour().into(),
        "minute" | "m" | "mi" | "min" | "minutes" | "mins" => time.minute().into(),
        "second" | "s" | "sec" | "seconds" | "secs" => time.second().into(),
        "millisecond" | "ms" | "msec" | "milliseconds" => i64::from(time.nanosecond() / 1_000_000),
        "microsecond" | "us" | "usec" | "microseconds" => i64::from(time.nanosecond() / 1_000),
        "nanosecond" | "ns" | "nsec" | "nanosec" | "nsecond" | "nanoseconds" => i64::from(time.nanosecond()),
        "epoch_second" | "epoch" | "epoch_seconds" => micros.div_euclid(1_000_000),
        "epoch_millisecond" | "epoch_milliseconds" => micros.div_euclid(1_000),
        "epoch_microsecond" | "epoch_microseconds" => micros,
        "epoch_nanosecond" | "epoch_nanoseconds" => micros.saturating_mul(1_000),
        "timezone_hour" | "tzh" | "timezone_minute" | "tzm" => 0,
        other => return exec_err!("`{other}` is not a part of a date"),
    }))
}

/// The day's number in its week, Monday is 0.
fn weekday_of(day: i32) -> i32 {
    (day + 3).rem_euclid(7)
}

fn weekday(name: &str) -> Result<i32> {
    let name = name.trim().to_lowercase();
    let days = ["mo", "tu", "we", "th", "fr", "sa", "su"];
    match days.iter().position(|day| name.starts_with(day)) {
        Some(index) => Ok(i32::try_from(index).unwrap_or(0)),
        None => exec_err!("`{name}` is not a day of the week"),
    }
}

/// Moves a day by months; the last day of a month goes to the last day of a month.
fn moved(day: i32, months: i64) -> Option<i32> {
    let date = NaiveDate::from_num_days_from_ce_opt(day.checked_add(719_163)?)?;
    let index = i64::from(date.year()) * 12 + i64::from(date.month0()) + months;
    let (year, month) = (i32::try_from(index.div_euclid(12)).ok()?, u32::try_from(index.rem_euclid(12)).ok()? + 1);
    let last = last_day(year, month)?;
    let is_last = date.day() == last_day(date.year(), date.month())?;
    let moved = NaiveDate::from_ymd_opt(year, month, if is_last { last } else { date.day().min(last) })?;
    Some(moved.num_days_from_ce() - 719_163)
}

fn last_day(year: i32, month: u32) -> Option<u32> {
    let (year, month) = if month == 12 { (year.checked_add(1)?, 1) } else { (year, month + 1) };
    Some(NaiveDate::from_ymd_opt(year, month, 1)?.pred_opt()?.day())
}

fn months_between(left: i64, right: i64) -> Result<f64> {
    let (left, right) = (time(left)?, time(right)?);
    let is_last = |time: NaiveDateTime| last_day(time.year(), time.month()) == Some(time.day());
    let months = f64::from((left.year() - right.year()) * 12) + f64::from(left.month()) - f64::from(right.month());
    if left.day() == right.day() || (is_last(left) && is_last(right)) {
        return Ok(months);
    }
    let seconds = |time: NaiveDateTime| f64::from(time.num_seconds_from_midnight()) / 86_400.0;
    let days = f64::from(left.day()) - f64::from(right.day()) + seconds(left) - seconds(right);
    Ok(months + days / 31.0)
}

/// The day number of a date whose month and day may lie outside of their year and month.
fn from_parts(year: i64, month: i64, day: i64) -> Option<i64> {
    let index = year.checked_mul(12)?.checked_add(month)?.checked_sub(1)?;
    let first = NaiveDate::from_ymd_opt(
        i32::try_from(index.div_euclid(12)).ok()?,
        u32::try_from(index.rem_euclid(12)).ok()? + 1,
        1,
    )?;
    i64::from(first.num_days_from_ce() - 719_163).checked_add(day)?.checked_sub(1)
}

fn timestamp_from_parts(row: &Row<'_>) -> Result<Value> {
    let seconds = || {
        let days = from_parts(row.int(0), row.int(1), row.int(2))?;
        let minutes = days.checked_mul(1440)?.checked_add(row.int(3).checked_mul(60)?)?.checked_add(row.int(4))?;
        minutes.checked_mul(60)?.checked_add(row.int(5))
    };
    let micros = seconds().and_then(|seconds| seconds.checked_mul(1_000_000)?.checked_add(row.int(6) / 1_000));
    micros.map_or_else(|| out_of_range("timestamp_from_parts"), |micros| Ok(Value::Micros(micros)))
}

fn time_slice(row: &Row<'_>) -> Result<Value> {
    time_slice_of(row.micros(0), row)
}

/// The start or the end of the slice of time; slices begin with the epoch.
fn time_slice_of(micros: i64, row: &Row<'_>) -> Result<Value> {
    let length = row.int(1);
    if length <= 0 {
        return exec_err!("the length of a `time_slice` is a positive number");
    }
    let at_end = row.text_or(3, "start").eq_ignore_ascii_case("end");
    let unit = match row.text(2).to_lowercase().trim_end_matches('s') {
        "second" | "" | "sec" => 1_000_000,
        "minute" | "m" | "mi" | "min" => 60_000_000,
        "hour" | "h" | "hh" | "hr" => 3_600_000_000,
        "day" | "d" | "dd" => MICROS_PER_DAY,
        "week" | "w" | "wk" => 7 * MICROS_PER_DAY,
        part @ ("month" | "mm" | "mon" | "quarter" | "q" | "qtr" | "year" | "y" | "yy" | "yyyy") => {
            let months = match part {
                "month" | "mm" | "mon" => 1,
                "quarter" | "q" | "qtr" => 3,
                _ => 12,
            };
            let time = time(micros)?;
            let index = i64::from(time.year() - 1970) * 12 + i64::from(time.month0());
            let slice = index.div_euclid(months * length) + i64::from(at_end);
            let start = from_parts(1970, slice * months * length + 1, 1);
            return start.map_or_else(|| out_of_range("time_slice"), |days| Ok(Value::Micros(days * MICROS_PER_DAY)));
        }
        other => return exec_err!("`{other}` is no part for `time_slice`"),
    };
    // Weeks begin on Monday; 1970 began on a Thursday.
    let origin = if unit == 7 * MICROS_PER_DAY { -3 * MICROS_PER_DAY } else { 0 };
    let Some(width) = unit.checked_mul(length) else { return out_of_range("time_slice") };
    let slice = (micros - origin).div_euclid(width) + i64::from(at_end);
    Ok(Value::Micros(slice * width + origin))
}

fn day_of(row: &Row<'_>) -> Option<i32> {
    let (local, _) = formats::parse(row.text(1), row.text(0))?;
    i32::try_from(local.div_euclid(MICROS_PER_DAY)).ok()
}

/// A number without what only makes it readable.
fn parse_number(text: &str) -> Option<f64> {
    let plain: String = text.trim().chars().filter(|c| !matches!(c, ',' | '$' | ' ' | '_')).collect();
    plain.parse().ok()
}

/// A number by a format of `9 0 . , $ S MI`.
fn print_number(number: f64, format: &str) -> String {
    let upper = format.to_uppercase();
    let fill = !upper.starts_with("FM");
    let digits = upper.trim_start_matches("FM");
    let decimals =
        digits.split_once('.').map_or(0, |(_, after)| after.chars().filter(|c| matches!(c, '9' | '0')).count());
    let rounded = {
        let factor = 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
        (number.abs() * factor).round() / factor
    };
    let text = format!("{rounded:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let pattern = digits.split_once('.').map_or(digits, |(before, _)| before);
    let places: Vec<char> = pattern.chars().filter(|c| matches!(c, '9' | '0' | ',' | '$')).collect();
    let mut left: Vec<char> =
        if whole == "0" && !pattern.ends_with('0') { Vec::new() } else { whole.chars().collect() };
    let mut out = Vec::new();
    let first_zero = places.iter().position(|c| *c == '0').unwrap_or(usize::MAX);
    for (index, place) in places.iter().enumerate().rev() {
        match place {
            '9' | '0' => match left.pop() {
                Some(digit) => out.push(digit),
                None if index >= first_zero => out.push('0'),
                None if fill => out.push(' '),
                None => {}
            },
            ',' if !left.is_empty() || index > first_zero => out.push(','),
            ',' if fill => out.push(' '),
            _ => {}
        }
    }
    if !left.is_empty() {
        return "#".repeat(format.len());
    }
    let mut whole: String = out.into_iter().rev().collect();
    let sign = if number < 0.0 {
        "-"
    } else if fill {
        " "
    } else {
        ""
    };
    let dollar = if digits.contains('$') { "$" } else { "" };
    let blanks = whole.chars().take_while(|c| *c == ' ').count();
    whole = whole.chars().skip(blanks).collect();
    let fraction = if decimals > 0 { format!(".{fraction}") } else { String::new() };
    format!("{}{sign}{dollar}{whole}{fraction}", " ".repeat(blanks))
}
