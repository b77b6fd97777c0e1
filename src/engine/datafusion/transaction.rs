//! BEGIN … COMMIT and what happens without them: changes are staged per table and published, one Delta commit per table.
//! A change fits only where the table is still as it was read.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    sync::Arc,
};

use super::{
    commit::{Change, Depends, Pending, Published, Staging, publish},
    core::{SessionCore, locked},
    layout::{self, Place, Root},
    table::{At, Table},
};
use crate::engine::EngineError;

impl SessionCore {
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
        mut change: Change,
    ) -> Result<(), EngineError> {
        let folder = place.table_dir();
        let staged = locked(&self.transaction).as_ref().is_some_and(|tables| tables.contains_key(&folder));
        if let Some(read) = locked(&self.reads).get(&folder).copied().filter(|_| !staged) {
            if base != Some(read) {
                return Err(EngineError::Conflict { relation: place.to_string() });
            }
            change.depends = Depends::OnBase;
        }
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
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
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
                    locked(&self.reads).remove(&place.table_dir());
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
