//! `datetime.datetime`.

use std::cmp::Ordering;

use chrono::{Datelike as _, Duration, Local, NaiveDateTime, Offset as _, TimeZone as _, Timelike as _, Utc};

use super::{
    super::super::{Args, Interp, JinjaError, Object, Value},
    Delta, Outcome, Zone, date, in_range, integer, make_date, make_time, part,
    strftime::{self, Moment},
    time::{self, Time},
    zone::offset_text,
    zone_argument,
};

/// A datetime: local time, and the zone when it is aware.
#[derive(Debug, Clone)]
pub(in super::super) struct Instant {
    pub naive: NaiveDateTime,
    pub zone: Option<Zone>,
}

impl Instant {
    pub fn value(naive: NaiveDateTime, zone: Option<Zone>) -> Outcome {
        Ok(Value::object(Self { naive: in_range(naive)?, zone }))
    }

    /// UTC; a naive datetime is of the system's zone.
    fn utc(&self) -> Result<NaiveDateTime, JinjaError> {
        let offset = match &self.zone {
            Some(zone) => zone.offset(),
            None => system_offset(self.naive),
        };
        self.naive.checked_sub_signed(Duration::seconds(offset.into())).ok_or_else(super::out_of_range)
    }

    /// The same instant in another zone.
    pub fn in_zone(&self, zone: &Zone) -> Result<Self, JinjaError> {
        let utc = self.utc()?;
        let zone = zone.at_utc(utc);
        let naive = utc.checked_add_signed(Duration::seconds(zone.offset().into())).ok_or_else(super::out_of_range)?;
        Ok(Self { naive: in_range(naive)?, zone: Some(zone) })
    }

    pub fn isoformat(&self, separator: &str, timespec: &str) -> Result<String, JinjaError> {
        let time = time::text(self.naive.time(), timespec)?;
        let mut text = format!("{}{separator}{time}", date::Date::text(self.naive.date()));
        if let Some(zone) = &self.zone {
            text.push_str(&offset_text(zone.offset(), ":"));
        }
        Ok(text)
    }

    fn moment(&self) -> Moment {
        let zone = self.zone.as_ref().map_or_else(String::new, |zone| zone.abbreviation(self.naive));
        Moment { naive: self.naive, offset: self.zone.as_ref().map(Zone::offset), zone }
    }

    #[expect(clippy::cast_precision_loss, reason = "Python's timestamp is a float")]
    fn timestamp(&self) -> Outcome {
        Ok(Value::Float(self.utc()?.and_utc().timestamp_micros() as f64 / 1e6))
    }

    fn replace(&self, args: Args) -> Outcome {
        let names = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"];
        let bound = args.bind("replace", &names)?;
        let get = |index: usize| bound.get(index).and_then(Option::as_ref);
        let (day, time) = (self.naive.date(), self.naive.time());
        let date =
            make_date(integer(get(0), i64::from(day.year()))?, part(get(1), day.month())?, part(get(2), day.day())?)?;
        let time = make_time(
            part(get(3), time.hour())?,
            part(get(4), time.minute())?,
            part(get(5), time.second())?,
            part(get(6), time::microsecond(time))?,
        )?;
        let zone = if get(7).is_some() { zone_argument(get(7))? } else { self.zone.clone() };
        Self::value(date.and_time(time), zone)
    }

    fn method(&self, name: &str, args: Args) -> Option<Outcome> {
        Some(match name {
            "strftime" => strftime::call(&self.moment(), args),
            "isoformat" => args.bind("isoformat", &["sep", "timespec"]).and_then(|bound| {
                let get = |index: usize, default: &str| {
                    bound.get(index).cloned().flatten().map_or_else(|| default.to_owned(), |value| value.to_str())
                };
                self.isoformat(&get(0, "T"), &get(1, "auto")).map(Value::from)
            }),
            "replace" => self.replace(args),
            "date" => Ok(super::date_value(self.naive.date())),
            "time" => Ok(Value::object(Time { naive: self.naive.time(), zone: None })),
            "timetz" => Ok(Value::object(Time { naive: self.naive.time(), zone: self.zone.clone() })),
            "timestamp" => self.timestamp(),
            "astimezone" => args.bind("astimezone", &["tz"]).and_then(|bound| {
                let zone = zone_argument(bound.first().and_then(Option::as_ref))?;
                let zone = match zone {
                    Some(zone) => zone,
                    None => local_zone(self.utc()?),
                };
                Ok(Value::object(self.in_zone(&zone)?))
            }),
            "utcoffset" => {
                Ok(self.zone.as_ref().map_or(Value::None, |zone| Value::object(Delta::seconds(zone.offset().into()))))
            }
            "tzname" => Ok(self.zone.as_ref().map_or(Value::None, |zone| zone.abbreviation(self.naive).into())),
            "ctime" => Ok(self.naive.format("%a %b %e %H:%M:%S %Y").to_string().into()),
            _ => return date::method(self.naive.date(), name).map(Ok),
        })
    }
}

