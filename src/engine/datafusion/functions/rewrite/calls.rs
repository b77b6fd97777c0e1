//! Function calls of other dialects: other names, macros that are short expressions, bare date parts.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Interval,
    ObjectName, Value,
};

use super::{
    aggregates,
    build::{self, binary, call, case, cast, cast_as, number, string},
    parts, types,
};
use crate::engine::EngineError;

/// Functions that exist under another name, arguments unchanged.
const RENAMES: &[(&str, &str)] = &[
    ("approx_count_distinct", "approx_distinct"),
    ("approx_percentile", "approx_percentile_cont"),
    ("approx_quantile", "approx_percentile_cont"),
    ("arbitrary", "any_value"),
    ("array_construct", "make_array"),
    ("array_size", "cardinality"),
    ("array_join", "array_to_string"),
    ("bitand_agg", "bit_and"),
    ("bitor_agg", "bit_or"),
    ("bitxor_agg", "bit_xor"),
    ("booland_agg", "bool_and"),
    ("boolor_agg", "bool_or"),
    ("byte_length", "octet_length"),
    ("ceiling", "ceil"),
    ("char", "chr"),
    ("collect_list", "array_agg"),
    ("date_diff", "datediff"),
    ("date_from_parts", "make_date"),
    ("datefromparts", "make_date"),
    ("datesub", "date_sub"),
    ("datetrunc", "date_trunc"),
    ("endswith", "ends_with"),
    ("every", "bool_and"),
    ("first", "first_value"),
    ("gen_random_uuid", "uuid"),
    ("generate_uuid", "uuid"),
    ("json_extract_path_text", "json_extract_string"),
    ("json_extract_scalar", "json_extract_string"),
    ("get_json_object", "json_extract_string"),
    ("json_value", "json_extract_string"),
    ("last", "last_value"),
    ("lcase", "lower"),
    ("list", "array_agg"),
    ("list_value", "make_array"),
    ("logical_and", "bool_and"),
    ("logical_or", "bool_or"),
    ("prefix", "starts_with"),
    ("regexp_contains", "regexp_like"),
    ("regexp_matches", "regexp_like"),
    ("sign", "signum"),
    ("sort_array", "array_sort"),
    ("split", "string_to_array"),
    ("startswith", "starts_with"),
    ("str_split", "string_to_array"),
    ("string_split", "string_to_array"),
    ("suffix", "ends_with"),
    ("timediff", "datediff"),
    ("timestampadd", "dateadd"),
    ("timestampdiff", "datediff"),
    ("truncate", "trunc"),
    ("ucase", "upper"),
    ("uuid_string", "uuid"),
    ("variance", "var"),
];

/// Functions whose date part may be written without quotes, where it stands, and of how many arguments at least:
/// `date_add(day, interval '1 day')` adds to a column.
const BARE_PARTS: &[(&str, usize, usize)] = &[
    ("datediff", 0, 3),
    ("dateadd", 0, 3),
    ("date_sub", 0, 3),
    ("date_add", 0, 3),
    ("date_trunc", 0, 2),
    ("timestamp_trunc", 1, 2),
    ("datetime_trunc", 1, 2),
    ("date_part", 0, 2),
    ("datepart", 0, 2),
    ("last_day", 1, 2),
];

const NOW: &[&str] = &[
    "now",
    "current_timestamp",
    "get_current_timestamp",
    "getdate",
    "sysdate",
    "systimestamp",
    "transaction_timestamp",
    "statement_timestamp",
    "clock_timestamp",
];

/// Gives an unqualified call the name that the function has here, and its date part quotes. Returns the name.
pub(super) fn own_name(function: &mut Function) -> Option<String> {
    let mut name = simple_name(function)?;
    if let Some((_, renamed)) = RENAMES.iter().find(|(from, _)| *from == name) {
        rename(function, renamed);
        (*renamed).clone_into(&mut name);
    }
    if let Some((_, index, count)) = BARE_PARTS.iter().find(|(function, ..)| *function == name) {
        quote_part(function, *index, *count);
    }
    Some(name)
}

