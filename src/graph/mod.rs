//! `Manifest` → DAG, selectors, execution order. Pure: reads no file, asks no warehouse, knows no clock.
//!
//! - [`Dag`]: enabled nodes, sources and exposures with their edges; cycles are found here.
//! - [`SelectionSpec`]: a parsed `--select` or a definition of `selectors.yml`; [`select`] evaluates it.
//! - [`Queue`]: what may run next.
//! - [`list`]: the lines of `ls`.

mod cycle;
mod dag;
mod glob;
pub mod list;
mod member;
mod methods;
mod queue;
mod select;
mod selectors_file;
mod spec;
mod state;

pub use cycle::find_cycles;
pub use dag::Dag;
pub use list::{ListOutput, list_lines};
pub use member::Member;
pub use queue::{Edges, Queue};
pub use select::{Selection, SelectionInput, select};
pub use selectors_file::{NamedSelector, Selectors, read_selectors};
pub use spec::{Criterion, Depth, Group, IndirectSelection, Method, SelectionError, SelectionSpec};
pub use state::PreviousState;

#[cfg(test)]
mod tests;
