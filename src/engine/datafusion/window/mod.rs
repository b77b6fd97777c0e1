//! Window functions over sorted rows, whole batches at a time.
//!
//! DataFusion's operators pay for each partition: an evaluator, slices, an entry in a map (3 µs, measured). Deduplication
//! by `row_number()` has a partition for almost every row, so these operators took most of a build's time. Only what
//! [`functions`] knows is replaced; other functions, sliding frames, IGNORE NULLS and FILTER stay with DataFusion.

mod exec;
mod functions;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::ExecutionPlan,
};

/// Replaces DataFusion's window operators where each of their functions has a vectorised form.
#[derive(Debug)]
pub(super) struct VectorizeWindows;

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
