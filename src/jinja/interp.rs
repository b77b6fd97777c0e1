//! The evaluator's state, and how things are called.

use std::{collections::HashMap, sync::Arc};

use crate::diagnostic::{Frame, Span};

use super::{
    Args, ErrorKind, JinjaError, MacroDef, Rendered, SpanMap, Template, Value, closure::Closure, filters::Marker,
    operators, output::Out, scope::Scope, tree::MacroBody,
};

/// The names a template sees besides its own: functions, variables, macros, package namespaces.
pub trait Globals: Send + Sync {
    fn get(&self, name: &str) -> Option<Value>;

    /// All pairs, for the `context` object. Order is the order of printing.
    fn names(&self) -> Vec<String>;

    /// Parse mode: attribute, item and call on an undefined value give undefined again instead of an error.
    fn is_lenient(&self) -> bool {
        false
    }

    /// A template itself calls a macro; calls between macros are not told.
    fn called(&self, definition: &Arc<MacroDef>) {
        let _ = definition;
    }
}

/// Bounds that keep a hostile or buggy template from taking the process down.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Macros that call each other. The stack of the thread is watched besides.
    pub depth: usize,
    /// Bytes.
    pub output: usize,
    pub iterations: u64,
    /// Bytes of stack that evaluation may use, below where it began. Threads have 2 MB unless they are told otherwise.
    pub stack: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 200, output: 256 * 1024 * 1024, iterations: 20_000_000, stack: 1024 * 1024 }
    }
}

/// One rendering: globals, limits, the macro stack. Native functions get it to call back.
pub struct Interp<'a> {
    pub globals: &'a dyn Globals,
    pub limits: Limits,
    macros: Vec<Active>,
    span: Option<Span>,
    iterations: u64,
    printed: usize,
    /// By the address of the text, which is kept alive here.
    traces: HashMap<usize, (Arc<str>, Arc<SpanMap>)>,
    prune_at: usize,
    base: Option<usize>,
    pub(super) native: bool,
    /// The text that a filter such as `as_bool` saw last, in native rendering.
    pub(super) marked: Option<(Marker, Arc<str>)>,
}

/// A running macro.
struct Active {
    package: Arc<str>,
    name: Arc<str>,
    full_name: Arc<str>,
}

impl<'a> Interp<'a> {
    pub fn new(globals: &'a dyn Globals) -> Self {
        Self {
            globals,
            limits: Limits::default(),
            macros: Vec::new(),
            span: None,
            iterations: 0,
            printed: 0,
            traces: HashMap::new(),
            prune_at: 1024,
            base: None,
            native: false,
            marked: None,
        }
    }

    /// Renders as text.
    pub fn render(&mut self, template: &Template) -> Result<Rendered, JinjaError> {
        let native = std::mem::replace(&mut self.native, false);
        let out = self.run(template);
        self.native = native;
        Ok(out?.rendered)
    }

    /// Renders as the body of a macro: `return` gives its value, else the text is the result.
    pub fn render_body(&mut self, template: &Template) -> Result<Value, JinjaError> {
        let native = std::mem::replace(&mut self.native, false);
        let mut out = Out::default();
        let result = self.exec(&template.tree.body, &Scope::root(), &mut out);
        self.native = native;
        match result {
            Ok(_) => Ok(Value::Str(out.rendered.text.into())),
            Err(mut error) if error.kind == ErrorKind::Return => Ok(error.value.take().unwrap_or(Value::None)),
            Err(error) => Err(error),
        }
    }

    /// Renders as a Python value, by dbt's native rules (`jinja-context.md` §2).
    pub fn render_native(&mut self, template: &Template) -> Result<Value, JinjaError> {
        if template.is_plain() {
            return Ok(Value::Str(template.text.strip_suffix('\n').unwrap_or(&template.text).into()));
        }
        let native = std::mem::replace(&mut self.native, true);
        let out = self.run(template);
        self.native = native;
        out?.into_native()
    }

    fn run(&mut self, template: &Template) -> Result<Out, JinjaError> {
        let mut out = Out::default();
        let scope = Scope::root();
        match self.exec(&template.tree.body, &scope, &mut out) {
            Ok(_) => Ok(out),
            Err(error) if error.kind == ErrorKind::Return => {
                let mut outside = JinjaError::new(ErrorKind::Raised, "`return` was called outside of a macro");
                outside.span = error.span;
                Err(outside)
            }
            Err(error) => Err(error),
        }
    }

