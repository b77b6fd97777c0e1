//! Aggregates of other dialects as aggregates of the planner, with their OVER and FILTER kept.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, OrderByExpr, OrderByOptions,
};

use super::{
    build::{argument, binary, call, case, cast, join_with, nested, number, string},
    calls::{rename, wrong_arguments},
    types,
};
use crate::engine::EngineError;

/// What became of the call.
pub(super) enum Aggregate {
    InPlace,
    Replaced(Box<Expr>),
}

impl Aggregate {
    pub(super) fn into_replacement(self) -> Option<Expr> {
        match self {
            Self::InPlace => None,
            Self::Replaced(expr) => Some(*expr),
        }
    }
}

/// Rewrites `function` when `name` is one of the aggregates here.
pub(super) fn rewrite_aggregate(name: &str, function: &mut Function) -> Result<Option<Aggregate>, EngineError> {
    let done = match name {
        "count" => count_of_rows(function),
        "count_if" | "countif" => count_if(name, function)?,
        "max_by" | "arg_max" | "argmax" => extreme_by(name, function, false)?,
        "min_by" | "arg_min" | "argmin" => extreme_by(name, function, true)?,
        "listagg" | "group_concat" => string_agg(function, if name == "listagg" { "" } else { "," }),
        "string_agg" => string_agg(function, ","),
        "mode" if !function.within_group.is_empty() => mode_within_group(function),
        "ratio_to_report" => {
            return ratio_to_report(name, function).map(|expr| Some(Aggregate::Replaced(Box::new(expr))));
        }
        _ => return Ok(None),
    };
    Ok(done.then_some(Aggregate::InPlace))
}

fn arguments(function: &mut Function) -> Option<&mut FunctionArgumentList> {
    match &mut function.args {
        FunctionArguments::List(list) => Some(list),
        _ => None,
    }
}

fn take_args<const N: usize>(name: &str, function: &mut Function, usage: &str) -> Result<[Expr; N], EngineError> {
    let list = arguments(function).map(|list| std::mem::take(&mut list.args)).unwrap_or_default();
    let args: Vec<Expr> = list
        .into_iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect();
    <[Expr; N]>::try_from(args).map_err(|_| wrong_arguments(name, usage))
}

/// `count(distinct a, b)` → the distinct pairs without a NULL, as everywhere else. Anything else stays.
fn count_of_rows(function: &mut Function) -> bool {
    let Some(list) = arguments(function) else { return false };
    if list.duplicate_treatment != Some(DuplicateTreatment::Distinct) || list.args.len() < 2 {
        return false;
    }
    let values: Option<Vec<Expr>> = list
        .args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect();
    let Some(values) = values else { return false };
    let known = values.iter().map(|value| Expr::IsNotNull(Box::new(nested(value.clone())))).collect();
    if let Some(known) = join_with(&BinaryOperator::And, known) {
        list.args = vec![argument(case(vec![(known, call("struct", values))], None))];
    }
    true
}

/// `count_if(x)` → `count(case when x then 1 end)`: 0 over no rows, and a window function too.
fn count_if(name: &str, function: &mut Function) -> Result<bool, EngineError> {
    let [condition] = take_args(name, function, "count_if(condition)")?;
    if let Some(list) = arguments(function) {
        list.args = vec![argument(case(vec![(condition, number(1))], None))];
    }
    rename(function, "count");
    Ok(true)
}

/// `max_by(value, key)` → `first_value(value order by key desc) filter (where key is not null)`.
fn extreme_by(name: &str, function: &mut Function, ascending: bool) -> Result<bool, EngineError> {
    let [value, key] = take_args(name, function, &format!("{name}(value, key)"))?;
    let present = Expr::IsNotNull(Box::new(nested(key.clone())));
    function.filter = Some(Box::new(match function.filter.take() {
        Some(filter) => binary(*filter, BinaryOperator::And, present),
        None => present,
    }));
    let options = OrderByOptions { asc: Some(ascending), nulls_first: Some(false) };
    if let Some(list) = arguments(function) {
        list.args = vec![argument(value)];
        list.clauses = vec![FunctionArgumentClause::OrderBy(vec![OrderByExpr { expr: key, options, with_fill: None }])];
    }
    rename(function, "first_value");
    Ok(true)
}

/// `listagg(x, ',') within group (order by y)` → `string_agg(cast(x as varchar), ',' order by y)`.
fn string_agg(function: &mut Function, default_separator: &str) -> bool {
    let mut order = std::mem::take(&mut function.within_group);
    let Some(list) = arguments(function) else { return false };
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first_mut()
        && !matches!(value, Expr::Cast { .. })
    {
        let text = cast(nested(value.clone()), types::VARCHAR);
        // With DISTINCT the order must be by the very argument.
        for term in order.iter_mut().filter(|term| distinct && term.expr == *value) {
            term.expr = text.clone();
        }
        *value = text;
    }
    let mut separator = None;
    list.clauses.retain(|clause| match clause {
        FunctionArgumentClause::Separator(value) => {
            separator = Some(Expr::Value(value.clone()));
            false
        }
        _ => true,
    });
    if list.args.len() == 1 {
        list.args.push(argument(separator.unwrap_or_else(|| string(default_separator))));
    }
    if !order.is_empty() {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    rename(function, "string_agg");
    true
}

/// `mode() within group (order by x)` → `mode(x)`.
fn mode_within_group(function: &mut Function) -> bool {
    let order = std::mem::take(&mut function.within_group);
    if let (Some(list), Some(first)) = (arguments(function), order.into_iter().next()) {
        list.args = vec![argument(first.expr)];
    }
    true
}

/// `ratio_to_report(x) over (…)` → `x / nullif(sum(x) over (…), 0)`, as a double.
fn ratio_to_report(name: &str, function: &mut Function) -> Result<Expr, EngineError> {
    let [value] = take_args(name, function, "ratio_to_report(value) over (…)")?;
    let mut total = function.clone();
    rename(&mut total, "sum");
    if let Some(list) = arguments(&mut total) {
        list.args = vec![argument(value.clone())];
    }
    let divisor = call("nullif", vec![Expr::Function(total), number(0)]);
    Ok(binary(cast(nested(value), types::DOUBLE), BinaryOperator::Divide, cast(divisor, types::DOUBLE)))
}
