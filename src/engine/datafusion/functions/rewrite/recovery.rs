//! What only the planner can tell: a name that is no column may be an alias from the same select list, or a column in
//! another case. The caller plans, asks [`recover`] about the failure, and plans again when it changed something.

use std::ops::ControlFlow;

use datafusion::{
    common::{DataFusionError, SchemaError},
    sql::sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, Statement, VisitMut, VisitorMut},
};

use super::build;

/// Repairs a statement that failed to plan because a column was not found. Returns whether it changed the statement; the
/// caller then plans again, at most some hundred times.
///
/// `select a + 1 as b, b * 2 as c` uses an alias (replaced by its expression, in later columns and in WHERE);
/// `select OrderId from t` means the column `OrderId` where that is the only one of this name in any case.
pub fn recover(statement: &mut Statement, error: &DataFusionError) -> bool {
    let DataFusionError::SchemaError(schema_error, _) = error.find_root() else { return false };
    let SchemaError::FieldNotFound { field, valid_fields } = schema_error.as_ref() else { return false };
    let name = field.name.as_str();
    let mut exact =
        valid_fields.iter().map(|valid| valid.name.as_str()).filter(|valid| valid.eq_ignore_ascii_case(name));
    if let Some(first) = exact.next()
        && first != name
        && exact.all(|other| other == first)
    {
        let mut quoter = Quoter { name, exact: first, replaced: false };
        let _ = statement.visit(&mut quoter);
        return quoter.replaced;
    }
    let mut expander = Expander { name, replaced: false };
    let _ = statement.visit(&mut expander);
    expander.replaced
}

/// Spells a name as the column is spelled.
struct Quoter<'a> {
    name: &'a str,
    exact: &'a str,
    replaced: bool,
}

impl VisitorMut for Quoter<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let ident = match expr {
            Expr::Identifier(ident) => Some(ident),
            Expr::CompoundIdentifier(parts) => parts.last_mut(),
            _ => None,
        };
        if let Some(ident) = ident
            && ident.quote_style.is_none()
            && ident.value.eq_ignore_ascii_case(self.name)
        {
            *ident = Ident::with_quote('"', self.exact);
            self.replaced = true;
        }
        ControlFlow::Continue(())
    }
}

struct Expander<'a> {
    name: &'a str,
    replaced: bool,
}

impl VisitorMut for Expander<'_> {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let defined = select.projection.iter().enumerate().find_map(|(index, item)| match item {
            SelectItem::ExprWithAlias { expr, alias } if is(alias, self.name) => Some((index, expr.clone())),
            _ => None,
        });
        let Some((index, definition)) = defined else { return ControlFlow::Continue(()) };
        // `b + 1 as b` with no column `b`: replacing would never end.
        let mut own = Replace { name: self.name, definition: &build::number(0), depth: 0, replaced: false };
        let _ = definition.clone().visit(&mut own);
        if own.replaced {
            return ControlFlow::Continue(());
        }
        let mut replace = Replace { name: self.name, definition: &definition, depth: 0, replaced: false };
        for item in select.projection.iter_mut().skip(index + 1) {
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { continue };
            let _ = expr.visit(&mut replace);
        }
        if let Some(selection) = &mut select.selection {
            let _ = selection.visit(&mut replace);
        }
        self.replaced |= replace.replaced;
        ControlFlow::Continue(())
    }
}

struct Replace<'a> {
    name: &'a str,
    definition: &'a Expr,
    /// Inside a subquery the name may mean a column of that query.
    depth: usize,
    replaced: bool,
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(ident) = expr
            && is(ident, self.name)
        {
            *expr = build::nested(self.definition.clone());
            self.replaced = true;
        }
        ControlFlow::Continue(())
    }
}

fn is(ident: &Ident, name: &str) -> bool {
    if ident.quote_style.is_some() { ident.value == name } else { ident.value.eq_ignore_ascii_case(name) }
}
