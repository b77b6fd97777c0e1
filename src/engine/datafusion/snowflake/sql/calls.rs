//! Function calls: what stands for each of Snowflake's functions here. Functions that another dialect has too under the same
//! name and with the same meaning are left to the rewrite of all dialects.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, OrderByExpr, OrderByOptions, Value, WindowSpec, WindowType,
};

use super::{aggregates, date_parts};
use crate::engine::{
    EngineError,
    datafusion::functions::rewrite::{
        build::{binary, call, case, cast, cast_as, nested, number, string},
        types,
    },
};

/// Functions with a name of their own here: `sf_` and the name.
pub(super) const OWN: &[&str] = &[
    "add_months",
    "array_append",
    "array_cat",
    "array_compact",
    "array_construct",
    "array_construct_compact",
    "array_contains",
    "array_distinct",
    "array_except",
    "array_flatten",
    "array_generate_range",
    "array_insert",
    "array_intersection",
    "array_max",
    "array_min",
    "array_position",
    "array_prepend",
    "array_remove",
    "array_remove_at",
    "array_reverse",
    "array_size",
    "array_slice",
    "array_sort",
    "array_to_string",
    "arrays_overlap",
    "arrays_to_object",
    "as_array",
    "as_boolean",
    "as_double",
    "as_integer",
    "as_object",
    "as_varchar",
    "ascii",
    "base64_decode_string",
    "base64_encode",
    "bitand",
    "bitnot",
    "bitor",
    "bitshiftleft",
    "bitshiftright",
    "bitxor",
    "booland",
    "boolnot",
    "boolor",
    "boolxor",
    "charindex",
    "check_json",
    "chr",
    "concat",
    "concat_ws",
    "contains",
    "date_from_parts",
    "dayname",
    "editdistance",
    "endswith",
    "factorial",
    "get",
    "get_ignore_case",
    "get_path",
    "getbit",
    "greatest",
    "hash",
    "haversine",
    "hex_decode_string",
    "hex_encode",
    "initcap",
    "insert",
    "is_array",
    "is_boolean",
    "is_decimal",
    "is_double",
    "is_integer",
    "is_null_value",
    "is_object",
    "is_varchar",
    "jarowinkler_similarity",
    "json_extract_path_text",
    "least",
    "left",
    "length",
    "lpad",
    "ltrim",
    "md5_number_lower64",
    "monthname",
    "months_between",
    "next_day",
    "object_construct",
    "object_construct_keep_null",
    "object_delete",
    "object_insert",
    "object_keys",
    "object_pick",
    "parse_json",
    "parse_url",
    "previous_day",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_replace",
    "regexp_substr",
    "regexp_substr_all",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "sha1",
    "soundex",
    "space",
    "split",
    "split_part",
    "startswith",
    "strip_null_value",
    "strtok",
    "strtok_to_array",
    "substr",
    "time_slice",
    "timestamp_from_parts",
    "to_array",
    "to_json",
    "to_object",
    "to_variant",
    "translate",
    "trim",
    "try_base64_decode_string",
    "try_hex_decode_string",
    "try_parse_json",
    "typeof",
    "width_bucket",
];

/// Other names of functions.
const ALIASES: &[(&str, &str)] = &[
    ("as_bigint", "as_integer"),
    ("as_char", "as_varchar"),
    ("as_decimal", "as_double"),
    ("as_number", "as_double"),
    ("as_real", "as_double"),
    ("bit_and", "bitand"),
    ("bit_not", "bitnot"),
    ("bit_or", "bitor"),
    ("bit_shiftleft", "bitshiftleft"),
    ("bit_shiftright", "bitshiftright"),
    ("bit_xor", "bitxor"),
    ("bitand_agg", "bit_and"),
    ("bitor_agg", "bit_or"),
    ("bitxor_agg", "bit_xor"),
    ("bit_and_agg", "bit_and"),
    ("bit_or_agg", "bit_or"),
    ("char", "chr"),
    ("datefromparts", "date_from_parts"),
    ("greatest_ignore_nulls", "greatest_of_known"),
    ("grouping_id", "grouping"),
    ("approx_count_distinct", "approx_distinct"),
    ("hll", "approx_distinct"),
    ("is_char", "is_varchar"),
    ("is_real", "is_double"),
    ("least_ignore_nulls", "least_of_known"),
    ("len", "length"),
    ("md5_hex", "md5"),
    ("pow", "power"),
    ("regexp_extract_all", "regexp_substr_all"),
    ("regexp", "regexp_like"),
    ("rlike", "regexp_like"),
    ("sha1_hex", "sha1"),
    ("substring", "substr"),
    ("systimestamp", "current_timestamp"),
    ("timeadd", "dateadd"),
    ("timestampntzfromparts", "timestamp_from_parts"),
    ("timestamp_ltz_from_parts", "timestamp_from_parts"),
    ("timestamp_ntz_from_parts", "timestamp_from_parts"),
    ("timestamp_tz_from_parts", "timestamp_from_parts"),
    ("timestampfromparts", "timestamp_from_parts"),
    ("var_samp", "var_sample"),
    ("variance_pop", "var_pop"),
    ("variance_samp", "var_sample"),
];

