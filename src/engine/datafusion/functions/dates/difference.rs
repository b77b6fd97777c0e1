//! `datediff`, `date_sub`, `dateadd`.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray, StringArray},
        compute::cast,
        datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType},
    },
    common::{Result, ScalarValue, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use super::{
    TIMESTAMP,
    calendar::{DatePart, MICROS_PER_DAY, add_months, month_index},
    temporal,
};
use crate::engine::datafusion::functions::scalar::{self, answer, array, function, scalar_text, strings};

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        function("datediff", coerce_difference, |_, _| Ok(DataType::Int64), |args| difference(args, boundaries)),
        function("date_sub", coerce_difference, |_, _| Ok(DataType::Int64), |args| difference(args, whole_units)),
        function("dateadd", coerce_addition, addition_type, add),
    ]
}

fn coerce_difference(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    const USAGE: &str = "datediff('day', start, end)";
    let [part, start, end] = types else { return Err(USAGE) };
    let (Some(start), Some(end), true) = (temporal(start), temporal(end), scalar::is_text(part)) else {
        return Err(USAGE);
    };
    if start == DataType::Date32 && end == DataType::Date32 {
        return Ok(vec![DataType::Utf8, start, end]);
    }
    let side = |side: DataType| if side == DataType::Date32 { TIMESTAMP } else { side };
    Ok(vec![DataType::Utf8, side(start), side(end)])
}

/// A date or timestamp array as microseconds.
pub(super) fn micros(array: &ArrayRef) -> Result<Int64Array> {
    if let Some(dates) = array.as_primitive_opt::<Date32Type>() {
        return Ok(dates.unary::<_, Int64Type>(|days| i64::from(days) * MICROS_PER_DAY));
    }
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let timestamps = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    match timestamps.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(timestamps) => Ok(timestamps.reinterpret_cast::<Int64Type>()),
        None => exec_err!("expected a date or a timestamp, found {}", array.data_type()),
    }
}

pub(super) fn part(name: &str) -> Result<DatePart> {
    match DatePart::parse(name) {
        Some(part) => Ok(part),
        None => exec_err!(
            "`{name}` is not a date part; use year, quarter, month, week, day, hour, minute, second, millisecond or microsecond"
        ),
    }
}

/// The part of each row; nearly always one constant.
enum Parts {
    Same(DatePart),
    Each(StringArray),
}

impl Parts {
    fn read(args: &ScalarFunctionArgs) -> Result<Option<Self>> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => match scalar_text(Some(value)) {
                Some(name) => Ok(Some(Self::Same(part(name)?))),
                None => Ok(None),
            },
            Some(ColumnarValue::Array(names)) => Ok(Some(Self::Each(strings(names)?))),
            None => Ok(None),
        }
    }

    fn at(&self, row: usize) -> Result<Option<DatePart>> {
        match self {
            Self::Same(part) => Ok(Some(*part)),
            Self::Each(names) if names.is_null(row) => Ok(None),
            Self::Each(names) => part(names.value(row)).map(Some),
        }
    }
}

fn difference(args: &ScalarFunctionArgs, count: fn(DatePart, i64, i64) -> i64) -> Result<ColumnarValue> {
    let Some(parts) = Parts::read(args)? else { return Ok(ColumnarValue::Scalar(ScalarValue::Int64(None))) };
    let (start, end) = (micros(&array(args, 1)?)?, micros(&array(args, 2)?)?);
    let counted: Int64Array = match parts {
        Parts::Same(part) => datafusion::arrow::compute::binary(&start, &end, |start, end| count(part, start, end))?,
        Parts::Each(_) => (0..start.len())
            .map(|row| {
                let part = parts.at(row)?;
                Ok(match part {
                    Some(part) if start.is_valid(row) && end.is_valid(row) => {
                        Some(count(part, start.value(row), end.value(row)))
                    }
                    _ => None,
                })
            })
            .collect::<Result<_>>()?,
    };
    answer(args, Arc::new(counted))
}

