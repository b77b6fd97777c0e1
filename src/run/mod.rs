//! Walks the graph: compile, materialize, hooks, data tests, unit tests, the freshness of sources.
//!
//! [`Runner`] is made once per command. [`run_nodes`] is `run`, `test`, `seed` and `build`; [`compile_nodes`] is
//! `compile`, [`show_nodes`] `show`, [`run_operation`] the command of that name, [`check_freshness`] `source freshness`.

pub mod bridge;
mod catalog;
mod compile;
pub mod context;
mod execute;
mod freshness;
mod hooks;
mod inject;
mod microbatch;
mod operation;
mod queries;
mod report;
mod runner;
pub mod scheduler;
pub mod seed;
mod unit_test;

pub use catalog::catalog;
pub use compile::{CompiledNode, Compiler, NodeError};
pub use freshness::{FreshnessOutcome, check_freshness, has_freshness};
pub use hooks::HookPoint;
pub use operation::run_operation;
pub use queries::{compile_inline, compile_nodes, run_inline, show_nodes};
pub use runner::{RunOptions, RunOutcome, Runner, run_nodes};
