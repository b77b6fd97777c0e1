//! A warehouse in a temporary folder, and scripts of SQL with the tables that they print.

use std::{path::Path, sync::Arc};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use tempfile::TempDir;

use super::super::{Dialect, LakehouseConfig, open};
use crate::engine::{Engine, EngineError, Outcome, Session, StatementOptions};

/// A warehouse with the schema `main` and one session on it.
pub(super) struct Warehouse {
    pub folder: TempDir,
    pub engine: Arc<dyn Engine>,
    pub session: Arc<dyn Session>,
}

impl Warehouse {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = open_at(folder.path()).await;
        let session = engine.session("test").await.unwrap();
        session.execute("create schema if not exists main", &StatementOptions::default()).await.unwrap();
        Self { folder, engine, session }
    }

    pub async fn sql(&self, sql: &str) -> Result<Outcome, EngineError> {
        self.session.execute(sql, &StatementOptions::default()).await
    }

    #[track_caller]
    pub fn path(&self, relative: &str) -> std::path::PathBuf {
        self.folder.path().join(relative)
    }

    pub async fn text(&self, sql: &str) -> String {
        text(&self.sql(sql).await)
    }
}

pub(super) async fn open_at(path: &Path) -> Arc<dyn Engine> {
    open(LakehouseConfig {
        dialect: Dialect::Generic,
        path: path.to_path_buf(),
        database: "lake".to_owned(),
        schema: "main".to_owned(),
        project_root: path.to_path_buf(),
        memory_limit: None,
        threads: 2,
        databases: Vec::new(),
        run_id: "test".to_owned(),
    })
    .await
    .unwrap()
}

/// A result as text: a header and rows joined by ` | `, or `error: …`, with position and help.
pub(super) fn text(result: &Result<Outcome, EngineError>) -> String {
    match result {
        Err(EngineError::Sql { message, position, help }) => {
            let mut text = format!("error: {message}");
            if let Some(position) = position {
                text.push_str(&format!(" @{}:{}", position.line, position.column));
            }
            if let Some(help) = help {
                text.push_str(&format!(" ({help})"));
            }
            text
        }
        Err(error) => format!("error: {error}"),
        Ok(outcome) if outcome.schema.fields().is_empty() => match outcome.rows_affected {
            Some(rows) => format!("{} {rows}", outcome.tag),
            None => outcome.tag.clone(),
        },
        Ok(outcome) => {
            let names: Vec<&str> = outcome.schema.fields().iter().map(|field| field.name().as_str()).collect();
            let mut lines = vec![names.join(" | ")];
            let options = FormatOptions::default().with_null("null");
            for batch in &outcome.batches {
                let columns: Vec<ArrayFormatter> =
                    batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options).unwrap()).collect();
                for row in 0..batch.num_rows() {
                    let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
                    lines.push(values.join(" | ").trim_end().to_owned());
                }
            }
            lines.join("\n")
        }
    }
}

/// Runs statements one after the other on a new warehouse; each must print what stands beside it.
pub(super) async fn run_script(script: &[(&str, &str)]) {
    let warehouse = Warehouse::new().await;
    for (sql, expected) in script {
        let actual = warehouse.text(sql).await;
        let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
        assert_eq!(actual, expected.join("\n"), "\n{sql}");
    }
}
