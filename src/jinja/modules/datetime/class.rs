//! The classes of the module: constructors, and the methods that are called on the class.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime};

use super::{
    super::super::{Args, Interp, JinjaError, Object, Value, iterate, methods, operators},
    Delta, Instant, Outcome, Zone, date, instant, integer, make_date, make_time, parse, part,
    time::Time,
    zone_argument,
};

pub(super) fn module() -> Value {
    Value::dict(
        [
            ("date", Kind::Date),
            ("datetime", Kind::DateTime),
            ("time", Kind::Time),
            ("timedelta", Kind::Delta),
            ("timezone", Kind::Zone),
            ("tzinfo", Kind::ZoneInfo),
        ]
        .map(|(name, kind)| (name, Value::object(Class(kind)))),
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Date,
    DateTime,
    Time,
    Delta,
    Zone,
    ZoneInfo,
}

#[derive(Debug)]
struct Class(Kind);

impl Object for Class {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _interp: &mut Interp<'_>, args: Args) -> Outcome {
        match self.0 {
            Kind::Date => {
                let [year, month, day] = required(args, "date", ["year", "month", "day"])?;
                let date = make_date(integer(Some(&year), 0)?, part(Some(&month), 0)?, part(Some(&day), 0)?)?;
                Ok(super::date_value(date))
            }
            Kind::DateTime => make(args),
            Kind::Time => Time::make(args),
            Kind::Delta => Delta::make(args),
            Kind::Zone => {
                let bound = args.bind("timezone", &["offset", "name"])?;
                let get = |index: usize| bound.get(index).and_then(Option::as_ref);
                let Some(delta) = get(0).and_then(Value::downcast::<Delta>) else {
                    return Err(JinjaError::type_error("timezone() argument 1 must be datetime.timedelta"));
                };
                let seconds = i32::try_from(delta.duration()?.num_seconds()).unwrap_or(i32::MAX);
                if seconds.abs() >= 86_400 {
                    return Err(JinjaError::value_error(
                        "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24).",
                    ));
                }
                let name = get(1).map(Value::to_str);
                let is_utc = seconds == 0 && name.is_none();
                Ok(if is_utc { Zone::Utc } else { Zone::Fixed { seconds, name } }.value())
            }
            Kind::ZoneInfo => Ok(Value::object(Class(Kind::ZoneInfo))),
        }
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        let last = NaiveDate::from_ymd_opt(9999, 12, 31)?;
        let first = NaiveDate::from_ymd_opt(1, 1, 1)?;
        let latest = NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999)?;
        Some(match (self.0, name) {
            (Kind::Date, "min") => super::date_value(first),
            (Kind::Date, "max") => super::date_value(last),
            (Kind::DateTime, "min") => super::naive_datetime_value(date::midnight(first)),
            (Kind::DateTime, "max") => super::naive_datetime_value(last.and_time(latest)),
            (Kind::Time, "min") => super::time_value(NaiveTime::MIN),
            (Kind::Time, "max") => super::time_value(latest),
            (Kind::Zone, "utc") => Zone::Utc.value(),
            (_, "__name__") => self.name().into(),
            _ if self.has(name) => methods::bound(Value::object(Self(self.0)), name.into()),
            _ => return None,
        })
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Outcome> {
        if self.has(name) {
            return Some(if self.0 == Kind::DateTime { datetime_method(name, args) } else { self.method(name, args) });
        }
        // `datetime.strftime(value, format)` is the method of its first argument.
        let mut args = args;
        if args.positional.is_empty() || !matches!(self.0, Kind::DateTime | Kind::Date | Kind::Time) {
            return None;
        }
        match args.positional.remove(0) {
            Value::Object(object) => object.call_method(interp, name, args),
            _ => None,
        }
    }

    fn len(&self) -> Option<usize> {
        None
    }

    fn to_repr(&self) -> String {
        format!("<class 'datetime.{}'>", self.name())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Class {
    /// Whether the class itself has the method, as `datetime.strptime`.
    fn has(&self, name: &str) -> bool {
        match self.0 {
            Kind::DateTime => matches!(
                name,
                "now"
                    | "utcnow"
                    | "today"
                    | "strptime"
                    | "fromisoformat"
                    | "combine"
                    | "fromtimestamp"
                    | "utcfromtimestamp"
                    | "fromordinal"
            ),
            Kind::Date => matches!(name, "today" | "fromisoformat" | "fromtimestamp" | "fromordinal"),
            Kind::Time => name == "fromisoformat",
            _ => false,
        }
    }

    fn name(&self) -> &'static str {
        match self.0 {
            Kind::Date => "date",
            Kind::DateTime => "datetime",
            Kind::Time => "time",
            Kind::Delta => "timedelta",
            Kind::Zone => "timezone",
            Kind::ZoneInfo => "tzinfo",
        }
    }

    /// Methods of `date` and `time`.
    fn method(&self, name: &str, args: Args) -> Outcome {
        if name == "today" {
            let now = instant::now(None)?;
            return Ok(date::day_of(&now).map_or(Value::None, super::date_value));
        }
        let [argument] = required(args, name, ["argument"])?;
        match (self.0, name) {
            (Kind::Time, _) => Ok(Value::object(parse::time(&iterate::text(&argument)?)?)),
            (_, "fromisoformat") => Ok(super::date_value(parse::date(&iterate::text(&argument)?)?)),
            (_, "fromordinal") => Ok(super::date_value(ordinal(&argument)?)),
            _ => {
                let at = from_timestamp(&argument, None)?;
                Ok(date::day_of(&at).map_or(Value::None, super::date_value))
            }
        }
    }
}

/// All arguments of a function, none of which has a default.
fn required<const N: usize>(args: Args, function: &str, names: [&str; N]) -> Result<[Value; N], JinjaError> {
    let mut found = Vec::with_capacity(N);
    for (value, name) in args.bind(function, &names)?.into_iter().zip(names) {
        let missing = || JinjaError::type_error(format!("function missing required argument '{name}'"));
        found.push(value.ok_or_else(missing)?);
    }
    <[Value; N]>::try_from(found).map_err(|_| JinjaError::type_error("wrong number of arguments"))
}

fn make(args: Args) -> Outcome {
    let names = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"];
    let bound = args.bind("datetime", &names)?;
    let get = |index: usize| bound.get(index).and_then(Option::as_ref);
    for (index, name) in names.iter().enumerate().take(3) {
        if get(index).is_none() {
            return Err(JinjaError::type_error(format!(
                "function missing required argument '{name}' (pos {})",
                index + 1
            )));
        }
    }
    let date = make_date(integer(get(0), 0)?, part(get(1), 0)?, part(get(2), 0)?)?;
    let time = make_time(part(get(3), 0)?, part(get(4), 0)?, part(get(5), 0)?, part(get(6), 0)?)?;
    Instant::value(date.and_time(time), zone_argument(get(7))?)
}

fn datetime_method(name: &str, args: Args) -> Outcome {
    match name {
        "now" => {
            let bound = args.bind("now", &["tz"])?;
            instant::now(zone_argument(bound.first().and_then(Option::as_ref))?)
        }
        "today" => instant::now(None),
        "utcnow" => {
            let now = instant::now(Some(Zone::Utc))?;
            Instant::value(now.downcast::<Instant>().map_or_else(NaiveDateTime::default, |now| now.naive), None)
        }
        "strptime" => {
            let [text, format] = required(args, name, ["date_string", "format"])?;
            Ok(Value::object(parse::strptime(&iterate::text(&text)?, &iterate::text(&format)?)?))
        }
        "fromisoformat" => {
            let [text] = required(args, name, ["date_string"])?;
            Ok(Value::object(parse::datetime(&iterate::text(&text)?)?))
        }
        "combine" => {
            let bound = args.bind(name, &["date", "time", "tzinfo"])?;
            let get = |index: usize| bound.get(index).and_then(Option::as_ref);
            let (Some(day), Some(time)) = (get(0).and_then(date::day_of), get(1).and_then(Value::downcast::<Time>))
            else {
                return Err(JinjaError::type_error("combine() needs a date and a time"));
            };
            let zone = if get(2).is_some() { zone_argument(get(2))? } else { time.zone.clone() };
            Instant::value(day.and_time(time.naive), zone)
        }
        "fromordinal" => {
            let [argument] = required(args, name, ["ordinal"])?;
            Instant::value(date::midnight(ordinal(&argument)?), None)
        }
        _ => {
            let bound = args.bind(name, &["timestamp", "tz"])?;
            let get = |index: usize| bound.get(index).and_then(Option::as_ref);
            let Some(timestamp) = get(0) else {
                return Err(JinjaError::type_error("function missing required argument 'timestamp' (pos 1)"));
            };
            if name == "utcfromtimestamp" {
                let at = from_timestamp(timestamp, Some(Zone::Utc))?;
                let naive = at.downcast::<Instant>().map_or_else(NaiveDateTime::default, |at| at.naive);
                return Instant::value(naive, None);
            }
            from_timestamp(timestamp, zone_argument(get(1))?)
        }
    }
}

fn ordinal(value: &Value) -> Result<NaiveDate, JinjaError> {
    let days = i32::try_from(integer(Some(value), 0)?).ok();
    let date = days.and_then(NaiveDate::from_num_days_from_ce_opt).ok_or_else(super::out_of_range)?;
    super::in_range(date::midnight(date)).map(|naive| naive.date())
}

/// A time from seconds since 1970, in a zone or as local time without one.
fn from_timestamp(value: &Value, zone: Option<Zone>) -> Outcome {
    let Some(seconds) = operators::float(value) else {
        return Err(JinjaError::type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        )));
    };
    let micros = (seconds * 1e6).round_ties_even();
    if !micros.is_finite() || micros.abs() > 4e17 {
        return Err(JinjaError::value_error("timestamp out of range for platform time_t"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    let utc = DateTime::from_timestamp_micros(micros as i64).ok_or_else(super::out_of_range)?.naive_utc();
    let instant = Instant { naive: utc, zone: Some(Zone::Utc) };
    match zone {
        Some(zone) => Ok(Value::object(instant.in_zone(&zone)?)),
        None => {
            use chrono::{Local, Offset as _, TimeZone as _};
            let offset = Local.offset_from_utc_datetime(&utc).fix().local_minus_utc();
            Instant::value(utc + Duration::seconds(offset.into()), None)
        }
    }
}
