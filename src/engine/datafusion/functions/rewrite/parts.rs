//! Parts of dates in other dialects' words: `extract(dayofweek from d)`, `date_part('weekiso', d)`, `year(d)`.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};

use super::build::{binary, call, number, string};
use crate::engine::datafusion::functions::dates::DatePart;

/// `year(x)` and its like: the function, and the part of `date_part`.
const FUNCTIONS: &[(&str, &str)] = &[
    ("day", "day"),
    ("dayofmonth", "day"),
    ("dayofweek", "dow"),
    ("dayofweekiso", "isodow"),
    ("dayofweek_iso", "isodow"),
    ("dayofyear", "doy"),
    ("hour", "hour"),
    ("isodow", "isodow"),
    ("isoyear", "isoyear"),
    ("microsecond", "microsecond"),
    ("millisecond", "millisecond"),
    ("minute", "minute"),
    ("month", "month"),
    ("quarter", "quarter"),
    ("second", "second"),
    ("week", "week"),
    ("weekday", "dow"),
    ("weekiso", "week"),
    ("weekofyear", "week"),
    ("year", "year"),
];

/// Parts of `date_part` and EXTRACT that the planner knows under another name, besides those of [`FUNCTIONS`].
const PARTS: &[(&str, &str)] = &[
    ("dw", "dow"),
    ("day_of_week", "dow"),
    ("weekday_iso", "isodow"),
    ("dow_iso", "isodow"),
    ("dayofweekiso", "isodow"),
    ("day_of_year", "doy"),
    ("yearday", "doy"),
    ("isoweek", "week"),
    ("week_iso", "week"),
    ("woy", "week"),
    ("yearofweek", "isoyear"),
    ("yearofweekiso", "isoyear"),
    ("epoch_second", "epoch"),
    ("epoch_seconds", "epoch"),
];

/// The part that the function of this name gives.
pub(super) fn of_function(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(function, _)| *function == name).map(|(_, part)| *part)
}

/// Whether this is a part of a date, so that it may stand without quotes.
pub(super) fn is_part(name: &str) -> bool {
    const MORE: &[&str] = &["dow", "doy", "epoch"];
    let name = name.to_lowercase();
    DatePart::parse(&name).is_some() || MORE.contains(&name.as_str()) || renamed(&name).is_some()
}

/// `date_part(part, value)` in the planner's words; `None` where it knows the part itself.
pub(super) fn date_part(part: &Expr, value: Expr) -> Option<Expr> {
    let Expr::Value(written) = part else { return None };
    let (Value::SingleQuotedString(written) | Value::DoubleQuotedString(written)) = &written.value else { return None };
    named(&written.to_lowercase(), value)
}

/// As [`date_part`], for the field of EXTRACT.
pub(super) fn extract(field: &str, value: &Expr) -> Option<Expr> {
    named(&field.to_lowercase(), value.clone())
}

fn named(part: &str, value: Expr) -> Option<Expr> {
    let years = |value, add, length| {
        let year = call("date_part", vec![string("year"), value]);
        binary(binary(year, BinaryOperator::Plus, number(add)), BinaryOperator::Divide, number(length))
    };
    match part {
        // The first century has the years 1 to 100.
        "century" | "centuries" => Some(years(value, 99, 100)),
        "millennium" | "millennia" => Some(years(value, 999, 1000)),
        "decade" | "decades" => Some(years(value, 0, 10)),
        part => renamed(part).map(|part| call("date_part", vec![string(part), value])),
    }
}

fn renamed(part: &str) -> Option<&'static str> {
    let found = PARTS.iter().chain(FUNCTIONS).find(|(name, _)| *name == part).map(|(_, part)| *part)?;
    (found != part).then_some(found)
}
