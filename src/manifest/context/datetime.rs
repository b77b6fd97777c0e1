//! Python's dates and times as values.

use chrono::{DateTime, Utc};

use crate::jinja::Value;

/// A date.
pub fn date(date: chrono::NaiveDate) -> Value {
    date.to_string().into()
}

/// A datetime without a zone.
pub fn naive(time: chrono::NaiveDateTime) -> Value {
    time.to_string().into()
}

/// An aware datetime in UTC.
pub fn utc(time: DateTime<Utc>) -> Value {
    text_of_utc(&time).into()
}

/// `str()` of an aware datetime in UTC: `2024-01-02 00:00:00+00:00`.
pub fn text_of_utc(time: &DateTime<Utc>) -> String {
    use chrono::Timelike as _;
    let micros = time.nanosecond() / 1000;
    if micros == 0 {
        time.format("%Y-%m-%d %H:%M:%S+00:00").to_string()
    } else {
        format!("{}.{micros:06}+00:00", time.format("%Y-%m-%d %H:%M:%S"))
    }
}
