//! Functions of semi-structured values: reading, building and asking.

use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, exec_err},
    logical_expr::ScalarUDF,
};

use super::{
    convert,
    json::Json,
    row::{Row, VARIANT, Value, seeing_nulls, strict},
    stored,
};
use crate::engine::datafusion::functions::json::{path::Step, scan};

const TEXT: DataType = DataType::Utf8;
const BOOL: DataType = DataType::Boolean;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let mut all = vec![
        strict("sf_parse_json", "t", VARIANT, "parse_json(text)", |row| match Json::parse(row.text(0)) {
            Some(json) => Ok(written(&json)),
            None if row.text(0).trim().is_empty() => Ok(Value::Null),
            None => {
                let start: String = row.text(0).chars().take(60).collect();
                exec_err!("error parsing JSON: `{start}`; `try_parse_json` gives NULL instead")
            }
        }),
        strict("sf_try_parse_json", "t", VARIANT, "try_parse_json(text)", |row| {
            Ok(Json::parse(row.text(0)).map_or(Value::Null, |json| written(&json)))
        }),
        // A variant of a table, where it is a string.
        strict(stored::READER, "t", VARIANT, "sf_stored_variant(text)", |row| Ok(Value::Json(row.text(0).to_owned()))),
        strict("sf_check_json", "t", TEXT, "check_json(text)", |row| {
            let valid = row.text(0).trim().is_empty() || Json::parse(row.text(0)).is_some();
            Ok(if valid { Value::Null } else { "not a JSON document".into() })
        }),
        strict("sf_to_json", "v", TEXT, "to_json(variant)", |row| Ok(row.text(0).into())),
        strict("sf_to_variant", "v", VARIANT, "to_variant(value)", |row| Ok(Value::Json(row.text(0).to_owned()))),
        strict("sf_to_object", "v", VARIANT, "to_object(variant)", |row| as_kind(row, "an object", is_object)),
        strict("sf_to_array", "v", VARIANT, "to_array(value)", |row| {
            Ok(match parsed(row, 0)? {
                array @ Json::Array(_) => written(&array),
                other => written(&Json::Array(vec![other])),
            })
        }),
        strict("sf_path", "vv*", VARIANT, "v:a.b[0]", path),
        strict("sf_get", "vv", VARIANT, "get(variant, 'key')", path),
        strict("sf_get_ignore_case", "vt", VARIANT, "get_ignore_case(variant, 'key')", |row| {
            Ok(parsed(row, 0)?.get_ignoring_case(row.text(1)).map_or(Value::Null, written))
        }),
        strict("sf_get_path", "vt", VARIANT, "get_path(variant, 'a.b[0]')", |row| {
            let steps = steps(row.text(1))?;
            Ok(found(row.text(0), &steps))
        }),
        strict("sf_json_extract_path_text", "tt", TEXT, "json_extract_path_text(json, 'a.b[0]')", |row| {
            let steps = steps(row.text(1))?;
            match found(row.text(0), &steps) {
                Value::Json(json) => Ok(Json::parse(&json).and_then(Json::into_text).into()),
                _ => Ok(Value::Null),
            }
        }),
        strict("sf_typeof", "v", TEXT, "typeof(variant)", |row| Ok(parsed(row, 0)?.type_name().into())),
        strict("sf_strip_null_value", "v", VARIANT, "strip_null_value(variant)", |row| {
            Ok(if row.text(0) == "null" { Value::Null } else { Value::Json(row.text(0).to_owned()) })
        }),
        seeing_nulls("sf_is_null_value", "v", BOOL, "is_null_value(variant)", |row| {
            Ok(if row.is_null(0) { Value::Null } else { (row.text(0) == "null").into() })
        }),
    ];
    all.extend(questions());
    all.extend(objects());
    all
}

