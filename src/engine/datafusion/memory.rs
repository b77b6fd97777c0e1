//! How much memory queries may take, and how operators share it.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use datafusion::{
    common::{DataFusionError, Result},
    execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size},
};

/// 60 % of the machine's memory (or of the container's limit).
pub(super) fn default_limit() -> u64 {
    const FALLBACK: u64 = 2 * 1024 * 1024 * 1024;
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    });
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    let limit = match (total, container) {
        (Some(total), Some(container)) => total.min(container),
        (Some(limit), None) | (None, Some(limit)) => limit,
        (None, None) => return FALLBACK,
    };
    limit / 10 * 6
}

/// What operators may hold of the limit. Encoders of files and batches on their way are in no pool and have the rest: so
/// the process as a whole stays near the limit (2.0 GB with `memory_limit: 2GB`, measured on 100M events).
pub(super) fn of_operators(limit: u64) -> usize {
    usize::try_from(limit / 4 * 3).unwrap_or(usize::MAX)
}

/// Half for those who come first, half in equal shares for the operators that can spill.
///
/// DataFusion's `FairSpillPool` shares all of it equally among operators that registered, also those that hold nothing:
/// with 14 GB free a sort of 1 GB was spilled (measured: 8 sorts and exchanges in one query). Its `GreedyMemoryPool` lets
/// the first sort take what the second needs to end.
pub(super) struct HalfFairPool {
    size: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    spillers: usize,
    spillable: usize,
    unspillable: usize,
}

impl HalfFairPool {
    pub fn new(size: usize) -> Self {
        Self { size, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&mut self, reservation: &MemoryReservation) -> &mut usize {
        if reservation.consumer().can_spill() { &mut self.spillable } else { &mut self.unspillable }
    }
}

impl MemoryPool for HalfFairPool {
    fn name(&self) -> &str {
        "half_fair"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.state().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            let mut state = self.state();
            state.spillers = state.spillers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.state().held(reservation) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut state = self.state();
        let held = state.held(reservation);
        *held = held.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut state = self.state();
        let for_spillers = self.size.saturating_sub(state.unspillable);
        let available = if reservation.consumer().can_spill() {
            let first_come = (for_spillers / 2).saturating_sub(state.spillable);
            let share = (for_spillers / 2 / state.spillers.max(1)).saturating_sub(reservation.size());
            first_come.max(share)
        } else {
            for_spillers.saturating_sub(state.spillable)
        };
        if additional > available {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{} needs {} more than the {} it has; {} of {} are left for it",
                reservation.consumer().name(),
                human_readable_size(additional),
                human_readable_size(reservation.size()),
                human_readable_size(available),
                human_readable_size(self.size),
            )));
        }
        *state.held(reservation) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        let state = self.state();
        state.spillable + state.unspillable
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.size)
    }
}

impl fmt::Debug for HalfFairPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for HalfFairPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", human_readable_size(self.reserved()), human_readable_size(self.size))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn consumer(pool: &Arc<dyn MemoryPool>, can_spill: bool) -> MemoryReservation {
        MemoryConsumer::new("test").with_can_spill(can_spill).register(pool)
    }

    #[test]
    fn the_first_takes_half_and_the_others_still_have_their_share() {
        let pool: Arc<dyn MemoryPool> = Arc::new(HalfFairPool::new(1000));
        let spillers: Vec<_> = (0..4).map(|_| consumer(&pool, true)).collect();
        spillers[0].try_grow(500).unwrap();
        assert!(spillers[0].try_grow(1).is_err());
        for spiller in &spillers[1..] {
            spiller.try_grow(125).unwrap();
            assert!(spiller.try_grow(1).is_err());
        }
        let fixed = consumer(&pool, false);
        fixed.try_grow(125).unwrap();
        assert!(fixed.try_grow(1).is_err());
        spillers[0].shrink(500);
        fixed.try_grow(500).unwrap();
        assert_eq!(pool.reserved(), 1000);
    }

    #[test]
    fn what_cannot_spill_takes_from_the_shares() {
        let pool: Arc<dyn MemoryPool> = Arc::new(HalfFairPool::new(1000));
        let (fixed, spiller) = (consumer(&pool, false), consumer(&pool, true));
        fixed.try_grow(800).unwrap();
        spiller.try_grow(100).unwrap();
        let message = spiller.try_grow(50).unwrap_err().to_string();
        assert!(message.contains("test needs 50.0 B more than the 100.0 B it has; 0.0 B of 1000.0 B"), "{message}");
        drop(fixed);
        spiller.try_grow(400).unwrap();
    }
}
