//! Snowflake's SQL on the engine: what its functions, types and forms of queries mean.
//!
//! [`rewrite_statement`] changes the parsed statement, [`register`] adds functions and rules to a session. A variant is JSON
//! as text in Arrow's large strings, which nothing else here has; numbers are NUMBERs where Snowflake's arithmetic says so.

mod aggregates;
mod arrays;
mod asof;
mod calls;
mod casts;
mod changes;
mod collect;
mod convert;
mod date_parts;
mod dates;
mod flatten;
mod formats;
mod hierarchy;
mod json;
mod numbers;
mod operators;
mod patterns;
mod pivot;
mod plain;
mod rewrite;
mod row;
mod stars;
mod stored;
mod strings;
mod tables;
#[cfg(test)]
mod tests;
mod tolerant;
mod variant;

use std::sync::Arc;

use datafusion::{common::Result, execution::FunctionRegistry, logical_expr::ScalarUDF, prelude::SessionContext};

pub(in crate::engine::datafusion) use rewrite::{rewrite_columns, rewrite_statement};
pub(in crate::engine::datafusion) use stars::{answer, question};
pub(in crate::engine::datafusion) use stored::{marked, restored};

/// The name of the type of variants, objects and arrays in rewritten DDL.
pub(in crate::engine::datafusion) const VARIANT_TYPE: &str = "sf_variant";

/// Adds Snowflake's functions, operators and casts to a session that has the ordinary dialect's already.
///
/// # Errors
/// When the session refuses a registration.
pub(in crate::engine::datafusion) fn register(ctx: &SessionContext) -> Result<()> {
    let state = ctx.state_ref();
    let mut state = state.write();
    // `4.0` is a NUMBER.
    state.config_mut().options_mut().sql_parser.parse_float_as_decimal = true;
    // Under its own name: an alias may still lead to a function that another one replaced.
    let own = |(name, function): (&String, &Arc<ScalarUDF>)| (name == function.name()).then(|| Arc::clone(function));
    let known: Vec<Arc<ScalarUDF>> = state.scalar_functions().iter().filter_map(own).collect();
    for function in known {
        if let Some(tolerant) = tolerant::tolerant(&function) {
            state.register_udf(Arc::new(tolerant))?;
        }
    }
    for (name, inner) in [("sf_greatest", "greatest"), ("sf_least", "least")] {
        let inner = state.udf(inner)?;
        state.register_udf(Arc::new(numbers::null_if_any_is(name, inner)))?;
    }
    for function in functions() {
        state.register_udf(Arc::new(function))?;
    }
    state.register_udaf(Arc::new(collect::collect()))?;
    state.register_udaf(Arc::new(changes::changes()))?;
    let operators =
        operators::SnowflakeOperators { divide: state.udf("sf_divide")?, multiply: state.udf("sf_multiply")? };
    state.register_expr_planner(Arc::new(operators))?;
    state.register_relation_planner(Arc::new(flatten::FlattenPlanner))?;
    state.register_relation_planner(Arc::new(pivot::PivotPlanner))?;
    state.add_analyzer_rule(Arc::new(flatten::FlattenJoins));
    state.add_analyzer_rule(Arc::new(casts::SnowflakeCasts));
    Ok(())
}

/// Functions that mean the same in every dialect, for sessions of any.
const SHARED: &[(&str, &[&str])] = &[
    ("sf_base64_decode_string", &["base64_decode_string"]),
    ("sf_base64_encode", &["base64_encode"]),
    ("sf_bitand", &["bitand", "bitwise_and"]),
    ("sf_bitnot", &["bitnot", "bitwise_not"]),
    ("sf_bitor", &["bitor", "bitwise_or"]),
    ("sf_bitxor", &["bitxor", "bitwise_xor"]),
    ("sf_editdistance", &["editdistance", "edit_distance"]),
    ("sf_haversine", &["haversine"]),
    ("sf_hex_decode_string", &["hex_decode_string"]),
    ("sf_hex_encode", &["hex_encode"]),
    ("sf_jarowinkler_similarity", &["jarowinkler_similarity"]),
    ("sf_md5_number_lower64", &["md5_number_lower64"]),
    ("sf_months_between", &["months_between"]),
    ("sf_next_day", &["next_day"]),
    ("sf_previous_day", &["previous_day"]),
    ("sf_sha1", &["sha1", "sha"]),
    ("sf_soundex", &["soundex"]),
    ("sf_space", &["space"]),
    ("sf_strtok", &["strtok"]),
    ("sf_time_slice", &["time_slice"]),
    ("sf_timestamp_from_parts", &["timestamp_from_parts", "timestamp_ntz_from_parts"]),
    ("sf_width_bucket", &["width_bucket"]),
];

/// The functions of this layer that every session has, under their own names.
pub(in crate::engine::datafusion) fn shared() -> Vec<ScalarUDF> {
    let named = |function: ScalarUDF| {
        let (_, names) = SHARED.iter().find(|(name, _)| *name == function.name())?;
        Some(function.with_aliases(names.iter().copied()))
    };
    functions().into_iter().filter_map(named).collect()
}

fn functions() -> Vec<ScalarUDF> {
    let mut all = vec![plain::plain()];
    all.extend(variant::functions());
    all.extend(arrays::functions());
    all.extend(strings::functions());
    all.extend(patterns::functions());
    all.extend(dates::functions());
    all.extend(numbers::functions());
    all.extend(numbers::cuts());
    all
}
