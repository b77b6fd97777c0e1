//! Finding and splitting in text: `find`, `split`, `partition`, `splitlines`, `strip`.

use std::sync::Arc;

use super::{
    super::{Args, JinjaError, Value, iterate},
    Outcome, bind, integer,
};

/// Byte offsets of the character range `start..end` (Python's indexes), or `None` when it is beyond the text.
fn window(text: &str, start: Option<&Value>, end: Option<&Value>) -> Result<Option<(usize, usize)>, JinjaError> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let index = |value: Option<&Value>, default: i64| -> Result<i64, JinjaError> {
        let index = match value {
            None | Some(Value::None) => return Ok(default),
            Some(value) => integer(value)?,
        };
        Ok(if index < 0 { (index + length).max(0) } else { index })
    };
    let (start, end) = (index(start, 0)?, index(end, length)?.min(length));
    if start > end {
        return Ok(None);
    }
    let byte = |index: i64| {
        let index = usize::try_from(index).unwrap_or(0);
        text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
    };
    Ok(Some((byte(start), byte(end))))
}

pub(super) fn find(text: &str, name: &str, args: Args) -> Outcome {
    let [wanted, start, end] = bind(args, name, ["sub", "start", "end"], 1)?;
    let wanted = iterate::text(&wanted.unwrap_or(Value::None))?;
    let found = window(text, start.as_ref(), end.as_ref())?.and_then(|(from, to)| {
        let part = text.get(from..to)?;
        if name == "count" {
            let count = if wanted.is_empty() { part.chars().count() + 1 } else { part.matches(&*wanted).count() };
            return Some(count);
        }
        let at = if name.starts_with('r') { part.rfind(&*wanted) } else { part.find(&*wanted) }?;
        Some(text.get(..from + at)?.chars().count())
    });
    match found {
        Some(found) => Ok(Value::Int(i64::try_from(found).unwrap_or(i64::MAX))),
        None if name == "count" => Ok(Value::Int(0)),
        None if name.ends_with("index") => Err(JinjaError::value_error("substring not found")),
        None => Ok(Value::Int(-1)),
    }
}

pub(super) fn affix(text: &str, name: &str, args: Args) -> Outcome {
    let [affix, start, end] = bind(args, name, ["prefix", "start", "end"], 1)?;
    let Some((from, to)) = window(text, start.as_ref(), end.as_ref())? else { return Ok(Value::Bool(false)) };
    let part = text.get(from..to).unwrap_or("");
    let test = |affix: &str| if name == "startswith" { part.starts_with(affix) } else { part.ends_with(affix) };
    match affix {
        Some(Value::Str(affix)) => Ok(Value::Bool(test(&affix))),
        Some(Value::Tuple(affixes)) => {
            let mut found = false;
            for affix in affixes.iter() {
                found |= test(&iterate::text(affix)?);
            }
            Ok(Value::Bool(found))
        }
        other => Err(JinjaError::type_error(format!(
            "{name} first arg must be str or a tuple of str, not {}",
            other.as_ref().map_or("NoneType", Value::type_name)
        ))),
    }
}

pub(super) fn strip(text: &str, name: &str, args: Args) -> Outcome {
    let [chars] = bind(args, name, ["chars"], 0)?;
    let set: Option<Arc<str>> = match chars {
        None | Some(Value::None) => None,
        Some(chars) => Some(iterate::text(&chars)?),
    };
    let matches = |c: char| match &set {
        None => is_space(c),
        Some(set) => set.contains(c),
    };
    let mut stripped = text;
    if name != "rstrip" {
        stripped = stripped.trim_start_matches(matches);
    }
    if name != "lstrip" {
        stripped = stripped.trim_end_matches(matches);
    }
    Ok(stripped.into())
}

/// Python's `str.isspace` of one character.
pub(in super::super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

pub(super) fn split(text: &str, name: &str, args: Args) -> Outcome {
    let [separator, limit] = bind(args, name, ["sep", "maxsplit"], 0)?;
    let limit = limit.as_ref().map_or(Ok(-1), integer)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let reverse = name == "rsplit";
    let mut parts: Vec<&str> = match separator {
        None | Some(Value::None) => words(text, limit, reverse),
        Some(separator) => {
            let separator = iterate::text(&separator)?;
            if separator.is_empty() {
                return Err(JinjaError::value_error("empty separator"));
            }
            let count = limit.saturating_add(1);
            if reverse { text.rsplitn(count, &*separator).collect() } else { text.splitn(count, &*separator).collect() }
        }
    };
    if reverse {
        parts.reverse();
    }
    Ok(Value::list(parts.into_iter().map(Value::from)))
}

/// Splits at runs of white space; in reverse the last word comes first.
fn words(text: &str, limit: usize, reverse: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let trim =
        |text| if reverse { str::trim_end_matches(text, is_space) } else { str::trim_start_matches(text, is_space) };
    let mut rest: &str = trim(text);
    while !rest.is_empty() {
        if parts.len() == limit {
            // What is not split keeps its white space at the far end.
            parts.push(rest);
            break;
        }
        let (word, after) = if reverse {
            let at = rest.char_indices().rev().find(|(_, c)| is_space(*c)).map_or(0, |(at, c)| at + c.len_utf8());
            let (after, word) = rest.split_at(at);
            (word, after)
        } else {
            rest.split_at(rest.find(is_space).unwrap_or(rest.len()))
        };
        parts.push(word);
        rest = trim(after);
    }
    parts
}

pub(super) fn partition(text: &str, name: &str, args: Args) -> Outcome {
    let [separator] = bind(args, name, ["sep"], 1)?;
    let separator = iterate::text(&separator.unwrap_or(Value::None))?;
    if separator.is_empty() {
        return Err(JinjaError::value_error("empty separator"));
    }
    let reverse = name == "rpartition";
    let parts = if reverse { text.rsplit_once(&*separator) } else { text.split_once(&*separator) };
    Ok(match parts {
        Some((head, tail)) => Value::tuple([head.into(), Value::Str(separator), tail.into()]),
        None if reverse => Value::tuple(["".into(), "".into(), text.into()]),
        None => Value::tuple([text.into(), "".into(), "".into()]),
    })
}

pub(super) fn splitlines(text: &str, args: Args) -> Outcome {
    let [keep] = bind(args, "splitlines", ["keepends"], 0)?;
    let keep = keep.is_some_and(|keep| keep.is_truthy());
    Ok(Value::list(lines(text, keep).into_iter().map(Value::from)))
}

/// Lines by Python's line ends.
pub(in super::super) fn lines(text: &str, keep: bool) -> Vec<&str> {
    let is_end = |c: char| {
        matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c' | '\x1d' | '\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(at) = rest.find(is_end) else {
            lines.push(rest);
            break;
        };
        let end = rest.get(at..).unwrap_or("");
        let width = if end.starts_with("\r\n") { 2 } else { end.chars().next().map_or(1, char::len_utf8) };
        lines.push(rest.get(..if keep { at + width } else { at }).unwrap_or(""));
        rest = rest.get(at + width..).unwrap_or("");
    }
    lines
}
