//! One rule for every context: which of macros, own names and base names a name means; `context` and `builtins`.

use std::{any::Any, fmt, sync::Arc};

use crate::jinja::{Args, Globals, Interp, JinjaError, MacroDef, Object, Value};

use super::{mapping::mapping_method, shared::Scope};

/// What a context has besides the base set and the macros.
pub trait Names: Send + Sync {
    fn scope(&self) -> &Arc<Scope>;

    /// A name of the node, the mode or the hook; these win over the base set.
    fn own(&self, name: &str) -> Option<Value>;

    /// All that [`Names::own`] answers to.
    fn own_names(&self) -> Vec<String>;

    /// A name that wins over macros: what the caller has set.
    fn forced(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Whether macros can be called by name.
    fn has_macros(&self) -> bool {
        true
    }

    /// Parse mode.
    fn is_lenient(&self) -> bool {
        false
    }

    /// The template itself calls a macro.
    fn called(&self, _definition: &MacroDef) {}
}

/// [`Globals`] over some [`Names`].
#[derive(Clone)]
pub struct Context(pub(crate) Arc<dyn Names>);

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    pub fn new(names: Arc<dyn Names>) -> Self {
        Self(names)
    }

    fn built_in(&self, name: &str) -> Option<Value> {
        match name {
            "context" => Some(Value::object(ContextObject(self.clone()))),
            "builtins" => Some(Value::object(Builtins(self.clone()))),
            _ => self.0.own(name).or_else(|| self.0.scope().base(name).cloned()),
        }
    }
}

impl Globals for Context {
    fn get(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.0.forced(name) {
            return Some(value);
        }
        let of_macro = if self.0.has_macros() { self.0.scope().macro_named(name) } else { None };
        of_macro.or_else(|| self.built_in(name))
    }

    fn names(&self) -> Vec<String> {
        let mut names: indexmap::IndexSet<String> = self.0.own_names().into_iter().collect();
        let scope = self.0.scope();
        names.extend(scope.base_names().map(str::to_owned));
        names.extend(["context".to_owned(), "builtins".to_owned()]);
        if self.0.has_macros() {
            names.extend(scope.shared.macros.names(&scope.package));
        }
        names.into_iter().collect()
    }

    fn is_lenient(&self) -> bool {
        self.0.is_lenient()
    }

    fn called(&self, definition: &Arc<MacroDef>) {
        self.0.called(definition);
    }
}

/// `context`: the namespace of the template as a mapping.
struct ContextObject(Context);

impl fmt::Debug for ContextObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("context")
    }
}

impl Object for ContextObject {
    fn type_name(&self) -> &'static str {
        "dict"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        self.0.get(name)
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.as_str().and_then(|name| self.0.get(name))
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        if let Some(result) = mapping_method(self, name, args.clone()) {
            return Some(result);
        }
        let callee = self.0.get(name)?;
        Some(interp.call(&callee, args))
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.0.names().into_iter().map(Value::from).collect())
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn to_repr(&self) -> String {
        "<context>".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `builtins`: the context's own functions, also where a macro hides them.
struct Builtins(Context);

impl fmt::Debug for Builtins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("builtins")
    }
}

impl Object for Builtins {
    fn type_name(&self) -> &'static str {
        "dict"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        self.0.built_in(name)
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.as_str().and_then(|name| self.0.built_in(name))
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        if let Some(callee) = self.0.built_in(name) {
            return Some(interp.call(&callee, args));
        }
        mapping_method(self, name, args)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        let mut names: Vec<Value> = self.0.0.own_names().into_iter().map(Value::from).collect();
        names.extend(self.0.0.scope().base_names().map(Value::from));
        Some(names)
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn to_repr(&self) -> String {
        "<builtins>".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
