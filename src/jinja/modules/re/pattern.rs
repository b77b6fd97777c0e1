//! A compiled pattern: Python's syntax translated, and the methods.

use std::sync::Arc;

use fancy_regex::{Captures, Regex};

use super::{
    super::super::{Args, Interp, Iter, JinjaError, Object, Value, repr},
    Outcome,
    found::Found,
    replace::{Replacement, expand},
};

#[derive(Debug, Clone)]
pub(super) struct Pattern {
    source: Arc<str>,
    flags: i64,
    regex: Arc<Regex>,
    /// The same, up to the end of the text.
    full: Arc<Regex>,
}

fn failed(error: &fancy_regex::Error) -> JinjaError {
    JinjaError::value_error(format!("regular expression: {error}"))
}

impl Pattern {
    pub fn new(source: &Arc<str>, flags: i64) -> Result<Self, JinjaError> {
        let translated = translate(source, flags);
        let compile = |text: &str| Regex::new(text).map(Arc::new).map_err(|error| failed(&error));
        let regex = compile(&translated)?;
        // A line break ends a comment of a verbose pattern.
        let end = if flags & 64 != 0 || source.starts_with("(?x") { "\n" } else { "" };
        let full = compile(&format!("(?:{translated}{end})\\z"))?;
        Ok(Self { source: source.clone(), flags, regex, full })
    }

    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The names of named groups with their numbers.
    pub fn names(&self) -> Vec<(String, usize)> {
        self.regex.capture_names().enumerate().filter_map(|(index, name)| Some((name?.to_owned(), index))).collect()
    }

    /// The first match at or behind a byte offset.
    fn find<'t>(&self, text: &'t str, from: usize) -> Result<Option<Captures<'t>>, JinjaError> {
        self.regex.captures_from_pos(text, from).map_err(|error| failed(&error))
    }

    /// All matches that do not overlap; an empty one may follow another directly.
    fn find_all<'t>(
        &self,
        interp: &mut Interp<'_>,
        text: &'t str,
        limit: usize,
    ) -> Result<Vec<Captures<'t>>, JinjaError> {
        let mut all = Vec::new();
        let mut from = 0;
        while all.len() < limit && from <= text.len() {
            interp.count_iteration()?;
            let Some(found) = self.find(text, from)? else { break };
            let Some(whole) = found.get(0) else { break };
            from = whole.end();
            if whole.start() == whole.end() {
                from += text.get(from..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            }
            all.push(found);
        }
        Ok(all)
    }

    pub fn method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "match" | "search" | "fullmatch" => {
                let [text, _, _] = bind(args, name, ["string", "pos", "endpos"], 1)?;
                let text = subject(text)?;
                let found = if name == "fullmatch" {
                    self.full.captures_from_pos(&text, 0).map_err(|error| failed(&error))?
                } else {
                    self.find(&text, 0)?
                };
                let anchored = name != "search";
                let found = found.filter(|found| !anchored || found.get(0).is_some_and(|whole| whole.start() == 0));
                Ok(found.map_or(Value::None, |found| Value::object(Found::new(self, &text, &found))))
            }
            "findall" => {
                let [text, _, _] = bind(args, name, ["string", "pos", "endpos"], 1)?;
                let text = subject(text)?;
                let groups = self.groups();
                let group = |found: &Captures<'_>, index: usize| {
                    Value::from(found.get(index).map_or("", |group| group.as_str()))
                };
                let all = self.find_all(interp, &text, usize::MAX)?;
                Ok(Value::list(all.iter().map(|found| match groups {
                    0 => group(found, 0),
                    1 => group(found, 1),
                    _ => Value::tuple((1..=groups).map(|index| group(found, index))),
                })))
            }
            "finditer" => {
                let [text, _, _] = bind(args, name, ["string", "pos", "endpos"], 1)?;
                let text = subject(text)?;
                let all: Vec<Value> = self
                    .find_all(interp, &text, usize::MAX)?
                    .iter()
                    .map(|found| Value::object(Found::new(self, &text, found)))
                    .collect();
                Ok(Iter::value("callable_iterator", all))
            }
            "sub" | "subn" => {
                let [replacement, text, count] = bind(args, name, ["repl", "string", "count"], 2)?;
                let text = subject(text)?;
                let (text, made) = self.substitute(interp, replacement.unwrap_or(Value::None), &text, limit(count))?;
                if name == "subn" {
                    return Ok(Value::tuple([text.into(), Value::Int(i64::try_from(made).unwrap_or(i64::MAX))]));
                }
                Ok(text.into())
            }
            _ => {
                let [text, limit_] = bind(args, name, ["string", "maxsplit"], 1)?;
                self.split(interp, &subject(text)?, limit(limit_))
            }
        }
    }

    fn substitute(
        &self,
        interp: &mut Interp<'_>,
        replacement: Value,
        text: &Arc<str>,
        limit: usize,
    ) -> Result<(String, usize), JinjaError> {
        let parts = match &replacement {
            Value::Str(template) => Some(Replacement::parse(template, self)?),
            _ => None,
        };
        let mut out = String::new();
        let mut from = 0;
        let all = self.find_all(interp, text, limit)?;
        for found in &all {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(text.get(from..whole.start()).unwrap_or(""));
            match &parts {
                Some(parts) => expand(parts, |index| found.get(index).map(|group| group.as_str()), &mut out),
                None => {
                    let found = Value::object(Found::new(self, text, found));
                    out.push_str(&interp.call(&replacement, Args::new(vec![found]))?.to_str());
                }
            }
            super::super::super::operators::check_size(out.len())?;
            from = whole.end();
        }
        out.push_str(text.get(from..).unwrap_or(""));
        Ok((out, all.len()))
    }

    fn split(&self, interp: &mut Interp<'_>, text: &str, limit: usize) -> Outcome {
        let mut parts = Vec::new();
        let mut from = 0;
        for found in self.find_all(interp, text, limit)? {
            let Some(whole) = found.get(0) else { continue };
            parts.push(Value::from(text.get(from..whole.start()).unwrap_or("")));
            parts.extend(
                (1..=self.groups()).map(|index| found.get(index).map_or(Value::None, |group| group.as_str().into())),
            );
            from = whole.end();
        }
        parts.push(text.get(from..).unwrap_or("").into());
        Ok(Value::list(parts))
    }
}

