//! Template text → tokens: minijinja's tokenizer, started again after an error so that a file shows all of them, and
//! after a `docs` block, whose contents are not Jinja.

use minijinja::{
    machinery::{Token as Raw, Tokenizer},
    syntax::SyntaxConfig,
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Tok {
    Text,
    VarStart,
    VarEnd,
    BlockStart,
    BlockEnd,
    Ident,
    Str,
    /// `None` when it has more than 64 bits.
    Int(Option<i64>),
    Float(f64),
    Op(&'static str),
    /// The contents of a `docs` block.
    Docs,
    /// Something the lexer has complained about already.
    Broken,
}

/// A token and its byte range in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub tok: Tok,
    pub start: usize,
    pub end: usize,
}

/// What is wrong with the text, and where.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub message: String,
    pub start: usize,
    pub end: usize,
}

const MAX_FAULTS: usize = 20;

struct Lexer<'s> {
    text: &'s str,
    tokens: Vec<Token>,
    faults: Vec<Fault>,
    /// Open brackets of the current tag: what closes them.
    open: Vec<&'static str>,
}

pub(super) fn lex(text: &str) -> (Vec<Token>, Vec<Fault>) {
    let mut lexer = Lexer { text, tokens: Vec::new(), faults: Vec::new(), open: Vec::new() };
    let mut from = 0;
    while let Some(next) = lexer.run(from) {
        if next <= from || lexer.faults.len() >= MAX_FAULTS {
            break;
        }
        from = next;
    }
    (lexer.tokens, lexer.faults)
}

impl<'s> Lexer<'s> {
    fn rest(&self, from: usize) -> &'s str {
        self.text.get(from..).unwrap_or("")
    }

    /// Reads tokens from `from`; returns where to start again.
    fn run(&mut self, from: usize) -> Option<usize> {
        let rest = self.rest(from);
        let mut tokenizer = Tokenizer::new(rest, "", false, SyntaxConfig::default());
        let mut end = from;
        self.open.clear();
        loop {
            let (raw, span) = match tokenizer.next_token() {
                Ok(Some(token)) => token,
                Ok(None) => return None,
                Err(error) => return self.broken(end, error.detail().unwrap_or("unexpected input")),
            };
            let start = from + span.start_offset as usize;
            end = from + span.end_offset as usize;
            let tok = convert(&raw);
            if let Tok::Op(op) = tok
                && let Some(message) = self.bracket(op)
            {
                self.faults.push(Fault { message, start, end });
                return self.resume(start);
            }
            self.tokens.push(Token { tok, start, end });
            if tok == Tok::BlockEnd && self.opens_docs() {
                return self.docs(end);
            }
        }
    }

    /// Keeps count of brackets; a message when a closing one is wrong.
    fn bracket(&mut self, op: &'static str) -> Option<String> {
        match op {
            "(" => self.open.push(")"),
            "[" => self.open.push("]"),
            "{" => self.open.push("}"),
            ")" | "]" | "}" => match self.open.pop() {
                Some(expected) if expected == op => {}
                Some(expected) => return Some(format!("unexpected '{op}', expected '{expected}'")),
                None => return Some(format!("unexpected '{op}'")),
            },
            _ => {}
        }
        None
    }

    fn broken(&mut self, end: usize, detail: &str) -> Option<usize> {
        let rest = self.rest(end);
        let start = end + (rest.len() - rest.trim_start().len());
        let next = self.rest(start).chars().next();
        let message = match (detail, next) {
            ("unexpected character", Some(c)) => format!("unexpected character {c:?}"),
            (_, Some('\'' | '"')) if detail != "unexpected end of string" => "bad escape in the string".to_owned(),
            ("unexpected end of string", _) => "the string is not closed".to_owned(),
            ("unexpected end of comment", _) => "missing end of comment tag: `#}`".to_owned(),
            ("unexpected end of raw block", _) => "missing end of raw directive: `{% endraw %}`".to_owned(),
            _ => detail.to_owned(),
        };
        self.faults.push(Fault { message, start, end: start + next.map_or(0, char::len_utf8) });
        if detail == "unexpected end of comment" || detail == "unexpected end of raw block" {
            return None;
        }
        self.resume(start)
    }

    /// Ends the tag that is broken at `start` and finds the text after it.
    fn resume(&mut self, start: usize) -> Option<usize> {
        let tag = self.tokens.iter().rposition(|token| matches!(token.tok, Tok::VarStart | Tok::BlockStart));
        let (close, tok) = match tag.and_then(|at| self.tokens.get(at)).map(|token| token.tok) {
            Some(Tok::BlockStart) => ("%}", Tok::BlockEnd),
            _ => ("}}", Tok::VarEnd),
        };
        self.tokens.push(Token { tok: Tok::Broken, start, end: start });
        let found = self.rest(start).find(close).map(|at| start + at);
        let end = found.map_or(self.text.len(), |at| at + close.len());
        self.tokens.push(Token { tok, start: found.unwrap_or(end), end });
        found.map(|_| end)
    }

    /// Whether the tag that just ended is `{% docs name %}`.
    fn opens_docs(&self) -> bool {
        let Some([.., start, docs, name, _end]) = self.tokens.get(self.tokens.len().saturating_sub(4)..) else {
            return false;
        };
        let text = |token: &Token| self.text.get(token.start..token.end);
        start.tok == Tok::BlockStart && docs.tok == Tok::Ident && text(docs) == Some("docs") && name.tok == Tok::Ident
    }

    fn docs(&mut self, from: usize) -> Option<usize> {
        let end = find_end_tag(self.text, from, "enddocs");
        let at = end.unwrap_or(self.text.len());
        self.tokens.push(Token { tok: Tok::Docs, start: from, end: at });
        end
    }
}

