//! Window functions over sorted rows, whole batches at a time, and without a sort where keys are mostly unique.
//!
//! DataFusion's operators pay for each partition: an evaluator, slices, an entry in a map (3 µs, measured). Deduplication
//! by `row_number()` has a partition for almost every row, so these operators took most of a build's time. Only what
//! [`functions`] knows is replaced; other functions, sliding frames, IGNORE NULLS and FILTER stay with DataFusion.

mod exec;
mod functions;
mod repeated;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    physical_plan::ExecutionPlan,
};

/// Fewer rows than this are sorted as ever.
const SPLIT_FROM: usize = 100_000;

/// DataFusion's rules and those for windows, each in its place.
pub(super) fn optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    rules(SPLIT_FROM)
}

fn rules(split_from: usize) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let before_sorts = rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap_or(0);
    rules.insert(before_sorts, Arc::new(split::SplitWindows { least_rows: split_from }));
    rules.push(Arc::new(VectorizeWindows));
    rules
}

/// Replaces DataFusion's window operators where each of their functions has a vectorised form.
#[derive(Debug)]
struct VectorizeWindows;

impl PhysicalOptimizerRule for VectorizeWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match exec::SortedWindowExec::replacing(&node) {
                Some(window) => Transformed::yes(Arc::new(window)),
                None => Transformed::no(node),
            })
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "vectorize_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
