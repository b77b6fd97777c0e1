//! CONNECT BY: as the recursive query that it stands for.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ConnectByKind, Cte, CteAsMaterialized, Expr, Ident, Join, JoinConstraint, JoinOperator, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, TableFactor, VisitMut,
    VisitorMut, WildcardAdditionalOptions, With, helpers::attached_token::AttachedToken,
};

use super::{
    calls::{arguments, simple_name},
    tables::{hide, name_of, named, query_of, select_from, unsupported},
};
use crate::engine::{
    EngineError,
    datafusion::functions::rewrite::{
        build::{binary, call, cast, join_with, nested, number},
        types,
    },
};

/// The rows that were found so far; cannot be typed.
const FOUND: &str = "\u{1}found";
const LEVEL: &str = "level";

fn found_column(name: Ident) -> Expr {
    Expr::CompoundIdentifier(vec![Ident::with_quote('"', FOUND), name])
}

/// Gives a SELECT with CONNECT BY the rows of the hierarchy as its table.
///
/// # Errors
/// A hierarchy over joined tables.
pub(super) fn rewrite_hierarchy(select: &mut Select) -> Result<(), EngineError> {
    if select.connect_by.is_empty() {
        return Ok(());
    }
    const HELP: &str = "put the tables into a CTE, or write a recursive query";
    let [from] = select.from.as_slice() else { return Err(unsupported("CONNECT BY over several tables", HELP)) };
    let (true, Some(name)) = (from.joins.is_empty(), name_of(&from.relation)) else {
        return Err(unsupported("CONNECT BY over several tables", HELP));
    };
    let table = from.relation.clone();
    let (mut start, mut relationships) = (None, Vec::new());
    for clause in std::mem::take(&mut select.connect_by) {
        match clause {
            ConnectByKind::ConnectBy { relationships: terms, .. } => relationships = terms,
            ConnectByKind::StartWith { condition, .. } => start = Some(*condition),
        }
    }
    let mut pieces = Pieces { found: Vec::new() };
    for item in &mut select.projection {
        let _ = VisitMut::visit(item, &mut pieces);
        if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item {
            hide(options, Ident::with_quote('"', LEVEL));
        }
    }
    let rows = rows_of(table, &name, start, relationships, pieces.found);
    select.from = select_from(Vec::new(), rows).from;
    Ok(())
}

/// What is handed down from parent to child.
enum Piece {
    Root(Box<Expr>),
    /// The value and what stands before each.
    Path(Box<[Expr; 2]>),
}

/// Finds what is handed down in the select list, and puts columns in its place.
struct Pieces {
    found: Vec<Piece>,
}

fn piece_name(index: usize) -> Ident {
    Ident::with_quote('"', format!("\u{1}piece{index}"))
}

impl VisitorMut for Pieces {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let piece = match expr {
            Expr::Prefixed { prefix, value } if prefix.value.eq_ignore_ascii_case("connect_by_root") => {
                Some(Piece::Root(value.clone()))
            }
            Expr::Function(function) if simple_name(function).as_deref() == Some("sys_connect_by_path") => {
                let args = arguments(function).and_then(|args| <[Expr; 2]>::try_from(args).ok());
                args.map(|args| Piece::Path(Box::new(args)))
            }
            _ => None,
        };
        if let Some(piece) = piece {
            *expr = Expr::Identifier(piece_name(self.found.len()));
            self.found.push(piece);
        }
        ControlFlow::Continue(())
    }
}

/// Says of every column which of the two sides it is of: a parent's where PRIOR stands before it.
struct Sides<'a> {
    table: &'a Ident,
    prior: bool,
}

impl VisitorMut for Sides<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Prior(inner) = expr {
            let mut inner = std::mem::replace(inner.as_mut(), number(0));
            let _ = VisitMut::visit(&mut inner, &mut Sides { table: self.table, prior: true });
            *expr = nested(inner);
            return ControlFlow::Continue(());
        }
        let side = if self.prior { Ident::with_quote('"', FOUND) } else { self.table.clone() };
        match expr {
            Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case(LEVEL) => {
                *expr = found_column(ident.clone());
            }
            Expr::Identifier(ident) => *expr = Expr::CompoundIdentifier(vec![side, ident.clone()]),
            Expr::CompoundIdentifier(parts) if self.prior => {
                if let Some(last) = parts.last().cloned() {
                    *expr = Expr::CompoundIdentifier(vec![side, last]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn of_table(mut expr: Expr, table: &Ident) -> Expr {
    let _ = VisitMut::visit(&mut expr, &mut Sides { table, prior: false });
    expr
}

fn rows_of(
    table: TableFactor,
    name: &Ident,
    start: Option<Expr>,
    relationships: Vec<Expr>,
    pieces: Vec<Piece>,
) -> TableFactor {
    let star = || {
        SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(name.clone().into()),
            WildcardAdditionalOptions::default(),
        )
    };
    let item = |expr: Expr, alias: Ident| SelectItem::ExprWithAlias { expr, alias };
    let text = |expr: Expr| cast(of_table(expr, name), types::VARCHAR);
    let concat = |left: Expr, right: Expr| binary(left, BinaryOperator::StringConcat, right);
    let level = Ident::with_quote('"', LEVEL);
    let mut roots = vec![star(), item(cast(number(1), types::BIGINT), level.clone())];
    let mut children = vec![star(), item(call("sf_deeper", vec![found_column(level.clone())]), level)];
    for (index, piece) in pieces.into_iter().enumerate() {
        let column = piece_name(index);
        let (of_root, of_child) = match piece {
            Piece::Root(value) => (of_table(*value, name), found_column(column.clone())),
            Piece::Path(args) => {
                let [value, separator] = *args;
                let step = concat(separator, text(value));
                (step.clone(), concat(found_column(column.clone()), step))
            }
        };
        roots.push(item(of_root, column.clone()));
        children.push(item(of_child, column));
    }
    let mut first = select_from(roots, table.clone());
    first.selection = start;
    let mut next = select_from(children, table);
    let conditions = relationships.into_iter().map(|term| of_table(term, name)).collect();
    let parents = TableFactor::Table {
        name: Ident::with_quote('"', FOUND).into(),
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    let constraint = join_with(&BinaryOperator::And, conditions).map_or(JoinConstraint::None, JoinConstraint::On);
    for from in &mut next.from {
        let join_operator = JoinOperator::Inner(constraint.clone());
        from.joins.push(Join { relation: parents.clone(), global: false, join_operator });
    }
    let both = SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::All,
        left: Box::new(SetExpr::Select(Box::new(first))),
        right: Box::new(SetExpr::Select(Box::new(next))),
    };
    let all = SelectItem::Wildcard(WildcardAdditionalOptions::default());
    let mut query = query_of(SetExpr::Select(Box::new(select_from(vec![all], parents))));
    query.with =
        Some(With { with_token: AttachedToken::empty(), recursive: true, cte_tables: vec![cte(query_of(both))] });
    TableFactor::Derived { lateral: false, subquery: Box::new(query), alias: Some(named(name.clone())), sample: None }
}

fn cte(query: Query) -> Cte {
    Cte {
        alias: named(Ident::with_quote('"', FOUND)),
        query: Box::new(query),
        from: None,
        materialized: None::<CteAsMaterialized>,
        closing_paren_token: AttachedToken::empty(),
    }
}
