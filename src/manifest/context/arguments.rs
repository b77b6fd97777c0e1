//! Reading the arguments of native functions: by name, with Python's conversions.

use std::sync::Arc;

use crate::jinja::{Args, JinjaError, Value};

/// Arguments bound to parameter names.
pub(crate) struct Bound {
    function: &'static str,
    names: &'static [&'static str],
    values: Vec<Option<Value>>,
}

/// Binds by Python's rules; unknown keywords are an error.
pub(crate) fn bind(args: Args, function: &'static str, names: &'static [&'static str]) -> Result<Bound, JinjaError> {
    Ok(Bound { function, names, values: args.bind(function, names)? })
}

/// Binds, and drops keywords that are not parameters (`**kwargs` of the original).
pub(crate) fn bind_open(
    mut args: Args,
    function: &'static str,
    names: &'static [&'static str],
) -> Result<Bound, JinjaError> {
    args.keyword.retain(|key, _| names.contains(&&**key));
    bind(args, function, names)
}

impl Bound {
    /// The argument as given; undefined counts as given.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|known| *known == name)?;
        self.values.get(at).and_then(Option::as_ref)
    }

    /// The argument, or none when it was not given.
    pub(crate) fn value(&self, name: &str) -> Value {
        self.get(name).cloned().unwrap_or(Value::None)
    }

    /// The argument, which must be there.
    pub(crate) fn required(&self, name: &str) -> Result<Value, JinjaError> {
        self.get(name).cloned().ok_or_else(|| {
            JinjaError::type_error(format!("{}() missing 1 required positional argument: '{name}'", self.function))
        })
    }

    /// Text of the argument: `None` for none and undefined, `str()` of other values.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(text)
    }

    /// Text of an argument that must be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<String, JinjaError> {
        let value = self.required(name)?;
        Ok(value.to_str())
    }

    /// Truth of the argument; `default` when it was not given.
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, Value::is_truthy)
    }

    /// Truth of the argument; `None` when it is none, undefined or not given.
    pub(crate) fn choice(&self, name: &str) -> Option<bool> {
        self.get(name).filter(|value| !is_nothing(value)).map(Value::is_truthy)
    }
}

/// `str(value)`, or `None` for none and undefined.
pub(crate) fn text(value: &Value) -> Option<String> {
    (!is_nothing(value)).then(|| value.to_str())
}

/// Whether a value is none or undefined.
pub(crate) fn is_nothing(value: &Value) -> bool {
    value.is_none() || value.is_undefined()
}

/// The pairs of a mapping with text keys; `None` when it is no mapping.
pub(crate) fn string_pairs(value: &Value) -> Option<Vec<(String, Value)>> {
    match value {
        Value::Dict(_) => Some(value.pairs()?.into_iter().map(|(key, value)| (key.to_str(), value)).collect()),
        Value::Object(object) if object.is_mapping() => Some(
            object
                .iter()
                .unwrap_or_default()
                .into_iter()
                .map(|key| {
                    let value = object.get_item(&key).unwrap_or(Value::None);
                    (key.to_str(), value)
                })
                .collect(),
        ),
        _ => None,
    }
}

/// The value under a text key of a dict or mapping object.
pub(crate) fn lookup(value: &Value, key: &str) -> Option<Value> {
    match value {
        Value::Object(object) => object.get_item(&Value::from(key)).or_else(|| object.get_attr(key)),
        other => other.get(key),
    }
}

/// A `dict` of text keys.
pub(crate) fn dict(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::dict(pairs)
}

/// Shares a text as a value.
pub(crate) fn shared(text: &Arc<str>) -> Value {
    Value::Str(Arc::clone(text))
}

/// Locks without poisoning: a panic elsewhere must not become one here.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Python's name of a value's type.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Undefined(_) => "Undefined",
        Value::None => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Decimal(_) => "decimal.Decimal",
        Value::Str(_) => "str",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Dict(_) => "dict",
        Value::Set(_) => "set",
        Value::Object(object) => object.type_name(),
        Value::Macro(_) => "MacroGenerator",
    }
}