/// Rewrites one call in place, or returns the expression that replaces it.
pub(super) fn rewrite_call(function: &mut Function) -> Result<Option<Expr>, EngineError> {
    let Some(name) = own_name(function) else { return Ok(None) };
    if let Some(rewritten) = aggregates::rewrite_aggregate(&name, function)? {
        return Ok(rewritten.into_replacement());
    }
    if NOW.contains(&name.as_str()) {
        return Ok(Some(cast(call("now", Vec::new()), types::TIMESTAMP_TZ)));
    }
    if name == "localtimestamp" {
        return Ok(Some(cast(call("now", Vec::new()), types::TIMESTAMP)));
    }
    let Some(args) = positional(function) else { return Ok(None) };
    if let [value] = args.as_slice()
        && let Some(part) = parts::of_function(&name)
    {
        return Ok(Some(cast(call("date_part", vec![string(part), value.clone()]), types::BIGINT)));
    }
    match expression(&name, args) {
        Ok(rewritten) => Ok(rewritten),
        Err(usage) => Err(wrong_arguments(&name, usage)),
    }
}

pub(super) fn wrong_arguments(name: &str, usage: &str) -> EngineError {
    EngineError::Sql {
        message: format!("wrong arguments of `{name}`"),
        position: None,
        help: Some(format!("write `{usage}`")),
    }
}

/// The lower-case name of an unqualified call.
fn simple_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.to_lowercase()),
        _ => None,
    }
}

pub(super) fn rename(function: &mut Function, name: &str) {
    function.name = ObjectName::from(vec![Ident::new(name)]);
}

/// The arguments, when the call is a plain one: no OVER, FILTER, DISTINCT, ORDER BY, names.
fn positional(function: &Function) -> Option<Vec<Expr>> {
    let plain = function.over.is_none() && function.filter.is_none() && function.within_group.is_empty();
    let FunctionArguments::List(list) = &function.args else { return None };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

/// `datediff(day, a, b)` → `datediff('day', a, b)`.
fn quote_part(function: &mut Function, index: usize, count: usize) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    if list.args.len() < count {
        return;
    }
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))) = list.args.get_mut(index) {
        let part = match expr {
            Expr::Identifier(ident) if parts::is_part(&ident.value) => ident.value.clone(),
            _ => return,
        };
        *expr = string(&part);
    }
}

type Rewritten = Result<Option<Expr>, &'static str>;

