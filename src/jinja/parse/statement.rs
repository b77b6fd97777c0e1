//! Statements of Jinja itself.

use std::sync::Arc;

use super::{
    super::{
        lex::Fault,
        tree::{Expr, ExprKind, For, MacroBody, ParamDef, Stmt, StmtKind, Target, Uses},
    },
    Parsed, Parser, Tok,
    expression::is_constant,
};

impl Parser<'_> {
    /// A whole text.
    pub(super) fn template(&mut self) -> Vec<Stmt> {
        let mut body = Vec::new();
        while self.peek().is_some() && !self.stopped {
            self.statements(&mut body);
            if self.is_end_tag() && !self.stopped {
                let name = self.text_at(1);
                let message = format!("unexpected `{name}`: no block is open that it could belong to");
                self.at += 1;
                let fault = self.fault(message);
                match &mut self.stray {
                    Some(stray) => stray.push(fault),
                    None => self.report(fault),
                }
                self.resync(Tok::BlockEnd);
            }
        }
        body
    }

    fn is_end_tag(&self) -> bool {
        self.peek() == Some(Tok::BlockStart)
            && self.peek_at(1) == Some(Tok::Ident)
            && (self.text_at(1).starts_with("end") || matches!(self.text_at(1), "else" | "elif"))
    }

    /// Reads statements up to an end tag, `else`, `elif` or the end of the text.
    fn statements(&mut self, body: &mut Vec<Stmt>) {
        while let Some(tok) = self.peek() {
            if self.stopped || self.is_end_tag() {
                return;
            }
            let start = self.start();
            match tok {
                Tok::Text => {
                    let text = crate::diagnostic::line_feeds(self.text_at(0)).into();
                    self.at += 1;
                    body.push(Stmt { span: self.span_from(start), kind: StmtKind::Text(text) });
                }
                Tok::VarStart => {
                    self.at += 1;
                    let expr = self.attempt(|parser| {
                        let expr = parser.tuple(true, &[], false)?;
                        parser.close(start, Tok::VarEnd)?;
                        Ok(expr)
                    });
                    match expr {
                        Some(expr) => {
                            let constant = is_constant(&expr);
                            body.push(Stmt { span: expr.span, kind: StmtKind::Output { expr, constant } });
                        }
                        None => self.resync(Tok::VarEnd),
                    }
                }
                Tok::BlockStart => {
                    self.at += 1;
                    match self.attempt(|parser| parser.statement(start)) {
                        Some(kind) => {
                            let span = self.span_from(start);
                            body.extend(kind.into_iter().map(|kind| Stmt { span, kind }));
                        }
                        None => self.resync(Tok::BlockEnd),
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// Expects the end of the tag that was opened at `start`.
    pub(super) fn close(&mut self, start: usize, end: Tok) -> Parsed<()> {
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        if self.peek().is_none() {
            let (open, close) = if end == Tok::VarEnd { ("{{", "}}") } else { ("{%", "%}") };
            return Err(Fault { message: format!("`{open}` is not closed: missing `{close}`"), start, end: start + 2 });
        }
        Err(self.unexpected(if end == Tok::VarEnd { "end of print statement" } else { "end of statement block" }))
    }

    /// Reads the body of a block up to one of `ends`, whose name is consumed and returned; the rest of that tag is
    /// left. The block was opened at `start` by the tag `tag`.
    pub(super) fn block(
        &mut self,
        start: usize,
        tag: &str,
        ends: &'static [&'static str],
    ) -> Parsed<(Vec<Stmt>, &'static str)> {
        self.enter()?;
        self.waiting.push(ends);
        let mut body = Vec::new();
        let result = loop {
            self.statements(&mut body);
            if self.stopped {
                break Err(Fault { message: String::new(), start, end: start });
            }
            if self.peek().is_none() {
                let end = ends.last().copied().unwrap_or("");
                let message = format!("`{tag}` is not closed: missing `{{% {end} %}}`");
                break Err(Fault { message, start, end: start + 2 });
            }
            let name = self.text_at(1);
            if let Some(end) = ends.iter().find(|end| **end == name) {
                self.at += 2;
                break Ok((body, *end));
            }
            self.at += 1;
            let expected = ends.join("` or `");
            let fault = self.fault(format!("unexpected `{name}`: `{tag}` is open, expected `{expected}`"));
            if self.waiting.iter().any(|outer| outer.contains(&name)) {
                // It closes an outer block: this one is not closed.
                self.at -= 1;
                break Err(Fault { start, end: start + 2, ..fault });
            }
            self.report(fault);
            self.resync(Tok::BlockEnd);
        };
        self.waiting.pop();
        self.leave();
        result
    }

    /// The header of a block: `None` after an error, which is reported; the tag is consumed in any case.
    pub(super) fn header<T>(&mut self, start: usize, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Option<T> {
        let value = self.attempt(|parser| {
            let value = part(parser)?;
            parser.close(start, Tok::BlockEnd)?;
            Ok(value)
        });
        if value.is_none() {
            self.resync(Tok::BlockEnd);
        }
        value
    }

    /// A statement behind `{%`. `None` for one that prints nothing.
    fn statement(&mut self, start: usize) -> Parsed<Option<StmtKind>> {
        let name = self.text_at(0);
        if self.peek() != Some(Tok::Ident) {
            return Err(self.unexpected("a tag name"));
        }
        let name_token = self.fault("");
        self.at += 1;
        let kind = match name {
            "if" => self.if_block(start)?,
            "for" => self.for_block(start)?,
            "set" => self.set(start)?,
            "with" => self.with(start)?,
            "macro" => self.macro_block(start)?,
            "call" => self.call_block(start)?,
            "filter" => self.filter_block(start)?,
            "autoescape" => {
                self.header(start, Self::expression);
                let (body, _) = self.block(start, "autoescape", &["endautoescape"])?;
                self.close(start, Tok::BlockEnd)?;
                StmtKind::With { bindings: Vec::new(), body }
            }
            "do" => {
                let expr = self.tuple(true, &[], false)?;
                self.close(start, Tok::BlockEnd)?;
                StmtKind::Do(expr)
            }
            "print" => {
                let mut expr = self.tuple(true, &[], false)?;
                self.close(start, Tok::BlockEnd)?;
                let constant = is_constant(&expr);
                if let ExprKind::Tuple(items) = expr.kind {
                    expr.kind = ExprKind::Concat(items);
                }
                StmtKind::Output { expr, constant }
            }
            "break" | "continue" => {
                if !self.waiting.iter().any(|ends| ends.contains(&"endfor")) {
                    return Err(Fault { message: format!("`{name}` is outside of a loop"), ..name_token });
                }
                self.close(start, Tok::BlockEnd)?;
                if name == "break" { StmtKind::Break } else { StmtKind::Continue }
            }
            "test" | "materialization" | "snapshot" | "docs" => {
                self.dbt_block(start, name)?;
                return Ok(None);
            }
            "include" | "import" | "from" | "extends" | "block" => {
                let message = format!("`{{% {name} %}}` is not supported: dbt has no template files to load");
                return Err(Fault { message, ..name_token });
            }
            _ => {
                let fault = Fault { message: format!("unknown tag '{name}'"), ..name_token };
                // Between macros dbt reads the blocks that it knows, and nothing else.
                match &mut self.stray {
                    Some(stray) if self.waiting.is_empty() => stray.push(fault),
                    _ => return Err(fault),
                }
                self.resync(Tok::BlockEnd);
                // Nor is what stands in it looked at.
                let end = self.tokens.get(self.at.saturating_sub(1)).map_or(self.text.len(), |token| token.end);
                self.faults.retain(|fault| !(start..end).contains(&fault.start));
                return Ok(None);
            }
        };
        Ok(Some(kind))
    }

    fn if_block(&mut self, start: usize) -> Parsed<StmtKind> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        let mut has_else = false;
        let mut test = self.header(start, |parser| parser.tuple(false, &[], false));
        loop {
            let ends: &[&str] = if has_else { &["endif"] } else { &["elif", "else", "endif"] };
            let (body, end) = self.block(start, "if", ends)?;
            if has_else {
                otherwise = body;
            } else if let Some(test) = test.take() {
                branches.push((test, body));
            }
            match end {
                "elif" => test = self.header(start, |parser| parser.tuple(false, &[], false)),
                "else" => {
                    has_else = true;
                    self.close(start, Tok::BlockEnd)?;
                }
                _ => {
                    self.close(start, Tok::BlockEnd)?;
                    return Ok(StmtKind::If { branches, otherwise });
                }
            }
        }
    }

    fn for_block(&mut self, start: usize) -> Parsed<StmtKind> {
        let header = self.header(start, |parser| {
            let target = parser.target(&["in"])?;
            parser.expect_name("in")?;
            let iterable = parser.tuple(false, &["recursive"], false)?;
            let filter = if parser.skip_name("if") { Some(parser.expression()?) } else { None };
            let recursive = parser.skip_name("recursive");
            Ok((target, iterable, filter, recursive))
        });
        let (body, end) = self.block(start, "for", &["else", "endfor"])?;
        let mut otherwise = Vec::new();
        if end == "else" {
            self.close(start, Tok::BlockEnd)?;
            (otherwise, _) = self.block(start, "for", &["endfor"])?;
        }
        self.close(start, Tok::BlockEnd)?;
        let Some((target, iterable, filter, recursive)) = header else { return Ok(StmtKind::Break) };
        Ok(StmtKind::For(Arc::new(For { target, iterable, filter, recursive, body, otherwise })))
    }

    /// What is assigned to: a name, several, or an attribute of a namespace. Stops before a name of `ends`.
    fn target(&mut self, ends: &[&str]) -> Parsed<Target> {
        self.enter()?;
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() && !self.skip_op(",") {
                break;
            }
            is_tuple |= !items.is_empty();
            let ended = match self.peek() {
                Some(Tok::Ident) => ends.contains(&self.text_at(0)),
                Some(Tok::Op("(")) => false,
                _ => true,
            };
            if ended {
                break;
            }
            items.push(self.single_target()?);
        }
        self.leave();
        if is_tuple {
            return Ok(Target::Tuple(items));
        }
        items.pop().ok_or_else(|| self.unexpected("a name to assign to"))
    }

    fn single_target(&mut self) -> Parsed<Target> {
        if self.skip_op("(") {
            let inner = self.target(&[])?;
            self.expect_op(")")?;
            return Ok(inner);
        }
        if matches!(self.text_at(0), "true" | "false" | "none" | "True" | "False" | "None") {
            return Err(self.fault(format!("can't assign to '{}'", self.text_at(0))));
        }
        let start = self.start();
        let name = self.identifier("a name to assign to")?;
        if self.skip_op(".") {
            let attribute = self.identifier("an attribute name")?;
            return Ok(Target::Attr(name, attribute, self.span_from(start)));
        }
        Ok(Target::Name(name))
    }

    fn set(&mut self, start: usize) -> Parsed<StmtKind> {
        let target = self.target(&[])?;
        if self.skip_op("=") {
            let value = self.tuple(true, &[], false)?;
            self.close(start, Tok::BlockEnd)?;
            return Ok(StmtKind::Set(target, value));
        }
        let mut filters = Vec::new();
        while self.skip_op("|") {
            filters.push(self.filter()?);
        }
        self.close(start, Tok::BlockEnd)?;
        let (body, _) = self.block(start, "set", &["endset"])?;
        self.close(start, Tok::BlockEnd)?;
        Ok(StmtKind::SetBlock { target, filters, body })
    }

    fn with(&mut self, start: usize) -> Parsed<StmtKind> {
        let bindings = self.header(start, |parser| {
            let mut bindings = Vec::new();
            while parser.peek() != Some(Tok::BlockEnd) {
                if !bindings.is_empty() {
                    parser.expect_op(",")?;
                }
                let target = parser.single_target()?;
                parser.expect_op("=")?;
                bindings.push((target, parser.expression()?));
            }
            Ok(bindings)
        });
        let (body, _) = self.block(start, "with", &["endwith"])?;
        self.close(start, Tok::BlockEnd)?;
        Ok(StmtKind::With { bindings: bindings.unwrap_or_default(), body })
    }

    fn filter_block(&mut self, start: usize) -> Parsed<StmtKind> {
        let filters = self.header(start, |parser| {
            let mut filters = vec![parser.filter()?];
            while parser.skip_op("|") {
                filters.push(parser.filter()?);
            }
            Ok(filters)
        });
        let (body, _) = self.block(start, "filter", &["endfilter"])?;
        self.close(start, Tok::BlockEnd)?;
        Ok(StmtKind::Filter { filters: filters.unwrap_or_default(), body })
    }

    fn call_block(&mut self, start: usize) -> Parsed<StmtKind> {
        let header = self.header(start, |parser| {
            let params = if parser.is_op("(") { parser.signature()? } else { Vec::new() };
            let call = parser.expression()?;
            if !matches!(call.kind, ExprKind::Call(..)) {
                return Err(Fault { message: "expected a call".to_owned(), ..parser.fault("") });
            }
            Ok((params, call))
        });
        let outer = std::mem::take(&mut self.uses);
        let (body, _) = self.block(start, "call", &["endcall"])?;
        self.close(start, Tok::BlockEnd)?;
        let uses = self.restore_uses(outer);
        let (params, call) = header.unwrap_or_else(|| {
            (Vec::new(), Expr { span: self.span_from(start), kind: ExprKind::Const(super::super::Value::None) })
        });
        let name = self.intern("caller");
        let caller = Arc::new(MacroBody { name, params, body, uses, span: self.span_from(start) });
        Ok(StmtKind::Call { call, caller })
    }

    /// Ends the collection of implicit names of a body: an inner use is an outer one too.
    pub(super) fn restore_uses(&mut self, outer: Uses) -> Uses {
        let inner = self.uses;
        self.uses = Uses {
            varargs: inner.varargs || outer.varargs,
            kwargs: inner.kwargs || outer.kwargs,
            caller: inner.caller || outer.caller,
        };
        inner
    }

    /// `(a, b: type = default)`; types are read and ignored.
    pub(super) fn signature(&mut self) -> Parsed<Vec<ParamDef>> {
        self.expect_op("(")?;
        let mut params: Vec<ParamDef> = Vec::new();
        while !self.is_op(")") {
            if !params.is_empty() {
                self.expect_op(",")?;
                if self.is_op(")") {
                    break;
                }
            }
            let name = self.identifier("a parameter name")?;
            if self.skip_op(":") {
                self.type_name()?;
            }
            let default = if self.skip_op("=") { Some(self.expression()?) } else { None };
            if default.is_none() && params.last().is_some_and(|last| last.default.is_some()) {
                return Err(self.fault("non-default argument follows default argument"));
            }
            params.push(ParamDef { name, default });
        }
        self.expect_op(")")?;
        Ok(params)
    }

    fn type_name(&mut self) -> Parsed<()> {
        self.enter()?;
        self.identifier("a type name")?;
        if self.skip_op("[") {
            while !self.is_op("]") {
                self.type_name()?;
                if !self.skip_op(",") {
                    break;
                }
            }
            self.expect_op("]")?;
        }
        self.leave();
        Ok(())
    }
}
