//! String literals by Python's rules, and Python literals in a string.

use indexmap::IndexMap;

use super::{
    super::{
        Value,
        lex::lex,
        tree::{Expr, ExprKind},
    },
    Parser,
};
use crate::diagnostic::{Origin, SourceId};

/// The value of a string literal, from its source text with the quotes.
pub(super) fn unescape(source: &str) -> String {
    let mut chars = source.chars();
    chars.next();
    chars.next_back();
    let body = chars.as_str();
    if !body.contains('\\') {
        return body.to_owned();
    }
    let mut out = String::with_capacity(body.len());
    let mut rest = body.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(escape) = rest.next() else {
            out.push('\\');
            break;
        };
        match escape {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escape),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            '0'..='7' => {
                let mut code = escape.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = rest.clone().next().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    rest.next();
                }
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            'x' => hex(&mut rest, escape, 2, &mut out),
            'u' => hex(&mut rest, escape, 4, &mut out),
            'U' => hex(&mut rest, escape, 8, &mut out),
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}

/// `\xNN`, `\uNNNN`, `\UNNNNNNNN`; surrogate pairs are joined, what is no character stays as written.
fn hex(rest: &mut std::str::Chars<'_>, escape: char, digits: usize, out: &mut String) {
    let read = |from: &std::str::Chars<'_>| {
        let text: String = from.clone().take(digits).collect();
        (text.len() == digits && text.chars().all(|c| c.is_ascii_hexdigit()))
            .then(|| u32::from_str_radix(&text, 16).ok())
            .flatten()
    };
    let Some(code) = read(rest) else {
        out.push('\\');
        out.push(escape);
        return;
    };
    let mut after = rest.clone();
    after.nth(digits - 1);
    if (0xd800..0xdc00).contains(&code) && after.as_str().starts_with("\\u") {
        let mut low = after.clone();
        low.nth(1);
        if let Some(second) = read(&low).filter(|second| (0xdc00..0xe000).contains(second)) {
            low.nth(digits - 1);
            *rest = low;
            let joined = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
            out.push(char::from_u32(joined).unwrap_or('\u{fffd}'));
            return;
        }
    }
    *rest = after;
    out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
}

/// Python's `ast.literal_eval`; `None` when the text is no literal.
pub(in super::super) fn python_literal(text: &str) -> Option<Value> {
    let source = format!("{{{{{}}}}}", format_args!(" {} ", text.trim()));
    let (tokens, faults) = lex(&source);
    if !faults.is_empty() {
        return None;
    }
    let mut parser = Parser::new(&source, tokens, Origin::At { source: SourceId(u32::MAX), offset: 0 });
    parser.at = 1;
    let expr = parser.tuple(true, &[], false).ok()?;
    (parser.peek() == Some(super::Tok::VarEnd) && parser.at + 1 == parser.tokens.len())
        .then(|| literal_value(&parser, &expr))
        .flatten()
}

fn literal_value(parser: &Parser<'_>, expr: &Expr) -> Option<Value> {
    let items = |items: &[Expr]| items.iter().map(|item| literal_value(parser, item)).collect::<Option<Vec<_>>>();
    match &expr.kind {
        ExprKind::Const(value) => {
            // Jinja's lower-case names are no literals of Python.
            let text = parser.slice(expr.span.start as usize, expr.span.end as usize);
            (!matches!(text, "true" | "false" | "none")).then(|| value.clone())
        }
        ExprKind::List(list) => Some(Value::list(items(list)?)),
        ExprKind::Tuple(list) => Some(Value::tuple(items(list)?)),
        ExprKind::Dict(pairs) => {
            let mut dict = IndexMap::new();
            for (key, value) in pairs {
                let key = literal_value(parser, key)?;
                if !key.is_hashable() {
                    return None;
                }
                dict.insert(key, literal_value(parser, value)?);
            }
            Some(Value::Dict(std::sync::Arc::new(std::sync::Mutex::new(dict))))
        }
        ExprKind::Negative(inner) => match literal_value(parser, inner)? {
            Value::Int(value) => value.checked_neg().map(Value::Int),
            Value::Float(value) => Some(Value::Float(-value)),
            _ => None,
        },
        ExprKind::Positive(inner) => {
            literal_value(parser, inner).filter(|value| matches!(value, Value::Int(_) | Value::Float(_)))
        }
        _ => None,
    }
}
