//! Failures of arithmetic in the words of SQL.

use datafusion::{arrow::error::ArrowError, common::DataFusionError};

use crate::engine::EngineError;

/// The data error behind a failed execution, when it is one of arithmetic, a cast or a function's argument.
pub fn data_error(error: &DataFusionError) -> Option<EngineError> {
    let message = match error.find_root() {
        DataFusionError::ArrowError(arrow, _) => arrow_message(arrow)?,
        DataFusionError::Execution(message) => message.clone(),
        _ => return None,
    };
    Some(EngineError::Data { message })
}

fn arrow_message(error: &ArrowError) -> Option<String> {
    Some(match error {
        ArrowError::DivideByZero => DIVISION_BY_ZERO.to_owned(),
        ArrowError::ArithmeticOverflow(detail) => {
            let detail = detail.strip_prefix("Overflow happened on: ").unwrap_or(detail);
            format!("a number is out of the range of its type: {detail}; cast to a wider type, such as decimal(38, 0)")
        }
        ArrowError::CastError(message) | ArrowError::ParseError(message) | ArrowError::ComputeError(message) => {
            message.clone()
        }
        ArrowError::InvalidArgumentError(message) => message.clone(),
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => return data_error(inner).map(|error| error.to_string()),
            None => inner.to_string(),
        },
        _ => return None,
    })
}

pub(super) const DIVISION_BY_ZERO: &str =
    "division by zero; write `a / nullif(b, 0)` to get NULL where the divisor is 0";
