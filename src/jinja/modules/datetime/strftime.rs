//! `strftime`, with the codes of Python and those of the C library that people use.

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::{
    super::super::{Args, JinjaError, iterate},
    Outcome,
    time::microsecond,
    zone::offset_text,
};

/// What can be formatted.
pub(super) struct Moment {
    pub naive: NaiveDateTime,
    /// Seconds; `None` when naive.
    pub offset: Option<i32>,
    pub zone: String,
}

pub(super) fn call(moment: &Moment, args: Args) -> Outcome {
    let bound = args.bind("strftime", &["format"])?;
    match bound.into_iter().next().flatten() {
        Some(format) => Ok(strftime(moment, &iterate::text(&format)?).into()),
        None => Err(JinjaError::type_error("strftime() missing required argument 'format' (pos 1)")),
    }
}

pub(super) fn strftime(moment: &Moment, format: &str) -> String {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flag = None;
        let mut code = chars.next();
        if let Some(found @ ('-' | '_' | '0' | '^' | '#')) = code {
            flag = Some(found);
            code = chars.next();
        }
        // `%:z` is +01:00.
        if code == Some(':') {
            code = chars.next();
            if code == Some('z') {
                out.push_str(&moment.offset.map_or_else(String::new, |offset| offset_text(offset, ":")));
                continue;
            }
            out.push_str("%:");
        }
        match code.and_then(|code| piece(moment, code)) {
            Some(text) => out.push_str(&flagged(&text, flag)),
            None => {
                out.push('%');
                out.extend(flag);
                out.extend(code);
            }
        }
    }
    out
}

fn flagged(text: &str, flag: Option<char>) -> String {
    match flag {
        Some('-') => {
            let trimmed = text.trim_start_matches(['0', ' ']);
            if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
        }
        Some('_') => {
            let digits = text.trim_start_matches('0');
            let digits = if digits.is_empty() { "0" } else { digits };
            format!("{digits:>width$}", width = text.len())
        }
        Some('0') => text.replace(' ', "0"),
        Some('^') => text.to_uppercase(),
        Some('#') => text.to_lowercase(),
        _ => text.to_owned(),
    }
}

fn piece(moment: &Moment, code: char) -> Option<String> {
    let naive = moment.naive;
    let twelve = |hour: u32| if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    let chrono = |format: &str| naive.format(format).to_string();
    Some(match code {
        'a' | 'A' | 'b' | 'B' | 'h' => chrono(&format!("%{code}")),
        'w' => naive.weekday().num_days_from_sunday().to_string(),
        'u' => naive.weekday().number_from_monday().to_string(),
        'd' => format!("{:02}", naive.day()),
        'e' => format!("{:2}", naive.day()),
        'm' => format!("{:02}", naive.month()),
        'y' => format!("{:02}", naive.year().rem_euclid(100)),
        'Y' => format!("{}", naive.year()),
        'C' => format!("{:02}", naive.year() / 100),
        'H' => format!("{:02}", naive.hour()),
        'k' => format!("{:2}", naive.hour()),
        'I' => format!("{:02}", twelve(naive.hour())),
        'l' => format!("{:2}", twelve(naive.hour())),
        'p' => if naive.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        'P' => if naive.hour() < 12 { "am" } else { "pm" }.to_owned(),
        'M' => format!("{:02}", naive.minute()),
        'S' => format!("{:02}", naive.second()),
        'f' => format!("{:06}", microsecond(naive.time())),
        'z' => moment.offset.map_or_else(String::new, |offset| offset_text(offset, "")),
        'Z' => moment.zone.clone(),
        'j' => format!("{:03}", naive.ordinal()),
        'U' | 'W' | 'V' | 'G' | 'g' => chrono(&format!("%{code}")),
        's' => (naive.and_utc().timestamp() - i64::from(moment.offset.unwrap_or(0))).to_string(),
        'c' => chrono("%a %b %e %H:%M:%S %Y"),
        'x' | 'D' => chrono("%m/%d/%y"),
        'X' | 'T' => chrono("%H:%M:%S"),
        'R' => chrono("%H:%M"),
        'r' => chrono("%I:%M:%S %p"),
        'F' => format!("{}-{:02}-{:02}", naive.year(), naive.month(), naive.day()),
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        '%' => "%".to_owned(),
        _ => return None,
    })
}
