//! MERGE: joins the source with the files of the target that hold matches, and writes these files anew. Source rows that
//! match nothing become new files. A target row that matches several source rows is an error, as in Snowflake.

use std::sync::Arc;

use datafusion::{
    common::DataFusionError,
    logical_expr::{LogicalPlan, LogicalPlanBuilder, ident, lit},
    sql::sqlparser::ast::{
        self, BinaryOperator, Ident, JoinConstraint, JoinOperator, Merge, MergeAction, MergeClauseKind,
        MergeInsertKind, Statement, TableFactor,
    },
};

use super::{
    super::{
        core::{SessionCore, fold, locked},
        errors::carry,
        parse::{Parsed, sql_error},
    },
    create::materialize,
    delete::{assigned, finish, write_rows},
    insert::missing_column,
    merge_rules::{Rules, Sees},
    nothing,
    rewrite::{
        FILE, SOURCE, TARGET, Target, alias_text, files_and_sums, open_target, plan_ast, requalify, respelling, rows,
        select_of, show_target, template,
    },
};
use crate::{
    engine::{EngineError, Outcome},
    names::{RelationKind, quote_identifier},
};

/// Columns of the join that say on which side a row was; cannot be typed.
const IN_TARGET: &str = "\u{1}in_target";
const IN_SOURCE: &str = "\u{1}in_source";
const ROW: &str = "\u{1}row";

pub(super) async fn merge(session: &Arc<SessionCore>, parsed: Parsed) -> Result<Outcome, EngineError> {
    respelling(session, parsed, |statement| async { merge_once(session, statement).await }).await
}

/// The parts of the statement that the steps need.
pub(super) struct Parts {
    pub target: Target,
    /// The source as SQL text of a table, and its alias.
    source: String,
    pub source_alias: Ident,
    on: ast::Expr,
    never_matches: bool,
    matched: Vec<Clause>,
    by_source: Vec<Clause>,
    inserts: Vec<Clause>,
}

pub(super) struct Clause {
    pub condition: Option<ast::Expr>,
    pub action: Action,
}

pub(super) enum Action {
    Delete,
    /// Column index in the target and value.
    Set(Vec<(usize, ast::Expr)>),
    /// Insert the source's columns of the same names.
    Row,
}

async fn merge_once(session: &Arc<SessionCore>, mut statement: Statement) -> Result<Outcome, DataFusionError> {
    let factor = match &statement {
        Statement::Merge(merge) => merge.table.clone(),
        _ => return Err(carry(sql_error("MERGE was expected"))),
    };
    let target = open_target(session, &factor).await.map_err(carry)?;
    requalify(session, &target, &mut statement);
    let Statement::Merge(merge) = statement else { return Err(carry(sql_error("MERGE was expected"))) };
    let (source, source_alias) = source_of(session, &merge.source).await?;
    let parts = parts(target, source, source_alias, merge).map_err(carry)?;
    let files = touched(session, &parts).await?;
    let mut streams = Vec::new();
    if !files.is_empty() {
        show_target(session, &parts.target, Some(files.clone())).await.map_err(carry)?;
        streams.push(rewritten(session, &parts).await?);
    }
    let joined = !files.is_empty() && !parts.never_matches;
    if !parts.inserts.is_empty() && !joined {
        show_target(session, &parts.target, None).await.map_err(carry)?;
        // Its own name for the source-only stream: the other stream's guest is planned already.
        streams.push(inserted(session, &parts).await?);
    }
    let mut streams = streams.into_iter();
    let Some(first) = streams.next() else { return Ok(Outcome { rows_affected: Some(0), ..nothing("MERGE") }) };
    let plan = streams.try_fold(first, |plan, next| LogicalPlanBuilder::from(plan).union(next)?.build())?;
    let (outcome, (stage, written)) = write_rows(session, &parts.target, plan, true).await.map_err(carry)?;
    let changed: u64 = written.counts.iter().skip(1).sum();
    if changed > 0 {
        finish(session, &parts.target, stage, &files, (written, "MERGE")).await.map_err(carry)?;
    }
    Ok(Outcome { tag: "MERGE".to_owned(), rows_affected: Some(changed), ..outcome })
}

/// The source as the name of a table. Queries and views are run once, into memory, as they are read several times.
async fn source_of(session: &Arc<SessionCore>, factor: &TableFactor) -> Result<(String, Ident), DataFusionError> {
    let alias = match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.clone())
        }
        TableFactor::Table { name, alias: None, .. } => {
            let name = session.resolve(name).map_err(carry)?;
            Some(super::rewrite::table_alias(Ident::with_quote('"', name.table)))
        }
        _ => None,
    };
    let alias = alias.ok_or_else(|| carry(sql_error("the source of MERGE needs an alias")))?;
    if let TableFactor::Table { name, args: None, .. } = factor
        && alias.columns.is_empty()
    {
        let resolved = session.resolve(name).map_err(carry)?;
        let is_view = session.temporary(&resolved).is_none()
            && session.find(&resolved).map_err(carry)?.1 == Some(RelationKind::View);
        if !is_view {
            return Ok((name.to_string(), alias.name));
        }
    }
    let mut all = template("select * from x").map_err(carry)?;
    let select = select_of(&mut all).map_err(carry)?;
    if let Some(from) = select.from.first_mut() {
        from.relation = factor.clone();
    }
    let plan = plan_ast(session, all).await?;
    let (table, _, _) = materialize(session, plan, None).await.map_err(carry)?;
    locked(&session.guests).insert(SOURCE.to_owned(), table);
    Ok((quote_identifier(SOURCE), alias.name))
}

