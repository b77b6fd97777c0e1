//! Methods of str.

use std::sync::Arc;

use super::{
    super::{Args, Interp, JinjaError, Object, Value, format, iterate, operators::check_size},
    Outcome, bind, integer,
    search::{self, is_space},
};

pub(super) const NAMES: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

pub(super) fn call(interp: &mut Interp<'_>, text: &Arc<str>, name: &str, args: Args) -> Outcome {
    match name {
        "format" => return format::str_format(interp, text, &args).map(Value::from),
        "format_map" => {
            let [mapping] = bind(args, "format_map", ["mapping"], 1)?;
            let mut named = Args::default();
            for (key, value) in mapping.and_then(|mapping| mapping.pairs()).unwrap_or_default() {
                named.keyword.insert(key.to_str().into(), value);
            }
            return format::str_format(interp, text, &named).map(Value::from);
        }
        "join" => {
            let [items] = bind(args, "join", ["iterable"], 1)?;
            return join(interp, text, &items.unwrap_or(Value::None));
        }
        "count" | "find" | "index" | "rfind" | "rindex" => return search::find(text, name, args),
        "startswith" | "endswith" => return search::affix(text, name, args),
        "strip" | "lstrip" | "rstrip" => {
            let stripped = search::strip(text, name, args)?;
            interp.trace_part(text, &stripped);
            return Ok(stripped);
        }
        "split" | "rsplit" => return search::split(text, name, args),
        "partition" | "rpartition" => return search::partition(text, name, args),
        "splitlines" => return search::splitlines(text, args),
        "center" | "ljust" | "rjust" | "zfill" | "expandtabs" => return pad(text, name, args),
        "replace" => return replace(text, args),
        "removeprefix" | "removesuffix" => {
            let [affix] = bind(args, name, ["affix"], 1)?;
            let affix = iterate::text(&affix.unwrap_or(Value::None))?;
            let rest = if name == "removeprefix" { text.strip_prefix(&*affix) } else { text.strip_suffix(&*affix) };
            return Ok(rest.map_or_else(|| Value::Str(text.clone()), Value::from));
        }
        "translate" => return translate(text, args),
        "maketrans" => return maketrans(args),
        "encode" => return Ok(Value::object(Bytes(text.as_bytes().into()))),
        _ => {}
    }
    let [] = bind(args, name, [], 0)?;
    Ok(match name {
        "upper" => text.to_uppercase().into(),
        "lower" => text.to_lowercase().into(),
        "casefold" => text.to_lowercase().replace('ß', "ss").into(),
        "capitalize" => capitalize(text).into(),
        "title" => title(text).into(),
        "swapcase" => text.chars().map(swap).collect::<String>().into(),
        _ => Value::Bool(is(text, name)),
    })
}

pub(in super::super) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + &chars.as_str().to_lowercase())
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}

fn swap(c: char) -> String {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

fn is(text: &str, name: &str) -> bool {
    let all = |test: fn(char) -> bool| !text.is_empty() && text.chars().all(test);
    let is_digit = |c: char| c.is_ascii_digit() || (c.is_numeric() && !c.is_alphabetic() && c.to_digit(10).is_none());
    match name {
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isascii" => text.is_ascii(),
        "isdecimal" => all(|c| c.is_ascii_digit() || (!c.is_ascii() && is_decimal(c))),
        "isdigit" => !text.is_empty() && text.chars().all(|c| is_digit(c) && !"½¼¾".contains(c)),
        "isnumeric" => all(char::is_numeric),
        "isidentifier" => {
            let mut chars = text.chars();
            chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
                && chars.all(|c| c == '_' || c.is_alphanumeric())
        }
        "islower" => text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase),
        "isupper" => text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase),
        "isprintable" => text.chars().all(super::super::repr::is_printable),
        "isspace" => all(is_space),
        "istitle" => {
            let mut cased = false;
            let mut inside = false;
            for c in text.chars() {
                let (upper, lower) = (c.is_uppercase(), c.is_lowercase());
                if (upper && inside) || (lower && !inside) {
                    return false;
                }
                cased |= upper || lower;
                inside = upper || lower;
            }
            cased
        }
        _ => false,
    }
}

/// The decimal digits of the scripts in common use.
fn is_decimal(c: char) -> bool {
    matches!(u32::from(c), 0x660..=0x669 | 0x6f0..=0x6f9 | 0x966..=0x96f | 0xff10..=0xff19)
}

pub(in super::super) fn join(interp: &mut Interp<'_>, separator: &str, items: &Value) -> Outcome {
    let mut out = String::new();
    for (index, item) in iterate::collect(interp, items)?.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        match item {
            Value::Str(text) => out.push_str(text),
            other => {
                return Err(JinjaError::type_error(format!(
                    "sequence item {index}: expected str instance, {} found",
                    other.type_name()
                )));
            }
        }
        check_size(out.len())?;
    }
    Ok(out.into())
}

