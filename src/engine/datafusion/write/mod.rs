//! Runs a physical plan into data files of a Delta table. Writes files and nothing else: no log entry, no decision about
//! what the files replace.

mod partitioned;
mod sorted;

use std::{
    num::NonZeroU64,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{AsArray, BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::{DataType, Int32Type, Schema, SchemaRef},
};
use datafusion::{
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{ExecutionPlan, ExecutionPlanProperties, execute_stream_partitioned},
};
use deltalake::{
    datafile::writer::{DeltaWriter, WriterConfig},
    kernel::Add,
    logstore::ObjectStoreRef,
    parquet::{basic::Compression, file::properties::WriterProperties},
};
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinSet,
};

use super::{errors::from_datafusion, types::cast_batch};
use crate::engine::EngineError;

/// One file per this many bytes unless the table says otherwise.
const FILE_SIZE: u64 = 256 * 1024 * 1024;
/// A second encoder is worth its extra file from this many rows on.
const ROWS_FOR_MORE_WRITERS: u64 = 100_000;
/// Rows with this code in the counted column are counted and not written.
pub(super) const GONE: i32 = 3;
const ROW_GROUP_ROWS: usize = 512 * 1024;
/// Rows given to the encoder at once; the size of the file is looked at in between.
const WRITE_ROWS: usize = 8192;

/// How the files are to look.
#[derive(Debug, Clone)]
pub(super) struct WriteSpec {
    /// The table's schema; the plan's columns are cast to it by position.
    pub schema: SchemaRef,
    pub partition_by: Vec<String>,
    pub cluster_by: Vec<String>,
    pub target_file_size: Option<u64>,
    /// The plan has one more column at the end, an `integer` that says what happened to the row: it is counted, not written.
    pub counted: bool,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub adds: Vec<Add>,
    pub rows: u64,
    pub bytes: u64,
    /// Rows per code of the counted column, codes 0 to 3.
    pub counts: [u64; 4],
}

impl Written {
    fn extend(&mut self, other: Written) {
        self.adds.extend(other.adds);
        self.rows += other.rows;
        self.bytes += other.bytes;
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum += count;
        }
    }
}

/// Runs `plan` and writes its rows under `folder`.
pub(super) async fn write_plan(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    folder: &Path,
    spec: &WriteSpec,
) -> Result<Written, EngineError> {
    let store = local_store(folder)?;
    let sink = Sink { store, spec: spec.clone() };
    let writers = plan.output_partitioning().partition_count();
    let in_order = !spec.cluster_by.is_empty();
    let plan = if in_order { sorted::arrange(plan, spec) } else { Ok(plan) };
    let streams = plan
        .and_then(|plan| execute_stream_partitioned(plan, Arc::clone(&context)))
        .map_err(|error| from_datafusion(&error))?;
    match (spec.partition_by.is_empty(), in_order) {
        (true, _) => write_shared(streams, &sink, if in_order { 1 } else { writers }).await,
        (false, true) => sorted::write(streams, sink).await,
        (false, false) => partitioned::write(streams, &context, sink).await,
    }
}

/// Writes the rows of one stream under `folder`.
pub(super) async fn write_stream(
    stream: SendableRecordBatchStream,
    folder: &Path,
    spec: &WriteSpec,
) -> Result<Written, EngineError> {
    write_shared(vec![stream], &Sink { store: local_store(folder)?, spec: spec.clone() }, 1).await
}

fn local_store(folder: &Path) -> Result<ObjectStoreRef, EngineError> {
    let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| EngineError::Storage {
        context: "cannot stage files".to_owned(),
        message: error.to_string(),
        path: Some(folder.into()),
    })?;
    Ok(Arc::new(store))
}

#[derive(Clone)]
struct Sink {
    store: ObjectStoreRef,
    spec: WriteSpec,
}

impl Sink {
    fn writer(&self) -> DeltaWriter {
        self.writer_of_row_groups(None)
    }

