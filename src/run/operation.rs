//! `run-operation`: a macro that is called by itself.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    diagnostic::Diagnostic,
    jinja::{Args, Value},
    names::UniqueId,
};

use super::runner::Runner;

/// Calls a macro: `run-operation`.
///
/// # Errors
/// No such macro, or what it raised.
pub fn run_operation(
    runner: &Runner,
    name: &str,
    arguments: IndexMap<String, Value>,
) -> Result<Value, Box<Diagnostic>> {
    let macros = &runner.run.scopes.shared.macros;
    let root = Arc::clone(macros.root());
    let found = match name.split_once('.') {
        Some((package, name)) => macros.find_in(package, name),
        None => macros.find(&root, name),
    };
    let Some(definition) = found.cloned() else {
        let names = macros.names(&root);
        let diagnostic = Diagnostic::error("macro-not-found", format!("there is no macro named `{name}`"));
        return Err(Box::new(match crate::diagnostic::nearest(name, names.iter().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        }));
    };
    let context = runner.macro_context(name);
    let id = UniqueId::new(format!("macro.{}.{}", definition.package, definition.name));
    let _watch = runner.watch(&id, &context);
    let keyword = arguments.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let returned = context.call_macro(&definition, Args { positional: Vec::new(), keyword });
    if returned.is_err() && context.open_session().is_some() {
        let _ = context.execute(&"rollback".into(), None);
    }
    returned.map_err(|error| Box::new(error.to_diagnostic()))
}
