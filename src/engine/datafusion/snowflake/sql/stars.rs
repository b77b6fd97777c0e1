//! What depends on the columns of a FROM: `* ilike`, `* rename`, and functions of all columns, `hash(*)`. Such a SELECT is
//! asked for its columns first, and then written out.

use std::{mem, ops::ControlFlow};

use datafusion::{
    common::DFSchema,
    sql::sqlparser::ast::{
        Cte, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query,
        RenameSelectItem, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, VisitMut,
        VisitorMut, WildcardAdditionalOptions, With,
    },
};

use super::{
    super::names::swapped,
    calls::simple_name,
    tables::{query_of, select_from},
};
use crate::engine::datafusion::functions::rewrite::build::string;

/// Functions that take `*`.
const OF_ALL: &[&str] = &["hash", "object_construct", "object_construct_keep_null"];

/// The query that tells the columns of the first SELECT that has to be written out; `None` when there is none.
pub(in crate::engine::datafusion) fn question(statement: &Statement) -> Option<Statement> {
    let mut finder = Finder { scopes: Vec::new(), answer: None, question: None };
    let mut statement = statement.clone();
    let _ = statement.visit(&mut finder);
    finder.question
}

/// Writes the first such SELECT out with the columns that the question has.
pub(in crate::engine::datafusion) fn answer(statement: &mut Statement, columns: &DFSchema) {
    let mut finder = Finder { scopes: Vec::new(), answer: Some(columns), question: None };
    let _ = statement.visit(&mut finder);
}

/// The CTEs that a query has defined so far.
struct Scope {
    ctes: Vec<Cte>,
    recursive: bool,
    /// How many of them were visited.
    seen: usize,
}

struct Finder<'a> {
    scopes: Vec<Scope>,
    /// What to write the first SELECT out with; without it the question is asked.
    answer: Option<&'a DFSchema>,
    question: Option<Statement>,
}

impl VisitorMut for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let (ctes, recursive) = match &query.with {
            Some(with) => (with.cte_tables.clone(), with.recursive),
            None => (Vec::new(), false),
        };
        self.scopes.push(Scope { ctes, recursive, seen: 0 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.scopes.pop();
        // A CTE may have been written out meanwhile.
        if let Some(outer) = self.scopes.last_mut()
            && let Some(cte) = outer.ctes.get_mut(outer.seen)
        {
            *cte.query = query.clone();
            outer.seen += 1;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let Some(star) = first_star(select) else { return ControlFlow::Continue(()) };
        match self.answer {
            Some(columns) => write_out(select, &star, columns),
            None => self.question = Some(self.ask(select, star.item)),
        }
        ControlFlow::Break(())
    }
}

impl Finder<'_> {
    fn ask(&self, select: &Select, item: SelectItem) -> Statement {
        let mut asked = select_from(vec![item], empty_factor());
        asked.from.clone_from(&select.from);
        let mut query = query_of(SetExpr::Select(Box::new(asked)));
        let visible = |scope: &Scope| scope.ctes.iter().take(scope.seen).cloned().collect::<Vec<_>>();
        let cte_tables: Vec<Cte> = self.scopes.iter().flat_map(visible).collect();
        if !cte_tables.is_empty() {
            let recursive = self.scopes.iter().any(|scope| scope.recursive);
            query.with = Some(With {
                with_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
                recursive,
                cte_tables,
            });
        }
        Statement::Query(Box::new(query))
    }
}

fn empty_factor() -> datafusion::sql::sqlparser::ast::TableFactor {
    datafusion::sql::sqlparser::ast::TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query_of(SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: Vec::new(),
        }))),
        alias: None,
        sample: None,
    }
}

/// What has to be written out, and the star whose columns it needs.
struct Star {
    /// The item of the select list; `None` for a function of all columns.
    index: Option<usize>,
    item: SelectItem,
}

fn first_star(select: &Select) -> Option<Star> {
    for (index, item) in select.projection.iter().enumerate() {
        let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { continue };
        if options.opt_ilike.is_some() || options.opt_rename.is_some() {
            let mut plain = options.clone();
            plain.opt_ilike = None;
            plain.opt_rename = None;
            plain.opt_replace = None;
            let item = match item {
                SelectItem::QualifiedWildcard(table, _) => SelectItem::QualifiedWildcard(table.clone(), plain),
                _ => SelectItem::Wildcard(plain),
            };
            return Some(Star { index: Some(index), item });
        }
    }
    let mut calls = Calls { columns: None, table: None };
    let mut projection = select.projection.clone();
    let found = projection.iter_mut().any(|item| VisitMut::visit(item, &mut calls).is_break());
    let item = match calls.table {
        Some(table) => SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(table),
            WildcardAdditionalOptions::default(),
        ),
        None => SelectItem::Wildcard(WildcardAdditionalOptions::default()),
    };
    found.then_some(Star { index: None, item })
}

