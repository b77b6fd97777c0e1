//! A Delta table at one version: opening it through a session's store, its schema and metadata, and a cache of snapshots
//! that is asked again before each use.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::{catalog::TableProvider, execution::SessionState};
use deltalake::{
    DeltaTable, DeltaTableBuilder,
    delta_datafusion::TableProviderBuilder,
    kernel::{Add, EagerSnapshot, Remove, StructField, engine::arrow_conversion::TryIntoKernel},
    logstore::{LogStoreRef, StorageConfig, logstore_with},
    operations::create::CreateBuilder,
};
use futures::TryStreamExt;
use object_store::{ObjectStore, memory::InMemory};
use serde_json::{Map, Value};
use url::Url;

use super::{
    commit::{entry_name, latest_version},
    layout::Place,
    snowflake::sql::restored,
    store::SessionStore,
    types,
};
use crate::engine::EngineError;

/// A table as one statement sees it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub place: Place,
    /// Where it is read; the staging folder while a transaction has not published it.
    pub folder: PathBuf,
    pub snapshot: Arc<EagerSnapshot>,
    log_store: LogStoreRef,
}

/// A version of a table in time travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    Latest,
    Version(u64),
    Timestamp(chrono::DateTime<chrono::Utc>),
}

impl Table {
    /// Reads the log of the table in `folder` through `store`.
    pub async fn load(place: &Place, folder: PathBuf, store: &Arc<SessionStore>, at: &At) -> Result<Self, EngineError> {
        let log_store = log_store(&folder, store)?;
        let mut table = DeltaTable::new(Arc::clone(&log_store));
        let loaded = match at {
            At::Latest => table.load().await,
            At::Version(version) => table.load_version(*version).await,
            At::Timestamp(time) => table.load_with_datetime(*time).await,
        };
        loaded.map_err(|error| match EngineError::from(error) {
            EngineError::Data { message } => {
                EngineError::Data { message: format!("table {place} cannot be read: {message}") }
            }
            other => other,
        })?;
        let snapshot = Arc::new(table.snapshot()?.snapshot().clone());
        Ok(Self { place: place.clone(), folder, snapshot, log_store })
    }

    pub fn version(&self) -> u64 {
        self.snapshot.version()
    }

    /// The columns with partition columns in their place, plain Arrow types, comments in the field metadata.
    pub fn schema(&self) -> SchemaRef {
        let arrow = self.snapshot.arrow_schema();
        let fields: Vec<Field> = self
            .snapshot
            .schema()
            .fields()
            .map(|field| {
                let found = arrow.field_with_name(field.name()).ok().map(|found| found.data_type().clone());
                let data_type = found.unwrap_or(arrow::datatypes::DataType::Utf8);
                let metadata = types::kept_metadata(|key| Some(field.metadata().get(key)?.to_string()));
                let field = Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata);
                if types::is_marked(&field) {
                    field.with_data_type(arrow::datatypes::DataType::LargeUtf8)
                } else {
                    field
                }
            })
            .collect();
        types::plain(&Schema::new(fields))
    }

    pub fn partition_columns(&self) -> Vec<String> {
        self.snapshot.metadata().partition_columns().to_vec()
    }

    pub fn comment(&self) -> Option<String> {
        self.snapshot.metadata().description().map(ToOwned::to_owned)
    }

    /// The `metaData` action.
    pub fn metadata(&self) -> Result<Value, EngineError> {
        serde_json::to_value(self.snapshot.metadata()).map_err(broken)
    }

    pub fn property(&self, name: &str) -> Option<String> {
        self.snapshot.metadata().configuration().get(name).cloned()
    }

    /// Bytes and rows of each file that is active now; rows where the log knows them.
    pub async fn files(&self) -> Result<Vec<(u64, Option<u64>)>, EngineError> {
        let views = self.snapshot.file_views(self.log_store.as_ref(), None);
        let fact =
            |size: i64, rows: Option<usize>| (size.unsigned_abs(), rows.and_then(|rows| u64::try_from(rows).ok()));
        Ok(views.map_ok(|view| fact(view.size(), view.num_records())).try_collect().await?)
    }

    /// The table's own properties, in order.
    pub fn properties(&self) -> Vec<(String, String)> {
        let configuration = self.snapshot.metadata().configuration();
        let mut properties: Vec<_> = configuration.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        properties.sort();
        properties
    }

    /// An `add` for each file that is active now.
    pub async fn adds(&self) -> Result<Vec<Add>, EngineError> {
        let views = self.snapshot.file_views(self.log_store.as_ref(), None);
        let add = |view: deltalake::kernel::LogicalFileView| Add {
            path: view.path().to_string(),
            partition_values: view.partition_values_map(),
            size: view.size(),
            modification_time: view.modification_time(),
            data_change: true,
            stats: view.stats(),
            deletion_vector: view.deletion_vector_descriptor(),
            ..Add::default()
        };
        Ok(views.map_ok(add).try_collect().await?)
    }

    /// A `remove` for each file that is active now.
    pub async fn removes(&self) -> Result<Vec<Remove>, EngineError> {
        let views = self.snapshot.file_views(self.log_store.as_ref(), None);
        Ok(views.map_ok(|view| view.remove_action(true)).try_collect().await?)
    }

    /// The table for a query.
    pub async fn provider(&self, state: &SessionState) -> Result<Arc<dyn TableProvider>, EngineError> {
        Ok(restored(Arc::new(self.builder(state).build().await?), &self.schema(), state)?)
    }

    /// The table with one more column that names the file of each row; only `files` where given.
    pub async fn provider_with_files(
        &self,
        state: &SessionState,
        column: &str,
        files: Option<Vec<String>>,
    ) -> Result<Arc<dyn TableProvider>, EngineError> {
        let mut builder = self.builder(state).with_file_column(column);
        if let Some(files) = files {
            builder = builder.with_file_paths(files);
        }
        Ok(restored(Arc::new(builder.build().await?), &self.schema(), state)?)
    }

    fn builder(&self, state: &SessionState) -> TableProviderBuilder {
        TableProviderBuilder::default()
            .with_log_store(Arc::clone(&self.log_store))
            .with_eager_snapshot(Arc::clone(&self.snapshot))
            .with_session(Arc::new(state.clone()))
    }

    /// Writes a checkpoint of this version, so that later opens need not read the whole log.
    pub async fn checkpoint(&self) -> Result<(), EngineError> {
        let mut table = DeltaTable::new(Arc::clone(&self.log_store));
        table.load_version(self.version()).await?;
        deltalake::checkpoints::create_checkpoint(&table, None).await?;
        Ok(())
    }
}

