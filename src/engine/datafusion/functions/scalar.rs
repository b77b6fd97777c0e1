//! One shape for all scalar functions of this module: a name, how arguments coerce, what comes back, the body.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::AsArray,
        datatypes::{DataType, Field, FieldRef},
    },
    common::{Result, ScalarValue, plan_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

/// What the arguments are cast to before the call; an error says how to call it.
pub(super) type Coerce = fn(&[DataType]) -> std::result::Result<Vec<DataType>, &'static str>;
/// The type that comes back for (coerced) argument types; constant arguments may matter.
pub(super) type Returns = fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>;
pub(super) type Body = fn(&ScalarFunctionArgs) -> Result<ColumnarValue>;

/// A scalar function. Two are equal when their names are.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    signature: Signature,
    coerce: Coerce,
    returns: Returns,
    body: Body,
}

pub(super) fn function(name: &'static str, coerce: Coerce, returns: Returns, body: Body) -> ScalarUDF {
    ScalarUDF::new_from_impl(Function {
        name,
        signature: Signature::user_defined(Volatility::Immutable),
        coerce,
        returns,
        body,
    })
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        (self.returns)(arg_types, &vec![None; arg_types.len()])
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name, (self.returns)(&types, args.scalar_arguments)?, true)))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.coerce)(arg_types) {
            Ok(types) => Ok(types),
            Err(usage) => {
                let found: Vec<String> = arg_types.iter().map(ToString::to_string).collect();
                plan_err!("`{}` does not take ({}), write `{usage}`", self.name, found.join(", "))
            }
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.body)(&args)
    }
}

/// The argument as an array, and whether all arguments are constants (then the answer should be one too).
pub(super) fn array(args: &ScalarFunctionArgs, index: usize) -> Result<datafusion::arrow::array::ArrayRef> {
    match args.args.get(index) {
        Some(value) => value.to_array(if all_constant(args) { 1 } else { args.number_rows }),
        None => plan_err!("argument {} is missing", index + 1),
    }
}

pub(super) fn all_constant(args: &ScalarFunctionArgs) -> bool {
    args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
}

/// Wraps a result: a constant when every argument was one.
pub(super) fn answer(args: &ScalarFunctionArgs, array: datafusion::arrow::array::ArrayRef) -> Result<ColumnarValue> {
    if all_constant(args) {
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
    } else {
        Ok(ColumnarValue::Array(array))
    }
}

/// The text of a constant argument; `None` when it is a column or NULL.
pub(super) fn constant_text(args: &ScalarFunctionArgs, index: usize) -> Option<&str> {
    match args.args.get(index) {
        Some(ColumnarValue::Scalar(
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)),
        )) => Some(text),
        _ => None,
    }
}

pub(super) fn scalar_text(value: Option<&ScalarValue>) -> Option<&str> {
    match value? {
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            Some(text)
        }
        _ => None,
    }
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
}

/// The strings of an argument, whatever their layout.
pub(super) fn strings(array: &dyn datafusion::arrow::array::Array) -> Result<datafusion::arrow::array::StringArray> {
    let cast = datafusion::arrow::compute::cast(array, &DataType::Utf8)?;
    match cast.as_string_opt::<i32>() {
        Some(strings) => Ok(strings.clone()),
        None => plan_err!("expected text"),
    }
}
