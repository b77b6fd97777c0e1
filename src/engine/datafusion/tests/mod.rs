//! The lakehouse as a user sees it: rows, messages and files.

mod alter;
mod basics;
mod dml;
mod harness;
mod partitions;
mod transactions;
mod traps;
