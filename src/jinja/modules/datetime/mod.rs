//! Python's `datetime`: the values, their text, and what Rust callers need of them.

mod class;
mod date;
mod delta;
mod instant;
mod parse;
mod strftime;
mod time;
mod zone;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

pub(super) use delta::Delta;
pub(super) use instant::Instant;
pub(super) use zone::{Zone, ZoneObject};

use super::super::{ErrorKind, JinjaError, Value, operators::undefined};

pub(super) type Outcome = Result<Value, JinjaError>;

pub(super) fn module() -> Value {
    class::module()
}

/// An aware Python datetime in UTC, as dbt's `run_started_at` is.
pub fn datetime_value(value: DateTime<Utc>) -> Value {
    Value::object(Instant { naive: micros(value.naive_utc()), zone: Some(Zone::PytzUtc) })
}

/// A Python datetime without a time zone.
pub fn naive_datetime_value(value: NaiveDateTime) -> Value {
    Value::object(Instant { naive: micros(value), zone: None })
}

/// A Python date.
pub fn date_value(value: NaiveDate) -> Value {
    Value::object(date::Date(value))
}

/// A Python time without a time zone.
pub fn time_value(value: NaiveTime) -> Value {
    Value::object(time::Time { naive: value, zone: None })
}

/// The local time of a Python datetime, and its offset from UTC in seconds when it has one.
pub fn as_datetime(value: &Value) -> Option<(NaiveDateTime, Option<i32>)> {
    value.downcast::<Instant>().map(|instant| (instant.naive, instant.zone.as_ref().map(Zone::offset)))
}

/// The ISO text of a date, time or datetime.
pub fn iso_text(value: &Value) -> Option<String> {
    match value.downcast::<Instant>() {
        Some(instant) => instant.isoformat("T", "auto").ok(),
        None => (value.downcast::<date::Date>().is_some() || value.downcast::<time::Time>().is_some())
            .then(|| value.to_str()),
    }
}

/// The day of a Python date; `None` for a datetime.
pub fn as_date(value: &Value) -> Option<NaiveDate> {
    value.downcast::<date::Date>().map(|date| date.0)
}

/// A Python time, without its zone.
pub fn as_time(value: &Value) -> Option<NaiveTime> {
    value.downcast::<time::Time>().map(|time| time.naive)
}

/// Python counts microseconds.
fn micros(value: NaiveDateTime) -> NaiveDateTime {
    use chrono::Timelike as _;
    value.with_nanosecond(value.nanosecond() / 1000 * 1000).unwrap_or(value)
}

fn out_of_range() -> JinjaError {
    JinjaError::value_error("date value out of range")
}

/// Python's calendar ends with year 9999.
fn in_range(value: NaiveDateTime) -> Result<NaiveDateTime, JinjaError> {
    use chrono::Datelike as _;
    if (1..=9999).contains(&value.year()) { Ok(value) } else { Err(out_of_range()) }
}

/// An integer argument with a default.
fn integer(value: Option<&Value>, default: i64) -> Result<i64, JinjaError> {
    match value {
        None => Ok(default),
        Some(Value::Undefined(message)) => Err(undefined(message)),
        Some(value) => value.as_i64().ok_or_else(|| {
            JinjaError::type_error(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
        }),
    }
}

fn part(value: Option<&Value>, default: u32) -> Result<u32, JinjaError> {
    let number = integer(value, i64::from(default))?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

fn make_date(year: i64, month: u32, day: u32) -> Result<NaiveDate, JinjaError> {
    if !(1..=9999).contains(&year) {
        return Err(JinjaError::value_error(format!("year {year} is out of range")));
    }
    if !(1..=12).contains(&month) {
        return Err(JinjaError::value_error("month must be in 1..12"));
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).unwrap_or(0), month, day)
        .ok_or_else(|| JinjaError::value_error("day is out of range for month"))
}

fn make_time(hour: u32, minute: u32, second: u32, micro: u32) -> Result<NaiveTime, JinjaError> {
    let limits = [(hour, 23, "hour"), (minute, 59, "minute"), (second, 59, "second"), (micro, 999_999, "microsecond")];
    for (value, high, name) in limits {
        if value > high {
            return Err(JinjaError::value_error(format!("{name} must be in 0..{high}")));
        }
    }
    NaiveTime::from_hms_micro_opt(hour, minute, second, micro)
        .ok_or_else(|| JinjaError::new(ErrorKind::Value, "time out of range"))
}

/// A `tzinfo` argument.
fn zone_argument(value: Option<&Value>) -> Result<Option<Zone>, JinjaError> {
    match value {
        None | Some(Value::None) => Ok(None),
        Some(Value::Undefined(message)) => Err(undefined(message)),
        Some(value) => match value.downcast::<ZoneObject>() {
            Some(zone) => Ok(Some(zone.0.clone())),
            None => Err(JinjaError::type_error(format!(
                "tzinfo argument must be None or of a tzinfo subclass, not type '{}'",
                value.type_name()
            ))),
        },
    }
}
