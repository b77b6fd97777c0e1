//! Python's `re`, on a backtracking engine with look-around and back-references.

mod found;
mod pattern;
mod replace;

use super::super::{
    Args, Interp, JinjaError, Value, function,
    iterate::{self},
};

use pattern::Pattern;

type Outcome = Result<Value, JinjaError>;

/// Flags by Python's numbers.
const FLAGS: [(&str, &str, i64); 6] = [
    ("I", "IGNORECASE", 2),
    ("M", "MULTILINE", 8),
    ("S", "DOTALL", 16),
    ("U", "UNICODE", 32),
    ("X", "VERBOSE", 64),
    ("A", "ASCII", 256),
];

/// Functions that take a pattern first; the rest is as of the pattern's method.
const FUNCTIONS: [&str; 9] = ["match", "search", "fullmatch", "findall", "finditer", "sub", "subn", "split", "compile"];

pub(super) fn module() -> Value {
    let mut names: Vec<(&str, Value)> = FUNCTIONS
        .into_iter()
        .map(|name| (name, function(name, move |interp: &mut Interp<'_>, args| call(interp, name, args))))
        .collect();
    for (short, long, value) in FLAGS {
        names.push((short, Value::Int(value)));
        names.push((long, Value::Int(value)));
    }
    names.push(("escape", function("escape", escape)));
    names.push(("purge", function("purge", |_, _| Ok(Value::None))));
    Value::dict(names)
}

/// `re.name(pattern, …)`.
fn call(interp: &mut Interp<'_>, name: &'static str, mut args: Args) -> Outcome {
    // The flags are the last argument, behind those of the method.
    let position = match name {
        "compile" => 1,
        "sub" | "subn" => 4,
        "split" => 3,
        _ => 2,
    };
    let mut flags = args.keyword.shift_remove("flags");
    if args.positional.len() > position {
        flags = Some(args.positional.remove(position));
    }
    let pattern = match args.keyword.shift_remove("pattern") {
        Some(pattern) => pattern,
        None if args.positional.is_empty() => {
            return Err(JinjaError::type_error(format!("{name}() missing 1 required positional argument: 'pattern'")));
        }
        None => args.positional.remove(0),
    };
    let compiled;
    let pattern = match pattern.downcast::<Pattern>() {
        Some(known) => known,
        None => {
            compiled = Pattern::new(&iterate::text(&pattern)?, flags.and_then(|flags| flags.as_i64()).unwrap_or(0))?;
            &compiled
        }
    };
    if name == "compile" {
        return Ok(Value::object(pattern.clone()));
    }
    pattern.method(interp, name, args)
}

fn escape(_: &mut Interp<'_>, args: Args) -> Outcome {
    let text = args.bind("escape", &["pattern"])?.into_iter().next().flatten().unwrap_or(Value::None);
    let mut out = String::new();
    for c in iterate::text(&text)?.chars() {
        match c {
            '\n' | '\t' | '\r' | '\x0b' | '\x0c' | ' ' => {
                out.push('\\');
                out.push(c);
            }
            c if "()[]{}?*+-|^$\\.&~#".contains(c) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    Ok(out.into())
}
