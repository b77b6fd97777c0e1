//! Executes SQL. An [`Engine`] is one warehouse; a [`Session`] is one connection to it, with its own transaction and
//! temporary tables. Arrow record batches at every border. Knows relations; knows no model and no template.

#[cfg(feature = "datafusion")]
pub mod datafusion;
#[cfg(feature = "snowflake")]
pub mod snowflake;
pub mod split;

use std::{path::PathBuf, sync::Arc};

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::names::{Relation, RelationKind};

/// The incremental strategies that the packages of all engines implement.
pub const INCREMENTAL_STRATEGIES: &[&str] = &["append", "delete+insert", "merge", "insert_overwrite", "microbatch"];

/// What an engine can do; callers ask for a fact here, never for a vendor.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// `adapter.type()`: the prefix of dispatched macros and of the embedded package `dbt_<type>`.
    pub adapter_type: &'static str,
    /// Parent types tried by dispatch after `adapter_type`, before `default`.
    pub parent_types: &'static [&'static str],
    pub merge: bool,
    pub transactions: bool,
    /// The incremental strategies that the engine's package implements.
    pub incremental_strategies: &'static [&'static str],
    pub max_identifier_length: Option<usize>,
    /// Whether a text of several statements is sent as several requests.
    pub one_statement_per_request: bool,
    /// The kinds of constraints that rows are checked against; others are only written down.
    pub enforced_constraints: &'static [&'static str],
}

/// One warehouse.
#[async_trait]
pub trait Engine: Send + Sync {
    fn capabilities(&self) -> &Capabilities;

    /// Opens a connection. `name` (a node's unique id or `master`) is for logs and for errors.
    async fn session(&self, name: &str) -> Result<Arc<dyn Session>, EngineError>;

    /// Checks that the warehouse can be reached and used. Returns lines for `debug`: (label, value).
    async fn check(&self) -> Result<Vec<(String, String)>, EngineError>;

    /// Removes what belongs to this invocation only (staged files, temporary tables). Called once, at the end.
    async fn close(&self) -> Result<(), EngineError>;
}

