//! `flags`: the settings of the invocation, readable in upper and lower case.

use std::any::Any;

use indexmap::IndexMap;

use crate::jinja::{Args, Interp, JinjaError, Object, Value};

use super::mapping::mapping_method;

/// Settings by their upper-case name: `FULL_REFRESH`, `WHICH`, ….
#[derive(Debug, Default, Clone)]
pub struct Flags(pub IndexMap<String, Value>);

impl Flags {
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| self.0.get(&name.to_uppercase()))
    }

    /// Whether a boolean setting is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::is_truthy)
    }
}

impl Object for Flags {
    fn type_name(&self) -> &'static str {
        "Flags"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.as_str().and_then(|name| self.get(name).cloned())
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        mapping_method(self, name, args)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.0.keys().map(|name| name.as_str().into()).collect())
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
