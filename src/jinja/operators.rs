//! Arithmetic, comparison and membership by Python's rules, with its error messages.

use std::{cmp::Ordering, sync::Arc};

use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{
    ErrorKind, JinjaError, Value, format,
    tree::{Arithmetic, Comparison},
    value::{MAX_NESTING, lock},
};

type Outcome = Result<Value, JinjaError>;

/// Bytes or items that one operation may make at once.
pub(super) const MAX_SIZE: usize = 64 * 1024 * 1024;

/// Refuses what would be larger than any template needs.
pub(super) fn check_size(size: usize) -> Result<(), JinjaError> {
    if size > MAX_SIZE {
        return Err(JinjaError::new(ErrorKind::Limit, format!("a value of {size} bytes or items is too large")));
    }
    Ok(())
}

pub(super) fn overflow() -> JinjaError {
    JinjaError::value_error("integer overflow: the result does not fit into 64 bits")
}

fn zero(message: &str) -> JinjaError {
    JinjaError::value_error(message)
}

/// The error for an undefined value that is used as if it had one.
pub(super) fn undefined(message: &str) -> JinjaError {
    JinjaError::new(ErrorKind::Undefined, message)
}

pub(super) fn arithmetic(operator: Arithmetic, left: &Value, right: &Value) -> Outcome {
    let formats = operator == Arithmetic::Mod && matches!(left, Value::Str(_));
    if let (Value::Undefined(message), _) | (_, Value::Undefined(message)) = (left, right)
        && !formats
    {
        return Err(undefined(message));
    }
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return integers(operator, left, right);
    }
    if let Value::Object(object) = left
        && let Some(result) = object.binary(operator.symbol(), right, false)
    {
        return result;
    }
    if let Value::Object(object) = right
        && let Some(result) = object.binary(operator.symbol(), left, true)
    {
        return result;
    }
    match (operator, left, right) {
        (Arithmetic::Mod, Value::Str(text), _) => format::percent(text, right).map(Value::from),
        (Arithmetic::Add, Value::Str(left), Value::Str(right)) => {
            check_size(left.len() + right.len())?;
            Ok([&**left, &**right].concat().into())
        }
        (Arithmetic::Add, Value::List(left), Value::List(right)) => {
            let mut items = lock(left).clone();
            items.extend(lock(right).clone());
            check_size(items.len())?;
            Ok(Value::list(items))
        }
        (Arithmetic::Add, Value::Tuple(left), Value::Tuple(right)) => {
            Ok(Value::tuple(left.iter().chain(right.iter()).cloned()))
        }
        (Arithmetic::Sub, Value::Set(left), Value::Set(right)) => {
            let mut items = lock(left).clone();
            let right = lock(right).clone();
            items.retain(|item, ()| !right.contains_key(item));
            Ok(Value::Set(Arc::new(items.into())))
        }
        (Arithmetic::Mul, sequence, count) | (Arithmetic::Mul, count, sequence)
            if count.as_i64().is_some() && matches!(sequence, Value::Str(_) | Value::List(_) | Value::Tuple(_)) =>
        {
            repeat(sequence, count.as_i64().unwrap_or(0))
        }
        _ => numbers(operator, left, right),
    }
}

fn repeat(sequence: &Value, count: i64) -> Outcome {
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if let Value::Str(text) = sequence {
        check_size(text.len().saturating_mul(count))?;
        return Ok(text.repeat(count).into());
    }
    let items = sequence.items().unwrap_or_default();
    check_size(items.len().saturating_mul(count))?;
    let repeated = std::iter::repeat_n(items, count).flatten();
    Ok(if matches!(sequence, Value::List(_)) { Value::list(repeated) } else { Value::tuple(repeated) })
}

fn unsupported(operator: Arithmetic, left: &Value, right: &Value) -> JinjaError {
    let (left_type, right_type) = (left.type_name(), right.type_name());
    let joins = matches!(left, Value::Str(_) | Value::List(_) | Value::Tuple(_));
    JinjaError::type_error(match operator {
        Arithmetic::Add if joins => {
            format!("can only concatenate {left_type} (not \"{right_type}\") to {left_type}")
        }
        Arithmetic::Mul if joins => format!("can't multiply sequence by non-int of type '{right_type}'"),
        _ => format!("unsupported operand type(s) for {}: '{left_type}' and '{right_type}'", operator.symbol()),
    })
}