/// Macros over plain arguments. The error is how to write the call.
fn expression(name: &str, args: Vec<Expr>) -> Rewritten {
    match name {
        "iff" | "if" => conditional(args),
        "decode" if args.len() >= 4 => Ok(decode(args)),
        "zeroifnull" => unary(args, "zeroifnull(value)", |value| call("coalesce", vec![value, number(0)])),
        "nullifzero" => unary(args, "nullifzero(value)", |value| call("nullif", vec![value, number(0)])),
        "div0" | "div0null" => divide_or_zero(name, args),
        "mod" => operator(args, "mod(a, b)", BinaryOperator::Modulo),
        "square" => unary(args, "square(value)", |value| binary(value.clone(), BinaryOperator::Multiply, value)),
        "safe_divide" => match <[Expr; 2]>::try_from(args) {
            Ok([dividend, divisor]) => {
                Ok(Some(binary(dividend, BinaryOperator::Divide, call("nullif", vec![divisor, number(0)]))))
            }
            Err(_) => Err("safe_divide(a, b)"),
        },
        "equal_null" => match <[Expr; 2]>::try_from(args) {
            Ok([left, right]) => {
                let (left, right) = (Box::new(build::nested(left)), Box::new(build::nested(right)));
                Ok(Some(Expr::IsNotDistinctFrom(left, right)))
            }
            Err(_) => Err("equal_null(a, b)"),
        },
        "locate" | "charindex" => match <[Expr; 2]>::try_from(args) {
            Ok([needle, text]) => Ok(Some(call("strpos", vec![text, needle]))),
            Err(_) => Err("charindex(part, text)"),
        },
        "format_date" | "format_datetime" | "format_timestamp" => match <[Expr; 2]>::try_from(args) {
            Ok([format, date]) => Ok(Some(call("strftime", vec![date, format]))),
            Err(_) => Err("format_date('%Y-%m-%d', date)"),
        },
        "parse_date" | "parse_datetime" | "parse_timestamp" => match <[Expr; 2]>::try_from(args) {
            Ok([format, text]) => {
                let parsed = call("strptime", vec![text, format]);
                let is_date = name == "parse_date";
                Ok(Some(if is_date { cast(parsed, datafusion::sql::sqlparser::ast::DataType::Date) } else { parsed }))
            }
            Err(_) => Err("parse_date('%Y-%m-%d', text)"),
        },
        "timestamp_trunc" | "datetime_trunc" => match <[Expr; 2]>::try_from(args) {
            Ok([value, part]) => Ok(Some(call("date_trunc", vec![part, value]))),
            Err(_) => Err("timestamp_trunc(timestamp, day)"),
        },
        "unix_seconds" | "unix_millis" | "unix_micros" => match <[Expr; 1]>::try_from(args) {
            Ok([value]) => {
                let seconds = call("date_part", vec![string("epoch"), value]);
                let factor = match name {
                    "unix_seconds" => 1,
                    "unix_millis" => 1_000,
                    _ => 1_000_000,
                };
                let scaled = binary(seconds, BinaryOperator::Multiply, number(factor));
                Ok(Some(cast(call("floor", vec![scaled]), types::BIGINT)))
            }
            Err(_) => Err("unix_seconds(timestamp)"),
        },
        "timestamp_seconds" | "from_unixtime" if args.len() == 1 => Ok(Some(call("to_timestamp", args))),
        "timestamp_millis" if args.len() == 1 => Ok(Some(call("epoch_ms", args))),
        "generate_date_array" if args.len() == 2 => {
            let day = Expr::Interval(Interval {
                value: Box::new(string("1 day")),
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            });
            Ok(Some(call("generate_series", args.into_iter().chain([day]).collect())))
        }
        "generate_array" if args.len() >= 2 => Ok(Some(call("generate_series", args))),
        "date_add" | "date_sub" if args.len() == 2 => {
            let op = if name == "date_add" { BinaryOperator::Plus } else { BinaryOperator::Minus };
            operator(args, "date_add(date, interval)", op)
        }
        "date_add" => Ok(Some(call("dateadd", args))),
        "date_part" | "datepart" => Ok(match <[Expr; 2]>::try_from(args) {
            Ok([part, value]) => parts::date_part(&part, value),
            Err(_) => None,
        }),
        "regexp_like" => Ok(without_flags(name, args, 2, &['c', 'g'])),
        "regexp_replace" => Ok(without_flags(name, args, 3, &['c'])),
        "regexp_count" => Ok(without_flags(name, args, 3, &['c', 'g'])),
        "add_months" => match <[Expr; 2]>::try_from(args) {
            Ok([date, months]) => Ok(Some(call("dateadd", vec![string("month"), months, date]))),
            Err(_) => Err("add_months(date, months)"),
        },
        "epoch" | "unix_timestamp" if args.len() == 1 => Ok(Some(call("date_part", prepend(string("epoch"), args)))),
        "today" | "curdate" if args.is_empty() => Ok(Some(call("current_date", Vec::new()))),
        "to_years" | "to_months" | "to_weeks" | "to_days" | "to_hours" | "to_minutes" | "to_seconds"
            if args.len() == 1 =>
        {
            let unit = name.strip_prefix("to_").unwrap_or(name);
            let one = Expr::Interval(Interval {
                value: Box::new(string(&format!("1 {unit}"))),
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            });
            Ok(Some(call("multiply_interval", prepend(one, args))))
        }
        "convert_timezone" => convert_timezone(args),
        "timezone" => match <[Expr; 2]>::try_from(args) {
            Ok([zone, timestamp]) => Ok(Some(call("at_time_zone", vec![timestamp, zone]))),
            Err(_) => Err("timezone('zone', timestamp)"),
        },
        "sha256" | "sha2_hex" | "sha2" => sha2(args),
        _ => conversion(name, args),
    }
}