    /// A row group ends at `bytes` in the encoder's memory, or at [`ROW_GROUP_ROWS`].
    fn writer_of_row_groups(&self, bytes: Option<usize>) -> DeltaWriter {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(bytes)
            .build();
        let config = WriterConfig::new(
            Arc::clone(&self.spec.schema),
            self.spec.partition_by.clone(),
            Some(properties),
            NonZeroU64::new(self.spec.target_file_size.unwrap_or(FILE_SIZE)),
            Some(WRITE_ROWS),
            Default::default(),
            None,
        );
        DeltaWriter::new(Arc::clone(&self.store), config)
    }
}

/// All streams through few writers: small results become one file.
async fn write_shared(
    streams: Vec<SendableRecordBatchStream>,
    sink: &Sink,
    most_writers: usize,
) -> Result<Written, EngineError> {
    let (sender, receiver) = mpsc::channel::<RecordBatch>(4);
    let receiver = Arc::new(Mutex::new(receiver));
    // Set once the rows are many; closed, unset, when the producers end before that.
    let (many, many_seen) = watch::channel(false);
    let many = Arc::new(many);
    let seen = Arc::new(AtomicU64::new(0));
    let mut tasks: JoinSet<Result<Written, EngineError>> = JoinSet::new();
    for mut stream in streams {
        let (sender, spec, seen, many) = (sender.clone(), sink.spec.clone(), Arc::clone(&seen), Arc::clone(&many));
        tasks.spawn(async move {
            let mut written = Written::default();
            while let Some(batch) = stream.next().await {
                let batch = prepare(&batch.map_err(|error| from_datafusion(&error))?, &spec, &mut written)?;
                let rows = batch.num_rows() as u64;
                if seen.fetch_add(rows, Ordering::Relaxed) + rows > ROWS_FOR_MORE_WRITERS {
                    many.send_replace(true);
                }
                if sender.send(batch).await.is_err() {
                    // The writer failed; its error is reported by its own task.
                    break;
                }
            }
            Ok(written)
        });
    }
    drop((sender, many));
    for index in 0..most_writers.max(1) {
        let (receiver, mut many_seen) = (Arc::clone(&receiver), many_seen.clone());
        let mut writer = sink.writer();
        tasks.spawn(async move {
            if index == 0 || many_seen.wait_for(|many| *many).await.is_ok() {
                loop {
                    let next = receiver.lock().await.recv().await;
                    let Some(batch) = next else { break };
                    writer.write(&batch).await?;
                }
            }
            finish(writer).await
        });
    }
    let mut total = Written::default();
    while let Some(result) = tasks.join_next().await {
        total.extend(joined(result)?);
    }
    Ok(total)
}

fn joined(result: Result<Result<Written, EngineError>, tokio::task::JoinError>) -> Result<Written, EngineError> {
    match result {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Err(EngineError::Cancelled),
        Err(error) => Err(EngineError::Internal { message: error.to_string() }),
    }
}

async fn finish(writer: DeltaWriter) -> Result<Written, EngineError> {
    let adds = writer.close().await?;
    let bytes = adds.iter().map(|add| u64::try_from(add.size).unwrap_or(0)).sum();
    Ok(Written { adds, bytes, ..Written::default() })
}

/// Counts and drops the code column, casts the rest to the table's schema.
fn prepare(batch: &RecordBatch, spec: &WriteSpec, written: &mut Written) -> Result<RecordBatch, EngineError> {
    let Some((codes, columns)) = batch.columns().split_last().filter(|_| spec.counted) else {
        written.rows += batch.num_rows() as u64;
        return cast_batch(batch, &spec.schema);
    };
    let internal = |error: arrow::error::ArrowError| EngineError::Internal { message: error.to_string() };
    let codes = arrow::compute::cast(codes, &DataType::Int32).map_err(internal)?;
    let mut stays = Vec::with_capacity(batch.num_rows());
    for code in codes.as_primitive::<Int32Type>() {
        let code = code.unwrap_or(0);
        if let Some(count) = usize::try_from(code).ok().and_then(|code| written.counts.get_mut(code)) {
            *count += 1;
        }
        stays.push(code != GONE);
    }
    let fields: Vec<_> = batch.schema().fields().iter().take(columns.len()).cloned().collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.to_vec()).map_err(internal)?;
    let rows = filter_record_batch(&rows, &BooleanArray::from(stays)).map_err(internal)?;
    written.rows += rows.num_rows() as u64;
    cast_batch(&rows, &spec.schema)
}
