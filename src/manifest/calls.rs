//! `ref('a')` and `source('a', 'b')` as plain text: how exposures, YAML snapshots, foreign keys and test arguments name
//! nodes. Read without evaluating anything.

use crate::{diagnostic::Span, jinja::Value};

use super::node::RefArgs;

/// A call that was read from text.
#[derive(Debug, Clone)]
pub enum Call {
    Ref(RefArgs),
    Source(Vec<String>),
    Metric(Vec<String>),
}

/// Reads the text of one call whose arguments are literals; `None` when it is anything else.
pub fn parse_call(text: &str, span: Option<Span>) -> Option<Call> {
    let text = text.trim();
    let text = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).map_or(text, str::trim);
    let (name, rest) = text.split_once('(')?;
    let arguments = rest.trim_end().strip_suffix(')')?;
    let arguments = split_arguments(arguments)?;
    match name.trim() {
        "ref" => Some(Call::Ref(reference(&arguments, span)?)),
        "source" => Some(Call::Source(names(&arguments, 2)?)),
        "metric" => names(&arguments, 1).or_else(|| names(&arguments, 2)).map(Call::Metric),
        _ => None,
    }
}

/// One argument: its keyword, if any, and its literal.
type Argument = (Option<String>, Value);

fn names(arguments: &[Argument], count: usize) -> Option<Vec<String>> {
    let names: Option<Vec<String>> = arguments
        .iter()
        .map(|(keyword, value)| keyword.is_none().then(|| value.as_str().map(str::to_owned)).flatten())
        .collect();
    names.filter(|names| names.len() == count)
}

fn reference(arguments: &[Argument], span: Option<Span>) -> Option<RefArgs> {
    let mut positional = Vec::new();
    let mut version = None;
    for (keyword, value) in arguments {
        match keyword.as_deref() {
            None => positional.push(value.as_str()?.to_owned()),
            Some("v" | "version") if version.is_none() => version = Some(value.clone()),
            Some(_) => return None,
        }
    }
    let mut positional = positional.into_iter();
    let (first, second) = (positional.next()?, positional.next());
    if positional.next().is_some() {
        return None;
    }
    let (package, name) = match second {
        Some(name) => (Some(first), name),
        None => (None, first),
    };
    Some(RefArgs { name, package, version, span })
}

fn split_arguments(text: &str) -> Option<Vec<Argument>> {
    let mut arguments = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut keyword = None;
        let name_end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(name_end)?;
        if let Some(value) = after.trim_start().strip_prefix('=') {
            keyword = Some(name.to_owned());
            rest = value.trim_start();
        }
        let (value, after) = literal(rest)?;
        arguments.push((keyword, value));
        rest = after.trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(arguments)
}

/// A string without escapes, or a number.
fn literal(text: &str) -> Option<(Value, &str)> {
    let quote = text.chars().next()?;
    if quote == '\'' || quote == '"' {
        let (inner, rest) = text.strip_prefix(quote)?.split_once(quote)?;
        return (!inner.contains('\\')).then(|| (Value::from(inner), rest));
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    if let Ok(integer) = number.parse::<i64>() {
        return Some((Value::Int(integer), rest));
    }
    number.parse::<f64>().ok().map(|float| (Value::Float(float), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Some(match parse_call(text, None)? {
            Call::Ref(RefArgs { name, package, version, .. }) => {
                let version = version.map(|version| match version {
                    Value::Int(number) => number.to_string(),
                    Value::Float(number) => number.to_string(),
                    other => format!("'{}'", other.as_str().unwrap_or("?")),
                });
                format!("ref {} {name} {}", package.unwrap_or_default(), version.unwrap_or_default())
            }
            Call::Source(names) => format!("source {}", names.join(" ")),
            Call::Metric(_) => "metric".to_owned(),
        })
    }

    #[test]
    fn calls_with_literal_arguments_are_read_and_all_else_is_left_alone() {
        for (text, expected) in [
            ("ref('a')", Some("ref  a ")),
            (" ref( \"p\" , 'a' , ) ", Some("ref p a ")),
            ("{{ ref('a', v=2) }}", Some("ref  a 2")),
            ("ref('a', version='x')", Some("ref  a 'x'")),
            ("source('s', 't')", Some("source s t")),
            ("metric('m')", Some("metric")),
            ("ref(a)", None),
            ("ref('a'", None),
            ("ref('a' 'b')", None),
            ("ref('a', 'b', 'c')", None),
            ("ref('a', w=1)", None),
            ("source('s')", None),
            ("ref('a') + ref('b')", None),
            ("orders", None),
            ("", None),
        ] {
            assert_eq!(shown(text).as_deref(), expected, "{text}");
        }
    }
}
