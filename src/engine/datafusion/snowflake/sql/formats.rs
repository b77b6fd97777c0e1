//! Snowflake's formats of dates and times (`YYYY-MM-DD HH24:MI:SS.FF3`), and the forms that are read without one.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A local time in microseconds, and the offset from UTC in seconds where the text has one.
pub(super) type Moment = (i64, Option<i32>);

/// One element of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Year,
    ShortYear,
    Month,
    MonthName,
    ShortMonthName,
    Day,
    DayName,
    Hour24,
    Hour12,
    Half,
    Minute,
    Second,
    Fraction(usize),
    ZoneHour,
    ZoneMinute,
    Literal(char),
}

/// The names of the elements, longest first where one begins another.
const ELEMENTS: &[(&str, Element)] = &[
    ("YYYY", Element::Year),
    ("UUUU", Element::Year),
    ("YY", Element::ShortYear),
    ("MMMM", Element::MonthName),
    ("MON", Element::ShortMonthName),
    ("MM", Element::Month),
    ("MI", Element::Minute),
    ("DD", Element::Day),
    ("DY", Element::DayName),
    ("HH24", Element::Hour24),
    ("HH12", Element::Hour12),
    ("HH", Element::Hour24),
    ("AM", Element::Half),
    ("PM", Element::Half),
    ("SS", Element::Second),
    ("TZH", Element::ZoneHour),
    ("TZM", Element::ZoneMinute),
];

fn elements(format: &str) -> Vec<Element> {
    let mut out = Vec::new();
    let mut rest = format;
    'next: while let Some(first) = rest.chars().next() {
        if let Some((text, after)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            out.extend(text.chars().map(Element::Literal));
            rest = after;
            continue;
        }
        for (name, element) in ELEMENTS {
            if rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
                out.push(*element);
                rest = rest.get(name.len()..).unwrap_or_default();
                continue 'next;
            }
        }
        if rest.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("FF")) {
            let digit = rest.chars().nth(2).and_then(|c| c.to_digit(10));
            out.push(Element::Fraction(digit.map_or(9, |digit| digit as usize)));
            rest = rest.get(if digit.is_some() { 3 } else { 2 }..).unwrap_or_default();
            continue;
        }
        out.push(Element::Literal(first));
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    out
}

/// A moment as text.
pub(super) fn print(format: &str, micros: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(micros)?.naive_utc();
    let mut out = String::with_capacity(format.len() + 8);
    for element in elements(format) {
        match element {
            Element::Year => out.push_str(&format!("{:04}", time.year())),
            Element::ShortYear => out.push_str(&format!("{:02}", time.year().rem_euclid(100))),
            Element::Month => out.push_str(&format!("{:02}", time.month())),
            Element::MonthName => out.push_str(month_name(time.month())),
            Element::ShortMonthName => out.extend(month_name(time.month()).chars().take(3)),
            Element::Day => out.push_str(&format!("{:02}", time.day())),
            Element::DayName => out.push_str(day_name(time.date())),
            Element::Hour24 => out.push_str(&format!("{:02}", time.hour())),
            Element::Hour12 => out.push_str(&format!("{:02}", time.hour12().1)),
            Element::Half => out.push_str(if time.hour12().0 { "PM" } else { "AM" }),
            Element::Minute => out.push_str(&format!("{:02}", time.minute())),
            Element::Second => out.push_str(&format!("{:02}", time.second())),
            Element::Fraction(digits) => {
                out.extend(format!("{:09}", time.nanosecond() % 1_000_000_000).chars().take(digits));
            }
            // Every timestamp with zone is kept in UTC.
            Element::ZoneHour => out.push_str("+00"),
            Element::ZoneMinute => out.push_str("00"),
            Element::Literal(c) => out.push(c),
        }
    }
    Some(out)
}

pub(super) fn month_name(month: u32) -> &'static str {
    usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).copied().unwrap_or_default()
}

pub(super) fn day_name(date: NaiveDate) -> &'static str {
    DAYS.get(date.weekday().num_days_from_monday() as usize).copied().unwrap_or_default()
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// At most `most` digits, at least one.
    fn number(&mut self, most: usize) -> Option<(i64, usize)> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (text, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        Some((text.parse().ok()?, digits))
    }

    fn literal(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_alphabetic()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }

    fn month(&mut self) -> Option<i64> {
        let word = self.word();
        let known = |name: &str| {
            name.eq_ignore_ascii_case(word) || name.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(word))
        };
        let index = MONTHS.iter().position(|name| known(name))?;
        i64::try_from(index + 1).ok()
    }

    fn sign(&mut self) -> Option<i64> {
        if self.literal('+') {
            Some(1)
        } else if self.literal('-') {
            Some(-1)
        } else {
            None
        }
    }
}

