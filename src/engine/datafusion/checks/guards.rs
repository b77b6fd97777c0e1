//! `where b <> 0 and a / b > 1`: conditions joined by AND are evaluated in no particular order, so that the division may
//! meet rows that the other condition excludes. What can fail is made to see only rows that earlier conditions on the
//! same columns let through.

use datafusion::{
    arrow::datatypes::DataType,
    common::{
        DFSchema, Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, Operator,
        expr_fn::when,
        lit,
        utils::{conjunction, split_conjunction_owned},
    },
};

/// Guards the predicate of a filter.
pub(super) fn guard_filter(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Filter(filter) = plan else { return Ok(plan) };
    let terms = split_conjunction_owned(filter.predicate.clone());
    let schema = filter.input.schema();
    if terms.len() < 2 || !terms.iter().any(|term| can_fail(term, schema)) {
        return Ok(LogicalPlan::Filter(filter));
    }
    let mut guarded = Vec::with_capacity(terms.len());
    for (index, term) in terms.iter().enumerate() {
        let columns = term.column_refs();
        let earlier = terms
            .iter()
            .take(index)
            .filter(|earlier| !can_fail(earlier, schema) && !earlier.column_refs().is_disjoint(&columns))
            .cloned();
        guarded.push(match conjunction(earlier) {
            Some(condition) if can_fail(term, schema) => guard(term.clone(), &condition, schema)?,
            _ => term.clone(),
        });
    }
    match conjunction(guarded) {
        Some(predicate) => Ok(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)),
        None => Ok(LogicalPlan::Filter(filter)),
    }
}

/// Makes the operand that can make an expression fail NULL where `condition` is not true.
fn guard(term: Expr, condition: &Expr, schema: &DFSchema) -> Result<Expr> {
    let only = |operand: Expr| -> Result<Expr> {
        let null = lit(datafusion::common::ScalarValue::try_from(&operand.get_type(schema)?)?);
        when(condition.clone(), operand).otherwise(null)
    };
    let guarded = term.transform_up(|expr| {
        if !fails_itself(&expr, schema) {
            return Ok(Transformed::no(expr));
        }
        Ok(Transformed::yes(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                Expr::BinaryExpr(BinaryExpr { left, op, right: Box::new(only(*right)?) })
            }
            Expr::ScalarFunction(mut function) => {
                if let Some(divisor) = function.args.pop() {
                    function.args.push(only(divisor)?);
                }
                Expr::ScalarFunction(function)
            }
            Expr::Cast(mut cast) => {
                cast.expr = Box::new(only(*cast.expr)?);
                Expr::Cast(cast)
            }
            other => other,
        }))
    })?;
    Ok(guarded.data)
}

fn can_fail(expr: &Expr, schema: &DFSchema) -> bool {
    let mut found = false;
    let walked = expr.apply(|expr| {
        found |= fails_itself(expr, schema);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found || walked.is_err()
}

/// Division by what may be zero, and text read as something else.
fn fails_itself(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { op: Operator::Divide | Operator::Modulo, right, .. }) => {
            !matches!(right.as_ref(), Expr::Literal(..))
        }
        Expr::ScalarFunction(function) => {
            let name = function.func.name();
            matches!(name, "checked_divide" | "checked_modulo")
                || (name.starts_with("text_to_timestamp") && !matches!(function.args.as_slice(), [Expr::Literal(..)]))
        }
        Expr::Cast(cast) => {
            let text =
                |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
            !text(cast.field.data_type())
                && !matches!(cast.expr.as_ref(), Expr::Literal(..))
                && cast.expr.get_type(schema).is_ok_and(|source| text(&source))
        }
        _ => false,
    }
}