/// The offset of `{% name %}` (with any white space and `-`), at or after `from`.
pub(super) fn find_end_tag(text: &str, from: usize, name: &str) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + text.get(at..)?.find("{%")?;
        let inside = text.get(found + 2..)?.trim_start_matches(['-', '+']).trim_start();
        if let Some(rest) = inside.strip_prefix(name)
            && rest.trim_start().trim_start_matches(['-', '+']).starts_with("%}")
        {
            return Some(found);
        }
        at = found + 2;
    }
}

/// The offset of the next `{% docs`, at or after `from`.
pub(super) fn find_docs(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + text.get(at..)?.find("{%")?;
        let inside = text.get(found + 2..)?.trim_start_matches(['-', '+']).trim_start();
        if inside.strip_prefix("docs").is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
            return Some(found);
        }
        at = found + 2;
    }
}

fn convert(raw: &Raw<'_>) -> Tok {
    match raw {
        Raw::TemplateData(_) => Tok::Text,
        Raw::VariableStart => Tok::VarStart,
        Raw::VariableEnd => Tok::VarEnd,
        Raw::BlockStart => Tok::BlockStart,
        Raw::BlockEnd => Tok::BlockEnd,
        Raw::Ident(_) => Tok::Ident,
        Raw::Str(_) | Raw::String(_) => Tok::Str,
        Raw::Int(value) => Tok::Int(i64::try_from(*value).ok()),
        Raw::Int128(_) => Tok::Int(None),
        Raw::Float(value) => Tok::Float(*value),
        other => Tok::Op(operator(other)),
    }
}

fn operator(raw: &Raw<'_>) -> &'static str {
    match raw {
        Raw::Plus => "+",
        Raw::Minus => "-",
        Raw::Mul => "*",
        Raw::Div => "/",
        Raw::FloorDiv => "//",
        Raw::Pow => "**",
        Raw::Mod => "%",
        Raw::Dot => ".",
        Raw::Comma => ",",
        Raw::Colon => ":",
        Raw::Tilde => "~",
        Raw::Assign => "=",
        Raw::Pipe => "|",
        Raw::Eq => "==",
        Raw::Ne => "!=",
        Raw::Gt => ">",
        Raw::Gte => ">=",
        Raw::Lt => "<",
        Raw::Lte => "<=",
        Raw::BracketOpen => "[",
        Raw::BracketClose => "]",
        Raw::ParenOpen => "(",
        Raw::ParenClose => ")",
        Raw::BraceOpen => "{",
        Raw::BraceClose => "}",
        _ => "?",
    }
}
