//! A warehouse that answers some statements and keeps a protocol of what it was asked.

use std::sync::{Arc, Mutex};

use arrow::{
    array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray},
    datatypes::Schema,
    record_batch::RecordBatch,
};
use async_trait::async_trait;

use crate::{
    engine::{
        Capabilities, Column, Engine, EngineError, Load, LoadMode, Metrics, Outcome, Session, SqlPosition,
        StatementOptions, Stored,
    },
    names::{Relation, RelationKind},
};

/// Answers some statements and keeps a protocol of what it was asked.
pub(super) struct FakeWarehouse {
    pub(super) capabilities: Capabilities,
    pub(super) protocol: Arc<Mutex<Vec<String>>>,
}

struct FakeSession(Arc<Mutex<Vec<String>>>);

impl FakeSession {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }
}

pub(super) fn rows() -> RecordBatch {
    let columns: [(&str, ArrayRef); 6] = [
        ("id", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ("name", Arc::new(StringArray::from(vec!["01", "b"]))),
        ("ok", Arc::new(BooleanArray::from(vec![true, false]))),
        ("amount", Arc::new(Decimal128Array::from(vec![150, 5]).with_precision_and_scale(10, 2).unwrap())),
        ("day", Arc::new(Date32Array::from(vec![19_724, 0]))),
        ("rate", Arc::new(Float64Array::from(vec![0.5, 2.0]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn outcome(tag: &str, rows_affected: Option<u64>, batches: Vec<RecordBatch>) -> Outcome {
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    Outcome { tag: tag.to_owned(), rows_affected, schema, batches, metrics: Metrics::default() }
}

#[async_trait]
impl Session for FakeSession {
    async fn execute(&self, sql: &str, options: &StatementOptions) -> Result<Outcome, EngineError> {
        let partitions = &options.table.partition_by;
        self.note(if partitions.is_empty() { sql.trim().to_owned() } else { format!("{} {partitions:?}", sql.trim()) });
        if let Some(at) = sql.find("wrong") {
            let before = sql.get(..at).unwrap_or("");
            let line = before.lines().count().max(1);
            let column = before.rsplit('\n').next().unwrap_or("").len() + 1;
            let position = Some(SqlPosition { line, column });
            return Err(EngineError::Sql { message: "no field named wrong".to_owned(), position, help: None });
        }
        if sql.trim_start().starts_with("select") {
            return Ok(outcome("SELECT", Some(2), vec![rows()]));
        }
        Ok(outcome("CREATE TABLE", None, Vec::new()))
    }

    async fn describe(&self, sql: &str) -> Result<Vec<Column>, EngineError> {
        self.note(format!("describe {sql}"));
        self.columns(&Relation::new("db", "main", "orders")).await.map(Option::unwrap_or_default)
    }

    async fn schemas(&self, _: &str) -> Result<Vec<String>, EngineError> {
        Ok(vec!["main".to_owned()])
    }

    async fn relations(&self, database: &str, schema: &str) -> Result<Vec<Relation>, EngineError> {
        self.note(format!("list {database}.{schema}"));
        Ok(vec![
            Relation::new(database, schema, "orders").with_kind(Some(RelationKind::Table)),
            Relation::new(database, schema, "Mixed").with_kind(Some(RelationKind::View)),
        ])
    }

    async fn columns(&self, _: &Relation) -> Result<Option<Vec<Column>>, EngineError> {
        let column = |name: &str, data_type: &str| Column {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            nullable: true,
            comment: None,
        };
        Ok(Some(vec![column("id", "bigint"), column("amount", "decimal(10,2)")]))
    }

    async fn stored(&self, _: &Relation) -> Result<Option<Stored>, EngineError> {
        Ok(None)
    }

    async fn load(&self, relation: &Relation, load: Load) -> Result<Outcome, EngineError> {
        let rows: usize = load.batches.iter().map(RecordBatch::num_rows).sum();
        let replace = load.mode == LoadMode::CreateOrReplace;
        self.note(format!("load {relation} {rows} replace={replace}"));
        Ok(outcome("INSERT", u64::try_from(rows).ok(), Vec::new()))
    }

    async fn cancel(&self) {}
}

#[async_trait]
impl Engine for FakeWarehouse {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn session(&self, name: &str) -> Result<Arc<dyn Session>, EngineError> {
        self.protocol.lock().unwrap().push(format!("session {name}"));
        Ok(Arc::new(FakeSession(Arc::clone(&self.protocol))))
    }

    async fn check(&self) -> Result<Vec<(String, String)>, EngineError> {
        Ok(Vec::new())
    }

    async fn close(&self) -> Result<(), EngineError> {
        Ok(())
    }
}