/// A count where 0 is without limit.
fn limit(value: Option<Value>) -> usize {
    match value.and_then(|value| value.as_i64()) {
        Some(count) if count > 0 => usize::try_from(count).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn subject(value: Option<Value>) -> Result<Arc<str>, JinjaError> {
    match value.unwrap_or(Value::None) {
        Value::Str(text) => Ok(text),
        Value::Undefined(message) => Err(super::super::super::operators::undefined(&message)),
        other => {
            Err(JinjaError::type_error(format!("expected string or bytes-like object, got '{}'", other.type_name())))
        }
    }
}

fn bind<const N: usize>(
    args: Args,
    function: &str,
    names: [&str; N],
    required: usize,
) -> Result<[Option<Value>; N], JinjaError> {
    let bound = args.bind(function, &names)?;
    for (value, name) in bound.iter().zip(names).take(required) {
        if value.is_none() {
            let message = format!("{function}() missing required argument '{name}'");
            return Err(JinjaError::type_error(message));
        }
    }
    <[Option<Value>; N]>::try_from(bound).map_err(|_| JinjaError::type_error("wrong number of arguments"))
}

impl Object for Pattern {
    fn type_name(&self) -> &'static str {
        "re.Pattern"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        Some(match name {
            "pattern" => Value::Str(self.source.clone()),
            "flags" => Value::Int(self.flags | 32),
            "groups" => Value::Int(i64::try_from(self.groups()).unwrap_or(0)),
            "groupindex" => Value::dict(
                self.names().into_iter().map(|(name, index)| (name, Value::Int(i64::try_from(index).unwrap_or(0)))),
            ),
            _ => return None,
        })
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Outcome> {
        (super::FUNCTIONS.contains(&name) && name != "compile").then(|| self.method(interp, name, args))
    }

    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Self>();
        other.is_some_and(|other| self.source == other.source && self.flags == other.flags)
    }

    fn to_repr(&self) -> String {
        format!("re.compile({})", repr::quoted(&self.source))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The flags as an inline group.
fn letters(flags: i64) -> String {
    let letters: String = [(2, 'i'), (8, 'm'), (16, 's'), (64, 'x')]
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|found| found.1)
        .collect();
    if letters.is_empty() { letters } else { format!("(?{letters})") }
}

/// Python's syntax in the engine's: `$` before a last line break, `\Z`, `{,n}`, brackets inside classes, escapes of
/// what needs none.
fn translate(source: &str, flags: i64) -> String {
    let mut out = letters(flags);
    let mut chars = source.chars().peekable();
    let mut class: Option<usize> = None;
    while let Some(c) = chars.next() {
        let first_in_class = class == Some(0);
        class = class.map(|count| count + 1);
        match c {
            '\\' => {
                let Some(escaped) = chars.next() else {
                    out.push('\\');
                    break;
                };
                match escaped {
                    'Z' => out.push_str("\\z"),
                    '0' => out.push_str("\\x00"),
                    c if c.is_alphanumeric() || c == '_' => {
                        out.push('\\');
                        out.push(c);
                    }
                    c if c.is_ascii_punctuation()
                        && !matches!(
                            c,
                            '<' | '>' | '\'' | '"' | '`' | '/' | '=' | '!' | '%' | ',' | ':' | ';' | '@'
                        ) =>
                    {
                        out.push('\\');
                        out.push(c);
                    }
                    ' ' | '#' => {
                        out.push('\\');
                        out.push(escaped);
                    }
                    c => out.push(c),
                }
            }
            ']' if class.is_some() && !first_in_class => {
                class = None;
                out.push(c);
            }
            ']' if class.is_some() => out.push_str("\\]"),
            '^' if first_in_class => {
                // The next character is still the first one.
                class = Some(0);
                out.push(c);
            }
            '[' | '&' | '~' if class.is_some() => {
                out.push('\\');
                out.push(c);
            }
            '[' => {
                class = Some(0);
                out.push(c);
            }
            '$' if class.is_none() && flags & 8 == 0 && !source.starts_with("(?m") => out.push_str("(?=\\n?\\z)"),
            '{' if class.is_none() && chars.peek() == Some(&',') => out.push_str("{0"),
            '{' if class.is_none() && !chars.peek().is_some_and(char::is_ascii_digit) => out.push_str("\\{"),
            other => out.push(other),
        }
    }
    out
}
