//! `generate_series(…)` and `range(…)` as tables: the column is named like the function, and series of dates work.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, TableAlias, TableAliasColumnDef, TableFactor,
};

use super::build;

/// Rewrites a call of one of the two in table position.
pub(super) fn rewrite_series(factor: &mut TableFactor) {
    let TableFactor::Table { name, alias, args: Some(args), .. } = factor else { return };
    let [part] = name.0.as_slice() else { return };
    let Some(function) = part.as_ident().map(|ident| ident.value.to_lowercase()) else { return };
    if !matches!(function.as_str(), "generate_series" | "range") {
        return;
    }
    let mut named = alias.take().unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(function.as_str()),
        columns: Vec::new(),
        at: None,
    });
    if named.columns.is_empty() {
        named.columns.push(TableAliasColumnDef::from_name(function.as_str()));
    }
    let values: Vec<Expr> = args
        .args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect();
    // The table function makes series of numbers without ever holding them; the array function makes those of dates.
    if values.len() == args.args.len() && values.iter().any(is_of_dates) {
        *factor = TableFactor::UNNEST {
            alias: Some(named),
            array_exprs: vec![build::call(&function, values)],
            with_offset: false,
            with_offset_alias: None,
            with_ordinality: false,
        };
    } else {
        *alias = Some(named);
    }
}

fn is_of_dates(expr: &Expr) -> bool {
    match expr {
        Expr::Interval(_) | Expr::TypedString(_) | Expr::Cast { .. } => true,
        Expr::Nested(inner) => is_of_dates(inner),
        Expr::BinaryOp { left, right, .. } => is_of_dates(left) || is_of_dates(right),
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            ["date", "now", "current", "timestamp"].iter().any(|word| name.contains(word))
        }
        _ => false,
    }
}
