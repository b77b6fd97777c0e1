//! The embedded lakehouse: DataFusion plans and runs, Delta tables store.

pub mod checks;
pub mod external;
pub mod functions;
