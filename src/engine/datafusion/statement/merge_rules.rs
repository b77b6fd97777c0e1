//! The clauses of a MERGE as expressions over a stream of rows: which rule a row falls under, its new values, and a code
//! that the writer counts.

use std::sync::Arc;

use datafusion::{
    common::{Column, DFSchema, DataFusionError},
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, expr_fn::when, ident, lit},
    scalar::ScalarValue,
    sql::sqlparser::ast,
};

use super::{
    super::{
        core::{SessionCore, fold},
        types,
        write::GONE,
    },
    merge::{Action, Clause, Parts},
};

/// What happens to a row, as the writer counts it; cannot be typed.
const CODE: &str = "\u{1}code";
const KEEP: i32 = 0;
const INSERT: i32 = 1;
const UPDATE: i32 = 2;
const DELETE: i32 = GONE;
const DROP: i32 = -1;
const RULE: &str = "\u{1}rule";
const REST: &str = "\u{1}rest";

/// Which columns the expressions of a clause may name.
#[derive(Clone, Copy)]
pub(super) enum Sees {
    Both,
    Target,
    Source,
}

/// Conditions and values of the clauses as expressions over one stream of rows.
pub(super) struct Rules<'a> {
    session: &'a Arc<SessionCore>,
    parts: &'a Parts,
    schema: DFSchema,
    /// Condition, code, and a value per column that is set.
    rules: Vec<(Expr, i32, Vec<Option<Expr>>)>,
}

impl<'a> Rules<'a> {
    pub fn new(session: &'a Arc<SessionCore>, parts: &'a Parts, rows: &LogicalPlan) -> Result<Self, DataFusionError> {
        Ok(Self { session, parts, schema: rows.schema().as_ref().clone(), rules: Vec::new() })
    }

    pub fn add(&mut self, clauses: &[Clause], side: &Expr, sees: Sees) -> Result<(), DataFusionError> {
        let schema = self.visible(sees)?;
        let state = self.session.state();
        let expression = |expr: &ast::Expr| {
            let expr = ast::ExprWithAlias { expr: expr.clone(), alias: None };
            state.create_logical_expr_from_sql_expr(expr, &schema)
        };
        let columns = self.parts.target.table.schema();
        for clause in clauses {
            let condition = match &clause.condition {
                Some(condition) => side.clone().and(expression(condition)?.is_true()),
                None => side.clone(),
            };
            let mut values: Vec<Option<Expr>> = vec![None; columns.fields().len()];
            let code = match (&clause.action, sees) {
                (Action::Delete, _) => DELETE,
                (Action::Set(set), _) => {
                    for (index, value) in set {
                        let value = cast(expression(value)?, columns.field(*index).data_type().clone());
                        if let Some(slot) = values.get_mut(*index) {
                            *slot = Some(value);
                        }
                    }
                    if matches!(sees, Sees::Source) { INSERT } else { UPDATE }
                }
                (Action::Row, _) => {
                    for (slot, field) in values.iter_mut().zip(columns.fields()) {
                        let column = schema.iter().find(|(_, known)| known.name().eq_ignore_ascii_case(field.name()));
                        if let Some((qualifier, known)) = column {
                            let column = Column::new(qualifier.cloned(), known.name());
                            *slot = Some(cast(Expr::Column(column), field.data_type().clone()));
                        }
                    }
                    INSERT
                }
            };
            self.rules.push((condition, code, values));
        }
        Ok(())
    }

    fn visible(&self, sees: Sees) -> Result<DFSchema, DataFusionError> {
        let alias = match sees {
            Sees::Both => return Ok(self.schema.clone()),
            Sees::Target => fold(&self.parts.target.alias),
            Sees::Source => fold(&self.parts.source_alias),
        };
        let fields = self
            .schema
            .iter()
            .filter(|(qualifier, _)| qualifier.is_some_and(|qualifier| qualifier.table() == alias))
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
            .collect();
        DFSchema::new_with_metadata(fields, std::collections::HashMap::new())
    }

    /// The target's columns and the code. `in_target`: rows of the target that no rule concerns are kept.
    pub fn finish(self, rows: LogicalPlan, in_target: Option<Expr>) -> Result<LogicalPlan, DataFusionError> {
        let columns = self.parts.target.table.schema();
        let alias = fold(&self.parts.target.alias);
        let rest = match &in_target {
            Some(in_target) => when(in_target.clone(), lit(KEEP)).otherwise(lit(DROP))?,
            None => lit(DROP),
        };
        // First which rule a row falls under, so that each condition is evaluated once.
        let rule = choose(
            self.rules.iter().enumerate().map(|(at, (condition, ..))| (condition.clone(), number(at))).collect(),
            lit(-1),
        )?;
        let names: Vec<_> = rows.schema().columns();
        let mut first: Vec<Expr> = names.into_iter().map(Expr::Column).collect();
        first.push(rule.alias(RULE));
        first.push(rest.alias(REST));
        let ruled = LogicalPlanBuilder::from(rows).project(first)?.build()?;
        let is = |at: usize| ident(RULE).eq(number(at));
        let code = choose(
            self.rules.iter().enumerate().map(|(at, (_, code, _))| (is(at), lit(*code))).collect(),
            ident(REST),
        )?;
        let mut last = Vec::new();
        for (index, field) in columns.fields().iter().enumerate() {
            let old = match in_target {
                Some(_) => cast(col(Column::new(Some(alias.clone()), field.name())), field.data_type().clone()),
                None => cast(lit(ScalarValue::Null), field.data_type().clone()),
            };
            let values = self.rules.iter().enumerate().filter_map(|(at, (_, code, values))| {
                let value = values.get(index).cloned().flatten();
                let missing = || types::default_of(field);
                match (value, *code) {
                    (Some(value), _) => Some((is(at), value)),
                    (None, INSERT) => Some((is(at), missing())),
                    (None, _) => None,
                }
            });
            last.push(choose(values.collect(), old)?.alias(field.name()));
        }
        last.push(code.alias(CODE));
        LogicalPlanBuilder::from(ruled).project(last)?.filter(ident(CODE).gt_eq(lit(KEEP)))?.build()
    }
}

fn number(at: usize) -> Expr {
    lit(i32::try_from(at).unwrap_or(i32::MAX))
}

/// The value of the first condition that holds.
fn choose(cases: Vec<(Expr, Expr)>, otherwise: Expr) -> Result<Expr, DataFusionError> {
    let mut cases = cases.into_iter();
    let Some((condition, value)) = cases.next() else { return Ok(otherwise) };
    let mut builder = when(condition, value);
    for (condition, value) in cases {
        builder = builder.when(condition, value);
    }
    builder.otherwise(otherwise)
}
