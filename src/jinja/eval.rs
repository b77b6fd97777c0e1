//! Evaluates expressions.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, nearest};

use super::{
    Args, Interp, JinjaError, Value, attributes, builtins, checks,
    exec::locate,
    filters, iterate, methods, operators,
    output::Out,
    scope::Scope,
    slice,
    tree::{Arguments, Condition, Expr, ExprKind, FilterCall, TestCall},
    value::check_depth,
};

type Outcome = Result<Value, JinjaError>;

/// A call whose parts are values.
struct Prepared {
    object: Value,
    /// `object.method(args)`; else the object itself is called.
    method: Option<Arc<str>>,
    args: Args,
}

impl Interp<'_> {
    pub(super) fn eval(&mut self, expr: &Expr, scope: &Arc<Scope>) -> Outcome {
        match &expr.kind {
            ExprKind::Const(value) => Ok(value.clone()),
            ExprKind::Name(name) => Ok(self.name(name, scope)),
            ExprKind::Call(callee, args) => self.eval_call(expr, callee, args, None, scope),
            _ => {
                let mut result = self.compute(expr, scope);
                if let Err(error) = &mut result {
                    locate(error, expr);
                }
                result
            }
        }
    }

    /// A name of the template, of the caller, or of the language.
    fn name(&self, name: &Arc<str>, scope: &Scope) -> Value {
        scope
            .get(name)
            .or_else(|| self.globals.get(name))
            .or_else(|| builtins::get(name))
            .unwrap_or_else(|| Value::undefined(name))
    }

    // As with statements, each kind has a frame of its own.
    fn compute(&mut self, expr: &Expr, scope: &Arc<Scope>) -> Outcome {
        if self.is_stack_used_up() {
            return Err(Self::too_deep());
        }
        match &expr.kind {
            ExprKind::Attr(object, name) => self.attribute(object, name, scope),
            ExprKind::Item(object, key) => self.item(object, key, scope),
            ExprKind::Filter(inner, filter) => {
                self.eval(inner, scope).and_then(|value| self.filter(filter, value, scope))
            }
            ExprKind::Test(inner, test) => self.eval(inner, scope).and_then(|value| self.test(test, &value, scope)),
            ExprKind::Not(inner) => self.eval(inner, scope).map(|value| Value::Bool(!value.is_truthy())),
            ExprKind::Negative(inner) => self.eval(inner, scope).and_then(|value| operators::negative(&value)),
            ExprKind::Positive(inner) => self.eval(inner, scope).and_then(|value| operators::positive(&value)),
            ExprKind::And(items) => self.until(items, false, scope),
            ExprKind::Or(items) => self.until(items, true, scope),
            ExprKind::If(condition) => self.conditional(condition, scope),
            ExprKind::List(items) => self.members(items, scope).map(Value::list),
            ExprKind::Tuple(items) => self.members(items, scope).map(Value::tuple),
            _ => self.compute_rare(expr, scope),
        }
    }

    fn attribute(&mut self, object: &Expr, name: &Arc<str>, scope: &Arc<Scope>) -> Outcome {
        let object = self.eval(object, scope)?;
        attributes::attribute(&object, name, self.globals.is_lenient())
    }

    fn item(&mut self, object: &Expr, key: &Expr, scope: &Arc<Scope>) -> Outcome {
        let object = self.eval(object, scope)?;
        let key = self.eval(key, scope)?;
        attributes::item(&object, &key, self.globals.is_lenient())
    }

    fn conditional(&mut self, condition: &Condition, scope: &Arc<Scope>) -> Outcome {
        if self.eval(&condition.test, scope)?.is_truthy() {
            return self.eval(&condition.then, scope);
        }
        match &condition.otherwise {
            Some(otherwise) => self.eval(otherwise, scope),
            None => Ok(Value::Undefined(
                "the inline if-expression evaluated to false and no else section was defined".into(),
            )),
        }
    }

    #[inline(never)]
    fn compute_rare(&mut self, expr: &Expr, scope: &Arc<Scope>) -> Outcome {
        match &expr.kind {
            ExprKind::Dict(pairs) => {
                let mut dict = super::Dict::with_capacity(pairs.len());
                for (key, value) in pairs {
                    let key = self.eval_key(key, scope)?;
                    let value = self.eval(value, scope)?;
                    check_depth(&value)?;
                    dict.insert(key, value);
                }
                Ok(Value::Dict(Arc::new(dict.into())))
            }
            ExprKind::Arithmetic(first, rest) => {
                let mut value = self.eval(first, scope)?;
                for (operator, item) in rest {
                    let right = self.eval(item, scope)?;
                    value = operators::arithmetic(*operator, &value, &right)?;
                }
                Ok(value)
            }
            ExprKind::Concat(items) => self.concat(items, scope),
            ExprKind::Compare(first, rest) => {
                let mut left = self.eval(first, scope)?;
                for (operator, item) in rest {
                    let right = self.eval(item, scope)?;
                    // An iterator is walked for `in`, up to the item.
                    let found = self.compare(*operator, &left, &right)?;
                    if !found {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Ok(Value::Bool(true))
            }
            ExprKind::Slice(object, bounds) => {
                let object = self.eval(object, scope)?;
                let mut values = [Value::None, Value::None, Value::None];
                for (value, bound) in values.iter_mut().zip(&**bounds) {
                    if let Some(bound) = bound {
                        *value = self.eval(bound, scope)?;
                    }
                }
                slice::slice(&object, &values, self.globals.is_lenient())
            }
            _ => Err(JinjaError::new(super::ErrorKind::Internal, "an expression of unknown kind")),
        }
    }

    /// `a ~ b`; the parts keep their origins.
    fn concat(&mut self, items: &[Expr], scope: &Arc<Scope>) -> Outcome {
        let mut out = Out::default();
        let mut is_traced = false;
        let name = self.macro_name();
        for item in items {
            let value = self.eval(item, scope)?;
            let text = match &value {
                Value::Str(text) => text.clone(),
                other => other.to_str().into(),
            };
            match self.map(&text) {
                Some(map) => {
                    is_traced = true;
                    out.splice(&text, &map);
                }
                None => out.push(&text, item.span, false, name.as_ref()),
            }
            operators::check_size(out.rendered.text.len())?;
        }
        Ok(if is_traced { self.traced(out.rendered) } else { out.rendered.text.into() })
    }

    fn compare(&mut self, operator: super::tree::Comparison, left: &Value, right: &Value) -> Result<bool, JinjaError> {
        operators::comparison(operator, left, right)
    }

    /// `and` / `or`: the first item whose truth is `stop`, or the last one.
    fn until(&mut self, items: &[Expr], stop: bool, scope: &Arc<Scope>) -> Outcome {
        let mut value = Value::Bool(!stop);
        for item in items {
            value = self.eval(item, scope)?;
            if value.is_truthy() == stop {
                break;
            }
        }
        Ok(value)
    }

    /// The members of a list or tuple that is made now.
    fn members(&mut self, items: &[Expr], scope: &Arc<Scope>) -> Result<Vec<Value>, JinjaError> {
        let values = self.eval_all(items, scope)?;
        values.iter().try_for_each(check_depth)?;
        Ok(values)
    }

    pub(super) fn eval_all(&mut self, items: &[Expr], scope: &Arc<Scope>) -> Result<Vec<Value>, JinjaError> {
        items.iter().map(|item| self.eval(item, scope)).collect()
    }

    /// A call with `caller`, for `{% call %}`.
    pub(super) fn eval_call_block(&mut self, call: &Expr, caller: Value, scope: &Arc<Scope>) -> Outcome {
        match &call.kind {
            ExprKind::Call(callee, args) => self.eval_call(call, callee, args, Some(caller), scope),
            _ => Ok(Value::None),
        }
    }

    #[inline(never)]
    fn eval_call(
        &mut self,
        expr: &Expr,
        callee: &Expr,
        args: &Arguments,
        caller: Option<Value>,
        scope: &Arc<Scope>,
    ) -> Outcome {
        let span = self.swap_span(Some(expr.span));
        let mut result = match self.prepare(callee, args, caller, scope) {
            // The arguments may have been calls themselves.
            Ok(prepared) => {
                self.swap_span(Some(expr.span));
                self.perform(prepared)
            }
            Err(error) => Err(error),
        };
        self.swap_span(span);
        if let Err(error) = &mut result {
            locate(error, expr);
        }
        result
    }

    /// Evaluates what a call needs: done, and off the stack, before the call itself.
    #[inline(never)]
    fn prepare(
        &mut self,
        callee: &Expr,
        args: &Arguments,
        caller: Option<Value>,
        scope: &Arc<Scope>,
    ) -> Result<Prepared, JinjaError> {
        let (object, method) = match &callee.kind {
            ExprKind::Attr(object, name) => (self.eval(object, scope)?, Some(name.clone())),
            _ => (self.eval(callee, scope)?, None),
        };
        if let (Value::Undefined(message), ExprKind::Name(name)) = (&object, &callee.kind)
            && !self.globals.is_lenient()
        {
            return Err(self.unknown_function(name, message));
        }
        let mut args = self.eval_args(args, scope)?;
        if let Some(caller) = caller {
            args.keyword.insert("caller".into(), caller);
        }
        Ok(Prepared { object, method, args })
    }

    #[inline(never)]
    fn perform(&mut self, prepared: Prepared) -> Outcome {
        match prepared.method {
            Some(name) => methods::call_method(self, &prepared.object, &name, prepared.args),
            None => self.call(&prepared.object, prepared.args),
        }
    }

    /// The error for a call of what does not exist, with the name that was perhaps meant.
    #[inline(never)]
    fn unknown_function(&self, name: &str, message: &str) -> JinjaError {
        let mut error = operators::undefined(message);
        let names = self.globals.names();
        let known = names.iter().map(String::as_str).chain(builtins::NAMES.iter().copied());
        if let Some(near) = nearest(name, known) {
            let diagnostic = Diagnostic::error("jinja-undefined", message).help(format!("did you mean `{near}`?"));
            error.diagnostic = Some(Box::new(diagnostic));
        }
        error
    }

    pub(super) fn eval_args(&mut self, args: &Arguments, scope: &Arc<Scope>) -> Result<Args, JinjaError> {
        let mut bound = Args::new(self.eval_all(&args.positional, scope)?);
        for (name, value) in &args.keyword {
            let value = self.eval(value, scope)?;
            bound.keyword.insert(name.clone(), value);
        }
        if let Some(star) = &args.star {
            let value = self.eval(star, scope)?;
            bound.positional.extend(iterate::collect(self, &value)?);
        }
        if let Some(star_star) = &args.star_star {
            let value = self.eval(star_star, scope)?;
            let Some(pairs) = value.pairs() else {
                return Err(JinjaError::type_error(format!(
                    "argument after ** must be a mapping, not {}",
                    value.type_name()
                )));
            };
            for (key, value) in pairs {
                let Value::Str(key) = key else {
                    return Err(JinjaError::type_error("keywords must be strings"));
                };
                if bound.keyword.contains_key(&key) {
                    return Err(JinjaError::type_error(format!("got multiple values for keyword argument '{key}'")));
                }
                bound.keyword.insert(key, value);
            }
        }
        Ok(bound)
    }

    #[inline(never)]
    pub(super) fn filter(&mut self, filter: &FilterCall, value: Value, scope: &Arc<Scope>) -> Outcome {
        let args = self.eval_args(&filter.args, scope)?;
        let span = self.swap_span(Some(filter.span));
        let mut result = filters::apply(self, &filter.name, value, args);
        self.swap_span(span);
        if let Err(error) = &mut result {
            error.span.get_or_insert(filter.span);
        }
        result
    }

    #[inline(never)]
    fn test(&mut self, test: &TestCall, value: &Value, scope: &Arc<Scope>) -> Outcome {
        let args = self.eval_args(&test.args, scope)?;
        let found = checks::check(self, &test.name, value, args.positional)?;
        Ok(Value::Bool(found != test.negated))
    }
}
