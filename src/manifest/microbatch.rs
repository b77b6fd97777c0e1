//! Microbatch models: what their configs must say, and the windows of time that they are built in.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::Value,
    names::{ResourceType, UniqueId},
};

use super::{Manifest, node::Node};

/// How long a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    Hour,
    Day,
    Month,
    Year,
}

impl BatchSize {
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "hour" => Self::Hour,
            "day" => Self::Day,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// The start of the hour, day, month or year.
    pub fn truncate(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let day = time.date_naive();
        let day = match self {
            Self::Hour | Self::Day => Some(day),
            Self::Month => day.with_day(1),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        };
        let hour = if self == Self::Hour { time.hour() } else { 0 };
        day.and_then(|day| day.and_hms_opt(hour, 0, 0)).map_or(time, |time| time.and_utc())
    }

    /// `count` sizes after the start that `time` is in, or before; `None` at the end of the calendar.
    pub fn offset(self, time: DateTime<Utc>, count: i32) -> Option<DateTime<Utc>> {
        let start = self.truncate(time);
        let months = |months: u32| {
            let step = Months::new(months);
            if count < 0 { start.checked_sub_months(step) } else { start.checked_add_months(step) }
        };
        match self {
            Self::Hour => start.checked_add_signed(TimeDelta::try_hours(count.into())?),
            Self::Day => start.checked_add_signed(TimeDelta::try_days(count.into())?),
            Self::Month => months(count.unsigned_abs()),
            Self::Year => months(count.unsigned_abs().checked_mul(12)?),
        }
    }

    /// The first start that is not before `time`.
    pub fn ceiling(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.truncate(time) == time { Some(time) } else { self.offset(time, 1) }
    }

    /// What a batch is called by: `2024-01-02T05`, `2024-01-02`, `2024-01`, `2024`.
    pub fn label(self, start: DateTime<Utc>) -> String {
        let format = match self {
            Self::Hour => "%Y-%m-%dT%H",
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        start.format(format).to_string()
    }
}

/// The configs of a microbatch model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Microbatch {
    pub begin: DateTime<Utc>,
    pub size: BatchSize,
    pub lookback: i32,
}

/// What a model's configs lack, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    pub message: String,
    pub help: &'static str,
}

/// Whether a model is incremental with the strategy microbatch.
pub fn is_microbatch(node: &Node) -> bool {
    node.resource_type == ResourceType::Model
        && node.config.materialized() == "incremental"
        && node.config.text("incremental_strategy") == Some("microbatch")
}

/// Whether the project has its own macro for the strategy: then a model runs once, as any incremental model, unless the
/// behaviour flag `require_batched_execution_for_custom_microbatch_strategy` is set.
pub fn has_own_macro(manifest: &Manifest, project: &str) -> bool {
    manifest.macros.contains_key(format!("macro.{project}.get_incremental_microbatch_sql").as_str())
}

/// The configs of a microbatch model.
///
/// # Errors
/// The first config that is missing or wrong.
pub fn microbatch(node: &Node) -> Result<Microbatch, Unfit> {
    let config = |key: &str| node.config.get(key).filter(|value| !value.is_none());
    let name = &node.name;
    let unfit = |message: String, help| Err(Unfit { message, help });
    match config("event_time") {
        Some(Value::Str(_)) => {}
        Some(other) => {
            let found = other.to_repr();
            return unfit(
                format!("`event_time` of microbatch model `{name}` is {found}, expected the name of a column"),
                "set `event_time` to the column that tells when a row happened",
            );
        }
        None => {
            return unfit(
                format!("microbatch model `{name}` has no `event_time`"),
                "set `event_time` to the column that tells when a row happened",
            );
        }
    }
    let Some(begin) = config("begin") else {
        return unfit(
            format!("microbatch model `{name}` has no `begin`"),
            "set `begin` to the first moment that the model is built from: `begin: '2024-01-01'`",
        );
    };
    let Some(start) = moment(&begin.to_str()) else {
        return unfit(
            format!("`begin` of microbatch model `{name}` is `{}`, expected a date or a time", begin.to_str()),
            "write it as `2024-01-01` or `2024-01-01T00:00:00`",
        );
    };
    let word = config("batch_size").map(Value::to_str).unwrap_or_default();
    let Some(size) = BatchSize::parse(&word) else {
        let found = if word.is_empty() {
            format!("microbatch model `{name}` has no `batch_size`")
        } else {
            format!("`batch_size` of microbatch model `{name}` is `{word}`, expected `hour`, `day`, `month` or `year`")
        };
        return unfit(found, "set `batch_size` to `hour`, `day`, `month` or `year`");
    };
    // A `lookback` of another type is reported with the types of all configs.
    let lookback = match config("lookback") {
        Some(Value::Int(number)) => i32::try_from(*number).unwrap_or(i32::MAX),
        _ => 0,
    };
    Ok(Microbatch { begin: start.and_utc(), size, lookback })
}