/// `to_date(x)`, `try_to_number(x, 38, 2)`, …: casts. With a format they are functions.
fn conversion(name: &str, args: Vec<Expr>) -> Rewritten {
    let (kind, target) = match name.strip_prefix("try_to_") {
        Some(target) => (CastKind::TryCast, target),
        None => match name.strip_prefix("to_") {
            Some(target) => (CastKind::Cast, target),
            None if args.len() == 1 => (CastKind::Cast, name),
            None => return Ok(None),
        },
    };
    let prefixed = name != target;
    let try_ = kind == CastKind::TryCast;
    let data_type = match target {
        "varchar" | "char" | "text" | "string" if prefixed && args.len() == 2 => {
            return Ok(Some(call("to_char", args)));
        }
        "varchar" | "char" | "text" | "string" if prefixed => types::VARCHAR,
        "number" | "decimal" | "numeric" if prefixed => return Ok(to_number(kind, args)),
        "double" | "float" if prefixed => types::DOUBLE,
        "boolean" if prefixed => datafusion::sql::sqlparser::ast::DataType::Boolean,
        "date" if args.len() == 2 => {
            let parsed = call(if try_ { "try_strptime" } else { "strptime" }, args);
            return Ok(Some(cast(parsed, datafusion::sql::sqlparser::ast::DataType::Date)));
        }
        "date" => datafusion::sql::sqlparser::ast::DataType::Date,
        "timestamp" | "timestamp_ntz" if prefixed && args.len() == 2 => {
            return Ok(Some(call(if try_ { "try_strptime" } else { "strptime" }, args)));
        }
        "timestamp" | "timestamp_ntz" if try_ => types::TIMESTAMP,
        "timestamp" | "timestamp_ntz" if prefixed => return Ok(Some(call("to_timestamp", args))),
        "timestamp" => types::TIMESTAMP,
        "timestamp_tz" | "timestamp_ltz" if prefixed => types::TIMESTAMP_TZ,
        _ => return Ok(None),
    };
    match <[Expr; 1]>::try_from(args) {
        Ok([value]) => Ok(Some(cast_as(kind, value, data_type))),
        Err(_) => Ok(None),
    }
}

fn conditional(args: Vec<Expr>) -> Rewritten {
    match <[Expr; 3]>::try_from(args) {
        Ok([condition, yes, no]) => Ok(Some(case(vec![(condition, yes)], Some(no)))),
        Err(_) => Err("iff(condition, then, else)"),
    }
}

/// `decode(x, search, result, …, default)`: NULL matches NULL.
fn decode(args: Vec<Expr>) -> Option<Expr> {
    let mut args = args.into_iter();
    let value = args.next()?;
    let mut branches = Vec::new();
    loop {
        match (args.next(), args.next()) {
            (Some(search), Some(result)) => {
                branches.push((Expr::IsNotDistinctFrom(Box::new(value.clone()), Box::new(search)), result));
            }
            (otherwise, _) => return Some(case(branches, otherwise)),
        }
    }
}

