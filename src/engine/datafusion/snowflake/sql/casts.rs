//! Where casts are made in Snowflake's way: an analyzer rule that replaces them once types are known, those that the planner
//! put in by itself included.

use datafusion::{
    arrow::datatypes::DataType,
    common::{
        DFSchema, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Expr, ExprSchemable, LogicalPlan, expr_rewriter::NamePreserver, utils::merge_schema},
    optimizer::AnalyzerRule,
};

use super::convert::{Failure, conversion, is_ours};

#[derive(Debug)]
pub(super) struct SnowflakeCasts;

impl AnalyzerRule for SnowflakeCasts {
    fn name(&self) -> &str {
        "snowflake_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(rewrite_node)?.data)
    }
}

fn rewrite_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
    }
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|expr| rewrite_expr(expr, &schema))?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })?;
    rewritten.map_data(LogicalPlan::recompute_schema)
}

fn rewrite_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let replaced = match &expr {
        Expr::Cast(cast) => replacement(&cast.expr, cast.field.data_type(), Failure::Error, schema),
        Expr::TryCast(cast) => replacement(&cast.expr, cast.field.data_type(), Failure::Null, schema),
        // What stands for casts to timestamps in the other dialects.
        Expr::ScalarFunction(call) => match (call.func.name(), call.args.as_slice()) {
            ("text_to_timestamp" | "text_to_timestamp_tz", [text]) => {
                replacement(text, call.func.return_type(&[DataType::Utf8]).as_ref().ok(), Failure::Error, schema)
            }
            ("try_text_to_timestamp" | "try_text_to_timestamp_tz", [text]) => {
                replacement(text, call.func.return_type(&[DataType::Utf8]).as_ref().ok(), Failure::Null, schema)
            }
            _ => None,
        },
        _ => None,
    };
    Ok(replaced.map_or_else(|| Transformed::no(expr), Transformed::yes))
}

fn replacement<'a>(
    value: &Expr,
    target: impl Into<Option<&'a DataType>>,
    failure: Failure,
    schema: &DFSchema,
) -> Option<Expr> {
    let (source, target) = (value.get_type(schema).ok()?, target.into()?);
    is_ours(&source, target).then(|| conversion(target.clone(), failure).call(vec![value.clone()]))
}
