//! Filters that make numbers, JSON and typed values.

use std::sync::Arc;

use rust_decimal::{RoundingStrategy, prelude::ToPrimitive};

use super::{
    super::{Args, Interp, JinjaError, Value, json::to_python_json, operators, parse::python_literal},
    Outcome, bind, integer, truthy,
};

pub(super) fn apply(interp: &mut Interp<'_>, name: &str, value: &Value, args: Args) -> Outcome {
    match name {
        "abs" => absolute(value),
        "int" => {
            let [default, base] = bind(args, name, ["default", "base"], 0)?;
            let base = integer(base.as_ref(), 10)?;
            Ok(to_int(value, base)?.unwrap_or_else(|| default.unwrap_or(Value::Int(0))))
        }
        "float" => {
            let [default] = bind(args, name, ["default"], 0)?;
            Ok(to_float(value)?.map_or_else(|| default.unwrap_or(Value::Float(0.0)), Value::Float))
        }
        "round" => round(value, args),
        "is_list" => Ok(Value::Bool(matches!(value, Value::List(_)))),
        "filesizeformat" => filesize(value, args),
        "tojson" => {
            let [indent] = bind(args, name, ["indent"], 0)?;
            to_json(value, indent)
        }
        "pprint" => Ok(pretty(value, 0, 80).into()),
        // Text rendering leaves the value alone; native rendering converts it.
        _ if !interp.native => Ok(value.clone()),
        "as_text" => Ok(value.to_str().into()),
        // Inside of a larger expression it is a text; what is printed alone is converted.
        _ => {
            let text: Arc<str> = value.to_str().into();
            let kind = match name {
                "as_bool" => Marker::Bool,
                "as_number" => Marker::Number,
                _ => Marker::Any,
            };
            interp.marked = Some((kind, Arc::clone(&text)));
            Ok(Value::Str(text))
        }
    }
}

/// What a text is to be converted to when it is the whole value of a native rendering.
#[derive(Debug, Clone, Copy)]
pub(in crate::jinja) enum Marker {
    Bool,
    Number,
    Any,
}

impl Marker {
    pub(in crate::jinja) fn convert(self, text: &str) -> Outcome {
        let literal = python_literal(text);
        let kind = match (self, &literal) {
            (Marker::Bool, Some(Value::Bool(_)))
            | (Marker::Number, Some(Value::Int(_) | Value::Float(_)))
            | (Marker::Any, _) => return Ok(literal.unwrap_or_else(|| text.into())),
            (Marker::Bool, _) => "bool",
            (Marker::Number, _) => "number",
        };
        Err(JinjaError::value_error(format!("Could not convert value '{text}' into type '{kind}'")))
    }
}

fn absolute(value: &Value) -> Outcome {
    match value {
        Value::Float(value) => Ok(Value::Float(value.abs())),
        Value::Decimal(value) => Ok(Value::Decimal(value.abs())),
        Value::Undefined(message) => Err(operators::undefined(message)),
        other => match other.as_i64() {
            Some(value) => value.checked_abs().map(Value::Int).ok_or_else(operators::overflow),
            None => Err(JinjaError::type_error(format!("bad operand type for abs(): '{}'", other.type_name()))),
        },
    }
}

/// Python's `int(x)` with the fallback to `int(float(x))`; `None` when neither works.
fn to_int(value: &Value, base: i64) -> Result<Option<Value>, JinjaError> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked by the range")]
    let whole = |number: f64| -> Result<Option<Value>, JinjaError> {
        if !number.is_finite() {
            return Ok(None);
        }
        let number = number.trunc();
        if number < i64::MIN as f64 || number >= i64::MAX as f64 {
            return Err(operators::overflow());
        }
        Ok(Some(Value::Int(number as i64)))
    };
    match value {
        Value::Undefined(message) => Err(operators::undefined(message)),
        Value::Float(number) => whole(*number),
        Value::Decimal(number) => Ok(number.trunc().to_i64().map(Value::Int)),
        Value::Str(text) => match parse_int(text, base) {
            Some(number) => Ok(Some(Value::Int(number))),
            None => parse_float(text).map_or(Ok(None), whole),
        },
        other => Ok(other.as_i64().map(Value::Int)),
    }
}

