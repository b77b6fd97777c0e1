//! Aggregates: `avg` with the digits of a division, `listagg`, `array_agg` and `object_agg` with their order, events.

use datafusion::sql::sqlparser::{
    ast::{
        DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
        Value, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowType,
    },
    tokenizer::Span,
};

use super::calls::{arguments, rename, simple_name};
use crate::engine::datafusion::functions::rewrite::{
    build::{call, case, cast, number, string},
    types,
};

/// `avg(x)` → `sum(x) / count(x)`, which has the digits of a division.
pub(super) fn average(function: &Function) -> Option<Expr> {
    let mut function = function.clone();
    name_casts(&mut function, "avg");
    let named = |name: &str| {
        let mut function = function.clone();
        rename(&mut function, name);
        Expr::Function(function)
    };
    (arguments(&function)?.len() == 1).then(|| call("sf_divide", vec![named("sum"), named("count")]))
}

/// `listagg(x, ',') within group (order by y)` and `array_agg(x) within group (order by y)`.
pub(super) fn collected(function: &Function, name: &str) -> Option<Expr> {
    let args = arguments(function)?;
    let mut function = function.clone();
    rename(&mut function, "sf_collect");
    let mut order = std::mem::take(&mut function.within_group);
    let FunctionArguments::List(list) = &mut function.args else { return None };
    let distinct = list.duplicate_treatment.take() == Some(DuplicateTreatment::Distinct) || name == "array_unique_agg";
    for clause in std::mem::take(&mut list.clauses) {
        if let FunctionArgumentClause::OrderBy(terms) = clause {
            order.extend(terms);
        }
    }
    let mut args = args.into_iter();
    let (value, separator) = (args.next()?, args.next());
    let is_text = name == "listagg";
    let mut options = String::from(if distinct { "distinct" } else { "all" });
    for term in &order {
        let upwards = term.options.asc != Some(false);
        let nulls_first = term.options.nulls_first.unwrap_or(!upwards);
        options.push_str(if upwards { " asc" } else { " desc" });
        options.push_str(if nulls_first { " first" } else { " last" });
    }
    let null = Expr::Value(Value::Null.with_span(Span::empty()));
    let separator = if is_text { separator.unwrap_or_else(|| string("")) } else { null };
    let all = [string(&options), separator, value].into_iter().chain(order.into_iter().map(|term| term.expr));
    list.args = all.map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Some(Expr::Function(function))
}

/// `sum(v::float)` beside `sum(v)`: the planner names both alike, but for a function that vanishes later.
/// And a path into a variant is a number there.
pub(super) fn name_casts(function: &mut Function, name: &str) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first_mut() {
        if let Expr::Function(call) = value
            && name != "count"
            && simple_name(call).as_deref() == Some("sf_path")
        {
            *value = cast(value.clone(), types::DOUBLE);
        }
        let text = value.to_string();
        if text.contains("::") || text.contains("CAST(") {
            *value = call("sf_plain", vec![value.clone(), string(&text)]);
        }
    }
}

pub(super) fn object_agg(function: &Function) -> Option<Expr> {
    let [key, value] = <[Expr; 2]>::try_from(arguments(function)?).ok()?;
    let mut function = function.clone();
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(call("sf_member", vec![key, value])))];
    }
    Some(call("sf_members_to_object", vec![collected(&function, "array_agg")?]))
}

/// `conditional_true_event(c) over (…)`: how often the condition was true so far; or how often a value changed.
pub(super) fn event(function: &Function, name: &str) -> Option<Expr> {
    let [condition] = <[Expr; 1]>::try_from(arguments(function)?).ok()?;
    let mut function = function.clone();
    rename(&mut function, name);
    if let FunctionArguments::List(list) = &mut function.args
        && name == "sum"
    {
        let counted = case(vec![(condition, number(1))], Some(number(0)));
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(counted))];
    }
    if let Some(WindowType::WindowSpec(spec)) = &mut function.over {
        spec.window_frame = Some(WindowFrame {
            units: WindowFrameUnits::Rows,
            start_bound: WindowFrameBound::Preceding(None),
            end_bound: Some(WindowFrameBound::CurrentRow),
        });
    }
    Some(Expr::Function(function))
}
