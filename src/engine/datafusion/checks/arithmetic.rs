//! Arithmetic that fails instead of wrapping: `+`, `-`, `*` of integers, and `/`, `%` of floating point numbers by zero.
//!
//! The planner's own operators wrap, and it folds constants before any physical rule could see them, so the operators
//! are replaced in the logical plan, right after types are known. Integer and decimal division fail on their own.
//!
//! Two casts change on the way: a number with a fraction rounds, and text is read as a timestamp also without seconds.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, AsArray, Datum},
        compute::kernels::numeric,
        datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type},
        error::ArrowError,
    },
    common::{
        DFSchema, Result, ScalarValue,
        config::ConfigOptions,
        plan_err,
        tree_node::{Transformed, TreeNode},
    },
    functions::math::round,
    logical_expr::{
        BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
        ScalarUDF, ScalarUDFImpl, Signature, Volatility, expr_rewriter::NamePreserver, utils::merge_schema,
    },
    optimizer::AnalyzerRule,
    physical_expr_common::datum::apply,
};

use super::guards::guard_filter;
use crate::engine::datafusion::functions::TimestampReaders;

/// Replaces wrapping operators by checked functions in a whole plan. Names of columns stay.
#[derive(Debug)]
pub(super) struct CheckedArithmetic {
    operators: Vec<Arc<ScalarUDF>>,
    timestamps: TimestampReaders,
}

impl CheckedArithmetic {
    pub(super) fn new() -> Self {
        let operators = [Checked::Add, Checked::Subtract, Checked::Multiply, Checked::Divide, Checked::Modulo]
            .into_iter()
            .map(|operation| Arc::new(ScalarUDF::new_from_impl(CheckedOperator::new(operation))))
            .collect();
        Self { operators, timestamps: TimestampReaders::new() }
    }

    fn rewrite_node(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| self.rewrite_expr(expr, &schema))?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    }

    fn rewrite_expr(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let checked = operation(op)
                    .filter(|operation| needs_check(*operation, &left, &right, schema))
                    .and_then(|operation| self.operators.iter().find(|function| function.name() == operation.name()));
                match checked {
                    Some(function) => Transformed::yes(function.call(vec![*left, *right])),
                    None => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
                }
            }
            Expr::Cast(mut cast) => {
                let Ok(source) = cast.expr.get_type(schema) else { return Ok(Transformed::no(Expr::Cast(cast))) };
                if let Some(reader) = self.timestamps.of(&source, cast.field.data_type(), false) {
                    return Ok(Transformed::yes(reader.call(vec![*cast.expr])));
                }
                if !rounds(&source, cast.field.data_type()) {
                    return Ok(Transformed::no(Expr::Cast(cast)));
                }
                cast.expr = Box::new(round().call(vec![*cast.expr]));
                Transformed::yes(Expr::Cast(cast))
            }
            Expr::TryCast(mut cast) => {
                let Ok(source) = cast.expr.get_type(schema) else { return Ok(Transformed::no(Expr::TryCast(cast))) };
                if let Some(reader) = self.timestamps.of(&source, cast.field.data_type(), true) {
                    return Ok(Transformed::yes(reader.call(vec![*cast.expr])));
                }
                if !rounds(&source, cast.field.data_type()) {
                    return Ok(Transformed::no(Expr::TryCast(cast)));
                }
                cast.expr = Box::new(round().call(vec![*cast.expr]));
                Transformed::yes(Expr::TryCast(cast))
            }
            expr => Transformed::no(expr),
        })
    }
}

impl AnalyzerRule for CheckedArithmetic {
    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let checked = plan.transform_up_with_subqueries(|plan| self.rewrite_node(plan))?.data;
        let guarded = checked.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Filter(_) => Ok(Transformed::yes(guard_filter(plan)?)),
            plan => Ok(Transformed::no(plan)),
        })?;
        Ok(guarded.data)
    }
}

/// A number with a fraction becomes the nearest whole one, as in every warehouse; the planner would cut the fraction off.
fn rounds(source: &DataType, target: &DataType) -> bool {
    target.is_integer()
        && match source {
            DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale > 0,
            source => source.is_floating(),
        }
}

