//! Tokens → tree. Recovers after an error at the end of the tag, so that one pass reports several. Every nesting is
//! counted: what is too deep is an error, never a stack overflow.

mod blocks;
mod expression;
mod literal;
mod statement;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use crate::diagnostic::{Diagnostic, Origin, Span};

use super::{
    Block, MacroKind, Param, StaticCall,
    lex::{Fault, Tok, Token, lex},
    tree::{Expr, ExprKind, MacroBody, Name, Stmt, Uses},
};

pub(super) use literal::python_literal;

/// Nesting of expressions and of blocks, together.
const MAX_DEPTH: usize = 100;
/// Links of one chain of filters, attributes and calls.
const MAX_CHAIN: usize = 250;
const MAX_ERRORS: usize = 20;

/// A whole file.
#[derive(Debug)]
pub(super) struct Tree {
    pub body: Vec<Stmt>,
    pub macros: Vec<ParsedMacro>,
    pub blocks: Vec<Block>,
    pub calls: Vec<StaticCall>,
    pub config_keys: BTreeSet<Name>,
    pub is_plain: bool,
}

/// A macro, test or materialization at the top level.
#[derive(Debug)]
pub(super) struct ParsedMacro {
    pub name: Name,
    pub kind: MacroKind,
    pub params: Vec<Param>,
    pub body: Arc<MacroBody>,
    pub text: Arc<str>,
    pub calls: Vec<StaticCall>,
}

type Parsed<T> = Result<T, Fault>;

struct Parser<'s> {
    text: &'s str,
    tokens: Vec<Token>,
    at: usize,
    origin: Origin,
    faults: Vec<Fault>,
    /// End tags without a block and tags that are none, where they are let pass.
    stray: Option<Vec<Fault>>,
    depth: usize,
    /// Nothing more can be read: too deep, or too many errors.
    stopped: bool,
    /// The end tags that enclosing blocks wait for, innermost last.
    waiting: Vec<&'static [&'static str]>,
    names: HashSet<Arc<str>>,
    calls: Vec<StaticCall>,
    /// Names of the arguments of all calls of `config`.
    config_keys: BTreeSet<Name>,
    uses: Uses,
    macros: Vec<ParsedMacro>,
    blocks: Vec<Block>,
}

/// With `stray`, end tags that end nothing, and unknown tags outside of all blocks, are put there as warnings.
pub(super) fn parse(text: &str, origin: Origin, stray: Option<&mut Vec<Diagnostic>>) -> Result<Tree, Vec<Diagnostic>> {
    let (tokens, faults) = lex(text);
    let mut parser = Parser::new(text, tokens, origin);
    parser.faults = faults;
    parser.stray = stray.is_some().then(Vec::new);
    let body = parser.template();
    if let (Some(stray), Some(found)) = (stray, parser.stray.take()) {
        stray.extend(found.into_iter().map(|fault| {
            Diagnostic::warning("jinja-stray-tag", fault.message)
                .at(origin.span(fault.start, fault.end), "")
                .event("UnexpectedJinjaBlockDeprecation")
        }));
    }
    if parser.faults.is_empty() {
        let is_plain = !parser.tokens.iter().any(|token| token.tok != Tok::Text) && !text.contains("{#");
        let Parser { macros, blocks, calls, config_keys, .. } = parser;
        return Ok(Tree { body, macros, blocks, calls, config_keys, is_plain });
    }
    parser.faults.sort_by_key(|fault| fault.start);
    let diagnostics = parser
        .faults
        .iter()
        .map(|fault| Diagnostic::error("jinja-syntax", &fault.message).at(origin.span(fault.start, fault.end), ""));
    Err(diagnostics.collect())
}

