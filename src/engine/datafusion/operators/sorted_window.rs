//! The operator: cuts its sorted input where the functions need to see no further, and appends their columns.

use std::{collections::VecDeque, fmt, ops::Range, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch},
        compute::{concat, concat_batches, partition},
        datatypes::SchemaRef,
    },
    common::{Result, internal_err, tree_node::TreeNodeRecursion, utils::memory::get_record_batch_memory_size},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_expr::{OrderingRequirements, PhysicalExpr, window::WindowExpr},
    physical_plan::{
        ChildrenPropertiesMode, DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputOrderMode,
        PlanProperties, ReplaceChildrenOptions,
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        stream::RecordBatchStreamAdapter,
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};
use futures::{StreamExt, stream};

use super::window_functions::{Function, Sight, WindowFunction};

/// Stands for `replaced`, whose schema, properties and demands on its input it keeps.
#[derive(Debug)]
pub(super) struct SortedWindowExec {
    replaced: Arc<dyn ExecutionPlan>,
    functions: Vec<WindowFunction>,
    keys: Keys,
    metrics: ExecutionPlanMetricsSet,
}

/// What the input is sorted by, the partitions' keys first.
#[derive(Debug, Clone)]
struct Keys {
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    order_by: Vec<Arc<dyn PhysicalExpr>>,
}