/// `int(text, base)`.
pub(in crate::jinja) fn parse_int(text: &str, base: i64) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefixed = prefixes.iter().find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, *radix)));
    let (digits, radix) = match (prefixed, base) {
        (Some((rest, radix)), base) if base == 0 || base == i64::from(radix) => (rest, radix),
        (_, 0) => (lower.as_str(), 10),
        (_, base) => (lower.as_str(), u32::try_from(base).ok().filter(|radix| (2..=36).contains(radix))?),
    };
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") || digits.starts_with(['+', '-']) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix).ok()
}

/// `float(text)`.
pub(in crate::jinja) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn to_float(value: &Value) -> Result<Option<f64>, JinjaError> {
    match value {
        Value::Undefined(message) => Err(operators::undefined(message)),
        Value::Str(text) => Ok(parse_float(text)),
        other => Ok(operators::float(other)),
    }
}

fn round(value: &Value, args: Args) -> Outcome {
    let [precision, method] = bind(args, "round", ["precision", "method"], 0)?;
    let precision = integer(precision.as_ref(), 0)?;
    let method = method.map_or_else(|| "common".to_owned(), |method| method.to_str());
    if !matches!(method.as_str(), "common" | "ceil" | "floor") {
        return Err(JinjaError::value_error("method must be common, ceil or floor"));
    }
    let places = i32::try_from(precision.clamp(-400, 400)).unwrap_or(0);
    if let Value::Undefined(message) = value {
        return Err(operators::undefined(message));
    }
    if method == "common" {
        return match value {
            Value::Int(_) | Value::Bool(_) if places >= 0 => operators::positive(value),
            Value::Decimal(number) => {
                let digits = u32::try_from(places).unwrap_or(0);
                let strategy = RoundingStrategy::MidpointNearestEven;
                Ok(Value::Decimal(number.round_dp_with_strategy(digits, strategy)))
            }
            Value::Int(number) => {
                let unit = 10_i64.checked_pow(places.unsigned_abs());
                let rounded = unit.map_or(Some(0), |unit| {
                    let rest = number.rem_euclid(unit);
                    let low = number - rest;
                    let up = rest * 2 > unit || (rest * 2 == unit && (low / unit) % 2 != 0);
                    if up { low.checked_add(unit) } else { Some(low) }
                });
                rounded.map(Value::Int).ok_or_else(operators::overflow)
            }
            other => match operators::float(other) {
                Some(number) => Ok(Value::Float(round_float(number, places))),
                None => {
                    let message = format!("type {} doesn't define __round__ method", other.type_name());
                    Err(JinjaError::type_error(message))
                }
            },
        };
    }
    let Some(number) = operators::float(value) else {
        return Err(JinjaError::type_error(format!("must be real number, not {}", value.type_name())));
    };
    let unit = 10_f64.powi(places);
    let scaled = number * unit;
    Ok(Value::Float(if method == "ceil" { scaled.ceil() } else { scaled.floor() } / unit))
}

/// Python's `round(x, places)`: correct for the exact binary value, ties to even.
fn round_float(number: f64, places: i32) -> f64 {
    if !number.is_finite() {
        return number;
    }
    match usize::try_from(places) {
        Ok(places) => format!("{number:.places$}").parse().unwrap_or(number),
        Err(_) => {
            let unit = 10_f64.powi(-places);
            (number / unit).round_ties_even() * unit
        }
    }
}

