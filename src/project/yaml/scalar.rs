//! What a plain scalar means in YAML 1.1, exactly as PyYAML's safe loader resolves it.

use chrono::{NaiveDate, NaiveDateTime};

use super::Data;

/// Why a scalar that looks like a typed value is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    #[error("`{0}` looks like a date, but there is no such date or time")]
    Date(String),
    #[error("`{0}` looks like a number, but has no digits")]
    Digits(String),
    #[error("a plain `{0}` has a special meaning in YAML and cannot be a value")]
    Reserved(String),
}

impl ScalarError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Date(text) | Self::Digits(text) | Self::Reserved(text) => {
                format!("write it in quotes to make it a text: \"{text}\"")
            }
        }
    }
}

/// The value of a plain scalar.
///
/// # Errors
/// Where PyYAML raises: dates that do not exist, `0x_`, a plain `=` or `<<`.
pub fn resolve(text: &str) -> Result<Data, ScalarError> {
    let Some(first) = text.chars().next() else {
        return Ok(Data::Null);
    };
    let found = match first {
        'y' | 'Y' | 'n' | 'N' | 't' | 'T' | 'f' | 'F' | 'o' | 'O' | '~' => word(text),
        '-' | '+' | '.' | '0'..='9' => return number(text),
        '=' | '<' if matches!(text, "=" | "<<") => return Err(ScalarError::Reserved(text.to_owned())),
        _ => None,
    };
    Ok(found.unwrap_or_else(|| Data::Str(text.into())))
}

fn word(text: &str) -> Option<Data> {
    Some(match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Data::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Data::Bool(false),
        "~" | "null" | "Null" | "NULL" => Data::Null,
        _ => return None,
    })
}

fn number(text: &str) -> Result<Data, ScalarError> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let signed = body.len() != text.len();
    if let Some(value) = float(body, signed) {
        return Ok(Data::Float(if negative { -value } else { value }));
    }
    if is_int(body) {
        return int(body, negative, text);
    }
    let dashed = !signed && text.len() >= 8 && text.as_bytes().get(4) == Some(&b'-');
    match dashed.then(|| timestamp(text)).flatten() {
        Some(found) => found.ok_or_else(|| ScalarError::Date(text.to_owned())),
        None => Ok(Data::Str(text.into())),
    }
}

fn all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(allowed)
}

fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// `body` has no sign; `.5` and `.nan` must have had none.
fn float(body: &str, signed: bool) -> Option<f64> {
    match body {
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if !signed => return Some(f64::NAN),
        _ => {}
    }
    let (whole, rest) = body.split_once('.')?;
    if whole.contains(':') {
        let minutes = sexagesimal(whole, |byte| byte.is_ascii_digit())?;
        if !all(rest, digit_or_underscore) {
            return None;
        }
        let last = whole.rsplit(':').next()?;
        let seconds: f64 = format!("{last}.{}", rest.replace('_', "")).parse().ok()?;
        let base = minutes.iter().rev().skip(1).try_fold((0.0_f64, 60.0_f64), |(sum, base), part| {
            part.parse::<f64>().ok().map(|part| (sum + part * base, base * 60.0))
        })?;
        return Some(base.0 + seconds);
    }
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, rest.get(at + 1..)),
        None => (rest, None),
    };
    let whole_ok = if whole.is_empty() {
        !signed && fraction.bytes().next().is_some_and(digit)
    } else {
        whole.bytes().next().is_some_and(digit) && all(whole, digit_or_underscore)
    };
    let exponent_ok = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|digits| !digits.is_empty() && all(digits, digit))
    });
    if !whole_ok || !exponent_ok || !all(fraction, digit_or_underscore) {
        return None;
    }
    body.replace('_', "").parse().ok()
}

/// The parts of `1:30:59`, underscores removed; `None` when it is no sexagesimal number.
fn sexagesimal(text: &str, first: impl Fn(u8) -> bool) -> Option<Vec<String>> {
    let mut parts = text.split(':');
    let head = parts.next()?;
    if !head.bytes().next().is_some_and(first) || !all(head, digit_or_underscore) {
        return None;
    }
    let mut found = vec![head.replace('_', "")];
    for part in parts {
        let ok = match part.as_bytes() {
            [only] => digit(*only),
            [tens, ones] => (b'0'..=b'5').contains(tens) && digit(*ones),
            _ => false,
        };
        if !ok {
            return None;
        }
        found.push(part.to_owned());
    }
    Some(found)
}

