//! dbt's `modules`: Python's `datetime`, `re` and `itertools`, and `pytz`, as far as templates can use them.

mod datetime;
mod itertools;
mod pytz;
mod re;

use super::Value;

pub use datetime::{
    as_date, as_datetime, as_time, date_value, datetime_value, iso_text, naive_datetime_value, time_value,
};

/// The value of the name `modules`.
pub fn modules() -> Value {
    Value::dict([
        ("pytz", pytz::module()),
        ("datetime", datetime::module()),
        ("re", re::module()),
        ("itertools", itertools::module()),
    ])
}
