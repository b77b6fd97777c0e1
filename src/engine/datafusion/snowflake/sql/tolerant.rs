//! The engine's own functions, taking what Snowflake's take: a variant where text is wanted, a `number(38,0)` where a whole
//! number is.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef},
    common::Result,
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        interval_arithmetic::Interval,
        simplify::{ExprSimplifyResult, SimplifyContext},
        sort_properties::{ExprProperties, SortProperties},
        type_coercion::functions::fields_with_udf,
    },
};

use super::row::VARIANT;

/// Functions that keep a variant as it is.
const KEPT: &[&str] = &[
    "arrow_cast",
    "arrow_metadata",
    "arrow_typeof",
    "coalesce",
    "get_field",
    "greatest",
    "ifnull",
    "least",
    "make_array",
    "named_struct",
    "nullif",
    "nvl",
    "nvl2",
    "struct",
    "union_extract",
    "union_tag",
];

#[derive(Debug, PartialEq, Eq, Hash)]
struct Tolerant {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

/// `function`, more tolerant; `None` when it should stay as it is.
pub(super) fn tolerant(function: &Arc<ScalarUDF>) -> Option<ScalarUDF> {
    let name = function.name();
    if KEPT.contains(&name) || name.starts_with("sf_") {
        return None;
    }
    let signature = Signature::user_defined(function.signature().volatility);
    Some(ScalarUDF::new_from_impl(Tolerant { inner: Arc::clone(function), signature }))
}

impl Tolerant {
    fn inner_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let fields: Vec<FieldRef> =
            types.iter().map(|data_type| Arc::new(Field::new("", data_type.clone(), true))).collect();
        let fields = fields_with_udf(&fields, self.inner.as_ref())?;
        Ok(fields.iter().map(|field| field.data_type().clone()).collect())
    }
}

impl ScalarUDFImpl for Tolerant {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let with = |change: fn(&DataType) -> Option<DataType>| -> Vec<DataType> {
            arg_types.iter().map(|data_type| change(data_type).unwrap_or_else(|| data_type.clone())).collect()
        };
        let plain = with(|data_type| (*data_type == VARIANT).then_some(DataType::Utf8));
        let refused = match self.inner_types(&plain) {
            Ok(types) => return Ok(types),
            Err(refused) => refused,
        };
        let whole = with(|data_type| match data_type {
            DataType::Decimal128(_, 0) => Some(DataType::Int64),
            DataType::LargeUtf8 => Some(DataType::Utf8),
            _ => None,
        });
        let floating = with(|data_type| match data_type {
            DataType::Decimal128(..) => Some(DataType::Float64),
            DataType::LargeUtf8 => Some(DataType::Utf8),
            _ => None,
        });
        // A variant or a text where a number is needed.
        let after_first = |number: DataType| -> Vec<DataType> {
            let text =
                |data_type: &DataType| matches!(data_type, DataType::LargeUtf8 | DataType::Utf8 | DataType::Utf8View);
            let plain = whole.iter().zip(arg_types).enumerate();
            plain
                .map(|(index, (plain, written))| {
                    let is_number = if index == 0 { *written == VARIANT } else { index == 1 && text(written) };
                    if is_number { number.clone() } else { plain.clone() }
                })
                .collect()
        };
        self.inner_types(&whole)
            .or_else(|_| self.inner_types(&floating))
            .or_else(|_| self.inner_types(&after_first(DataType::Float64)))
            .or_else(|_| self.inner_types(&after_first(DataType::Int64)))
            .map_err(|_| refused)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn is_strict(&self) -> bool {
        self.inner.inner().is_strict()
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(inputs)
    }

    fn propagate_constraints(&self, interval: &Interval, inputs: &[&Interval]) -> Result<Option<Vec<Interval>>> {
        self.inner.propagate_constraints(interval, inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }
}
