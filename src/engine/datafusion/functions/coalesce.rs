//! `coalesce` that reads text as what it stands beside: `coalesce(valid_to, '2099-01-01')` is a date.
//!
//! DataFusion's own unites text with numbers, but with nothing else. Everything besides types is DataFusion's.

use datafusion::{
    arrow::datatypes::{DataType, FieldRef},
    common::{Result, internal_err},
    functions::core::coalesce::CoalesceFunc,
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};

use super::scalar::is_text;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Coalesce {
    inner: CoalesceFunc,
}

pub(super) fn coalesce() -> ScalarUDF {
    ScalarUDF::new_from_impl(Coalesce { inner: CoalesceFunc::new() })
}

impl ScalarUDFImpl for Coalesce {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types.iter().find(|data_type| !data_type.is_null()).or(arg_types.first()) {
            Some(data_type) => Ok(data_type.clone()),
            None => internal_err!("coalesce without arguments"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let refused = match self.inner.coerce_types(arg_types) {
            Ok(types) => return Ok(types),
            Err(refused) => refused,
        };
        let others: Vec<DataType> = arg_types.iter().filter(|data_type| !is_text(data_type)).cloned().collect();
        let common = self.inner.coerce_types(&others).ok().and_then(|types| types.into_iter().next());
        match common {
            Some(common) if !common.is_nested() => Ok(vec![common; arg_types.len()]),
            _ => Err(refused),
        }
    }
}
