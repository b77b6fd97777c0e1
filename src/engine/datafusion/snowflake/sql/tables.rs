//! Forms of FROM: generators, table functions, samples, values with numbered columns, ASOF joins.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectFlavor, SelectItem, SetExpr,
    TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs, TableSample, TableSampleKind, TableSampleUnit,
    TableWithJoins, Value, WildcardAdditionalOptions, WindowSpec, WindowType, helpers::attached_token::AttachedToken,
};

use datafusion::sql::sqlparser::tokenizer::Span;

use super::{
    asof,
    calls::{ascending, simple_name},
    hierarchy::rewrite_hierarchy,
};
use crate::engine::{
    EngineError,
    datafusion::functions::rewrite::{
        build::{binary, call, cast, nested, number},
        types,
    },
};

/// The column of a generator; cannot be typed.
const SEQUENCE: &str = "\u{1}sequence";

pub(super) fn sequence() -> Ident {
    Ident::with_quote('"', SEQUENCE)
}

/// The name of the column with this number.
pub(super) fn column(number: usize) -> Ident {
    Ident::with_quote('"', format!("column{number}"))
}

pub(super) fn unsupported(feature: &str, help: &str) -> EngineError {
    EngineError::Unsupported { feature: feature.to_owned(), help: Some(help.to_owned()) }
}

/// What a table function is called with, when `factor` is one.
fn table_function(factor: &TableFactor) -> Option<(&Function, &Option<TableAlias>)> {
    match factor {
        TableFactor::TableFunction { expr: Expr::Function(function), alias } => Some((function, alias)),
        _ => None,
    }
}

pub(super) fn has_generator(select: &Select) -> bool {
    let is = |factor: &TableFactor| {
        table_function(factor).is_some_and(|(function, _)| simple_name(function).as_deref() == Some("generator"))
    };
    select.from.iter().any(|from| is(&from.relation) || from.joins.iter().any(|join| is(&join.relation)))
}

pub(super) fn rewrite_query(query: &mut Query) -> Result<(), EngineError> {
    // `with recursive` is not always said.
    if let Some(with) = &mut query.with
        && !with.recursive
    {
        with.recursive = with.cte_tables.iter().any(|cte| reads_itself(&cte.query, &cte.alias.name));
    }
    Ok(())
}

fn reads_itself(query: &Query, name: &Ident) -> bool {
    fn reads(body: &SetExpr, name: &Ident) -> bool {
        match body {
            SetExpr::SetOperation { left, right, .. } => reads(left, name) || reads(right, name),
            SetExpr::Query(query) => reads(&query.body, name),
            SetExpr::Select(select) => {
                let is = |factor: &TableFactor| match factor {
                    TableFactor::Table { name: table, .. } => match table.0.as_slice() {
                        [part] => part.as_ident().is_some_and(|part| part.value.eq_ignore_ascii_case(&name.value)),
                        _ => false,
                    },
                    _ => false,
                };
                select.from.iter().any(|from| is(&from.relation) || from.joins.iter().any(|join| is(&join.relation)))
            }
            _ => false,
        }
    }
    match query.body.as_ref() {
        SetExpr::SetOperation { left, right, .. } => !reads(left, name) && reads(right, name),
        _ => false,
    }
}

pub(super) fn rewrite_select(select: &mut Select) -> Result<(), EngineError> {
    rewrite_hierarchy(select)?;
    let mut hides = false;
    for from in &mut select.from {
        for join in &mut from.joins {
            hides |= asof::rewrite_asof(join)?;
            join_always(join);
        }
    }
    if hides {
        for item in &mut select.projection {
            if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item {
                hide(options, asof::neighbour());
            }
        }
    }
    Ok(())
}

/// A table function that is joined without a condition is joined with every row.
fn join_always(join: &mut Join) {
    let lateral = match &join.relation {
        TableFactor::Function { lateral, .. } => *lateral,
        TableFactor::TableFunction { .. } => true,
        _ => false,
    };
    if !lateral {
        return;
    }
    match &mut join.join_operator {
        JoinOperator::Left(on @ JoinConstraint::None) | JoinOperator::LeftOuter(on @ JoinConstraint::None) => {
            *on = JoinConstraint::On(Expr::Value(Value::Boolean(true).with_span(Span::empty())));
        }
        operator @ (JoinOperator::Join(JoinConstraint::None) | JoinOperator::Inner(JoinConstraint::None)) => {
            *operator = JoinOperator::CrossJoin(JoinConstraint::None);
        }
        _ => {}
    }
}

