//! DESCRIBE, SHOW TABLES, VIEWS, SCHEMAS and DATABASES, EXPLAIN.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use datafusion::sql::sqlparser::ast::{ObjectName, ShowStatementOptions, Statement};

use super::{
    super::{
        core::SessionCore,
        information_schema::relation_columns,
        layout,
        parse::{Parsed, sql_error},
        query,
    },
    create::schema_parts,
    nothing,
};
use crate::{
    engine::{EngineError, Outcome},
    names::RelationKind,
};

pub(super) async fn explain(session: &Arc<SessionCore>, parsed: Parsed) -> Result<Outcome, EngineError> {
    if let Statement::Explain { statement, .. } = &parsed.statement
        && !matches!(statement.as_ref(), Statement::Query(_))
    {
        return Err(EngineError::Unsupported {
            feature: "explain of a statement that writes".to_owned(),
            help: Some("explain its query".to_owned()),
        });
    }
    let (plan, _) = query::plan(session, parsed).await?;
    query::run(session, plan, None).await
}

pub(super) async fn show(session: &Arc<SessionCore>, statement: &Statement) -> Result<Outcome, EngineError> {
    match statement {
        Statement::ExplainTable { table_name, .. } => describe(session, table_name).await,
        Statement::ShowColumns { show_options, .. } => match parent(show_options) {
            Some(name) => describe(session, name).await,
            None => Err(sql_error("SHOW COLUMNS needs the name of a relation")),
        },
        Statement::ShowTables { show_options, .. } => relations(session, show_options, None),
        Statement::ShowViews { show_options, .. } => relations(session, show_options, Some(RelationKind::View)),
        Statement::ShowSchemas { show_options, .. } => {
            let database =
                parent(show_options).and_then(|name| name.0.last()?.as_ident().map(super::super::core::fold));
            let root = session.root(database.as_deref().unwrap_or(&session.lake.config.database))?;
            rows(&["name"], vec![layout::schemas(root)?])
        }
        Statement::ShowDatabases { .. } => {
            rows(&["name"], vec![session.lake.roots.iter().map(|root| root.name.clone()).collect()])
        }
        other => Err(super::unsupported(other)),
    }
}

fn parent(options: &ShowStatementOptions) -> Option<&ObjectName> {
    options.show_in.as_ref()?.parent_name.as_ref()
}

async fn describe(session: &Arc<SessionCore>, name: &ObjectName) -> Result<Outcome, EngineError> {
    let name = session.resolve(name)?;
    let Some(columns) = relation_columns(session, &name).await? else { return Err(session.missing(&name)?) };
    let part = |part: &dyn Fn(&crate::engine::Column) -> String| columns.iter().map(part).collect::<Vec<_>>();
    rows(
        &["column_name", "data_type", "is_nullable", "comment"],
        vec![
            part(&|column| column.name.clone()),
            part(&|column| column.data_type.clone()),
            part(&|column| if column.nullable { "YES" } else { "NO" }.to_owned()),
            part(&|column| column.comment.clone().unwrap_or_default()),
        ],
    )
}

fn relations(
    session: &SessionCore,
    options: &ShowStatementOptions,
    only: Option<RelationKind>,
) -> Result<Outcome, EngineError> {
    let (root, schema) = match parent(options) {
        Some(name) => schema_parts(session, name)?,
        None => (Arc::clone(session.root(&session.lake.config.database)?), session.lake.config.schema.clone()),
    };
    let schema = layout::find_schema(&root, &schema)?.unwrap_or(schema);
    let found: Vec<_> = layout::relations(&root, &schema)?
        .into_iter()
        .filter(|(_, kind)| only.is_none_or(|only| only == *kind))
        .collect();
    rows(
        &["database", "schema", "name", "kind"],
        vec![
            vec![root.name.clone(); found.len()],
            vec![schema; found.len()],
            found.iter().map(|(name, _)| name.clone()).collect(),
            found.iter().map(|(_, kind)| kind.as_str().to_owned()).collect(),
        ],
    )
}

fn rows(names: &[&str], columns: Vec<Vec<String>>) -> Result<Outcome, EngineError> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|column| Arc::new(StringArray::from(column)) as ArrayRef).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)
        .map_err(|error| EngineError::Internal { message: error.to_string() })?;
    Ok(Outcome { schema, batches: vec![batch], ..nothing("SHOW") })
}
