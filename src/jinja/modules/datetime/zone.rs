//! Time zones: `datetime.timezone` and those of pytz, where a zone that was put to a date knows its offset there.

use std::str::FromStr;

use chrono::{Duration, LocalResult, NaiveDate, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::{OffsetComponents as _, OffsetName as _, Tz};

use super::{
    super::super::{Args, Interp, JinjaError, Object, Value},
    Delta, Instant, Outcome,
};

#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Zone {
    /// `datetime.timezone.utc`.
    Utc,
    /// `pytz.UTC`.
    PytzUtc,
    Fixed {
        seconds: i32,
        name: Option<String>,
    },
    /// A zone of the tz database; the offset in seconds once it was put to a date. Without, it is the zone's oldest one,
    /// as in pytz.
    Named {
        tz: Tz,
        seconds: Option<i32>,
    },
}

impl Zone {
    /// A zone by its name in the tz database.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(Zone::PytzUtc);
        }
        Tz::from_str_insensitive(name).or_else(|_| Tz::from_str(name)).ok().map(|tz| Zone::Named { tz, seconds: None })
    }

    /// Seconds east of UTC.
    pub fn offset(&self) -> i32 {
        match self {
            Self::Utc | Self::PytzUtc => 0,
            Self::Fixed { seconds, .. } | Self::Named { seconds: Some(seconds), .. } => *seconds,
            Self::Named { tz, seconds: None } => {
                let first = NaiveDate::from_ymd_opt(1800, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
                let seconds = tz.offset_from_utc_datetime(&first).fix().local_minus_utc();
                // pytz rounds to whole minutes.
                (f64::from(seconds) / 60.0).round_ties_even() as i32 * 60
            }
        }
    }

    /// The zone as it is at an instant.
    pub fn at_utc(&self, utc: NaiveDateTime) -> Self {
        match self {
            Self::Named { tz, .. } => {
                let seconds = tz.offset_from_utc_datetime(&utc).fix().local_minus_utc();
                Self::Named { tz: *tz, seconds: Some(seconds) }
            }
            other => other.clone(),
        }
    }

    /// The zone as it is at a local time, by pytz's rule for times that occur twice or never.
    fn at_local(&self, local: NaiveDateTime, is_dst: bool) -> Self {
        let Self::Named { tz, .. } = self else { return self.clone() };
        let picked = match tz.offset_from_local_datetime(&local) {
            LocalResult::Single(offset) => offset,
            LocalResult::Ambiguous(early, late) => {
                let early_is_dst = early.dst_offset() != Duration::zero();
                if early_is_dst == is_dst { early } else { late }
            }
            LocalResult::None => {
                let before = tz.offset_from_utc_datetime(&(local - Duration::days(1)));
                let after = tz.offset_from_utc_datetime(&(local + Duration::days(1)));
                if (before.dst_offset() != Duration::zero()) == is_dst { before } else { after }
            }
        };
        Self::Named { tz: *tz, seconds: Some(picked.fix().local_minus_utc()) }
    }

    fn dst(&self, local: NaiveDateTime) -> Option<Duration> {
        match self {
            Self::Named { tz, .. } => {
                Some(tz.offset_from_utc_datetime(&(local - Duration::seconds(self.offset().into()))).dst_offset())
            }
            Self::PytzUtc => Some(Duration::zero()),
            _ => None,
        }
    }

    /// The zone's short name at a local time: `CET`.
    pub fn abbreviation(&self, local: NaiveDateTime) -> String {
        match self {
            Self::Utc | Self::PytzUtc => "UTC".to_owned(),
            Self::Fixed { name: Some(name), .. } => name.clone(),
            Self::Fixed { seconds, .. } => format!("UTC{}", offset_text(*seconds, ":")),
            Self::Named { seconds: None, .. } => "LMT".to_owned(),
            Self::Named { tz, seconds: Some(seconds) } => {
                let offset = tz.offset_from_utc_datetime(&(local - Duration::seconds(i64::from(*seconds))));
                offset.abbreviation().map_or_else(|| offset_text(*seconds, ""), str::to_owned)
            }
        }
    }

    pub fn value(self) -> Value {
        Value::object(ZoneObject(self))
    }

    fn text(&self) -> String {
        match self {
            Self::Utc | Self::PytzUtc => "UTC".to_owned(),
            Self::Named { tz, .. } => tz.name().to_owned(),
            Self::Fixed { .. } => self.abbreviation(NaiveDateTime::default()),
        }
    }

    pub fn repr(&self, local: NaiveDateTime) -> String {
        match self {
            Self::Utc => "datetime.timezone.utc".to_owned(),
            Self::PytzUtc => "<UTC>".to_owned(),
            Self::Fixed { seconds, name } => {
                let delta = Delta::seconds(i64::from(*seconds)).to_repr();
                let name = name.as_ref().map_or_else(String::new, |name| format!(", '{name}'"));
                format!("datetime.timezone({delta}{name})")
            }
            Self::Named { tz, seconds } => {
                let is_dst = seconds.is_some() && self.dst(local).is_some_and(|dst| dst != Duration::zero());
                let offset = Delta::seconds(i64::from(self.offset())).text();
                let sign = if self.offset() >= 0 { "+" } else { "" };
                let kind = if is_dst { "DST" } else { "STD" };
                format!("<DstTzInfo '{}' {}{sign}{offset} {kind}>", tz.name(), self.abbreviation(local))
            }
        }
    }
}

