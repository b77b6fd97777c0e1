//! Evaluates expressions.

use std::sync::Arc;

use super::{
    Args, Interp, JinjaError, Value, attributes, builtins, checks,
    exec::located,
    filters, iterate, methods, operators,
    scope::Scope,
    slice,
    tree::{Arguments, Expr, ExprKind, FilterCall, TestCall},
    value::check_depth,
};

type Outcome = Result<Value, JinjaError>;

impl Interp<'_> {
    pub(super) fn eval(&mut self, expr: &Expr, scope: &Arc<Scope>) -> Outcome {
        match &expr.kind {
            ExprKind::Const(value) => Ok(value.clone()),
            ExprKind::Name(name) => Ok(self.name(name, scope)),
            ExprKind::Call(callee, args) => self.eval_call(expr, callee, args, None, scope),
            _ => self.check_stack().and_then(|()| self.compute(expr, scope)).map_err(|error| located(error, expr)),
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

    fn compute(&mut self, expr: &Expr, scope: &Arc<Scope>) -> Outcome {
        match &expr.kind {
            ExprKind::Attr(object, name) => {
                let object = self.eval(object, scope)?;
                attributes::attribute(&object, name, self.globals.is_lenient())
            }
            ExprKind::Item(object, key) => {
                let object = self.eval(object, scope)?;
                let key = self.eval(key, scope)?;
                attributes::item(&object, &key, self.globals.is_lenient())
            }
            ExprKind::Filter(inner, filter) => {
                let value = self.eval(inner, scope)?;
                self.filter(filter, value, scope)
            }
            ExprKind::Test(inner, test) => {
                let value = self.eval(inner, scope)?;
                self.test(test, &value, scope)
            }
            ExprKind::Not(inner) => Ok(Value::Bool(!self.eval(inner, scope)?.is_truthy())),
            ExprKind::Negative(inner) => operators::negative(&self.eval(inner, scope)?),
            ExprKind::Positive(inner) => operators::positive(&self.eval(inner, scope)?),
            ExprKind::And(items) => self.until(items, false, scope),
            ExprKind::Or(items) => self.until(items, true, scope),
            ExprKind::If(condition) => {
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
            _ => self.compute_rare(expr, scope),
        }
    }

    #[inline(never)]
    fn compute_rare(&mut self, expr: &Expr, scope: &Arc<Scope>) -> Outcome {
        match &expr.kind {
            ExprKind::List(items) => Ok(Value::list(self.members(items, scope)?)),
            ExprKind::Tuple(items) => Ok(Value::tuple(self.members(items, scope)?)),
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
            ExprKind::Concat(items) => {
                let mut text = String::new();
                for item in items {
                    match self.eval(item, scope)? {
                        Value::Str(part) => text.push_str(&part),
                        other => text.push_str(&other.to_str()),
                    }
                    operators::check_size(text.len())?;
                }
                Ok(text.into())
            }
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
        let result = self.call_inner(expr, callee, args, caller, scope);
        self.swap_span(span);
        result.map_err(|error| located(error, expr))
    }

    fn call_inner(
        &mut self,
        expr: &Expr,
        callee: &Expr,
        args: &Arguments,
        caller: Option<Value>,
        scope: &Arc<Scope>,
    ) -> Outcome {
        self.check_stack()?;
        if let ExprKind::Attr(object, name) = &callee.kind {
            let object = self.eval(object, scope)?;
            let mut args = self.eval_args(args, scope)?;
            if let Some(caller) = caller {
                args.keyword.insert("caller".into(), caller);
            }
            self.swap_span(Some(expr.span));
            return methods::call_method(self, &object, name, args);
        }
        let function = self.eval(callee, scope)?;
        let mut args = self.eval_args(args, scope)?;
        if let Some(caller) = caller {
            args.keyword.insert("caller".into(), caller);
        }
        // Arguments may have been calls themselves.
        self.swap_span(Some(expr.span));
        self.call(&function, args)
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
        let result = filters::apply(self, &filter.name, value, args);
        self.swap_span(span);
        result.map_err(|mut error| {
            if error.span.is_none() {
                error.span = Some(filter.span);
            }
            error
        })
    }

    #[inline(never)]
    fn test(&mut self, test: &TestCall, value: &Value, scope: &Arc<Scope>) -> Outcome {
        let args = self.eval_args(&test.args, scope)?;
        let found = checks::check(self, &test.name, value, args.positional)?;
        Ok(Value::Bool(found != test.negated))
    }
}
