//! Which inputs may be read twice: once for their keys alone, once for all.

use std::sync::Arc;

use datafusion::{
    common::{Result, stats::Precision, tree_node::TreeNodeRecursion},
    physical_expr::PhysicalExpr,
    physical_expr_common::physical_expr::is_volatile,
    physical_plan::{
        ExecutionPlan,
        execution_plan::reset_plan_states,
        projection::ProjectionExec,
        statistics::{StatisticsArgs, StatisticsContext},
    },
};

/// What reads its input again without much work, and gives the same rows again.
const CHEAP: [&str; 7] = [
    "CoalesceBatchesExec",
    "CooperativeExec",
    "DataSourceExec",
    "DeltaScanExec",
    "FilterExec",
    "ProjectionExec",
    "UnionExec",
];

/// The keys of `rows`, as a plan of its own; none where reading twice is dear, not the same twice, or not worth it because
/// the rows are fewer than `least_rows`.
pub(super) fn keys(
    rows: &Arc<dyn ExecutionPlan>,
    keys: &[Arc<dyn PhysicalExpr>],
    least_rows: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if keys.iter().any(is_volatile) || !can_be_read_again(rows)? || is_small(rows, least_rows)? {
        return Ok(None);
    }
    let named = keys.iter().enumerate().map(|(index, key)| (Arc::clone(key), format!("key{index}")));
    Ok(Some(Arc::new(ProjectionExec::try_new(named, reset_plan_states(Arc::clone(rows))?)?)))
}

/// Whether the plan is made of scans, filters and projections alone, and gives the same rows each time.
fn can_be_read_again(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut stable = CHEAP.contains(&plan.name());
    plan.apply_expressions(&mut |expression| {
        stable &= !is_volatile(expression);
        Ok(TreeNodeRecursion::Continue)
    })?;
    for child in plan.children() {
        stable = stable && can_be_read_again(child)?;
    }
    Ok(stable)
}

fn is_small(rows: &Arc<dyn ExecutionPlan>, least_rows: usize) -> Result<bool> {
    let statistics = StatisticsContext::new().compute(rows.as_ref(), &StatisticsArgs::new())?;
    Ok(match statistics.num_rows {
        Precision::Exact(rows) | Precision::Inexact(rows) => rows < least_rows,
        Precision::Absent => false,
    })
}
