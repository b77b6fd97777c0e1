//! The flags that choose a window of time: `--event-time-start`, `--event-time-end` and `--sample`.

use chrono::{DateTime, Utc};

use crate::{
    diagnostic::Diagnostic,
    jinja::Value,
    manifest::microbatch::{BatchSize, flag_time, moment},
    project::yaml,
    run::context::Window,
};

use super::flags::Flags;

/// From, and until before.
type Times = (DateTime<Utc>, DateTime<Utc>);

/// The window that microbatch models build; both ends or none are given.
///
/// # Errors
/// A time that is none, one end without the other, or an end that is not after the start.
pub fn window(flags: &Flags) -> Result<Option<Times>, Diagnostic> {
    let time = |key: &str| -> Result<Option<DateTime<Utc>>, Diagnostic> {
        let Some(text) = flags.text(key) else { return Ok(None) };
        let time = flag_time(text).ok_or_else(|| {
            let message = format!("--{} is `{text}`, expected a date or a time", key.replace('_', "-"));
            Diagnostic::error("flag", message).help("write it as `2024-01-02` or `2024-01-02T03:04:05`; it is in UTC")
        })?;
        Ok(Some(time))
    };
    let lonely = |given: &str, missing: &str| {
        let message = format!("--{given} is given without --{missing}");
        Diagnostic::error("flag", message).help("give both ends of the window")
    };
    match (time("event_time_start")?, time("event_time_end")?) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(lonely("event-time-start", "event-time-end")),
        (None, Some(_)) => Err(lonely("event-time-end", "event-time-start")),
        (Some(start), Some(end)) if start < end => Ok(Some((start, end))),
        _ => Err(Diagnostic::error("flag", "--event-time-start is not before --event-time-end")),
    }
}

/// The window of `--sample`: `3 days` until now, or `{start: 2024-01-01, end: 2024-02-01}`.
///
/// # Errors
/// It is neither.
pub fn sample(flags: &Flags, now: DateTime<Utc>) -> Result<Option<Window>, Diagnostic> {
    let Some(text) = flags.text("sample") else { return Ok(None) };
    let window = relative(text, now).or_else(|| absolute(text));
    window.map(Some).ok_or_else(|| {
        Diagnostic::error("flag", format!("--sample is `{text}`, expected a window of time"))
            .help("write it as `3 days` (hours, days, months or years) or as `{start: 2024-01-01, end: 2024-02-01}`")
    })
}

/// The start is that of the hour, day, month or year, as in dbt.
fn relative(text: &str, now: DateTime<Utc>) -> Option<Window> {
    let (count, unit) = text.trim().split_once(' ')?;
    let count: i32 = count.parse().ok()?;
    let size = BatchSize::parse(unit.trim().to_lowercase().trim_end_matches('s'))?;
    Some((Some(size.offset(now, count.checked_neg()?)?), Some(now)))
}

fn absolute(text: &str) -> Option<Window> {
    let value = yaml::parse_value(text).ok()?.to_value();
    let time = |key: &str| value.get(key).and_then(|value: Value| moment(&value.to_str())).map(|time| time.and_utc());
    let (start, end) = (time("start")?, time("end")?);
    (start < end).then_some((Some(start), Some(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &[&str]) -> Flags {
        let args: Vec<std::ffi::OsString> = ["tamis", "build"].iter().chain(line).map(Into::into).collect();
        super::super::flags::parse(&args, &|_| None).unwrap()
    }

    #[test]
    fn both_ends_of_a_window_are_times_in_order() {
        for (line, expected) in [
            (&[][..], "none"),
            (&["--event-time-start", "2024-01-01", "--event-time-end", "2024-01-02 03:00:00"], "2024-01-01 2024-01-02"),
            (&["--event-time-start", "2024-01-01"], "--event-time-start is given without --event-time-end"),
            (&["--event-time-end", "2024-01-01"], "--event-time-end is given without --event-time-start"),
            (
                &["--event-time-start", "2024-01-02", "--event-time-end", "2024-01-02"],
                "--event-time-start is not before --event-time-end",
            ),
            (
                &["--event-time-start", "soon", "--event-time-end", "2024-01-02"],
                "--event-time-start is `soon`, expected a date or a time",
            ),
        ] {
            let found = match window(&flags(line)) {
                Ok(None) => "none".to_owned(),
                Ok(Some((start, end))) => format!("{} {}", start.date_naive(), end.date_naive()),
                Err(diagnostic) => diagnostic.message,
            };
            assert_eq!(found, expected, "{line:?}");
        }
    }

    #[test]
    fn a_sample_is_so_long_or_from_then_to_then() {
        let now = flag_time("2024-03-05T12:30:00").unwrap();
        for (text, expected) in [
            ("2 hours", "2024-03-05T10:00 2024-03-05T12:30"),
            ("1 day", "2024-03-04T00:00 2024-03-05T12:30"),
            ("2 months", "2024-01-01T00:00 2024-03-05T12:30"),
            ("{start: 2024-01-01, end: '2024-01-02 06:00:00'}", "2024-01-01T00:00 2024-01-02T06:00"),
            ("{start: 2024-01-02, end: 2024-01-01}", "error"),
            ("{start: 2024-01-02}", "error"),
            ("three days", "error"),
            ("3 weeks", "error"),
            ("3", "error"),
        ] {
            let found = match sample(&flags(&["--sample", text]), now) {
                Ok(Some((Some(start), Some(end)))) => {
                    format!("{} {}", start.format("%Y-%m-%dT%H:%M"), end.format("%Y-%m-%dT%H:%M"))
                }
                Ok(_) => "none".to_owned(),
                Err(_) => "error".to_owned(),
            };
            assert_eq!(found, expected, "{text}");
        }
    }
}
