//! Filters on text.

use super::{
    super::{Args, Interp, JinjaError, Value, format, iterate, methods, operators::check_size},
    Outcome, bind, integer, lookup, truthy, wrap,
};

pub(super) fn apply(interp: &mut Interp<'_>, name: &str, value: Value, args: Args) -> Outcome {
    // `string` and its like keep a text as it is, with what is known of its origin.
    if name == "string" {
        return Ok(if let Value::Str(_) = value { value } else { value.to_str().into() });
    }
    if name == "join" {
        return join(interp, &value, args);
    }
    let text = match &value {
        Value::Str(text) => text.clone(),
        other => other.to_str().into(),
    };
    match name {
        "lower" => Ok(text.to_lowercase().into()),
        "upper" => Ok(text.to_uppercase().into()),
        "capitalize" => Ok(methods::capitalize(&text).into()),
        "title" => Ok(title(&text).into()),
        "trim" => {
            let [chars] = bind(args, name, ["chars"], 0)?;
            methods::call_method(interp, &Value::Str(text), &"strip".into(), Args::new(chars.into_iter().collect()))
        }
        "center" => {
            let [width] = bind(args, name, ["width"], 0)?;
            let width = vec![Value::Int(integer(width.as_ref(), 80)?)];
            methods::call_method(interp, &Value::Str(text), &"center".into(), Args::new(width))
        }
        "replace" => {
            let [old, new, count] = bind(args, name, ["old", "new", "count"], 2)?;
            let count = count.filter(|count| !count.is_none());
            let count = usize::try_from(integer(count.as_ref(), -1)?).unwrap_or(usize::MAX);
            let part = |value: Option<Value>| value.map_or_else(String::new, |value| value.to_str());
            methods::replaced(&text, &part(old), &part(new), count).map(Value::from)
        }
        "format" => {
            let values = match (args.positional.is_empty(), args.keyword.is_empty()) {
                (_, true) => Value::tuple(args.positional),
                (true, false) => Value::dict(args.keyword),
                _ => {
                    let message = "can't handle positional and keyword arguments at the same time";
                    return Err(JinjaError::type_error(message));
                }
            };
            format::percent(&text, &values).map(Value::from)
        }
        "indent" => indent(&text, args),
        "truncate" => truncate(&text, args),
        "wordcount" => Ok(Value::Int(i64::try_from(wordcount(&text)).unwrap_or(i64::MAX))),
        "wordwrap" => wrap::wordwrap(&text, args),
        _ => Err(JinjaError::type_error(format!("No filter named '{name}'"))),
    }
}

fn join(interp: &mut Interp<'_>, value: &Value, args: Args) -> Outcome {
    let [separator, attribute] = bind(args, "join", ["d", "attribute"], 0)?;
    let separator = separator.map_or_else(String::new, |separator| separator.to_str());
    let mut out = String::new();
    for (index, item) in iterate::collect(interp, value)?.iter().enumerate() {
        if index > 0 {
            out.push_str(&separator);
        }
        match attribute.as_ref().filter(|attribute| !attribute.is_none()) {
            Some(path) => out.push_str(&lookup(item, path, None, interp.globals.is_lenient())?.to_str()),
            None => match item {
                Value::Str(text) => out.push_str(text),
                other => out.push_str(&other.to_str()),
            },
        }
        check_size(out.len())?;
    }
    Ok(out.into())
}

/// Words start behind white space, hyphens and opening brackets; the rest of a word is lowered.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut starts = true;
    for c in text.chars() {
        let separates = c.is_whitespace() || matches!(c, '-' | '(' | '{' | '[' | '<');
        if starts {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        starts = separates;
    }
    out
}

fn indent(text: &str, args: Args) -> Outcome {
    let [width, first, blank] = bind(args, "indent", ["width", "first", "blank"], 0)?;
    let indention = match width {
        Some(Value::Str(text)) => text.to_string(),
        width => {
            let width = usize::try_from(integer(width.as_ref(), 4)?).unwrap_or(0);
            check_size(width)?;
            " ".repeat(width)
        }
    };
    let with_end = format!("{text}\n");
    let lines = methods::lines(&with_end, false);
    check_size(text.len() + lines.len() * (indention.len() + 1))?;
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            if truthy(blank.as_ref()) || !line.is_empty() {
                out.push_str(&indention);
            }
        } else if truthy(first.as_ref()) {
            out.push_str(&indention);
        }
        out.push_str(line);
    }
    Ok(out.into())
}

fn truncate(text: &str, args: Args) -> Outcome {
    let [length, killwords, end, leeway] = bind(args, "truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let leeway = leeway.filter(|leeway| !leeway.is_none());
    let (length, leeway) = (integer(length.as_ref(), 255)?, integer(leeway.as_ref(), 5)?);
    let end = end.map_or_else(|| "...".to_owned(), |end| end.to_str());
    let end_length = i64::try_from(end.chars().count()).unwrap_or(i64::MAX);
    if length < end_length {
        return Err(JinjaError::value_error(format!("expected length >= {end_length}, got {length}")));
    }
    if leeway < 0 {
        return Err(JinjaError::value_error(format!("expected leeway >= 0, got {leeway}")));
    }
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if count <= length.saturating_add(leeway) {
        return Ok(text.into());
    }
    let kept: String = text.chars().take(usize::try_from(length - end_length).unwrap_or(0)).collect();
    if truthy(killwords.as_ref()) {
        return Ok(format!("{kept}{end}").into());
    }
    let kept = kept.rsplit_once(' ').map_or(kept.as_str(), |(head, _)| head);
    Ok(format!("{kept}{end}").into())
}

fn wordcount(text: &str) -> usize {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).count()
}
