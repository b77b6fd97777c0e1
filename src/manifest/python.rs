//! What the text of a Python model tells without running it: its refs, sources and configs.

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Origin, Span},
    jinja::Value,
};

use super::{
    calls::{Call, parse_call},
    node::RefArgs,
};

/// What a Python model says about itself.
#[derive(Debug, Default)]
pub struct PythonCalls {
    pub configs: Vec<(IndexMap<String, Value>, Span)>,
    pub refs: Vec<RefArgs>,
    pub sources: Vec<(Vec<String>, Option<Span>)>,
    pub problems: Vec<Diagnostic>,
}

/// Reads the calls of `dbt.ref`, `dbt.source` and `dbt.config`, which must have literal arguments. `literal` gives the dict
/// of keyword arguments.
pub fn python_calls(text: &str, origin: Origin, literal: impl Fn(&str) -> Option<Value>) -> PythonCalls {
    let mut calls = PythonCalls::default();
    for (at, name, arguments) in found(text) {
        let span = origin.span(at, at + "dbt.".len() + name.len() + arguments.len() + 2);
        let wrong = |what: &str| {
            Diagnostic::error("python-model", format!("`dbt.{name}` of a Python model takes {what}"))
                .at(span, "read without running the model")
        };
        match name {
            "config" => match literal(arguments) {
                Some(given) => calls.configs.push((super::columns::pairs(&given), span)),
                None => calls.problems.push(wrong("keyword arguments with literal values")),
            },
            _ => match parse_call(&format!("{name}({})", arguments.trim()), Some(span)) {
                Some(Call::Ref(reference)) => calls.refs.push(reference),
                Some(Call::Source(names)) => calls.sources.push((names, Some(span))),
                _ => calls.problems.push(wrong("literal texts")),
            },
        }
    }
    calls
}

/// Offset, name and arguments of each call outside of comments and strings.
fn found(text: &str) -> Vec<(usize, &'static str, &str)> {
    let mut calls = Vec::new();
    let mut at = 0;
    let mut before = ' ';
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let skipped = skip(rest);
        if skipped > 0 {
            at += skipped;
            before = ' ';
            continue;
        }
        let is_name = before.is_alphanumeric() || before == '_' || before == '.';
        let call = rest.strip_prefix("dbt.").filter(|_| !is_name).and_then(|after| {
            let name = ["ref", "source", "config"].into_iter().find(|name| after.starts_with(name))?;
            let opened = after.get(name.len()..)?.strip_prefix('(')?;
            Some((name, opened.get(..closing(opened)?)?))
        });
        calls.extend(call.map(|(name, arguments)| (at, name, arguments)));
        before = rest.chars().next().unwrap_or(' ');
        at += before.len_utf8();
    }
    calls
}

/// The length of the comment or string that the text starts with; 0 when it starts with neither.
fn skip(text: &str) -> usize {
    if text.starts_with('#') {
        return text.find('\n').unwrap_or(text.len());
    }
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        let Some(inner) = text.strip_prefix(quote) else { continue };
        let mut from = 0;
        while let Some(end) = inner.get(from..).and_then(|rest| rest.find(quote)).map(|end| from + end) {
            let escapes = inner.get(..end).unwrap_or_default().chars().rev().take_while(|c| *c == '\\').count();
            if escapes % 2 == 0 {
                return quote.len() * 2 + end;
            }
            from = end + 1;
        }
        return text.len();
    }
    0
}

/// Where the parenthesis that is open before the text closes.
fn closing(text: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(letter) = text.get(at..)?.chars().next() {
        let skipped = skip(text.get(at..)?);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += letter.len_utf8();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_outside_of_comments_and_strings() {
        let text = "# dbt.ref('no')\n\"\"\"dbt.ref('no')\"\"\"\ndef model(dbt, session):\n    dbt.config(tags=['a', \"b)\"], \
                    meta={'x': (1)})\n    s = 'dbt.ref(\"no\") \\' dbt.ref()'\n    a = dbt.ref( 'a' )\n    \
                    b = dbt.source('s', 't')\n    c = mydbt.ref('no')\n    return a\n";
        let shown: Vec<(&str, &str)> = found(text).into_iter().map(|(_, name, arguments)| (name, arguments)).collect();
        assert_eq!(
            shown,
            [("config", "tags=['a', \"b)\"], meta={'x': (1)}"), ("ref", " 'a' "), ("source", "'s', 't'")]
        );
    }

    #[test]
    fn text_that_is_not_python_is_survived() {
        for text in ["dbt.ref(", "dbt.ref('", "dbt.ref((((", "'''", "dbt.config(é", "\\", "dbt."] {
            found(text);
        }
    }
}
