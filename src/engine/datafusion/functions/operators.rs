//! Operators that the planner lacks: date ± days, date − date as a number of days, interval × number; and a boolean
//! compared with an integer, which is 0 or 1.

use datafusion::{
    arrow::datatypes::DataType,
    common::{DFSchema, Result},
    logical_expr::{
        Expr, ExprSchemable, Operator, binary_expr, cast, lit,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    sql::sqlparser::ast::BinaryOperator,
};
use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

/// Plans arithmetic of dates as Postgres and DuckDB have it.
#[derive(Debug)]
pub(super) struct DateArithmetic {
    pub dateadd: Arc<ScalarUDF>,
    pub datediff: Arc<ScalarUDF>,
    pub multiply_interval: Arc<ScalarUDF>,
}

impl ExprPlanner for DateArithmetic {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if let Some(planned) = compare_as_numbers(&raw, schema) {
            return Ok(planned);
        }
        if !matches!(raw.op, BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply) {
            return Ok(PlannerResult::Original(raw));
        }
        let (Ok(left), Ok(right)) = (raw.left.get_type(schema), raw.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(raw));
        };
        let add = |days: Expr, date: Expr| PlannerResult::Planned(self.dateadd.call(vec![lit("day"), days, date]));
        Ok(match (&left, &raw.op, &right) {
            (DataType::Date32, BinaryOperator::Plus, days) if days.is_integer() => add(raw.right, raw.left),
            (days, BinaryOperator::Plus, DataType::Date32) if days.is_integer() => add(raw.left, raw.right),
            (DataType::Date32, BinaryOperator::Minus, days) if days.is_integer() => {
                add(Expr::Negative(Box::new(raw.right)), raw.left)
            }
            (DataType::Date32, BinaryOperator::Minus, DataType::Date32) => {
                PlannerResult::Planned(self.datediff.call(vec![lit("day"), raw.right, raw.left]))
            }
            (DataType::Interval(_), BinaryOperator::Multiply, times) if times.is_integer() => {
                PlannerResult::Planned(self.multiply_interval.call(vec![raw.left, raw.right]))
            }
            (times, BinaryOperator::Multiply, DataType::Interval(_)) if times.is_integer() => {
                PlannerResult::Planned(self.multiply_interval.call(vec![raw.right, raw.left]))
            }
            _ => PlannerResult::Original(raw),
        })
    }
}

/// `regexp_matches(a, b) > 0` → the boolean as a number.
fn compare_as_numbers(raw: &RawBinaryExpr, schema: &DFSchema) -> Option<PlannerResult<RawBinaryExpr>> {
    let op = match raw.op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    };
    let (left, right) = (raw.left.get_type(schema).ok()?, raw.right.get_type(schema).ok()?);
    let number = |expr: &Expr| cast(expr.clone(), DataType::Int64);
    let (left, right) = match (&left, &right) {
        (DataType::Boolean, right) if right.is_integer() => (number(&raw.left), raw.right.clone()),
        (left, DataType::Boolean) if left.is_integer() => (raw.left.clone(), number(&raw.right)),
        _ => return None,
    };
    Some(PlannerResult::Planned(binary_expr(left, op, right)))
}
