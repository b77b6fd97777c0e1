//! Expressions, with Jinja's precedences: `~` binds tighter than `+`, a unary minus tighter than `**`.

use super::{
    super::{
        StaticCall, Value,
        tree::{Arguments, Arithmetic, Comparison, Condition, Expr, ExprKind, FilterCall, Name, TestCall},
    },
    MAX_CHAIN, Parsed, Parser, Tok, literal,
};

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.conditional(true)
    }

    /// An expression; `a if b else c` only when `with_if`.
    pub(super) fn conditional(&mut self, with_if: bool) -> Parsed<Expr> {
        self.enter()?;
        let start = self.start();
        let mut then = self.or()?;
        let mut links = 0;
        while with_if && self.skip_name("if") {
            links += 1;
            if links > MAX_CHAIN {
                return Err(self.fault("the expression is too long"));
            }
            let test = self.or()?;
            let otherwise = if self.skip_name("else") { Some(self.conditional(true)?) } else { None };
            then = self.expr(start, ExprKind::If(Box::new(Condition { test, then, otherwise })));
        }
        self.leave();
        Ok(then)
    }

    /// A tuple without parentheses, or one expression. Stops before a name of `ends`.
    pub(super) fn tuple(&mut self, with_if: bool, ends: &[&str], explicit: bool) -> Parsed<Expr> {
        let start = self.start();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            if self.ends_tuple(ends) {
                break;
            }
            items.push(self.conditional(with_if)?);
            if !self.is_op(",") {
                break;
            }
            is_tuple = true;
        }
        if !is_tuple {
            if let Some(single) = items.pop() {
                return Ok(single);
            }
            if !explicit {
                return Err(self.unexpected("an expression"));
            }
        }
        Ok(self.expr(start, ExprKind::Tuple(items)))
    }

    fn ends_tuple(&self, ends: &[&str]) -> bool {
        match self.peek() {
            None | Some(Tok::VarEnd | Tok::BlockEnd | Tok::Op(")")) => true,
            Some(Tok::Ident) => ends.contains(&self.text_at(0)),
            _ => false,
        }
    }

    fn or(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let first = self.and()?;
        if !self.is_name("or") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_name("or") {
            items.push(self.and()?);
        }
        Ok(self.expr(start, ExprKind::Or(items)))
    }

    fn and(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let first = self.not()?;
        if !self.is_name("and") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_name("and") {
            items.push(self.not()?);
        }
        Ok(self.expr(start, ExprKind::And(items)))
    }

    fn not(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let mut count = 0_usize;
        while self.skip_name("not") {
            count += 1;
        }
        let mut expr = self.compare()?;
        // Two negations make a boolean; more of them change nothing.
        let kept = if count > 2 { 2 - count % 2 } else { count };
        for _ in 0..kept {
            expr = self.expr(start, ExprKind::Not(Box::new(expr)));
        }
        Ok(expr)
    }

    fn compare(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let first = self.sum()?;
        let mut rest = Vec::new();
        loop {
            let operator = match self.peek() {
                Some(Tok::Op("==")) => Comparison::Eq,
                Some(Tok::Op("!=")) => Comparison::Ne,
                Some(Tok::Op("<")) => Comparison::Lt,
                Some(Tok::Op("<=")) => Comparison::Le,
                Some(Tok::Op(">")) => Comparison::Gt,
                Some(Tok::Op(">=")) => Comparison::Ge,
                Some(Tok::Ident) if self.text_at(0) == "in" => Comparison::In,
                Some(Tok::Ident)
                    if self.text_at(0) == "not" && self.peek_at(1) == Some(Tok::Ident) && self.text_at(1) == "in" =>
                {
                    self.at += 1;
                    Comparison::NotIn
                }
                _ => break,
            };
            self.at += 1;
            rest.push((operator, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.expr(start, ExprKind::Compare(Box::new(first), rest)))
    }

    fn sum(&mut self) -> Parsed<Expr> {
        self.operators(&[("+", Arithmetic::Add), ("-", Arithmetic::Sub)], Self::concat)
    }

    fn concat(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let first = self.product()?;
        if !self.is_op("~") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_op("~") {
            items.push(self.product()?);
        }
        Ok(self.expr(start, ExprKind::Concat(items)))
    }

    fn product(&mut self) -> Parsed<Expr> {
        const OPERATORS: &[(&str, Arithmetic)] =
            &[("*", Arithmetic::Mul), ("/", Arithmetic::Div), ("//", Arithmetic::FloorDiv), ("%", Arithmetic::Mod)];
        self.operators(OPERATORS, Self::power)
    }

    fn power(&mut self) -> Parsed<Expr> {
        self.operators(&[("**", Arithmetic::Pow)], |parser| parser.unary(true))
    }

    fn operators(
        &mut self,
        operators: &[(&str, Arithmetic)],
        operand: impl Fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let start = self.start();
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(Tok::Op(symbol)) = self.peek() {
            let Some((_, operator)) = operators.iter().find(|(known, _)| *known == symbol) else { break };
            self.at += 1;
            rest.push((*operator, operand(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.expr(start, ExprKind::Arithmetic(Box::new(first), rest)))
    }

    fn unary(&mut self, with_filters: bool) -> Parsed<Expr> {
        let start = self.start();
        let negative = self.is_op("-");
        let expr = if negative || self.is_op("+") {
            self.at += 1;
            self.enter()?;
            let inner = Box::new(self.unary(false)?);
            self.leave();
            self.expr(start, if negative { ExprKind::Negative(inner) } else { ExprKind::Positive(inner) })
        } else {
            self.primary()?
        };
        let expr = self.postfix(start, expr)?;
        if with_filters { self.filters_and_tests(start, expr) } else { Ok(expr) }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let kind = match self.peek() {
            Some(Tok::Ident) => {
                let name = self.text_at(0);
                let constant = match name {
                    "true" | "True" => Some(Value::Bool(true)),
                    "false" | "False" => Some(Value::Bool(false)),
                    "none" | "None" => Some(Value::None),
                    _ => None,
                };
                let name = self.identifier("a name")?;
                match constant {
                    Some(value) => ExprKind::Const(value),
                    None => {
                        self.uses.varargs |= &*name == "varargs";
                        self.uses.kwargs |= &*name == "kwargs";
                        self.uses.caller |= &*name == "caller";
                        ExprKind::Name(name)
                    }
                }
            }
            Some(Tok::Str) => {
                let mut text = String::new();
                while self.peek() == Some(Tok::Str) {
                    text.push_str(&literal::unescape(&crate::diagnostic::line_feeds(self.text_at(0))));
                    self.at += 1;
                }
                ExprKind::Const(text.into())
            }
            Some(Tok::Int(value)) => {
                let Some(value) = value else {
                    return Err(self.fault("the number does not fit into 64 bits"));
                };
                self.at += 1;
                ExprKind::Const(Value::Int(value))
            }
            Some(Tok::Float(value)) => {
                self.at += 1;
                ExprKind::Const(Value::Float(value))
            }
            Some(Tok::Op("(")) => {
                self.at += 1;
                let mut inner = self.tuple(true, &[], true)?;
                self.expect_op(")")?;
                // The parentheses belong to what they enclose.
                inner.span = self.span_from(start);
                return Ok(inner);
            }
            Some(Tok::Op("[")) => {
                self.at += 1;
                let items = self.items("]")?;
                ExprKind::List(items)
            }
            Some(Tok::Op("{")) => {
                self.at += 1;
                self.dict()?
            }
            _ => return Err(self.unexpected("an expression")),
        };
        Ok(self.expr(start, kind))
    }

    /// Comma-separated expressions up to `close`, which is consumed.
    fn items(&mut self, close: &str) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        while !self.is_op(close) {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            if self.is_op(close) {
                break;
            }
            items.push(self.expression()?);
        }
        self.expect_op(close)?;
        Ok(items)
    }

    fn dict(&mut self) -> Parsed<ExprKind> {
        let mut pairs = Vec::new();
        while !self.is_op("}") {
            if !pairs.is_empty() {
                self.expect_op(",")?;
            }
            if self.is_op("}") {
                break;
            }
            let key = self.expression()?;
            self.expect_op(":")?;
            pairs.push((key, self.expression()?));
        }
        self.expect_op("}")?;
        Ok(ExprKind::Dict(pairs))
    }

    pub(super) fn postfix(&mut self, start: usize, mut expr: Expr) -> Parsed<Expr> {
        let mut links = 0;
        loop {
            expr = match self.peek() {
                Some(Tok::Op("." | "[")) => self.subscript(start, expr)?,
                Some(Tok::Op("(")) => self.call(start, expr)?,
                _ => return Ok(expr),
            };
            links += 1;
            if links > MAX_CHAIN {
                return Err(self.fault("the expression is too long"));
            }
        }
    }

    fn subscript(&mut self, start: usize, object: Expr) -> Parsed<Expr> {
        let object = Box::new(object);
        if self.skip_op(".") {
            if let Some(Tok::Int(Some(index))) = self.peek() {
                let at = self.start();
                self.at += 1;
                let key = self.expr(at, ExprKind::Const(Value::Int(index)));
                return Ok(self.expr(start, ExprKind::Item(object, Box::new(key))));
            }
            let name = self.identifier("a name or a number")?;
            return Ok(self.expr(start, ExprKind::Attr(object, name)));
        }
        self.expect_op("[")?;
        let at = self.start();
        let mut keys = Vec::new();
        let mut slice = None;
        while !self.is_op("]") {
            if !keys.is_empty() {
                self.expect_op(",")?;
            }
            match self.slice_part()? {
                Ok(key) => keys.push(key),
                Err(bounds) if keys.is_empty() && self.is_op("]") => {
                    slice = Some(bounds);
                    break;
                }
                Err(_) => return Err(self.unexpected("']'")),
            }
        }
        if keys.is_empty() && slice.is_none() {
            return Err(self.unexpected("an expression"));
        }
        let is_tuple = keys.len() > 1;
        let kind = match (slice, is_tuple, keys.pop()) {
            (None, false, Some(key)) => ExprKind::Item(object, Box::new(key)),
            (Some(bounds), ..) => ExprKind::Slice(object, bounds),
            (None, _, last) => {
                keys.extend(last);
                let key = self.expr(at, ExprKind::Tuple(keys));
                ExprKind::Item(object, Box::new(key))
            }
        };
        self.expect_op("]")?;
        Ok(self.expr(start, kind))
    }

    /// One part of a subscript: an expression, or the bounds of a slice.
    fn slice_part(&mut self) -> Parsed<Result<Expr, Box<[Option<Expr>; 3]>>> {
        let mut bounds = [const { None }; 3];
        if !self.is_op(":") {
            let first = self.expression()?;
            if !self.is_op(":") {
                return Ok(Ok(first));
            }
            bounds = [Some(first), None, None];
        }
        for bound in bounds.iter_mut().skip(1) {
            if !self.skip_op(":") {
                break;
            }
            if !self.is_op(":") && !self.is_op("]") && !self.is_op(",") {
                *bound = Some(self.expression()?);
            }
        }
        Ok(Err(Box::new(bounds)))
    }

    pub(super) fn call(&mut self, start: usize, callee: Expr) -> Parsed<Expr> {
        // The name is recorded before those of the arguments: order of first appearance.
        let at = self.calls.len();
        let args = self.arguments()?;
        if let Some(call) = static_call(&callee, &args) {
            self.record(at, call);
        }
        if matches!(&callee.kind, ExprKind::Name(name) if &**name == "config") {
            self.config_keys.extend(keys(&args));
        }
        Ok(self.expr(start, ExprKind::Call(Box::new(callee), Box::new(args))))
    }

    pub(super) fn arguments(&mut self) -> Parsed<Arguments> {
        self.expect_op("(")?;
        let mut args = Arguments::default();
        let mut first = true;
        while !self.is_op(")") {
            if !first {
                self.expect_op(",")?;
                if self.is_op(")") {
                    break;
                }
            }
            first = false;
            if self.skip_op("**") {
                if args.star_star.is_some() {
                    return Err(self.fault("invalid syntax for function call expression"));
                }
                args.star_star = Some(self.expression()?);
            } else if self.skip_op("*") {
                if args.star.is_some() || args.star_star.is_some() {
                    return Err(self.fault("invalid syntax for function call expression"));
                }
                args.star = Some(self.expression()?);
            } else if self.peek() == Some(Tok::Ident) && self.peek_at(1) == Some(Tok::Op("=")) {
                let name = self.identifier("a name")?;
                self.at += 1;
                if args.star_star.is_some() {
                    return Err(self.fault("invalid syntax for function call expression"));
                }
                args.keyword.push((name, self.expression()?));
            } else {
                if args.star.is_some() || args.star_star.is_some() || !args.keyword.is_empty() {
                    return Err(self.fault("invalid syntax for function call expression"));
                }
                args.positional.push(self.expression()?);
            }
        }
        self.expect_op(")")?;
        Ok(args)
    }

    fn filters_and_tests(&mut self, start: usize, mut expr: Expr) -> Parsed<Expr> {
        let mut links = 0;
        loop {
            expr = if self.skip_op("|") {
                let filter = self.filter()?;
                self.expr(start, ExprKind::Filter(Box::new(expr), Box::new(filter)))
            } else if self.skip_name("is") {
                let test = self.test()?;
                self.expr(start, ExprKind::Test(Box::new(expr), Box::new(test)))
            } else if self.is_op("(") {
                self.call(start, expr)?
            } else {
                return Ok(expr);
            };
            links += 1;
            if links > MAX_CHAIN {
                return Err(self.fault("the expression is too long"));
            }
        }
    }

    /// A filter's name and arguments, behind the `|`.
    pub(super) fn filter(&mut self) -> Parsed<FilterCall> {
        let start = self.start();
        let name = self.dotted("a filter")?;
        let args = if self.is_op("(") { self.arguments()? } else { Arguments::default() };
        Ok(FilterCall { name, args, span: self.span_from(start) })
    }

    fn dotted(&mut self, what: &str) -> Parsed<super::Name> {
        let mut name = self.identifier(what)?;
        while self.skip_op(".") {
            let part = self.identifier("a name")?;
            name = format!("{name}.{part}").into();
        }
        Ok(name)
    }

    fn test(&mut self) -> Parsed<TestCall> {
        let negated = self.skip_name("not");
        let name = self.dotted("a test")?;
        let mut args = Arguments::default();
        let starts_argument = match self.peek() {
            Some(Tok::Op("(")) => {
                args = self.arguments()?;
                false
            }
            Some(Tok::Str | Tok::Int(_) | Tok::Float(_) | Tok::Op("[" | "{")) => true,
            Some(Tok::Ident) => match self.text_at(0) {
                "else" | "or" | "and" | "if" | "in" | "not" | "recursive" => false,
                "is" => return Err(self.fault("tests with `is` cannot be chained")),
                _ => true,
            },
            _ => false,
        };
        if starts_argument {
            let start = self.start();
            let argument = self.primary()?;
            args.positional.push(self.postfix(start, argument)?);
        }
        Ok(TestCall { name, args, negated })
    }
}

/// The names of keyword arguments, and the literal keys of dicts that are given by position.
fn keys(args: &Arguments) -> impl Iterator<Item = Name> + '_ {
    let of_dicts = args.positional.iter().chain(&args.star_star).flat_map(|arg| match &arg.kind {
        ExprKind::Dict(pairs) => pairs.as_slice(),
        _ => &[],
    });
    let literal = of_dicts.filter_map(|(key, _)| match &key.kind {
        ExprKind::Const(Value::Str(text)) => Some(text.clone()),
        _ => None,
    });
    args.keyword.iter().map(|(name, _)| name.clone()).chain(literal)
}

fn static_call(callee: &Expr, args: &Arguments) -> Option<StaticCall> {
    match &callee.kind {
        ExprKind::Name(name) => Some(StaticCall::Name(name.clone())),
        ExprKind::Attr(object, name) => match &object.kind {
            ExprKind::Name(object) if &**object == "adapter" && &**name == "dispatch" => dispatch(args),
            ExprKind::Name(object) => Some(StaticCall::Qualified(object.clone(), name.clone())),
            _ => None,
        },
        _ => None,
    }
}

fn dispatch(args: &Arguments) -> Option<StaticCall> {
    let literal = |position: usize, name: &str| {
        let named = args.keyword.iter().find(|(key, _)| &**key == name).map(|(_, value)| value);
        match args.positional.get(position).or(named).map(|expr| &expr.kind) {
            Some(ExprKind::Const(Value::Str(text))) => Some(text.clone()),
            _ => None,
        }
    };
    let name = literal(0, "macro_name")?;
    Some(StaticCall::Dispatch { name, namespace: literal(1, "macro_namespace") })
}

/// Whether Jinja computes the expression when it compiles the template.
pub(super) fn is_constant(expr: &Expr) -> bool {
    let all = |items: &[Expr]| items.iter().all(is_constant);
    let arguments = |args: &Arguments| {
        all(&args.positional)
            && args.keyword.iter().all(|(_, value)| is_constant(value))
            && args.star.iter().chain(&args.star_star).all(is_constant)
    };
    match &expr.kind {
        ExprKind::Const(_) => true,
        ExprKind::Name(_) | ExprKind::Call(..) => false,
        ExprKind::List(items) | ExprKind::Tuple(items) | ExprKind::Concat(items) => all(items),
        ExprKind::And(items) | ExprKind::Or(items) => all(items),
        ExprKind::Dict(pairs) => pairs.iter().all(|(key, value)| is_constant(key) && is_constant(value)),
        ExprKind::Attr(inner, _) | ExprKind::Not(inner) | ExprKind::Negative(inner) | ExprKind::Positive(inner) => {
            is_constant(inner)
        }
        ExprKind::Item(object, key) => is_constant(object) && is_constant(key),
        ExprKind::Slice(object, bounds) => is_constant(object) && bounds.iter().flatten().all(is_constant),
        ExprKind::Filter(inner, filter) => is_constant(inner) && &*filter.name != "random" && arguments(&filter.args),
        ExprKind::Test(inner, test) => is_constant(inner) && arguments(&test.args),
        ExprKind::Arithmetic(first, rest) => is_constant(first) && rest.iter().all(|(_, item)| is_constant(item)),
        ExprKind::Compare(first, rest) => is_constant(first) && rest.iter().all(|(_, item)| is_constant(item)),
        ExprKind::If(condition) => {
            is_constant(&condition.test)
                && is_constant(&condition.then)
                && condition.otherwise.as_ref().is_some_and(is_constant)
        }
    }
}
