//! Predicates that the planner does not know: tuples in IN, LIKE ANY, RLIKE; and AT TIME ZONE.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SelectFlavor, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, UnaryOperator, helpers::attached_token::AttachedToken,
};

use super::{arrows, build};
use crate::engine::EngineError;

pub(super) fn rewrite_predicate(expr: &mut Expr) -> Result<Option<Expr>, EngineError> {
    Ok(match expr {
        Expr::InList { expr, list, negated } => in_list(expr, list, *negated)?,
        Expr::InSubquery { expr, subquery, negated } => in_subquery(expr, subquery, *negated),
        Expr::Like { any: true, .. } | Expr::ILike { any: true, .. } => like_any(expr),
        Expr::SimilarTo { negated, expr, pattern, escape_char } => {
            let escape = match escape_char.as_ref().map(|escape| escape.value.clone().into_string()) {
                None => Some('\\'),
                Some(text) => text.and_then(|text| text.chars().next()),
            };
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            Some(build::binary(*expr.clone(), op, build::string(&similar_to_regex(pattern, escape)?)))
        }
        Expr::RLike { negated, expr, pattern, .. } => {
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            Some(build::binary(*expr.clone(), op, *pattern.clone()))
        }
        Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. } => {
            Some(arrows::rewrite_arrow(expr.clone()))
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            Some(build::call("at_time_zone", vec![*timestamp.clone(), *time_zone.clone()]))
        }
        _ => None,
    })
}

/// `(a, b) in ((1, 2), (3, 4))` → `(a = 1 and b = 2) or (a = 3 and b = 4)`, which has SQL's NULL rules.
fn in_list(expr: &Expr, list: &[Expr], negated: bool) -> Result<Option<Expr>, EngineError> {
    let Expr::Tuple(columns) = expr else { return Ok(None) };
    let mut rows = Vec::with_capacity(list.len());
    for row in list {
        let Expr::Tuple(values) = row else { return Ok(None) };
        if values.len() != columns.len() {
            return Err(EngineError::Sql {
                message: format!("`in` compares {} columns with {} values: `{row}`", columns.len(), values.len()),
                position: None,
                help: None,
            });
        }
        let equals = columns
            .iter()
            .zip(values)
            .map(|(column, value)| build::binary(column.clone(), BinaryOperator::Eq, value.clone()));
        rows.extend(build::join_with(&BinaryOperator::And, equals.collect()));
    }
    Ok(build::join_with(&BinaryOperator::Or, rows).map(|found| {
        if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(build::nested(found)) } } else { found }
    }))
}

/// `(a, b) in (select x, y …)` → `exists (select 1 from (select x, y …) as t(…) where t.… = a and t.… = b)`.
///
/// NOT IN is true only where no row matches or might match (NULL), hence `is not false`.
fn in_subquery(expr: &Expr, subquery: &Query, negated: bool) -> Option<Expr> {
    let Expr::Tuple(columns) = expr else { return None };
    let names: Vec<Ident> = (0..columns.len()).map(|index| Ident::new(format!("__in_{index}"))).collect();
    let table = Ident::new("__in");
    let equals = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| {
            let other = Expr::CompoundIdentifier(vec![table.clone(), name.clone()]);
            build::binary(other, BinaryOperator::Eq, column.clone())
        })
        .collect();
    let mut condition = build::join_with(&BinaryOperator::And, equals)?;
    if negated {
        condition = Expr::IsNotFalse(Box::new(build::nested(condition)));
    }
    let derived = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(subquery.clone()),
        alias: Some(TableAlias {
            explicit: true,
            name: table,
            columns: names.into_iter().map(|name| TableAliasColumnDef::from_name(name.value)).collect(),
            at: None,
        }),
        sample: None,
    };
    Some(Expr::Exists { subquery: Box::new(select_one_from(derived, condition)), negated })
}

fn select_one_from(relation: TableFactor, condition: Expr) -> Query {
    let select = Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![SelectItem::UnnamedExpr(build::number(1))],
        exclude: None,
        into: None,
        from: vec![TableWithJoins { relation, joins: Vec::new() }],
        lateral_views: Vec::new(),
        prewhere: None,
        selection: Some(condition),
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    };
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// `x like any ('a%', 'b%')` → `x like 'a%' or x like 'b%'`; negated: not like any of them.
fn like_any(expr: &Expr) -> Option<Expr> {
    let (Expr::Like { negated, expr: value, pattern, escape_char, .. }
    | Expr::ILike { negated, expr: value, pattern, escape_char, .. }) = expr
    else {
        return None;
    };
    let patterns = match pattern.as_ref() {
        Expr::Tuple(patterns) => patterns.clone(),
        Expr::Nested(pattern) => vec![pattern.as_ref().clone()],
        other => vec![other.clone()],
    };
    let insensitive = matches!(expr, Expr::ILike { .. });
    let terms = patterns
        .into_iter()
        .map(|pattern| {
            let (value, pattern, escape_char) = (value.clone(), Box::new(pattern), escape_char.clone());
            if insensitive {
                Expr::ILike { negated: *negated, any: false, expr: value, pattern, escape_char }
            } else {
                Expr::Like { negated: *negated, any: false, expr: value, pattern, escape_char }
            }
        })
        .collect();
    build::join_with(if *negated { &BinaryOperator::And } else { &BinaryOperator::Or }, terms)
}

/// SQL's own regular expressions in the engine's: `%` is anything, `_` one character, and the whole text must match.
fn similar_to_regex(pattern: &Expr, escape: Option<char>) -> Result<String, EngineError> {
    let text = match pattern {
        Expr::Value(value) => value.value.clone().into_string(),
        _ => None,
    };
    let Some(text) = text else {
        return Err(EngineError::Unsupported {
            feature: "SIMILAR TO with a pattern that is not a constant".to_owned(),
            help: Some("use `regexp_like(text, pattern)`".to_owned()),
        });
    };
    let mut regex = String::from("^(?:");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                regex.push_str(&regex::escape(&chars.next().map(String::from).unwrap_or_default()))
            }
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '.' | '^' | '$' | '\\' => regex.push_str(&regex::escape(&c.to_string())),
            c => regex.push(c),
        }
    }
    regex.push_str(")$");
    Ok(regex)
}
