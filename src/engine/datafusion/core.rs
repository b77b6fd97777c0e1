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
    Dialect, Lakehouse,
    catalog::LakeCatalogs,
    commit::Pending,
    external::External,
    functions,
    layout::{self, Place, Root},
    operators,
    parse::sql_error,
    snowflake,
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
    pub opened: Mutex<HashMap<PathBuf, Arc<Table>>>,
    /// The version of each table that queries of this session read first. What they found may be in a temporary table or
    /// in the text of a later statement, so a table is only changed while it is still at that version.
    pub reads: Mutex<HashMap<PathBuf, u64>>,
    /// Tables of the running statement that are in no catalog: external files, targets of a merge.
    pub guests: Mutex<HashMap<String, Arc<dyn TableProvider>>>,
    pub temporary: Mutex<HashMap<Name, Arc<dyn TableProvider>>>,
    pub transaction: Mutex<Option<HashMap<PathBuf, Pending>>>,
    /// The external files that the statement reads.
    pub externals: Mutex<Vec<External>>,
    /// ALTER SESSION SET, by name in lower case.
    pub parameters: Mutex<Vec<(String, String)>>,
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
                reads: Mutex::default(),
                guests: Mutex::default(),
                temporary: Mutex::default(),
                transaction: Mutex::default(),
                externals: Mutex::default(),
                parameters: Mutex::default(),
                planning: Mutex::default(),
            }
        });
        functions::register(&core.ctx)?;
        if core.lake.config.dialect == Dialect::Snowflake {
            snowflake::sql::register(&core.ctx)?;
        }
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

    /// Remembers which version a query reads.
    pub fn note_read(&self, table: &Table) {
        let folder = table.place.table_dir();
        let staged = locked(&self.transaction).as_ref().is_some_and(|tables| tables.contains_key(&folder));
        if !staged {
            locked(&self.reads).entry(folder).or_insert(table.version());
        }
    }

    /// Forgets what was read, when the work starts again.
    pub fn forget_reads(&self) {
        locked(&self.reads).clear();
    }
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
        .with_physical_optimizer_rules(operators::optimizer_rules())
        .build())
}