fn filesize(value: &Value, args: Args) -> Outcome {
    let [binary] = bind(args, "filesizeformat", ["binary"], 0)?;
    let binary = truthy(binary.as_ref());
    let Some(bytes) = to_float(value)? else {
        return Err(JinjaError::value_error(format!("could not convert string to float: {}", value.to_repr())));
    };
    let base = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok("1 Byte".into());
    }
    if bytes < base {
        return Ok(format!("{bytes:.0} Bytes").into());
    }
    let names = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    let mut unit = base;
    for (index, name) in names.iter().enumerate() {
        unit *= base;
        if bytes < unit || index + 1 == names.len() {
            let name = if binary { format!("{}iB", name.to_uppercase()) } else { format!("{name}B") };
            return Ok(format!("{:.1} {name}", base * bytes / unit).into());
        }
    }
    Ok(Value::None)
}

/// The filter, not dbt's function: keys sorted, safe inside HTML.
fn to_json(value: &Value, indent: Option<Value>) -> Outcome {
    if let Value::Undefined(message) = value {
        return Err(JinjaError::type_error(format!("Object of type Undefined is not JSON serializable ({message})")));
    }
    let mut text = to_python_json(value, true)?;
    if let Some(indent) = indent.filter(|indent| !indent.is_none()) {
        text = indented(&text, usize::try_from(integer(Some(&indent), 0)?).unwrap_or(0))?;
    }
    for (character, escape) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")] {
        text = text.replace(character, escape);
    }
    Ok(text.into())
}

/// Breaks one-line JSON into lines.
fn indented(text: &str, width: usize) -> Result<String, JinjaError> {
    operators::check_size(width)?;
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut inside = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let line = |depth: usize| format!("\n{}", " ".repeat(width * depth));
        match c {
            _ if inside => {
                out.push(c);
                if c == '\\' {
                    out.extend(chars.next());
                }
                inside = c != '"';
            }
            '"' => {
                out.push(c);
                inside = true;
            }
            '[' | '{' => {
                out.push(c);
                if !matches!(chars.peek(), Some(']' | '}')) {
                    depth += 1;
                    out.push_str(&line(depth));
                } else {
                    out.extend(chars.next());
                }
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                out.push_str(&line(depth));
                out.push(c);
            }
            ',' => {
                out.push(c);
                chars.next_if_eq(&' ');
                out.push_str(&line(depth));
            }
            other => out.push(other),
        }
        operators::check_size(out.len())?;
    }
    Ok(out)
}

/// Python's `pprint.pformat`: one line where it fits, else one item a line; dicts sorted by key.
fn pretty(value: &Value, indent: usize, width: usize) -> String {
    let sorted = |value: &Value| {
        let mut pairs = value.pairs().unwrap_or_default();
        pairs.sort_by(|(left, _), (right, _)| operators::compare(left, right).unwrap_or(std::cmp::Ordering::Equal));
        pairs
    };
    let one_line = match value {
        Value::Dict(_) => Value::dict(sorted(value)).to_repr(),
        other => other.to_repr(),
    };
    if indent + one_line.chars().count() <= width || indent > width {
        return one_line;
    }
    let pad = format!(",\n{}", " ".repeat(indent + 1));
    let items = |value: &Value| {
        let items: Vec<String> =
            value.items().unwrap_or_default().iter().map(|item| pretty(item, indent + 1, width)).collect();
        items.join(&pad)
    };
    match value {
        Value::List(_) => format!("[{}]", items(value)),
        Value::Tuple(tuple) => format!("({}{})", items(value), if tuple.len() == 1 { "," } else { "" }),
        Value::Set(_) => format!("{{{}}}", items(value)),
        Value::Dict(_) => {
            let lines: Vec<String> = sorted(value)
                .iter()
                .map(|(key, value)| {
                    let key = key.to_repr();
                    let inner = indent + key.chars().count() + 3;
                    format!("{key}: {}", pretty(value, inner, width))
                })
                .collect();
            format!("{{{}}}", lines.join(&pad))
        }
        _ => one_line,
    }
}
