//! The state of one session: its DataFusion context, its view of the tables, temporary tables and the open transaction.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use datafusion::{
    catalog::TableProvider,
    error::DataFusionError,
    execution::{
        SessionState, SessionStateBuilder,
        object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry},
        runtime_env::RuntimeEnv,
    },
    prelude::{SessionConfig, SessionContext},
    sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart},
};
use deltalake::delta_datafusion::planner::DeltaPlanner;
use url::Url;

use super::{
    Lakehouse,
    catalog::LakeCatalogs,
    commit::{Change, Depends, Pending, Published, Staging, publish},
    external::External,
    functions,
    layout::{self, Place, Root},
    parse::sql_error,
    store::SessionStore,
    table::{At, Table},
    types::LakeTypes,
};
use crate::{
    diagnostic::nearest,
    engine::EngineError,
    names::{RelationKind, quote_identifier},
};

/// A relation's name in SQL, with defaults filled in. Parts as the user means them: unquoted ones in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub database: String,
    pub schema: String,
    pub table: String,
}

impl Name {
    fn key(&self) -> Name {
        Name {
            database: self.database.to_lowercase(),
            schema: self.schema.to_lowercase(),
            table: self.table.to_lowercase(),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [database, schema, table] = [&self.database, &self.schema, &self.table].map(|part| quote_identifier(part));
        write!(f, "{database}.{schema}.{table}")
    }
}

pub(super) struct SessionCore {
    pub lake: Arc<Lakehouse>,
    pub name: String,
    pub store: Arc<SessionStore>,
    pub ctx: SessionContext,
    /// Tables as the running statement saw them first.
    opened: Mutex<HashMap<PathBuf, Arc<Table>>>,
    /// Tables of the running statement that are in no catalog: external files, targets of a merge.
    pub guests: Mutex<HashMap<String, Arc<dyn TableProvider>>>,
    pub temporary: Mutex<HashMap<Name, Arc<dyn TableProvider>>>,
    transaction: Mutex<Option<HashMap<PathBuf, Pending>>>,
    /// The external files that the statement reads.
    pub externals: Mutex<Vec<External>>,
    /// The views that are being planned, to stop at a view that reads itself.
    pub planning: Mutex<Vec<Name>>,
}

impl SessionCore {
    pub fn new(lake: Arc<Lakehouse>, name: &str) -> Result<Arc<Self>, EngineError> {
        let store = Arc::new(SessionStore::new(lake.roots.iter().map(|root| root.path.as_path())));
        let state = session_state(&lake, &store)?;
        let core = Arc::new_cyclic(|weak: &Weak<SessionCore>| {
            let mut state = state;
            state.register_catalog_list(Arc::new(LakeCatalogs::new(weak.clone())));
            Self {
                lake,
                name: name.to_owned(),
                store,
                ctx: SessionContext::new_with_state(state),
                opened: Mutex::default(),
                guests: Mutex::default(),
                temporary: Mutex::default(),
                transaction: Mutex::default(),
                externals: Mutex::default(),
                planning: Mutex::default(),
            }
        });
        functions::register(&core.ctx)?;
        core.ctx.register_udf(super::row_number::row_number());
        Ok(core)
    }

    pub fn state(&self) -> SessionState {
        self.ctx.state()
    }

    /// Forgets what the last statement saw.
    pub fn begin_statement(&self) {
        locked(&self.opened).clear();
        locked(&self.guests).clear();
        locked(&self.planning).clear();
        for external in locked(&self.externals).drain(..) {
            external.release(&self.ctx);
        }
    }

    /// A failure of the data with the external files that the statement reads.
    pub fn name_sources(&self, error: EngineError) -> EngineError {
        let EngineError::Data { message } = error else { return error };
        let externals = locked(&self.externals);
        let cause = DataFusionError::Execution(message.clone());
        externals.iter().find_map(|external| external.explain(&cause)).unwrap_or(EngineError::Data { message })
    }