/// Leaves the helping column out of `*`.
pub(super) fn hide(options: &mut WildcardAdditionalOptions, name: Ident) {
    let neighbour: ObjectName = name.into();
    let excluded = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(one)) => vec![one, neighbour],
        Some(ExcludeSelectItem::Multiple(mut all)) => {
            all.push(neighbour);
            all
        }
        None => vec![neighbour],
    };
    options.opt_exclude = Some(ExcludeSelectItem::Multiple(excluded));
}

/// What columns of the table are qualified with.
pub(super) fn name_of(table: &TableFactor) -> Option<Ident> {
    let (alias, name) = match table {
        TableFactor::Table { name, alias, .. } => (alias, name.0.last().and_then(|part| part.as_ident())),
        TableFactor::Derived { alias, .. } => (alias, None),
        _ => return None,
    };
    alias.as_ref().map(|alias| &alias.name).or(name).cloned()
}

pub(super) fn named(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: Vec::new(), at: None }
}

pub(super) fn derived(select: Select, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query_of(SetExpr::Select(Box::new(select)))),
        alias,
        sample: None,
    }
}

pub(super) fn query_of(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

pub(super) fn select_from(projection: Vec<SelectItem>, factor: TableFactor) -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from: vec![TableWithJoins { relation: factor, joins: Vec::new() }],
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        connect_by: Vec::new(),
        flavor: SelectFlavor::Standard,
    }
}

