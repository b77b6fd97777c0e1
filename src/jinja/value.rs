//! Python's values. Lists, dicts and sets are shared and mutable, as in Python.

use std::sync::{Arc, Mutex};

use indexmap::IndexMap;

use super::{MacroDef, Object};

/// A dict: insertion order, keys compared as Python does (`1 == 1.0 == True`).
pub type Dict = IndexMap<Value, Value>;

#[derive(Debug, Clone)]
pub enum Value {
    /// Carries what Jinja says about it: `'x' is undefined`.
    Undefined(Arc<str>),
    None,
    Bool(bool),
    /// Python's int is unbounded; beyond 64 bits is a clear error.
    Int(i64),
    Float(f64),
    Decimal(rust_decimal::Decimal),
    Str(Arc<str>),
    List(Arc<Mutex<Vec<Value>>>),
    Tuple(Arc<[Value]>),
    Dict(Arc<Mutex<Dict>>),
    Set(Arc<Mutex<IndexMap<Value, ()>>>),
    /// Naive when the zone is `None`.
    Object(Arc<dyn Object>),
    Macro(Arc<MacroDef>),
}

impl Value {
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(Arc::new(Mutex::new(items.into_iter().collect())))
    }

    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Self {
        Self::Tuple(items.into_iter().collect())
    }

    pub fn dict<K: Into<Value>>(items: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Dict(Arc::new(Mutex::new(items.into_iter().map(|(key, value)| (key.into(), value)).collect())))
    }

    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    pub fn undefined(name: &str) -> Self {
        Self::Undefined(name.into())
    }

    /// `str(value)`: what `{{ value }}` prints.
    pub fn to_str(&self) -> String {
        todo!()
    }

    /// `repr(value)`.
    pub fn to_repr(&self) -> String {
        todo!()
    }

    pub fn is_truthy(&self) -> bool {
        todo!()
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// A snapshot of the items of a list, tuple, set, dict (keys) or iterable object.
    pub fn items(&self) -> Option<Vec<Value>> {
        todo!()
    }

    /// A snapshot of a dict's pairs.
    pub fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        todo!()
    }

    /// The value under a string key of a dict.
    pub fn get(&self, key: &str) -> Option<Value> {
        let _ = key;
        todo!()
    }

    pub fn from_json(json: &serde_json::Value) -> Self {
        let _ = json;
        todo!()
    }

    /// JSON as Python's `json.dumps` would give it; dates as ISO text; what has no JSON form as its `str()`.
    pub fn to_json(&self) -> serde_json::Value {
        todo!()
    }
}

impl PartialEq for Value {
    fn eq(&self, _other: &Self) -> bool {
        todo!()
    }
}

impl Eq for Value {}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, _state: &mut H) {
        todo!()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}