    /// The parts of a name in SQL.
    pub fn resolve(&self, name: &ObjectName) -> Result<Name, EngineError> {
        let mut parts = Vec::new();
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => parts.push(fold(ident)),
                ObjectNamePart::Function(_) => return Err(sql_error(format!("`{name}` is not a name"))),
            }
        }
        let config = &self.lake.config;
        let mut parts = parts.into_iter().rev();
        let table = parts.next().unwrap_or_default();
        let schema = parts.next().unwrap_or_else(|| config.schema.clone());
        let database = parts.next().unwrap_or_else(|| config.database.clone());
        if parts.next().is_some() {
            return Err(sql_error(format!("`{name}` has too many parts: at most database.schema.table")));
        }
        Ok(Name { database, schema, table })
    }

    pub fn root(&self, database: &str) -> Result<&Arc<Root>, EngineError> {
        self.lake.root(Some(database)).ok_or_else(|| {
            let known: Vec<&str> = self.lake.roots.iter().map(|root| root.name.as_str()).collect();
            EngineError::Sql {
                message: format!("database `{database}` does not exist"),
                position: None,
                help: Some(match nearest(database, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the profile has {}; attach more with `databases`", known.join(", ")),
                }),
            }
        })
    }

    /// Where the relation is or would be, and what is there for this session.
    pub fn find(&self, name: &Name) -> Result<(Place, Option<RelationKind>), EngineError> {
        let (place, kind) = layout::find(self.root(&name.database)?, &name.schema, &name.table)?;
        if kind.is_none_or(|kind| kind == RelationKind::View) {
            let transaction = locked(&self.transaction);
            let staged = transaction.iter().flatten().find(|(_, pending)| {
                pending.base.is_none()
                    && pending.place.schema_dir() == place.schema_dir()
                    && pending.place.name.to_lowercase() == place.name.to_lowercase()
            });
            if let Some((_, pending)) = staged {
                return Ok((pending.place.clone(), Some(RelationKind::Table)));
            }
        }
        Ok((place, kind))
    }

    /// The place of a relation that must exist, with near names as help.
    pub fn find_existing(&self, name: &Name) -> Result<(Place, RelationKind), EngineError> {
        let (place, kind) = self.find(name)?;
        match kind {
            Some(kind) => Ok((place, kind)),
            None => Err(self.missing(name)?),
        }
    }

    /// The error for a relation that does not exist.
    pub fn missing(&self, name: &Name) -> Result<EngineError, EngineError> {
        let root = self.root(&name.database)?;
        let Some(schema) = layout::find_schema(root, &name.schema)? else {
            let schemas = layout::schemas(root)?;
            let near = nearest(&name.schema, schemas.iter().map(String::as_str));
            return Ok(EngineError::Sql {
                message: format!("relation {name} does not exist: there is no schema `{}`", name.schema),
                position: None,
                help: near.map(|near| format!("did you mean the schema `{near}`?")),
            });
        };
        let relations = layout::relations(root, &schema)?;
        let near = nearest(&name.table, relations.iter().map(|(name, _)| name.as_str()));
        Ok(EngineError::Sql {
            message: format!("relation {name} does not exist"),
            position: None,
            help: near.map(|near| format!("did you mean `{near}`?")),
        })
    }

    /// The table as this statement sees it.
    pub async fn table(&self, place: &Place) -> Result<Arc<Table>, EngineError> {
        let folder = place.table_dir();
        if let Some(table) = locked(&self.opened).get(&folder) {
            return Ok(Arc::clone(table));
        }
        let staged = locked(&self.transaction).as_ref().and_then(|tables| tables.get(&folder).map(Pending::folder));
        let table = match staged {
            Some(staged) => Table::load(place, staged, &self.store, &At::Latest).await?,
            None => self.lake.snapshots.open(place, &self.store).await?,
        };
        let table = Arc::new(table);
        locked(&self.opened).insert(folder, Arc::clone(&table));
        Ok(table)
    }

    /// Tables of a schema that only the open transaction has.
    pub fn staged_tables(&self, root: &Root, schema: &str) -> Vec<String> {
        let transaction = locked(&self.transaction);
        let staged = transaction.iter().flatten().map(|(_, pending)| pending);
        staged
            .filter(|pending| {
                pending.base.is_none() && pending.place.root.path == root.path && pending.place.schema == schema
            })
            .map(|pending| pending.place.name.clone())
            .collect()
    }

    pub fn in_transaction(&self) -> bool {
        locked(&self.transaction).is_some()
    }

    pub fn begin(&self) {
        let mut transaction = locked(&self.transaction);
        // A second BEGIN continues the first, as Postgres does with a warning.
        transaction.get_or_insert_with(HashMap::new);
    }

    /// Publishes what the transaction staged, one commit per table.
    pub async fn commit(&self) -> Result<(), EngineError> {
        let tables = locked(&self.transaction).take().unwrap_or_default();
        let mut pending: Vec<Pending> = tables.into_values().collect();
        pending.sort_by_key(|pending| pending.place.table_dir());
        for pending in &pending {
            self.store
                .hide(&pending.place.table_dir())
                .await
                .map_err(|error| super::errors::from_object_store(&error))?;
        }
        for pending in pending {
            if !pending.is_empty() {
                self.publish(pending).await?;
            }
        }
        Ok(())
    }

    pub async fn rollback(&self) -> Result<(), EngineError> {
        let tables = locked(&self.transaction).take().unwrap_or_default();
        for pending in tables.values() {
            self.store.hide(&pending.folder()).await.map_err(|error| super::errors::from_object_store(&error))?;
        }
        Ok(())
    }

    /// Forgets what the transaction did to one table; true when the table is the transaction's own.
    pub async fn discard(&self, place: &Place) -> Result<bool, EngineError> {
        let folder = place.table_dir();
        let pending = locked(&self.transaction).as_mut().and_then(|tables| tables.remove(&folder));
        if let Some(pending) = &pending {
            self.store.hide(&pending.folder()).await.map_err(|error| super::errors::from_object_store(&error))?;
        }
        locked(&self.opened).remove(&folder);
        Ok(pending.is_some_and(|pending| pending.base.is_none()))
    }

    /// A folder for the files that the next change of `place` writes.
    pub fn stage(&self, place: &Place) -> Result<Target, EngineError> {
        if let Some(pending) = locked(&self.transaction).as_ref().and_then(|tables| tables.get(&place.table_dir())) {
            return Ok(Target { folder: pending.staging.path().to_path_buf(), own: None });
        }
        let staging = Staging::create(&self.lake.staging(&place.root)?)?;
        Ok(Target { folder: staging.path().to_path_buf(), own: Some(staging) })
    }

    /// Applies a change: to the open transaction, or at once. `base` is the version that the statement saw.
    pub async fn apply(
        &self,
        place: &Place,
        base: Option<u64>,
        target: Target,
        change: Change,
    ) -> Result<(), EngineError> {
        let folder = place.table_dir();
        let seen = locked(&self.opened).remove(&folder);
        if !self.in_transaction() {
            let staging = match target.own {
                Some(staging) => staging,
                None => Staging::create(&self.lake.staging(&place.root)?)?,
            };
            let mut pending = Pending::new(place.clone(), base, staging, &self.lake.config.run_id);
            pending.made_for(seen.as_deref());
            pending.amend(change);
            return if pending.is_empty() { Ok(()) } else { self.publish(pending).await };
        }
        let staged = {
            let mut transaction = locked(&self.transaction);
            let tables = transaction.get_or_insert_with(HashMap::new);
            let pending = match tables.entry(folder.clone()) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    let staging = match target.own {
                        Some(staging) => staging,
                        None => Staging::create(&self.lake.staging(&place.root)?)?,
                    };
                    entry.insert(Pending::new(place.clone(), base, staging, &self.lake.config.run_id))
                }
            };
            pending.made_for(seen.as_deref());
            pending.amend(change);
            Staged::of(pending)?
        };
        self.show(staged).await
    }

    /// Renames a table that only this transaction has; false when it is not one.
    pub fn move_pending(&self, from: &Place, to: &Place) -> bool {
        let pending = {
            let mut transaction = locked(&self.transaction);
            let Some(tables) = transaction.as_mut() else { return false };
            let own = tables.get(&from.table_dir()).is_some_and(|pending| pending.base.is_none());
            if own { tables.remove(&from.table_dir()) } else { None }
        };
        let Some(mut pending) = pending else { return false };
        locked(&self.opened).remove(&from.table_dir());
        pending.place = to.clone();
        locked(&self.transaction).get_or_insert_with(HashMap::new).insert(to.table_dir(), pending);
        true
    }

    /// Lays what is staged over the table's folder, for this session. A new table is read where it is staged.
    async fn show(&self, staged: Staged) -> Result<(), EngineError> {
        let shown = async {
            self.store.hide(&staged.folder).await?;
            if staged.folder != staged.staging {
                self.store.show_files(&staged.folder, &staged.staging, &staged.files)?;
            }
            self.store.show_entry(&staged.folder, staged.version, staged.entry).await
        };
        shown.await.map_err(|error| super::errors::from_object_store(&error))
    }

    /// Makes a table of this session on disk, in the run's own folder.
    pub async fn store_privately(&self, staging: Staging, change: Change) -> Result<Arc<Table>, EngineError> {
        let root = Arc::new(Root { name: "temporary".to_owned(), path: self.lake.run.path.join("temporary") });
        let place = Place { root, schema: "temporary".to_owned(), name: uuid::Uuid::new_v4().simple().to_string() };
        let folder = place.schema_dir();
        std::fs::create_dir_all(&folder)
            .map_err(|error| layout::storage("cannot store a temporary table".to_owned(), &folder, &error))?;
        let mut pending = Pending::new(place.clone(), None, staging, &self.lake.config.run_id);
        pending.amend(change);
        self.publish(pending).await?;
        Ok(Arc::new(Table::load(&place, place.table_dir(), &self.store, &At::Latest).await?))
    }

    async fn publish(&self, pending: Pending) -> Result<(), EngineError> {
        let place = pending.place.clone();
        let lock = self.lake.table_lock(&place.table_dir());
        let _guard = lock.lock().await;
        let mut pending = Arc::new(pending);
        for _ in 0..20 {
            match publish(Arc::clone(&pending)).await? {
                Published::At(version) => {
                    if version > 0 && version.is_multiple_of(CHECKPOINT_EVERY) {
                        self.checkpoint(&place).await;
                    }
                    return Ok(());
                }
                Published::Moved(latest) => {
                    let conflict = || EngineError::Conflict { relation: place.to_string() };
                    let movable = Arc::get_mut(&mut pending).ok_or_else(conflict)?;
                    match (movable.depends(), latest) {
                        (Depends::OnBase, _) | (Depends::Append, None) => return Err(conflict()),
                        (Depends::Overwrite, None) => movable.rebase(None, Vec::new()),
                        (depends, Some(_)) => {
                            let table = self.lake.snapshots.open(&place, &self.store).await?;
                            if depends == Depends::Append && !movable.fits(&table) {
                                return Err(conflict());
                            }
                            movable.rebase(Some(table.version()), table.removes().await?);
                        }
                    }
                }
            }
        }
        Err(EngineError::Conflict { relation: place.to_string() })
    }

    async fn checkpoint(&self, place: &Place) {
        let result = match self.lake.snapshots.open(place, &self.store).await {
            Ok(table) => table.checkpoint().await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::warn!(%error, table = %place, "no checkpoint was written");
        }
    }
}