    /// Calls any callable value: a macro, a native function, a bound method.
    pub fn call(&mut self, callee: &Value, args: Args) -> Result<Value, JinjaError> {
        match callee {
            Value::Macro(definition) => self.call_macro(definition, args),
            Value::Object(object) => {
                let object = object.clone();
                self.check_stack()?;
                object.call(self, args)
            }
            Value::Undefined(_) if self.globals.is_lenient() => Ok(callee.clone()),
            Value::Undefined(message) => Err(operators::undefined(message)),
            other => Err(JinjaError::type_error(format!("'{}' object is not callable", other.type_name()))),
        }
    }

    /// Calls a macro so that the text it prints keeps its spans (materializations, tests).
    pub fn call_macro(&mut self, definition: &Arc<MacroDef>, args: Args) -> Result<Value, JinjaError> {
        if self.macros.len() >= self.limits.depth {
            let message = format!("macros call each other more than {} levels deep", self.limits.depth);
            return Err(JinjaError::new(ErrorKind::Limit, message));
        }
        if self.macros.is_empty() {
            self.globals.called(definition);
        }
        let call = self.span;
        self.macros.push(Active {
            package: definition.package.clone(),
            name: definition.name.clone(),
            full_name: definition.full_name.clone(),
        });
        let native = std::mem::replace(&mut self.native, false);
        let result = self.invoke(&definition.body, None, args);
        self.native = native;
        self.macros.pop();
        self.span = call;
        left_macro(result, definition, call)
    }

    /// Runs a macro's body; its text is the result.
    pub(super) fn invoke(
        &mut self,
        body: &MacroBody,
        parent: Option<&Arc<Scope>>,
        args: Args,
    ) -> Result<Value, JinjaError> {
        self.check_stack()?;
        let scope = parent.map_or_else(Scope::root, Scope::inside);
        self.bind(body, &scope, args)?;
        let mut out = Out::default();
        self.exec(&body.body, &scope, &mut out)?;
        Ok(self.traced(out.rendered))
    }

    /// Puts the arguments of a call into the scope of the body, by Jinja's rules.
    fn bind(&mut self, body: &MacroBody, scope: &Arc<Scope>, args: Args) -> Result<(), JinjaError> {
        let Args { positional, mut keyword } = args;
        let given = positional.len();
        let mut positional = positional.into_iter();
        for param in &body.params {
            let value = match positional.next() {
                Some(value) => value,
                None => match (keyword.shift_remove(&param.name), &param.default) {
                    (Some(value), _) => value,
                    (None, Some(default)) => self.eval(default, scope)?,
                    (None, None) => Value::Undefined(format!("parameter '{}' was not provided", param.name).into()),
                },
            };
            scope.set(&param.name, value);
        }
        let rest: Vec<Value> = positional.collect();
        if body.uses.varargs {
            scope.set(&"varargs".into(), Value::tuple(rest));
        } else if !rest.is_empty() {
            let (name, count) = (&body.name, body.params.len());
            let message = format!("macro '{name}' takes not more than {count} argument(s), {given} were given");
            return Err(JinjaError::type_error(message));
        }
        if body.uses.caller && !body.params.iter().any(|param| &*param.name == "caller") {
            let caller = keyword.shift_remove("caller").unwrap_or_else(|| Value::Undefined("No caller defined".into()));
            scope.set(&"caller".into(), caller);
        }
        if body.uses.kwargs {
            scope.set(&"kwargs".into(), Value::dict(keyword));
        } else if let Some((key, _)) = keyword.first() {
            let message = if body.params.iter().any(|param| param.name == *key) {
                format!("macro '{}' got multiple values for argument '{key}'", body.name)
            } else {
                format!("macro '{}' takes no keyword argument '{key}'", body.name)
            };
            return Err(JinjaError::type_error(message));
        }
        Ok(())
    }

    /// A local macro or the body of a `call` block, with the names around it.
    pub(super) fn closure(body: &Arc<MacroBody>, scope: &Arc<Scope>) -> Value {
        Value::object(Closure::new(body.clone(), scope))
    }

    /// A text as a value that remembers its spans.
    pub(super) fn traced(&mut self, rendered: Rendered) -> Value {
        let text: Arc<str> = rendered.text.into();
        if !rendered.map.pieces.is_empty() {
            self.trace(&text, rendered.map);
        }
        Value::Str(text)
    }

