//! Walks the graph: compile, materialize, hooks, data tests.

pub mod bridge;
pub mod context;
mod inject;
pub mod scheduler;
pub mod seed;
