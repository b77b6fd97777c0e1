//! Walking over values: finite snapshots, and Python's single-pass iterators, which may be endless.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use super::{
    Args, ErrorKind, Interp, JinjaError, Object, Value,
    operators::{not_iterable, undefined},
    value::lock,
};

/// What a lazy iterator may need to go on: it can call macros, and fail.
type Step = dyn FnMut(&mut Interp<'_>) -> Result<Option<Value>, JinjaError> + Send;

/// A single-pass iterator, as `zip`, `map` and generators give.
pub struct Iter {
    kind: &'static str,
    step: Mutex<Box<Step>>,
}

impl fmt::Debug for Iter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_repr())
    }
}

/// Items that [`Object::iter`] takes from an endless iterator at most.
const MAX_DRAIN: usize = 1_000_000;

impl Iter {
    /// An iterator over items that are known already. `kind` is Python's type name: `zip`, `map`, `generator`.
    pub fn value(kind: &'static str, items: impl IntoIterator<Item = Value, IntoIter: Send + 'static>) -> Value {
        let mut items = items.into_iter();
        Self::lazy(kind, move |_| Ok(items.next()))
    }

    /// An iterator whose items are computed when asked for.
    pub fn lazy(
        kind: &'static str,
        step: impl FnMut(&mut Interp<'_>) -> Result<Option<Value>, JinjaError> + Send + 'static,
    ) -> Value {
        Value::object(Self { kind, step: Mutex::new(Box::new(step)) })
    }

    pub fn next(&self, interp: &mut Interp<'_>) -> Result<Option<Value>, JinjaError> {
        // An iterator that walks over itself finds itself busy: Python raises ValueError.
        let Ok(mut step) = self.step.try_lock() else {
            return Err(JinjaError::value_error("generator already executing"));
        };
        step(interp)
    }
}

/// Globals of nothing, for walking where no interpreter is at hand.
#[derive(Debug)]
pub(super) struct NoGlobals;

impl super::Globals for NoGlobals {
    fn get(&self, _name: &str) -> Option<Value> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Object for Iter {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn to_repr(&self) -> String {
        if self.kind == "generator" {
            return format!("<generator object at {:#014x}>", std::ptr::from_ref(self) as usize);
        }
        format!("<{} object at {:#014x}>", self.kind, std::ptr::from_ref(self) as usize)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        let mut interp = Interp::new(&NoGlobals);
        let mut items = Vec::new();
        while items.len() < MAX_DRAIN {
            match self.next(&mut interp) {
                Ok(Some(item)) => items.push(item),
                _ => break,
            }
        }
        Some(items)
    }

    fn len(&self) -> Option<usize> {
        None
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn equals(&self, _other: &dyn Object) -> bool {
        false
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, _args: Args) -> Option<Result<Value, JinjaError>> {
        (name == "__next__").then(|| self.next(interp)?.ok_or_else(|| JinjaError::value_error("StopIteration")))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The items of one walk.
pub(super) enum Items {
    Known(std::vec::IntoIter<Value>),
    Lazy(Arc<dyn Object>),
}

impl Items {
    pub fn next(&mut self, interp: &mut Interp<'_>) -> Result<Option<Value>, JinjaError> {
        match self {
            Self::Known(items) => Ok(items.next()),
            Self::Lazy(object) => match object.as_any().downcast_ref::<Iter>() {
                Some(iter) => iter.next(interp),
                None => Ok(None),
            },
        }
    }

    /// How many are left, when that is known.
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Known(items) => Some(items.len()),
            Self::Lazy(_) => None,
        }
    }

    /// All that is left.
    pub fn rest(mut self, interp: &mut Interp<'_>) -> Result<Vec<Value>, JinjaError> {
        if let Self::Known(items) = self {
            // A filter that walks a list in a loop is a loop in a loop.
            interp.count_iterations(items.len() as u64)?;
            return Ok(items.collect());
        }
        let mut rest = Vec::new();
        while let Some(item) = self.next(interp)? {
            interp.count_iteration()?;
            if rest.len() >= super::operators::MAX_SIZE {
                return Err(JinjaError::new(ErrorKind::Limit, "the iterator has too many items"));
            }
            rest.push(item);
        }
        Ok(rest)
    }
}

/// `iter(value)`.
pub(super) fn items(value: &Value) -> Result<Items, JinjaError> {
    let known = match value {
        Value::Undefined(_) => Vec::new(),
        Value::Str(text) => {
            let mut buffer = [0; 4];
            text.chars().map(|c| Value::from(&*c.encode_utf8(&mut buffer))).collect()
        }
        Value::List(list) => lock(list).clone(),
        Value::Object(object) if object.as_any().is::<Iter>() => return Ok(Items::Lazy(object.clone())),
        other => other.items().ok_or_else(|| not_iterable(other))?,
    };
    Ok(Items::Known(known.into_iter()))
}

/// `list(value)`.
pub(super) fn collect(interp: &mut Interp<'_>, value: &Value) -> Result<Vec<Value>, JinjaError> {
    items(value)?.rest(interp)
}

/// `len(value)`.
pub(super) fn length(value: &Value) -> Result<usize, JinjaError> {
    let length = match value {
        Value::Undefined(_) => Some(0),
        Value::Str(text) => Some(text.chars().count()),
        Value::List(items) => Some(lock(items).len()),
        Value::Tuple(items) => Some(items.len()),
        Value::Dict(items) => Some(lock(items).len()),
        Value::Set(items) => Some(lock(items).len()),
        Value::Object(object) => object.len(),
        _ => None,
    };
    length.ok_or_else(|| JinjaError::type_error(format!("object of type '{}' has no len()", value.type_name())))
}

/// A text that must be one.
pub(super) fn text(value: &Value) -> Result<Arc<str>, JinjaError> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        Value::Undefined(message) => Err(undefined(message)),
        other => Err(JinjaError::type_error(format!("expected a string, found '{}'", other.type_name()))),
    }
}
