//! What is known of a relation without reading its rows: rows, bytes and files of a Delta table, and when its rows last
//! changed; sizes and times of external files.

use std::{fs, path::Path};

use chrono::{DateTime, Utc};
use datafusion::sql::sqlparser::{dialect::GenericDialect, parser::Parser};
use serde_json::Value;

use super::super::{
    commit::entry_name,
    core::{Name, SessionCore},
    external::{ExternalOptions, external_facts},
    layout,
    parse::sql_error,
    table::Table,
};
use crate::{
    engine::{EngineError, RelationFacts},
    names::RelationKind,
};

/// How far back a change of rows is looked for: compaction and the like change none.
const COMMITS: u64 = 1_000;

/// The facts of a table or a view; `None` for what is neither.
pub(in crate::engine::datafusion) async fn of_relation(
    session: &SessionCore,
    name: &Name,
) -> Result<Option<RelationFacts>, EngineError> {
    let (place, kind) = session.find(name)?;
    match kind {
        Some(RelationKind::View) => {
            Ok(Some(RelationFacts { comment: layout::read_view(&place)?.comment, ..RelationFacts::default() }))
        }
        Some(_) => of_table(&*session.table(&place).await?).await.map(Some),
        None => Ok(None),
    }
}

async fn of_table(table: &Table) -> Result<RelationFacts, EngineError> {
    let (mut rows, mut bytes, mut files) = (Some(0_u64), 0_u64, 0_u64);
    for (size, records) in table.files().await? {
        bytes += size;
        files += 1;
        rows = rows.zip(records).map(|(rows, records)| rows + records);
    }
    let last_changed = last_change(&table.folder, table.version());
    Ok(RelationFacts { rows, bytes, files, last_changed, comment: table.comment() })
}

/// The facts of the files that a table factor like `'data/*.parquet'` or `read_csv('a.csv')` reads.
pub(in crate::engine::datafusion) async fn of_external(
    session: &SessionCore,
    factor: &str,
) -> Result<Option<RelationFacts>, EngineError> {
    let parsed = Parser::new(&GenericDialect {})
        .try_with_sql(factor)
        .and_then(|mut parser| parser.parse_table_factor())
        .map_err(|error| sql_error(error.to_string()))?;
    let options = ExternalOptions { project_root: session.lake.config.project_root.clone() };
    external_facts(&session.ctx, &parsed, &options).await
}

/// When rows of the table in `folder` last changed, by the time that the commit says; by the file's where it says none.
pub(in crate::engine::datafusion) fn last_change(folder: &Path, version: u64) -> Option<DateTime<Utc>> {
    let log = folder.join("_delta_log");
    let mut oldest = None;
    for version in (version.saturating_sub(COMMITS)..=version).rev() {
        let path = log.join(entry_name(version));
        // Older entries are in a checkpoint.
        let Ok(text) = fs::read_to_string(&path) else { break };
        let actions: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let said = actions.iter().find_map(|action| action.get("commitInfo")?.get("timestamp")?.as_i64());
        let of_file = || fs::metadata(&path).and_then(|metadata| metadata.modified()).ok().map(DateTime::from);
        oldest = said.and_then(DateTime::from_timestamp_millis).or_else(of_file);
        let changes = |action: &Value| {
            let of =
                |kind: &str| action.get(kind).is_some_and(|file| file.get("dataChange") != Some(&Value::Bool(false)));
            of("add") || of("remove")
        };
        if actions.iter().any(changes) {
            return oldest;
        }
    }
    oldest
}
