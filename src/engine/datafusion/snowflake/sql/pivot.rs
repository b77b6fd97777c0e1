//! PIVOT and UNPIVOT: planned as the grouping and the union that they stand for, once the columns of their table are known.

use datafusion::{
    common::{Result, plan_err},
    logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning},
    sql::sqlparser::ast::{
        BinaryOperator, Expr, ExprWithAlias, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
        Ident, NullInclusion, PivotValueSource, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableFactor,
        Visit, VisitMut, Visitor, VisitorMut,
    },
};
use std::ops::ControlFlow;

use super::{
    super::names::swapped,
    calls::{arguments, simple_name},
    tables::{derived, query_of, select_from},
};
use crate::engine::datafusion::functions::rewrite::build::{binary, call, case, nested, number, string};

const AGGREGATES: &[&str] = &[
    "sum",
    "count",
    "min",
    "max",
    "any_value",
    "first_value",
    "last_value",
    "median",
    "array_agg",
    "string_agg",
    "stddev",
    "approx_distinct",
];

#[derive(Debug)]
pub(super) struct PivotPlanner;

impl RelationPlanner for PivotPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (query, alias) = match relation {
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } => {
                let columns = columns_of(&table, context)?;
                let values = match value_source {
                    PivotValueSource::List(values) => values,
                    PivotValueSource::Any(_) | PivotValueSource::Subquery(_) => {
                        return plan_err!(
                            "`pivot(… in (any))` is not supported here: the columns of a model must be known before it runs; list the values"
                        );
                    }
                };
                let pivot =
                    Pivot { aggregates: aggregate_functions, by: value_column, values, default: default_on_null };
                (pivot.query(*table, &columns)?, alias)
            }
            TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
                let all = columns_of(&table, context)?;
                let keeps_nulls = null_inclusion == Some(NullInclusion::IncludeNulls);
                (unpivot(*table, &value, &name, &columns, keeps_nulls, &all)?, alias)
            }
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let plan = context.plan(query)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

fn columns_of(table: &TableFactor, context: &mut dyn RelationPlannerContext) -> Result<Vec<String>> {
    let plan = context.plan(table.clone())?;
    Ok(plan.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// The column of this name, as it is stored.
fn stored(columns: &[String], expr: &Expr) -> Option<String> {
    let ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::CompoundIdentifier(parts) => parts.last()?,
        Expr::Nested(inner) => return stored(columns, inner),
        _ => return None,
    };
    let exact = columns.iter().find(|column| **column == ident.value);
    exact.or_else(|| columns.iter().find(|column| column.eq_ignore_ascii_case(&ident.value))).cloned()
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

struct Pivot {
    aggregates: Vec<ExprWithAlias>,
    by: Vec<Expr>,
    values: Vec<ExprWithAlias>,
    default: Option<Expr>,
}

impl Pivot {
    fn query(self, table: TableFactor, columns: &[String]) -> Result<TableFactor> {
        let [by] = self.by.as_slice() else { return plan_err!("PIVOT has one column FOR its values") };
        let mut used = Names(columns, Vec::new());
        for aggregate in &self.aggregates {
            let _ = aggregate.expr.visit(&mut used);
        }
        let _ = by.visit(&mut used);
        let keys: Vec<&String> = columns.iter().filter(|column| !used.1.contains(column)).collect();
        let mut projection: Vec<SelectItem> =
            keys.iter().map(|key| SelectItem::UnnamedExpr(Expr::Identifier(quoted(key)))).collect();
        for aggregate in &self.aggregates {
            for value in &self.values {
                let condition = binary(by.clone(), BinaryOperator::Eq, value.expr.clone());
                let mut expr = aggregate.expr.clone();
                let _ = VisitMut::visit(&mut expr, &mut Filtered(condition));
                if let Some(default) = &self.default {
                    expr = call("coalesce", vec![expr, default.clone()]);
                }
                let name =
                    value.alias.as_ref().map_or_else(|| swapped(&value.expr.to_string()), |alias| alias.value.clone());
                let alias = match &aggregate.alias {
                    Some(alias) => quoted(&format!("{name}_{}", alias.value)),
                    None => match &value.alias {
                        Some(alias) => alias.clone(),
                        None => quoted(&name),
                    },
                };
                projection.push(SelectItem::ExprWithAlias { expr, alias });
            }
        }
        let mut select = select_from(projection, table);
        select.group_by =
            GroupByExpr::Expressions(keys.iter().map(|key| Expr::Identifier(quoted(key))).collect(), Vec::new());
        Ok(derived(select, None))
    }
}

/// The columns that an expression names.
struct Names<'a>(&'a [String], Vec<String>);

impl Visitor for Names<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.1.extend(stored(self.0, expr));
        ControlFlow::Continue(())
    }
}

/// Lets aggregates see the rows alone for which a condition holds.
struct Filtered(Expr);

impl VisitorMut for Filtered {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if simple_name(function).is_some_and(|name| AGGREGATES.contains(&name.as_str())) {
            self.filter(function);
        }
        ControlFlow::Continue(())
    }
}

impl Filtered {
    fn filter(&self, function: &mut Function) {
        let value = arguments(function).and_then(|args| args.into_iter().next()).unwrap_or_else(|| number(1));
        if let FunctionArguments::List(list) = &mut function.args {
            let seen = FunctionArg::Unnamed(FunctionArgExpr::Expr(case(vec![(self.0.clone(), value)], None)));
            match list.args.first_mut() {
                Some(first) => *first = seen,
                None => list.args.push(seen),
            }
        }
    }
}

fn unpivot(
    table: TableFactor,
    value: &Expr,
    name: &Ident,
    columns: &[ExprWithAlias],
    keeps_nulls: bool,
    all: &[String],
) -> Result<TableFactor> {
    let Expr::Identifier(value) = value else { return plan_err!("UNPIVOT names one column for the values") };
    let mut taken = Vec::new();
    for column in columns {
        match stored(all, &column.expr) {
            Some(found) => taken.push((found, column.alias.as_ref())),
            None => return plan_err!("UNPIVOT: there is no column `{}`", column.expr),
        }
    }
    let kept: Vec<&String> = all.iter().filter(|column| !taken.iter().any(|(name, _)| name == *column)).collect();
    let mut body: Option<SetExpr> = None;
    for (column, alias) in &taken {
        let of_column = Expr::Identifier(quoted(column));
        let label = match alias {
            Some(alias) => string(&alias.value),
            None => string(&swapped(column)),
        };
        let mut projection: Vec<SelectItem> =
            kept.iter().map(|key| SelectItem::UnnamedExpr(Expr::Identifier(quoted(key)))).collect();
        projection.push(SelectItem::ExprWithAlias { expr: label, alias: name.clone() });
        projection.push(SelectItem::ExprWithAlias { expr: of_column.clone(), alias: value.clone() });
        let mut select: Select = select_from(projection, table.clone());
        if !keeps_nulls {
            select.selection = Some(Expr::IsNotNull(Box::new(nested(of_column))));
        }
        let select = SetExpr::Select(Box::new(select));
        body = Some(match body {
            None => select,
            Some(before) => SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left: Box::new(before),
                right: Box::new(select),
            },
        });
    }
    match body {
        Some(body) => {
            Ok(TableFactor::Derived { lateral: false, subquery: Box::new(query_of(body)), alias: None, sample: None })
        }
        None => plan_err!("UNPIVOT has no columns"),
    }
}
