//! Operators whose meaning depends on types: `/` of whole numbers, `*` of long decimals, variants beside anything.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::DataType,
    common::{DFSchema, Result},
    logical_expr::{
        ExprSchemable, ScalarUDF, cast,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
        try_cast,
    },
    sql::sqlparser::ast::BinaryOperator,
};

use super::{numbers::product_is_shorter, row::VARIANT};

#[derive(Debug)]
pub(super) struct SnowflakeOperators {
    pub divide: Arc<ScalarUDF>,
    pub multiply: Arc<ScalarUDF>,
}

impl ExprPlanner for SnowflakeOperators {
    fn plan_binary_op(&self, mut raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let (Ok(left), Ok(right)) = (raw.left.get_type(schema), raw.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(raw));
        };
        let target =
            |variant: &DataType, other: &DataType| (*variant == VARIANT).then(|| plain_type(&raw.op, other)).flatten();
        let (left_target, right_target) = (target(&left, &right), target(&right, &left));
        if let Some(target) = &left_target {
            raw.left = try_cast(raw.left, target.clone());
        }
        if let Some(target) = &right_target {
            raw.right = try_cast(raw.right, target.clone());
        }
        let (left, right) = (left_target.unwrap_or(left), right_target.unwrap_or(right));
        Ok(match raw.op {
            BinaryOperator::Divide if is_number(&left) && is_number(&right) => {
                PlannerResult::Planned(self.divide.call(vec![raw.left, raw.right]))
            }
            BinaryOperator::Multiply if product_is_shorter(&left, &right) => {
                PlannerResult::Planned(self.multiply.call(vec![raw.left, raw.right]))
            }
            BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Modulo
                if is_text(&left) != is_text(&right) && (is_number(&left) || is_number(&right)) =>
            {
                // Text beside a number is a number.
                if is_text(&left) {
                    raw.left = cast(raw.left, DataType::Float64);
                } else {
                    raw.right = cast(raw.right, DataType::Float64);
                }
                PlannerResult::Original(raw)
            }
            _ => PlannerResult::Original(raw),
        })
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View)
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || is_text(data_type) || *data_type == DataType::Null
}

/// What a variant is read as beside `other`; `None` where it may stay.
fn plain_type(op: &BinaryOperator, other: &DataType) -> Option<DataType> {
    match op {
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo => Some(if other.is_temporal() { DataType::Int64 } else { DataType::Float64 }),
        BinaryOperator::And | BinaryOperator::Or => Some(DataType::Boolean),
        BinaryOperator::StringConcat => Some(DataType::Utf8),
        BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq => match other {
            DataType::LargeUtf8 | DataType::Null => None,
            other if other.is_numeric() => Some(DataType::Float64),
            DataType::Utf8View => Some(DataType::Utf8),
            other => Some(other.clone()),
        },
        _ => None,
    }
}