fn log_store(folder: &Path, store: &Arc<SessionStore>) -> Result<LogStoreRef, EngineError> {
    let root: Arc<dyn ObjectStore> = Arc::clone(store) as Arc<dyn ObjectStore>;
    Ok(logstore_with(root, &table_url(folder)?, StorageConfig::default())?)
}

fn table_url(path: &Path) -> Result<Url, EngineError> {
    Url::from_directory_path(path)
        .map_err(|()| EngineError::Internal { message: format!("no URL for {}", path.display()) })
}

/// The `protocol` and `metaData` actions of a new table.
pub(super) async fn new_actions(
    schema: &Schema,
    partition_by: &[String],
    properties: &[(String, String)],
    comment: Option<&str>,
) -> Result<(Value, Value), EngineError> {
    let location =
        Url::parse("memory:///table/").map_err(|error| EngineError::Internal { message: error.to_string() })?;
    let scratch: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let log_store =
        DeltaTableBuilder::from_url(location.clone())?.with_storage_backend(scratch, location).build_storage()?;
    let fields = schema
        .fields()
        .iter()
        .map(|field| {
            let converted: Result<StructField, _> = field.as_ref().try_into_kernel();
            converted.map_err(|error| EngineError::Sql {
                message: format!("column `{}` has a type that a table cannot store: {error}", field.name()),
                position: None,
                help: None,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (known, own): (Vec<_>, Vec<_>) = properties.iter().cloned().partition(|(name, _)| name.starts_with("delta."));
    let mut builder = CreateBuilder::new()
        .with_log_store(Arc::clone(&log_store))
        .with_columns(fields)
        .with_partition_columns(partition_by)
        .with_configuration(known.into_iter().map(|(name, value)| (name, Some(value))));
    if let Some(comment) = comment {
        builder = builder.with_comment(comment);
    }
    builder.await.map_err(|error| EngineError::Sql {
        message: format!("the table cannot be made like this: {error}"),
        position: None,
        help: None,
    })?;
    let entry = log_store.read_commit_entry(0).await?.unwrap_or_default();
    let mut protocol = None;
    let mut metadata = None;
    for line in String::from_utf8_lossy(&entry).lines() {
        let mut action: Map<String, Value> = serde_json::from_str(line).map_err(broken)?;
        protocol = action.remove("protocol").or(protocol);
        metadata = action.remove("metaData").or(metadata);
    }
    let (Some(protocol), Some(mut metadata)) = (protocol, metadata) else {
        return Err(EngineError::Internal { message: "a new table has no metadata".to_owned() });
    };
    if let Some(configuration) = metadata.get_mut("configuration").and_then(Value::as_object_mut) {
        configuration.extend(own.into_iter().map(|(name, value)| (name, Value::String(value))));
    }
    Ok((protocol, metadata))
}

fn broken(error: serde_json::Error) -> EngineError {
    EngineError::Internal { message: error.to_string() }
}

/// Snapshots by folder. An entry is good while its log file is the same file and has no successor.
#[derive(Debug, Default)]
pub(super) struct SnapshotCache(Mutex<HashMap<PathBuf, (Stamp, Arc<EagerSnapshot>)>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    version: u64,
    modified: Option<SystemTime>,
    length: u64,
}

impl SnapshotCache {
    /// The table's latest version.
    pub async fn open(&self, place: &Place, store: &Arc<SessionStore>) -> Result<Table, EngineError> {
        let folder = place.table_dir();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&folder).cloned();
        if let Some((known, snapshot)) = known
            && stamp(&folder, known.version) == Some(known.clone())
            && !folder.join("_delta_log").join(entry_name(known.version + 1)).exists()
        {
            let log_store = log_store(&folder, store)?;
            return Ok(Table { place: place.clone(), folder, snapshot, log_store });
        }
        // Stamped before it is read: a newer file makes the entry stale, never wrong.
        let before = latest_version(&folder).and_then(|version| stamp(&folder, version));
        let table = Table::load(place, folder.clone(), store, &At::Latest).await?;
        if let Some(before) = before.filter(|stamp| stamp.version == table.version()) {
            let entry = (before, Arc::clone(&table.snapshot));
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, entry);
        }
        Ok(table)
    }
}

fn stamp(folder: &Path, version: u64) -> Option<Stamp> {
    let metadata = fs::metadata(folder.join("_delta_log").join(entry_name(version))).ok()?;
    Some(Stamp { version, modified: metadata.modified().ok(), length: metadata.len() })
}
