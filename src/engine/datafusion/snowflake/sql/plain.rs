//! `sf_plain(x)`: a variant as text, anything else as it is; a second argument only makes a name. Vanishes from a plan where it does nothing.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef},
    common::{Result, plan_err},
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};

use super::{
    convert::{Failure, convert},
    row::VARIANT,
};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Plain {
    signature: Signature,
}

pub(super) fn plain() -> ScalarUDF {
    ScalarUDF::new_from_impl(Plain { signature: Signature::variadic_any(Volatility::Immutable) })
}

fn plain_type(data_type: &DataType) -> DataType {
    if *data_type == VARIANT { DataType::Utf8 } else { data_type.clone() }
}

impl ScalarUDFImpl for Plain {
    fn name(&self) -> &str {
        "sf_plain"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [data_type, ..] => Ok(plain_type(data_type)),
            _ => plan_err!("`sf_plain` has one argument"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [field, ..] => Ok(Arc::new(Field::new("sf_plain", plain_type(field.data_type()), field.is_nullable()))),
            _ => plan_err!("`sf_plain` has one argument"),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match args.as_slice() {
            [arg, ..] if info.get_data_type(arg).is_ok_and(|data_type| data_type != VARIANT) => {
                Ok(ExprSimplifyResult::Simplified(arg.clone()))
            }
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) if value.data_type() != VARIANT => Ok(value),
            Some(value) => {
                let array = convert(&value.to_array(args.number_rows)?, &DataType::Utf8, Failure::Error)?;
                Ok(ColumnarValue::Array(array))
            }
            None => plan_err!("`sf_plain` has one argument"),
        }
    }
}
