//! Clauses of a query that have another spelling here: TOP, FETCH FIRST, MINUS, ORDER BY ALL.

use datafusion::sql::sqlparser::ast::{
    Expr, LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, SetOperator, TopQuantity,
};

use super::build;

pub(super) fn rewrite_query(query: &mut Query) {
    rewrite_minus(&mut query.body);
    rewrite_top(query);
    rewrite_fetch(query);
    rewrite_order_by_all(query);
}

fn rewrite_minus(body: &mut SetExpr) {
    if let SetExpr::SetOperation { op, left, right, .. } = body {
        if *op == SetOperator::Minus {
            *op = SetOperator::Except;
        }
        rewrite_minus(left);
        rewrite_minus(right);
    }
}

/// `select top 10 …` → `… limit 10`. WITH TIES and PERCENT are refused by the checks.
fn rewrite_top(query: &mut Query) {
    if query.limit_clause.is_some() {
        return;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    if !matches!(&select.top, Some(top) if !top.with_ties && !top.percent) {
        return;
    }
    let limit = match select.top.take().and_then(|top| top.quantity) {
        Some(TopQuantity::Expr(expr)) => expr,
        Some(TopQuantity::Constant(value)) => build::number(i64::try_from(value).unwrap_or(i64::MAX)),
        None => build::number(1),
    };
    query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: Vec::new() });
}

/// `fetch first 10 rows only` → `limit 10`, beside an OFFSET too.
fn rewrite_fetch(query: &mut Query) {
    if !matches!(&query.fetch, Some(fetch) if !fetch.with_ties && !fetch.percent) {
        return;
    }
    match &mut query.limit_clause {
        None => {
            let limit = query.fetch.take().and_then(|fetch| fetch.quantity).unwrap_or_else(|| build::number(1));
            query.limit_clause =
                Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: Vec::new() });
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => {
            *limit = Some(query.fetch.take().and_then(|fetch| fetch.quantity).unwrap_or_else(|| build::number(1)));
        }
        Some(_) => {}
    }
}

/// `order by all` over a select list without `*` → `order by 1, 2, …`, which sorts by expressions too.
fn rewrite_order_by_all(query: &mut Query) {
    let Some(count) = column_count(&query.body) else { return };
    let Some(order_by) = &mut query.order_by else { return };
    if !is_order_by_all(order_by) {
        return;
    }
    let options = match &order_by.kind {
        OrderByKind::All(options) => *options,
        OrderByKind::Expressions(terms) => terms.first().map(|term| term.options).unwrap_or_default(),
    };
    order_by.kind = OrderByKind::Expressions(
        (1..=count).map(|position| OrderByExpr { expr: position_expr(position), options, with_fill: None }).collect(),
    );
}

/// Whether the order is by all columns; the parser takes the word for a column's name.
pub(in crate::engine::datafusion) fn is_order_by_all(order_by: &OrderBy) -> bool {
    match &order_by.kind {
        OrderByKind::All(_) => true,
        OrderByKind::Expressions(terms) => match terms.as_slice() {
            [OrderByExpr { expr: Expr::Identifier(ident), .. }] => {
                ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("all")
            }
            _ => false,
        },
    }
}

fn position_expr(position: usize) -> Expr {
    build::number(i64::try_from(position).unwrap_or(i64::MAX))
}

/// How many columns a query has, where that can be read off its text.
pub(in crate::engine::datafusion) fn column_count(body: &SetExpr) -> Option<usize> {
    match body {
        SetExpr::Select(select) => {
            let named =
                |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
            select.projection.iter().all(named).then_some(select.projection.len())
        }
        SetExpr::Query(query) => column_count(&query.body),
        SetExpr::SetOperation { left, .. } => column_count(left),
        _ => None,
    }
}
