//! JSON as Python's `json.dumps` writes it.

use std::fmt::Write as _;

use super::{
    JinjaError, Value, repr,
    value::{MAX_NESTING, json_key},
};

/// `json.dumps(value, sort_keys=…)`: `", "` and `": "` between items, other characters than ASCII escaped.
///
/// # Errors
/// A TypeError in Python's words for what has no JSON form.
pub fn to_python_json(value: &Value, sort_keys: bool) -> Result<String, JinjaError> {
    let mut out = String::new();
    write(value, sort_keys, 0, &mut out)?;
    Ok(out)
}

fn write(value: &Value, sort_keys: bool, depth: usize, out: &mut String) -> Result<(), JinjaError> {
    if depth > MAX_NESTING {
        return Err(JinjaError::value_error("the value is nested too deeply for JSON"));
    }
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) if value.is_nan() => out.push_str("NaN"),
        Value::Float(value) if value.is_infinite() => out.push_str(if *value > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Float(value) => out.push_str(&repr::float(*value)),
        Value::Str(text) => string(text, out),
        Value::List(_) | Value::Tuple(_) => {
            out.push('[');
            for (index, item) in value.items().unwrap_or_default().iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(item, sort_keys, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Dict(_) => {
            let mut pairs = Vec::new();
            for (key, value) in value.pairs().unwrap_or_default() {
                if !matches!(key, Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::None) {
                    return Err(JinjaError::type_error(format!(
                        "keys must be str, int, float, bool or None, not {}",
                        key.type_name()
                    )));
                }
                pairs.push((json_key(&key), value));
            }
            if sort_keys {
                pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
            }
            out.push('{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                string(key, out);
                out.push_str(": ");
                write(value, sort_keys, depth + 1, out)?;
            }
            out.push('}');
        }
        Value::Object(object) => match object.to_json() {
            Some(json) => write(&Value::from_json(&json), sort_keys, depth + 1, out)?,
            None => return Err(not_serializable(value)),
        },
        other => return Err(not_serializable(other)),
    }
    Ok(())
}

fn not_serializable(value: &Value) -> JinjaError {
    JinjaError::type_error(format!("Object of type {} is not JSON serializable", value.type_name()))
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
