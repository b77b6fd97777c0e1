//! All integration tests in one binary, so that the engine is linked once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that panics has failed"
)]

#[cfg(feature = "datafusion")]
mod bad_input;
#[cfg(feature = "datafusion")]
mod binary;
mod cases;
mod compatibility;
#[cfg(feature = "datafusion")]
mod contracts;
#[cfg(all(feature = "datafusion", feature = "download"))]
mod deps;
mod docs;
#[cfg(feature = "datafusion")]
mod earlier;
#[cfg(feature = "datafusion")]
mod functions;
#[cfg(feature = "datafusion")]
mod hooks;
#[cfg(feature = "datafusion")]
mod hostile;
#[cfg(feature = "datafusion")]
mod macros;
#[cfg(feature = "datafusion")]
mod materialized;
#[cfg(feature = "datafusion")]
mod microbatch;
#[cfg(feature = "datafusion")]
mod packages;
mod recorded;
#[cfg(feature = "datafusion")]
mod snapshots;
#[cfg(all(feature = "datafusion", feature = "snowflake"))]
mod snowflake;
mod snowflake_dialect;
mod state;
mod tidy;
#[cfg(feature = "datafusion")]
mod traps;
#[cfg(feature = "datafusion")]
mod unit_tests;
#[cfg(feature = "datafusion")]
mod warnings;