pub(super) fn rewrite_factor(factor: &mut TableFactor) -> Result<(), EngineError> {
    match factor {
        TableFactor::TableFunction { .. } => rewrite_table_function(factor),
        TableFactor::Function { name, .. } => {
            if let Some(function) = lateral_name(&name.to_string()) {
                *name = Ident::new(function).into();
            }
            Ok(())
        }
        TableFactor::Table { version: Some(_), .. } => {
            Err(unsupported("time travel with AT or BEFORE", "write `from t version as of 3` or `timestamp as of '…'`"))
        }
        TableFactor::MatchRecognize { .. } => Err(unsupported("MATCH_RECOGNIZE", "use window functions")),
        TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
            rewrite_sample(factor)
        }
        TableFactor::Derived { subquery, alias, .. } => {
            name_values(subquery, alias);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The function here for a table function that may read columns of the tables before it.
fn lateral_name(name: &str) -> Option<&'static str> {
    match name.to_lowercase().as_str() {
        "flatten" => Some("sf_flatten"),
        "split_to_table" => Some("sf_split_to_table"),
        "strtok_split_to_table" => Some("sf_strtok_split_to_table"),
        _ => None,
    }
}

fn rewrite_table_function(factor: &mut TableFactor) -> Result<(), EngineError> {
    let Some((function, alias)) = table_function(factor) else { return Ok(()) };
    let Some(name) = simple_name(function) else { return Ok(()) };
    let args = match &function.args {
        FunctionArguments::List(list) => list.args.clone(),
        _ => Vec::new(),
    };
    let alias = alias.clone();
    if let Some(function) = lateral_name(&name) {
        *factor = TableFactor::Function {
            lateral: true,
            name: Ident::new(function).into(),
            args,
            with_ordinality: false,
            alias,
        };
        return Ok(());
    }
    match name.as_str() {
        "generator" => {
            let mut alias = alias.unwrap_or_else(|| named(Ident::with_quote('"', "generator")));
            alias.columns = vec![TableAliasColumnDef { name: sequence(), data_type: None }];
            *factor = series(row_count(&args)?, alias);
            Ok(())
        }
        "result_scan" => Err(unsupported("RESULT_SCAN", "queries have no results to look up here")),
        other => {
            Err(unsupported(&format!("the table function `{other}`"), "use `flatten`, `split_to_table` or `generator`"))
        }
    }
}

/// `generate_series(0, rows - 1)`
fn series(last: i64, alias: TableAlias) -> TableFactor {
    let arg = |value| FunctionArg::Unnamed(FunctionArgExpr::Expr(number(value)));
    TableFactor::Table {
        name: Ident::new("generate_series").into(),
        alias: Some(alias),
        args: Some(TableFunctionArgs { args: vec![arg(0), arg(last)], settings: None }),
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

/// The number of the last row.
fn row_count(args: &[FunctionArg]) -> Result<i64, EngineError> {
    for arg in args {
        if let FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } = arg
            && name.value.eq_ignore_ascii_case("rowcount")
        {
            let mut value = asof::unnested(value);
            while let Expr::Cast { expr, .. } = value {
                value = asof::unnested(expr);
            }
            if let Expr::Value(value) = value
                && let Value::Number(text, _) = &value.value
                && let Ok(rows) = text.parse::<i64>()
            {
                return Ok(rows - 1);
            }
            return Err(unsupported(
                "a generator whose rowcount is not a constant",
                "write `generator(rowcount => 100)`",
            ));
        }
    }
    Err(unsupported("a generator without rowcount", "write `generator(rowcount => 100)`"))
}

/// `t sample (10)`: each row with that probability; `sample (10 rows)`: as many rows.
fn rewrite_sample(factor: &mut TableFactor) -> Result<(), EngineError> {
    let (sample, alias) = match factor {
        TableFactor::Table { sample, alias, name, .. } => {
            let table = name.0.last().and_then(|part| part.as_ident()).cloned();
            let named = alias.clone().or_else(|| table.map(named));
            (sample.take(), named)
        }
        TableFactor::Derived { sample, alias, .. } => (sample.take(), alias.take()),
        _ => return Ok(()),
    };
    let Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample else {
        return Ok(());
    };
    let TableSample { quantity: Some(quantity), .. } = *sample else {
        return Err(unsupported(
            "a sample without size",
            "write `sample (10)` for percent, `sample (10 rows)` for rows",
        ));
    };
    if let TableFactor::Table { alias, .. } = factor {
        *alias = None;
    }
    let star = SelectItem::Wildcard(WildcardAdditionalOptions::default());
    let mut select = select_from(vec![star], factor.clone());
    let random = call("random", Vec::new());
    let query = if quantity.unit == Some(TableSampleUnit::Rows) {
        let name = || Ident::with_quote('"', SEQUENCE);
        select.projection.push(SelectItem::ExprWithAlias { expr: random, alias: name() });
        let mut options = WildcardAdditionalOptions::default();
        hide(&mut options, name());
        let table = derived(select, alias.clone());
        let mut outer = select_from(vec![SelectItem::Wildcard(options)], table);
        let number = row_number_by(Expr::Identifier(name()));
        outer.qualify = Some(binary(number, BinaryOperator::LtEq, quantity.value));
        query_of(SetExpr::Select(Box::new(outer)))
    } else {
        let percent = cast(nested(quantity.value), types::DOUBLE);
        select.selection =
            Some(binary(binary(random, BinaryOperator::Multiply, number(100)), BinaryOperator::Lt, percent));
        query_of(SetExpr::Select(Box::new(select)))
    };
    *factor = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias, sample: None };
    Ok(())
}

/// `row_number() over (order by by)`
fn row_number_by(by: Expr) -> Expr {
    let mut window = call("row_number", Vec::new());
    if let Expr::Function(function) = &mut window {
        function.over = Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by: Vec::new(),
            order_by: vec![ascending(by)],
            window_frame: None,
        }));
    }
    window
}

/// `(values (1, 2))` has the columns `column1` and `column2`.
fn name_values(subquery: &Query, alias: &mut Option<TableAlias>) {
    let SetExpr::Values(values) = subquery.body.as_ref() else { return };
    let Some(first) = values.rows.first() else { return };
    let alias = alias.get_or_insert_with(|| named(Ident::with_quote('"', "values")));
    if alias.columns.is_empty() {
        alias.columns =
            (1..=first.len()).map(|number| TableAliasColumnDef { name: column(number), data_type: None }).collect();
    }
}
