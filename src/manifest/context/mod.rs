//! dbt's Jinja contexts without a warehouse: the base set, macros and dispatch, relations, columns and tables as values,
//! and parse mode. Execute mode is in `run`, built of the same pieces.
//!
//! [`Shared`] is made once per invocation; [`Scopes`] gives a [`Scope`] per package; a [`ParseContext`] per node is cheap.

pub mod adapter;
pub(crate) mod arguments;
pub mod base;
pub mod column;
mod constraints;
pub mod convert;
pub mod datetime;
pub mod exceptions;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flags;
pub mod macros;
pub(crate) mod mapping;
pub mod names;
pub mod parse;
pub mod project_config;
pub mod relation;
pub mod shared;
pub mod table;
#[cfg(test)]
mod tests;
pub mod vars;
pub mod yaml;

pub use column::ColumnObject;
pub use flags::Flags;
pub use macros::{MacroIndex, MacroSources, macro_id};
pub use names::{Context, Names};
pub use parse::{ConfigCall, NamedArgs, ParseContext, ParseNode, Recorded, SourceArgs, call_name_macro};
pub use project_config::{project_config, with_config};
pub use relation::{EPHEMERAL_PREFIX, EventTimeFilter, RelationObject};
pub use shared::{Env, Scope, Scopes, Shared};
pub use table::{ColumnKind, Table};
pub use vars::{Missing, ScopedVars, Vars};
pub use yaml::{FindDoc, docs_context, properties_context};

use crate::{
    diagnostic::{Origin, SourceId, Span},
    jinja::{Args, ErrorKind, Interp, JinjaError, Template, Value, function},
};

use arguments::bind;

/// `render(text)`: renders a text in the context of the caller.
pub(crate) fn render_text(interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
    let text = bind(args, "render", &["string"])?.required_text("string")?;
    let template = parse_text(interp, &text)?;
    Ok(interp.render(&template)?.text.into())
}

/// A template made while rendering; its span is the expression that made it.
pub(crate) fn parse_text(interp: &Interp<'_>, text: &str) -> Result<Template, JinjaError> {
    let span = interp.span().unwrap_or(Span { source: SourceId(u32::MAX), start: 0, end: 0 });
    Template::parse(text, Origin::Within(span)).map_err(|diagnostics| {
        let message = diagnostics.into_iter().next().map_or_else(String::new, |diagnostic| diagnostic.message);
        JinjaError::new(ErrorKind::Syntax, message)
    })
}

/// `try_or_compiler_error(message, function, …)`.
pub(crate) fn try_or_compiler_error(interp: &mut Interp<'_>, mut args: Args) -> Result<Value, JinjaError> {
    if args.positional.len() < 2 {
        return Err(JinjaError::type_error("try_or_compiler_error() takes a message and a function"));
    }
    let message = args.positional.remove(0).to_str();
    let callee = args.positional.remove(0);
    interp.call(&callee, args).map_err(|error| match error.kind {
        ErrorKind::Return => error,
        _ => JinjaError::raised(message),
    })
}

/// `validation`: its validators accept everything, as dbt's do not look at most values either.
pub(crate) fn validation() -> Value {
    #[derive(Debug)]
    struct Any;
    impl crate::jinja::Object for Any {
        fn type_name(&self) -> &'static str {
            "validator"
        }

        fn is_callable(&self) -> bool {
            true
        }

        fn call(&self, _: &mut Interp<'_>, _: Args) -> Result<Value, JinjaError> {
            Ok(function("validator", |_, args| Ok(args.positional.first().cloned().unwrap_or(Value::None))))
        }

        fn get_item(&self, _: &Value) -> Option<Value> {
            Some(function("validator", |_, args| Ok(args.positional.first().cloned().unwrap_or(Value::None))))
        }

        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    }
    arguments::dict([("any", Value::object(Any))])
}
