//! Operators on dates that the planner lacks: date ± days, date − date as a number of days, interval × number.

use datafusion::{
    arrow::datatypes::DataType,
    common::{DFSchema, Result},
    logical_expr::{
        Expr, ExprSchemable, lit,
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
