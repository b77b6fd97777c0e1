//! Which keys occur more than once, found by hashes of 44 bits: a key may be taken for repeated that is not, never the
//! other way round. Two of 100 million keys are mistaken for one another about 300 times in all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use datafusion::{
    arrow::array::{ArrayRef, BooleanArray, RecordBatch},
    common::{
        Result,
        hash_utils::{QualityRandomState, create_hashes},
        internal_err,
        runtime::JoinSet,
    },
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_expr::PhysicalExpr,
    physical_plan::{ExecutionPlan, ExecutionPlanProperties},
};
use futures::StreamExt;

/// Buckets by the hash's first bits.
const BUCKETS: usize = 1 << 12;
/// Of so many first rows of a stream, repeated keys must not be many.
const SAMPLE: usize = 64 * 1024;

/// Sorted second parts of the hashes, by bucket.
#[derive(Debug)]
pub(super) struct Repeated {
    buckets: Vec<Vec<u32>>,
    _reservation: MemoryReservation,
}

/// Hashes of 64 bits; the keys that SQL groups together, nulls among them, have the same.
fn hashes(keys: &[ArrayRef]) -> Result<Vec<u64>> {
    let mut hashes = vec![0; keys.first().map_or(0, |key| key.len())];
    create_hashes(keys, &QualityRandomState::with_seed(0), &mut hashes)?;
    Ok(hashes)
}

/// The bucket, and what is kept of the rest.
fn parts(hash: u64) -> (usize, u32) {
    let bucket = usize::try_from(hash >> 52).unwrap_or(0);
    let rest = u32::try_from((hash >> 20) & u64::from(u32::MAX)).unwrap_or(0);
    (bucket, rest)
}

impl Repeated {
    /// Whether each row's key is among them.
    pub fn rows(&self, keys: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<BooleanArray> {
        let keys = keys.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows()));
        let hashes = hashes(&keys.collect::<Result<Vec<_>>>()?)?;
        Ok(hashes.into_iter().map(|hash| Some(self.contains(hash))).collect())
    }

    fn contains(&self, hash: u64) -> bool {
        let (bucket, rest) = parts(hash);
        self.buckets.get(bucket).is_some_and(|hashes| hashes.binary_search(&rest).is_ok())
    }

    /// Reads all keys. None when more than a quarter of the rows have a repeated key, or memory does not suffice.
    pub async fn find(keys: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<Option<Self>> {
        let reservation = MemoryConsumer::new("hashes of keys").register(context.memory_pool());
        let given_up = Arc::new(AtomicBool::new(false));
        let mut readers = JoinSet::new();
        for partition in 0..keys.output_partitioning().partition_count() {
            let stream = keys.execute(partition, Arc::clone(context))?;
            readers.spawn(read(stream, reservation.new_empty(), Arc::clone(&given_up)));
        }
        let mut read = Vec::new();
        while let Some(result) = readers.join_next().await {
            read.push(joined(result)??);
        }
        if given_up.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let parts = read.len().max(1);
        let mut sorters = JoinSet::new();
        // The keys' memory is given back when all are sorted.
        let mut held = Vec::new();
        let mut shares: Vec<Vec<(usize, Vec<u32>)>> = (0..parts).map(|_| Vec::new()).collect();
        for Keys { buckets, reservation, .. } in read {
            held.push(reservation);
            for (bucket, hashes) in buckets.into_iter().enumerate() {
                if let Some(share) = shares.get_mut(bucket % parts) {
                    share.push((bucket, hashes));
                }
            }
        }
        for share in shares {
            sorters.spawn_blocking(move || repeated_of(share));
        }
        let mut buckets = vec![Vec::new(); BUCKETS];
        let (mut rows, mut repeated_rows, mut bytes) = (0, 0, 0);
        while let Some(result) = sorters.join_next().await {
            let found = joined(result)?;
            rows += found.rows;
            repeated_rows += found.repeated_rows;
            for (bucket, hashes) in found.buckets {
                bytes += hashes.capacity() * size_of::<u32>();
                if let Some(slot) = buckets.get_mut(bucket) {
                    *slot = hashes;
                }
            }
        }
        drop(held);
        if repeated_rows * 4 > rows || reservation.try_grow(bytes).is_err() {
            return Ok(None);
        }
        Ok(Some(Self { buckets, _reservation: reservation }))
    }
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => internal_err!("hashing of keys ended: {error}"),
    }
}

/// The hashes of one stream.
struct Keys {
    buckets: Vec<Vec<u32>>,
    rows: usize,
    reservation: MemoryReservation,
}

/// Stops early, with `given_up` set, when repeated keys are many or memory is short.
async fn read(
    mut stream: SendableRecordBatchStream,
    reservation: MemoryReservation,
    given_up: Arc<AtomicBool>,
) -> Result<Keys> {
    let mut keys = Keys { buckets: vec![Vec::new(); BUCKETS], rows: 0, reservation };
    let mut sampled = false;
    while let Some(batch) = stream.next().await.transpose()? {
        let grown = keys.add(&hashes(batch.columns())?);
        if !sampled && keys.rows >= SAMPLE {
            sampled = true;
            if keys.repeated_rows() * 4 > keys.rows {
                given_up.store(true, Ordering::Relaxed);
            }
        }
        if !grown {
            given_up.store(true, Ordering::Relaxed);
        }
        if given_up.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(keys)
}

impl Keys {
    /// Whether there was memory for them.
    fn add(&mut self, hashes: &[u64]) -> bool {
        let mut grown = 0;
        for hash in hashes {
            let (bucket, rest) = parts(*hash);
            if let Some(bucket) = self.buckets.get_mut(bucket) {
                if bucket.len() == bucket.capacity() {
                    // A quarter more at a time: doubling would waste half of the memory.
                    let more = bucket.len() / 4 + 64;
                    bucket.reserve_exact(more);
                    grown += more * size_of::<u32>();
                }
                bucket.push(rest);
            }
        }
        self.rows += hashes.len();
        self.reservation.try_grow(grown).is_ok()
    }

    fn repeated_rows(&self) -> usize {
        self.buckets.iter().map(|bucket| repeated(&mut bucket.clone()).1).sum()
    }
}

struct Found {
    buckets: Vec<(usize, Vec<u32>)>,
    rows: usize,
    repeated_rows: usize,
}

/// The repeated hashes of some buckets, each of which may come in several pieces.
fn repeated_of(mut pieces: Vec<(usize, Vec<u32>)>) -> Found {
    pieces.sort_by_key(|(bucket, _)| *bucket);
    let mut found = Found { buckets: Vec::new(), rows: 0, repeated_rows: 0 };
    let mut pieces = pieces.into_iter().peekable();
    while let Some((bucket, mut hashes)) = pieces.next() {
        while let Some((_, more)) = pieces.next_if(|(next, _)| *next == bucket) {
            hashes.extend(more);
        }
        let (several, rows) = repeated(&mut hashes);
        found.rows += hashes.len();
        found.repeated_rows += rows;
        found.buckets.push((bucket, several));
    }
    found
}

/// What is in `hashes` more than once, sorted, and how many of them that are in all. Sorts `hashes`.
fn repeated(hashes: &mut [u32]) -> (Vec<u32>, usize) {
    hashes.sort_unstable();
    let (mut several, mut rows) = (Vec::new(), 0);
    for equal in hashes.chunk_by(|left, right| left == right) {
        if let [first, _, ..] = equal {
            several.push(*first);
            rows += equal.len();
        }
    }
    several.shrink_to_fit();
    (several, rows)
}
