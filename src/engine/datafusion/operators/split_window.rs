//! Windows whose partitions are rows of their own, almost all: deduplication.
//!
//! Sorting such rows, wide as they are, is most of the work and needs memory or disk for all of them. Here the keys are
//! read first, alone, and hashed: 4 bytes a row. Then the rows are read: one with a key of its own gets its values at
//! once and goes on in the order of the input; only the others, few, go through sort and window. Where the input is
//! more than scans, or repeated keys turn out to be many, the window is computed as ever.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use datafusion::{
    arrow::{
        array::RecordBatch,
        compute::{filter_record_batch, not},
        datatypes::SchemaRef,
    },
    common::{Result, config::ConfigOptions, internal_err, runtime::SpawnedTask, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ChildrenPropertiesMode, DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
        Partitioning, PlanProperties, ReplaceChildrenOptions, apply_expression_roots,
        execution_plan::{EmissionType, replace_children_if_necessary, reset_plan_states},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        stream::{EmptyRecordBatchStream, RecordBatchStreamAdapter},
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OnceCell, mpsc};

use super::{
    super::{channel::Channel, core::locked},
    read_twice,
    repeated::Repeated,
    sorted_window::{Stretch, window_expressions},
    window_functions::WindowFunction,
};

/// Puts [`SplitWindowExec`] in the place of windows over scans. Runs before sorts and exchanges are put in. A window
/// under another keeps its sort, which often serves both.
#[derive(Debug)]
pub(super) struct SplitWindows {
    /// With fewer rows a sort is as good.
    pub least_rows: usize,
}

impl PhysicalOptimizerRule for SplitWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace(plan, false)
    }

    fn name(&self) -> &str {
        "split_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl SplitWindows {
    fn replace(&self, plan: Arc<dyn ExecutionPlan>, under_window: bool) -> Result<Arc<dyn ExecutionPlan>> {
        let is_window = window_expressions(&plan).is_some();
        if is_window
            && !under_window
            && let Some(window) = SplitWindowExec::replacing(&plan, self.least_rows)?
        {
            return Ok(Arc::new(window));
        }
        let passes = is_window || ["FilterExec", "ProjectionExec"].contains(&plan.name());
        let children: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
        let replaced = children
            .into_iter()
            .map(|child| self.replace(child, is_window || (under_window && passes)))
            .collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, replaced)
    }
}

#[derive(Debug)]
struct SplitWindowExec {
    inputs: Inputs,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    functions: Vec<WindowFunction>,
    /// Where the operator under `inputs.repeated` takes its rows from.
    exchange: Arc<Channel>,
    properties: Arc<PlanProperties>,
    run: OnceLock<Arc<Run>>,
    metrics: ExecutionPlanMetricsSet,
}

/// What may be executed, each at most once.
#[derive(Debug, Clone)]
struct Inputs {
    /// The partition keys of all rows.
    keys: Arc<dyn ExecutionPlan>,
    rows: Arc<dyn ExecutionPlan>,
    /// The window over the rows with repeated keys, one stream.
    repeated: Arc<dyn ExecutionPlan>,
    /// The window over all rows.
    whole: Arc<dyn ExecutionPlan>,
}

impl SplitWindowExec {
    fn replacing(plan: &Arc<dyn ExecutionPlan>, least_rows: usize) -> Result<Option<Self>> {
        let Some(expressions) = window_expressions(plan) else { return Ok(None) };
        let functions: Option<Vec<_>> = expressions.iter().map(WindowFunction::new).collect();
        let keys = expressions.first().map(|first| first.partition_by().to_vec()).unwrap_or_default();
        let rows = plan.children().first().copied().cloned();
        let (Some(functions), false, Some(rows)) = (functions, keys.is_empty(), rows) else { return Ok(None) };
        let Some(keys_of_rows) = read_twice::keys(&rows, &keys, least_rows)? else { return Ok(None) };
        let exchange = Arc::new(Channel::new(rows.schema()));
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        let inputs = Inputs {
            keys: keys_of_rows,
            repeated: Arc::clone(plan).replace_children(vec![exchange.plan()?], options)?,
            rows: reset_plan_states(rows)?,
            whole: Arc::clone(plan),
        };
        Ok(Some(Self::new(inputs, keys, functions, exchange)))
    }

