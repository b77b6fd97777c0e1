//! Template values as JSON, and JSON as Python prints it.

use std::{
    io,
    sync::{MutexGuard, PoisonError},
};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::jinja::Value;

/// A template value that serialises as `json.dumps` would: dates as ISO text, what has no JSON form as its text.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a> {
    value: &'a Value,
    /// How many levels may follow: a list can hold itself.
    left: u8,
}

impl<'a> Json<'a> {
    pub fn new(value: &'a Value) -> Self {
        Self { value, left: 100 }
    }

    fn inner<'b>(&self, value: &'b Value) -> Json<'b> {
        Json { value, left: self.left.saturating_sub(1) }
    }
}

/// A copy of what a lock guards, so that a value that holds itself cannot dead-lock.
fn snapshot<T: Clone>(guard: Result<MutexGuard<'_, T>, PoisonError<MutexGuard<'_, T>>>) -> T {
    guard.unwrap_or_else(PoisonError::into_inner).clone()
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.left == 0 {
            return serializer.serialize_unit();
        }
        let list = |items: &[Value], serializer: S| serializer.collect_seq(items.iter().map(|item| self.inner(item)));
        match self.value {
            Value::Undefined(_) | Value::None => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Decimal(value) => match (i64::try_from(*value), f64::try_from(*value)) {
                (Ok(whole), _) if value.is_integer() => serializer.serialize_i64(whole),
                (_, Ok(value)) => serializer.serialize_f64(value),
                _ => serializer.collect_str(value),
            },
            Value::Str(text) => serializer.serialize_str(text),
            Value::List(items) => list(&snapshot(items.lock()), serializer),
            Value::Tuple(items) => list(items, serializer),
            Value::Set(items) => {
                let items = snapshot(items.lock());
                serializer.collect_seq(items.keys().map(|item| self.inner(item)))
            }
            Value::Dict(items) => {
                let items = snapshot(items.lock());
                let mut map = serializer.serialize_map(Some(items.len()))?;
                for (key, value) in &items {
                    match key {
                        Value::Str(key) => map.serialize_entry(&**key, &self.inner(value))?,
                        Value::Bool(key) => {
                            map.serialize_entry(if *key { "true" } else { "false" }, &self.inner(value))?
                        }
                        Value::None => map.serialize_entry("null", &self.inner(value))?,
                        other => map.serialize_entry(&other.to_str(), &self.inner(value))?,
                    }
                }
                map.end()
            }
            Value::Object(object) => match object.to_json() {
                Some(json) => json.serialize(serializer),
                None => serializer.serialize_str(&object.to_str()),
            },
            Value::Macro(definition) => serializer.serialize_str(&definition.name),
        }
    }
}

/// A template value as JSON.
pub fn to_json(value: &Value) -> serde_json::Value {
    serde_json::to_value(Json::new(value)).unwrap_or_default()
}

/// JSON in one line as Python's `json.dumps` writes it: blanks after `,` and `:`, ASCII only.
pub fn python_json(value: &serde_json::Value) -> String {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, PythonFormatter);
    if value.serialize(&mut serializer).is_err() {
        return String::new();
    }
    String::from_utf8(text).unwrap_or_default()
}

struct PythonFormatter;

impl serde_json::ser::Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for char in fragment.chars() {
            if char.is_ascii() {
                write!(writer, "{char}")?;
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_json_as_python_writes_it() {
        let looped = Value::list([]);
        if let Value::List(items) = &looped {
            items.lock().unwrap().push(looped.clone());
        }
        for (value, expected) in [
            (Value::None, "null"),
            (Value::Bool(true), "true"),
            (Value::Float(1.0), "1.0"),
            (Value::Decimal("2.50".parse().unwrap()), "2.5"),
            (Value::Decimal("3.00".parse().unwrap()), "3"),
            (Value::from("é\"\n😀"), r#""\u00e9\"\n\ud83d\ude00""#),
            (Value::tuple([Value::Int(1), Value::list([])]), "[1, []]"),
        ] {
            assert_eq!(python_json(&to_json(&value)), expected);
        }
        assert!(python_json(&to_json(&looped)).ends_with("]]]]"));
    }
}
