//! Clauses that the planner ignores or cannot do. Refused before planning, each with what to write instead.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArguments, GroupByExpr, Join, JoinOperator, OrderByKind, Query, Select, SelectItem, Statement,
    TableFactor, Visit, Visitor,
};

use crate::engine::{
    EngineError,
    datafusion::functions::{column_count, is_order_by_all},
};

/// Refuses clauses that the planner ignores or cannot do, each with what to write instead. Call it before the rewrite.
///
/// # Errors
/// [`EngineError::Unsupported`] naming the clause.
pub fn check_statement(statement: &Statement) -> Result<(), EngineError> {
    check(statement, Checker { pivots: false })
}

/// The same for a session that can plan PIVOT and UNPIVOT.
///
/// # Errors
/// As [`check_statement`].
pub fn check_statement_but_pivots(statement: &Statement) -> Result<(), EngineError> {
    check(statement, Checker { pivots: true })
}

fn check(statement: &Statement, mut checker: Checker) -> Result<(), EngineError> {
    match statement.visit(&mut checker) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refusal) => {
            Err(EngineError::Unsupported { feature: refusal.feature, help: refusal.help.map(str::to_owned) })
        }
    }
}

struct Refusal {
    feature: String,
    help: Option<&'static str>,
}

fn refuse(feature: impl Into<String>, help: &'static str) -> ControlFlow<Box<Refusal>> {
    ControlFlow::Break(Box::new(Refusal { feature: feature.into(), help: (!help.is_empty()).then_some(help) }))
}

struct Checker {
    /// Whether PIVOT and UNPIVOT are planned.
    pivots: bool,
}

impl Visitor for Checker {
    type Break = Box<Refusal>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if !query.locks.is_empty() {
            return refuse("FOR UPDATE", "reading never locks; leave the clause out");
        }
        if query.for_clause.is_some() {
            return refuse("FOR XML / FOR JSON", "");
        }
        if query.settings.is_some() {
            return refuse("SETTINGS", "");
        }
        if query.format_clause.is_some() {
            return refuse("FORMAT", "");
        }
        if query.fetch.as_ref().is_some_and(|fetch| fetch.with_ties || fetch.percent) {
            return refuse("FETCH … WITH TIES / PERCENT", "use `qualify rank() over (order by …) <= n`");
        }
        check_order(query)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        check_select(select)?;
        for table in &select.from {
            table.joins.iter().try_for_each(check_join)?;
        }
        select.projection.iter().try_for_each(check_item)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } if self.pivots => ControlFlow::Continue(()),
            factor => check_table(factor),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expr
            && function.parameters != FunctionArguments::None
        {
            return refuse(format!("`{}` with two argument lists", function.name), "");
        }
        ControlFlow::Continue(())
    }
}

fn check_order(query: &Query) -> ControlFlow<Box<Refusal>> {
    let Some(order_by) = &query.order_by else { return ControlFlow::Continue(()) };
    if order_by.interpolate.is_some() {
        return refuse("ORDER BY … INTERPOLATE", "");
    }
    match &order_by.kind {
        OrderByKind::Expressions(terms) if terms.iter().any(|term| term.with_fill.is_some()) => {
            refuse("ORDER BY … WITH FILL", "join a series made with `generate_series`")
        }
        // The planner would drop it without a word after a set operation.
        _ if is_order_by_all(order_by) && column_count(&query.body).is_none() => {
            refuse("ORDER BY ALL over `*`", "write `order by 1, 2, …`")
        }
        _ => ControlFlow::Continue(()),
    }
}