/// Functions that cannot be had here, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("array_union_agg", "flatten the arrays and use `array_agg(distinct …)`"),
    ("approx_top_k", "group, order by `count(*)`, and limit"),
    ("minhash", ""),
    ("parse_xml", "load the data as JSON"),
    ("xmlget", "load the data as JSON"),
    ("system$typeof", "use `typeof(to_variant(…))`"),
    ("last_query_id", "queries have no results to look up here"),
];

type Rewritten = Result<Option<Expr>, EngineError>;

/// The lower-case name of an unqualified call.
pub(super) fn simple_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.to_lowercase()),
        _ => None,
    }
}

pub(super) fn rename(function: &mut Function, name: &str) {
    function.name = ObjectName::from(vec![Ident::new(name)]);
}

/// Rewrites one call in place, or returns what replaces it.
pub(super) fn rewrite_call(function: &mut Function) -> Rewritten {
    let Some(mut name) = simple_name(function) else { return Ok(None) };
    if let Some((_, other)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        (*other).clone_into(&mut name);
        rename(function, other);
    }
    if let Some((_, help)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(EngineError::Unsupported {
            feature: format!("the function `{name}`"),
            help: (!help.is_empty()).then(|| (*help).to_owned()),
        });
    }
    match name.as_str() {
        "greatest_of_known" | "least_of_known" => {
            rename(function, name.trim_end_matches("_of_known"));
            return Ok(None);
        }
        "sum" | "count" | "median" | "stddev" | "any_value" | "mode" => {
            aggregates::name_casts(function, &name);
            return Ok(None);
        }
        "approx_distinct" => {
            // Of text there is one for every type.
            if let FunctionArguments::List(list) = &mut function.args
                && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first_mut()
            {
                *value = cast(nested(value.clone()), types::VARCHAR);
            }
            return Ok(None);
        }
        "avg" => return Ok(aggregates::average(function)),
        "array_agg" | "arrayagg" | "array_unique_agg" | "listagg" => return Ok(aggregates::collected(function, &name)),
        "object_agg" => return Ok(aggregates::object_agg(function)),
        "conditional_true_event" => return Ok(aggregates::event(function, "sum")),
        "conditional_change_event" => return Ok(aggregates::event(function, "sf_changes")),
        _ => {}
    }
    let Some(args) = arguments(function) else { return Ok(None) };
    if let Some(part) = date_parts::of_function(&name)
        && let [value] = args.as_slice()
    {
        return Ok(Some(call("sf_date_part", vec![string(part), value.clone()])));
    }
    if let Some(rewritten) = of_dates(&name, &args).or_else(|| of_types(&name, &args)).or_else(|| other(&name, &args)) {
        return Ok(Some(rewritten));
    }
    if OWN.contains(&name.as_str()) {
        rename(function, &format!("sf_{name}"));
    }
    Ok(None)
}

/// The arguments, where all are plain.
pub(super) fn arguments(function: &Function) -> Option<Vec<Expr>> {
    match &function.args {
        FunctionArguments::None => Some(Vec::new()),
        FunctionArguments::List(list) => list
            .args
            .iter()
            .map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            })
            .collect(),
        FunctionArguments::Subquery(_) => None,
    }
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text)
            | Value::DollarQuotedString(datafusion::sql::sqlparser::ast::DollarQuotedString { value: text, .. }) => {
                Some(text)
            }
            _ => None,
        },
        _ => None,
    }
}

fn number_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A part of a date, with or without quotes, as text.
fn part(expr: &Expr) -> Expr {
    match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() => string(date_parts::plain(&ident.value)),
        expr => text_of(expr).map_or_else(|| expr.clone(), |text| string(date_parts::plain(text))),
    }
}

