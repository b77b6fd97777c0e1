//! Groups of which only those with several rows are wanted: tests for uniqueness.
//!
//! `group by … having count(*) > 1` keeps every key in memory, to throw almost all away. Here the keys are read alone and
//! hashed first, 4 bytes a row, and only rows whose hash is repeated go into the groups. Where repeated keys turn out to
//! be many, or memory is short, all rows do.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use datafusion::{
    arrow::compute::filter_record_batch,
    common::{
        DataFusionError, Result, ScalarValue,
        config::ConfigOptions,
        internal_err,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr,
        expressions::{BinaryExpr, Column, Literal},
        utils::split_conjunction,
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        aggregates::{AggregateExec, AggregateMode},
        apply_expression_roots,
        execution_plan::{ChildrenPropertiesMode, reset_plan_states},
        filter::FilterExec,
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        projection::ProjectionExec,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::{read_twice, repeated::Repeated};

/// Puts [`RepeatedRowsExec`] under aggregates of which only groups with several rows are kept.
#[derive(Debug)]
pub(super) struct FilterRepeated {
    /// With fewer rows the groups are as fast.
    pub least_rows: usize,
}

impl PhysicalOptimizerRule for FilterRepeated {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match self.filtered(&node)? {
                Some(filtered) => Transformed::yes(filtered),
                None => Transformed::no(node),
            })
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "filter_repeated"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl FilterRepeated {
    /// The same filter over the same groups, made of fewer rows.
    fn filtered(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(filter) = plan.downcast_ref::<FilterExec>() else { return Ok(None) };
        // Columns that nobody needs are dropped between the groups and the filter.
        let projection = filter.input().downcast_ref::<ProjectionExec>();
        let input = projection.map_or(filter.input(), ProjectionExec::input);
        let Some(groups) = input.downcast_ref::<AggregateExec>() else { return Ok(None) };
        let mut conditions = split_conjunction(filter.predicate()).into_iter();
        if !conditions.any(|condition| asks_for_several(condition, projection, groups)) {
            return Ok(None);
        }
        // Groups are mostly made in two steps; the first one has the keys.
        let first =
            groups.input().downcast_ref::<AggregateExec>().filter(|first| *first.mode() == AggregateMode::Partial);
        let (first, steps) = first.map_or((groups, 1), |first| (first, 2));
        let keys: Vec<_> = first.group_expr().expr().iter().map(|(key, _)| Arc::clone(key)).collect();
        if keys.is_empty() || !first.group_expr().is_single() || first.limit_options().is_some() {
            return Ok(None);
        }
        let rows = first.input();
        let Some(keys_of_rows) = read_twice::keys(rows, &keys, self.least_rows)? else { return Ok(None) };
        let rows = RepeatedRowsExec::new(keys_of_rows, reset_plan_states(Arc::clone(rows))?, keys);
        replace_below(plan, steps + usize::from(projection.is_some()), Arc::new(rows)).map(Some)
    }
}

/// Puts `rows` under the last of `steps` operators below `plan`, each with one input.
fn replace_below(
    plan: &Arc<dyn ExecutionPlan>,
    steps: usize,
    rows: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let child = match (steps.checked_sub(1), plan.children().as_slice()) {
        (Some(steps), [child]) => replace_below(child, steps, rows)?,
        _ => rows,
    };
    Arc::clone(plan).replace_children(vec![child], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}

/// Whether `condition` is false for each group of one row: `count(…) > 1` or the like.
fn asks_for_several(
    condition: &Arc<dyn PhysicalExpr>,
    projection: Option<&ProjectionExec>,
    groups: &AggregateExec,
) -> bool {
    let Some(binary) = condition.downcast_ref::<BinaryExpr>() else { return false };
    let (count, operator, least) = match (binary.left(), binary.op(), binary.right()) {
        (left, operator @ (Operator::Gt | Operator::GtEq), right) => (left, operator, right),
        (left, Operator::Lt, right) => (right, &Operator::Gt, left),
        (left, Operator::LtEq, right) => (right, &Operator::GtEq, left),
        _ => return false,
    };
    let Some(ScalarValue::Int64(Some(least))) = least.downcast_ref::<Literal>().map(Literal::value) else {
        return false;
    };
    let column = |expression: &Arc<dyn PhysicalExpr>| expression.downcast_ref::<Column>().map(Column::index);
    let aggregate = column(count)
        .and_then(|index| match projection {
            Some(projection) => column(&projection.expr().get(index)?.expr),
            None => Some(index),
        })
        .and_then(|index| groups.aggr_expr().get(index.checked_sub(groups.group_expr().expr().len())?));
    let is_count = aggregate.is_some_and(|aggregate| aggregate.fun().name() == "count");
    is_count && *least >= if *operator == Operator::Gt { 1 } else { 2 }
}

/// The rows whose key is repeated, and maybe others.
#[derive(Debug)]
struct RepeatedRowsExec {
    keys_of_rows: Arc<dyn ExecutionPlan>,
    rows: Arc<dyn ExecutionPlan>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// Found by the first stream that is read.
    repeated: OnceLock<Arc<OnceCell<Option<Arc<Repeated>>>>>,
    metrics: ExecutionPlanMetricsSet,
}

impl RepeatedRowsExec {
    fn new(
        keys_of_rows: Arc<dyn ExecutionPlan>,
        rows: Arc<dyn ExecutionPlan>,
        keys: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Self {
        Self { keys_of_rows, rows, keys, repeated: OnceLock::new(), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for RepeatedRowsExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "RepeatedRowsExec: keys, rows")
    }
}

impl ExecutionPlan for RepeatedRowsExec {
    fn name(&self) -> &str {
        "RepeatedRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.rows.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false, true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.keys_of_rows, &self.rows]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.keys, f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) {
            Ok([keys_of_rows, rows]) => Ok(Arc::new(Self::new(keys_of_rows, rows, self.keys.clone()))),
            Err(children) => internal_err!("keys and rows are two inputs, not {}", children.len()),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.rows.execute(partition, Arc::clone(&context))?;
        let schema = input.schema();
        let shared = Arc::clone(self.repeated.get_or_init(Arc::default));
        let (keys_of_rows, keys) = (Arc::clone(&self.keys_of_rows), self.keys.clone());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batches = async move {
            let find = || async { Repeated::find(&keys_of_rows, &context).await.map(|found| found.map(Arc::new)) };
            let repeated = shared.get_or_try_init(find).await?.clone();
            Ok::<_, DataFusionError>(input.and_then(move |batch| {
                let filtered = match &repeated {
                    None => Ok(batch),
                    Some(repeated) => {
                        let _timer = metrics.elapsed_compute().timer();
                        repeated.rows(&keys, &batch).and_then(|wanted| Ok(filter_record_batch(&batch, &wanted)?))
                    }
                };
                if let Ok(batch) = &filtered {
                    metrics.record_output(batch.num_rows());
                }
                futures::future::ready(filtered)
            }))
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(batches).try_flatten())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
