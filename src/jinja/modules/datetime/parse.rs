//! Text → dates: `strptime` and `fromisoformat`.

use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime};

use super::{
    super::super::{JinjaError, repr},
    Instant, Zone, make_date, make_time,
};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What the codes of a format have read so far.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    micro: u32,
    afternoon: Option<bool>,
    ordinal: Option<u32>,
    zone: Option<Zone>,
}

/// `datetime.strptime(text, format)`.
pub(super) fn strptime(text: &str, format: &str) -> Result<Instant, JinjaError> {
    let mismatch = || {
        let (text, format) = (repr::quoted(text), repr::quoted(format));
        JinjaError::value_error(format!("time data {text} does not match format {format}"))
    };
    let mut fields = Fields::default();
    let mut rest = text;
    let expanded = format
        .replace("%T", "%H:%M:%S")
        .replace("%F", "%Y-%m-%d")
        .replace("%D", "%m/%d/%y")
        .replace("%R", "%H:%M")
        .replace("%c", "%a %b %d %H:%M:%S %Y")
        .replace("%x", "%m/%d/%y")
        .replace("%X", "%H:%M:%S");
    let mut chars = expanded.chars();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            rest = rest.trim_start();
        } else if c == '%' {
            let code = chars.next().ok_or_else(|| JinjaError::value_error("stray % in format"))?;
            rest = fields.read(code, rest).ok_or_else(mismatch)?;
        } else {
            let mut from = rest.chars();
            if !from.next().is_some_and(|other| other == c || other.to_lowercase().eq(c.to_lowercase())) {
                return Err(mismatch());
            }
            rest = from.as_str();
        }
    }
    if !rest.is_empty() {
        return Err(JinjaError::value_error(format!("unconverted data remains: {rest}")));
    }
    fields.finish()
}

/// A number of at most `width` digits.
fn digits(text: &str, width: usize) -> Option<(u32, usize, &str)> {
    let count = text.bytes().take(width).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(count)?;
    Some((number.parse().ok()?, count, rest))
}

/// The index of the name that the text starts with, long before short.
fn name<'t>(text: &'t str, names: &[&str]) -> Option<(u32, &'t str)> {
    for length in [usize::MAX, 3] {
        for (index, name) in names.iter().enumerate() {
            let name = name.get(..length.min(name.len()))?;
            if text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
                return Some((u32::try_from(index).ok()?, text.get(name.len()..)?));
            }
        }
    }
    None
}

impl Fields {
    fn read<'t>(&mut self, code: char, text: &'t str) -> Option<&'t str> {
        let number = |width: usize| digits(text, width);
        Some(match code {
            'Y' => {
                let (year, count, rest) = number(4)?;
                if count != 4 {
                    return None;
                }
                self.year = Some(year.into());
                rest
            }
            'y' => {
                let (year, _, rest) = number(2)?;
                self.year = Some(i64::from(if year < 69 { 2000 + year } else { 1900 + year }));
                rest
            }
            'm' => {
                let (month, _, rest) = number(2)?;
                self.month = Some(month);
                rest
            }
            'd' | 'e' => {
                let (day, _, rest) = number(2)?;
                self.day = Some(day);
                rest
            }
            'j' => {
                let (ordinal, _, rest) = number(3)?;
                self.ordinal = Some(ordinal);
                rest
            }
            'H' | 'I' => {
                let (hour, _, rest) = number(2)?;
                self.hour = hour;
                rest
            }
            'M' => {
                let (minute, _, rest) = number(2)?;
                self.minute = minute;
                rest
            }
            'S' => {
                let (second, _, rest) = number(2)?;
                self.second = second;
                rest
            }
            'f' => {
                let (fraction, count, rest) = number(6)?;
                self.micro = fraction * 10_u32.pow(u32::try_from(6 - count).ok()?);
                rest
            }
            'p' => {
                let (head, rest) = text.split_at_checked(2)?;
                self.afternoon = Some(match head.to_ascii_lowercase().as_str() {
                    "am" => false,
                    "pm" => true,
                    _ => return None,
                });
                rest
            }
            'b' | 'B' | 'h' => {
                let (month, rest) = name(text, &MONTHS)?;
                self.month = Some(month + 1);
                rest
            }
            'a' | 'A' => name(text, &DAYS)?.1,
            'w' | 'u' => number(1)?.2,
            'z' => {
                let (zone, rest) = offset(text)?;
                self.zone = Some(zone);
                rest
            }
            'Z' => ["UTC", "GMT", "utc", "gmt"].iter().find_map(|zone| text.strip_prefix(zone))?,
            '%' => text.strip_prefix('%')?,
            _ => return None,
        })
    }

    fn finish(self) -> Result<Instant, JinjaError> {
        let mut hour = self.hour;
        if let Some(afternoon) = self.afternoon {
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        }
        let year = self.year.unwrap_or(1900);
        let mut date = make_date(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?;
        if let Some(ordinal) = self.ordinal {
            date = make_date(year, 1, 1)? + Duration::days(i64::from(ordinal) - 1);
        }
        let time = make_time(hour, self.minute, self.second, self.micro)?;
        Ok(Instant { naive: date.and_time(time), zone: self.zone })
    }
}

