//! Bare names of columns, replaced by what they stand for.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, VisitMut, VisitorMut};

use super::calls;

/// Puts what `meaning` gives for a bare name in its place. Returns whether there was one.
///
/// Subqueries stay as they are: the name may mean a column of theirs.
pub(super) fn replace_names(tree: &mut impl VisitMut, meaning: impl Fn(&Ident) -> Option<Expr>) -> bool {
    let mut replacer = Replacer { meaning, depth: 0, replaced: false };
    let _ = tree.visit(&mut replacer);
    replacer.replaced
}

struct Replacer<F> {
    meaning: F,
    /// How many subqueries are open.
    depth: usize,
    replaced: bool,
}

impl<F: Fn(&Ident) -> Option<Expr>> VisitorMut for Replacer<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // `datediff(month, …)` names no column.
        if let Expr::Function(function) = expr {
            calls::own_name(function);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(ident) = expr
            && let Some(meaning) = (self.meaning)(ident)
        {
            *expr = meaning;
            self.replaced = true;
        }
        ControlFlow::Continue(())
    }
}