fn is_int(body: &str) -> bool {
    let rest = |prefix: &str, allowed: fn(u8) -> bool| {
        body.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && all(rest, allowed))
    };
    body == "0"
        || rest("0b", |byte| matches!(byte, b'0' | b'1' | b'_'))
        || rest("0x", |byte| byte.is_ascii_hexdigit() || byte == b'_')
        || rest("0", |byte| matches!(byte, b'0'..=b'7' | b'_'))
        || (matches!(body.bytes().next(), Some(b'1'..=b'9'))
            && (all(body, digit_or_underscore)
                || (body.contains(':') && sexagesimal(body, |byte| byte != b'0' && byte.is_ascii_digit()).is_some())))
}

fn int(body: &str, negative: bool, text: &str) -> Result<Data, ScalarError> {
    let digits = body.replace('_', "");
    let value = if let Some(bits) = digits.strip_prefix("0b") {
        radix(bits, 2, text)?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16, text)?
    } else if digits.len() > 1 && digits.starts_with('0') {
        radix(&digits, 8, text)?
    } else if digits.contains(':') {
        digits.split(':').try_fold(0_i128, |sum, part| {
            part.parse::<i128>().ok().and_then(|part| sum.checked_mul(60)?.checked_add(part))
        })
    } else {
        digits.parse::<i128>().ok()
    };
    let value = value.map(|value| if negative { -value } else { value }).and_then(|value| i64::try_from(value).ok());
    // Python's integers have no end; one that does not fit is kept as its digits, so that it prints the same.
    Ok(value.map_or_else(|| Data::Str(text.replace('_', "").into()), Data::Int))
}

fn radix(digits: &str, radix: u32, text: &str) -> Result<Option<i128>, ScalarError> {
    if digits.is_empty() {
        return Err(ScalarError::Digits(text.to_owned()));
    }
    Ok(i128::from_str_radix(digits, radix).ok())
}

/// Outer `None`: it does not look like a timestamp. Inner `None`: it does, and there is no such time.
fn timestamp(text: &str) -> Option<Option<Data>> {
    let mut cursor = Cursor(text);
    let year = cursor.digits(4, 4)?;
    cursor.literal('-')?;
    let month_text = cursor.0;
    let month = cursor.digits(1, 2)?;
    let month_len = month_text.len() - cursor.0.len();
    cursor.literal('-')?;
    let day_text = cursor.0;
    let day = cursor.digits(1, 2)?;
    let day_len = day_text.len() - cursor.0.len();
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).unwrap_or(0), month, day).filter(|_| year > 0);
    if cursor.0.is_empty() {
        return (month_len == 2 && day_len == 2).then_some(date.map(Data::Date));
    }
    if cursor.literal('T').or_else(|| cursor.literal('t')).is_none() {
        cursor.blanks(1)?;
    }
    let hour = cursor.digits(1, 2)?;
    cursor.literal(':')?;
    let minute = cursor.digits(2, 2)?;
    cursor.literal(':')?;
    let second = cursor.digits(2, 2)?;
    let mut micros = 0;
    if cursor.literal('.').is_some() {
        let fraction: String = cursor.0.chars().take_while(char::is_ascii_digit).collect();
        cursor.0 = cursor.0.get(fraction.len()..)?;
        micros = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    }
    let before_zone = cursor.0;
    cursor.blanks(0)?;
    let zone = zone(&mut cursor, before_zone)?;
    if !cursor.0.is_empty() {
        return None;
    }
    let time = date.and_then(|date| date.and_hms_micro_opt(hour, minute, second, micros));
    let zone_ok = zone.is_none_or(|seconds| seconds.abs() < 24 * 3600);
    Some(time.filter(|_| zone_ok).map(|time: NaiveDateTime| Data::DateTime(time, zone)))
}

/// The offset in seconds at the cursor, which is after the blanks that follow `before`.
fn zone(cursor: &mut Cursor<'_>, before: &str) -> Option<Option<i32>> {
    if cursor.0.is_empty() {
        return (before.is_empty()).then_some(None);
    }
    if cursor.literal('Z').is_some() {
        return Some(Some(0));
    }
    let sign = if cursor.literal('-').is_some() {
        -1
    } else {
        cursor.literal('+')?;
        1
    };
    let hours = i32::try_from(cursor.digits(1, 2)?).ok()?;
    let minutes = if cursor.literal(':').is_some() { i32::try_from(cursor.digits(2, 2)?).ok()? } else { 0 };
    Some(Some(sign * (hours * 3600 + minutes * 60)))
}

struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn literal(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    fn blanks(&mut self, least: usize) -> Option<()> {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let found = self.0.len() - rest.len();
        self.0 = rest;
        (found >= least).then_some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.parse().ok()
    }
}
