//! JSON and YAML functions of the base set: `fromjson`, `tojson`, `fromyaml`, `toyaml`.

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{
    jinja::{JinjaError, Value, function},
    project::yaml,
};

use super::arguments::bind;

/// Adds the four functions.
pub(crate) fn functions(names: &mut IndexMap<&'static str, Value>) {
    names.insert(
        "fromjson",
        function("fromjson", |_, args| {
            let bound = bind(args, "fromjson", &["string", "default"])?;
            let text = bound.required("string")?;
            let text = text
                .as_str()
                .ok_or_else(|| JinjaError::type_error("the JSON object must be str, bytes or bytearray"))?;
            Ok(serde_json::from_str::<Json>(text)
                .map_or_else(|_| bound.value("default"), |json| Value::from_json(&json)))
        }),
    );
    names.insert(
        "tojson",
        function("tojson", |_, args| {
            let bound = bind(args, "tojson", &["value", "default", "sort_keys"])?;
            Ok(python_json(&bound.required("value")?.to_json(), bound.flag("sort_keys", false)).into())
        }),
    );
    names.insert(
        "fromyaml",
        function("fromyaml", |_, args| {
            let bound = bind(args, "fromyaml", &["value", "default"])?;
            let text = bound.required_text("value")?;
            Ok(from_yaml(&text).unwrap_or_else(|| bound.value("default")))
        }),
    );
    names.insert(
        "toyaml",
        function("toyaml", |_, args| {
            let bound = bind(args, "toyaml", &["value", "default", "sort_keys"])?;
            let value = bound.required("value")?;
            let text = yaml::dump(&value, bound.flag("sort_keys", false));
            Ok(text.map_or_else(|_| bound.value("default"), Value::from))
        }),
    );
}

fn from_yaml(text: &str) -> Option<Value> {
    yaml::parse_value(text).ok().map(|yaml| yaml.to_value())
}

/// Text as `json.dumps` writes it: `", "` and `": "` between, everything beyond ASCII escaped.
pub fn python_json(json: &Json, sort_keys: bool) -> String {
    let mut out = String::new();
    write_json(json, sort_keys, &mut out);
    out
}

fn write_json(json: &Json, sort_keys: bool, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => out.push_str(&number.to_string()),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_json(item, sort_keys, out);
            }
            out.push(']');
        }
        Json::Object(map) => {
            let mut pairs: Vec<(&String, &Json)> = map.iter().collect();
            if sort_keys {
                pairs.sort_by_key(|(key, _)| *key);
            }
            out.push('{');
            for (at, (key, item)) in pairs.into_iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_string(key, out);
                out.push_str(": ");
                write_json(item, sort_keys, out);
            }
            out.push('}');
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    // Writing into a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
