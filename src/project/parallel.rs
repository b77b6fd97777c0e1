//! The same work on many items, on a few threads; results keep the order of the items.

use std::sync::Mutex;

/// Items that a thread takes at once.
const BATCH: usize = 16;

/// `work` on every item, on up to `threads` threads.
pub(super) fn in_parallel<T: Send, R: Send>(items: Vec<T>, threads: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    if threads < 2 || items.len() <= BATCH {
        return items.into_iter().map(work).collect();
    }
    let queue = Mutex::new(items.into_iter().enumerate());
    let take = || -> Vec<(usize, T)> {
        queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).by_ref().take(BATCH).collect()
    };
    let run = || {
        let mut results = Vec::new();
        loop {
            let batch = take();
            if batch.is_empty() {
                return results;
            }
            results.extend(batch.into_iter().map(|(at, item)| (at, work(item))));
        }
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut results = run();
        for handle in handles {
            match handle.join() {
                Ok(found) => results.extend(found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_items() {
        let doubled = in_parallel((0..1000).collect(), 3, |number: usize| number * 2);
        assert_eq!(doubled, (0..1000).map(|number| number * 2).collect::<Vec<_>>());
    }
}
