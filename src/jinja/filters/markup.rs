//! Filters for HTML and URLs.

use super::{
    super::{Args, Interp, JinjaError, Value, iterate},
    Outcome, bind, integer, truthy,
};

pub(super) fn apply(interp: &mut Interp<'_>, name: &str, value: &Value, args: Args) -> Outcome {
    match name {
        "safe" => Ok(if let Value::Str(_) = value { value.clone() } else { value.to_str().into() }),
        "e" | "escape" | "forceescape" => Ok(escape(&value.to_str()).into()),
        "striptags" => Ok(striptags(&value.to_str()).into()),
        "urlencode" => urlencode(interp, value),
        "urlize" => {
            let [limit, nofollow, target, rel, _] =
                bind(args, name, ["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"], 0)?;
            let limit = limit.filter(|limit| !limit.is_none());
            let limit = usize::try_from(integer(limit.as_ref(), i64::MAX)?).unwrap_or(usize::MAX);
            let mut rels: Vec<String> = rel
                .iter()
                .flat_map(|rel| rel.to_str().split_whitespace().map(str::to_owned).collect::<Vec<_>>())
                .collect();
            rels.push("noopener".to_owned());
            if truthy(nofollow.as_ref()) {
                rels.push("nofollow".to_owned());
            }
            rels.sort();
            rels.dedup();
            let target = target.filter(|target| !target.is_none()).map(|target| target.to_str());
            Ok(urlize(&value.to_str(), limit, &rels.join(" "), target.as_deref()).into())
        }
        _ => {
            let [autospace] = bind(args, name, ["autospace"], 0)?;
            xmlattr(value, autospace.is_none() || truthy(autospace.as_ref()))
        }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Without comments and tags, white space normalised, entities resolved.
fn striptags(text: &str) -> String {
    let without = |mut text: String, open: &str, close: &str| {
        while let Some(start) = text.find(open) {
            let Some(end) = text.get(start..).and_then(|rest| rest.find(close)).map(|at| start + at + close.len())
            else {
                break;
            };
            text.replace_range(start..end, "");
        }
        text
    };
    let text = without(without(text.to_owned(), "<!--", "-->"), "<", ">");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut text = words.join(" ");
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text
}

fn quote(text: &str, safe: &str, plus: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "_.-~".contains(c) || (byte.is_ascii() && safe.contains(c)) {
            out.push(c);
        } else if c == ' ' && plus {
            out.push('+');
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn urlencode(interp: &mut Interp<'_>, value: &Value) -> Outcome {
    if matches!(value, Value::Str(_)) || iterate::items(value).is_err() {
        return Ok(quote(&value.to_str(), "/", false).into());
    }
    let pairs = match value.pairs() {
        Some(pairs) => pairs,
        None => {
            let mut pairs = Vec::new();
            for pair in iterate::collect(interp, value)? {
                let pair = iterate::collect(interp, &pair)?;
                let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
                    return Err(JinjaError::value_error("urlencode needs pairs"));
                };
                pairs.push((key, value));
            }
            pairs
        }
    };
    let parts: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", quote(&key.to_str(), "", true), quote(&value.to_str(), "", true)))
        .collect();
    Ok(parts.join("&").into())
}

/// Links what looks like an address of the web; the rest stays.
fn urlize(text: &str, limit: usize, rel: &str, target: Option<&str>) -> String {
    let target = target.map_or_else(String::new, |target| format!(" target=\"{}\"", escape(target)));
    let link = |word: &str| {
        let trail = word.trim_end_matches(['.', ',', ')', '>', '\n', ';']);
        let (url, rest) = word.split_at(trail.len());
        let href = if url.starts_with("http://") || url.starts_with("https://") {
            url.to_owned()
        } else if url.starts_with("www.") {
            format!("https://{url}")
        } else {
            return escape(word);
        };
        let mut shown: String = url.chars().take(limit).collect();
        if shown.len() < url.len() {
            shown.push_str("...");
        }
        format!("<a href=\"{}\" rel=\"{rel}\"{target}>{}</a>{}", escape(&href), escape(&shown), escape(rest))
    };
    text.split_inclusive(char::is_whitespace)
        .map(|part| {
            let word = part.trim_end();
            let (_, space) = part.split_at(word.len());
            link(word) + space
        })
        .collect()
}

fn xmlattr(value: &Value, autospace: bool) -> Outcome {
    let Some(pairs) = value.pairs() else {
        return Err(JinjaError::type_error(format!("'{}' object has no attribute 'items'", value.type_name())));
    };
    let mut parts = Vec::new();
    for (key, value) in pairs {
        if value.is_none() || value.is_undefined() {
            continue;
        }
        let key = key.to_str();
        if key.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=')) {
            return Err(JinjaError::value_error(format!("Invalid character in attribute name: '{key}'")));
        }
        parts.push(format!("{}=\"{}\"", escape(&key), escape(&value.to_str())));
    }
    let text = parts.join(" ");
    Ok(if autospace && !text.is_empty() { format!(" {text}") } else { text }.into())
}
