//! Dates and times: differences, additions, parts, formats, zones. Every timestamp is in microseconds.

mod calendar;
mod difference;
mod format;
mod interval;
mod parts;
mod pattern;
mod text;
mod truncate;
mod zone;

use datafusion::{
    arrow::datatypes::{DataType, TimeUnit},
    logical_expr::ScalarUDF,
};

pub(super) use calendar::DatePart;
pub(in crate::engine::datafusion) use text::{TimestampReaders, text_to_timestamps};

pub(super) const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

pub(super) fn functions() -> Vec<ScalarUDF> {
    let mut all = difference::functions();
    all.extend(parts::functions());
    all.extend(format::functions());
    all.extend(truncate::functions());
    all.extend(interval::functions());
    all.extend(zone::functions());
    all
}

/// What a date or time argument is cast to: dates stay dates, everything else that can be one is a timestamp.
fn temporal(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Date32 => Some(DataType::Date32),
        DataType::Date64 | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Some(TIMESTAMP)
        }
        DataType::Timestamp(_, zone) => Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
        _ => None,
    }
}