/// `+01:00`, with seconds where there are some.
pub(super) fn offset_text(seconds: i32, separator: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let mut text = format!("{sign}{:02}{separator}{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 != 0 {
        text.push_str(&format!("{separator}{:02}", seconds % 60));
    }
    text
}

/// A zone as a value.
#[derive(Debug)]
pub(in super::super) struct ZoneObject(pub Zone);

impl Object for ZoneObject {
    fn type_name(&self) -> &'static str {
        match self.0 {
            Zone::Utc | Zone::Fixed { .. } => "datetime.timezone",
            Zone::PytzUtc => "pytz.UTC",
            Zone::Named { .. } => "pytz.tzfile",
        }
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        match (name, &self.0) {
            ("zone", Zone::PytzUtc | Zone::Named { .. }) => Some(self.0.text().into()),
            _ => None,
        }
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Outcome> {
        matches!(name, "localize" | "normalize" | "utcoffset" | "tzname" | "dst" | "fromutc")
            .then(|| self.method(name, args))
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| self.0 == other.0)
    }

    fn to_str(&self) -> String {
        self.0.text()
    }

    fn to_repr(&self) -> String {
        self.0.repr(NaiveDateTime::default())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl ZoneObject {
    fn method(&self, name: &str, args: Args) -> Outcome {
        let bound = args.bind(name, &["dt", "is_dst"])?;
        let is_dst = bound.get(1).cloned().flatten().is_some_and(|value| value.is_truthy());
        let argument = bound.first().cloned().flatten();
        let Some(instant) = argument.as_ref().and_then(|value| value.downcast::<Instant>()) else {
            return match (name, &self.0) {
                ("utcoffset", Zone::Named { .. }) | ("dst", _) => Ok(Value::None),
                ("utcoffset", zone) => Ok(Value::object(Delta::seconds(i64::from(zone.offset())))),
                ("tzname", zone) => Ok(zone.text().into()),
                _ => Err(JinjaError::type_error(format!("{name}() needs a datetime"))),
            };
        };
        match name {
            "localize" => {
                if instant.zone.is_some() {
                    return Err(JinjaError::value_error("Not naive datetime (tzinfo is already set)"));
                }
                let zone = self.0.at_local(instant.naive, is_dst);
                Ok(Value::object(Instant { naive: instant.naive, zone: Some(zone) }))
            }
            "normalize" => match &instant.zone {
                None => Err(JinjaError::value_error("Naive time - no tzinfo set")),
                Some(_) => Ok(Value::object(instant.in_zone(&self.0)?)),
            },
            "fromutc" => {
                let utc = Instant { naive: instant.naive, zone: Some(Zone::Utc) };
                Ok(Value::object(utc.in_zone(&self.0)?))
            }
            "utcoffset" => {
                let zone = self.0.at_local(instant.naive, is_dst);
                Ok(Value::object(Delta::seconds(i64::from(zone.offset()))))
            }
            "tzname" => Ok(self.0.at_local(instant.naive, is_dst).abbreviation(instant.naive).into()),
            _ => Ok(self
                .0
                .at_local(instant.naive, is_dst)
                .dst(instant.naive)
                .map_or(Value::None, |dst| Value::object(Delta::seconds(dst.num_seconds())))),
        }
    }
}