/// What the session's store shows of a pending change.
struct Staged {
    folder: PathBuf,
    staging: PathBuf,
    files: Vec<String>,
    version: u64,
    entry: Vec<u8>,
}

impl Staged {
    fn of(pending: &Pending) -> Result<Self, EngineError> {
        Ok(Self {
            folder: pending.folder(),
            staging: pending.staging.path().to_path_buf(),
            files: pending.staged_files(),
            version: pending.next_version(),
            entry: pending.log_entry()?,
        })
    }
}

/// Commits between two checkpoints.
const CHECKPOINT_EVERY: u64 = 50;

/// Where a statement writes files before they are published.
pub(super) struct Target {
    pub folder: PathBuf,
    own: Option<Staging>,
}

/// An identifier as names are compared: unquoted ones in lower case.
pub(super) fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SessionCore {
    /// The temporary table of a name; one that was made without schema is found under any.
    pub fn temporary(&self, name: &Name) -> Option<Arc<dyn TableProvider>> {
        locked(&self.temporary).get(&name.key()).cloned()
    }

    pub fn any_temporary(&self, table: &str) -> Option<Arc<dyn TableProvider>> {
        let wanted = table.to_lowercase();
        locked(&self.temporary).iter().find(|(name, _)| name.table == wanted).map(|(_, table)| Arc::clone(table))
    }

    pub fn set_temporary(&self, name: &Name, table: Option<Arc<dyn TableProvider>>) -> bool {
        let mut temporary = locked(&self.temporary);
        match table {
            Some(table) => temporary.insert(name.key(), table).is_some(),
            None => temporary.remove(&name.key()).is_some(),
        }
    }
}

