//! Walks the graph: compile, materialize, hooks, data tests.

pub mod bridge;
pub mod context;
