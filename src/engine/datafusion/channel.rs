//! Batches that come through a channel, as a table that a plan reads once.

use std::{fmt, sync::Arc, sync::Mutex};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    common::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::stream;
use tokio::sync::mpsc;

use super::core::locked;

/// The receiving end; without one the table is empty.
pub(super) struct Channel {
    schema: SchemaRef,
    receiver: Mutex<Option<mpsc::Receiver<RecordBatch>>>,
}

impl Channel {
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, receiver: Mutex::default() }
    }

    /// What the next execution of the plan reads.
    pub fn receive(&self, receiver: mpsc::Receiver<RecordBatch>) {
        *locked(&self.receiver) = Some(receiver);
    }

    /// A leaf with one partition.
    pub fn plan(self: &Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let source = Arc::clone(self) as Arc<dyn PartitionStream>;
        let plan = StreamingTableExec::try_new(Arc::clone(&self.schema), vec![source], None, [], false, None)?;
        Ok(Arc::new(plan))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channel")
    }
}

impl PartitionStream for Channel {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = stream::unfold(locked(&self.receiver).take(), |receiver| async move {
            let mut receiver = receiver?;
            let batch = receiver.recv().await?;
            Some((Ok(batch), Some(receiver)))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}
