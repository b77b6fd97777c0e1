//! Python's values. Lists, dicts and sets are shared and mutable, as in Python.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use indexmap::{Equivalent, IndexMap};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{ErrorKind, JinjaError, MacroDef, Object, modules, repr};

/// A dict: insertion order, keys compared as Python does (`1 == 1.0 == True`).
pub type Dict = IndexMap<Value, Value>;

#[derive(Debug, Clone)]
pub enum Value {
    /// Carries what Jinja says about it: `'x' is undefined` (see [`Value::undefined`]).
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

    /// The undefined value of a name.
    pub fn undefined(name: &str) -> Self {
        Self::Undefined(format!("{} is undefined", repr::quoted(name)).into())
    }

    /// `str(value)`: what `{{ value }}` prints.
    pub fn to_str(&self) -> String {
        match self {
            Self::Undefined(_) => String::new(),
            Self::Str(text) => text.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Object(object) => object.to_str(),
            other => repr::repr(other),
        }
    }

    /// `repr(value)`.
    pub fn to_repr(&self) -> String {
        repr::repr(self)
    }

    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Undefined(_) | Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Decimal(value) => !value.is_zero(),
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !lock(items).is_empty(),
            Self::Tuple(items) => !items.is_empty(),
            Self::Dict(items) => !lock(items).is_empty(),
            Self::Set(items) => !lock(items).is_empty(),
            Self::Object(object) => object.is_truthy(),
            Self::Macro(_) => true,
        }
    }

    /// Python's name of the value's type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Decimal(_) => "decimal.Decimal",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::Object(object) => object.type_name(),
            Self::Macro(_) => "macro",
        }
    }

    /// Whether the value may be a dict key or a member of a set.
    pub fn is_hashable(&self) -> bool {
        match self {
            Self::List(_) | Self::Dict(_) | Self::Set(_) => false,
            Self::Tuple(items) => items.iter().all(Value::is_hashable),
            Self::Object(object) => object.is_hashable(),
            _ => true,
        }
    }

    /// The value as the object of a Rust type.
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        match self {
            Self::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
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
        match self {
            Self::List(items) => Some(lock(items).clone()),
            Self::Tuple(items) => Some(items.to_vec()),
            Self::Set(items) => Some(lock(items).keys().cloned().collect()),
            Self::Dict(items) => Some(lock(items).keys().cloned().collect()),
            Self::Object(object) => object.iter(),
            _ => None,
        }
    }

    /// A snapshot of a dict's pairs.
    pub fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        match self {
            Self::Dict(items) => Some(lock(items).iter().map(|(key, value)| (key.clone(), value.clone())).collect()),
            Self::Object(object) if object.is_mapping() => {
                let keys = object.iter()?;
                Some(keys.into_iter().filter_map(|key| object.get_item(&key).map(|value| (key, value))).collect())
            }
            _ => None,
        }
    }

    /// The value under a string key of a dict.
    pub fn get(&self, key: &str) -> Option<Value> {
        match self {
            Self::Dict(items) => lock(items).get(&StrKey(key)).cloned(),
            Self::Object(object) if object.is_mapping() => object.get_item(&key.into()),
            _ => None,
        }
    }

    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::None,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(value) => Self::Int(value),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => text.as_str().into(),
            serde_json::Value::Array(items) => Self::list(items.iter().map(Self::from_json)),
            serde_json::Value::Object(items) => {
                Self::dict(items.iter().map(|(key, value)| (key.as_str(), Self::from_json(value))))
            }
        }
    }

    /// JSON as Python's `json.dumps` would give it; dates as ISO text; what has no JSON form as its `str()`.
    pub fn to_json(&self) -> serde_json::Value {
        self.json(0)
    }

    fn json(&self, depth: usize) -> serde_json::Value {
        if depth > MAX_NESTING {
            return serde_json::Value::Null;
        }
        let list =
            |items: Vec<Value>| serde_json::Value::Array(items.iter().map(|item| item.json(depth + 1)).collect());
        match self {
            Self::Undefined(_) | Self::None => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Decimal(value) => match value.to_i64() {
                Some(whole) if value.is_integer() => whole.into(),
                _ => value.to_f64().into(),
            },
            Self::Str(text) => (&**text).into(),
            Self::List(_) | Self::Tuple(_) | Self::Set(_) => list(self.items().unwrap_or_default()),
            Self::Dict(_) => serde_json::Value::Object(
                self.pairs()
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(key, value)| (json_key(&key), value.json(depth + 1)))
                    .collect(),
            ),
            Self::Object(object) => {
                object.to_json().unwrap_or_else(|| modules::iso_text(self).unwrap_or_else(|| object.to_str()).into())
            }
            Self::Macro(_) => self.to_str().into(),
        }
    }
}

/// Values nested deeper than this are not followed.
pub(super) const MAX_NESTING: usize = 100;

/// Values nested deeper than this cannot be made: dropping them would use up the stack.
const MAX_DEPTH: usize = 500;

