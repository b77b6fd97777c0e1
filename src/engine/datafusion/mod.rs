//! The embedded lakehouse: DataFusion plans and runs queries, Delta tables in a directory hold the data, and a statement
//! layer of our own carries out everything that writes.
//!
//! ```text
//! SQL text ─parse─▶ statements ─┬─ query ─▶ DataFusion plan ─▶ batches
//!                               └─ DDL, DML ─▶ plan ─write─▶ staged files + log actions ─commit─▶ Delta log
//! ```
//!
//! Identifiers are matched without case and keep the case that was stored. Unquoted names that make something new are
//! stored in lower case, quoted ones as written.

mod catalog;
mod channel;
pub mod checks;
mod commit;
mod core;
mod errors;
pub mod external;
pub mod functions;
mod information_schema;
mod layout;
mod lock;
mod memory;
mod operators;
mod parse;
mod query;
mod row_number;
mod session;
mod snowflake;
mod statement;
mod store;
mod table;
mod transaction;
mod types;
mod write;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use datafusion::execution::{
    cache::cache_manager::CacheManager,
    disk_manager::DiskManager,
    memory_pool::{MemoryPool, TrackConsumersPool},
    runtime_env::RuntimeEnvBuilder,
};

use self::{
    layout::{Root, storage},
    lock::RunFolder,
    session::LakeSession,
    table::SnapshotCache,
};
use super::{Capabilities, Engine, EngineError, INCREMENTAL_STRATEGIES, Session};

/// Whose SQL the sessions take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The engine's own.
    #[default]
    Generic,
    Snowflake,
}

impl Dialect {
    fn is_generic(&self) -> bool {
        *self == Self::Generic
    }
}

/// Where the lakehouse is and what it may use.
#[derive(Debug, Clone)]
pub struct LakehouseConfig {
    /// The folder of the default database.
    pub path: PathBuf,
    pub database: String,
    /// The default schema.
    pub schema: String,
    /// Where relative paths of external files start.
    pub project_root: PathBuf,
    /// Bytes that queries may use at once; by default a share of the machine's memory.
    pub memory_limit: Option<u64>,
    pub threads: usize,
    /// More databases by name.
    pub databases: Vec<(String, PathBuf)>,
    pub dialect: Dialect,
    /// Names this run's private folder and its commits.
    pub run_id: String,
}

/// Opens the warehouse and creates its folder where there is none.
///
/// # Errors
/// [`EngineError::Profile`] for databases of one name or a path that is no folder, [`EngineError::Storage`] when the
/// folder cannot be used.
pub async fn open(config: LakehouseConfig) -> Result<Arc<dyn Engine>, EngineError> {
    Ok(Arc::new(LakehouseEngine { lake: Lakehouse::open(config)? }))
}

/// What all sessions of an invocation share.
pub(crate) struct Lakehouse {
    config: LakehouseConfig,
    /// The first is the default database.
    roots: Vec<Arc<Root>>,
    run: RunFolder,
    /// The run's folders in the other databases that it writes to.
    other_runs: Mutex<HashMap<PathBuf, RunFolder>>,
    memory_pool: Arc<dyn MemoryPool>,
    disk_manager: Arc<DiskManager>,
    cache_manager: Arc<CacheManager>,
    memory: u64,
    snapshots: SnapshotCache,
    table_locks: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
}