#[expect(clippy::cast_precision_loss, reason = "Python's true division converts to float too")]
fn integers(operator: Arithmetic, left: i64, right: i64) -> Outcome {
    let result = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Sub => left.checked_sub(right),
        Arithmetic::Mul => left.checked_mul(right),
        Arithmetic::Div => {
            if right == 0 {
                return Err(zero("division by zero"));
            }
            return Ok(Value::Float(left as f64 / right as f64));
        }
        Arithmetic::FloorDiv => {
            if right == 0 {
                return Err(zero("integer division or modulo by zero"));
            }
            left.checked_div(right).map(|quotient| {
                let inexact = left.checked_rem(right).unwrap_or(0) != 0;
                if inexact && (left < 0) != (right < 0) { quotient - 1 } else { quotient }
            })
        }
        Arithmetic::Mod => {
            if right == 0 {
                return Err(zero("integer modulo by zero"));
            }
            let rest = left.checked_rem(right).unwrap_or(0);
            Some(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest })
        }
        Arithmetic::Pow => {
            if right < 0 {
                return floats(operator, left as f64, right as f64);
            }
            match (left, u32::try_from(right)) {
                (_, Ok(exponent)) => left.checked_pow(exponent),
                (0 | 1, _) => Some(left),
                (-1, _) => Some(if right % 2 == 0 { 1 } else { -1 }),
                _ => None,
            }
        }
    };
    result.map(Value::Int).ok_or_else(overflow)
}

fn floats(operator: Arithmetic, left: f64, right: f64) -> Outcome {
    let floor_mod = |left: f64, right: f64| {
        let rest = left % right;
        if rest != 0.0 && (rest < 0.0) != (right < 0.0) { rest + right } else { rest }
    };
    if right == 0.0 {
        match operator {
            Arithmetic::Div => return Err(zero("float division by zero")),
            Arithmetic::FloorDiv => return Err(zero("float floor division by zero")),
            Arithmetic::Mod => return Err(zero("float modulo")),
            _ => {}
        }
    }
    Ok(Value::Float(match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Sub => left - right,
        Arithmetic::Mul => left * right,
        Arithmetic::Div => left / right,
        Arithmetic::FloorDiv => ((left - floor_mod(left, right)) / right).round(),
        Arithmetic::Mod => floor_mod(left, right),
        Arithmetic::Pow => {
            if left == 0.0 && right < 0.0 {
                return Err(zero("0.0 cannot be raised to a negative power"));
            }
            let result = left.powf(right);
            if result.is_infinite() && left.is_finite() && right.is_finite() {
                return Err(JinjaError::value_error("numerical result out of range"));
            }
            result
        }
    }))
}

fn numbers(operator: Arithmetic, left: &Value, right: &Value) -> Outcome {
    match (left, right) {
        (Value::Decimal(_), Value::Float(_)) | (Value::Float(_), Value::Decimal(_)) => {
            Err(unsupported(operator, left, right))
        }
        (Value::Decimal(_), _) | (_, Value::Decimal(_)) => match (decimal(left), decimal(right)) {
            (Some(left), Some(right)) => decimals(operator, left, right),
            _ => Err(unsupported(operator, left, right)),
        },
        _ => match (float(left), float(right)) {
            (Some(left), Some(right)) => floats(operator, left, right),
            _ => Err(unsupported(operator, left, right)),
        },
    }
}

fn decimals(operator: Arithmetic, left: Decimal, right: Decimal) -> Outcome {
    if right.is_zero() && matches!(operator, Arithmetic::Div | Arithmetic::FloorDiv | Arithmetic::Mod) {
        return Err(zero("[<class 'decimal.DivisionByZero'>]"));
    }
    let result = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Sub => left.checked_sub(right),
        Arithmetic::Mul => left.checked_mul(right),
        Arithmetic::Div => left.checked_div(right),
        Arithmetic::FloorDiv => left.checked_div(right).map(|quotient| quotient.trunc()),
        Arithmetic::Mod => left.checked_rem(right),
        Arithmetic::Pow => match right.to_u32() {
            Some(exponent) if right.is_integer() && exponent <= 1000 => {
                let mut product = Some(Decimal::ONE);
                for _ in 0..exponent {
                    product = product.and_then(|product| product.checked_mul(left));
                }
                product
            }
            _ => {
                let power = left.to_f64().unwrap_or(f64::NAN).powf(right.to_f64().unwrap_or(f64::NAN));
                Decimal::try_from(power).ok()
            }
        },
    };
    result.map(Value::Decimal).ok_or_else(|| JinjaError::value_error("decimal overflow"))
}

/// A number as a float, as Python's `float(x)` of a number.
#[expect(clippy::cast_precision_loss, reason = "Python converts so too")]
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Decimal(value) => value.to_f64(),
        other => other.as_i64().map(|value| value as f64),
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Decimal(value) => Some(*value),
        other => other.as_i64().map(Decimal::from),
    }
}

pub(super) fn negative(value: &Value) -> Outcome {
    match value {
        Value::Undefined(message) => Err(undefined(message)),
        Value::Float(value) => Ok(Value::Float(-value)),
        Value::Decimal(value) => Ok(Value::Decimal(-value)),
        Value::Object(object) => match object.binary("*", &Value::Int(-1), false) {
            Some(result) => result,
            None => Err(bad_unary('-', value)),
        },
        other => match other.as_i64() {
            Some(value) => value.checked_neg().map(Value::Int).ok_or_else(overflow),
            None => Err(bad_unary('-', other)),
        },
    }
}

pub(super) fn positive(value: &Value) -> Outcome {
    match value {
        Value::Undefined(message) => Err(undefined(message)),
        Value::Bool(value) => Ok(Value::Int(i64::from(*value))),
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => Ok(value.clone()),
        other => Err(bad_unary('+', other)),
    }
}

