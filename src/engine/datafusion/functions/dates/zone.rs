//! `AT TIME ZONE` as Postgres has it: local time ↔ instant.

use std::{str::FromStr, sync::Arc};

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone};
use datafusion::{
    arrow::{
        array::{Array, Int64Array, timezone::Tz},
        datatypes::{DataType, TimeUnit},
    },
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use super::{
    TIMESTAMP,
    difference::{from_micros, micros},
    temporal,
};
use crate::engine::datafusion::functions::scalar::{answer, array, constant_text, function, is_text};

/// The zone of every timestamp that has one: what tables store.
pub(in crate::engine::datafusion::functions) const UTC: &str = "UTC";

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![function("at_time_zone", coerce, returns, convert)]
}

fn coerce(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    const USAGE: &str = "timestamp at time zone 'Europe/Berlin'";
    match types {
        [timestamp, zone] if is_text(zone) => match temporal(timestamp) {
            Some(DataType::Date32) => Ok(vec![TIMESTAMP, DataType::Utf8]),
            Some(timestamp) => Ok(vec![timestamp, DataType::Utf8]),
            None => Err(USAGE),
        },
        _ => Err(USAGE),
    }
}

fn returns(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    match types.first() {
        Some(DataType::Timestamp(_, Some(_))) => Ok(TIMESTAMP),
        Some(DataType::Timestamp(_, None)) => Ok(DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))),
        _ => plan_err!("`at time zone` needs a timestamp"),
    }
}

fn convert(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let Some(name) = constant_text(args, 1) else { return exec_err!("the zone of `at time zone` must be a constant") };
    let Ok(zone) = Tz::from_str(name) else {
        return exec_err!(
            "`{name}` is not a time zone; use a name such as 'Europe/Berlin' or an offset such as '+02:00'"
        );
    };
    let timestamps = array(args, 0)?;
    let has_zone = matches!(timestamps.data_type(), DataType::Timestamp(_, Some(_)));
    let instants = micros(&timestamps)?;
    let converted: Int64Array = instants
        .iter()
        .map(|micros| {
            micros.and_then(|micros| if has_zone { to_local(&zone, micros) } else { to_instant(&zone, micros) })
        })
        .collect();
    if converted.null_count() != instants.null_count() {
        return exec_err!("a timestamp is outside the range of dates");
    }
    answer(args, Arc::clone(&from_micros(&converted, args.return_type())?))
}

fn to_local(zone: &Tz, micros: i64) -> Option<i64> {
    let utc = DateTime::from_timestamp_micros(micros)?.naive_utc();
    let offset = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
    micros.checked_add(i64::from(offset) * 1_000_000)
}

fn to_instant(zone: &Tz, micros: i64) -> Option<i64> {
    let local = DateTime::from_timestamp_micros(micros)?.naive_utc();
    resolve(zone, &local).map(|instant| instant.timestamp_micros())
}

/// A local time that exists twice is the first; one that a clock change skips is as much later as the change.
fn resolve(zone: &Tz, local: &NaiveDateTime) -> Option<DateTime<Tz>> {
    match zone.from_local_datetime(local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant),
        LocalResult::None => {
            let before = zone.from_local_datetime(&local.checked_sub_signed(TimeDelta::hours(3))?).earliest()?;
            before.checked_add_signed(TimeDelta::hours(3))
        }
    }
}
