//! Rows that come in any order into a file per partition.
//!
//! A sort would bring each partition's rows together, and cost as much as the query (measured: 10M events, 30 of 60 s).
//! So as many partitions as memory allows have a file open at once; the rows of further ones go through a sort.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{RecordBatch, UInt32Array},
    compute::take_record_batch,
    row::{RowConverter, SortField},
};
use datafusion::{
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryLimit},
    physical_plan::execute_stream,
};
use delta_kernel::expressions::Scalar;
use deltalake::{datafile::writer::DeltaWriter, kernel::scalars::ScalarExt};
use futures::StreamExt;
use indexmap::IndexMap;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

use super::{ROWS_FOR_MORE_WRITERS, Sink, Written, finish, joined, prepare, sorted};
use crate::engine::{
    EngineError,
    datafusion::{channel::Channel, core::locked, errors::from_datafusion},
};

/// With less memory for each, row groups would become too small to read fast.
const LEAST_BYTES: usize = 4 * 1024 * 1024;
const MOST_BYTES: usize = 128 * 1024 * 1024;
const MOST_OPEN: usize = 64;

/// Writes all streams; a partition has one file, or one for each stream when it has many rows.
pub(super) async fn write(
    streams: Vec<SendableRecordBatchStream>,
    context: &Arc<TaskContext>,
    sink: Sink,
) -> Result<Written, EngineError> {
    // Writers are not in the pool but have a quarter of its size beside it; an encoder takes about twice the bytes that it
    // is asked to hold.
    let budget = match context.memory_pool().memory_limit() {
        MemoryLimit::Finite(bytes) => bytes / 8 / streams.len().max(1),
        MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
    };
    let (overflow, rest) = mpsc::channel::<RecordBatch>(4);
    let mut tasks: JoinSet<Result<Written, EngineError>> = JoinSet::new();
    tasks.spawn(write_rest(rest, Arc::clone(context), sink.clone()));
    let writers = streams.len();
    let most_open = (budget / LEAST_BYTES).clamp(4, MOST_OPEN);
    let open = std::sync::Mutex::default();
    let partitions = Arc::new(Partitions { sink, budget, most_open, writers, open, overflow });
    let mut producers: JoinSet<Result<Written, EngineError>> = JoinSet::new();
    for mut stream in streams {
        let partitions = Arc::clone(&partitions);
        producers.spawn(async move {
            let mut written = Written::default();
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(|error| from_datafusion(&error))?;
                let batch = prepare(&batch, &partitions.sink.spec, &mut written)?;
                if !partitions.write(&batch).await? {
                    break;
                }
            }
            Ok(written)
        });
    }
    let mut total = Written::default();
    while let Some(result) = producers.join_next().await {
        total.extend(joined(result)?);
    }
    let open = std::mem::take(&mut *locked(&partitions.open));
    // Ends the channel of the rows that did not find an open file.
    drop(partitions);
    for writer in open.into_values().flat_map(|partition| partition.writers.clone()) {
        tasks.spawn(async move {
            match writer.lock().await.take() {
                Some(writer) => finish(writer).await,
                None => Ok(Written::default()),
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        total.extend(joined(result)?);
    }
    Ok(total)
}

struct Partitions {
    sink: Sink,
    /// Bytes for all encoders of a stream together.
    budget: usize,
    most_open: usize,
    /// Files that may be open for one partition.
    writers: usize,
    open: std::sync::Mutex<HashMap<Key, Arc<Partition>>>,
    overflow: mpsc::Sender<RecordBatch>,
}

/// A partition with open files.
struct Partition {
    values: IndexMap<String, Scalar>,
    row_group_bytes: usize,
    rows: AtomicU64,
    writers: Vec<Arc<Mutex<Option<DeltaWriter>>>>,
}

impl Partitions {
    /// Whether to go on: the task that sorts may have ended with an error, which it reports itself.
    async fn write(&self, batch: &RecordBatch) -> Result<bool, EngineError> {
        for (key, rows) in split(batch, &self.sink.spec.partition_by)? {
            match self.partition(key, &rows)? {
                Some(partition) => partition.write(rows, &self.sink).await?,
                None if self.overflow.send(rows).await.is_err() => return Ok(false),
                None => {}
            }
        }
        Ok(true)
    }

    /// The open partition of these rows, or None when no more may be opened.
    fn partition(&self, key: Key, rows: &RecordBatch) -> Result<Option<Arc<Partition>>, EngineError> {
        let mut open = locked(&self.open);
        if let Some(partition) = open.get(&key) {
            return Ok(Some(Arc::clone(partition)));
        }
        if open.len() >= self.most_open {
            return Ok(None);
        }
        let mut values = IndexMap::new();
        for name in &self.sink.spec.partition_by {
            let value = rows.column_by_name(name).and_then(|column| Scalar::from_array(column, 0));
            let value = value.ok_or_else(|| EngineError::Data {
                message: format!("the type of column `{name}` cannot be used in `partition_by`"),
            })?;
            values.insert(name.clone(), value);
        }
        let writers = (0..self.writers).map(|_| Arc::default()).collect();
        // The first ones share half of the budget equally, later ones get smaller shares of the rest.
        let row_group_bytes = (self.budget / open.len().max(8)).clamp(LEAST_BYTES, MOST_BYTES);
        let partition = Arc::new(Partition { values, row_group_bytes, rows: AtomicU64::new(0), writers });
        open.insert(key, Arc::clone(&partition));
        Ok(Some(partition))
    }
}

impl Partition {
    async fn write(&self, rows: RecordBatch, sink: &Sink) -> Result<(), EngineError> {
        let seen = self.rows.fetch_add(rows.num_rows() as u64, Ordering::Relaxed);
        let usable = if seen > ROWS_FOR_MORE_WRITERS { self.writers.len() } else { 1 };
        let free = self.writers.iter().take(usable).find_map(|writer| writer.try_lock().ok());
        let mut writer = match (free, self.writers.first()) {
            (Some(writer), _) => writer,
            (None, Some(first)) => first.lock().await,
            (None, None) => return Ok(()),
        };
        let writer = writer.get_or_insert_with(|| sink.writer_of_row_groups(Some(self.row_group_bytes)));
        Ok(writer.write_partition(rows, &self.values).await?)
    }
}

/// A partition's values as comparable bytes.
type Key = Box<[u8]>;

/// The rows of each partition with the partition's values, in the order in which they appear.
fn split(batch: &RecordBatch, partition_by: &[String]) -> Result<Vec<(Key, RecordBatch)>, EngineError> {
    let data = |error: arrow::error::ArrowError| EngineError::Data { message: error.to_string() };
    let columns: Vec<_> = partition_by.iter().filter_map(|name| batch.column_by_name(name).cloned()).collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields).and_then(|converter| converter.convert_columns(&columns)).map_err(data)?;
    let mut groups: IndexMap<&[u8], Vec<u32>> = IndexMap::new();
    for (index, row) in (0_u32..).zip(&rows) {
        groups.entry(row.data()).or_default().push(index);
    }
    if let [key] = groups.keys().copied().collect::<Vec<_>>().as_slice() {
        return Ok(vec![((*key).into(), batch.clone())]);
    }
    groups
        .into_iter()
        .map(|(key, indices)| Ok((key.into(), take_record_batch(batch, &UInt32Array::from(indices)).map_err(data)?)))
        .collect()
}

/// Writes what comes through the channel, sorted by partition. The rows have been counted before.
async fn write_rest(
    rest: mpsc::Receiver<RecordBatch>,
    context: Arc<TaskContext>,
    mut sink: Sink,
) -> Result<Written, EngineError> {
    sink.spec.counted = false;
    let channel = Arc::new(Channel::new(Arc::clone(&sink.spec.schema)));
    channel.receive(rest);
    let stream = channel
        .plan()
        .and_then(|plan| sorted::arrange(plan, &sink.spec))
        .and_then(|plan| execute_stream(plan, context))
        .map_err(|error| from_datafusion(&error))?;
    Ok(Written { rows: 0, ..sorted::write(vec![stream], sink).await? })
}
