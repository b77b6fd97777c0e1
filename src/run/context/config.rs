//! `config` while running: the resolved config of the node.

use std::{any::Any, sync::Arc};

use crate::{
    diagnostic::Diagnostic,
    event::Event,
    jinja::{Args, Interp, JinjaError, Object, Value},
    manifest::context::arguments::{bind, bind_open, is_nothing, lookup, string_pairs},
};

use super::node::NodeState;

/// The object `config`; calling it does nothing now.
pub(super) struct ConfigObject(pub(super) Arc<NodeState>);

impl std::fmt::Debug for ConfigObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("config")
    }
}

impl ConfigObject {
    fn read(&self, key: &str) -> Option<Value> {
        let key = match key {
            "pre_hook" => "pre-hook",
            "post_hook" => "post-hook",
            other => other,
        };
        self.0.subject.config().and_then(|config| config.get(key).cloned())
    }

    fn get(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "get", &["name", "default", "validator"])?;
        let name = bound.required_text("name")?;
        let Some(value) = self.read(&name) else {
            if self.meta(&name).is_some() {
                self.warn_of_meta(&name);
            }
            return Ok(bound.value("default"));
        };
        validate(interp, bound.get("validator"), &value)?;
        Ok(value)
    }

    /// dbt tells that a key under `meta` is not found by `config.get`.
    fn warn_of_meta(&self, name: &str) {
        let message = format!(
            "config.get('{name}') found no config of that name, but `meta` has one; use config.meta_get('{name}') for it"
        );
        let mut diagnostic = Diagnostic::warning("config-key-in-meta", message).event("GetMetaKeyWarning");
        diagnostic.node = self.0.subject.unique_id().map(ToString::to_string);
        self.0.run.scopes.shared.events.emit(Event::Diagnostic(Arc::new(diagnostic)));
    }

    fn require(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "require", &["name", "validator"])?;
        let name = bound.required_text("name")?;
        let value = self.read(&name).ok_or_else(|| self.missing(&name))?;
        validate(interp, bound.get("validator"), &value)?;
        Ok(value)
    }

    fn missing(&self, name: &str) -> JinjaError {
        let id = self.0.subject.unique_id().map_or("", |id| id.as_str());
        JinjaError::raised(format!("Model '{id}' does not define a required config parameter '{name}'."))
    }

    fn meta(&self, name: &str) -> Option<Value> {
        self.read("meta").and_then(|meta| lookup(&meta, name))
    }

    fn meta_get(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind_open(args, "meta_get", &["name", "default", "validator"])?;
        Ok(self.meta(&bound.required_text("name")?).unwrap_or_else(|| bound.value("default")))
    }

    fn meta_require(&self, args: Args) -> Result<Value, JinjaError> {
        let name = bind_open(args, "meta_require", &["name", "validator"])?.required_text("name")?;
        self.meta(&name).ok_or_else(|| self.missing(&name))
    }

    fn persists(&self, what: &str) -> Result<Value, JinjaError> {
        match self.read("persist_docs") {
            None => Ok(false.into()),
            Some(value) if is_nothing(&value) => Ok(false.into()),
            Some(value) if string_pairs(&value).is_some() => Ok(lookup(&value, what).unwrap_or(Value::Bool(false))),
            Some(value) => Err(JinjaError::raised(format!(
                "Invalid value provided for 'persist_docs'. Expected dict but received {}",
                crate::manifest::context::arguments::type_name(&value)
            ))),
        }
    }
}

fn validate(interp: &mut Interp<'_>, validator: Option<&Value>, value: &Value) -> Result<(), JinjaError> {
    match validator {
        Some(validator) if !is_nothing(validator) => interp.call(validator, Args::new(vec![value.clone()])).map(|_| ()),
        _ => Ok(()),
    }
}

impl Object for ConfigObject {
    fn type_name(&self) -> &'static str {
        "RuntimeConfigObject"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _: &mut Interp<'_>, _: Args) -> Result<Value, JinjaError> {
        Ok("".into())
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        (name == "model").then(|| self.0.model())
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        Some(match name {
            "get" => self.get(interp, args),
            "require" => self.require(interp, args),
            "meta_get" => self.meta_get(args),
            "meta_require" => self.meta_require(args),
            "set" => Ok("".into()),
            "persist_relation_docs" => self.persists("relation"),
            "persist_column_docs" => self.persists("columns"),
            _ => return None,
        })
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
