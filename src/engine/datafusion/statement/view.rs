//! CREATE VIEW: checked by planning it, stored as text in one file.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{CreateView, Statement};

use super::{
    super::{
        core::{SessionCore, fold},
        layout::{self, ViewColumn, ViewFile, check_name},
        parse::{Parsed, sql_error, text_after_as},
        query,
    },
    create::{plan_query, remove_table, require_schema},
    nothing,
};
use crate::{
    engine::{EngineError, Outcome},
    names::{RelationKind, quote_identifier},
};

pub(super) async fn create_view(session: &Arc<SessionCore>, parsed: Parsed) -> Result<Outcome, EngineError> {
    let Statement::CreateView(view) = &parsed.statement else { return Err(sql_error("CREATE VIEW was expected")) };
    let view = view.clone();
    if view.materialized {
        return Err(EngineError::Unsupported {
            feature: "create materialized view".to_owned(),
            help: Some("use a table".to_owned()),
        });
    }
    let name = session.resolve(&view.name)?;
    check_name(&name.table)?;
    require_schema(session, &name)?;
    let (place, kind) = session.find(&name)?;
    if let Some(kind) = kind {
        if view.if_not_exists {
            return Ok(nothing("CREATE VIEW"));
        }
        if !view.or_replace {
            return Err(sql_error(format!("{kind} {name} already exists")));
        }
    }
    let (plan, parsed) = plan_query(session, parsed).await?;
    let text = text_after_as(&parsed.tokens).ok_or_else(|| sql_error("a query was expected after AS"))?;
    let mut columns = query::output_columns(session, plan)?;
    let sql = rename_columns(&view, &text, &mut columns)?;
    // A view may have what a table cannot store, but not two columns of one name.
    let mut seen: Vec<String> = Vec::new();
    for column in &columns {
        let lower = column.name.to_lowercase();
        if seen.contains(&lower) {
            return Err(EngineError::Sql {
                message: format!("duplicate column name `{}`; column names are compared without case", column.name),
                position: None,
                help: Some("give one of the two columns another name with `as`".to_owned()),
            });
        }
        seen.push(lower);
    }
    let file = ViewFile {
        format: 1,
        sql,
        dialect: parsed.dialect,
        database: session.lake.config.database.clone(),
        schema: session.lake.config.schema.clone(),
        columns: columns.iter().map(ViewColumn::from).collect(),
        comment: view.comment.clone(),
        run: session.lake.config.run_id.clone(),
    };
    // From here on the name is a view; the table beside it is litter that is removed at once, or by whoever is next.
    layout::write_view(&place, &file, &session.lake.staging(&place.root)?)?;
    if kind == Some(RelationKind::Table) {
        remove_table(session, &place).await?;
    }
    Ok(nothing("CREATE VIEW"))
}

/// `create view v (a, b) as …`: the list names the columns.
fn rename_columns(view: &CreateView, text: &str, columns: &mut [crate::engine::Column]) -> Result<String, EngineError> {
    if view.columns.is_empty() {
        return Ok(text.to_owned());
    }
    if view.columns.len() != columns.len() {
        return Err(sql_error(format!(
            "the view lists {} columns, the query returns {}",
            view.columns.len(),
            columns.len()
        )));
    }
    let names: Vec<String> = view.columns.iter().map(|column| fold(&column.name)).collect();
    for (column, name) in columns.iter_mut().zip(&names) {
        column.name.clone_from(name);
    }
    let list: Vec<String> = names.iter().map(|name| quote_identifier(name)).collect();
    Ok(format!("select * from (\n{text}\n) as \"view\" ({})", list.join(", ")))
}