/// `div0(a, b)`: 0 where `b` is 0; `div0null` also where `b` is NULL.
fn divide_or_zero(name: &str, args: Vec<Expr>) -> Rewritten {
    let Ok([dividend, divisor]) = <[Expr; 2]>::try_from(args) else { return Err("div0(a, b)") };
    let zero = binary(divisor.clone(), BinaryOperator::Eq, number(0));
    let condition = if name == "div0null" {
        binary(zero, BinaryOperator::Or, Expr::IsNull(Box::new(build::nested(divisor.clone()))))
    } else {
        zero
    };
    Ok(Some(case(vec![(condition, number(0))], Some(binary(dividend, BinaryOperator::Divide, divisor)))))
}

fn to_number(kind: CastKind, args: Vec<Expr>) -> Option<Expr> {
    let mut args = args.into_iter();
    let value = args.next()?;
    let digits = |arg: Option<Expr>, default: u64| match arg {
        None => Some(default),
        Some(Expr::Value(value)) => match value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        Some(_) => None,
    };
    let precision = digits(args.next(), 38)?;
    let scale = digits(args.next(), 0)?;
    Some(cast_as(kind, value, types::decimal(precision, i64::try_from(scale).ok()?)))
}

/// `convert_timezone(to, timestamp_tz)`, `convert_timezone(from, to, timestamp)`: local time in `to`.
fn convert_timezone(args: Vec<Expr>) -> Rewritten {
    let at = |timestamp, zone| call("at_time_zone", vec![timestamp, zone]);
    match <[Expr; 3]>::try_from(args) {
        Ok([from, to, timestamp]) => Ok(Some(at(at(cast(timestamp, types::TIMESTAMP), from), to))),
        Err(args) => match <[Expr; 2]>::try_from(args) {
            Ok([to, timestamp]) => Ok(Some(at(cast(timestamp, types::TIMESTAMP_TZ), to))),
            Err(_) => Err("convert_timezone(from, to, timestamp)"),
        },
    }
}

fn sha2(args: Vec<Expr>) -> Rewritten {
    let mut args = args.into_iter();
    let (Some(value), bits, None) = (args.next(), args.next(), args.next()) else { return Err("sha2(text, 256)") };
    let algorithm = match bits.map(|bits| bits.to_string()).as_deref() {
        None | Some("256") => "sha256",
        Some("224") => "sha224",
        Some("384") => "sha384",
        Some("512") => "sha512",
        Some(_) => return Err("sha2(text, 224 | 256 | 384 | 512)"),
    };
    Ok(Some(hex_digest(value, algorithm)))
}

fn hex_digest(value: Expr, algorithm: &str) -> Expr {
    call("encode", vec![call("digest", vec![value, string(algorithm)]), string("hex")])
}

/// Drops flags that say what is so anyway: case matters (`c`), any match counts (`g`).
fn without_flags(name: &str, mut args: Vec<Expr>, index: usize, needless: &[char]) -> Option<Expr> {
    let Some(Expr::Value(value)) = args.get(index) else { return None };
    let Value::SingleQuotedString(flags) = &value.value else { return None };
    let kept = flags.replace(needless, "");
    if kept == *flags && !kept.is_empty() {
        return None;
    }
    args.truncate(index);
    if !kept.is_empty() {
        args.push(string(&kept));
    }
    Some(call(name, args))
}

fn unary(args: Vec<Expr>, usage: &'static str, build: impl FnOnce(Expr) -> Expr) -> Rewritten {
    match <[Expr; 1]>::try_from(args) {
        Ok([value]) => Ok(Some(build(value))),
        Err(_) => Err(usage),
    }
}

fn operator(args: Vec<Expr>, usage: &'static str, op: BinaryOperator) -> Rewritten {
    match <[Expr; 2]>::try_from(args) {
        Ok([left, right]) => Ok(Some(binary(left, op, right))),
        Err(_) => Err(usage),
    }
}

fn prepend(first: Expr, rest: Vec<Expr>) -> Vec<Expr> {
    std::iter::once(first).chain(rest).collect()
}