fn system_offset(naive: NaiveDateTime) -> i32 {
    Local.offset_from_local_datetime(&naive).earliest().map_or(0, |offset| offset.fix().local_minus_utc())
}

fn local_zone(utc: NaiveDateTime) -> Zone {
    let seconds = Local.offset_from_utc_datetime(&utc).fix().local_minus_utc();
    Zone::Fixed { seconds, name: Some(if seconds == 0 { "UTC".to_owned() } else { offset_text(seconds, "") }) }
}

/// The time now, in a zone or as the system's local time.
pub(super) fn now(zone: Option<Zone>) -> Outcome {
    let utc = super::micros(Utc::now().naive_utc());
    match zone {
        Some(zone) => Ok(Value::object(Instant { naive: utc, zone: Some(Zone::Utc) }.in_zone(&zone)?)),
        None => {
            let offset = Local.offset_from_utc_datetime(&utc).fix().local_minus_utc();
            Instant::value(utc + Duration::seconds(offset.into()), None)
        }
    }
}

impl Object for Instant {
    fn type_name(&self) -> &'static str {
        "datetime.datetime"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        if name == "tzinfo" {
            return Some(self.zone.clone().map_or(Value::None, Zone::value));
        }
        date::attribute(self.naive.date(), name).or_else(|| time::attribute(self.naive.time(), name))
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Outcome> {
        self.method(name, args)
    }

    fn equals(&self, other: &dyn Object) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Self>() else { return false };
        match (&self.zone, &other.zone) {
            (None, None) => self.naive == other.naive,
            (Some(_), Some(_)) => self.utc().ok() == other.utc().ok(),
            _ => false,
        }
    }

    fn hash_key(&self) -> String {
        match (&self.zone, self.utc()) {
            (Some(_), Ok(utc)) => format!("{utc} UTC"),
            _ => self.naive.to_string(),
        }
    }

    fn compare(&self, other: &Value) -> Option<Ordering> {
        let other = other.downcast::<Self>()?;
        match (&self.zone, &other.zone) {
            (None, None) => Some(self.naive.cmp(&other.naive)),
            (Some(_), Some(_)) => Some(self.utc().ok()?.cmp(&other.utc().ok()?)),
            _ => None,
        }
    }

    fn binary(&self, operator: &str, other: &Value, reflected: bool) -> Option<Outcome> {
        if let (Some(other), "-") = (other.downcast::<Self>(), operator) {
            return Some(match (&self.zone, &other.zone) {
                (None, None) => Ok(Value::object(Delta::of(self.naive - other.naive))),
                (Some(_), Some(_)) => self.utc().and_then(|left| Ok(Value::object(Delta::of(left - other.utc()?)))),
                _ => Err(JinjaError::type_error("can't subtract offset-naive and offset-aware datetimes")),
            });
        }
        let delta = other.downcast::<Delta>()?;
        let moved = delta.duration().and_then(|duration| {
            let moved = match operator {
                "+" => self.naive.checked_add_signed(duration),
                _ => self.naive.checked_sub_signed(duration),
            };
            Self::value(moved.ok_or_else(super::out_of_range)?, self.zone.clone())
        });
        (operator == "+" || (operator == "-" && !reflected)).then_some(moved)
    }

    fn format(&self, spec: &str) -> Option<Result<String, JinjaError>> {
        Some(Ok(strftime::strftime(&self.moment(), spec)))
    }

    fn to_str(&self) -> String {
        self.isoformat(" ", "auto").unwrap_or_default()
    }

    fn to_repr(&self) -> String {
        let (date, time) = (self.naive.date(), self.naive.time());
        let mut parts = vec![date.month(), date.day(), time.hour(), time.minute(), time.second()];
        parts.push(time::microsecond(time));
        while parts.len() > 4 && parts.last() == Some(&0) {
            parts.pop();
        }
        let mut parts: Vec<String> = parts.iter().map(u32::to_string).collect();
        parts.insert(0, date.year().to_string());
        parts.extend(self.zone.as_ref().map(|zone| format!("tzinfo={}", zone.repr(self.naive))));
        format!("datetime.datetime({})", parts.join(", "))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