fn of_dates(name: &str, args: &[Expr]) -> Option<Expr> {
    match (name, args) {
        ("dateadd" | "timestampadd" | "datediff" | "timediff" | "timestampdiff", [unit, rest @ ..])
            if rest.len() == 2 =>
        {
            let name = if name.ends_with("add") { "dateadd" } else { "datediff" };
            Some(call(name, [vec![part(unit)], rest.to_vec()].concat()))
        }
        ("date_trunc" | "datetrunc", [unit, value]) => Some(call("date_trunc", vec![part(unit), value.clone()])),
        ("trunc" | "truncate", [value, unit]) if is_part_of_date(unit) => {
            Some(call("date_trunc", vec![part(unit), value.clone()]))
        }
        ("last_day", [value, unit]) => Some(call("last_day", vec![value.clone(), part(unit)])),
        ("date_part", [unit, value]) => Some(call("sf_date_part", vec![part(unit), value.clone()])),
        ("add_months", [value, months]) => Some(call("sf_add_months", vec![value.clone(), months.clone()])),
        ("time_slice", [value, length, unit, rest @ ..]) => {
            Some(call("sf_time_slice", [vec![value.clone(), length.clone(), part(unit)], rest.to_vec()].concat()))
        }
        ("sysdate", []) => Some(cast(call("now", Vec::new()), types::TIMESTAMP)),
        ("localtimestamp" | "getdate", []) => Some(cast(call("now", Vec::new()), types::TIMESTAMP_TZ)),
        ("current_timestamp", [_]) => Some(cast(call("now", Vec::new()), types::TIMESTAMP_TZ)),
        ("to_time" | "time", [value]) => {
            Some(cast(value.clone(), DataType::Time(None, datafusion::sql::sqlparser::ast::TimezoneInfo::None)))
        }
        _ => None,
    }
}

fn is_part_of_date(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() => date_parts::is_part(&ident.value),
        expr => text_of(expr).is_some_and(date_parts::is_part),
    }
}

/// `to_date(…)`, `try_to_number(…)`, … .
fn of_types(name: &str, args: &[Expr]) -> Option<Expr> {
    let (try_, target) = match name.strip_prefix("try_to_") {
        Some(target) => (true, target),
        None => (false, name.strip_prefix("to_").or((name == "date").then_some("date"))?),
    };
    let kind = if try_ { CastKind::TryCast } else { CastKind::Cast };
    let named = |function: &str| if try_ { format!("sf_try_{function}") } else { format!("sf_{function}") };
    match (target, args) {
        ("date", [value]) => Some(cast_as(kind, value.clone(), DataType::Date)),
        ("date", [value, format]) => Some(call(&named("parse_date"), vec![value.clone(), format.clone()])),
        ("timestamp" | "timestamp_ntz", [value]) => Some(cast_as(kind, value.clone(), types::TIMESTAMP)),
        ("timestamp_ltz" | "timestamp_tz", [value]) => Some(cast_as(kind, value.clone(), types::TIMESTAMP_TZ)),
        ("timestamp" | "timestamp_ntz" | "timestamp_ltz" | "timestamp_tz", [value, scale])
            if number_of(scale).is_some() =>
        {
            let moment = call("sf_epoch_to_timestamp", vec![value.clone(), scale.clone()]);
            Some(if target.ends_with("tz") && !target.ends_with("ntz") {
                cast(moment, types::TIMESTAMP_TZ)
            } else {
                moment
            })
        }
        ("timestamp" | "timestamp_ntz", [value, format]) => {
            Some(call(&named("parse_timestamp"), vec![value.clone(), format.clone()]))
        }
        ("timestamp_ltz" | "timestamp_tz", [value, format]) => {
            Some(call(&named("parse_timestamp_tz"), vec![value.clone(), format.clone()]))
        }
        ("char" | "varchar", [value]) => Some(cast_as(kind, value.clone(), types::VARCHAR)),
        ("char" | "varchar", [value, format]) => {
            let function = match text_of(format) {
                Some(format) if is_number_format(format) => "sf_print_number",
                _ => "sf_print_timestamp",
            };
            Some(call(function, vec![value.clone(), format.clone()]))
        }
        ("number" | "decimal" | "numeric", [value, rest @ ..]) => to_number(kind, value, rest, &named("parse_number")),
        ("double", [value]) => Some(cast_as(kind, value.clone(), types::DOUBLE)),
        ("double", [value, _]) => Some(call(&named("parse_number"), vec![value.clone()])),
        ("boolean", [value]) => Some(cast_as(kind, value.clone(), DataType::Boolean)),
        _ => None,
    }
}

fn is_number_format(format: &str) -> bool {
    let upper = format.to_uppercase();
    upper.contains(['9', '0', 'X'])
        && !["YY", "MM", "DD", "HH", "MI", "SS", "MON", "FF"].iter().any(|date| upper.contains(date))
}

