//! The names of parts of dates.

/// `year(x)` and its like: the function, and its part.
const FUNCTIONS: &[(&str, &str)] = &[
    ("year", "year"),
    ("yearofweek", "yearofweek"),
    ("yearofweekiso", "yearofweekiso"),
    ("month", "month"),
    ("day", "day"),
    ("dayofmonth", "day"),
    ("dayofweek", "dayofweek"),
    ("dayofweekiso", "dayofweekiso"),
    ("dayofyear", "dayofyear"),
    ("week", "week"),
    ("weekofyear", "week"),
    ("weekiso", "weekiso"),
    ("quarter", "quarter"),
    ("hour", "hour"),
    ("minute", "minute"),
    ("second", "second"),
];

/// Names that only Snowflake has for the units of `dateadd`, `datediff` and `date_trunc`.
const UNITS: &[(&str, &str)] = &[
    ("yyy", "year"),
    ("years", "year"),
    ("yrs", "year"),
    ("qtrs", "quarter"),
    ("quarters", "quarter"),
    ("mons", "month"),
    ("weekofyear", "week"),
    ("woy", "week"),
    ("wy", "week"),
    ("weekiso", "week"),
    ("week_iso", "week"),
    ("weekday", "day"),
    ("m", "minute"),
    ("msec", "millisecond"),
    ("milliseconds", "millisecond"),
    ("usec", "microsecond"),
    ("microseconds", "microsecond"),
];

const PARTS: &[&str] = &[
    "year",
    "y",
    "yy",
    "yyy",
    "yyyy",
    "month",
    "mm",
    "mon",
    "months",
    "day",
    "d",
    "dd",
    "days",
    "week",
    "w",
    "wk",
    "quarter",
    "q",
    "qtr",
    "hour",
    "h",
    "hh",
    "hr",
    "hours",
    "minute",
    "mi",
    "min",
    "minutes",
    "second",
    "s",
    "sec",
    "seconds",
    "millisecond",
    "ms",
    "microsecond",
    "us",
];

/// The part that the function of this name gives.
pub(super) fn of_function(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(function, _)| *function == name).map(|(_, part)| *part)
}

pub(super) fn is_part(name: &str) -> bool {
    PARTS.contains(&name.to_lowercase().as_str())
}

/// The name that all functions of dates know.
pub(super) fn plain(name: &str) -> &str {
    let lower = name.to_lowercase();
    UNITS.iter().find(|(unit, _)| *unit == lower).map_or(name, |(_, plain)| *plain)
}