fn parts(target: Target, source: String, source_alias: Ident, merge: Merge) -> Result<Parts, EngineError> {
    let mut parts = Parts {
        never_matches: is_false(&merge.on),
        on: *merge.on,
        target,
        source,
        source_alias,
        matched: Vec::new(),
        by_source: Vec::new(),
        inserts: Vec::new(),
    };
    for clause in merge.clauses {
        let schema = parts.target.table.schema();
        let action = match clause.action {
            MergeAction::Delete { .. } => Action::Delete,
            MergeAction::Update(update) => {
                if update.update_predicate.is_some() || update.delete_predicate.is_some() {
                    return Err(sql_error("a condition of MERGE stands before THEN: `when matched and … then`"));
                }
                let mut values = Vec::new();
                for assignment in update.assignments {
                    let column = assigned(&assignment.target)?;
                    values.push((column_index(&column, &schema)?, assignment.value));
                }
                Action::Set(values)
            }
            MergeAction::Insert(insert) => insert_action(insert, &schema)?,
        };
        let is_insert = !matches!(&action, Action::Delete)
            && matches!(clause.clause_kind, MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget);
        let clause_kind = clause.clause_kind;
        let clause = Clause { condition: clause.predicate, action };
        match clause_kind {
            MergeClauseKind::Matched => parts.matched.push(clause),
            MergeClauseKind::NotMatchedBySource => parts.by_source.push(clause),
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget if is_insert => {
                parts.inserts.push(clause)
            }
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => {
                return Err(sql_error("rows that are not matched can only be inserted"));
            }
        }
    }
    Ok(parts)
}

fn insert_action(insert: ast::MergeInsertExpr, schema: &arrow::datatypes::SchemaRef) -> Result<Action, EngineError> {
    if insert.insert_predicate.is_some() {
        return Err(sql_error("a condition of MERGE stands before THEN: `when not matched and … then`"));
    }
    let MergeInsertKind::Values(mut values) = insert.kind else { return Ok(Action::Row) };
    let (Some(row), true) = (values.rows.pop(), values.rows.is_empty()) else {
        return Err(sql_error("MERGE inserts one row of values per source row"));
    };
    let row = row.content;
    let columns: Vec<usize> = if insert.columns.is_empty() {
        (0..schema.fields().len()).collect()
    } else {
        let columns = insert.columns.iter().map(|name| {
            let ident = name.0.last().and_then(|part| part.as_ident());
            let ident = ident.ok_or_else(|| sql_error(format!("`{name}` is not a column")))?;
            column_index(ident, schema)
        });
        columns.collect::<Result<_, _>>()?
    };
    if columns.len() != row.len() {
        return Err(sql_error(format!("{} columns are to be inserted, {} values are given", columns.len(), row.len())));
    }
    Ok(Action::Set(columns.into_iter().zip(row).collect()))
}

fn column_index(column: &Ident, schema: &arrow::datatypes::SchemaRef) -> Result<usize, EngineError> {
    let index = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(&fold(column)));
    index.ok_or_else(|| missing_column(column, schema))
}

/// `false`, `(false)`, `1 = 0`.
fn is_false(on: &ast::Expr) -> bool {
    match on {
        ast::Expr::Nested(inner) => is_false(inner),
        ast::Expr::Value(value) => value.value == ast::Value::Boolean(false),
        ast::Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match (left.as_ref(), right.as_ref()) {
            (ast::Expr::Value(left), ast::Expr::Value(right)) => {
                matches!((&left.value, &right.value), (ast::Value::Number(..), ast::Value::Number(..)))
                    && left.value != right.value
            }
            _ => false,
        },
        _ => false,
    }
}

