//! The documentation of a project as one self-contained page, and a server for it on this machine alone. Knows a
//! manifest and a catalog; asks no warehouse.

mod page;
mod server;

pub use page::page;
pub use server::{ServeError, Server};