fn to_number(kind: CastKind, value: &Expr, rest: &[Expr], parse: &str) -> Option<Expr> {
    let (value, digits) = match rest {
        [format, digits @ ..] if text_of(format).is_some() => {
            (call(parse, vec![value.clone(), format.clone()]), digits)
        }
        digits => (value.clone(), digits),
    };
    let digit = |index: usize, default: u64| match digits.get(index) {
        None => Some(default),
        Some(expr) => number_of(expr)?.parse().ok(),
    };
    let (precision, scale) = (digit(0, 38)?, digit(1, 0)?);
    Some(cast_as(kind, value, types::decimal(precision, i64::try_from(scale).ok()?)))
}

fn other(name: &str, args: &[Expr]) -> Option<Expr> {
    match (name, args) {
        ("div0", [dividend, divisor]) => {
            let zero = binary(divisor.clone(), BinaryOperator::Eq, number(0));
            let known = Expr::IsNotNull(Box::new(nested(dividend.clone())));
            let quotient = binary(dividend.clone(), BinaryOperator::Divide, divisor.clone());
            Some(case(vec![(binary(zero, BinaryOperator::And, known), number(0))], Some(quotient)))
        }
        ("equal_null", [left, right]) => {
            Some(Expr::IsNotDistinctFrom(Box::new(nested(left.clone())), Box::new(nested(right.clone()))))
        }
        ("position", [part, text, rest @ ..]) => {
            Some(call("sf_charindex", [vec![part.clone(), text.clone()], rest.to_vec()].concat()))
        }
        ("seq1" | "seq2" | "seq4" | "seq8", _) => Some(row_number()),
        ("random", _) => {
            let centred =
                binary(call("random", Vec::new()), BinaryOperator::Minus, cast(number_text("0.5"), types::DOUBLE));
            let scaled = binary(centred, BinaryOperator::Multiply, cast(number_text("1.8e19"), types::DOUBLE));
            Some(cast(scaled, types::BIGINT))
        }
        ("uniform", [low, high, ..]) => Some(uniform(low, high)),
        ("randstr", [length, ..]) => {
            let text = call(
                "sf_repeat",
                vec![call("md5", vec![cast(call("random", Vec::new()), types::VARCHAR)]), length.clone()],
            );
            Some(call("sf_left", vec![text, length.clone()]))
        }
        ("square", [value]) => Some(call("power", vec![value.clone(), number(2)])),
        ("ceil" | "ceiling", _) => Some(call("sf_ceil", args.to_vec())),
        ("floor", _) => Some(call("sf_floor", args.to_vec())),
        ("trunc" | "truncate", _) => Some(call("sf_trunc", args.to_vec())),
        ("current_user" | "current_role" | "current_account" | "current_warehouse" | "current_region", []) => {
            Some(string("LOCAL"))
        }
        ("current_version", []) => Some(string(env!("CARGO_PKG_VERSION"))),
        ("collate", [text, _]) => Some(text.clone()),
        _ => None,
    }
}

fn number_text(text: &str) -> Expr {
    Expr::Value(Value::Number(text.to_owned(), false).with_span(datafusion::sql::sqlparser::tokenizer::Span::empty()))
}

fn uniform(low: &Expr, high: &Expr) -> Expr {
    let whole = |expr: &Expr| !expr.to_string().contains('.');
    let width = binary(high.clone(), BinaryOperator::Minus, low.clone());
    let random = call("random", Vec::new());
    if whole(low) && whole(high) {
        let steps = cast(binary(width, BinaryOperator::Plus, number(1)), types::DOUBLE);
        let step = cast(call("floor", vec![binary(random, BinaryOperator::Multiply, steps)]), types::BIGINT);
        return binary(low.clone(), BinaryOperator::Plus, step);
    }
    binary(
        cast(low.clone(), types::DOUBLE),
        BinaryOperator::Plus,
        binary(random, BinaryOperator::Multiply, cast(width, types::DOUBLE)),
    )
}

/// `row_number() over () - 1`
fn row_number() -> Expr {
    let mut function = call("row_number", Vec::new());
    if let Expr::Function(function) = &mut function {
        function.over = Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by: Vec::new(),
            order_by: Vec::new(),
            window_frame: None,
        }));
    }
    binary(cast(function, types::BIGINT), BinaryOperator::Minus, number(1))
}

/// An order by this expression, upwards.
pub(super) fn ascending(expr: Expr) -> OrderByExpr {
    OrderByExpr { expr, options: OrderByOptions { asc: None, nulls_first: None }, with_fill: None }
}