fn pad(text: &str, name: &str, args: Args) -> Outcome {
    if name == "expandtabs" {
        let [size] = bind(args, name, ["tabsize"], 0)?;
        let size = usize::try_from(size.as_ref().map_or(Ok(8), integer)?).unwrap_or(0);
        return expandtabs(text, size).map(Value::from);
    }
    let [width, fill] = bind(args, name, ["width", "fillchar"], 1)?;
    let width = usize::try_from(integer(&width.unwrap_or(Value::None))?).unwrap_or(0);
    check_size(width)?;
    let fill = fill.map_or(Ok(" ".into()), |fill| iterate::text(&fill))?;
    let mut chars = fill.chars();
    let (Some(fill), None) = (chars.next(), chars.next()) else {
        return Err(JinjaError::type_error("The fill character must be exactly one character long"));
    };
    let length = text.chars().count();
    let missing = width.saturating_sub(length);
    let run = |count: usize| fill.to_string().repeat(count);
    Ok(match name {
        "ljust" => format!("{text}{}", run(missing)),
        "rjust" => format!("{}{text}", run(missing)),
        "zfill" => {
            let (sign, digits) = match text.chars().next() {
                Some(sign @ ('+' | '-')) => (sign.to_string(), text.get(1..).unwrap_or("")),
                _ => (String::new(), text),
            };
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        _ => {
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", run(left), run(missing - left))
        }
    }
    .into())
}

fn expandtabs(text: &str, size: usize) -> Result<String, JinjaError> {
    let mut out = String::new();
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' if size > 0 => {
                let count = size - column % size;
                check_size(out.len() + count)?;
                out.push_str(&" ".repeat(count));
                column += count;
            }
            '\t' => {}
            other => {
                column = if matches!(other, '\n' | '\r') { 0 } else { column + 1 };
                out.push(other);
            }
        }
    }
    Ok(out)
}

fn replace(text: &str, args: Args) -> Outcome {
    let [old, new, count] = bind(args, "replace", ["old", "new", "count"], 2)?;
    let argument = |value: Option<Value>, position: usize| match value {
        Some(Value::Str(text)) => Ok(text),
        Some(Value::Undefined(message)) => Err(super::undefined(&message)),
        other => Err(JinjaError::type_error(format!(
            "replace() argument {position} must be str, not {}",
            other.as_ref().map_or("NoneType", Value::type_name)
        ))),
    };
    let (old, new) = (argument(old, 1)?, argument(new, 2)?);
    let count = usize::try_from(count.as_ref().map_or(Ok(-1), integer)?).unwrap_or(usize::MAX);
    replaced(text, &old, &new, count).map(Value::from)
}

pub(in super::super) fn replaced(text: &str, old: &str, new: &str, count: usize) -> Result<String, JinjaError> {
    let found = text.matches(old).count().min(count);
    check_size(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, count))
}

fn translate(text: &str, args: Args) -> Outcome {
    let [table] = bind(args, "translate", ["table"], 1)?;
    let table = table.unwrap_or(Value::None);
    let mut out = String::new();
    for c in text.chars() {
        let mapped = match &table {
            Value::Dict(items) => super::super::value::lock(items).get(&Value::Int(i64::from(u32::from(c)))).cloned(),
            _ => None,
        };
        match mapped {
            None => out.push(c),
            Some(Value::None) => {}
            Some(Value::Int(code)) => out.extend(u32::try_from(code).ok().and_then(char::from_u32)),
            Some(other) => out.push_str(&other.to_str()),
        }
    }
    Ok(out.into())
}

fn maketrans(args: Args) -> Outcome {
    let [from, to, delete] = bind(args, "maketrans", ["x", "y", "z"], 1)?;
    let key = |c: char| Value::Int(i64::from(u32::from(c)));
    let mut table = super::super::Dict::new();
    match (from, to) {
        (Some(Value::Str(from)), Some(Value::Str(to))) => {
            if from.chars().count() != to.chars().count() {
                return Err(JinjaError::value_error("the first two maketrans arguments must have equal length"));
            }
            table.extend(from.chars().zip(to.chars()).map(|(from, to)| (key(from), key(to))));
        }
        (Some(mapping), None) => {
            for (from, to) in mapping.pairs().unwrap_or_default() {
                let from = match &from {
                    Value::Str(text) => text.chars().next().map_or(Value::None, key),
                    other => other.clone(),
                };
                table.insert(from, to);
            }
        }
        _ => return Err(JinjaError::type_error("maketrans() arguments must be strings")),
    }
    if let Some(Value::Str(delete)) = delete {
        table.extend(delete.chars().map(|c| (key(c), Value::None)));
    }
    Ok(Value::Dict(Arc::new(table.into())))
}

/// What `str.encode` returns.
#[derive(Debug)]
struct Bytes(Box<[u8]>);

impl Object for Bytes {
    fn type_name(&self) -> &'static str {
        "bytes"
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, _args: Args) -> Option<Outcome> {
        match name {
            "decode" => Some(Ok(String::from_utf8_lossy(&self.0).into_owned().into())),
            "hex" => Some(Ok(self.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())),
            _ => None,
        }
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.0.iter().map(|byte| Value::Int(i64::from(*byte))).collect())
    }

    fn to_repr(&self) -> String {
        let quote = if self.0.contains(&b'\'') && !self.0.contains(&b'"') { '"' } else { '\'' };
        let mut out = format!("b{quote}");
        for byte in &self.0 {
            match byte {
                b'\\' => out.push_str("\\\\"),
                b'\n' => out.push_str("\\n"),
                b'\r' => out.push_str("\\r"),
                b'\t' => out.push_str("\\t"),
                byte if char::from(*byte) == quote => {
                    out.push('\\');
                    out.push(quote);
                }
                b' '..=b'~' => out.push(char::from(*byte)),
                other => out.push_str(&format!("\\x{other:02x}")),
            }
        }
        out.push(quote);
        out
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
