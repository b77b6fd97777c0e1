//! The proleptic Gregorian calendar on plain integers: days since 1970-01-01, microseconds since its midnight.

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A unit of `datediff`, `dateadd`, `date_trunc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::datafusion::functions) enum DatePart {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
}

impl DatePart {
    /// Reads a part by any of its usual names, any case.
    pub(in crate::engine::datafusion::functions) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "microsecond" | "microseconds" | "us" | "usec" => Self::Microsecond,
            "millisecond" | "milliseconds" | "ms" | "msec" => Self::Millisecond,
            "second" | "seconds" | "s" | "sec" | "secs" | "ss" => Self::Second,
            "minute" | "minutes" | "mi" | "min" | "mins" | "n" => Self::Minute,
            "hour" | "hours" | "h" | "hh" | "hr" | "hrs" => Self::Hour,
            "day" | "days" | "d" | "dd" | "dayofmonth" => Self::Day,
            "week" | "weeks" | "w" | "wk" | "ww" | "isoweek" => Self::Week,
            "month" | "months" | "mon" | "mons" | "mm" | "m" => Self::Month,
            "quarter" | "quarters" | "q" | "qtr" | "qq" => Self::Quarter,
            "year" | "years" | "y" | "yy" | "yyyy" | "yr" => Self::Year,
            "decade" | "decades" => Self::Decade,
            "century" | "centuries" => Self::Century,
            _ => return None,
        })
    }

    /// The length of one unit, for those that are always equally long.
    pub(super) fn micros(self) -> Option<i64> {
        Some(match self {
            Self::Microsecond => 1,
            Self::Millisecond => 1_000,
            Self::Second => MICROS_PER_SECOND,
            Self::Minute => 60 * MICROS_PER_SECOND,
            Self::Hour => 3_600 * MICROS_PER_SECOND,
            Self::Day => MICROS_PER_DAY,
            Self::Week => 7 * MICROS_PER_DAY,
            _ => return None,
        })
    }

    /// The months of one unit, for those that are whole months.
    pub(super) fn months(self) -> Option<i64> {
        Some(match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
            Self::Decade => 120,
            Self::Century => 1_200,
            _ => return None,
        })
    }

    /// Which unit since the epoch an instant lies in: the difference of two is the number of boundaries between them.
    pub(super) fn index(self, micros: i64) -> i64 {
        match self {
            // 1970-01-01 was a Thursday; weeks begin on Monday.
            Self::Week => (micros.div_euclid(MICROS_PER_DAY) + 3).div_euclid(7),
            _ => match (self.micros(), self.months()) {
                (Some(length), _) => micros.div_euclid(length),
                (None, Some(months)) => month_index(micros.div_euclid(MICROS_PER_DAY)).div_euclid(months),
                (None, None) => micros,
            },
        }
    }
}

/// Year, month (1–12), day (1–31) of a day number.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    // Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last day.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day number of a date; `month` in 1–12.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Months since year 0.
pub(super) fn month_index(days: i64) -> i64 {
    let (year, month, _) = civil(days);
    year * 12 + month - 1
}

pub(super) fn last_day_of_month(days_in_month: i64) -> i64 {
    let (year, month, _) = civil(days_in_month);
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next_month, 1) - 1
}

/// Moves a day by months; the day of the month is cut to the target month's last day.
pub(super) fn add_months(day_number: i64, months: i64) -> Option<i64> {
    let (_, _, day) = civil(day_number);
    let index = month_index(day_number).checked_add(months)?;
    // Beyond what any timestamp can hold, and where the arithmetic above would overflow.
    if !(-4_000_000..=4_000_000).contains(&index) {
        return None;
    }
    let first = days(index.div_euclid(12), index.rem_euclid(12) + 1, 1);
    Some((first + day - 1).min(last_day_of_month(first)))
}
