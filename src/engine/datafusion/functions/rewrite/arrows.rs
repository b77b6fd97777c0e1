//! `->` and `->>` on JSON text. The parser binds them looser than comparisons, Postgres and DuckDB bind them tighter than
//! comparisons: `j ->> 'a' = 'x'` arrives as `j ->> ('a' = 'x')` and is turned round here.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};

use super::build;

/// The extraction, around it whatever the parser had put inside.
pub(super) fn rewrite_arrow(expr: Expr) -> Expr {
    let Expr::BinaryOp { mut left, op, mut right } = expr else { return expr };
    let document = std::mem::replace(rightmost(&mut left), placeholder());
    let path = std::mem::replace(leftmost(&mut right), placeholder());
    let function = if op == BinaryOperator::Arrow { "json_extract" } else { "json_extract_string" };
    let extraction = build::call(function, vec![document, path]);
    // Inner first: what stood left of the document, then what stood right of the path.
    let extraction = if is_placeholder(&right) {
        extraction
    } else {
        *leftmost(&mut right) = extraction;
        *right
    };
    if is_placeholder(&left) {
        extraction
    } else {
        *rightmost(&mut left) = extraction;
        *left
    }
}

fn placeholder() -> Expr {
    Expr::Tuple(Vec::new())
}

fn is_placeholder(expr: &Expr) -> bool {
    matches!(expr, Expr::Tuple(values) if values.is_empty())
}

/// The operand that a tighter operator on the right would take.
fn leftmost(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::BinaryOp { left, .. } => leftmost(left),
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsDistinctFrom(inner, _)
        | Expr::IsNotDistinctFrom(inner, _) => leftmost(inner),
        Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::ILike { expr, .. }
        | Expr::RLike { expr, .. }
        | Expr::SimilarTo { expr, .. } => leftmost(expr),
        other => other,
    }
}

fn rightmost(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::BinaryOp { right, .. } => rightmost(right),
        Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } => rightmost(pattern),
        other => other,
    }
}