fn questions() -> Vec<ScalarUDF> {
    let is = |name, usage, body| strict(name, "v", BOOL, usage, body);
    vec![
        is("sf_is_array", "is_array(variant)", |row| Ok(matches!(parsed(row, 0)?, Json::Array(_)).into())),
        is("sf_is_object", "is_object(variant)", |row| Ok(matches!(parsed(row, 0)?, Json::Object(_)).into())),
        is("sf_is_boolean", "is_boolean(variant)", |row| Ok(matches!(parsed(row, 0)?, Json::Bool(_)).into())),
        is("sf_is_varchar", "is_varchar(variant)", |row| Ok(matches!(parsed(row, 0)?, Json::Text(_)).into())),
        is("sf_is_integer", "is_integer(variant)", |row| Ok((parsed(row, 0)?.type_name() == "INTEGER").into())),
        is("sf_is_decimal", "is_decimal(variant)", |row| {
            Ok(matches!(parsed(row, 0)?.type_name(), "INTEGER" | "DECIMAL").into())
        }),
        is("sf_is_double", "is_double(variant)", |row| Ok(matches!(parsed(row, 0)?, Json::Number(_)).into())),
        strict("sf_as_varchar", "v", TEXT, "as_varchar(variant)", |row| match parsed(row, 0)? {
            Json::Text(text) => Ok(text.into()),
            _ => Ok(Value::Null),
        }),
        strict("sf_as_integer", "v", DataType::Int64, "as_integer(variant)", |row| match parsed(row, 0)? {
            Json::Number(text) => Ok(convert::decimal(&text, 0).and_then(|number| i64::try_from(number).ok()).into()),
            _ => Ok(Value::Null),
        }),
        strict("sf_as_double", "v", DataType::Float64, "as_double(variant)", |row| match parsed(row, 0)? {
            Json::Number(text) => Ok(text.parse::<f64>().ok().into()),
            _ => Ok(Value::Null),
        }),
        strict("sf_as_boolean", "v", BOOL, "as_boolean(variant)", |row| match parsed(row, 0)? {
            Json::Bool(is) => Ok(is.into()),
            _ => Ok(Value::Null),
        }),
        strict("sf_as_array", "v", VARIANT, "as_array(variant)", |row| match parsed(row, 0)? {
            array @ Json::Array(_) => Ok(written(&array)),
            _ => Ok(Value::Null),
        }),
        strict("sf_as_object", "v", VARIANT, "as_object(variant)", |row| match parsed(row, 0)? {
            object @ Json::Object(_) => Ok(written(&object)),
            _ => Ok(Value::Null),
        }),
    ]
}

fn objects() -> Vec<ScalarUDF> {
    vec![
        seeing_nulls("sf_object_construct", "?v*", VARIANT, "object_construct('key', value, …)", |row| {
            construct(row, Missing::LeftOut)
        }),
        seeing_nulls(
            "sf_object_construct_keep_null",
            "?v*",
            VARIANT,
            "object_construct_keep_null('key', value, …)",
            |row| construct(row, Missing::Null),
        ),
        seeing_nulls("sf_object_insert", "vtv?b", VARIANT, "object_insert(object, 'key', value, true)", |row| {
            if row.is_null(0) || row.is_null(1) {
                return Ok(Value::Null);
            }
            let Json::Object(mut members) = parsed(row, 0)? else { return Ok(Value::Null) };
            let key = row.text(1);
            if members.iter().any(|(known, _)| known == key) && !row.bool(3) {
                return exec_err!("the object has the key `{key}` already; `object_insert(…, true)` replaces it");
            }
            members.retain(|(known, _)| known != key);
            if row.has(2) {
                members.push((key.to_owned(), parsed(row, 2)?));
            }
            Ok(written(&Json::object(members)))
        }),
        strict("sf_object_delete", "vt*", VARIANT, "object_delete(object, 'key', …)", |row| {
            let Json::Object(mut members) = parsed(row, 0)? else { return Ok(Value::Null) };
            members.retain(|(key, _)| !(1..row.len()).any(|index| row.text(index) == key));
            Ok(written(&Json::Object(members)))
        }),
        strict("sf_object_pick", "vv*", VARIANT, "object_pick(object, 'key', …)", |row| {
            let Json::Object(mut members) = parsed(row, 0)? else { return Ok(Value::Null) };
            let mut wanted = Vec::new();
            for index in 1..row.len() {
                match parsed(row, index)? {
                    Json::Array(keys) => wanted.extend(keys.into_iter().filter_map(Json::into_text)),
                    key => wanted.extend(key.into_text()),
                }
            }
            members.retain(|(key, _)| wanted.contains(key));
            Ok(written(&Json::Object(members)))
        }),
        strict("sf_object_keys", "v", VARIANT, "object_keys(object)", |row| match parsed(row, 0)? {
            Json::Object(members) => {
                Ok(written(&Json::Array(members.into_iter().map(|(key, _)| Json::Text(key)).collect())))
            }
            _ => Ok(Value::Null),
        }),
        // A member of `object_agg`; the object is made of the array of all.
        seeing_nulls("sf_member", "tv", VARIANT, "object_agg(key, value)", |row| {
            if row.is_null(0) || row.is_null(1) {
                return Ok(Value::Null);
            }
            Ok(written(&Json::Array(vec![Json::Text(row.text(0).to_owned()), parsed(row, 1)?])))
        }),
        seeing_nulls("sf_members_to_object", "v", VARIANT, "object_agg(key, value)", |row| {
            let members = match if row.is_null(0) { Json::Array(Vec::new()) } else { parsed(row, 0)? } {
                Json::Array(members) => members,
                _ => Vec::new(),
            };
            let member = |pair: Json| match pair {
                Json::Array(pair) => match <[Json; 2]>::try_from(pair) {
                    Ok([Json::Text(key), value]) => Some((key, value)),
                    _ => None,
                },
                _ => None,
            };
            Ok(written(&Json::object(members.into_iter().filter_map(member).collect())))
        }),
        strict("sf_arrays_to_object", "vv", VARIANT, "arrays_to_object(keys, values)", |row| {
            let (Json::Array(keys), Json::Array(values)) = (parsed(row, 0)?, parsed(row, 1)?) else {
                return Ok(Value::Null);
            };
            let member = |(key, value): (Json, Json)| Some((key.into_text()?, value));
            Ok(written(&Json::object(keys.into_iter().zip(values).filter_map(member).collect())))
        }),
    ]
}

