//! How Python prints values: `repr()` of everything, and floats.

use super::{Value, value::MAX_NESTING, value::lock};

/// `repr(value)`. A container inside itself is printed as `[...]`, as Python does.
pub(super) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out, &mut Vec::new());
    out
}

fn write(value: &Value, out: &mut String, open: &mut Vec<usize>) {
    match value {
        Value::Undefined(_) => out.push_str("Undefined"),
        Value::None => out.push_str("None"),
        Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Decimal(value) => {
            out.push_str("Decimal('");
            out.push_str(&value.to_string());
            out.push_str("')");
        }
        Value::Str(text) => out.push_str(&quoted(text)),
        Value::Object(object) => match object.repr_parts() {
            Some((start, inner, end)) => {
                let id = std::sync::Arc::as_ptr(object).cast::<u8>() as usize;
                nested(id, [&start, &end], out, open, |out, open| write(&inner, out, open));
            }
            None => out.push_str(&object.to_repr()),
        },
        Value::Macro(definition) => {
            out.push_str("<Macro ");
            out.push_str(&quoted(&definition.name));
            out.push('>');
        }
        Value::List(items) => {
            let id = std::sync::Arc::as_ptr(items).cast::<u8>() as usize;
            let items = lock(items).clone();
            nested(id, ["[", "]"], out, open, |out, open| sequence(&items, out, open));
        }
        Value::Tuple(items) => {
            let id = items.as_ptr() as usize;
            nested(id, ["(", ")"], out, open, |out, open| {
                sequence(items, out, open);
                if items.len() == 1 {
                    out.push(',');
                }
            });
        }
        Value::Set(items) => {
            let id = std::sync::Arc::as_ptr(items).cast::<u8>() as usize;
            let items: Vec<Value> = lock(items).keys().cloned().collect();
            if items.is_empty() {
                out.push_str("set()");
            } else {
                nested(id, ["{", "}"], out, open, |out, open| sequence(&items, out, open));
            }
        }
        Value::Dict(items) => {
            let id = std::sync::Arc::as_ptr(items).cast::<u8>() as usize;
            let items = lock(items).clone();
            nested(id, ["{", "}"], out, open, |out, open| {
                for (index, (key, value)) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    write(key, out, open);
                    out.push_str(": ");
                    write(value, out, open);
                }
            });
        }
    }
}

fn nested(
    id: usize,
    [start, end]: [&str; 2],
    out: &mut String,
    open: &mut Vec<usize>,
    body: impl FnOnce(&mut String, &mut Vec<usize>),
) {
    out.push_str(start);
    if open.contains(&id) || open.len() > MAX_NESTING {
        out.push_str("...");
    } else {
        open.push(id);
        body(out, open);
        open.pop();
    }
    out.push_str(end);
}

fn sequence(items: &[Value], out: &mut String, open: &mut Vec<usize>) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(item, out, open);
    }
}

/// `repr()` of a string: single quotes unless the text has only those.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                out.push_str(&match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
        }
    }
    out.push(quote);
    out
}

/// Python's `str.isprintable` of one character, without the unassigned code points.
pub(super) fn is_printable(c: char) -> bool {
    if c == ' ' {
        return true;
    }
    !(c.is_control()
        || c.is_whitespace()
        || matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe000..=0xf8ff | 0xfff0..=0xfffb))
}

/// `repr()` of a float: the shortest digits that read back as the same number.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
