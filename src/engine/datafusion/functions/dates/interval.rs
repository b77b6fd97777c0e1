//! An interval times a number: `interval '1 day' * n`, `to_days(n)`.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, AsArray, IntervalMonthDayNanoArray},
        compute::cast,
        datatypes::{DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit},
    },
    common::{Result, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use crate::engine::datafusion::functions::scalar::{answer, array, function};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![function("multiply_interval", coerce, |_, _| Ok(INTERVAL), multiply)]
}

fn coerce(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [DataType::Interval(_), number] if number.is_integer() || number.is_null() => {
            Ok(vec![INTERVAL, DataType::Int64])
        }
        _ => Err("interval '1 day' * whole_number"),
    }
}

fn multiply(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let intervals = cast(&array(args, 0)?, &INTERVAL)?;
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let numbers = cast(&array(args, 1)?, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let products: IntervalMonthDayNanoArray = (0..intervals.len())
        .map(|row| {
            if intervals.is_null(row) || numbers.is_null(row) {
                return Ok(None);
            }
            match times(intervals.value(row), numbers.value(row)) {
                Some(product) => Ok(Some(product)),
                None => exec_err!("an interval times {} is out of range", numbers.value(row)),
            }
        })
        .collect::<Result<_>>()?;
    answer(args, Arc::new(products))
}

fn times(interval: IntervalMonthDayNano, number: i64) -> Option<IntervalMonthDayNano> {
    let small = i32::try_from(number).ok();
    let part = |value: i32| if value == 0 { Some(0) } else { value.checked_mul(small?) };
    Some(IntervalMonthDayNano::new(
        part(interval.months)?,
        part(interval.days)?,
        interval.nanoseconds.checked_mul(number)?,
    ))
}
