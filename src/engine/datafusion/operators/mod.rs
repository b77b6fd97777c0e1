//! Physical operators of our own, and the optimizer's rules that put them in the place of DataFusion's.
//!
//! DataFusion's window operators pay for each partition: an evaluator, slices, an entry in a map (3 µs, measured).
//! Deduplication by `row_number()` has a partition for almost every row, so these operators took most of a build's time;
//! and it sorts all rows to find the few that come twice, as `having count(*) > 1` groups them all.

mod read_twice;
mod repeated;
mod repeated_rows;
mod sorted_window;
mod split_window;
#[cfg(test)]
mod tests;
mod window_functions;

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

/// Fewer rows than this are sorted and grouped as ever.
const READ_TWICE_FROM: usize = 100_000;

/// DataFusion's rules and ours, each in its place.
pub(super) fn optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    rules(READ_TWICE_FROM)
}

fn rules(least_rows: usize) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let before_sorts = rules.iter().position(|rule| rule.name() == "EnsureRequirements").unwrap_or(0);
    let ours: [Arc<dyn PhysicalOptimizerRule + Send + Sync>; 2] =
        [Arc::new(repeated_rows::FilterRepeated { least_rows }), Arc::new(split_window::SplitWindows { least_rows })];
    rules.splice(before_sorts..before_sorts, ours);
    rules.push(Arc::new(VectorizeWindows));
    rules
}

/// Replaces DataFusion's window operators where each of their functions has a vectorised form.
#[derive(Debug)]
struct VectorizeWindows;

impl PhysicalOptimizerRule for VectorizeWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match sorted_window::SortedWindowExec::replacing(&node) {
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
