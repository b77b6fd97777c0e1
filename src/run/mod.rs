//! Walks the graph: compile, materialize, hooks, data tests.

mod inject;
pub mod scheduler;
pub mod seed;
