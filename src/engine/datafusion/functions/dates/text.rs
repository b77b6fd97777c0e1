//! Text read as a timestamp. Arrow's reader, and what people's exports have beside it: no seconds (`2024-01-31 10:59`).

use std::sync::Arc;

use chrono::{NaiveDateTime, Utc};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Int64Array},
        compute::kernels::cast_utils::string_to_datetime,
        datatypes::{DataType, TimeUnit},
    },
    common::{Result, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use super::{TIMESTAMP, difference::from_micros, zone::UTC};
use crate::engine::datafusion::functions::scalar::{answer, array, function, is_text, strings};

/// The functions that stand for casts of text to timestamps.
#[derive(Debug)]
pub(in crate::engine::datafusion) struct TimestampReaders {
    cast: Arc<ScalarUDF>,
    cast_zoned: Arc<ScalarUDF>,
    try_cast: Arc<ScalarUDF>,
    try_cast_zoned: Arc<ScalarUDF>,
}

impl TimestampReaders {
    pub(in crate::engine::datafusion) fn new() -> Self {
        Self {
            cast: Arc::new(function(
                "text_to_timestamp",
                coerce,
                |_, _| Ok(TIMESTAMP),
                |args| read(args, OnFailure::Error),
            )),
            cast_zoned: Arc::new(function(
                "text_to_timestamp_tz",
                coerce,
                |_, _| Ok(DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))),
                |args| read(args, OnFailure::Error),
            )),
            try_cast: Arc::new(function(
                "try_text_to_timestamp",
                coerce,
                |_, _| Ok(TIMESTAMP),
                |args| read(args, OnFailure::Null),
            )),
            try_cast_zoned: Arc::new(function(
                "try_text_to_timestamp_tz",
                coerce,
                |_, _| Ok(DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))),
                |args| read(args, OnFailure::Null),
            )),
        }
    }

    /// The function for a cast between these types, when it is one from text to a timestamp.
    pub(in crate::engine::datafusion) fn of(
        &self,
        source: &DataType,
        target: &DataType,
        tries: bool,
    ) -> Option<&Arc<ScalarUDF>> {
        let DataType::Timestamp(TimeUnit::Microsecond, zone) = target else { return None };
        if !matches!(source, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            return None;
        }
        match (zone.as_deref(), tries) {
            (None, false) => Some(&self.cast),
            (None, true) => Some(&self.try_cast),
            (Some(UTC), false) => Some(&self.cast_zoned),
            (Some(UTC), true) => Some(&self.try_cast_zoned),
            (Some(_), _) => None,
        }
    }
}

fn coerce(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [text] if is_text(text) => Ok(vec![DataType::Utf8]),
        _ => Err("cast(text as timestamp)"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    Error,
    Null,
}

fn read(args: &ScalarFunctionArgs, on_failure: OnFailure) -> Result<ColumnarValue> {
    answer(args, read_all(&array(args, 0)?, args.return_type(), on_failure)?)
}

/// Text as timestamps of type `target`; `None` when this is another conversion.
pub(in crate::engine::datafusion) fn text_to_timestamps(
    texts: &ArrayRef,
    target: &DataType,
) -> Option<Result<ArrayRef>> {
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = target else { return None };
    let known = zone.as_deref().is_none_or(|zone| zone == UTC);
    (known && is_text(texts.data_type())).then(|| read_all(texts, target, OnFailure::Error))
}

fn read_all(texts: &dyn Array, target: &DataType, on_failure: OnFailure) -> Result<ArrayRef> {
    let instants: Int64Array = strings(texts)?
        .iter()
        .map(|text| match text {
            None => Ok(None),
            Some(text) => match read_one(text.trim()) {
                None if on_failure == OnFailure::Error => exec_err!("`{text}` is not a timestamp"),
                instant => Ok(instant),
            },
        })
        .collect::<Result<_>>()?;
    from_micros(&instants, target)
}

fn read_one(text: &str) -> Option<i64> {
    if let Ok(instant) = string_to_datetime(&Utc, text) {
        return Some(instant.timestamp_micros());
    }
    ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|local| local.and_utc().timestamp_micros())
}
