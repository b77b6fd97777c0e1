//! `value.name` and `value[key]`: attributes and items stand in for each other, as in Jinja.

use std::sync::Arc;

use super::{JinjaError, Value, methods, operators::undefined, repr, value::lock};

type Outcome = Result<Value, JinjaError>;

/// `value.name`: an attribute or a bound method, else the item of that name, else undefined.
pub(super) fn attribute(object: &Value, name: &Arc<str>, lenient: bool) -> Outcome {
    if let Value::Undefined(message) = object {
        return if lenient { Ok(object.clone()) } else { Err(undefined(message)) };
    }
    Ok(find_attribute(object, name).or_else(|| find_item(object, &Value::Str(name.clone()))).unwrap_or_else(|| {
        Value::Undefined(format!("{} has no attribute {}", type_repr(object), repr::quoted(name)).into())
    }))
}

/// `value[key]`: the item, else for a string the attribute of that name, else undefined.
pub(super) fn item(object: &Value, key: &Value, lenient: bool) -> Outcome {
    if let Value::Undefined(message) = object {
        return if lenient { Ok(object.clone()) } else { Err(undefined(message)) };
    }
    if let Some(found) = find_item(object, key) {
        return Ok(found);
    }
    if let Value::Str(name) = key {
        if let Some(found) = find_attribute(object, name) {
            return Ok(found);
        }
        let message = format!("{} has no attribute {}", type_repr(object), repr::quoted(name));
        return Ok(Value::Undefined(message.into()));
    }
    Ok(no_element(object, key))
}

pub(super) fn no_element(object: &Value, key: &Value) -> Value {
    let name = type_repr(object);
    Value::Undefined(format!("{} has no element {}", name.trim_matches('\''), key.to_repr()).into())
}

fn type_repr(object: &Value) -> String {
    match object {
        Value::None => "'None'".to_owned(),
        other => format!("'{} object'", other.type_name()),
    }
}

fn find_attribute(object: &Value, name: &Arc<str>) -> Option<Value> {
    if name.starts_with("__") {
        return None;
    }
    if let Value::Object(inner) = object {
        if let Some(value) = inner.get_attr(name) {
            return Some(value);
        }
        // A name that only [`Object::call_method`] knows is found when it is called.
        return None;
    }
    if let Value::Macro(definition) = object {
        return match &**name {
            "name" => Some(Value::Str(definition.name.clone())),
            _ => None,
        };
    }
    let is_number = matches!(object, Value::Int(_) | Value::Bool(_) | Value::Float(_) | Value::Decimal(_));
    match &**name {
        "real" if is_number => return super::operators::positive(object).ok(),
        "imag" if is_number => return Some(Value::Int(0)),
        _ => {}
    }
    methods::has(object, name).then(|| methods::bound(object.clone(), name.clone()))
}

fn find_item(object: &Value, key: &Value) -> Option<Value> {
    let at = |length: usize| {
        let index = key.as_i64()?;
        let index = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
        usize::try_from(index).ok()
    };
    match object {
        Value::List(items) => {
            let items = lock(items);
            items.get(at(items.len())?).cloned()
        }
        Value::Tuple(items) => items.get(at(items.len())?).cloned(),
        Value::Dict(items) => key.is_hashable().then(|| lock(items).get(key).cloned())?,
        Value::Str(text) => {
            let index = at(text.chars().count())?;
            text.chars().nth(index).map(|c| c.to_string().into())
        }
        Value::Object(inner) => inner.get_item(key),
        _ => None,
    }
}
