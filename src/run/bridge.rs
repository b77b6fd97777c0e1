//! The one place where templates, which are synchronous, wait for the engine, which is not.

use std::future::Future;

use tokio::runtime::Handle;

/// Waits for futures from a blocking thread. Never used on a worker thread of the runtime.
#[derive(Debug, Clone)]
pub struct Bridge {
    handle: Handle,
}

impl Bridge {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// Runs a future to its end; the calling thread waits.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}
