//! [`Session`] on the lakehouse: one connection. Statements run one after the other and can be cancelled.

pub(super) mod facts;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};

use super::{
    Dialect, Lakehouse,
    core::{Name, SessionCore},
    information_schema::relation_columns,
    layout, parse, query,
    snowflake::{self, Work, names},
    statement,
};
use crate::{
    engine::{Column, EngineError, Load, Outcome, RelationFacts, Session, StatementOptions, Stored},
    names::{Relation, RelationKind},
};

pub(super) struct LakeSession {
    core: Arc<SessionCore>,
    /// Held while a statement runs.
    running: Mutex<()>,
    /// Counts the calls of `cancel`.
    cancelled: watch::Sender<u64>,
}

impl LakeSession {
    pub fn new(lake: Arc<Lakehouse>, name: &str) -> Result<Self, EngineError> {
        Ok(Self { core: SessionCore::new(lake, name)?, running: Mutex::new(()), cancelled: watch::channel(0).0 })
    }

    /// Runs `work` until it ends or the session is cancelled; what it staged goes with it.
    async fn cancellable<T>(&self, work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
        let _running = self.running.lock().await;
        let mut cancelled = self.cancelled.subscribe();
        tokio::select! {
            result = work => result,
            _ = cancelled.changed() => Err(EngineError::Cancelled),
        }
    }

    /// Runs statements one after the other; the outcome is the last one's.
    async fn execute_each(&self, works: Vec<Work>, options: &StatementOptions) -> Result<Outcome, EngineError> {
        let mut outcome = statement::nothing("OK");
        let mut works = works.into_iter().peekable();
        while let Some(work) = works.next() {
            self.core.begin_statement();
            let next = match work {
                Work::Statement(parsed) => {
                    let fills = |next: &Work| match next {
                        Work::Statement(next) => statement::fills(&next.statement, &parsed.statement),
                        _ => false,
                    };
                    let done = match works.next_if(|next| options.table.filled_at_once && fills(next)) {
                        Some(Work::Statement(rows)) => {
                            Box::pin(statement::create_filled(&self.core, *parsed, *rows, &options.table)).await
                        }
                        _ => statement::run(&self.core, *parsed, options).await,
                    };
                    match self.dialect() {
                        Dialect::Generic => done,
                        Dialect::Snowflake => done.and_then(names::shown_outcome),
                    }
                }
                Work::Overwrite(delete, insert) => {
                    let both = vec![Work::Statement(delete), Work::Statement(insert)];
                    Box::pin(self.together(both, options)).await
                }
                Work::Command(command) => Box::pin(snowflake::run(&self.core, command)).await,
            };
            let next = next.map_err(|error| self.core.name_sources(error));
            self.core.begin_statement();
            outcome = next?;
        }
        Ok(outcome)
    }

    /// Runs statements in one transaction, or in the one that is open.
    async fn together(&self, works: Vec<Work>, options: &StatementOptions) -> Result<Outcome, EngineError> {
        if self.core.in_transaction() {
            return self.execute_each(works, options).await;
        }
        self.core.begin();
        match self.execute_each(works, options).await {
            Ok(outcome) => self.core.commit().await.map(|()| outcome),
            Err(error) => {
                self.core.rollback().await?;
                Err(error)
            }
        }
    }

    fn dialect(&self) -> Dialect {
        self.core.lake.config.dialect
    }

    /// The pieces of a text.
    fn works(&self, sql: &str) -> Result<Vec<Work>, EngineError> {
        match self.dialect() {
            Dialect::Generic => {
                Ok(parse::parse(sql)?.into_iter().map(|parsed| Work::Statement(Box::new(parsed))).collect())
            }
            Dialect::Snowflake => snowflake::works(sql),
        }
    }

    fn shown_columns(&self, columns: Vec<Column>) -> Vec<Column> {
        match self.dialect() {
            Dialect::Generic => columns,
            Dialect::Snowflake => columns.into_iter().map(names::shown_column).collect(),
        }
    }

    fn name(&self, relation: &Relation) -> Name {
        let relation = match self.dialect() {
            Dialect::Generic => relation.clone(),
            Dialect::Snowflake => names::stored(relation),
        };
        let config = &self.core.lake.config;
        Name {
            database: relation.database.unwrap_or_else(|| config.database.clone()),
            schema: relation.schema.unwrap_or_else(|| config.schema.clone()),
            table: relation.identifier.unwrap_or_default(),
        }
    }
}

