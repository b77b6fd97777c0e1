//! `datetime.date`.

use std::cmp::Ordering;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime};

use super::{
    super::super::{Args, Interp, JinjaError, Object, Value},
    Delta, Instant, Outcome, in_range, integer, make_date, part,
    strftime::{self, Moment},
};

#[derive(Debug)]
pub(super) struct Date(pub NaiveDate);

/// Attributes that dates and datetimes share.
pub(super) fn attribute(date: NaiveDate, name: &str) -> Option<Value> {
    Some(Value::Int(match name {
        "year" => i64::from(date.year()),
        "month" => i64::from(date.month()),
        "day" => i64::from(date.day()),
        _ => return None,
    }))
}

/// Methods without arguments that dates and datetimes share.
pub(super) fn method(date: NaiveDate, name: &str) -> Option<Value> {
    let weekday = i64::from(date.weekday().num_days_from_monday());
    Some(match name {
        "weekday" => Value::Int(weekday),
        "isoweekday" => Value::Int(weekday + 1),
        "toordinal" => Value::Int(i64::from(date.num_days_from_ce())),
        "isocalendar" => Value::object(IsoCalendar(date)),
        "ctime" => date.format("%a %b %e 00:00:00 %Y").to_string().into(),
        _ => return None,
    })
}

impl Date {
    pub fn text(date: NaiveDate) -> String {
        format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }

    fn moment(&self) -> Moment {
        Moment { naive: self.0.and_time(NaiveTime::MIN), offset: None, zone: String::new() }
    }

    fn replace(&self, args: Args) -> Outcome {
        let bound = args.bind("replace", &["year", "month", "day"])?;
        let [year, month, day] =
            [bound.first(), bound.get(1), bound.get(2)].map(|value| value.and_then(Option::as_ref));
        let year = integer(year, i64::from(self.0.year()))?;
        Ok(Value::object(Date(make_date(year, part(month, self.0.month())?, part(day, self.0.day())?)?)))
    }
}

impl Object for Date {
    fn type_name(&self) -> &'static str {
        "datetime.date"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        attribute(self.0, name)
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Outcome> {
        match name {
            "strftime" => Some(strftime::call(&self.moment(), args)),
            "isoformat" => Some(Ok(Self::text(self.0).into())),
            "replace" => Some(self.replace(args)),
            "timetuple" => None,
            _ => method(self.0, name).map(Ok),
        }
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| self.0 == other.0)
    }

    fn compare(&self, other: &Value) -> Option<Ordering> {
        other.downcast::<Self>().map(|other| self.0.cmp(&other.0))
    }

    fn binary(&self, operator: &str, other: &Value, reflected: bool) -> Option<Outcome> {
        if let (Some(other), "-") = (other.downcast::<Self>(), operator) {
            return Some(Ok(Value::object(Delta::of(self.0 - other.0))));
        }
        let delta = other.downcast::<Delta>()?;
        // Only whole days count.
        let days = match delta.get_attr("days") {
            Some(Value::Int(days)) => days,
            _ => return None,
        };
        let days = match operator {
            "+" => days,
            "-" if !reflected => -days,
            _ => return None,
        };
        let moved = chrono::Duration::try_days(days).and_then(|days| self.0.checked_add_signed(days));
        Some(moved.ok_or_else(super::out_of_range).and_then(|date| {
            in_range(date.and_time(NaiveTime::MIN))?;
            Ok(Value::object(Date(date)))
        }))
    }

    fn format(&self, spec: &str) -> Option<Result<String, JinjaError>> {
        Some(Ok(strftime::strftime(&self.moment(), spec)))
    }

    fn to_str(&self) -> String {
        Self::text(self.0)
    }

    fn to_repr(&self) -> String {
        format!("datetime.date({}, {}, {})", self.0.year(), self.0.month(), self.0.day())
    }

    fn to_json(&self) -> Option<serde_json::Value> {
        None
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// What `isocalendar()` returns: a tuple with names.
#[derive(Debug)]
struct IsoCalendar(NaiveDate);

impl IsoCalendar {
    fn parts(&self) -> [Value; 3] {
        let week = self.0.iso_week();
        let weekday = i64::from(self.0.weekday().number_from_monday());
        [Value::Int(week.year().into()), Value::Int(week.week().into()), Value::Int(weekday)]
    }
}

impl Object for IsoCalendar {
    fn type_name(&self) -> &'static str {
        "datetime.IsoCalendarDate"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        let index = ["year", "week", "weekday"].iter().position(|known| *known == name)?;
        self.parts().get(index).cloned()
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        let index = key.as_i64()?;
        let index = if index < 0 { index + 3 } else { index };
        self.parts().get(usize::try_from(index).ok()?).cloned()
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.parts().to_vec())
    }

    fn to_repr(&self) -> String {
        let [year, week, weekday] = self.parts().map(|part| part.to_str());
        format!("datetime.IsoCalendarDate(year={year}, week={week}, weekday={weekday})")
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Midnight of a day.
pub(super) fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

/// A date of a value that is a date or a datetime.
pub(super) fn day_of(value: &Value) -> Option<NaiveDate> {
    value
        .downcast::<Date>()
        .map(|date| date.0)
        .or_else(|| value.downcast::<Instant>().map(|instant| instant.naive.date()))
}
