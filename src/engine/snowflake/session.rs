//! [`Session`] on Snowflake: a connection of the pool, given back at the end.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{
    chunks,
    config::SnowflakeConfig,
    load, metadata,
    pool::{Connection, Pool, lock},
    put::{self, Plan},
    query::{self, Failure},
    result::{self, Rows},
    wire::QueryData,
};
use crate::{
    engine::{
        Column, Described, Details, EngineError, Load, Metrics, Outcome, RelationFacts, Session, StatementOptions,
        Stored, Wanted, split,
    },
    names::Relation,
};

pub struct SnowflakeSession {
    pub config: Arc<SnowflakeConfig>,
    pool: Arc<Pool>,
    connection: Arc<Connection>,
    /// Held while a statement runs.
    running: tokio::sync::Mutex<()>,
    /// Counts the calls of `cancel`.
    cancelled: watch::Sender<u64>,
    last: Mutex<Details>,
}

impl SnowflakeSession {
    pub fn new(config: Arc<SnowflakeConfig>, pool: Arc<Pool>, connection: Arc<Connection>) -> Self {
        Self {
            config,
            pool,
            connection,
            running: tokio::sync::Mutex::new(()),
            cancelled: watch::channel(0).0,
            last: Mutex::default(),
        }
    }

    /// Runs one statement and fetches its rows, at most `limit` of them.
    pub async fn statement(&self, sql: &str, limit: Option<usize>) -> Result<Outcome, EngineError> {
        let _running = self.running.lock().await;
        let mut cancelled = self.cancelled.subscribe();
        let work = async {
            let mut data = query::run(&self.pool.http, &self.connection, sql).await?;
            match data.plan.take() {
                Some(plan) => self.put(sql, &data, plan).await,
                None => self.outcome(data, limit).await,
            }
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            _ = cancelled.changed() => {
                let running = lock(&self.connection.running).take();
                Err(Failure { error: EngineError::Cancelled, query_id: running.and_then(|running| running.query_id) })
            }
        };
        outcome.map_err(|failure: Failure| {
            self.note(failure.query_id.as_deref(), None);
            failure.error
        })
    }

    /// Keeps which statement it was.
    fn note(&self, query_id: Option<&str>, data: Option<&QueryData>) {
        let mut last: Details = Vec::new();
        last.extend(query_id.map(|id| ("query_id", id.into())));
        let session_id = self.connection.tokens().session_id;
        if !session_id.is_empty() {
            last.push(("session_id", session_id.into()));
        }
        if let Some(stats) = data.and_then(|data| data.stats) {
            let counts = [
                ("rows_inserted", stats.num_rows_inserted),
                ("rows_deleted", stats.num_rows_deleted),
                ("rows_updated", stats.num_rows_updated),
                ("rows_duplicates", stats.num_dml_duplicates),
            ];
            last.extend(counts.into_iter().filter_map(|(name, count)| Some((name, count?.into()))));
        }
        *lock(&self.last) = last;
    }

    /// Sends the files of a PUT.
    async fn put(&self, sql: &str, data: &QueryData, plan: Plan) -> Result<Outcome, Failure> {
        self.note(data.query_id.as_deref(), Some(data));
        let failed = |error: EngineError| Failure { error, query_id: data.query_id.clone() };
        let files = plan.files().map_err(failed)?;
        let http = &self.pool.http;
        let mut sent = Vec::new();
        if !plan.is_for_one_file() {
            sent = put::send(http, &plan, files).await.map_err(failed)?;
        } else {
            for file in files {
                let sql = put::for_file(sql, &plan.target(&file)).ok_or_else(|| {
                    failed(EngineError::Unsupported { feature: "PUT without a `file://` address".into(), help: None })
                })?;
                let Some(address) = query::run(http, &self.connection, &sql).await?.plan else { continue };
                let plan = Plan { stage_info: address.stage_info, ..plan.clone() };
                sent.extend(put::send(http, &plan, vec![file]).await.map_err(failed)?);
            }
        }
        put::outcome(&sent).map_err(failed)
    }

