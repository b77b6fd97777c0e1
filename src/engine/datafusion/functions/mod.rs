//! The functions, operators and spellings that people's SQL uses and that DataFusion lacks or reads differently.
//!
//! [`register`] adds functions, operators and checked arithmetic to a session; [`rewrite_statement`] turns other
//! dialects' spellings into what the planner knows. Knows no table and no catalog.

mod aggregates;
mod coalesce;
mod dates;
pub(in crate::engine::datafusion) mod json;
mod operators;
mod ordering;
pub(in crate::engine::datafusion) mod rewrite;
mod scalar;
#[cfg(test)]
pub(in crate::engine::datafusion) mod tests;
mod text;

use std::sync::Arc;

use datafusion::{common::Result, execution::FunctionRegistry, prelude::SessionContext};

use crate::engine::datafusion::{checks, snowflake};

pub(in crate::engine::datafusion) use dates::{TimestampReaders, text_to_timestamps};
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
    let options = &mut state.config_mut().options_mut().execution;
    options.time_zone = Some("UTC".to_owned());
    // The planner's own rules disagree on what can be NULL (a union of `coalesce(…, false)` under DISTINCT), and the check
    // makes that an error. The data decides.
    options.skip_physical_aggregate_schema_check = true;
    for function in dates::functions().into_iter().chain(json::functions()).chain(text::functions()) {
        state.register_udf(Arc::new(function))?;
    }
    for function in snowflake::sql::shared() {
        state.register_udf(Arc::new(function))?;
    }
    for aggregate in aggregates::functions() {
        state.register_udaf(Arc::new(aggregate))?;
    }
    for name in ordering::NAMES {
        if let Ok(function) = state.udf(name) {
            state.register_udf(Arc::new(ordering::tolerant(function)))?;
        }
    }
    state.register_udf(Arc::new(coalesce::coalesce()))?;
    let dates = operators::DateArithmetic {
        dateadd: state.udf("dateadd")?,
        datediff: state.udf("datediff")?,
        multiply_interval: state.udf("multiply_interval")?,
    };
    state.register_expr_planner(Arc::new(dates))?;
    checks::register(&mut state)
}