/// A date or time as people and Python write it; an offset from UTC is left out, as dbt does.
pub fn moment(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim().replacen(' ', "T", 1);
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(day.and_time(NaiveTime::MIN));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
        return Some(time.naive_local());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
}

/// A time of the command line: `2024-01-02`, `2024-01-02T03:04:05` or `2024-01-02 03:04:05`, in UTC.
pub fn flag_time(text: &str) -> Option<DateTime<Utc>> {
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
    let time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN));
    time.or_else(day).map(|time| time.and_utc())
}

/// Checks all microbatch models, and writes their `begin` as a time.
pub fn check(
    manifest: &mut Manifest,
    spans: &IndexMap<UniqueId, Option<Span>>,
    is_batched: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let ids: Vec<UniqueId> =
        manifest.nodes.values().filter(|node| is_microbatch(node)).map(|node| node.unique_id.clone()).collect();
    if let (false, Some(first)) = (is_batched, ids.first()) {
        let message =
            "the project's own macro `get_incremental_microbatch_sql` runs once per model, not once per batch";
        diagnostics.push(
            Diagnostic::warning("microbatch-macro", message)
                .help("set the flag `require_batched_execution_for_custom_microbatch_strategy: true`")
                .event("MicrobatchMacroOutsideOfBatchesDeprecation")
                .node(first.as_str()),
        );
        return;
    }
    for id in ids {
        let Some(node) = manifest.nodes.get(&id) else { continue };
        let place = |diagnostic: Diagnostic| {
            let diagnostic = diagnostic.node(id.as_str());
            match spans.get(&id).copied().flatten() {
                Some(span) => diagnostic.at(span, ""),
                None => diagnostic,
            }
        };
        let settings = match microbatch(node) {
            Ok(settings) => settings,
            Err(Unfit { message, help }) => {
                diagnostics.push(place(Diagnostic::error("microbatch-config", message).help(help)));
                continue;
            }
        };
        if !node.depends_on.nodes.iter().any(|input| has_event_time(manifest, input)) {
            let message = format!("no input of microbatch model `{}` has an `event_time`", node.name);
            diagnostics.push(place(
                Diagnostic::warning("microbatch-inputs", message)
                    .help("set `event_time` on what it reads: each batch reads all rows until then")
                    .event("MicrobatchModelNoEventTimeInputs"),
            ));
        }
        let begin = settings.begin.format("%Y-%m-%dT%H:%M:%S").to_string();
        if let Some(node) = manifest.nodes.get_mut(&id) {
            node.config.0.insert("begin".to_owned(), begin.into());
        }
    }
}

fn has_event_time(manifest: &Manifest, id: &UniqueId) -> bool {
    let of_node = manifest.nodes.get(id).map(|node| &node.config);
    let config = of_node.or_else(|| manifest.sources.get(id).map(|source| &source.config));
    config.is_some_and(|config| config.text("event_time").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_and_moved_by_whole_sizes() {
        let time = flag_time("2024-09-17T16:06:00").unwrap();
        let text = |time: Option<DateTime<Utc>>| time.unwrap().format("%Y-%m-%dT%H").to_string();
        for (size, start, next, before, ceiling, label) in [
            (BatchSize::Hour, "2024-09-17T16", "2024-09-17T17", "2024-09-17T14", "2024-09-17T17", "2024-09-17T16"),
            (BatchSize::Day, "2024-09-17T00", "2024-09-18T00", "2024-09-15T00", "2024-09-18T00", "2024-09-17"),
            (BatchSize::Month, "2024-09-01T00", "2024-10-01T00", "2024-07-01T00", "2024-10-01T00", "2024-09"),
            (BatchSize::Year, "2024-01-01T00", "2025-01-01T00", "2022-01-01T00", "2025-01-01T00", "2024"),
        ] {
            let begin = size.truncate(time);
            assert_eq!(text(Some(begin)), start);
            assert_eq!(text(size.offset(time, 1)), next);
            assert_eq!(text(size.offset(time, -2)), before);
            assert_eq!(text(size.ceiling(time)), ceiling);
            assert_eq!(size.ceiling(begin), Some(begin));
            assert_eq!(size.label(begin), label);
        }
    }

    #[test]
    fn times_of_configs_and_flags() {
        for (text, config, flag) in [
            ("2024-01-02", true, true),
            ("2024-01-02T03:04:05", true, true),
            ("2024-01-02 03:04:05", true, true),
            ("2024-01-02T03:04", true, false),
            ("2024-01-02T03:04:05+02:00", true, false),
            ("2024-01-02 03:04:05.678", true, false),
            ("yesterday", false, false),
            ("", false, false),
        ] {
            assert_eq!(moment(text).is_some(), config, "{text}");
            assert_eq!(flag_time(text).is_some(), flag, "{text}");
        }
    }
}