/// What a warehouse says of a statement besides its rows, by name.
pub type Details = Vec<(&'static str, serde_json::Value)>;

/// One connection: SQL text in, record batches out. Statements of one session run one after the other.
#[async_trait]
pub trait Session: Send + Sync {
    /// Runs one statement, or several separated by `;` (the outcome is the last one's).
    ///
    /// # Errors
    /// Any [`EngineError`]; a failed statement inside BEGIN … COMMIT leaves the transaction open for ROLLBACK.
    async fn execute(&self, sql: &str, options: &StatementOptions) -> Result<Outcome, EngineError>;

    /// The column names and types that a query would return, without running it.
    async fn describe(&self, sql: &str) -> Result<Vec<Column>, EngineError>;

    /// All schemas of a database, as stored.
    async fn schemas(&self, database: &str) -> Result<Vec<String>, EngineError>;

    /// All relations of a schema with their kind; empty when the schema does not exist. One round trip.
    async fn relations(&self, database: &str, schema: &str) -> Result<Vec<Relation>, EngineError>;

    /// The columns of a relation in ordinal order, or `None` when it does not exist.
    async fn columns(&self, relation: &Relation) -> Result<Option<Vec<Column>>, EngineError>;

    /// What is known of a table without reading its rows, or of the external files that the text in table position
    /// `files` reads. `None` when there is no such table, or nothing is known.
    async fn facts(&self, _relation: &Relation, _files: Option<&str>) -> Result<Option<RelationFacts>, EngineError> {
        Ok(None)
    }

    /// The wanted relations of a schema with their columns and facts, for the catalog.
    async fn described(
        &self,
        (database, schema): (&str, &str),
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Described>, EngineError> {
        let mut all = Vec::new();
        for relation in self.relations(database, schema).await? {
            if !wanted(&relation) {
                continue;
            }
            let columns = self.columns(&relation).await?.unwrap_or_default();
            let facts = self.facts(&relation, None).await?;
            all.push(Described { relation, columns, facts });
        }
        Ok(all)
    }

    /// What tells whether a relation changed, or `None` when it does not exist.
    async fn stored(&self, relation: &Relation) -> Result<Option<Stored>, EngineError>;

    /// Creates or replaces a table, or appends to it, from record batches. Seeds and fixtures.
    async fn load(&self, relation: &Relation, load: Load) -> Result<Outcome, EngineError>;

    /// Stops the statement that runs now, if any.
    async fn cancel(&self);

    /// What the warehouse calls the last statement, be it done or failed, and says of it: `query_id`, `session_id`,
    /// `rows_inserted`, …. Part of `adapter_response`. Empty where a warehouse gives no such names.
    fn last_statement(&self) -> Details {
        Details::new()
    }
}

/// Which relations are asked for.
pub type Wanted<'a> = dyn Fn(&Relation) -> bool + Send + Sync + 'a;

/// A relation with its columns and what else is known of it.
#[derive(Debug, Clone)]
pub struct Described {
    pub relation: Relation,
    pub columns: Vec<Column>,
    pub facts: Option<RelationFacts>,
}

/// A relation as it is stored now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub kind: RelationKind,
    /// Another text whenever the rows of a table, or the query of a view, are others.
    pub version: String,
    /// The properties of a table.
    pub properties: Vec<(String, String)>,
}

/// Batches for [`Session::load`].
#[derive(Debug, Clone)]
pub struct Load {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    pub mode: LoadMode,
    /// The columns of the table as they are written in SQL, in the order of the values; `None`: by position.
    pub columns: Option<String>,
    /// The query comment, for engines that send statements of their own.
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadMode {
    CreateOrReplace,
    /// Columns are matched by position; values are cast to the table's types.
    Append,
}

/// How to run a statement.
#[derive(Debug, Clone, Default)]
pub struct StatementOptions {
    /// At most this many rows are returned.
    pub limit: Option<usize>,
    /// Settings of the table that a CREATE TABLE in this text makes.
    pub table: TableOptions,
}

/// Table configs of a model: layout and properties of the stored table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableOptions {
    pub partition_by: Vec<String>,
    pub cluster_by: Vec<String>,
    /// Bytes.
    pub target_file_size: Option<u64>,
    /// Delta table properties, in order.
    pub properties: Vec<(String, String)>,
    /// CREATE TABLE with columns and the INSERT after it are one statement, which replaces what has the name already.
    pub filled_at_once: bool,
}

/// What a statement did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// `SELECT`, `CREATE TABLE`, `MERGE`, …; the adapter response message is made of it and `rows_affected`.
    pub tag: String,
    pub rows_affected: Option<u64>,
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    pub metrics: Metrics,
}

/// What a statement cost. Zero where an engine does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    pub rows_read: u64,
    pub bytes_read: u64,
    pub files_read: u64,
    pub rows_written: u64,
    pub bytes_written: u64,
    pub spilled_bytes: u64,
}

/// A column of a relation or of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// The SQL type name, lower case: `bigint`, `varchar`, `decimal(10,2)`, `timestamp`.
    pub data_type: String,
    pub nullable: bool,
    pub comment: Option<String>,
}

/// What an engine knows of a relation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelationFacts {
    /// `None` where it is not known exactly.
    pub rows: Option<u64>,
    pub bytes: u64,
    pub files: u64,
    /// When its rows last changed.
    pub last_changed: Option<DateTime<Utc>>,
    /// What COMMENT ON said of it.
    pub comment: Option<String>,
}

/// A place in SQL text: 1-based line and column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlPosition {
    pub line: usize,
    pub column: usize,
}

/// Why a statement did not run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The SQL is wrong: it does not parse or does not plan.
    #[error("{message}")]
    Sql { message: String, position: Option<SqlPosition>, help: Option<String> },
    /// The data made it fail: overflow, division, a bad cast, a corrupt file.
    #[error("{message}")]
    Data { message: String },
    #[error("{kind} {relation} does not exist", kind = .kind.map_or("relation", RelationKind::as_str))]
    NotFound { relation: String, kind: Option<RelationKind> },
    #[error("`{feature}` is not supported by this engine")]
    Unsupported { feature: String, help: Option<String> },
    /// Another writer committed to the table in between.
    #[error("{relation} was changed by another run at the same time")]
    Conflict { relation: String },
    #[error("out of memory: {message}")]
    Memory { message: String },
    #[error("{context}: {message}")]
    Storage { context: String, message: String, path: Option<PathBuf> },
    #[error("the statement was cancelled")]
    Cancelled,
    #[error("the profile is wrong: {message}")]
    Profile { message: String },
    #[error("{message} (this is a bug in tamis, please report it)")]
    Internal { message: String },
}