/// Refuses a value that is nested too deeply to be put into another one. Looks at the first and last members only: what
/// a loop builds is nested there.
pub(super) fn check_depth(value: &Value) -> Result<(), JinjaError> {
    let is_container =
        |value: &Value| matches!(value, Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Object(_));
    let mut current = value.clone();
    for _ in 0..MAX_DEPTH {
        let ends = match &current {
            Value::List(items) => {
                let items = lock(items);
                [items.first().cloned(), items.last().cloned()]
            }
            Value::Tuple(items) => [items.first().cloned(), items.last().cloned()],
            Value::Dict(items) => {
                let items = lock(items);
                [items.first().map(|(_, value)| value.clone()), items.last().map(|(_, value)| value.clone())]
            }
            _ => return Ok(()),
        };
        match ends.into_iter().flatten().find(is_container) {
            Some(inner) => current = inner,
            None => return Ok(()),
        }
    }
    Err(JinjaError::new(ErrorKind::Limit, "a list or dict is nested too deeply"))
}

/// How Python's `json` writes a dict key.
pub(super) fn json_key(key: &Value) -> String {
    match key {
        Value::None => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        other => other.to_str(),
    }
}

/// Locks without failing: a panic elsewhere cannot leave a list half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks a string up in a [`Dict`] without making a value of it.
pub struct StrKey<'a>(pub &'a str);

impl Hash for StrKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_str(self.0, state);
    }
}

impl Equivalent<Value> for StrKey<'_> {
    fn equivalent(&self, key: &Value) -> bool {
        matches!(key, Value::Str(text) if **text == *self.0)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        equal(self, other, 0)
    }
}

impl Eq for Value {}

fn equal(left: &Value, right: &Value, depth: usize) -> bool {
    if depth > MAX_NESTING {
        return false;
    }
    let all = |left: &[Value], right: &[Value]| {
        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right, depth + 1))
    };
    match (left, right) {
        (Value::None, Value::None) | (Value::Undefined(_), Value::Undefined(_)) => true,
        (Value::Str(left), Value::Str(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            if Arc::ptr_eq(left, right) {
                return true;
            }
            let (left, right) = (lock(left).clone(), lock(right).clone());
            all(&left, &right)
        }
        (Value::Tuple(left), Value::Tuple(right)) => all(left, right),
        (Value::Dict(left), Value::Dict(right)) => {
            if Arc::ptr_eq(left, right) {
                return true;
            }
            let (left, right) = (lock(left).clone(), lock(right).clone());
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equal(value, other, depth + 1)))
        }
        (Value::Set(left), Value::Set(right)) => {
            if Arc::ptr_eq(left, right) {
                return true;
            }
            let (left, right) = (lock(left).clone(), lock(right).clone());
            left.len() == right.len() && left.keys().all(|key| right.contains_key(key))
        }
        (Value::Object(left), Value::Object(right)) => {
            Arc::ptr_eq(left, right) || (left.type_name() == right.type_name() && left.equals(&**right))
        }
        (Value::Macro(left), Value::Macro(right)) => Arc::ptr_eq(left, right),
        _ => numbers_equal(left, right),
    }
}

fn numbers_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => left == right,
        (Value::Decimal(left), Value::Decimal(right)) => left == right,
        (Value::Float(float), Value::Decimal(decimal)) | (Value::Decimal(decimal), Value::Float(float)) => {
            decimal.to_f64() == Some(*float)
        }
        (Value::Float(float), other) | (other, Value::Float(float)) => {
            other.as_i64().is_some_and(|int| whole(*float) == Some(int))
        }
        (Value::Decimal(decimal), other) | (other, Value::Decimal(decimal)) => {
            other.as_i64().is_some_and(|int| Decimal::from(int) == *decimal)
        }
        _ => left.as_i64().is_some_and(|left| right.as_i64() == Some(left)),
    }
}

/// A float that is a whole number of 64 bits, as that number.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked by the range")]
fn whole(float: f64) -> Option<i64> {
    let fits = float.fract() == 0.0 && float >= i64::MIN as f64 && float < i64::MAX as f64;
    fits.then_some(float as i64)
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Undefined(_) | Self::None => state.write_u8(0),
            Self::Bool(_) | Self::Int(_) => hash_int(self.as_i64().unwrap_or(0), state),
            Self::Float(value) => hash_float(*value, state),
            Self::Decimal(value) => match value.to_i64() {
                Some(int) if value.is_integer() => hash_int(int, state),
                _ => hash_float(value.to_f64().unwrap_or(0.0), state),
            },
            Self::Str(text) => hash_str(text, state),
            Self::Tuple(items) => {
                state.write_u8(4);
                state.write_usize(items.len());
                for item in items.iter().filter(|item| !matches!(item, Value::Tuple(_))) {
                    item.hash(state);
                }
            }
            Self::List(_) | Self::Dict(_) | Self::Set(_) => state.write_u8(5),
            Self::Object(object) => {
                state.write_u8(6);
                state.write(object.hash_key().as_bytes());
            }
            Self::Macro(definition) => {
                state.write_u8(7);
                state.write(definition.name.as_bytes());
            }
        }
    }
}

fn hash_str<H: Hasher>(text: &str, state: &mut H) {
    state.write_u8(3);
    state.write(text.as_bytes());
}

fn hash_int<H: Hasher>(value: i64, state: &mut H) {
    state.write_u8(1);
    state.write_i64(value);
}

fn hash_float<H: Hasher>(value: f64, state: &mut H) {
    match whole(value) {
        Some(int) => hash_int(int, state),
        None => {
            state.write_u8(2);
            state.write_u64(value.to_bits());
        }
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
