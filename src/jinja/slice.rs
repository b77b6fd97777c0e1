//! `value[start:stop:step]`.

use super::{JinjaError, Value, attributes, builtins::Range};

/// The indexes that a slice picks of `length` items, as Python's `slice.indices`.
fn indexes(length: usize, bounds: &[Value; 3]) -> Result<Vec<usize>, JinjaError> {
    let bound = |value: &Value| match value {
        Value::None => Ok(None),
        Value::Undefined(message) => Err(super::operators::undefined(message)),
        other => other.as_i64().map(Some).ok_or_else(|| {
            JinjaError::type_error("slice indices must be integers or None or have an __index__ method")
        }),
    };
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let step = bound(&bounds[2])?.unwrap_or(1);
    if step == 0 {
        return Err(JinjaError::value_error("slice step cannot be zero"));
    }
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp = |value: i64| if value < 0 { (value.saturating_add(length)).max(low) } else { value.min(high) };
    let start = bound(&bounds[0])?.map_or(if step > 0 { low } else { high }, clamp);
    let stop = bound(&bounds[1])?.map_or(if step > 0 { high } else { low }, clamp);
    let mut picked = Vec::new();
    let mut at = start;
    while if step > 0 { at < stop } else { at > stop } {
        picked.extend(usize::try_from(at));
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(picked)
}

pub(super) fn slice(object: &Value, bounds: &[Value; 3], lenient: bool) -> Result<Value, JinjaError> {
    let pick = |items: &[Value]| -> Result<Vec<Value>, JinjaError> {
        Ok(indexes(items.len(), bounds)?.into_iter().filter_map(|index| items.get(index).cloned()).collect())
    };
    match object {
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            let picked: String =
                indexes(chars.len(), bounds)?.into_iter().filter_map(|index| chars.get(index)).collect();
            Ok(picked.into())
        }
        Value::List(_) => Ok(Value::list(pick(&object.items().unwrap_or_default())?)),
        Value::Tuple(items) => Ok(Value::tuple(pick(items)?)),
        Value::Object(inner) => {
            if inner.as_any().is::<Range>() {
                return Ok(Value::list(pick(&inner.iter().unwrap_or_default())?));
            }
            let key = Value::tuple(["slice".into(), bounds[0].clone(), bounds[1].clone(), bounds[2].clone()]);
            if let Some(value) = inner.get_item(&key) {
                return Ok(value);
            }
            match inner.iter() {
                Some(items) if !inner.is_mapping() => Ok(Value::list(pick(&items)?)),
                _ => Ok(attributes::no_element(object, &key)),
            }
        }
        Value::Undefined(_) if lenient => Ok(object.clone()),
        Value::Undefined(message) => Err(super::operators::undefined(message)),
        other => Err(JinjaError::type_error(format!("'{}' object is not subscriptable", other.type_name()))),
    }
}