/// A value as a variant.
pub(super) fn written(json: &Json) -> Value {
    Value::Json(json.to_string())
}

/// The document of a variant argument.
pub(super) fn parsed(row: &Row<'_>, index: usize) -> Result<Json> {
    match Json::parse(row.text(index)) {
        Some(json) => Ok(json),
        None => exec_err!("`{}` is no semi-structured value", row.text(index)),
    }
}

fn is_object(json: &Json) -> bool {
    matches!(json, Json::Object(_))
}

fn as_kind(row: &Row<'_>, what: &str, is: fn(&Json) -> bool) -> Result<Value> {
    let json = parsed(row, 0)?;
    match json {
        Json::Null => Ok(Value::Null),
        json if is(&json) => Ok(written(&json)),
        json => exec_err!("{} is not {what}", json.type_name()),
    }
}

/// `v:a[0]`: the argument's keys, one after the other.
fn path(row: &Row<'_>) -> Result<Value> {
    let mut steps = Vec::with_capacity(row.len() - 1);
    for index in 1..row.len() {
        match parsed(row, index)? {
            Json::Text(key) => steps.push(Step::Key(key)),
            Json::Number(number) => match convert::decimal(&number, 0).and_then(|number| i64::try_from(number).ok()) {
                Some(index) if index >= 0 => steps.push(Step::Index(index)),
                _ => return Ok(Value::Null),
            },
            _ => return Ok(Value::Null),
        }
    }
    Ok(found(row.text(0), &steps))
}

fn found(text: &str, steps: &[Step]) -> Value {
    match scan::find(text, steps).ok().flatten() {
        Some(found) => Value::Json(found.text.to_owned()),
        None => Value::Null,
    }
}

/// The steps of `a.b[0]["c"]`.
pub(super) fn steps(path: &str) -> Result<Vec<Step>> {
    let bad = || exec_err!("`{path}` is not a path; write `a.b[0]`");
    let mut steps = Vec::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((key, after)) = inside.split_once(']') else { return bad() };
            let key = key.trim();
            let quoted = key.trim_matches(['\'', '"']);
            match key.parse::<i64>() {
                Ok(index) => steps.push(Step::Index(index)),
                Err(_) if quoted.len() + 2 == key.len() => steps.push(Step::Key(quoted.to_owned())),
                Err(_) => return bad(),
            }
            rest = after;
        } else {
            rest = rest.trim_start_matches(['.', ':']);
            if let Some(quoted) = rest.strip_prefix('"') {
                let Some((key, after)) = quoted.split_once('"') else { return bad() };
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let Some((key, after)) = rest.split_at_checked(end) else { return bad() };
                if key.is_empty() {
                    return bad();
                }
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            }
        }
    }
    Ok(steps)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    LeftOut,
    Null,
}

fn construct(row: &Row<'_>, missing: Missing) -> Result<Value> {
    if !row.len().is_multiple_of(2) {
        return exec_err!("`object_construct` takes keys and values in turn");
    }
    let mut members = Vec::with_capacity(row.len() / 2);
    for index in (0..row.len()).step_by(2) {
        if row.is_null(index) {
            continue;
        }
        let Some(key) = parsed(row, index)?.into_text() else { continue };
        if row.has(index + 1) {
            members.push((key, parsed(row, index + 1)?));
        } else if missing == Missing::Null {
            members.push((key, Json::Null));
        }
    }
    Ok(written(&Json::object(members)))
}