    fn new(
        inputs: Inputs,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        functions: Vec<WindowFunction>,
        exchange: Arc<Channel>,
    ) -> Self {
        let partitions =
            [&inputs.rows, &inputs.whole].into_iter().map(|plan| plan.output_partitioning().partition_count()).max();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(inputs.whole.schema()),
            Partitioning::UnknownPartitioning(partitions.unwrap_or(1)),
            EmissionType::Both,
            inputs.rows.boundedness(),
        );
        Self {
            inputs,
            keys,
            functions,
            exchange,
            properties: Arc::new(properties),
            run: OnceLock::new(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for SplitWindowExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SplitWindowExec: keys, rows, window over repeated keys, window over all")
    }
}

impl ExecutionPlan for SplitWindowExec {
    fn name(&self) -> &str {
        "SplitWindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        let any = Distribution::UnspecifiedDistribution;
        vec![any.clone(), any.clone(), Distribution::SinglePartition, any]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.inputs.keys, &self.inputs.rows, &self.inputs.repeated, &self.inputs.whole]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.keys, f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([keys, rows, repeated, whole]) = <[Arc<dyn ExecutionPlan>; 4]>::try_from(children) else {
            return internal_err!("a split window has four inputs");
        };
        let inputs = Inputs { keys, rows, repeated, whole };
        let exchange = Arc::clone(&self.exchange);
        Ok(Arc::new(Self::new(inputs, self.keys.clone(), self.functions.clone(), exchange)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let run = Arc::clone(self.run.get_or_init(|| Arc::new(Run::new(self))));
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batches = stream::once(run.stream(partition, context, metrics)).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// What the streams of one execution share.
struct Run {
    inputs: Inputs,
    schema: SchemaRef,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    functions: Vec<WindowFunction>,
    exchange: Arc<Channel>,
    /// The keys that occur more than once; none if they are too many.
    repeated: OnceCell<Option<Arc<Repeated>>>,
    /// Streams of rows that have not ended.
    unfinished: AtomicUsize,
    rest: Mutex<Option<Rest>>,
}

/// The window over the rows with repeated keys, at work.
struct Rest {
    sender: mpsc::Sender<RecordBatch>,
    /// Sorts while rows come; ends with the first batch and the stream of the others.
    task: SpawnedTask<Result<SendableRecordBatchStream>>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("repeated", &self.repeated).finish_non_exhaustive()
    }
}

impl Run {
    fn new(plan: &SplitWindowExec) -> Self {
        Self {
            inputs: plan.inputs.clone(),
            schema: plan.schema(),
            keys: plan.keys.clone(),
            functions: plan.functions.clone(),
            exchange: Arc::clone(&plan.exchange),
            repeated: OnceCell::new(),
            unfinished: AtomicUsize::new(plan.inputs.rows.output_partitioning().partition_count()),
            rest: Mutex::default(),
        }
    }

    async fn stream(
        self: Arc<Self>,
        partition: usize,
        context: Arc<TaskContext>,
        metrics: BaselineMetrics,
    ) -> Result<SendableRecordBatchStream> {
        let repeated = self.repeated.get_or_try_init(|| self.begin(&context)).await?.clone();
        let plan = if repeated.is_some() { &self.inputs.rows } else { &self.inputs.whole };
        if partition >= plan.output_partitioning().partition_count() {
            return Ok(Box::pin(EmptyRecordBatchStream::new(Arc::clone(&self.schema))));
        }
        let input = plan.execute(partition, context)?;
        Ok(match repeated {
            Some(repeated) => self.split(input, repeated, metrics),
            None => input,
        })
    }

    /// Finds the repeated keys, and starts the window over their rows.
    async fn begin(&self, context: &Arc<TaskContext>) -> Result<Option<Arc<Repeated>>> {
        let Some(repeated) = Repeated::find(&self.inputs.keys, context).await? else { return Ok(None) };
        let (sender, receiver) = mpsc::channel(4);
        self.exchange.receive(receiver);
        let mut window = self.inputs.repeated.execute(0, Arc::clone(context))?;
        let schema = Arc::clone(&self.schema);
        let task = SpawnedTask::spawn(async move {
            let first = window.next().await.transpose()?;
            let batches = stream::iter(first.map(Ok)).chain(window);
            Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)) as SendableRecordBatchStream)
        });
        *locked(&self.rest) = Some(Rest { sender, task });
        Ok(Some(Arc::new(repeated)))
    }

    /// The rows of `input` with keys of their own; then, in the stream that ends last, the window over the others.
    fn split(
        self: Arc<Self>,
        input: SendableRecordBatchStream,
        repeated: Arc<Repeated>,
        metrics: BaselineMetrics,
    ) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let sender = locked(&self.rest).as_ref().map(|rest| rest.sender.clone());
        let own = stream::try_unfold((Arc::clone(&self), input, sender), move |(run, mut input, sender)| {
            let (repeated, metrics) = (Arc::clone(&repeated), metrics.clone());
            async move {
                while let Some(batch) = input.next().await.transpose()? {
                    let timer = metrics.elapsed_compute().clone();
                    let (own, others) = run.divide(batch, &repeated)?;
                    let own = own.map(|own| run.evaluate(own)).transpose()?;
                    timer.timer().done();
                    if let (Some(sender), Some(others)) = (&sender, others) {
                        // Fails only when the window has ended with an error, which the last stream reports.
                        let _ended = sender.send(others).await;
                    }
                    if let Some(own) = own {
                        metrics.record_output(own.num_rows());
                        return Ok(Some((own, (run, input, sender))));
                    }
                }
                Ok(None)
            }
        });
        let others = stream::once(async move { self.finish().await }).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(schema, own.chain(others)))
    }

    async fn finish(&self) -> Result<SendableRecordBatchStream> {
        let last = self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1;
        let rest = if last { locked(&self.rest).take() } else { None };
        let Some(Rest { sender, task }) = rest else {
            return Ok(Box::pin(EmptyRecordBatchStream::new(Arc::clone(&self.schema))));
        };
        drop(sender);
        match task.join().await {
            Ok(window) => window,
            Err(error) => internal_err!("the window over repeated keys ended: {error}"),
        }
    }

    /// The rows with keys of their own, and the others.
    fn divide(&self, batch: RecordBatch, repeated: &Repeated) -> Result<(Option<RecordBatch>, Option<RecordBatch>)> {
        if batch.num_rows() == 0 {
            return Ok((None, None));
        }
        let others = repeated.rows(&self.keys, &batch)?;
        Ok(match others.true_count() {
            0 => (Some(batch), None),
            all if all == batch.num_rows() => (None, Some(batch)),
            _ => (Some(filter_record_batch(&batch, &not(&others)?)?), Some(filter_record_batch(&batch, &others)?)),
        })
    }

    /// Appends the functions' values, each row being a partition.
    fn evaluate(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let rows: Vec<_> = (0..batch.num_rows()).map(|row| row..row + 1).collect();
        let stretch = Stretch { batch, partitions: rows.clone(), continues: false, peers: rows, peers_continue: false };
        let mut columns = stretch.batch.columns().to_vec();
        for function in &self.functions {
            columns.push(function.start().evaluate(&stretch)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}