    /// Remembers where a string came from (by identity of its `Arc`): printing it splices `map` into the output's map.
    /// The interpreter does this itself for what a macro, `caller()` or a `set` block returned; `run` does it for the
    /// compiled code that a materialization receives as `sql`.
    pub fn trace(&mut self, text: &Arc<str>, map: SpanMap) {
        if self.traces.len() >= self.prune_at {
            self.traces.retain(|_, (text, _)| Arc::strong_count(text) > 1);
            self.prune_at = (self.traces.len() * 2).max(1024);
        }
        self.traces.insert(address(text), (text.clone(), Arc::new(map)));
    }

    /// Gives a text that was cut out of a traced one its part of the map.
    pub(super) fn trace_part(&mut self, whole: &Arc<str>, part: &Value) {
        let (Some(map), Value::Str(part)) = (self.map(whole), part) else { return };
        if part.is_empty() || Arc::ptr_eq(whole, part) {
            return;
        }
        if let Some(at) = whole.find(&**part) {
            let mut map = map.skip(at);
            map.pieces.retain(|piece| piece.start < part.len());
            self.trace(part, map);
        }
    }

    /// The map of a traced string, for mapping an engine's error position back to the model.
    pub fn map_of(&self, text: &Arc<str>) -> Option<SpanMap> {
        self.map(text).map(|map| (*map).clone())
    }

    pub(super) fn map(&self, text: &Arc<str>) -> Option<Arc<SpanMap>> {
        if text.is_empty() {
            return None;
        }
        self.traces.get(&address(text)).map(|(_, map)| map.clone())
    }

    /// The expression that is evaluated now: the call site for a native function.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    pub(super) fn swap_span(&mut self, span: Option<Span>) -> Option<Span> {
        std::mem::replace(&mut self.span, span)
    }

    /// The innermost running macro, if any: `(package, name)`.
    pub fn current_macro(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.macros.last().map(|active| (active.package.clone(), active.name.clone()))
    }

    /// The running macros, outermost first: `(package, name)`.
    pub fn macro_stack(&self) -> Vec<(Arc<str>, Arc<str>)> {
        self.macros.iter().map(|active| (active.package.clone(), active.name.clone())).collect()
    }

    pub(super) fn macro_name(&self) -> Option<Arc<str>> {
        self.macros.last().map(|active| active.full_name.clone())
    }

    pub(super) fn count_iteration(&mut self) -> Result<(), JinjaError> {
        self.count_iterations(1)
    }

    pub(super) fn count_iterations(&mut self, more: u64) -> Result<(), JinjaError> {
        self.iterations = self.iterations.saturating_add(more);
        if self.iterations > self.limits.iterations {
            let message = format!("loops ran more than {} times in all", self.limits.iterations);
            return Err(JinjaError::new(ErrorKind::Limit, message));
        }
        Ok(())
    }

    pub(super) fn count_output(&mut self, bytes: usize) -> Result<(), JinjaError> {
        self.printed += bytes;
        if self.printed > self.limits.output {
            let message = format!("the template printed more than {} bytes", self.limits.output);
            return Err(JinjaError::new(ErrorKind::Limit, message));
        }
        Ok(())
    }

    /// Refuses to go deeper when the thread's stack is nearly used up.
    pub(super) fn check_stack(&mut self) -> Result<(), JinjaError> {
        if self.is_stack_used_up() { Err(Self::too_deep()) } else { Ok(()) }
    }

    pub(super) fn is_stack_used_up(&mut self) -> bool {
        let marker = 0_u8;
        let here = std::hint::black_box(std::ptr::from_ref(&marker)) as usize;
        let base = *self.base.get_or_insert(here);
        base.abs_diff(here) > self.limits.stack
    }

    pub(super) fn too_deep() -> JinjaError {
        let message = "the template is nested too deeply: macros or expressions call each other without end";
        JinjaError::new(ErrorKind::Limit, message)
    }
}

/// The result of a macro for its caller: `return` is caught, an error gets the macro's frame.
#[inline(never)]
fn left_macro(
    mut result: Result<Value, JinjaError>,
    definition: &MacroDef,
    call: Option<Span>,
) -> Result<Value, JinjaError> {
    if let Err(error) = &mut result {
        if error.kind == ErrorKind::Return {
            return Ok(error.value.take().unwrap_or(Value::None));
        }
        error.stack.push(Frame { name: definition.full_name.to_string(), call });
    }
    result
}

fn address(text: &Arc<str>) -> usize {
    Arc::as_ptr(text).cast::<u8>() as usize
}
