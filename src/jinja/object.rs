//! Native values: what Rust code puts into a template's names. `ref`, `adapter`, `this`, a table of rows are objects.

use std::{fmt, sync::Arc};

use indexmap::IndexMap;

use super::{Interp, JinjaError, Value};

/// A value whose behaviour is in Rust. All methods have defaults; implement what the thing can do.
#[expect(unused_variables, reason = "defaults ignore their arguments")]
#[expect(clippy::len_without_is_empty, reason = "`is_truthy` is Python's question")]
pub trait Object: Send + Sync + fmt::Debug {
    /// Python's type name, for messages.
    fn type_name(&self) -> &'static str;

    /// `object.name`; `None` when there is no such attribute. Bound methods are found by [`Object::call_method`] first.
    fn get_attr(&self, name: &str) -> Option<Value> {
        None
    }

    /// `object[key]`; `None` when there is no such item.
    fn get_item(&self, key: &Value) -> Option<Value> {
        None
    }

    /// `object(args)`.
    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        Err(JinjaError::type_error(format!("'{}' object is not callable", self.type_name())))
    }

    fn is_callable(&self) -> bool {
        false
    }

    /// `object.name(args)`; `None` when there is no such method (then `get_attr(name)` is called as a value).
    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        None
    }

    /// `str(object)`; what `{{ object }}` prints.
    fn to_str(&self) -> String {
        self.to_repr()
    }

    /// `repr(object)`.
    fn to_repr(&self) -> String {
        format!("<{}>", self.type_name())
    }

    /// The items of `for x in object`; `None` when it is not iterable.
    fn iter(&self) -> Option<Vec<Value>> {
        None
    }

    /// Whether `x is iterable`. Override it when [`Object::iter`] costs much.
    fn is_iterable(&self) -> bool {
        self.iter().is_some()
    }

    fn len(&self) -> Option<usize> {
        self.iter().map(|items| items.len())
    }

    fn is_truthy(&self) -> bool {
        self.len() != Some(0)
    }

    /// `self == other`, where `other` is an object of the same type name.
    fn equals(&self, other: &dyn Object) -> bool {
        self.to_repr() == other.to_repr()
    }

    /// What equal objects have in common, for dict keys and sets.
    fn hash_key(&self) -> String {
        self.to_repr()
    }

    /// Whether it may be a dict key.
    fn is_hashable(&self) -> bool {
        true
    }

    /// For an object that prints other values: what stands before them, the values, what stands behind. Used instead of
    /// [`Object::to_repr`], so that an object inside itself ends.
    fn repr_parts(&self) -> Option<(String, Value, String)> {
        None
    }

    /// `object < other` and its like; `None` when the two have no order.
    fn compare(&self, other: &Value) -> Option<std::cmp::Ordering> {
        None
    }

    /// `object + other` and the other operators `- * / // % **`; with `reflected`, `other + object`. `None` when the
    /// two types have no such operator.
    fn binary(&self, operator: &str, other: &Value, reflected: bool) -> Option<Result<Value, JinjaError>> {
        None
    }

    /// `format(object, spec)` with a specification that is not empty; `None` pads its text as a string.
    fn format(&self, spec: &str) -> Option<Result<String, JinjaError>> {
        None
    }

    /// `item in object`; `None` when it has to be looked for among the items.
    fn contains(&self, item: &Value) -> Option<bool> {
        None
    }

    /// `{% set object.name = value %}`; `false` when attributes cannot be set.
    fn set_attr(&self, name: &str, value: &Value) -> bool {
        false
    }

    /// Whether `x is mapping`; then [`Object::iter`] gives the keys.
    fn is_mapping(&self) -> bool {
        false
    }

    /// For `tojson` and artifacts.
    fn to_json(&self) -> Option<serde_json::Value> {
        None
    }

    /// For Rust code that must recognise its own objects (a relation passed back to `adapter.drop_relation`).
    fn as_any(&self) -> &dyn std::any::Any;
}

/// The arguments of a call.
#[derive(Debug, Clone, Default)]
pub struct Args {
    pub positional: Vec<Value>,
    pub keyword: IndexMap<Arc<str>, Value>,
}

impl Args {
    pub fn new(positional: Vec<Value>) -> Self {
        Self { positional, keyword: IndexMap::new() }
    }

    /// Binds to parameters by Python's rules: result `[i]` is the argument for `names[i]`, `None` when not given.
    ///
    /// # Errors
    /// Too many positional arguments, an unknown keyword, or one parameter given twice, in Python's wording.
    pub fn bind(mut self, function: &str, names: &[&str]) -> Result<Vec<Option<Value>>, JinjaError> {
        if self.positional.len() > names.len() {
            return Err(JinjaError::type_error(format!(
                "{function}() takes {} positional arguments but {} were given",
                names.len(),
                self.positional.len()
            )));
        }
        let mut bound: Vec<Option<Value>> = self.positional.drain(..).map(Some).collect();
        bound.resize(names.len(), None);
        for (key, value) in self.keyword {
            let slot = names.iter().position(|name| **name == *key).and_then(|at| bound.get_mut(at));
            match slot {
                None => {
                    return Err(JinjaError::type_error(format!(
                        "{function}() got an unexpected keyword argument '{key}'"
                    )));
                }
                Some(Some(_)) => {
                    return Err(JinjaError::type_error(format!(
                        "{function}() got multiple values for argument '{key}'"
                    )));
                }
                Some(slot) => *slot = Some(value),
            }
        }
        Ok(bound)
    }
}

type Native = dyn Fn(&mut Interp<'_>, Args) -> Result<Value, JinjaError> + Send + Sync;

struct Function {
    name: &'static str,
    body: Box<Native>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name)
    }
}

impl Object for Function {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        (self.body)(interp, args)
    }

    fn to_repr(&self) -> String {
        format!("<function {}>", self.name)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A Rust closure as a callable value.
pub fn function(
    name: &'static str,
    body: impl Fn(&mut Interp<'_>, Args) -> Result<Value, JinjaError> + Send + Sync + 'static,
) -> Value {
    Value::Object(Arc::new(Function { name, body: Box::new(body) }))
}
