//! The functions, operators and spellings that people's SQL uses and that DataFusion lacks or reads differently.
//!
//! [`register`] adds functions, operators and checked arithmetic to a session; [`rewrite_statement`] turns other
//! dialects' spellings into what the planner knows. Knows no table and no catalog.

mod aggregates;
mod dates;
mod json;
mod operators;
mod rewrite;
mod scalar;
#[cfg(test)]
pub(in crate::engine::datafusion) mod tests;
mod text;

use std::sync::Arc;

use datafusion::{common::Result, execution::FunctionRegistry, prelude::SessionContext};

use crate::engine::datafusion::checks;

pub(in crate::engine::datafusion) use dates::TimestampReaders;
pub(in crate::engine::datafusion) use rewrite::{column_count, is_order_by_all, rewrite_type};
pub use rewrite::{recover, rewrite_statement};

/// Adds every function, operator and arithmetic check of the dialect to `ctx`, and makes UTC its time zone. Once per
/// session.
///
/// # Errors
/// When the session refuses a registration.
pub fn register(ctx: &SessionContext) -> Result<()> {
    let state = ctx.state_ref();
    let mut state = state.write();
    state.config_mut().options_mut().execution.time_zone = Some("UTC".to_owned());
    for function in dates::functions().into_iter().chain(json::functions()).chain(text::functions()) {
        state.register_udf(Arc::new(function))?;
    }
    for aggregate in aggregates::functions() {
        state.register_udaf(Arc::new(aggregate))?;
    }
    let dates = operators::DateArithmetic {
        dateadd: state.udf("dateadd")?,
        datediff: state.udf("datediff")?,
        multiply_interval: state.udf("multiply_interval")?,
    };
    state.register_expr_planner(Arc::new(dates))?;
    checks::register(&mut state)
}
