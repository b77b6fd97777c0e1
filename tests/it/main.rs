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

mod cases;
mod docs;
mod recorded;
mod tidy;
