//! What only the planner can tell: a name that is no column may be an alias from the same select list, or a column in
//! another case. The caller plans, asks [`recover`] about the failure, and plans again when it changed something.

use std::ops::ControlFlow;

use datafusion::{
    common::{DataFusionError, SchemaError},
    sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, Statement, VisitMut, VisitorMut},
};

use super::{build, names::replace_names};

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
        let meaning = |ident: &Ident| is(ident, self.name).then(|| build::nested(definition.clone()));
        if replace_names(&mut definition.clone(), meaning) {
            return ControlFlow::Continue(());
        }
        let mut replaced = false;
        for item in select.projection.iter_mut().skip(index + 1) {
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { continue };
            replaced |= replace_names(expr, meaning);
        }
        if let Some(selection) = &mut select.selection {
            replaced |= replace_names(selection, meaning);
        }
        self.replaced |= replaced;
        ControlFlow::Continue(())
    }
}

fn is(ident: &Ident, name: &str) -> bool {
    if ident.quote_style.is_some() { ident.value == name } else { ident.value.eq_ignore_ascii_case(name) }
}
