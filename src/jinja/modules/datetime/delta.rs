//! `datetime.timedelta`.

use std::cmp::Ordering;

use chrono::Duration;

use super::{
    super::super::{Args, Interp, JinjaError, Object, Value, operators},
    Outcome,
};

const DAY: i64 = 86_400_000_000;
/// Python's limit of days, either way.
const MAX_DAYS: i64 = 999_999_999;

/// Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Delta(i128);

impl Delta {
    pub fn seconds(seconds: i64) -> Self {
        Self(i128::from(seconds) * 1_000_000)
    }

    pub fn of(duration: Duration) -> Self {
        Self(duration.num_microseconds().map_or_else(|| i128::from(duration.num_milliseconds()) * 1000, i128::from))
    }

    pub fn duration(self) -> Result<Duration, JinjaError> {
        i64::try_from(self.0).map(Duration::microseconds).map_err(|_| super::out_of_range())
    }

    fn checked(micros: i128) -> Result<Self, JinjaError> {
        let days = micros.div_euclid(i128::from(DAY));
        if days.abs() > i128::from(MAX_DAYS) {
            return Err(JinjaError::value_error(format!("days={days}; must have magnitude <= 999999999")));
        }
        Ok(Self(micros))
    }

    fn value(micros: i128) -> Outcome {
        Self::checked(micros).map(Value::object)
    }

    /// `timedelta(days=…, seconds=…, …)`.
    pub fn make(args: Args) -> Outcome {
        const UNITS: [(&str, i64); 7] = [
            ("days", DAY),
            ("seconds", 1_000_000),
            ("microseconds", 1),
            ("milliseconds", 1000),
            ("minutes", 60_000_000),
            ("hours", 3_600_000_000),
            ("weeks", 7 * DAY),
        ];
        let bound = args.bind("timedelta", &UNITS.map(|(name, _)| name))?;
        let mut total = 0_i128;
        for (value, (name, unit)) in bound.into_iter().zip(UNITS) {
            match value {
                None => {}
                Some(Value::Undefined(message)) => return Err(operators::undefined(&message)),
                Some(Value::Float(number)) => total += scaled(unit.into(), number)?,
                Some(value) => match value.as_i64() {
                    Some(count) => total += i128::from(count) * i128::from(unit),
                    None => {
                        return Err(JinjaError::type_error(format!(
                            "unsupported type for timedelta {name} component: {}",
                            value.type_name()
                        )));
                    }
                },
            }
        }
        Self::value(total)
    }

    /// Days, seconds and microseconds, where only days can be negative.
    fn parts(self) -> (i64, i64, i64) {
        let day = i128::from(DAY);
        let rest = i64::try_from(self.0.rem_euclid(day)).unwrap_or(0);
        (i64::try_from(self.0.div_euclid(day)).unwrap_or(0), rest / 1_000_000, rest % 1_000_000)
    }

    pub fn text(self) -> String {
        let (days, seconds, micros) = self.parts();
        let mut text = String::new();
        if days != 0 {
            let plural = if days.abs() == 1 { "" } else { "s" };
            text = format!("{days} day{plural}, ");
        }
        text.push_str(&format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        if micros != 0 {
            text.push_str(&format!(".{micros:06}"));
        }
        text
    }

    #[expect(clippy::cast_precision_loss, reason = "Python divides so too")]
    fn total_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// A number of microseconds times a float, rounded half to even.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "checked by the range")]
fn scaled(micros: i128, factor: f64) -> Result<i128, JinjaError> {
    let product = (micros as f64 * factor).round_ties_even();
    if !product.is_finite() || product.abs() > 1e21 {
        return Err(JinjaError::value_error("timedelta out of range"));
    }
    Ok(product as i128)
}

impl Object for Delta {
    fn type_name(&self) -> &'static str {
        "datetime.timedelta"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        let (days, seconds, micros) = self.parts();
        match name {
            "days" => Some(Value::Int(days)),
            "seconds" => Some(Value::Int(seconds)),
            "microseconds" => Some(Value::Int(micros)),
            _ => None,
        }
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, _args: Args) -> Option<Outcome> {
        (name == "total_seconds").then(|| Ok(Value::Float(self.total_seconds())))
    }

    fn is_truthy(&self) -> bool {
        self.0 != 0
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>() == Some(self)
    }

    fn compare(&self, other: &Value) -> Option<Ordering> {
        other.downcast::<Self>().map(|other| self.cmp(other))
    }

    #[expect(clippy::cast_precision_loss, reason = "Python divides so too")]
    fn binary(&self, operator: &str, other: &Value, reflected: bool) -> Option<Outcome> {
        if let Some(other) = other.downcast::<Self>() {
            let (left, right) = (self.0, other.0);
            if right == 0 && matches!(operator, "/" | "//" | "%") {
                return Some(Err(JinjaError::value_error("division by zero")));
            }
            return Some(match operator {
                "+" => Self::value(left + right),
                "-" => Self::value(left - right),
                "/" => Ok(Value::Float(left as f64 / right as f64)),
                "//" => Ok(Value::Int(i64::try_from(floor_div(left, right)).unwrap_or(i64::MAX))),
                "%" => Self::value(left - floor_div(left, right) * right),
                _ => return None,
            });
        }
        match (operator, other) {
            ("*", Value::Float(factor)) => Some(scaled(self.0, *factor).and_then(Self::value)),
            ("/", Value::Float(divisor)) if !reflected => {
                if *divisor == 0.0 {
                    return Some(Err(JinjaError::value_error("float division by zero")));
                }
                Some(scaled(self.0, 1.0 / divisor).and_then(Self::value))
            }
            _ => {
                let number = i128::from(other.as_i64()?);
                match operator {
                    "*" => Some(self.0.checked_mul(number).ok_or_else(super::out_of_range).and_then(Self::value)),
                    "/" | "//" if !reflected => {
                        if number == 0 {
                            return Some(Err(JinjaError::value_error("integer division or modulo by zero")));
                        }
                        let floor = floor_div(self.0, number);
                        let rest = self.0 - floor * number;
                        // True division rounds half to even.
                        let twice = rest.abs() * 2;
                        let up = twice > number.abs() || (twice == number.abs() && floor % 2 != 0);
                        Some(Self::value(if operator == "/" && up { floor + 1 } else { floor }))
                    }
                    _ => None,
                }
            }
        }
    }

    fn to_str(&self) -> String {
        self.text()
    }

    fn to_repr(&self) -> String {
        let (days, seconds, micros) = self.parts();
        let parts: Vec<String> = [("days", days), ("seconds", seconds), ("microseconds", micros)]
            .iter()
            .filter(|(_, value)| *value != 0)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("datetime.timedelta({})", if parts.is_empty() { "0".to_owned() } else { parts.join(", ") })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn floor_div(left: i128, right: i128) -> i128 {
    let quotient = left / right;
    if left % right != 0 && (left < 0) != (right < 0) { quotient - 1 } else { quotient }
}