#[async_trait]
impl Session for LakeSession {
    async fn execute(&self, sql: &str, options: &StatementOptions) -> Result<Outcome, EngineError> {
        self.cancellable(async {
            let works = self.works(sql)?;
            // Changes that are written in one text are made together: no one sees, and no crash leaves, the half of them.
            let changes = |work: &Work| match work {
                Work::Statement(parsed) => statement::is_dml(&parsed.statement),
                Work::Overwrite(..) => true,
                Work::Command(_) => false,
            };
            match works.len() > 1 && works.iter().all(changes) {
                true => self.together(works, options).await,
                false => self.execute_each(works, options).await,
            }
        })
        .await
    }

    async fn describe(&self, sql: &str) -> Result<Vec<Column>, EngineError> {
        self.cancellable(async {
            let mut works = self.works(sql)?;
            let Some(Work::Statement(parsed)) = works.pop() else {
                return Err(parse::sql_error("a query is needed to describe its columns"));
            };
            // What stands before the query makes what it reads: the `sql_header` of a model.
            if !works.is_empty() {
                self.execute_each(works, &StatementOptions::default()).await?;
            }
            self.core.begin_statement();
            let (plan, _) = query::plan(&self.core, *parsed).await?;
            let columns = query::output_columns(&self.core, plan)?;
            self.core.begin_statement();
            Ok(self.shown_columns(columns))
        })
        .await
    }

    async fn schemas(&self, database: &str) -> Result<Vec<String>, EngineError> {
        let schemas = layout::schemas(self.core.root(database)?)?;
        Ok(match self.dialect() {
            Dialect::Generic => schemas,
            Dialect::Snowflake => schemas.iter().map(|schema| names::swapped(schema)).collect(),
        })
    }

    async fn relations(&self, database: &str, schema: &str) -> Result<Vec<Relation>, EngineError> {
        let root = self.core.root(database)?;
        let Some(schema) = layout::find_schema(root, schema)? else { return Ok(Vec::new()) };
        let mut relations = layout::relations(root, &schema)?;
        for name in self.core.staged_tables(root, &schema) {
            if !relations.iter().any(|(known, _)| *known == name) {
                relations.push((name, RelationKind::Table));
            }
        }
        relations.sort();
        let relation = |(name, kind)| Relation::new(root.name.clone(), schema.clone(), name).with_kind(Some(kind));
        let relations = relations.into_iter().map(relation);
        Ok(match self.dialect() {
            Dialect::Generic => relations.collect(),
            Dialect::Snowflake => relations.map(names::shown).collect(),
        })
    }

    async fn columns(&self, relation: &Relation) -> Result<Option<Vec<Column>>, EngineError> {
        let _running = self.running.lock().await;
        self.core.begin_statement();
        let columns = relation_columns(&self.core, &self.name(relation)).await?;
        Ok(columns.map(|columns| self.shown_columns(columns)))
    }

    async fn facts(&self, relation: &Relation, files: Option<&str>) -> Result<Option<RelationFacts>, EngineError> {
        let _running = self.running.lock().await;
        self.core.begin_statement();
        match files {
            Some(factor) => facts::of_external(&self.core, factor).await,
            None => facts::of_relation(&self.core, &self.name(relation)).await,
        }
    }

    async fn stored(&self, relation: &Relation) -> Result<Option<Stored>, EngineError> {
        let _running = self.running.lock().await;
        self.core.begin_statement();
        let (place, kind) = self.core.find(&self.name(relation))?;
        match kind {
            Some(RelationKind::View) => {
                let version = layout::read_view(&place)?.sql;
                Ok(Some(Stored { kind: RelationKind::View, version, properties: Vec::new() }))
            }
            Some(kind) => {
                let table = self.core.table(&place).await?;
                let id = table.metadata()?["id"].as_str().unwrap_or_default().to_owned();
                let version = format!("{id}@{}", table.version());
                Ok(Some(Stored { kind, version, properties: table.properties() }))
            }
            None => Ok(None),
        }
    }

    async fn load(&self, relation: &Relation, load: Load) -> Result<Outcome, EngineError> {
        self.cancellable(async {
            self.core.begin_statement();
            statement::load(&self.core, &self.name(relation), load).await
        })
        .await
    }

    async fn cancel(&self) {
        self.cancelled.send_modify(|count| *count += 1);
    }
}

impl Drop for LakeSession {
    fn drop(&mut self) {
        tracing::debug!(session = %self.core.name, "session closed");
    }
}
