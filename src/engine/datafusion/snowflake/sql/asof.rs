//! ASOF joins: as left joins on the interval in which a row is the nearest.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, SelectItem, TableFactor,
    WildcardAdditionalOptions, WindowSpec, WindowType,
};

use super::{
    calls::ascending,
    tables::{derived, name_of, named, select_from, unsupported},
};
use crate::engine::{
    EngineError,
    datafusion::functions::rewrite::build::{binary, call, join_with},
};

/// The column that ends the interval in which a row is the nearest; cannot be typed.
pub(super) fn neighbour() -> Ident {
    Ident::with_quote('"', "\u{1}neighbour")
}

/// `a asof join b match_condition (a.t >= b.t) on a.k = b.k` → a left join on the interval in which a row of `b` is the
/// nearest, which ends at its neighbour.
pub(super) fn rewrite_asof(join: &mut Join) -> Result<bool, EngineError> {
    let JoinOperator::AsOf { match_condition, constraint } = &join.join_operator else { return Ok(false) };
    const HELP: &str = "write `asof join b match_condition (a.t >= b.t) on a.key = b.key`";
    let Expr::BinaryOp { left, op, right } = unnested(match_condition) else {
        return Err(unsupported("this MATCH_CONDITION", HELP));
    };
    let Some(table) = name_of(&join.relation) else { return Err(unsupported("an ASOF join of this table", HELP)) };
    let of_table = |expr: &Expr| match unnested(expr) {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., qualifier, column] if qualifier.value.eq_ignore_ascii_case(&table.value) => Some(column.clone()),
            _ => None,
        },
        _ => None,
    };
    // The operator as seen from the left table.
    let (left_value, right_column, op) = match (of_table(left), of_table(right)) {
        (None, Some(column)) => (left.as_ref().clone(), column, op.clone()),
        (Some(column), None) => (right.as_ref().clone(), column, turned(op)),
        _ => return Err(unsupported("this MATCH_CONDITION", HELP)),
    };
    let (earlier, beyond) = match op {
        BinaryOperator::GtEq => (true, BinaryOperator::Lt),
        BinaryOperator::Gt => (true, BinaryOperator::LtEq),
        BinaryOperator::LtEq => (false, BinaryOperator::Gt),
        BinaryOperator::Lt => (false, BinaryOperator::GtEq),
        _ => return Err(unsupported("this MATCH_CONDITION", HELP)),
    };
    let (keys, equal) = match constraint {
        JoinConstraint::On(on) => {
            let keys: Option<Vec<Ident>> = conjuncts(on)
                .into_iter()
                .map(|equal| match equal {
                    Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                        of_table(left).or_else(|| of_table(right))
                    }
                    _ => None,
                })
                .collect();
            let Some(keys) = keys else { return Err(unsupported("this condition of an ASOF join", HELP)) };
            (keys, Some(on.clone()))
        }
        JoinConstraint::None => (Vec::new(), None),
        JoinConstraint::Using(_) | JoinConstraint::Natural => {
            return Err(unsupported("an ASOF join with USING", HELP));
        }
    };
    let next = Expr::CompoundIdentifier(vec![table.clone(), neighbour()]);
    let value = Expr::CompoundIdentifier(vec![table.clone(), right_column.clone()]);
    let reached = binary(left_value.clone(), op, value);
    let before_next = binary(left_value, beyond, next.clone());
    let no_next = Expr::IsNull(Box::new(next));
    let nearest = binary(no_next, BinaryOperator::Or, before_next);
    let terms = equal.into_iter().chain([reached, nearest]).collect();
    let window = neighbour_of(&right_column, &keys, if earlier { "lead" } else { "lag" });
    let derived = derived_with(&join.relation, SelectItem::ExprWithAlias { expr: window, alias: neighbour() }, table);
    join.relation = derived;
    if let Some(on) = join_with(&BinaryOperator::And, terms) {
        join.join_operator = JoinOperator::LeftOuter(JoinConstraint::On(on));
    }
    Ok(true)
}

fn turned(op: &BinaryOperator) -> BinaryOperator {
    match op {
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Lt => BinaryOperator::Gt,
        other => other.clone(),
    }
}

pub(super) fn unnested(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        expr => expr,
    }
}

fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match unnested(expr) {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        expr => vec![expr],
    }
}

/// `lead(t) over (partition by k order by t)`
fn neighbour_of(column: &Ident, keys: &[Ident], function: &str) -> Expr {
    let mut window = call(function, vec![Expr::Identifier(column.clone())]);
    if let Expr::Function(function) = &mut window {
        function.over = Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by: keys.iter().cloned().map(Expr::Identifier).collect(),
            order_by: vec![ascending(Expr::Identifier(column.clone()))],
            window_frame: None,
        }));
    }
    window
}

/// `(select *, item from factor) as name`
fn derived_with(factor: &TableFactor, item: SelectItem, name: Ident) -> TableFactor {
    let star = SelectItem::Wildcard(WildcardAdditionalOptions::default());
    derived(select_from(vec![star, item], factor.clone()), Some(named(name)))
}