fn write_out(select: &mut Select, star: &Star, columns: &DFSchema) {
    let columns: Vec<(Expr, String)> = columns
        .columns()
        .into_iter()
        .map(|column| {
            let mut parts: Vec<Ident> = match &column.relation {
                Some(relation) => relation.to_vec().into_iter().map(|part| Ident::with_quote('"', part)).collect(),
                None => Vec::new(),
            };
            parts.push(Ident::with_quote('"', column.name.clone()));
            let expr =
                if parts.len() == 1 { Expr::Identifier(parts.remove(0)) } else { Expr::CompoundIdentifier(parts) };
            (expr, column.name)
        })
        .collect();
    let Some(index) = star.index else {
        let mut calls = Calls { columns: Some(&columns), table: None };
        let _ = select.projection.iter_mut().any(|item| VisitMut::visit(item, &mut calls).is_break());
        return;
    };
    let Some(SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) =
        select.projection.get(index).cloned()
    else {
        return;
    };
    let pattern = options.opt_ilike.as_ref().map(|ilike| ilike.pattern.to_lowercase());
    let renamed: Vec<(String, Ident)> = match options.opt_rename {
        Some(RenameSelectItem::Single(one)) => vec![(folded(&one.ident), one.alias)],
        Some(RenameSelectItem::Multiple(all)) => all.into_iter().map(|one| (folded(&one.ident), one.alias)).collect(),
        None => Vec::new(),
    };
    let replaced = options.opt_replace.map(|replace| replace.items).unwrap_or_default();
    let items = columns
        .into_iter()
        .filter(|(_, name)| pattern.as_ref().is_none_or(|pattern| is_like(&name.to_lowercase(), pattern)));
    let items: Vec<SelectItem> = items
        .map(|(expr, name)| {
            let replacement = replaced.iter().find(|item| folded(&item.column_name) == name);
            let alias = renamed.iter().find(|(old, _)| *old == name).map(|(_, new)| new.clone());
            match (replacement, alias) {
                (None, None) => SelectItem::UnnamedExpr(expr),
                (replacement, alias) => SelectItem::ExprWithAlias {
                    expr: replacement.map_or(expr, |item| item.expr.clone()),
                    alias: alias.unwrap_or_else(|| Ident::with_quote('"', name)),
                },
            }
        })
        .collect();
    select.projection.splice(index..=index, items);
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// `%` stands for any text, `_` for one character.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut letters = pattern.chars();
    let Some(first) = letters.next() else { return text.is_empty() };
    let rest = letters.as_str();
    let mut chars = text.chars();
    match first {
        '%' => {
            let mut tail = text;
            loop {
                if is_like(tail, rest) {
                    return true;
                }
                let mut chars = tail.chars();
                if chars.next().is_none() {
                    return false;
                }
                tail = chars.as_str();
            }
        }
        '_' => chars.next().is_some() && is_like(chars.as_str(), rest),
        letter => chars.next() == Some(letter) && is_like(chars.as_str(), rest),
    }
}

/// Finds calls with `*`, and writes the columns in its place where they are known.
struct Calls<'a> {
    columns: Option<&'a [(Expr, String)]>,
    table: Option<ObjectName>,
}

impl VisitorMut for Calls<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let Some(name) = simple_name(function).filter(|name| OF_ALL.contains(&name.as_str())) else {
            return ControlFlow::Continue(());
        };
        let Some(star) = star_of(function) else { return ControlFlow::Continue(()) };
        self.table = star;
        if let (Some(columns), FunctionArguments::List(list)) = (self.columns, &mut function.args) {
            let with_keys = name != "hash";
            let exprs = columns.iter().flat_map(|(expr, name)| {
                let key = with_keys.then(|| string(&swapped(name)));
                key.into_iter().chain([expr.clone()])
            });
            list.args = exprs.map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
        }
        ControlFlow::Break(())
    }
}

/// Of which table all columns are meant, where a call has `*` or `t.*`.
fn star_of(function: &mut Function) -> Option<Option<ObjectName>> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    match mem::take(&mut list.args).as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => Some(None),
        [FunctionArg::Unnamed(FunctionArgExpr::WildcardWithOptions(_))] => Some(None),
        [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(table))] => Some(Some(table.clone())),
        others => {
            list.args = others.to_vec();
            None
        }
    }
}