impl<'s> Parser<'s> {
    fn new(text: &'s str, tokens: Vec<Token>, origin: Origin) -> Self {
        Parser {
            text,
            tokens,
            at: 0,
            origin,
            faults: Vec::new(),
            stray: None,
            depth: 0,
            stopped: false,
            waiting: Vec::new(),
            names: HashSet::new(),
            calls: Vec::new(),
            config_keys: BTreeSet::new(),
            uses: Uses::default(),
            macros: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn peek(&self) -> Option<Tok> {
        self.tokens.get(self.at).map(|token| token.tok)
    }

    fn peek_at(&self, ahead: usize) -> Option<Tok> {
        self.tokens.get(self.at + ahead).map(|token| token.tok)
    }

    fn slice(&self, start: usize, end: usize) -> &'s str {
        self.text.get(start..end).unwrap_or("")
    }

    /// The text of the token `ahead` of the current one.
    fn text_at(&self, ahead: usize) -> &'s str {
        self.tokens.get(self.at + ahead).map_or("", |token| self.slice(token.start, token.end))
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Tok::Op(other)) if other == op)
    }

    fn is_name(&self, name: &str) -> bool {
        self.peek() == Some(Tok::Ident) && self.text_at(0) == name
    }

    fn skip_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        self.at += usize::from(found);
        found
    }

    fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    fn expect_op(&mut self, op: &str) -> Parsed<()> {
        if self.skip_op(op) { Ok(()) } else { Err(self.unexpected(&format!("'{op}'"))) }
    }

    fn expect_name(&mut self, name: &str) -> Parsed<()> {
        if self.skip_name(name) { Ok(()) } else { Err(self.unexpected(&format!("'{name}'"))) }
    }

    fn identifier(&mut self, what: &str) -> Parsed<Name> {
        if self.peek() != Some(Tok::Ident) {
            return Err(self.unexpected(what));
        }
        let name = self.intern(self.text_at(0));
        self.at += 1;
        Ok(name)
    }

    fn intern(&mut self, name: &str) -> Name {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let name: Name = name.into();
        self.names.insert(name.clone());
        name
    }

    /// Where the current token starts.
    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |token| token.start)
    }

    /// Where the token before the current one ends.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |token| token.end)
    }

    fn span_from(&self, start: usize) -> Span {
        self.origin.span(start, self.end().max(start))
    }

    fn expr(&self, start: usize, kind: ExprKind) -> Expr {
        Expr { span: self.span_from(start), kind }
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        let start = self.start();
        let end = self.tokens.get(self.at).map_or(start, |token| token.end);
        Fault { message: message.into(), start, end }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let found = match self.peek() {
            None => "end of template".to_owned(),
            Some(Tok::VarEnd) => "end of print statement".to_owned(),
            Some(Tok::BlockEnd) => "end of statement block".to_owned(),
            // The lexer has told about it.
            Some(Tok::Broken) => String::new(),
            Some(_) => format!("'{}'", self.text_at(0)),
        };
        let message = if found.is_empty() { found } else { format!("expected {expected}, found {found}") };
        self.fault(message)
    }

    fn report(&mut self, fault: Fault) {
        // A fault without words is the echo of one that the lexer reported.
        if !fault.message.is_empty() && self.faults.len() < MAX_ERRORS {
            self.faults.push(fault);
        }
        self.stopped |= self.faults.len() >= MAX_ERRORS;
    }

    fn enter(&mut self) -> Parsed<()> {
        if self.depth >= MAX_DEPTH {
            self.stopped = true;
            return Err(self.fault("the template is nested too deeply"));
        }
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Runs a part that may fail; reports the failure and gives `None`.
    fn attempt<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Option<T> {
        let depth = self.depth;
        match part(self) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.depth = depth;
                self.report(fault);
                None
            }
        }
    }

    /// Skips to behind the end of the current tag.
    fn resync(&mut self, end: Tok) {
        while let Some(tok) = self.peek() {
            if matches!(tok, Tok::Text | Tok::VarStart | Tok::BlockStart) {
                return;
            }
            self.at += 1;
            if tok == end {
                return;
            }
        }
    }

    fn record(&mut self, at: usize, call: StaticCall) {
        if !self.calls.contains(&call) {
            self.calls.insert(at.min(self.calls.len()), call);
        }
    }
}
