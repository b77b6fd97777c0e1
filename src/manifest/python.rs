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

/// Reads the calls of `dbt.ref`, `dbt.source`, `dbt.config`, `dbt.config.get` and `dbt.config.meta_get`, which must have
/// literal arguments. `literal` gives the dict of keyword arguments. The keys that the model asks for, and their defaults,
/// are configs themselves: `config_keys_used`, `config_keys_defaults`, `meta_keys_used`, `meta_keys_defaults`.
pub fn python_calls(text: &str, origin: Origin, literal: impl Fn(&str) -> Option<Value>) -> PythonCalls {
    let mut calls = PythonCalls::default();
    let (mut configs, mut metas) = (Asked::default(), Asked::default());
    let mut last_asked = None;
    for (at, name, arguments) in found(text) {
        let span = origin.span(at, at + "dbt.".len() + name.len() + arguments.len() + 2);
        let wrong = |what: &str| {
            Diagnostic::error("python-model", format!("`dbt.{name}` of a Python model takes {what}"))
                .at(span, "read without running the model")
        };
        match name {
            "config.get" | "config.meta_get" => {
                let given = literal(&format!("positional=[{arguments}]")).and_then(|given| given.get("positional"));
                let asked = if name == "config.get" { &mut configs } else { &mut metas };
                match given.and_then(|given| given.items()).as_deref() {
                    Some([key]) => asked.add(key, &Value::None),
                    Some([key, default]) => asked.add(key, default),
                    _ => calls.problems.push(wrong("the name of a config and perhaps a default, both literal")),
                }
                last_asked = Some(span);
            }
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
    if let Some(span) = last_asked {
        let pairs = configs.pairs("config").into_iter().chain(metas.pairs("meta"));
        calls.configs.push((pairs.collect(), span));
    }
    calls
}

/// The configs that a model asks for, and what it takes where they are not set.
#[derive(Debug, Default)]
struct Asked {
    keys: Vec<Value>,
    defaults: Vec<Value>,
}

impl Asked {
    fn add(&mut self, key: &Value, default: &Value) {
        self.keys.push(key.clone());
        self.defaults.push(default.clone());
    }

    fn pairs(self, kind: &str) -> [(String, Value); 2] {
        [
            (format!("{kind}_keys_used"), Value::list(self.keys)),
            (format!("{kind}_keys_defaults"), Value::list(self.defaults)),
        ]
    }
}

/// What is called as `dbt.…`; the longer names first.
const NAMES: [&str; 5] = ["ref", "source", "config.get", "config.meta_get", "config"];

/// Offset, name and arguments of each call outside of comments and strings.
fn found(text: &str) -> Vec<(usize, &'static str, &str)> {
    let mut calls = Vec::new();
    let mut at = 0;
    let mut before = ' ';
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let skipped = skip(rest);
        if skipped > 0 {
            if matches!(before, 'f' | 'F') {
                let inner = in_braces(rest.get(..skipped).unwrap_or_default());
                calls.extend(inner.flat_map(|(from, code)| {
                    found(code).into_iter().map(move |(inside, name, arguments)| (at + from + inside, name, arguments))
                }));
            }
            at += skipped;
            before = ' ';
            continue;
        }
        let is_name = before.is_alphanumeric() || before == '_' || before == '.';
        let call = rest.strip_prefix("dbt.").filter(|_| !is_name).and_then(|after| {
            let name = NAMES.into_iter().find(|name| after.starts_with(name))?;
            let opened = after.get(name.len()..)?.strip_prefix('(')?;
            Some((name, opened.get(..closing(opened)?)?))
        });
        calls.extend(call.map(|(name, arguments)| (at, name, arguments)));
        before = rest.chars().next().unwrap_or(' ');
        at += before.len_utf8();
    }
    calls
}

/// What stands in braces in an f-string, each with its offset.
fn in_braces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut open = None;
    text.char_indices().filter_map(move |(at, letter)| match letter {
        '{' => {
            open = Some(at + 1);
            None
        }
        '}' => open.take().and_then(|from| Some((from, text.get(from..at)?))),
        _ => None,
    })
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
                    b = dbt.source('s', 't')\n    c = mydbt.ref('no', dbt.config.get('k', 1))\n    \
                    d = f\"{dbt.ref('b')} dbt.ref('no')\"\n    return a\n";
        let shown: Vec<(&str, &str)> = found(text).into_iter().map(|(_, name, arguments)| (name, arguments)).collect();
        assert_eq!(
            shown,
            [
                ("config", "tags=['a', \"b)\"], meta={'x': (1)}"),
                ("ref", " 'a' "),
                ("source", "'s', 't'"),
                ("config.get", "'k', 1"),
                ("ref", "'b'"),
            ]
        );
    }

    #[test]
    fn text_that_is_not_python_is_survived() {
        for text in ["dbt.ref(", "dbt.ref('", "dbt.ref((((", "'''", "dbt.config(é", "\\", "dbt."] {
            found(text);
        }
    }
}
