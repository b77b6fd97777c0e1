//! Macros that live in the template that is being rendered: local `{% macro %}`s and `caller`.

use std::sync::{Arc, Weak};

use super::{Args, ErrorKind, Interp, JinjaError, Object, Value, scope::Scope, tree::MacroBody};

/// A body with the names around it. The scope is held weakly: it holds the macro, as a name.
#[derive(Debug)]
pub(super) struct Closure {
    body: Arc<MacroBody>,
    scope: Weak<Scope>,
}

impl Closure {
    pub fn new(body: Arc<MacroBody>, scope: &Arc<Scope>) -> Self {
        Self { body, scope: Arc::downgrade(scope) }
    }
}

impl Object for Closure {
    fn type_name(&self) -> &'static str {
        "macro"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let scope = self.scope.upgrade();
        let is_caller = &*self.body.name == "caller";
        match interp.invoke(&self.body, scope.as_ref(), args) {
            // `return` in a `call` block leaves the macro that runs it, as in dbt.
            Err(mut error) if error.kind == ErrorKind::Return && !is_caller => {
                Ok(error.value.take().unwrap_or(Value::None))
            }
            Err(mut error) => {
                if !is_caller && error.kind != ErrorKind::Return {
                    let call = interp.span();
                    error.stack.push(crate::diagnostic::Frame { name: self.body.name.to_string(), call });
                }
                Err(error)
            }
            ok => ok,
        }
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        match name {
            "name" => Some(Value::Str(self.body.name.clone())),
            "arguments" => Some(Value::tuple(self.body.params.iter().map(|param| Value::Str(param.name.clone())))),
            "catch_kwargs" => Some(Value::Bool(self.body.uses.kwargs)),
            "catch_varargs" => Some(Value::Bool(self.body.uses.varargs)),
            "caller" => Some(Value::Bool(self.body.uses.caller)),
            _ => None,
        }
    }

    fn to_repr(&self) -> String {
        format!("<Macro {}>", super::repr::quoted(&self.body.name))
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| Arc::ptr_eq(&self.body, &other.body))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
