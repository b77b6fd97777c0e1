//! dbt's Jinja: minijinja's lexer, our parser and evaluator, Python's values. Knows templates and values; knows nothing
//! of dbt's contexts, of nodes or of a warehouse: callers give a [`Globals`] and [`Object`]s.
//!
//! Flow: [`Template::parse`] once per file → [`Interp::render`] (text), [`Interp::render_native`] (a value), or
//! [`Interp::call`] on a macro value.

mod attributes;
mod builtins;
mod checks;
mod closure;
mod error;
mod eval;
mod exec;
mod filters;
mod format;
mod interp;
mod iterate;
mod json;
mod lex;
mod loops;
mod methods;
mod modules;
mod object;
mod operators;
mod output;
mod parse;
mod repr;
mod scope;
mod slice;
mod template;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub use error::{ErrorKind, JinjaError};
pub use interp::{Globals, Interp, Limits};
pub use iterate::Iter;
pub use json::to_python_json;
pub use modules::{
    as_date, as_datetime, as_time, date_value, datetime_value, iso_text, modules, naive_datetime_value, time_value,
};
pub use object::{Args, Object, function};
pub use output::{Piece, Rendered, SpanMap};
pub use template::{Block, BlockKind, MacroDef, MacroKind, Param, StaticCall, Template};
pub use value::{Dict, StrKey, Value};
