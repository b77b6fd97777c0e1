//! Rows that come sorted by partition: one file is open at a time.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    compute::SortOptions,
};
use datafusion::{
    execution::SendableRecordBatchStream,
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::col},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, Partitioning, repartition::RepartitionExec, sorts::sort::SortExec,
        sorts::sort_preserving_merge::SortPreservingMergeExec,
    },
};
use deltalake::datafile::writer::DeltaWriter;
use futures::StreamExt;
use tokio::task::JoinSet;

use super::{Sink, WriteSpec, Written, finish, joined, prepare};
use crate::engine::{EngineError, datafusion::errors::from_datafusion};

/// Sorts for clustering; for partitions, brings each into one stream and sorts it, so that one file is open at a time.
pub(super) fn arrange(
    plan: Arc<dyn ExecutionPlan>,
    spec: &WriteSpec,
) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
    if spec.partition_by.is_empty() && spec.cluster_by.is_empty() {
        return Ok(plan);
    }
    let schema = plan.schema();
    let column = |name: &String| {
        // The plan's columns stand in the table's order, maybe under other names.
        let index = spec.schema.index_of(name).unwrap_or(0);
        col(schema.field(index).name(), &schema)
    };
    let mut plan = plan;
    if !spec.partition_by.is_empty() && plan.output_partitioning().partition_count() > 1 {
        let keys = spec.partition_by.iter().map(column).collect::<datafusion::error::Result<Vec<_>>>()?;
        let count = plan.output_partitioning().partition_count();
        plan = Arc::new(RepartitionExec::try_new(plan, Partitioning::Hash(keys, count))?);
    }
    let order = spec
        .partition_by
        .iter()
        .chain(&spec.cluster_by)
        .map(|name| Ok(PhysicalSortExpr::new(column(name)?, SortOptions { descending: false, nulls_first: true })))
        .collect::<datafusion::error::Result<Vec<_>>>()?;
    let Some(order) = LexOrdering::new(order) else { return Ok(plan) };
    let several = plan.output_partitioning().partition_count() > 1;
    let sorted = Arc::new(SortExec::new(order.clone(), plan).with_preserve_partitioning(several));
    Ok(if several && spec.partition_by.is_empty() {
        Arc::new(SortPreservingMergeExec::new(order, sorted))
    } else {
        sorted
    })
}

/// Each stream holds whole partitions, sorted: a writer per stream, closed whenever the partition changes.
pub(super) async fn write(streams: Vec<SendableRecordBatchStream>, sink: Sink) -> Result<Written, EngineError> {
    let mut tasks: JoinSet<Result<Written, EngineError>> = JoinSet::new();
    for mut stream in streams {
        let sink = sink.clone();
        tasks.spawn(async move {
            let mut written = Written::default();
            let mut open: Option<(DeltaWriter, RecordBatch)> = None;
            while let Some(batch) = stream.next().await {
                let batch = prepare(&batch.map_err(|error| from_datafusion(&error))?, &sink.spec, &mut written)?;
                for slice in slices(&batch, &sink.spec)? {
                    let same = open.as_ref().is_some_and(|(_, last)| same_partition(last, &slice, &sink.spec));
                    if !same && let Some((writer, _)) = open.take() {
                        written.extend(finish(writer).await?);
                    }
                    let (writer, last) = open.get_or_insert_with(|| (sink.writer(), slice.slice(0, 1)));
                    *last = slice.slice(0, 1);
                    writer.write(&slice).await?;
                }
            }
            if let Some((writer, _)) = open {
                written.extend(finish(writer).await?);
            }
            Ok(written)
        });
    }
    let mut total = Written::default();
    while let Some(result) = tasks.join_next().await {
        total.extend(joined(result)?);
    }
    Ok(total)
}

/// The batch cut where the partition changes.
fn slices(batch: &RecordBatch, spec: &WriteSpec) -> Result<Vec<RecordBatch>, EngineError> {
    let keys = keys(batch, spec);
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let ranges = arrow::compute::partition(&keys).map_err(|error| EngineError::Data { message: error.to_string() })?;
    Ok(ranges.ranges().into_iter().map(|range| batch.slice(range.start, range.len())).collect())
}

fn keys(batch: &RecordBatch, spec: &WriteSpec) -> Vec<ArrayRef> {
    spec.partition_by.iter().filter_map(|name| batch.column_by_name(name).cloned()).collect()
}

fn same_partition(left: &RecordBatch, right: &RecordBatch, spec: &WriteSpec) -> bool {
    keys(left, spec).iter().zip(keys(right, spec)).all(|(left, right)| left.to_data() == right.slice(0, 1).to_data())
}
