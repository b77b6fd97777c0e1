//! DROP TABLE, VIEW and SCHEMA.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{ObjectName, ObjectType, Statement};

use super::{
    super::{
        commit::remove_file,
        core::SessionCore,
        layout::{self, Place, storage},
        parse::sql_error,
    },
    create::{remove_table, schema_parts},
    nothing,
};
use crate::{
    engine::{EngineError, Outcome},
    names::RelationKind,
};

pub(super) async fn drop(session: &Arc<SessionCore>, statement: &Statement) -> Result<Outcome, EngineError> {
    let Statement::Drop { object_type, if_exists, names, cascade, .. } = statement else {
        return Err(sql_error("DROP was expected"));
    };
    for name in names {
        match object_type {
            ObjectType::Table => drop_relation(session, name, RelationKind::Table, *if_exists).await?,
            ObjectType::View => drop_relation(session, name, RelationKind::View, *if_exists).await?,
            ObjectType::Schema => drop_schema(session, name, *if_exists, *cascade).await?,
            other => {
                return Err(EngineError::Unsupported {
                    feature: format!("drop {}", other.to_string().to_lowercase()),
                    help: None,
                });
            }
        }
    }
    Ok(nothing(&format!("DROP {object_type}")))
}

async fn drop_relation(
    session: &Arc<SessionCore>,
    name: &ObjectName,
    wanted: RelationKind,
    if_exists: bool,
) -> Result<(), EngineError> {
    let name = session.resolve(name)?;
    if wanted == RelationKind::Table && session.set_temporary(&name, None) {
        return Ok(());
    }
    let (place, kind) = session.find(&name)?;
    match kind {
        None if if_exists => Ok(()),
        None => Err(session.missing(&name)?),
        Some(kind) if kind != wanted => Err(EngineError::Sql {
            message: format!("{name} is a {kind}, not a {wanted}"),
            position: None,
            help: Some(format!("write `drop {kind}`")),
        }),
        Some(RelationKind::View) => drop_view(&place),
        Some(_) => remove_table(session, &place).await,
    }
}

fn drop_view(place: &Place) -> Result<(), EngineError> {
    // A table folder beside the view is litter and would come to light without it.
    let litter = place.table_dir();
    let fail = |error: &std::io::Error| storage(format!("cannot drop view {place}"), &place.view_file(), error);
    if litter.exists() {
        std::fs::remove_dir_all(&litter).map_err(|error| fail(&error))?;
    }
    remove_file(&place.view_file()).map_err(|error| fail(&error))
}

async fn drop_schema(
    session: &Arc<SessionCore>,
    name: &ObjectName,
    if_exists: bool,
    cascade: bool,
) -> Result<(), EngineError> {
    let (root, schema) = schema_parts(session, name)?;
    let Some(schema) = layout::find_schema(&root, &schema)? else {
        return if if_exists { Ok(()) } else { Err(sql_error(format!("schema `{schema}` does not exist"))) };
    };
    let relations = layout::relations(&root, &schema)?;
    if !relations.is_empty() && !cascade {
        return Err(EngineError::Sql {
            message: format!("schema `{schema}` is not empty: it has {} relations", relations.len()),
            position: None,
            help: Some("write `drop schema … cascade` to drop them too".to_owned()),
        });
    }
    for (name, kind) in relations {
        let place = Place { root: Arc::clone(&root), schema: schema.clone(), name };
        match kind {
            RelationKind::View => drop_view(&place)?,
            _ => remove_table(session, &place).await?,
        }
    }
    let folder = root.path.join(layout::encode(&schema));
    std::fs::remove_dir_all(&folder).map_err(|error| storage(format!("cannot drop schema `{schema}`"), &folder, &error))
}
