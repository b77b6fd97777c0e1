//! The read methods of a Python mapping, for objects that act as one: `get`, `keys`, `values`, `items`.

use crate::jinja::{Args, JinjaError, Object, Value};

/// `object.get(…)` and its like; `None` for another name.
pub(crate) fn mapping_method(object: &dyn Object, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
    let keys = || object.iter().unwrap_or_default();
    let value = |key: &Value| object.get_item(key).unwrap_or(Value::None);
    Some(match name {
        "get" => args.bind("get", &["key", "default"]).map(|bound| {
            let mut bound = bound.into_iter();
            let key = bound.next().flatten().unwrap_or(Value::None);
            let default = bound.next().flatten().unwrap_or(Value::None);
            object.get_item(&key).unwrap_or(default)
        }),
        "keys" => Ok(Value::list(keys())),
        "values" => Ok(Value::list(keys().iter().map(value))),
        "items" => Ok(Value::list(keys().into_iter().map(|key| {
            let item = value(&key);
            Value::tuple([key, item])
        }))),
        _ => return None,
    })
}
