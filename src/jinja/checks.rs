//! Jinja's built-in tests: what stands behind `is`.

use super::{Interp, JinjaError, Value, iterate, operators, tree::Comparison};

/// Whether `value is name(args)`.
pub(super) fn check(interp: &mut Interp<'_>, name: &str, value: &Value, args: Vec<Value>) -> Result<bool, JinjaError> {
    let mut args = args.into_iter();
    let mut argument =
        || args.next().ok_or_else(|| JinjaError::type_error(format!("the test '{name}' needs an argument")));
    let int = |value: &Value| match value {
        Value::Undefined(message) => Err(operators::undefined(message)),
        other => other.as_i64().ok_or_else(|| {
            JinjaError::type_error(format!("not all arguments converted: '{}' is not an integer", other.type_name()))
        }),
    };
    let comparison = match name {
        "eq" | "equalto" | "==" => Some(Comparison::Eq),
        "ne" | "!=" => Some(Comparison::Ne),
        "lt" | "lessthan" | "<" => Some(Comparison::Lt),
        "le" | "<=" => Some(Comparison::Le),
        "gt" | "greaterthan" | ">" => Some(Comparison::Gt),
        "ge" | ">=" => Some(Comparison::Ge),
        "in" => Some(Comparison::In),
        _ => None,
    };
    if let Some(comparison) = comparison {
        return operators::comparison(comparison, value, &argument()?);
    }
    Ok(match name {
        "defined" => !value.is_undefined(),
        "undefined" => value.is_undefined(),
        "none" => value.is_none(),
        "boolean" => matches!(value, Value::Bool(_)),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "integer" => matches!(value, Value::Int(_)),
        "float" => matches!(value, Value::Float(_)),
        "number" => matches!(value, Value::Int(_) | Value::Bool(_) | Value::Float(_) | Value::Decimal(_)),
        "string" => matches!(value, Value::Str(_)),
        "mapping" => match value {
            Value::Dict(_) => true,
            Value::Object(object) => object.is_mapping(),
            _ => false,
        },
        "sequence" => match value {
            Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) => {
                !matches!(value, Value::Set(_)) || iterate::length(value).is_ok()
            }
            Value::Undefined(_) => true,
            Value::Object(object) => object.len().is_some() && !object.as_any().is::<iterate::Iter>(),
            _ => false,
        },
        "iterable" => match value {
            Value::Object(object) if object.as_any().is::<iterate::Iter>() => true,
            Value::Object(object) => object.is_iterable(),
            other => iterate::items(other).is_ok(),
        },
        "callable" => match value {
            Value::Macro(_) => true,
            Value::Object(object) => object.is_callable(),
            Value::Undefined(_) => interp.globals.is_lenient(),
            _ => false,
        },
        "sameas" => {
            let other = argument()?;
            same(value, &other)
        }
        "odd" => int(value)?.rem_euclid(2) == 1,
        "even" => int(value)?.rem_euclid(2) == 0,
        "divisibleby" => {
            let divisor = int(&argument()?)?;
            int(value)?.checked_rem(divisor).ok_or_else(|| JinjaError::value_error("integer modulo by zero"))? == 0
        }
        "lower" => {
            let text = value.to_str();
            text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)
        }
        "upper" => {
            let text = value.to_str();
            text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
        }
        "escaped" => false,
        "filter" => super::filters::exists(&iterate::text(value)?),
        "test" => exists(&iterate::text(value)?),
        _ => return Err(JinjaError::type_error(format!("No test named '{name}'"))),
    })
}

fn same(left: &Value, right: &Value) -> bool {
    use std::sync::Arc;
    match (left, right) {
        (Value::List(left), Value::List(right)) => Arc::ptr_eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => Arc::ptr_eq(left, right),
        (Value::Set(left), Value::Set(right)) => Arc::ptr_eq(left, right),
        (Value::Object(left), Value::Object(right)) => Arc::ptr_eq(left, right),
        _ => left.type_name() == right.type_name() && left == right,
    }
}

const NAMES: &[&str] = &[
    "boolean",
    "callable",
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sameas",
    "sequence",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}
