//! The evaluator.

use std::sync::Arc;

use crate::diagnostic::Span;

use super::{Args, JinjaError, MacroDef, Template, Value};

/// The names a template sees besides its own: functions, variables, macros, package namespaces.
pub trait Globals: Send + Sync {
    fn get(&self, name: &str) -> Option<Value>;

    /// All pairs, for the `context` object. Order is the order of printing.
    fn names(&self) -> Vec<String>;

    /// Parse mode: attribute, item and call on an undefined value give undefined again instead of an error.
    fn is_lenient(&self) -> bool {
        false
    }
}

/// Bounds that keep a hostile or buggy template from taking the process down.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub depth: usize,
    /// Bytes.
    pub output: usize,
    pub iterations: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 200, output: 256 * 1024 * 1024, iterations: 20_000_000 }
    }
}

/// Text, and for every piece of it the template text that produced it.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    pub text: String,
    pub map: SpanMap,
}

/// Output offsets → spans of templates, with the macro that printed it.
#[derive(Debug, Clone, Default)]
pub struct SpanMap {
    /// `(start of the output piece, span, macro name)`, ascending.
    pub pieces: Vec<(usize, Span, Option<Arc<str>>)>,
}

impl SpanMap {
    /// The template span that produced the output byte at `offset`. Where literal template text was copied, the span
    /// is exact to the byte; for an expression it is the expression.
    pub fn lookup(&self, offset: usize) -> Option<Span> {
        let _ = offset;
        todo!()
    }
}

/// One rendering: globals, limits, the macro stack. Native functions get it to call back.
pub struct Interp<'a> {
    pub globals: &'a dyn Globals,
    pub limits: Limits,
}

impl<'a> Interp<'a> {
    pub fn new(globals: &'a dyn Globals) -> Self {
        Self { globals, limits: Limits::default() }
    }

    /// Renders as text.
    pub fn render(&mut self, template: &Template) -> Result<Rendered, JinjaError> {
        let _ = template;
        todo!()
    }

    /// Renders as a Python value, by dbt's native rules (`jinja-context.md` §2).
    pub fn render_native(&mut self, template: &Template) -> Result<Value, JinjaError> {
        let _ = template;
        todo!()
    }

    /// Calls any callable value: a macro, a native function, a bound method.
    pub fn call(&mut self, callee: &Value, args: Args) -> Result<Value, JinjaError> {
        let _ = (callee, args);
        todo!()
    }

    /// Calls a macro so that the text it prints keeps its spans (materializations, tests).
    pub fn call_macro(&mut self, definition: &Arc<MacroDef>, args: Args) -> Result<Value, JinjaError> {
        let _ = (definition, args);
        todo!()
    }

    /// Remembers where a string came from (by identity of its `Arc`): printing it splices `map` into the output's map.
    /// The interpreter does this itself for what a macro, `caller()` or a `set` block returned; `run` does it for the
    /// compiled code that a materialization receives as `sql`.
    pub fn trace(&mut self, text: &Arc<str>, map: SpanMap) {
        let _ = (text, map);
        todo!()
    }

    /// The map of a traced string, for mapping an engine's error position back to the model.
    pub fn map_of(&self, text: &Arc<str>) -> Option<SpanMap> {
        let _ = text;
        todo!()
    }

    /// The expression that is evaluated now: the call site for a native function.
    pub fn span(&self) -> Option<Span> {
        todo!()
    }

    /// The innermost running macro, if any: `(package, name)`.
    pub fn current_macro(&self) -> Option<(Arc<str>, Arc<str>)> {
        todo!()
    }
}
