//! COMMENT ON TABLE, VIEW and COLUMN: in the Delta metadata of a table, in the file of a view.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::sql::sqlparser::ast::{CommentObject, ObjectName, Statement};
use serde_json::Value;

use super::{
    super::{
        core::{SessionCore, fold},
        layout::{self, Place},
        parse::sql_error,
        types::COMMENT,
    },
    alter::{set_metadata, set_schema, split_last},
    insert::missing_column,
    nothing,
};
use crate::{
    diagnostic::nearest,
    engine::{EngineError, Outcome},
    names::RelationKind,
};

pub(super) async fn comment(session: &Arc<SessionCore>, statement: &Statement) -> Result<Outcome, EngineError> {
    let Statement::Comment { object_type, object_name, comment, if_exists } = statement else {
        return Err(sql_error("COMMENT was expected"));
    };
    match object_type {
        CommentObject::Table | CommentObject::View => {
            on_relation(session, object_name, comment.as_deref(), *if_exists).await?;
        }
        CommentObject::Column => on_column(session, object_name, comment.as_deref()).await?,
        other => {
            return Err(EngineError::Unsupported {
                feature: format!("comment on {}", other.to_string().to_lowercase()),
                help: None,
            });
        }
    }
    Ok(nothing("COMMENT"))
}

async fn on_relation(
    session: &Arc<SessionCore>,
    name: &ObjectName,
    comment: Option<&str>,
    if_exists: bool,
) -> Result<(), EngineError> {
    let name = session.resolve(name)?;
    let (place, kind) = session.find(&name)?;
    match kind {
        None if if_exists => Ok(()),
        None => Err(session.missing(&name)?),
        Some(RelationKind::View) => change_view(session, &place, |view| {
            view.comment = comment.map(str::to_owned);
            Ok(())
        }),
        Some(_) => {
            let table = session.table(&place).await?;
            if table.comment().as_deref().unwrap_or("") == comment.unwrap_or("") {
                return Ok(());
            }
            let mut metadata = table.metadata()?;
            metadata["description"] = comment.map_or(Value::Null, |text| Value::String(text.to_owned()));
            set_metadata(session, &table, metadata, None).await
        }
    }
}

async fn on_column(session: &Arc<SessionCore>, name: &ObjectName, comment: Option<&str>) -> Result<(), EngineError> {
    let Some((relation, column)) = split_last(name).filter(|(relation, _)| !relation.0.is_empty()) else {
        return Err(sql_error("COMMENT ON COLUMN needs `relation.column`"));
    };
    let (place, kind) = session.find_existing(&session.resolve(&relation)?)?;
    let wanted = fold(&column);
    if kind == RelationKind::View {
        return change_view(session, &place, |view| {
            let known = view.columns.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&wanted));
            match known {
                Some(known) => {
                    known.comment = comment.map(str::to_owned);
                    Ok(())
                }
                None => Err(EngineError::Sql {
                    message: format!("column `{wanted}` does not exist"),
                    position: None,
                    help: nearest(&wanted, view.columns.iter().map(|column| column.name.as_str()))
                        .map(|near| format!("did you mean `{near}`?")),
                }),
            }
        });
    }
    let table = session.table(&place).await?;
    let schema = table.schema();
    let index = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(&wanted));
    let index = index.ok_or_else(|| missing_column(&column, &schema))?;
    let old = schema.field(index).metadata().get(COMMENT).map_or("", String::as_str);
    if old == comment.unwrap_or("") {
        return Ok(());
    }
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let field = field.as_ref().clone();
            if at != index {
                return field;
            }
            let mut metadata = field.metadata().clone();
            metadata.remove(COMMENT);
            metadata.extend(comment.map(|text| (COMMENT.to_owned(), text.to_owned())));
            field.with_metadata(metadata)
        })
        .collect();
    set_schema(session, &table, &Schema::new(fields)).await
}

fn change_view(
    session: &SessionCore,
    place: &Place,
    change: impl FnOnce(&mut layout::ViewFile) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut view = layout::read_view(place)?;
    change(&mut view)?;
    layout::write_view(place, &view, &session.lake.staging(&place.root)?)
}
