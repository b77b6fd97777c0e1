//! FULL and RIGHT joins USING: a column that is joined on has the value of whichever side has the row.
//!
//! The planner takes the left side's value, which is NULL for rows of the right side alone. A bare `k` therefore becomes
//! `coalesce(a.k, b.k)`, in `*` too; `a.k` and `b.k` keep meaning one side.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, Query, ReplaceSelectElement,
    ReplaceSelectItem, Select, SelectItem, SetExpr, TableFactor, WildcardAdditionalOptions,
};

use super::{
    build::{binary, call, join_with},
    names::replace_names,
};
use crate::engine::EngineError;

/// A column that is joined on.
struct Merged {
    column: Ident,
    /// The tables of whose values the first that is not NULL counts.
    tables: Vec<Ident>,
    /// Whether the planner would take another value for the bare name.
    differs: bool,
}

impl Merged {
    fn value(&self) -> Expr {
        let mut sides: Vec<Expr> = self.tables.iter().map(|table| qualified(table, &self.column)).collect();
        if sides.len() == 1 { sides.remove(0) } else { call("coalesce", sides) }
    }

    fn is(&self, ident: &Ident) -> bool {
        fold(&self.column) == fold(ident)
    }
}

fn qualified(table: &Ident, column: &Ident) -> Expr {
    Expr::CompoundIdentifier(vec![table.clone(), column.clone()])
}

fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Gives bare names of joined columns their value.
///
/// # Errors
/// Where the text does not say which tables have the column.
pub(super) fn rewrite_using(select: &mut Select) -> Result<(), EngineError> {
    let merged = merge_columns(select)?;
    if merged.is_empty() {
        return Ok(());
    }
    for item in &mut select.projection {
        rewrite_item(item, &merged);
    }
    let clauses = [&mut select.selection, &mut select.having, &mut select.qualify];
    for clause in clauses.into_iter().flatten() {
        replace_names(clause, |ident| value_of(ident, &merged));
    }
    if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
        replace_names(keys, |ident| value_of(ident, &merged));
    }
    Ok(())
}

/// The same for ORDER BY, of names that the query does not select: those mean what is selected.
///
/// # Errors
/// As `rewrite_using`.
pub(super) fn rewrite_order(query: &mut Query) -> Result<(), EngineError> {
    let (SetExpr::Select(select), Some(order)) = (&*query.body, &mut query.order_by) else { return Ok(()) };
    if select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_))) {
        return Ok(());
    }
    let mut merged = merge_columns(&mut select.clone())?;
    merged.retain(|merged| !select.projection.iter().any(|item| output_name(item).is_some_and(|name| merged.is(name))));
    if !merged.is_empty() {
        replace_names(order, |ident| value_of(ident, &merged));
    }
    Ok(())
}

fn output_name(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) | SelectItem::ExprWithAlias { alias: name, .. } => Some(name),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last(),
        _ => None,
    }
}

/// The columns whose bare name would get another value than it has. Rewrites joins that compare with such a column.
fn merge_columns(select: &mut Select) -> Result<Vec<Merged>, EngineError> {
    let mut merged: Vec<Merged> = Vec::new();
    let has_star = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    for from in &mut select.from {
        let mut tables = vec![name_of(&from.relation)];
        for join in &mut from.joins {
            let table = name_of(&join.relation);
            join_columns(join, &tables, has_star, &mut merged)?;
            tables.push(table);
        }
    }
    merged.retain(|merged| merged.differs);
    Ok(merged)
}

