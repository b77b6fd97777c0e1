//! Jinja's built-in filters and dbt's `as_…`.

mod convert;
mod markup;
mod sequence;
mod text;
mod wrap;

pub(super) use convert::Marker;

use super::{Args, Interp, JinjaError, Value, attributes, iterate};

type Outcome = Result<Value, JinjaError>;

const NAMES: &[&str] = &[
    "abs",
    "as_bool",
    "as_native",
    "as_number",
    "as_text",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "indent",
    "int",
    "is_list",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "random",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "urlize",
    "wordcount",
    "wordwrap",
    "xmlattr",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// `value | name(args)`.
pub(super) fn apply(interp: &mut Interp<'_>, name: &str, value: Value, args: Args) -> Outcome {
    match name {
        "abs" | "as_bool" | "as_native" | "as_number" | "as_text" | "float" | "int" | "is_list" | "round"
        | "filesizeformat" | "tojson" | "pprint" => convert::apply(interp, name, &value, args),
        "attr" | "batch" | "dictsort" | "first" | "groupby" | "items" | "last" | "list" | "map" | "max" | "min"
        | "random" | "reject" | "rejectattr" | "reverse" | "select" | "selectattr" | "slice" | "sort" | "sum"
        | "unique" => sequence::apply(interp, name, value, args),
        "e" | "escape" | "forceescape" | "safe" | "striptags" | "urlencode" | "urlize" | "xmlattr" => {
            markup::apply(interp, name, &value, args)
        }
        "count" | "length" => {
            bind(args, name, [], 0)?;
            Ok(Value::Int(i64::try_from(iterate::length(&value)?).unwrap_or(i64::MAX)))
        }
        "d" | "default" => {
            let [default, boolean] = bind(args, "default", ["default_value", "boolean"], 0)?;
            let replace = value.is_undefined() || (truthy(boolean.as_ref()) && !value.is_truthy());
            Ok(if replace { default.unwrap_or_else(|| "".into()) } else { value })
        }
        _ if exists(name) => text::apply(interp, name, value, args),
        _ => {
            let message = match crate::diagnostic::nearest(name, NAMES.iter().copied()) {
                Some(near) => format!("No filter named '{name}' (did you mean '{near}'?)"),
                None => format!("No filter named '{name}'"),
            };
            Err(JinjaError::new(super::ErrorKind::Syntax, message))
        }
    }
}

fn truthy(value: Option<&Value>) -> bool {
    value.is_some_and(Value::is_truthy)
}

/// The arguments of a filter; the first `required` must be there.
fn bind<const N: usize>(
    args: Args,
    name: &str,
    names: [&str; N],
    required: usize,
) -> Result<[Option<Value>; N], JinjaError> {
    let bound = args.bind(&format!("do_{name}"), &names)?;
    for (value, parameter) in bound.iter().zip(names).take(required) {
        if value.is_none() {
            let message = format!("do_{name}() missing 1 required positional argument: '{parameter}'");
            return Err(JinjaError::type_error(message));
        }
    }
    <[Option<Value>; N]>::try_from(bound)
        .map_err(|_| JinjaError::new(super::ErrorKind::Internal, "arguments were bound wrongly"))
}

/// An integer argument, or its default.
fn integer(value: Option<&Value>, default: i64) -> Result<i64, JinjaError> {
    match value {
        None => Ok(default),
        Some(Value::Undefined(message)) => Err(super::operators::undefined(message)),
        Some(value) => value.as_i64().ok_or_else(|| {
            JinjaError::type_error(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
        }),
    }
}

/// `a.b.0` of an item: each part as item or attribute.
fn lookup(item: &Value, path: &Value, default: Option<&Value>, lenient: bool) -> Outcome {
    let mut value = item.clone();
    match path {
        Value::Str(path) => {
            for part in path.split('.') {
                let key = part.parse::<i64>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
                let key = key.map_or_else(|| Value::from(part), Value::Int);
                value = attributes::item(&value, &key, lenient)?;
                if let (true, Some(default)) = (value.is_undefined(), default) {
                    value = default.clone();
                }
            }
        }
        key => {
            value = attributes::item(&value, key, lenient)?;
            if let (true, Some(default)) = (value.is_undefined(), default) {
                value = default.clone();
            }
        }
    }
    Ok(value)
}

/// A key that compares without case.
fn fold_case(value: Value, case_sensitive: bool) -> Value {
    match &value {
        Value::Str(text) if !case_sensitive => text.to_lowercase().into(),
        _ => value,
    }
}