fn session_state(lake: &Lakehouse, store: &Arc<SessionStore>) -> Result<SessionState, EngineError> {
    let registry = DefaultObjectStoreRegistry::new();
    let files = Url::parse("file:///").map_err(|error| EngineError::Internal { message: error.to_string() })?;
    registry.register_store(&files, Arc::clone(store) as Arc<dyn object_store::ObjectStore>);
    let runtime = RuntimeEnv {
        memory_pool: Arc::clone(&lake.memory_pool),
        disk_manager: Arc::clone(&lake.disk_manager),
        cache_manager: Arc::clone(&lake.cache_manager),
        object_store_registry: Arc::new(registry),
    };
    // Sorts fail in small pools without room for their merge (measured: 64 MB).
    let reservation =
        usize::try_from((lake.memory / 8).clamp(1024 * 1024, 64 * 1024 * 1024)).unwrap_or(64 * 1024 * 1024);
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(&lake.config.database, &lake.config.schema)
        .with_information_schema(false)
        .with_sort_spill_reservation_bytes(reservation)
        .with_parquet_page_index_pruning(true)
        .set_usize("datafusion.sql_parser.recursion_limit", 200)
        // Delta's own two settings: they avoid a panic on dictionary keys.
        .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_size", 0)
        .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_distinct_values", 0);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    Ok(SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(Arc::new(runtime))
        .with_query_planner(DeltaPlanner::new())
        .with_type_planner(Arc::new(LakeTypes))
        .build())
}