/// Notes what the columns of one join mean behind it. `before` are the tables on its left.
fn join_columns(
    join: &mut Join,
    before: &[Option<Ident>],
    has_star: bool,
    merged: &mut Vec<Merged>,
) -> Result<(), EngineError> {
    let table = name_of(&join.relation);
    let (side, constraint) = match &mut join.join_operator {
        JoinOperator::FullOuter(constraint) => (Side::Both, constraint),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (Side::Right, constraint),
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint) => (Side::Left, constraint),
        _ => return Ok(()),
    };
    let columns = match constraint {
        JoinConstraint::Using(columns) => columns,
        JoinConstraint::Natural if side != Side::Left => {
            return Err(unclear("a NATURAL join that is FULL or RIGHT is not supported"));
        }
        _ => return Ok(()),
    };
    let columns: Vec<Ident> =
        columns.iter().filter_map(|name| name.0.last().and_then(|part| part.as_ident()).cloned()).collect();
    let Some(table) = table else { return Ok(()) };
    // The planner compares with the first table alone.
    let compares_otherwise =
        columns.iter().any(|column| merged.iter().any(|merged| merged.is(column) && merged.differs));
    let mut conditions = Vec::new();
    for column in &columns {
        let known = merged.iter().position(|merged| merged.is(column));
        let left = match (known.and_then(|index| merged.get(index)), before) {
            (Some(known), _) => Some(known.tables.clone()),
            (None, [Some(only)]) => Some(vec![only.clone()]),
            (None, _) => None,
        };
        if compares_otherwise {
            let Some(tables) = left.clone() else {
                return Err(unclear("a join USING further columns after a FULL or RIGHT join is not supported"));
            };
            let value = Merged { column: column.clone(), tables, differs: true }.value();
            conditions.push(binary(value, BinaryOperator::Eq, qualified(&table, column)));
        }
        let tables = match (side, left) {
            (Side::Right, _) => vec![table.clone()],
            (Side::Left, Some(left)) => left,
            (Side::Left, None) => continue,
            (Side::Both, Some(mut left)) => {
                left.push(table.clone());
                left
            }
            (Side::Both, None) => return Err(unclear("a FULL join USING after another join is not supported")),
        };
        let differs = side != Side::Left || compares_otherwise;
        match known.and_then(|index| merged.get_mut(index)) {
            Some(known) => *known = Merged { column: column.clone(), tables, differs: differs || known.differs },
            None => merged.push(Merged { column: column.clone(), tables, differs }),
        }
    }
    if let Some(condition) = join_with(&BinaryOperator::And, conditions) {
        if has_star {
            return Err(unclear(
                "`*` over several joins USING one column, of which one is FULL or RIGHT, is not supported",
            ));
        }
        *constraint = JoinConstraint::On(condition);
    }
    Ok(())
}

/// Which side of a join has its columns in every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Both,
}

fn unclear(what: &str) -> EngineError {
    EngineError::Sql {
        message: what.to_owned(),
        position: None,
        help: Some("write `on a.key = b.key` and `coalesce(a.key, b.key)`".to_owned()),
    }
}

/// What columns of the table are qualified with.
fn name_of(table: &TableFactor) -> Option<Ident> {
    let (alias, name) = match table {
        TableFactor::Table { name, alias, .. } => (alias, name.0.last().and_then(|part| part.as_ident())),
        TableFactor::Derived { alias, .. } => (alias, None),
        _ => return None,
    };
    alias.as_ref().map(|alias| &alias.name).or(name).cloned()
}

fn value_of(ident: &Ident, merged: &[Merged]) -> Option<Expr> {
    merged.iter().find(|merged| merged.is(ident)).map(Merged::value)
}

fn rewrite_item(item: &mut SelectItem, merged: &[Merged]) {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
            if let Some(expr) = value_of(ident, merged) {
                *item = SelectItem::ExprWithAlias { expr, alias: ident.clone() };
            }
        }
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            replace_names(expr, |ident| value_of(ident, merged));
        }
        SelectItem::Wildcard(options) => replace_in(options, merged),
        _ => {}
    }
}

/// `*` → `* replace (coalesce(a.k, b.k) as k)`.
fn replace_in(options: &mut WildcardAdditionalOptions, merged: &[Merged]) {
    let mut items = options.opt_replace.take().map(|replace| replace.items).unwrap_or_default();
    let excluded = options.to_string().to_lowercase();
    for merged in merged {
        let replaced = items.iter().any(|item| merged.is(&item.column_name));
        // Replacing what is excluded would be an error.
        let words: Vec<&str> = excluded.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        if !replaced && !words.contains(&merged.column.value.to_lowercase().as_str()) {
            items.push(Box::new(ReplaceSelectElement {
                expr: merged.value(),
                column_name: merged.column.clone(),
                as_keyword: true,
            }));
        }
    }
    if !items.is_empty() {
        options.opt_replace = Some(ReplaceSelectItem { items });
    }
}
