//! `date_trunc`: a date stays a date, as DuckDB and Snowflake have it.

use datafusion::{
    arrow::{array::Int64Array, datatypes::DataType},
    common::{Result, ScalarValue, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use super::{
    TIMESTAMP,
    calendar::{DatePart, MICROS_PER_DAY, days, month_index},
    difference::{from_micros, micros, part},
    temporal,
};
use crate::engine::datafusion::functions::scalar::{answer, array, constant_text, function, is_text, scalar_text};

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![function("date_trunc", coerce, returns, truncate)]
}

fn coerce(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    const USAGE: &str = "date_trunc('month', date)";
    match types {
        [part, date] if is_text(part) => Ok(vec![DataType::Utf8, temporal(date).ok_or(USAGE)?]),
        _ => Err(USAGE),
    }
}

fn returns(types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
    let finer_than_day = match scalar_text(constants.first().copied().flatten()).map(part) {
        Some(Ok(part)) => part.micros().is_some_and(|length| length < MICROS_PER_DAY),
        _ => false,
    };
    Ok(match types.get(1) {
        Some(DataType::Date32) if finer_than_day => TIMESTAMP,
        Some(data_type) => data_type.clone(),
        None => TIMESTAMP,
    })
}

fn truncate(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let Some(name) = constant_text(args, 0) else { return exec_err!("the part of `date_trunc` must be a constant") };
    let part = part(name)?;
    let dates = micros(&array(args, 1)?)?;
    let truncated: Int64Array = dates.unary(|micros| start(part, micros));
    answer(args, from_micros(&truncated, args.return_type())?)
}

/// The first instant of the unit that an instant lies in.
fn start(part: DatePart, micros: i64) -> i64 {
    let day = micros.div_euclid(MICROS_PER_DAY);
    match (part, part.micros(), part.months()) {
        (DatePart::Week, ..) => (day - (day + 3).rem_euclid(7)) * MICROS_PER_DAY,
        (_, Some(length), _) => micros - micros.rem_euclid(length),
        (_, None, Some(months)) => {
            let first = month_index(day).div_euclid(months) * months;
            days(first.div_euclid(12), first.rem_euclid(12) + 1, 1) * MICROS_PER_DAY
        }
        (_, None, None) => micros,
    }
}
