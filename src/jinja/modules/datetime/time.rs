//! `datetime.time`.

use std::cmp::Ordering;

use chrono::{NaiveDate, NaiveTime, Timelike as _};

use super::{
    super::super::{Args, Interp, JinjaError, Object, Value},
    Delta, Outcome, Zone, make_time, part,
    strftime::{self, Moment},
    zone::offset_text,
    zone_argument,
};

#[derive(Debug, Clone)]
pub(super) struct Time {
    pub naive: NaiveTime,
    pub zone: Option<Zone>,
}

pub(super) fn microsecond(time: NaiveTime) -> u32 {
    (time.nanosecond() / 1000).min(999_999)
}

/// Attributes that times and datetimes share.
pub(super) fn attribute(time: NaiveTime, name: &str) -> Option<Value> {
    Some(Value::Int(i64::from(match name {
        "hour" => time.hour(),
        "minute" => time.minute(),
        "second" => time.second(),
        "microsecond" => microsecond(time),
        "fold" => 0,
        _ => return None,
    })))
}

/// `HH:MM:SS[.ffffff]`, or as `timespec` says.
pub(super) fn text(time: NaiveTime, timespec: &str) -> Result<String, JinjaError> {
    let micros = microsecond(time);
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    Ok(match timespec {
        "auto" if micros == 0 => format!("{hour:02}:{minute:02}:{second:02}"),
        "auto" | "microseconds" => format!("{hour:02}:{minute:02}:{second:02}.{micros:06}"),
        "hours" => format!("{hour:02}"),
        "minutes" => format!("{hour:02}:{minute:02}"),
        "seconds" => format!("{hour:02}:{minute:02}:{second:02}"),
        "milliseconds" => format!("{hour:02}:{minute:02}:{second:02}.{:03}", micros / 1000),
        _ => return Err(JinjaError::value_error("Unknown timespec value")),
    })
}

impl Time {
    pub fn make(args: Args) -> Outcome {
        let bound = args.bind("time", &["hour", "minute", "second", "microsecond", "tzinfo", "fold"])?;
        let get = |index: usize| bound.get(index).and_then(Option::as_ref);
        let naive = make_time(part(get(0), 0)?, part(get(1), 0)?, part(get(2), 0)?, part(get(3), 0)?)?;
        Ok(Value::object(Time { naive, zone: zone_argument(get(4))? }))
    }

    fn moment(&self) -> Moment {
        let naive = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default().and_time(self.naive);
        let zone = self.zone.as_ref().map_or_else(String::new, |zone| zone.abbreviation(naive));
        Moment { naive, offset: self.zone.as_ref().map(Zone::offset), zone }
    }

    fn isoformat(&self, timespec: &str) -> Result<String, JinjaError> {
        let mut text = text(self.naive, timespec)?;
        if let Some(zone) = &self.zone {
            text.push_str(&offset_text(zone.offset(), ":"));
        }
        Ok(text)
    }

    fn replace(&self, args: Args) -> Outcome {
        let bound = args.bind("replace", &["hour", "minute", "second", "microsecond", "tzinfo"])?;
        let get = |index: usize| bound.get(index).and_then(Option::as_ref);
        let naive = make_time(
            part(get(0), self.naive.hour())?,
            part(get(1), self.naive.minute())?,
            part(get(2), self.naive.second())?,
            part(get(3), microsecond(self.naive))?,
        )?;
        let zone = if get(4).is_some() { zone_argument(get(4))? } else { self.zone.clone() };
        Ok(Value::object(Time { naive, zone }))
    }
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "datetime.time"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        if name == "tzinfo" {
            return Some(self.zone.clone().map_or(Value::None, Zone::value));
        }
        attribute(self.naive, name)
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Outcome> {
        match name {
            "strftime" => Some(strftime::call(&self.moment(), args)),
            "replace" => Some(self.replace(args)),
            "isoformat" => Some(args.bind("isoformat", &["timespec"]).and_then(|bound| {
                let timespec = bound.first().cloned().flatten().map_or_else(|| "auto".to_owned(), |spec| spec.to_str());
                self.isoformat(&timespec).map(Value::from)
            })),
            "utcoffset" => Some(Ok(self
                .zone
                .as_ref()
                .map_or(Value::None, |zone| Value::object(Delta::seconds(zone.offset().into()))))),
            "tzname" => Some(Ok(if self.zone.is_some() { self.moment().zone.into() } else { Value::None })),
            _ => None,
        }
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| {
            self.naive == other.naive && self.zone.as_ref().map(Zone::offset) == other.zone.as_ref().map(Zone::offset)
        })
    }

    fn compare(&self, other: &Value) -> Option<Ordering> {
        other.downcast::<Self>().map(|other| self.naive.cmp(&other.naive))
    }

    fn format(&self, spec: &str) -> Option<Result<String, JinjaError>> {
        Some(Ok(strftime::strftime(&self.moment(), spec)))
    }

    fn to_str(&self) -> String {
        self.isoformat("auto").unwrap_or_default()
    }

    fn to_repr(&self) -> String {
        let mut parts = vec![self.naive.hour(), self.naive.minute(), self.naive.second(), microsecond(self.naive)];
        while parts.len() > 2 && parts.last() == Some(&0) {
            parts.pop();
        }
        let mut parts: Vec<String> = parts.iter().map(u32::to_string).collect();
        parts.extend(self.zone.as_ref().map(|zone| format!("tzinfo={}", zone.repr(self.moment().naive))));
        format!("datetime.time({})", parts.join(", "))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