/// `Z`, `+0100`, `+01:00`, with seconds.
fn offset(text: &str) -> Option<(Zone, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((Zone::Utc, rest));
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let two = |text: &str| digits(text, 2).filter(|(_, count, _)| *count == 2).map(|(number, ..)| number);
    let hours = two(rest)?;
    let mut rest = rest.get(2..)?;
    let mut seconds = hours * 3600;
    for unit in [60, 1] {
        let after = rest.strip_prefix(':').unwrap_or(rest);
        let Some(number) = two(after) else { break };
        seconds += number * unit;
        rest = after.get(2..)?;
    }
    let seconds = sign * i32::try_from(seconds).ok()?;
    Some((if seconds == 0 { Zone::Utc } else { Zone::Fixed { seconds, name: None } }, rest))
}

/// `YYYY-MM-DD` or `YYYYMMDD`, and what follows.
fn iso_date(text: &str) -> Option<(NaiveDate, &str)> {
    let field =
        |text: &str, width: usize| digits(text, width).filter(|(_, count, _)| *count == width).map(|found| found.0);
    let year = field(text, 4)?;
    let rest = text.get(4..)?;
    let (rest, dashed) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
    let month = field(rest, 2)?;
    let rest = rest.get(2..)?;
    let rest = if dashed { rest.strip_prefix('-')? } else { rest };
    let day = field(rest, 2)?;
    Some((make_date(year.into(), month, day).ok()?, rest.get(2..)?))
}

/// `HH[:MM[:SS[.ffffff]]]` and a zone.
fn iso_time(text: &str) -> Option<(NaiveTime, Option<Zone>)> {
    let cut = text.find(['+', '-', 'Z', 'z']).unwrap_or(text.len());
    let (clock, tail) = text.split_at_checked(cut)?;
    let zone = if tail.is_empty() { None } else { Some(offset(tail).filter(|(_, rest)| rest.is_empty())?.0) };
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let plain = clock.replace(':', "");
    if !matches!(plain.len(), 2 | 4 | 6) {
        return None;
    }
    let field = |at: usize| plain.get(at..at + 2).map_or(Some(0), |text| text.parse::<u32>().ok());
    let mut micros = fraction.to_owned();
    if !micros.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    while micros.len() < 6 {
        micros.push('0');
    }
    let micro = micros.get(..6)?.parse().ok()?;
    Some((make_time(field(0)?, field(2)?, field(4)?, micro).ok()?, zone))
}

fn invalid(text: &str) -> JinjaError {
    JinjaError::value_error(format!("Invalid isoformat string: {}", repr::quoted(text)))
}

/// `datetime.fromisoformat(text)`.
pub(super) fn datetime(text: &str) -> Result<Instant, JinjaError> {
    let (date, rest) = iso_date(text).ok_or_else(|| invalid(text))?;
    let mut separator = rest.chars();
    if separator.next().is_none() {
        return Ok(Instant { naive: date.and_time(NaiveTime::MIN), zone: None });
    }
    let (time, zone) = iso_time(separator.as_str()).ok_or_else(|| invalid(text))?;
    let naive: NaiveDateTime = date.and_time(time);
    Ok(Instant { naive, zone })
}

/// `date.fromisoformat(text)`.
pub(super) fn date(text: &str) -> Result<NaiveDate, JinjaError> {
    iso_date(text).filter(|(_, rest)| rest.is_empty()).map(|(date, _)| date).ok_or_else(|| invalid(text))
}

/// `time.fromisoformat(text)`.
pub(super) fn time(text: &str) -> Result<super::time::Time, JinjaError> {
    let (naive, zone) = iso_time(text.strip_prefix('T').unwrap_or(text)).ok_or_else(|| invalid(text))?;
    Ok(super::time::Time { naive, zone })
}
