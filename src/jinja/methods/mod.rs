//! The methods of Python's built-in types.

mod collections;
mod numbers;
mod search;
mod text;
mod views;

use std::sync::Arc;

use super::{Args, Interp, JinjaError, Object, Value, attributes, operators::undefined};

pub(super) use collections::sort_keyed;
pub(super) use search::lines;
pub(super) use text::{capitalize, replaced};

pub(super) type Outcome = Result<Value, JinjaError>;

/// `object.name(args)`.
pub(super) fn call_method(interp: &mut Interp<'_>, object: &Value, name: &Arc<str>, args: Args) -> Outcome {
    match object {
        Value::Undefined(_) if interp.globals.is_lenient() => return Ok(object.clone()),
        Value::Undefined(message) => return Err(undefined(message)),
        Value::Object(inner) => {
            let inner = inner.clone();
            // The arguments are needed again when it is no method but a callable attribute.
            if let Some(result) = inner.call_method(interp, name, args.clone()) {
                return result;
            }
        }
        _ if has(object, name) => return call(interp, object, name, args),
        _ => {}
    }
    let callee = attributes::attribute(object, name, interp.globals.is_lenient())?;
    interp.call(&callee, args)
}

/// Whether a value of a built-in type has the method.
pub(super) fn has(object: &Value, name: &str) -> bool {
    match object {
        Value::Str(_) => text::NAMES.contains(&name),
        Value::List(_) => collections::LIST.contains(&name),
        Value::Tuple(_) => matches!(name, "count" | "index"),
        Value::Dict(_) => collections::DICT.contains(&name),
        Value::Set(_) => collections::SET.contains(&name),
        Value::Int(_) | Value::Bool(_) | Value::Float(_) | Value::Decimal(_) => numbers::NAMES.contains(&name),
        _ => false,
    }
}

fn call(interp: &mut Interp<'_>, object: &Value, name: &str, args: Args) -> Outcome {
    match object {
        Value::Str(text) => text::call(interp, text, name, args),
        Value::List(items) => collections::list(interp, items, name, args),
        Value::Tuple(items) => collections::tuple(items, name, args),
        Value::Dict(items) => collections::dict(interp, items, name, args),
        Value::Set(items) => collections::set(interp, items, name, args),
        Value::Object(inner) => inner.clone().call_method(interp, name, args).unwrap_or_else(|| {
            Err(JinjaError::type_error(format!("'{}' object has no method '{name}'", object.type_name())))
        }),
        other => numbers::call(other, name, args),
    }
}

/// `object.name` without a call.
pub(super) fn bound(object: Value, name: Arc<str>) -> Value {
    Value::object(Bound { object, name })
}

#[derive(Debug)]
struct Bound {
    object: Value,
    name: Arc<str>,
}

impl Object for Bound {
    fn type_name(&self) -> &'static str {
        "builtin_function_or_method"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Outcome {
        call(interp, &self.object, &self.name, args)
    }

    fn to_repr(&self) -> String {
        let address = std::ptr::from_ref(self) as usize;
        format!("<built-in method {} of {} object at {address:#x}>", self.name, self.object.type_name())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The arguments of a method that has at least `required` of them.
fn bind<const N: usize>(
    args: Args,
    function: &str,
    names: [&str; N],
    required: usize,
) -> Result<[Option<Value>; N], JinjaError> {
    let bound = args.bind(function, &names)?;
    let given = bound.iter().take_while(|value| value.is_some()).count();
    if given < required {
        let plural = if required == 1 { "" } else { "s" };
        return Err(JinjaError::type_error(format!(
            "{function}() takes at least {required} argument{plural} ({given} given)"
        )));
    }
    <[Option<Value>; N]>::try_from(bound)
        .map_err(|_| JinjaError::new(super::ErrorKind::Internal, "arguments were bound wrongly"))
}

/// An integer argument.
fn integer(value: &Value) -> Result<i64, JinjaError> {
    match value {
        Value::Undefined(message) => Err(undefined(message)),
        other => other.as_i64().ok_or_else(|| {
            JinjaError::type_error(format!("'{}' object cannot be interpreted as an integer", other.type_name()))
        }),
    }
}