fn check_select(select: &Select) -> ControlFlow<Box<Refusal>> {
    if select.top.as_ref().is_some_and(|top| top.with_ties || top.percent) {
        return refuse("TOP … WITH TIES / PERCENT", "use `qualify rank() over (order by …) <= n`");
    }
    if select.into.is_some() {
        return refuse("SELECT INTO", "use `create table … as select …`");
    }
    if select.prewhere.is_some() {
        return refuse("PREWHERE", "use `where`");
    }
    if !select.connect_by.is_empty() {
        return refuse("CONNECT BY", "use `with recursive`");
    }
    if !select.lateral_views.is_empty() {
        return refuse("LATERAL VIEW", "use `unnest(…)` in the select list");
    }
    if !select.cluster_by.is_empty() || !select.distribute_by.is_empty() || !select.sort_by.is_empty() {
        return refuse("CLUSTER BY / DISTRIBUTE BY / SORT BY", "use `order by`");
    }
    if select.value_table_mode.is_some() {
        return refuse("SELECT AS STRUCT / AS VALUE", "use `named_struct(…)`");
    }
    if select.exclude.is_some() {
        return refuse("EXCLUDE after the select list", "write `* exclude (…)`");
    }
    if select.select_modifiers.is_some() {
        return refuse("MySQL's select modifiers", "");
    }
    let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = &select.group_by;
    if modifiers.is_empty() {
        ControlFlow::Continue(())
    } else {
        refuse("GROUP BY … WITH ROLLUP / CUBE / TOTALS", "write `group by rollup (…)`")
    }
}

fn check_item(item: &SelectItem) -> ControlFlow<Box<Refusal>> {
    let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else {
        return ControlFlow::Continue(());
    };
    if options.opt_ilike.is_some() {
        return refuse("* ILIKE", "list the columns");
    }
    if options.opt_rename.is_some() {
        return refuse("* RENAME", "write `* exclude (old), old as new`");
    }
    ControlFlow::Continue(())
}

fn check_join(join: &Join) -> ControlFlow<Box<Refusal>> {
    match &join.join_operator {
        JoinOperator::AsOf { .. } => {
            refuse("ASOF JOIN", "join on the range and keep the latest row with `qualify row_number() over (…) = 1`")
        }
        JoinOperator::CrossApply | JoinOperator::OuterApply => refuse("CROSS APPLY / OUTER APPLY", "use a join"),
        _ => ControlFlow::Continue(()),
    }
}

fn check_table(factor: &TableFactor) -> ControlFlow<Box<Refusal>> {
    const SAMPLE: &str = "use `where random() < 0.1`";
    match factor {
        TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
            refuse("TABLESAMPLE", SAMPLE)
        }
        TableFactor::Table { with_ordinality: true, .. } | TableFactor::Function { with_ordinality: true, .. } => {
            refuse("WITH ORDINALITY", "use `row_number() over ()`")
        }
        TableFactor::Table { partitions, .. } if !partitions.is_empty() => {
            refuse("PARTITION (…) after a table", "filter on the partition column")
        }
        TableFactor::Table { index_hints, with_hints, .. } if !index_hints.is_empty() || !with_hints.is_empty() => {
            refuse("table hints", "leave them out")
        }
        TableFactor::Table { json_path: Some(_), .. } => refuse("a JSON path after a table", "use `json_extract(…)`"),
        TableFactor::Pivot { .. } => refuse("PIVOT", "use `sum(case when … then … end)` or `dbt_utils.pivot`"),
        TableFactor::Unpivot { .. } => refuse("UNPIVOT", "use `union all` or `dbt_utils.unpivot`"),
        TableFactor::MatchRecognize { .. } => refuse("MATCH_RECOGNIZE", "use window functions"),
        TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => {
            refuse("JSON_TABLE / OPENJSON", "use `unnest(json_array_elements(…))`")
        }
        TableFactor::XmlTable { .. } => refuse("XMLTABLE", ""),
        TableFactor::SemanticView { .. } => refuse("SEMANTIC_VIEW", ""),
        TableFactor::Function { name, .. } if name.to_string().eq_ignore_ascii_case("flatten") => {
            refuse("LATERAL FLATTEN", "use `unnest(json_array_elements(…))` in the select list")
        }
        TableFactor::TableFunction { expr, .. } => {
            refuse(format!("TABLE({expr})"), "call the table function without `table(…)`")
        }
        _ => ControlFlow::Continue(()),
    }
}