impl SortedWindowExec {
    /// The operator that does the work of `plan`, if that is a window over sorted input of which each function is known.
    pub fn replacing(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        let expressions = window_expressions(plan)?;
        let functions: Vec<_> = expressions.iter().map(WindowFunction::new).collect::<Option<_>>()?;
        let first = expressions.first()?;
        let keys = Keys {
            partition_by: first.partition_by().to_vec(),
            order_by: first.order_by().iter().map(|key| Arc::clone(&key.expr)).collect(),
        };
        // A single partition that has to be seen to its end is all of the input: nothing to gain.
        let endless = keys.partition_by.is_empty() && sight(&functions) == Sight::Partition;
        (!endless).then(|| Self {
            replaced: Arc::clone(plan),
            functions,
            keys,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn input(&self) -> Result<&Arc<dyn ExecutionPlan>> {
        match self.replaced.children().as_slice() {
            [input] => Ok(*input),
            children => internal_err!("a window has one input, not {}", children.len()),
        }
    }
}

/// The functions of a window operator that takes its input sorted by all partition and order keys.
pub(super) fn window_expressions(plan: &Arc<dyn ExecutionPlan>) -> Option<&[Arc<dyn WindowExpr>]> {
    if let Some(window) = plan.downcast_ref::<BoundedWindowAggExec>() {
        let plain = window.input_order_mode == InputOrderMode::Sorted && window.state_observer().is_none();
        return plain.then(|| window.window_expr());
    }
    plan.downcast_ref::<WindowAggExec>().map(WindowAggExec::window_expr)
}

/// How far the functions have to see, all of them.
fn sight(functions: &[WindowFunction]) -> Sight {
    functions.iter().map(WindowFunction::sight).max().unwrap_or(Sight::Row)
}

impl DisplayAs for SortedWindowExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SortedWindowExec for ")?;
        self.replaced.fmt_as(format, f)
    }
}

impl ExecutionPlan for SortedWindowExec {
    fn name(&self) -> &str {
        "SortedWindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.replaced.properties()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        self.replaced.input_distribution_requirements().into_per_child()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.replaced.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.replaced.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.replaced.apply_expressions(f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = Arc::clone(&self.replaced).replace_children(children, options)?;
        Ok(match Self::replacing(&replaced) {
            Some(window) => Arc::new(window),
            None => replaced,
        })
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input()?.execute(partition, Arc::clone(&context))?;
        let schema = self.schema();
        let state = State {
            schema: Arc::clone(&schema),
            batch_size: context.session_config().batch_size(),
            sight: sight(&self.functions),
            functions: self.functions.iter().map(WindowFunction::start).collect(),
            keys: self.keys.clone(),
            last_row: None,
            pending: Vec::new(),
            pending_rows: 0,
            enough_rows: 0,
            reservation: MemoryConsumer::new("SortedWindowExec").register(context.memory_pool()),
            ready: VecDeque::new(),
            finished: false,
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold((state, input), |(mut state, mut input)| async move {
            loop {
                if let Some(batch) = state.ready.pop_front() {
                    return Ok(Some((batch, (state, input))));
                }
                if state.finished {
                    return Ok(None);
                }
                match input.next().await.transpose()? {
                    Some(batch) => state.push(batch)?,
                    None => state.finish()?,
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Rows in order, for the functions to see at once.
pub(super) struct Stretch {
    pub batch: RecordBatch,
    /// The rows of each partition; of the last one maybe only the first rows.
    pub partitions: Vec<Range<usize>>,
    /// The first partition began before these rows.
    pub continues: bool,
    /// The rows of each group that is equal in all keys; of the last one maybe only the first rows.
    pub peers: Vec<Range<usize>>,
    /// The first group of peers began before these rows.
    pub peers_continue: bool,
}

/// One stream of the operator.
struct State {
    schema: SchemaRef,
    batch_size: usize,
    sight: Sight,
    functions: Vec<Box<dyn Function>>,
    keys: Keys,
    /// The keys of the last row that the functions have seen, one row each.
    last_row: Option<Vec<ArrayRef>>,
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    /// With fewer rows pending no cut is looked for, so that a long partition is not joined again with each batch.
    enough_rows: usize,
    reservation: MemoryReservation,
    ready: VecDeque<RecordBatch>,
    finished: bool,
    metrics: BaselineMetrics,
}

impl State {
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.sight != Sight::Row {
            self.reservation.try_grow(get_record_batch_memory_size(&batch))?;
        }
        self.pending_rows += batch.num_rows();
        self.pending.push(batch);
        if self.pending_rows >= self.enough_rows { self.advance(false) } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        self.finished = true;
        if self.pending_rows > 0 { self.advance(true) } else { Ok(()) }
    }

    /// Lets the functions see the pending rows as far as they can: to the end, or to the last group or partition.
    fn advance(&mut self, to_the_end: bool) -> Result<()> {
        let timer = self.metrics.elapsed_compute().clone();
        let _timer = timer.timer();
        let batch = match self.pending.as_slice() {
            [one] => one.clone(),
            several => concat_batches(&several[0].schema(), several)?,
        };
        let rows = batch.num_rows();
        let columns = self.keys.evaluate(&batch)?;
        let partitions = ranges(columns.get(..self.keys.partition_by.len()).unwrap_or(&[]), rows)?;
        let peers = if self.keys.order_by.is_empty() { partitions.clone() } else { ranges(&columns, rows)? };
        let last_start = |ranges: &[Range<usize>]| ranges.last().map_or(0, |range| range.start);
        let cut = match self.sight {
            _ if to_the_end => rows,
            Sight::Row => rows,
            Sight::Peers => last_start(&peers),
            Sight::Partition => last_start(&partitions),
        };
        if cut > 0 {
            let (continues, peers_continue) = self.continues(&columns)?;
            let seen = Stretch {
                batch: batch.slice(0, cut),
                partitions: before(partitions, cut),
                continues,
                peers: before(peers, cut),
                peers_continue,
            };
            self.last_row = Some(columns.iter().map(|column| column.slice(cut - 1, 1)).collect());
            self.see(&seen)?;
        }
        let rest = batch.slice(cut, rows - cut);
        self.pending_rows = rest.num_rows();
        self.enough_rows = self.pending_rows * 2;
        self.pending = if self.pending_rows > 0 { vec![rest] } else { Vec::new() };
        let held = self.pending.iter().map(get_record_batch_memory_size).sum();
        if self.sight == Sight::Row { Ok(()) } else { self.reservation.try_resize(held) }
    }

    /// Whether the partition, and the group of peers, of the first row is that of the last row seen.
    fn continues(&self, columns: &[ArrayRef]) -> Result<(bool, bool)> {
        let Some(last) = &self.last_row else { return Ok((false, false)) };
        let pairs = last
            .iter()
            .zip(columns)
            .map(|(last, column)| Ok(concat(&[last.as_ref(), column.slice(0, 1).as_ref()])?))
            .collect::<Result<Vec<_>>>()?;
        let same = |pairs: &[ArrayRef]| Ok::<_, datafusion::error::DataFusionError>(ranges(pairs, 2)?.len() == 1);
        Ok((same(pairs.get(..self.keys.partition_by.len()).unwrap_or(&[]))?, same(&pairs)?))
    }

    fn see(&mut self, seen: &Stretch) -> Result<()> {
        let mut columns = seen.batch.columns().to_vec();
        for function in &mut self.functions {
            columns.push(function.evaluate(seen)?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.metrics.record_output(batch.num_rows());
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = self.batch_size.min(batch.num_rows() - start);
            self.ready.push_back(batch.slice(start, rows));
            start += rows;
        }
        Ok(())
    }
}

impl Keys {
    fn evaluate(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let rows = batch.num_rows();
        let all = self.partition_by.iter().chain(&self.order_by);
        all.map(|key| key.evaluate(batch)?.into_array(rows)).collect()
    }
}

/// The stretches of equal rows; without columns all rows are equal.
fn ranges(columns: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
    Ok(if columns.is_empty() { std::iter::once(0..rows).collect() } else { partition(columns)?.ranges() })
}

/// The ranges that begin before `cut`, none reaching past it.
fn before(mut ranges: Vec<Range<usize>>, cut: usize) -> Vec<Range<usize>> {
    ranges.truncate(ranges.partition_point(|range| range.start < cut));
    if let Some(last) = ranges.last_mut() {
        last.end = last.end.min(cut);
    }
    ranges
}