/// The files that must be written anew.
async fn touched(session: &Arc<SessionCore>, parts: &Parts) -> Result<Vec<String>, DataFusionError> {
    let mut files: Vec<String> = Vec::new();
    let file = quote_identifier(FILE);
    let alias = alias_text(&parts.target.alias);
    let needs_matches = !parts.matched.is_empty() || !parts.by_source.is_empty();
    if needs_matches && !parts.never_matches {
        show_target(session, &parts.target, None).await.map_err(carry)?;
        let text = format!(
            "select {alias}.{file}, count(*), count(distinct {alias}.{row}) \
             from (select *, tamis_row_number() as {row} from {target}) as {alias} \
             join {source} as {source_alias} on true group by {alias}.{file}",
            row = quote_identifier(ROW),
            target = quote_identifier(TARGET),
            source = parts.source,
            source_alias = alias_text(&parts.source_alias),
        );
        let mut matches = template(&text).map_err(carry)?;
        set_join(select_of(&mut matches).map_err(carry)?, &parts.on);
        let (found, sums) = files_and_sums(&rows(session, plan_ast(session, matches).await?).await?)?;
        if let [pairs, matched] = sums.as_slice()
            && pairs != matched
        {
            return Err(carry(EngineError::Data {
                message: format!(
                    "MERGE into {}: {} rows of the source match a row that another one matches too",
                    parts.target.name,
                    pairs - matched
                ),
            }));
        }
        files = found;
    }
    if !parts.by_source.is_empty() {
        show_target(session, &parts.target, None).await.map_err(carry)?;
        let text = format!("select {file} from {} as {alias} where true group by {file}", quote_identifier(TARGET));
        let mut candidates = template(&text).map_err(carry)?;
        select_of(&mut candidates).map_err(carry)?.selection = any_condition(&parts.by_source);
        let (found, _) = files_and_sums(&rows(session, plan_ast(session, candidates).await?).await?)?;
        files.extend(found);
        files.sort();
        files.dedup();
    }
    Ok(files)
}

/// The conditions of all clauses joined by OR; `None` when one has none.
fn any_condition(clauses: &[Clause]) -> Option<ast::Expr> {
    let conditions: Option<Vec<ast::Expr>> = clauses.iter().map(|clause| clause.condition.clone()).collect();
    conditions?.into_iter().map(|condition| ast::Expr::Nested(Box::new(condition))).reduce(|left, right| {
        ast::Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::Or, right: Box::new(right) }
    })
}

fn set_join(select: &mut ast::Select, on: &ast::Expr) {
    for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
        let constraint = JoinConstraint::On(on.clone());
        join.join_operator = match &join.join_operator {
            JoinOperator::RightOuter(_) | JoinOperator::Right(_) => JoinOperator::RightOuter(constraint),
            JoinOperator::FullOuter(_) => JoinOperator::FullOuter(constraint),
            _ => JoinOperator::Inner(constraint),
        };
    }
}

/// The rows of the touched files after the merge, with new rows where both come from one join.
async fn rewritten(session: &Arc<SessionCore>, parts: &Parts) -> Result<LogicalPlan, DataFusionError> {
    let target = format!(
        "(select *, true as {} from {}) as {}",
        quote_identifier(IN_TARGET),
        quote_identifier(TARGET),
        alias_text(&parts.target.alias)
    );
    let text = if parts.never_matches {
        format!("select * from {target}")
    } else {
        // Where sizes are not known the left side is held in memory: the source, as a rule the smaller one.
        let kind = if parts.inserts.is_empty() { "right" } else { "full" };
        format!(
            "select * from (select *, true as {} from {}) as {} {kind} join {target} on true",
            quote_identifier(IN_SOURCE),
            parts.source,
            alias_text(&parts.source_alias)
        )
    };
    let mut statement = template(&text).map_err(carry)?;
    set_join(select_of(&mut statement).map_err(carry)?, &parts.on);
    let joined = plan_ast(session, statement).await?;
    let mut rules = Rules::new(session, parts, &joined)?;
    let in_target = ident(IN_TARGET).is_not_null();
    if parts.never_matches {
        rules.add(&parts.by_source, &in_target, Sees::Target)?;
    } else {
        let in_source = ident(IN_SOURCE).is_not_null();
        rules.add(&parts.matched, &in_target.clone().and(in_source.clone()), Sees::Both)?;
        rules.add(&parts.by_source, &in_target.clone().and(ident(IN_SOURCE).is_null()), Sees::Target)?;
        rules.add(&parts.inserts, &ident(IN_TARGET).is_null().and(in_source), Sees::Source)?;
    }
    rules.finish(joined, Some(in_target))
}

/// The source rows that match nothing in the whole target.
async fn inserted(session: &Arc<SessionCore>, parts: &Parts) -> Result<LogicalPlan, DataFusionError> {
    let source_alias = alias_text(&parts.source_alias);
    let statement = if parts.never_matches {
        template(&format!("select * from {} as {source_alias}", parts.source)).map_err(carry)?
    } else {
        let alias = alias_text(&parts.target.alias);
        let mut none =
            template(&format!("select 1 from {} as {alias} where true", quote_identifier(TARGET))).map_err(carry)?;
        select_of(&mut none).map_err(carry)?.selection = Some(parts.on.clone());
        let Statement::Query(subquery) = none else { return Err(carry(sql_error("a query was expected"))) };
        let mut all =
            template(&format!("select * from {} as {source_alias} where true", parts.source)).map_err(carry)?;
        select_of(&mut all).map_err(carry)?.selection = Some(ast::Expr::Exists { subquery, negated: true });
        all
    };
    let rows = plan_ast(session, statement).await?;
    let mut rules = Rules::new(session, parts, &rows)?;
    rules.add(&parts.inserts, &lit(true), Sees::Source)?;
    rules.finish(rows, None)
}