/// Reads a text by a format; what the format does not have is the first of January 1970, midnight.
pub(super) fn parse(format: &str, text: &str) -> Option<Moment> {
    if format.eq_ignore_ascii_case("auto") {
        return detect(text);
    }
    let mut reader = Reader { rest: text.trim() };
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let (mut hour, mut minute, mut second, mut nanos) = (0, 0, 0, 0);
    let mut afternoon = None;
    let mut offset = None;
    for element in elements(format.trim()) {
        match element {
            Element::Year => year = reader.number(4)?.0,
            Element::ShortYear => {
                let short = reader.number(2)?.0;
                year = if short < 70 { 2000 + short } else { 1900 + short };
            }
            Element::Month => month = reader.number(2)?.0,
            Element::MonthName | Element::ShortMonthName => month = reader.month()?,
            Element::Day => day = reader.number(2)?.0,
            Element::DayName => {
                reader.word();
            }
            Element::Hour24 | Element::Hour12 => hour = reader.number(2)?.0,
            Element::Half => afternoon = Some(reader.word().eq_ignore_ascii_case("pm")),
            Element::Minute => minute = reader.number(2)?.0,
            Element::Second => second = reader.number(2)?.0,
            Element::Fraction(_) => {
                let (value, digits) = reader.number(9)?;
                nanos = value * 10_i64.pow(9 - u32::try_from(digits).ok()?);
            }
            Element::ZoneHour => {
                if reader.literal('Z') {
                    offset = Some(0);
                } else {
                    let sign = reader.sign()?;
                    offset = Some(sign * reader.number(2)?.0 * 3600);
                }
            }
            Element::ZoneMinute => {
                if let Some((minutes, _)) = reader.number(2) {
                    offset = offset.map(|hours| if hours < 0 { hours - minutes * 60 } else { hours + minutes * 60 });
                }
            }
            Element::Literal(c) => {
                if !reader.literal(c) {
                    return None;
                }
            }
        }
    }
    if let Some(afternoon) = afternoon {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    if !reader.rest.trim().is_empty() {
        return None;
    }
    let date = date(year, month, day)?;
    Some((local(date, hour, minute, second, nanos)?, offset.and_then(|offset| i32::try_from(offset).ok())))
}

fn date(year: i64, month: i64, day: i64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

fn local(date: NaiveDate, hour: i64, minute: i64, second: i64, nanos: i64) -> Option<i64> {
    let part = |value: i64| u32::try_from(value).ok();
    let time = NaiveTime::from_hms_nano_opt(part(hour)?, part(minute)?, part(second)?, part(nanos)?)?;
    Some(NaiveDateTime::new(date, time).and_utc().timestamp_micros())
}

/// Reads a text in one of the forms that need no format: ISO 8601, `05/28/2024`, `28-May-2024`, RFC 2822, or a number of
/// seconds, milliseconds, microseconds or nanoseconds, by its size.
pub(super) fn detect(text: &str) -> Option<Moment> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>()
        && (text.len() != 8 || text.starts_with('-'))
    {
        return Some((epoch(number), None));
    }
    iso(text).or_else(|| {
        ["MM/DD/YYYY HH24:MI:SS.FF", "MM/DD/YYYY HH24:MI:SS", "MM/DD/YYYY HH24:MI", "MM/DD/YYYY", "DD-MON-YYYY"]
            .iter()
            .chain(&["DY, DD MON YYYY HH24:MI:SS TZHTZM", "DY MON DD HH24:MI:SS TZHTZM YYYY", "YYYYMMDD"])
            .find_map(|format| parse(format, text))
    })
}

/// A number as a point in time: its size says the unit.
pub(super) fn epoch(number: i64) -> i64 {
    const YEARS: u64 = 31_536_000_000;
    match number.unsigned_abs() {
        size if size < YEARS => number * 1_000_000,
        size if size < YEARS * 1_000 => number * 1_000,
        size if size < YEARS * 1_000_000 => number,
        _ => number / 1_000,
    }
}

/// `2024-01-31[( |T)10[:20[:30[.456]]]][ ][Z|+02[:][00]]`
fn iso(text: &str) -> Option<Moment> {
    let mut reader = Reader { rest: text };
    let (year, digits) = reader.number(4)?;
    if digits != 4 || !reader.literal('-') {
        return None;
    }
    let month = reader.number(2)?.0;
    let day = if reader.literal('-') { reader.number(2)?.0 } else { 1 };
    let date = date(year, month, day)?;
    if reader.rest.is_empty() {
        return Some((local(date, 0, 0, 0, 0)?, None));
    }
    if !reader.literal('T') && !reader.literal(' ') {
        return None;
    }
    let hour = reader.number(2)?.0;
    let (mut minute, mut second, mut nanos) = (0, 0, 0);
    if reader.literal(':') {
        minute = reader.number(2)?.0;
        if reader.literal(':') {
            second = reader.number(2)?.0;
            if reader.literal('.') {
                let (value, digits) = reader.number(9)?;
                nanos = value * 10_i64.pow(9 - u32::try_from(digits).ok()?);
            }
        }
    }
    reader.rest = reader.rest.trim_start();
    let mut offset = None;
    if reader.literal('Z') || reader.literal('z') {
        offset = Some(0);
    } else if let Some(sign) = reader.sign() {
        let hours = reader.number(2)?.0;
        reader.literal(':');
        let minutes = reader.number(2).map_or(0, |(minutes, _)| minutes);
        offset = i32::try_from(sign * (hours * 3600 + minutes * 60)).ok();
    }
    reader.rest.is_empty().then_some(())?;
    Some((local(date, hour, minute, second, nanos)?, offset))
}

/// A timestamp as a cast to text writes it.
pub(super) fn timestamp_text(micros: i64, zoned: bool) -> Option<String> {
    print(if zoned { "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM" } else { "YYYY-MM-DD HH24:MI:SS.FF3" }, micros)
}

/// A floating point number as a cast to text writes it.
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if number == number.trunc() && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    if number.abs() >= 1e15 || number.abs() < 1e-5 {
        let text = format!("{number:e}");
        return match text.split_once('e') {
            Some((digits, power)) => match power.strip_prefix('-') {
                Some(power) => format!("{digits}e-{power:0>2}"),
                None => format!("{digits}e+{power:0>2}"),
            },
            None => text,
        };
    }
    format!("{number}")
}
