//! dbt's Jinja: minijinja's lexer, our parser and evaluator, Python's values. Knows templates and values; knows nothing
//! of dbt's contexts, of nodes or of a warehouse: callers give a [`Globals`] and [`Object`]s.
//!
//! Flow: [`Template::parse`] once per file → [`Interp::render`] (text), [`Interp::render_native`] (a value), or
//! [`Interp::call`] on a macro value.

mod error;
mod interp;
mod object;
mod template;
mod value;

pub use error::{ErrorKind, JinjaError};
pub use interp::{Globals, Interp, Limits, Rendered, SpanMap};
pub use object::{Args, Object, function};
pub use template::{Block, BlockKind, MacroDef, MacroKind, Param, StaticCall, Template};
pub use value::{Dict, Value};