/// How many boundaries of `part` lie between the two: 23:59 to 00:01 is one day.
fn boundaries(part: DatePart, start: i64, end: i64) -> i64 {
    part.index(end).wrapping_sub(part.index(start))
}

/// How many whole units fit between the two: 23:59 to 00:01 is no day.
fn whole_units(part: DatePart, start: i64, end: i64) -> i64 {
    if let Some(length) = part.micros() {
        return end.wrapping_sub(start) / length;
    }
    let (from, to) = if start <= end { (start, end) } else { (end, start) };
    let (from_day, to_day) = (from.div_euclid(MICROS_PER_DAY), to.div_euclid(MICROS_PER_DAY));
    let mut months = month_index(to_day) - month_index(from_day);
    let reached = add_months(from_day, months)
        .is_some_and(|day| (day, from.rem_euclid(MICROS_PER_DAY)) <= (to_day, to.rem_euclid(MICROS_PER_DAY)));
    if !reached {
        months -= 1;
    }
    let units = months / part.months().unwrap_or(1);
    if start <= end { units } else { -units }
}

fn coerce_addition(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    const USAGE: &str = "dateadd('day', number, date)";
    let [part, number, date] = types else { return Err(USAGE) };
    match temporal(date) {
        Some(date) if scalar::is_text(part) && (number.is_numeric() || number.is_null()) => {
            Ok(vec![DataType::Utf8, DataType::Int64, date])
        }
        _ => Err(USAGE),
    }
}

/// A date plus whole days stays a date; plus hours it is a timestamp.
fn addition_type(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let finer_than_day = || match scalar_text(constants.first().copied().flatten()).map(part) {
        Some(Ok(part)) => part.micros().is_some_and(|length| length < MICROS_PER_DAY),
        Some(Err(_)) | None => true,
    };
    Ok(match types.get(2) {
        Some(DataType::Date32) if !finer_than_day() => DataType::Date32,
        Some(DataType::Date32) | None => TIMESTAMP,
        Some(other) => other.clone(),
    })
}

fn add(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let return_type = args.return_type().clone();
    let Some(parts) = Parts::read(args)? else {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from(&return_type)?));
    };
    let numbers = cast(&array(args, 1)?, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let dates = micros(&array(args, 2)?)?;
    let moved: Int64Array = (0..dates.len())
        .map(|row| {
            let part = parts.at(row)?;
            match part {
                Some(part) if dates.is_valid(row) && numbers.is_valid(row) => {
                    let (date, number) = (dates.value(row), numbers.value(row));
                    match move_by(part, number, date) {
                        Some(moved) => Ok(Some(moved)),
                        None => exec_err!("dateadd leaves the range of dates: {number} {part:?}"),
                    }
                }
                _ => Ok(None),
            }
        })
        .collect::<Result<_>>()?;
    answer(args, from_micros(&moved, &return_type)?)
}

fn move_by(part: DatePart, number: i64, micros: i64) -> Option<i64> {
    match (part.micros(), part.months()) {
        (Some(length), _) => micros.checked_add(number.checked_mul(length)?),
        (None, Some(months)) => {
            let day = add_months(micros.div_euclid(MICROS_PER_DAY), number.checked_mul(months)?)?;
            day.checked_mul(MICROS_PER_DAY)?.checked_add(micros.rem_euclid(MICROS_PER_DAY))
        }
        (None, None) => None,
    }
}

/// Microseconds as an array of `data_type`, a date or a timestamp in microseconds.
pub(super) fn from_micros(micros: &Int64Array, data_type: &DataType) -> Result<ArrayRef> {
    if *data_type == DataType::Date32 {
        let dates: PrimitiveArray<Date32Type> =
            micros.unary_opt(|micros| i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok());
        return Ok(Arc::new(dates));
    }
    let timestamps: PrimitiveArray<TimestampMicrosecondType> = micros.reinterpret_cast();
    Ok(Arc::new(timestamps.with_data_type(data_type.clone())))
}
