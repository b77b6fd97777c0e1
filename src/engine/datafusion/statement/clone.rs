//! CREATE TABLE … CLONE: a table with the files of another as they are now. Files are hard links where the disk has them, so
//! that nothing is copied; the two tables go their own ways from then on, as files never change.

use std::{fs, path::Path, sync::Arc};

use datafusion::sql::sqlparser::ast::ObjectName;
use deltalake::kernel::Add;

use super::{
    super::{
        commit::record_count, core::SessionCore, layout::storage, parse::sql_error, store::local_file, table::Table,
        write::Written,
    },
    create::{NewTable, finish_create},
    nothing,
};
use crate::{
    engine::{EngineError, Outcome},
    names::RelationKind,
};

pub(super) async fn clone_table(
    session: &Arc<SessionCore>,
    mut how: NewTable,
    source: &ObjectName,
) -> Result<Outcome, EngineError> {
    let name = session.resolve(source)?;
    let (place, kind) = session.find(&name)?;
    match kind {
        Some(RelationKind::Table) => {}
        Some(kind) => return Err(sql_error(format!("{name} is a {kind}; only tables can be cloned"))),
        None => return Err(session.missing(&name)?),
    }
    if place.table_dir() == how.place.table_dir() {
        return Err(sql_error(format!("table {name} cannot become a clone of itself")));
    }
    let table = session.table(&place).await?;
    if table.property("delta.columnMapping.mode").is_some_and(|mode| mode != "none") {
        return Err(unsupported("a table whose columns are mapped to other names"));
    }
    let adds = table.adds().await?;
    if adds.iter().any(|add| add.deletion_vector.is_some()) {
        return Err(unsupported("a table with deletion vectors"));
    }
    how.options.partition_by = table.partition_columns();
    how.options.properties = table.properties();
    let target = session.stage(&how.place)?;
    let folder = target.folder.clone();
    let linked = tokio::task::spawn_blocking({
        let table = Arc::clone(&table);
        move || link_files(&table, adds, &folder)
    });
    let adds = linked.await.map_err(|error| EngineError::Internal { message: error.to_string() })??;
    let rows: i64 = adds.iter().filter_map(|add| record_count(add.stats.as_deref())).sum();
    let written = Written { adds, ..Written::default() };
    finish_create(session, &how, table.schema(), target, written).await?;
    Ok(Outcome { rows_affected: u64::try_from(rows).ok(), ..nothing("CLONE") })
}

fn unsupported(what: &str) -> EngineError {
    EngineError::Unsupported {
        feature: format!("clone of {what}"),
        help: Some("write `create table … as select * from …`".to_owned()),
    }
}

/// Links or copies each file into `folder` under a name of its own: an older clone may still have the file's name.
fn link_files(table: &Table, adds: Vec<Add>, folder: &Path) -> Result<Vec<Add>, EngineError> {
    let mut linked = Vec::with_capacity(adds.len());
    for add in adds {
        let from = local_file(&table.folder, &add.path);
        let name = format!("part-{}.parquet", uuid::Uuid::new_v4());
        let path = match add.path.rsplit_once('/') {
            Some((partition, _)) => format!("{partition}/{name}"),
            None => name,
        };
        let to = local_file(folder, &path);
        let fail = |error: std::io::Error| storage(format!("cannot clone {}", table.place), &from, &error);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(fail)?;
        }
        // Another disk, or one without links.
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(|_| ())).map_err(fail)?;
        linked.push(Add { path, ..add });
    }
    Ok(linked)
}
