//! Runs statements.

use std::sync::Arc;

use super::{
    Interp, JinjaError, Value,
    iterate::{self, Items},
    loops::Loop,
    operators,
    output::Out,
    scope::Scope,
    tree::{Expr, For, MacroBody, Stmt, StmtKind, Target},
};

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

type Ran = Result<Flow, JinjaError>;

impl Interp<'_> {
    pub(super) fn exec(&mut self, body: &[Stmt], scope: &Arc<Scope>, out: &mut Out) -> Ran {
        for stmt in body {
            match self.statement(stmt, scope, out) {
                Ok(Flow::Next) => {}
                other => return other,
            }
        }
        Ok(Flow::Next)
    }

    // Statements nest: each kind has a frame of its own, so that the common path needs little stack.
    fn statement(&mut self, stmt: &Stmt, scope: &Arc<Scope>, out: &mut Out) -> Ran {
        match &stmt.kind {
            StmtKind::Text(text) => self.text(text, stmt, out),
            StmtKind::Output { expr, constant } => self.output(expr, *constant, scope, out),
            StmtKind::Do(expr) => self.eval(expr, scope).map(|_| Flow::Next),
            StmtKind::Set(target, expr) => self.set(target, expr, scope),
            StmtKind::If { branches, otherwise } => self.choose(branches, otherwise, scope, out),
            StmtKind::For(block) => self.for_block(block, scope, out),
            StmtKind::Break => Ok(Flow::Break),
            StmtKind::Continue => Ok(Flow::Continue),
            StmtKind::Macro(body) => {
                scope.set(&body.name, Self::closure(body, scope));
                Ok(Flow::Next)
            }
            StmtKind::Call { call, caller } => self.call_block(call, caller, scope, out),
            StmtKind::With { bindings, body } => self.with(bindings, body, scope, out),
            StmtKind::SetBlock { .. } | StmtKind::Filter { .. } => self.captured(stmt, scope, out),
        }
    }

    fn text(&mut self, text: &str, stmt: &Stmt, out: &mut Out) -> Ran {
        self.count_output(text.len())?;
        let name = self.macro_name();
        out.text(text, stmt.span, name.as_ref());
        Ok(Flow::Next)
    }

    fn output(&mut self, expr: &Expr, constant: bool, scope: &Arc<Scope>, out: &mut Out) -> Ran {
        let outer = self.marked.take();
        let mut value = self.eval(expr, scope)?;
        if self.native {
            if let (Some((marker, marked)), Value::Str(text)) = (&self.marked, &value)
                && marked == text
            {
                value = marker
                    .convert(text)
                    .map_err(|error| JinjaError { span: Some(error.span.unwrap_or(expr.span)), ..error })?;
            }
            out.note(&value, constant);
        }
        self.marked = outer;
        self.print(&value, expr.span, out)?;
        Ok(Flow::Next)
    }

    fn set(&mut self, target: &Target, expr: &Expr, scope: &Arc<Scope>) -> Ran {
        let value = self.eval(expr, scope)?;
        self.assign(target, value, scope)?;
        Ok(Flow::Next)
    }

    #[inline(never)]
    fn choose(&mut self, branches: &[(Expr, Vec<Stmt>)], otherwise: &[Stmt], scope: &Arc<Scope>, out: &mut Out) -> Ran {
        for (test, body) in branches {
            if self.eval(test, scope)?.is_truthy() {
                return self.exec(body, scope, out);
            }
        }
        self.exec(otherwise, scope, out)
    }

    fn call_block(&mut self, call: &Expr, caller: &Arc<MacroBody>, scope: &Arc<Scope>, out: &mut Out) -> Ran {
        let caller = Self::closure(caller, scope);
        let value = self.eval_call_block(call, caller, scope)?;
        if self.native {
            out.note(&value, false);
        }
        self.print(&value, call.span, out)?;
        Ok(Flow::Next)
    }

    fn with(&mut self, bindings: &[(Target, Expr)], body: &[Stmt], scope: &Arc<Scope>, out: &mut Out) -> Ran {
        let inner = Scope::inside(scope);
        for (target, expr) in bindings {
            // The values are of the names outside.
            let value = self.eval(expr, scope)?;
            self.assign(target, value, &inner)?;
        }
        self.exec(body, &inner, out)
    }

    /// Blocks whose text becomes a value: `set` and `filter`.
    fn captured(&mut self, stmt: &Stmt, scope: &Arc<Scope>, out: &mut Out) -> Ran {
        let (target, filters, body) = match &stmt.kind {
            StmtKind::SetBlock { target, filters, body } => (Some(target), filters, body),
            StmtKind::Filter { filters, body } => (None, filters, body),
            _ => return Ok(Flow::Next),
        };
        let mut inner = Out::default();
        let flow = self.exec(body, &Scope::inside(scope), &mut inner)?;
        let mut value = self.traced(inner.rendered);
        for filter in filters {
            value = self.filter(filter, value, scope)?;
        }
        match target {
            Some(target) => self.assign(target, value, scope)?,
            None => {
                if self.native {
                    out.note(&value, false);
                }
                self.print(&value, stmt.span, out)?;
            }
        }
        Ok(flow)
    }

    fn print(&mut self, value: &Value, span: crate::diagnostic::Span, out: &mut Out) -> Result<(), JinjaError> {
        let name = self.macro_name();
        let made;
        let text: &str = match value {
            Value::Str(text) => {
                if let Some(map) = self.map(text) {
                    self.count_output(text.len())?;
                    out.splice(text, &map);
                    return Ok(());
                }
                text
            }
            other => {
                made = other.to_str();
                &made
            }
        };
        self.count_output(text.len())?;
        out.push(text, span, false, name.as_ref());
        Ok(())
    }

    pub(super) fn assign(&mut self, target: &Target, value: Value, scope: &Arc<Scope>) -> Result<(), JinjaError> {
        match target {
            Target::Name(name) => {
                scope.set(name, value);
                Ok(())
            }
            Target::Attr(name, attribute, span) => {
                let done = match scope.get(name).or_else(|| self.globals.get(name)) {
                    Some(Value::Object(object)) => object.set_attr(attribute, &value),
                    _ => false,
                };
                if done {
                    return Ok(());
                }
                let mut error = JinjaError::type_error("cannot assign attribute on non-namespace object");
                error.span = Some(*span);
                Err(error)
            }
            Target::Tuple(targets) => {
                let mut items = iterate::items(&value)?;
                let mut values = Vec::with_capacity(targets.len());
                while values.len() <= targets.len() {
                    match items.next(self)? {
                        Some(item) => values.push(item),
                        None => break,
                    }
                }
                if values.len() > targets.len() {
                    let message = format!("too many values to unpack (expected {})", targets.len());
                    return Err(JinjaError::value_error(message));
                }
                if values.len() < targets.len() {
                    return Err(JinjaError::value_error(format!(
                        "not enough values to unpack (expected {}, got {})",
                        targets.len(),
                        values.len()
                    )));
                }
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value, scope)?;
                }
                Ok(())
            }
        }
    }

    #[inline(never)]
    fn for_block(&mut self, block: &Arc<For>, scope: &Arc<Scope>, out: &mut Out) -> Ran {
        let iterable = self.eval(&block.iterable, scope)?;
        let mut result = self.run_loop(block, &iterable, 0, scope, out);
        if let Err(error) = &mut result {
            locate(error, &block.iterable);
        }
        result.map(|()| Flow::Next)
    }

    /// Runs a `for` over a value; a recursive one comes here again from its `loop` object.
    pub(super) fn run_loop(
        &mut self,
        block: &Arc<For>,
        iterable: &Value,
        depth: usize,
        scope: &Arc<Scope>,
        out: &mut Out,
    ) -> Result<(), JinjaError> {
        self.check_stack()?;
        let mut items = iterate::items(iterable)?;
        if block.filter.is_some() {
            items = self.select(block, items, scope)?;
        }
        let state = Arc::new(Loop::new(block.clone(), items, depth, scope));
        let name: Arc<str> = "loop".into();
        let mut inner = Scope::inside(scope);
        let mut ran = false;
        while let Some(item) = state.advance(self)? {
            ran = true;
            self.count_iteration()?;
            match Arc::get_mut(&mut inner) {
                Some(reused) => reused.clear(),
                None => inner = Scope::inside(scope),
            }
            inner.set(&name, Value::Object(state.clone()));
            self.assign(&block.target, item, &inner)?;
            if self.exec(&block.body, &inner, out)? == Flow::Break {
                break;
            }
        }
        if !ran {
            self.exec(&block.otherwise, &Scope::inside(scope), out)?;
        }
        Ok(())
    }

    /// The items that pass the loop's own `if`.
    fn select(&mut self, block: &For, mut items: Items, scope: &Arc<Scope>) -> Result<Items, JinjaError> {
        let Some(filter) = &block.filter else { return Ok(items) };
        let mut kept = Vec::new();
        while let Some(item) = items.next(self)? {
            self.count_iteration()?;
            let inner = Scope::inside(scope);
            self.assign(&block.target, item.clone(), &inner)?;
            if self.eval(filter, &inner)?.is_truthy() {
                kept.push(item);
            }
        }
        Ok(Items::Known(kept.into_iter()))
    }

    /// An expression as a dict key.
    pub(super) fn eval_key(&mut self, expr: &Expr, scope: &Arc<Scope>) -> Result<Value, JinjaError> {
        let key = self.eval(expr, scope)?;
        operators::hashable(&key)?;
        Ok(key)
    }
}

/// Gives an error the span of an expression, when it has none.
pub(super) fn locate(error: &mut JinjaError, expr: &Expr) {
    error.span.get_or_insert(expr.span);
}
