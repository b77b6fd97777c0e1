//! Methods of int, float and Decimal.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    super::{Args, JinjaError, Value},
    Outcome, bind,
};

pub(super) const NAMES: &[&str] = &[
    "is_integer",
    "bit_length",
    "conjugate",
    "quantize",
    "normalize",
    "is_nan",
    "is_zero",
    "is_signed",
    "copy_abs",
    "to_integral_value",
    "is_finite",
    "is_infinite",
];

pub(super) fn call(number: &Value, name: &str, args: Args) -> Outcome {
    Ok(match (name, number) {
        ("is_integer", Value::Float(value)) => Value::Bool(value.fract() == 0.0),
        ("is_integer", Value::Decimal(value)) => Value::Bool(value.is_integer()),
        ("is_integer", Value::Int(_) | Value::Bool(_)) => Value::Bool(true),
        ("bit_length", Value::Int(value)) => Value::Int(i64::from(64 - value.unsigned_abs().leading_zeros())),
        ("conjugate", _) => number.clone(),
        ("quantize", Value::Decimal(value)) => {
            let [exponent, _] = bind(args, "quantize", ["exp", "rounding"], 1)?;
            let scale = match exponent {
                Some(Value::Decimal(exponent)) => exponent.scale(),
                _ => 0,
            };
            let mut rounded = value.round_dp_with_strategy(scale, RoundingStrategy::MidpointNearestEven);
            rounded.rescale(scale);
            Value::Decimal(rounded)
        }
        ("normalize", Value::Decimal(value)) => Value::Decimal(value.normalize()),
        ("to_integral_value", Value::Decimal(value)) => Value::Decimal(value.round_dp(0)),
        ("copy_abs", Value::Decimal(value)) => Value::Decimal(value.abs()),
        ("is_nan" | "is_infinite", Value::Decimal(_)) => Value::Bool(false),
        ("is_finite", Value::Decimal(_)) => Value::Bool(true),
        ("is_zero", Value::Decimal(value)) => Value::Bool(*value == Decimal::ZERO),
        ("is_signed", Value::Decimal(value)) => Value::Bool(value.is_sign_negative()),
        _ => {
            let message = format!("'{} object' has no attribute '{name}'", number.type_name());
            return Err(JinjaError::new(super::super::ErrorKind::Undefined, message));
        }
    })
}