    async fn outcome(&self, data: QueryData, limit: Option<usize>) -> Result<Outcome, Failure> {
        self.note(data.query_id.as_deref(), Some(&data));
        let failed = |error: EngineError| Failure { error, query_id: data.query_id.clone() };
        let mut rows = Rows::new(&data.rowtype, limit);
        if let Some(rowset) = &data.rowset {
            rows.texts(rowset).map_err(failed)?;
        }
        if let Some(encoded) = data.rowset_base64.as_deref().filter(|encoded| !encoded.is_empty()) {
            rows.encoded(encoded).map_err(failed)?;
        }
        let is_arrow = data.rowset_base64.is_some();
        let mut metrics = Metrics::default();
        if rows.wants_more() {
            chunks::each(&self.pool.http, &self.connection, &data, |part| {
                metrics.bytes_read += part.len() as u64;
                if is_arrow {
                    rows.stream(&part)?
                } else {
                    rows.list(&part)?
                }
                Ok(rows.wants_more())
            })
            .await?;
        }
        let (schema, batches) = rows.finish();
        let rows_affected = result::rows_affected(&data, &batches);
        Ok(Outcome { tag: "SUCCESS".to_owned(), rows_affected, schema, batches, metrics })
    }
}

impl Drop for SnowflakeSession {
    fn drop(&mut self) {
        self.pool.give_back(Arc::clone(&self.connection));
    }
}

#[async_trait]
impl Session for SnowflakeSession {
    async fn execute(&self, sql: &str, options: &StatementOptions) -> Result<Outcome, EngineError> {
        let mut outcome = result::nothing();
        for statement in split::statements(sql) {
            outcome = self.statement(statement, options.limit).await.map_err(|error| placed(error, sql, statement))?;
        }
        Ok(outcome)
    }

    async fn describe(&self, sql: &str) -> Result<Vec<Column>, EngineError> {
        let mut statements = split::statements(sql);
        let statement = statements.pop().unwrap_or(sql);
        // What stands before the query makes what it reads: the `sql_header` of a model.
        for statement in statements {
            self.statement(statement, None).await?;
        }
        let outcome = self.statement(&format!("select * from (\n{statement}\n) where false limit 0"), None).await?;
        Ok(result::columns(&outcome.schema))
    }

    async fn schemas(&self, database: &str) -> Result<Vec<String>, EngineError> {
        metadata::schemas(self, database).await
    }

    async fn relations(&self, database: &str, schema: &str) -> Result<Vec<Relation>, EngineError> {
        metadata::relations(self, database, schema).await
    }

    async fn columns(&self, relation: &Relation) -> Result<Option<Vec<Column>>, EngineError> {
        metadata::columns(self, relation).await
    }

    async fn facts(&self, relation: &Relation, _files: Option<&str>) -> Result<Option<RelationFacts>, EngineError> {
        metadata::facts(self, relation).await
    }

    async fn described(
        &self,
        (database, schema): (&str, &str),
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Described>, EngineError> {
        let mut all = metadata::described(self, database, schema).await?;
        all.retain(|described| wanted(&described.relation));
        Ok(all)
    }

    async fn stored(&self, relation: &Relation) -> Result<Option<Stored>, EngineError> {
        metadata::stored(self, relation).await
    }

    async fn load(&self, relation: &Relation, load: Load) -> Result<Outcome, EngineError> {
        load::load(self, relation, load).await
    }

    async fn cancel(&self) {
        query::abort(&self.pool.http, &self.connection).await;
        self.cancelled.send_modify(|calls| *calls += 1);
    }

    fn last_statement(&self) -> Details {
        lock(&self.last).clone()
    }
}

/// A place in one statement as a place in the whole text.
fn placed(error: EngineError, sql: &str, statement: &str) -> EngineError {
    let EngineError::Sql { message, position: Some(mut position), help } = error else { return error };
    // `statement` is a part of `sql`.
    let offset = (statement.as_ptr() as usize).saturating_sub(sql.as_ptr() as usize);
    let before = sql.get(..offset).unwrap_or_default();
    let lines = before.matches('\n').count();
    if position.line == 1 {
        let line = before.rsplit('\n').next().unwrap_or_default();
        position.column += line.chars().count();
    }
    position.line += lines;
    EngineError::Sql { message, position: Some(position), help }
}