fn bad_unary(operator: char, value: &Value) -> JinjaError {
    JinjaError::type_error(format!("bad operand type for unary {operator}: '{}'", value.type_name()))
}

pub(super) fn comparison(operator: Comparison, left: &Value, right: &Value) -> Result<bool, JinjaError> {
    let symbol = match operator {
        Comparison::Eq => return Ok(left == right),
        Comparison::Ne => return Ok(left != right),
        Comparison::In => return contains(right, left),
        Comparison::NotIn => return contains(right, left).map(|found| !found),
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
    };
    if let (Value::Set(left), Value::Set(right)) = (left, right) {
        let (left, right) = (lock(left).clone(), lock(right).clone());
        let within = |small: &indexmap::IndexMap<Value, ()>, large: &indexmap::IndexMap<Value, ()>| {
            small.keys().all(|item| large.contains_key(item))
        };
        return Ok(match operator {
            Comparison::Lt => left.len() < right.len() && within(&left, &right),
            Comparison::Le => within(&left, &right),
            Comparison::Gt => left.len() > right.len() && within(&right, &left),
            _ => within(&right, &left),
        });
    }
    let ordering = order(left, right, symbol, 0)?;
    Ok(match operator {
        Comparison::Lt => ordering == Some(Ordering::Less),
        Comparison::Le => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => ordering == Some(Ordering::Greater),
        _ => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// The order of two values, for sorting.
///
/// # Errors
/// Python's TypeError when the types have no order.
pub(super) fn compare(left: &Value, right: &Value) -> Result<Ordering, JinjaError> {
    order(left, right, "<", 0).map(|ordering| ordering.unwrap_or(Ordering::Equal))
}

/// `None` for NaN.
fn order(left: &Value, right: &Value, symbol: &str, depth: usize) -> Result<Option<Ordering>, JinjaError> {
    let refused = || {
        Err(JinjaError::type_error(format!(
            "'{symbol}' not supported between instances of '{}' and '{}'",
            left.type_name(),
            right.type_name()
        )))
    };
    match (left, right) {
        (Value::Undefined(message), _) | (_, Value::Undefined(message)) => Err(undefined(message)),
        (Value::Str(left), Value::Str(right)) => Ok(Some(left.cmp(right))),
        (Value::List(_), Value::List(_)) | (Value::Tuple(_), Value::Tuple(_)) => {
            if depth > MAX_NESTING {
                return Ok(Some(Ordering::Equal));
            }
            let (left, right) = (left.items().unwrap_or_default(), right.items().unwrap_or_default());
            for (left, right) in left.iter().zip(&right) {
                if left != right {
                    return order(left, right, symbol, depth + 1);
                }
            }
            Ok(Some(left.len().cmp(&right.len())))
        }
        (Value::Object(object), other) => object.compare(other).map_or_else(refused, |order| Ok(Some(order))),
        (other, Value::Object(object)) => object.compare(other).map_or_else(refused, |order| Ok(Some(order.reverse()))),
        _ => {
            if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
                return Ok(Some(left.cmp(&right)));
            }
            if let (Some(left), Some(right)) = (decimal(left), decimal(right)) {
                return Ok(Some(left.cmp(&right)));
            }
            match (float(left), float(right)) {
                (Some(left), Some(right)) => Ok(left.partial_cmp(&right)),
                _ => refused(),
            }
        }
    }
}

/// `item in container`.
pub(super) fn contains(container: &Value, item: &Value) -> Result<bool, JinjaError> {
    match container {
        Value::Undefined(_) => Ok(false),
        Value::Str(text) => match item {
            Value::Str(part) => Ok(text.contains(&**part)),
            other => Err(JinjaError::type_error(format!(
                "'in <string>' requires string as left operand, not {}",
                other.type_name()
            ))),
        },
        Value::Dict(items) => {
            hashable(item)?;
            Ok(lock(items).contains_key(item))
        }
        Value::Set(items) => {
            hashable(item)?;
            Ok(lock(items).contains_key(item))
        }
        Value::Object(object) => match object.contains(item) {
            Some(found) => Ok(found),
            None => object.iter().map(|items| items.contains(item)).ok_or_else(|| not_iterable(container)),
        },
        Value::List(_) | Value::Tuple(_) => Ok(container.items().unwrap_or_default().contains(item)),
        other => Err(JinjaError::type_error(format!("argument of type '{}' is not iterable", other.type_name()))),
    }
}

pub(super) fn not_iterable(value: &Value) -> JinjaError {
    JinjaError::type_error(format!("'{}' object is not iterable", value.type_name()))
}

/// Refuses lists, dicts and sets as keys.
pub(super) fn hashable(value: &Value) -> Result<(), JinjaError> {
    if value.is_hashable() {
        return Ok(());
    }
    let name = match value {
        Value::Tuple(items) => items.iter().find(|item| !item.is_hashable()).map_or("tuple", Value::type_name),
        other => other.type_name(),
    };
    Err(JinjaError::type_error(format!("unhashable type: '{name}'")))
}
