//! Refuses what the planner would accept and silently answer wrongly: ignored clauses, wrapped numbers, infinite
//! quotients.

mod arithmetic;
mod clauses;
mod failures;
mod guards;
mod sum;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::{
    common::Result,
    execution::{FunctionRegistry, SessionState},
};

pub use clauses::{check_statement, check_statement_but_pivots};
pub use failures::data_error;
pub(super) use sum::integer_sum;

/// Adds the checked arithmetic to a session.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    state.add_analyzer_rule(Arc::new(arithmetic::CheckedArithmetic::new()));
    state.register_udaf(Arc::new(sum::checked_sum()))?;
    Ok(())
}