fn operation(op: Operator) -> Option<Checked> {
    Some(match op {
        Operator::Plus => Checked::Add,
        Operator::Minus => Checked::Subtract,
        Operator::Multiply => Checked::Multiply,
        Operator::Divide => Checked::Divide,
        Operator::Modulo => Checked::Modulo,
        _ => return None,
    })
}

fn needs_check(operation: Checked, left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    let (Ok(left_type), Ok(right_type)) = (left.get_type(schema), right.get_type(schema)) else { return false };
    if left_type != right_type {
        return false;
    }
    match operation {
        Checked::Add | Checked::Subtract | Checked::Multiply => left_type.is_integer(),
        Checked::Divide | Checked::Modulo => left_type.is_floating() && !is_nonzero_constant(right),
    }
}

fn is_nonzero_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => *value != 0.0,
        Expr::Literal(ScalarValue::Float32(Some(value)), _) => *value != 0.0,
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Literal(ScalarValue::Int64(Some(value)), _) => *value != 0,
            _ => false,
        },
        _ => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Checked {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Checked {
    fn name(self) -> &'static str {
        match self {
            Self::Add => "checked_add",
            Self::Subtract => "checked_subtract",
            Self::Multiply => "checked_multiply",
            Self::Divide => "checked_divide",
            Self::Modulo => "checked_modulo",
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedOperator {
    operation: Checked,
    signature: Signature,
}

impl CheckedOperator {
    fn new(operation: Checked) -> Self {
        Self { operation, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CheckedOperator {
    fn name(&self) -> &str {
        self.operation.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types.first() {
            Some(data_type) => Ok(data_type.clone()),
            None => plan_err!("`{}` takes two arguments", self.name()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, nullable)))
    }

    /// Types were coerced before the operator was replaced.
    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else { return plan_err!("`{}` takes two arguments", self.name()) };
        match self.operation {
            Checked::Add => apply(left, right, numeric::add),
            Checked::Subtract => apply(left, right, numeric::sub),
            Checked::Multiply => apply(left, right, numeric::mul),
            Checked::Divide => apply(left, right, |left, right| unless_zero(left, right, numeric::div)),
            Checked::Modulo => apply(left, right, |left, right| unless_zero(left, right, numeric::rem)),
        }
    }
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> std::result::Result<datafusion::arrow::array::ArrayRef, ArrowError>;

/// Divides, unless a row with a dividend has the divisor zero.
fn unless_zero(
    left: &dyn Datum,
    right: &dyn Datum,
    divide: Kernel,
) -> std::result::Result<datafusion::arrow::array::ArrayRef, ArrowError> {
    let (dividends, one_dividend) = left.get();
    let (divisors, one_divisor) = right.get();
    if has_zero(divisors) {
        let rows = dividends.len().max(divisors.len());
        let dividend_row = |row: usize| if one_dividend { 0 } else { row };
        let divisor_row = |row: usize| if one_divisor { 0 } else { row };
        let defined = |row: usize| !is_zero(divisors, divisor_row(row)) || dividends.is_null(dividend_row(row));
        let empty = dividends.is_empty() || divisors.is_empty();
        if !empty && !(0..rows).all(defined) {
            return Err(ArrowError::DivideByZero);
        }
    }
    divide(left, right)
}

fn has_zero(divisors: &dyn Array) -> bool {
    if let Some(values) = divisors.as_primitive_opt::<Float64Type>() {
        return values.values().contains(&0.0);
    }
    divisors.as_primitive_opt::<Float32Type>().is_some_and(|values| values.values().contains(&0.0))
}

fn is_zero(divisors: &dyn Array, row: usize) -> bool {
    if divisors.is_null(row) {
        return false;
    }
    match divisors.as_primitive_opt::<Float64Type>() {
        Some(values) => values.value(row) == 0.0,
        None => divisors.as_primitive_opt::<Float32Type>().is_some_and(|values| values.value(row) == 0.0),
    }
}