impl Lakehouse {
    fn open(config: LakehouseConfig) -> Result<Arc<Self>, EngineError> {
        let mut roots: Vec<Arc<Root>> = Vec::new();
        let named = std::iter::once((config.database.clone(), config.path.clone())).chain(config.databases.clone());
        for (name, path) in named {
            if roots.iter().any(|root| root.name.eq_ignore_ascii_case(&name)) {
                return Err(EngineError::Profile { message: format!("two databases are called `{name}`") });
            }
            roots.push(Arc::new(Root { path: usable_folder(&name, &path)?, name }));
        }
        let folder = roots.first().map(|root| root.path.clone()).unwrap_or_default();
        let run = RunFolder::open_or_elsewhere(&folder, &layout::encode(&config.run_id))?;
        let memory = config.memory_limit.unwrap_or_else(memory::default_limit);
        let pool = memory::HalfFairPool::new(memory::of_operators(memory));
        let pool = TrackConsumersPool::new(pool, std::num::NonZeroUsize::MIN.saturating_add(2));
        let spill = run.path.join("spill");
        std::fs::create_dir_all(&spill)
            .map_err(|error| storage("cannot use the warehouse".to_owned(), &spill, &error))?;
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).with_temp_file_path(spill).build()?;
        Ok(Arc::new(Self {
            config,
            roots,
            run,
            other_runs: Mutex::default(),
            memory_pool: runtime.memory_pool,
            disk_manager: runtime.disk_manager,
            cache_manager: runtime.cache_manager,
            memory,
            snapshots: SnapshotCache::default(),
            table_locks: Mutex::default(),
        }))
    }

    fn root(&self, database: Option<&str>) -> Option<&Arc<Root>> {
        match database {
            None => self.roots.first(),
            Some(name) => self.roots.iter().find(|root| root.name.eq_ignore_ascii_case(name)),
        }
    }

    /// The folder for staged files of one root; on the same file system as its tables, so that renames work.
    fn staging(&self, root: &Root) -> Result<PathBuf, EngineError> {
        let Some(first) = self.roots.first() else { return Ok(self.run.path.clone()) };
        if first.path == root.path {
            return Ok(self.run.path.clone());
        }
        let mut runs = self.other_runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = runs.get(&root.path) {
            return Ok(run.path.clone());
        }
        let run = RunFolder::open(&root.path, &layout::encode(&self.config.run_id))?;
        let path = run.path.clone();
        runs.insert(root.path.clone(), run);
        Ok(path)
    }

    /// Serialises what this process writes to one table.
    fn table_lock(&self, table: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.table_locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(table.to_path_buf()).or_default())
    }

    fn close(&self) {
        self.other_runs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.run.remove();
    }
}

impl Drop for Lakehouse {
    fn drop(&mut self) {
        self.close();
    }
}

fn usable_folder(name: &str, path: &Path) -> Result<PathBuf, EngineError> {
    let fail = |error: &std::io::Error| storage(format!("database `{name}` cannot be used"), path, error);
    let absolute = std::path::absolute(path).map_err(|error| fail(&error))?;
    if absolute.exists() && !absolute.is_dir() {
        return Err(EngineError::Profile {
            message: format!("`path` of database `{name}` must be a folder, {} is a file", path.display()),
        });
    }
    std::fs::create_dir_all(&absolute).map_err(|error| fail(&error))?;
    // Delta compares table roots by their real paths.
    absolute.canonicalize().map_err(|error| fail(&error))
}

struct LakehouseEngine {
    lake: Arc<Lakehouse>,
}

const CAPABILITIES: Capabilities = Capabilities {
    adapter_type: "datafusion",
    parent_types: &[],
    merge: true,
    transactions: true,
    incremental_strategies: INCREMENTAL_STRATEGIES,
    max_identifier_length: Some(127),
    one_statement_per_request: false,
    enforced_constraints: &["not_null"],
};

/// In this dialect the engine passes for Snowflake.
const SNOWFLAKE: Capabilities = Capabilities { adapter_type: "snowflake", ..CAPABILITIES };

#[async_trait]
impl Engine for LakehouseEngine {
    fn capabilities(&self) -> &Capabilities {
        match self.lake.config.dialect {
            Dialect::Generic => &CAPABILITIES,
            Dialect::Snowflake => &SNOWFLAKE,
        }
    }

    async fn session(&self, name: &str) -> Result<Arc<dyn Session>, EngineError> {
        Ok(Arc::new(LakeSession::new(Arc::clone(&self.lake), name)?))
    }

    async fn check(&self) -> Result<Vec<(String, String)>, EngineError> {
        let probe = self.lake.run.path.join("check");
        std::fs::write(&probe, b"tamis")
            .and_then(|()| std::fs::remove_file(&probe))
            .map_err(|error| storage("the warehouse is not writable".to_owned(), &probe, &error))?;
        let mut lines = Vec::new();
        for root in &self.lake.roots {
            lines.push(("database".to_owned(), format!("{} at {}", root.name, root.path.display())));
        }
        lines.push(("schema".to_owned(), self.lake.config.schema.clone()));
        lines.push(("threads".to_owned(), self.lake.config.threads.to_string()));
        lines.push(("memory".to_owned(), format!("{} MB", self.lake.memory / (1024 * 1024))));
        Ok(lines)
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.lake.close();
        Ok(())
    }
}
