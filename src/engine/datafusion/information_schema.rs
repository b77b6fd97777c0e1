//! `information_schema.{schemata,tables,columns}` of one database, made from the directory when a statement asks.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use datafusion::{catalog::TableProvider, datasource::MemTable};

use super::{
    Dialect,
    core::{Name, SessionCore},
    layout::{self, ViewFile},
    parse::sql_error,
    snowflake::names,
    types,
};
use crate::{
    engine::{Column, EngineError},
    names::RelationKind,
};

pub(super) const NAME: &str = "information_schema";

/// One of the tables above, or `None`.
pub(super) async fn table(
    session: &Arc<SessionCore>,
    database: &str,
    table: &str,
) -> Result<Option<Arc<dyn TableProvider>>, EngineError> {
    let rows = match table.to_lowercase().as_str() {
        "schemata" => schemata(session, database)?,
        "tables" => tables(session, database)?,
        "columns" => columns(session, database).await?,
        other => {
            return Err(sql_error(format!(
                "information_schema has no table `{other}`; it has schemata, tables and columns"
            )));
        }
    };
    Ok(Some(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)))
}

fn schemata(session: &SessionCore, database: &str) -> Result<RecordBatch, EngineError> {
    let root = session.root(database)?;
    let schemas = layout::schemas(root)?;
    let catalogs = vec![root.name.clone(); schemas.len()];
    batch(vec![("catalog_name", named(session, catalogs)), ("schema_name", named(session, schemas))])
}

fn tables(session: &SessionCore, database: &str) -> Result<RecordBatch, EngineError> {
    let root = session.root(database)?;
    let (mut catalogs, mut schemas, mut names, mut kinds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for schema in layout::schemas(root)? {
        for (name, kind) in layout::relations(root, &schema)? {
            catalogs.push(root.name.clone());
            schemas.push(schema.clone());
            names.push(name);
            kinds.push(if kind == RelationKind::View { "VIEW" } else { "BASE TABLE" }.to_owned());
        }
    }
    batch(vec![
        ("table_catalog", named(session, catalogs)),
        ("table_schema", named(session, schemas)),
        ("table_name", named(session, names)),
        ("table_type", Values::Text(kinds)),
    ])
}

async fn columns(session: &Arc<SessionCore>, database: &str) -> Result<RecordBatch, EngineError> {
    let root = Arc::clone(session.root(database)?);
    let mut rows: Vec<Row> = Vec::new();
    for schema in layout::schemas(&root)? {
        for (name, _) in layout::relations(&root, &schema)? {
            let relation = Name { database: root.name.clone(), schema: schema.clone(), table: name.clone() };
            let Some(columns) = relation_columns(session, &relation).await? else { continue };
            rows.extend(
                columns.into_iter().enumerate().map(|(at, column)| (schema.clone(), name.clone(), at + 1, column)),
            );
        }
    }
    let text = |part: &dyn Fn(&Row) -> String| Values::Text(rows.iter().map(part).collect());
    let name = |part: &dyn Fn(&Row) -> String| named(session, rows.iter().map(part).collect());
    let data_type = |row: &Row| match session.lake.config.dialect {
        Dialect::Generic => row.3.data_type.clone(),
        Dialect::Snowflake => names::bare_data_type(&row.3.data_type),
    };
    batch(vec![
        ("table_catalog", name(&|_| root.name.clone())),
        ("table_schema", name(&|row| row.0.clone())),
        ("table_name", name(&|row| row.1.clone())),
        ("column_name", name(&|row| row.3.name.clone())),
        ("ordinal_position", Values::Number(rows.iter().map(|row| i64::try_from(row.2).unwrap_or(i64::MAX)).collect())),
        ("is_nullable", text(&|row| if row.3.nullable { "YES" } else { "NO" }.to_owned())),
        ("data_type", text(&data_type)),
        ("column_comment", text(&|row| row.3.comment.clone().unwrap_or_default())),
    ])
}

/// Names as the session's dialect shows them.
fn named(session: &SessionCore, names: Vec<String>) -> Values {
    Values::Text(match session.lake.config.dialect {
        Dialect::Generic => names,
        Dialect::Snowflake => names.iter().map(|name| names::swapped(name)).collect(),
    })
}

/// Schema, relation, ordinal position, column.
type Row = (String, String, usize, Column);

/// The columns of a stored or temporary relation, or `None` when there is none.
pub(super) async fn relation_columns(
    session: &Arc<SessionCore>,
    name: &Name,
) -> Result<Option<Vec<Column>>, EngineError> {
    if let Some(table) = session.temporary(name) {
        return Ok(Some(types::columns(&table.schema())));
    }
    let (place, kind) = session.find(name)?;
    Ok(match kind {
        None => session.any_temporary(&name.table).map(|table| types::columns(&table.schema())),
        Some(RelationKind::View) => Some(view_columns(layout::read_view(&place)?)),
        Some(_) => Some(types::columns(&session.table(&place).await?.schema())),
    })
}

fn view_columns(view: ViewFile) -> Vec<Column> {
    view.columns
        .into_iter()
        .map(|column| Column {
            name: column.name,
            data_type: column.data_type,
            nullable: column.nullable,
            comment: column.comment,
        })
        .collect()
}

enum Values {
    Text(Vec<String>),
    Number(Vec<i64>),
}

fn batch(columns: Vec<(&str, Values)>) -> Result<RecordBatch, EngineError> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (name, values) in columns {
        match values {
            Values::Text(values) => {
                fields.push(Field::new(name, DataType::Utf8, true));
                arrays.push(Arc::new(StringArray::from(values)));
            }
            Values::Number(values) => {
                fields.push(Field::new(name, DataType::Int64, true));
                arrays.push(Arc::new(Int64Array::from(values)));
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| EngineError::Internal { message: error.to_string() })
}
