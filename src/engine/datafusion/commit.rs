//! One Delta commit: what statements did to a table since a version, as staged files and log actions, and its publication.
//!
//! Data files are written into a private staging folder. Publishing moves them into the table's folder and then creates the
//! next numbered log entry, which fails when it exists; a new table is published by renaming its whole folder. So a crash
//! leaves the old table, and litter only in staging, which the next run sweeps.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use deltalake::kernel::{Add, Remove};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    layout::{Place, storage},
    lock::TableLock,
    store::local_file,
    table::Table,
};
use crate::{engine::EngineError, names::RelationKind};

/// How a change depends on what it found in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depends {
    /// Only adds files: fits on any later version of the same schema.
    Append,
    /// Replaces everything: fits on any later version.
    Overwrite,
    /// Read the table at its base version.
    OnBase,
}

/// What one statement did to a table.
#[derive(Debug)]
pub(super) struct Change {
    pub adds: Vec<Add>,
    pub removes: Vec<Remove>,
    pub metadata: Option<Value>,
    pub protocol: Option<Value>,
    pub depends: Depends,
    /// Delta's name of the operation, for the history.
    pub operation: &'static str,
}

/// A folder in staging that goes away with its owner.
#[derive(Debug)]
pub(super) struct Staging(PathBuf);

impl Staging {
    pub fn create(parent: &Path) -> Result<Self, EngineError> {
        let path = parent.join(uuid::Uuid::new_v4().to_string());
        fs::create_dir_all(&path).map_err(|error| storage("cannot stage files".to_owned(), &path, &error))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Best effort: what stays is swept when a later run opens the warehouse.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Everything done to one table since `base`, not yet published.
#[derive(Debug)]
pub(super) struct Pending {
    pub place: Place,
    /// `None`: the table does not exist yet.
    pub base: Option<u64>,
    pub staging: Staging,
    adds: Vec<Add>,
    removes: Vec<Remove>,
    metadata: Option<Value>,
    protocol: Option<Value>,
    depends: Depends,
    operation: &'static str,
    run: String,
    /// The schema that the change was made for.
    schema: Option<Value>,
}

/// How a publication ended.
pub(super) enum Published {
    At(u64),
    /// Somebody else committed; the table is now at this version (`None`: there is no table).
    Moved(Option<u64>),
}

impl Pending {
    pub fn new(place: Place, base: Option<u64>, staging: Staging, run: &str) -> Self {
        Self {
            place,
            base,
            staging,
            adds: Vec::new(),
            removes: Vec::new(),
            metadata: None,
            protocol: None,
            depends: Depends::Append,
            operation: "WRITE",
            run: run.to_owned(),
            schema: None,
        }
    }

    /// Remembers the schema that the first change was made for.
    pub fn made_for(&mut self, table: Option<&Table>) {
        self.schema = self.schema.take().or_else(|| table.and_then(|table| table.metadata().ok()).map(shape));
    }

    /// Whether files written for the schema at the base belong into `table` too.
    pub fn fits(&self, table: &Table) -> bool {
        let now = table.metadata().ok().map(shape);
        self.metadata.is_none() && self.schema.is_some() && self.schema == now
    }

    /// Adds what one more statement did. Files that an earlier statement staged and this one removes were never there.
    pub fn amend(&mut self, change: Change) {
        let staged: HashSet<String> = self.adds.iter().map(|add| add.path.clone()).collect();
        let mut gone: HashSet<String> = HashSet::new();
        for remove in change.removes {
            if staged.contains(&remove.path) {
                let _ = fs::remove_file(local_file(self.staging.path(), &remove.path));
                gone.insert(remove.path);
            } else if !self.removes.iter().any(|known| known.path == remove.path) {
                self.removes.push(remove);
            }
        }
        self.adds.retain(|add| !gone.contains(&add.path));
        self.adds.extend(change.adds);
        self.metadata = change.metadata.or(self.metadata.take());
        self.protocol = change.protocol.or(self.protocol.take());
        // An overwrite forgets what earlier statements depended on; afterwards the content is known whatever is read.
        self.depends = match (self.depends, change.depends) {
            (_, Depends::Overwrite) | (Depends::Overwrite, _) => Depends::Overwrite,
            (Depends::Append, Depends::Append) => Depends::Append,
            _ => Depends::OnBase,
        };
        self.operation = change.operation;
    }

    /// Where the table is read before it is published.
    pub fn folder(&self) -> PathBuf {
        match self.base {
            None => self.staging.path().to_path_buf(),
            Some(_) => self.place.table_dir(),
        }
    }

    /// Whether publishing would change anything.
    pub fn is_empty(&self) -> bool {
        self.adds.is_empty() && self.removes.is_empty() && self.metadata.is_none() && self.protocol.is_none()
    }

    pub fn depends(&self) -> Depends {
        self.depends
    }

    /// The version that publishing will create.
    pub fn next_version(&self) -> u64 {
        self.base.map_or(0, |base| base + 1)
    }

    pub fn staged_files(&self) -> Vec<String> {
        self.adds.iter().map(|add| add.path.clone()).collect()
    }

    /// Moves an overwrite or append onto a later version.
    pub fn rebase(&mut self, base: Option<u64>, all_files: Vec<Remove>) {
        self.base = base;
        if self.depends == Depends::Overwrite {
            self.removes = all_files;
        }
    }

    /// The log entry: JSON lines.
    pub fn log_entry(&self) -> Result<Vec<u8>, EngineError> {
        let now = chrono::Utc::now().timestamp_millis();
        let rows: i64 = self.adds.iter().filter_map(|add| record_count(add.stats.as_deref())).sum();
        let mut lines: Vec<Value> = vec![json!({"commitInfo": {
            "timestamp": now,
            "operation": self.operation,
            "operationParameters": {},
            "operationMetrics": {
                "numAddedFiles": self.adds.len(), "numRemovedFiles": self.removes.len(), "numAddedRows": rows,
            },
            "engineInfo": concat!("tamis:", env!("CARGO_PKG_VERSION")),
            "clientVersion": concat!("tamis.", env!("CARGO_PKG_VERSION")),
            "tamisRun": self.run,
        }})];
        let wrap = |name: &str, value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
        lines.extend(self.protocol.clone().map(|value| wrap("protocol", value)));
        lines.extend(self.metadata.clone().map(|value| wrap("metaData", value)));
        let broken = |error: serde_json::Error| EngineError::Internal { message: error.to_string() };
        for remove in &self.removes {
            lines.push(wrap("remove", serde_json::to_value(remove).map_err(broken)?));
        }
        for add in &self.adds {
            lines.push(wrap("add", serde_json::to_value(add).map_err(broken)?));
        }
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        Ok(lines.join("\n").into_bytes())
    }

    /// Makes the change visible, in one step, if the table is still at `base`. Blocks on the table's file lock.
    pub fn publish(&self) -> Result<Published, EngineError> {
        let _lock = TableLock::acquire(&self.place)?;
        match self.base {
            None => self.publish_new(),
            Some(base) => self.publish_next(base),
        }
    }

    fn publish_new(&self) -> Result<Published, EngineError> {
        let table = self.place.table_dir();
        let kind = self.place.kind();
        if kind == Some(RelationKind::Table) {
            return Ok(Published::Moved(latest_version(&table)));
        }
        let fail = |error: io::Error| storage(format!("cannot write table {}", self.place), &table, &error);
        let log = self.staging.path().join("_delta_log");
        self.remove_strays().map_err(fail)?;
        fs::create_dir_all(&log).map_err(fail)?;
        fs::write(log.join(entry_name(0)), self.log_entry()?).map_err(fail)?;
        if !self.place.schema_dir().is_dir() {
            return Err(EngineError::NotFound { relation: format!("schema {}", self.place.schema), kind: None });
        }
        // Litter: of a drop that was cut short, or of a table that a view replaced.
        if table.exists() {
            fs::remove_dir_all(&table).map_err(fail)?;
        }
        remove_file(&self.place.dropped_file()).map_err(fail)?;
        fs::rename(self.staging.path(), &table).map_err(fail)?;
        remove_file(&self.place.view_file()).map_err(fail)?;
        Ok(Published::At(0))
    }

    /// Removes what failed statements left between the files of a new table.
    fn remove_strays(&self) -> io::Result<()> {
        let wanted: HashSet<PathBuf> = self.adds.iter().map(|add| local_file(self.staging.path(), &add.path)).collect();
        let mut folders = vec![self.staging.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !wanted.contains(&path) {
                    fs::remove_file(&path)?;
                }
            }
        }
        Ok(())
    }

    fn publish_next(&self, base: u64) -> Result<Published, EngineError> {
        let table = self.place.table_dir();
        let log = table.join("_delta_log");
        let fail = |error: io::Error| storage(format!("cannot write table {}", self.place), &table, &error);
        if self.place.kind() != Some(RelationKind::Table) {
            return Ok(Published::Moved(None));
        }
        let latest = latest_version(&table);
        if latest != Some(base) {
            return Ok(Published::Moved(latest));
        }
        let entry = self.log_entry()?;
        let staged_entry = self.staging.path().join(entry_name(base + 1));
        fs::write(&staged_entry, entry).map_err(fail)?;
        if !self.adds.is_empty() {
            let journal = Journal { table: table.clone(), version: base + 1, files: self.staged_files() };
            let text =
                serde_json::to_vec(&journal).map_err(|error| EngineError::Internal { message: error.to_string() })?;
            fs::write(self.staging.path().join(JOURNAL), text).map_err(fail)?;
        }
        let mut moved = Vec::new();
        let result = self.move_files(&table, &mut moved).and_then(|()| {
            // Creates the whole entry or nothing, and only if it is not there.
            fs::hard_link(&staged_entry, log.join(entry_name(base + 1)))
        });
        match result {
            Ok(()) => Ok(Published::At(base + 1)),
            Err(error) => {
                for (from, to) in moved {
                    let _ = fs::rename(to, from);
                }
                if error.kind() == io::ErrorKind::AlreadyExists {
                    Ok(Published::Moved(latest_version(&table)))
                } else {
                    Err(fail(error))
                }
            }
        }
    }

    fn move_files(&self, table: &Path, moved: &mut Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
        for add in &self.adds {
            let from = local_file(self.staging.path(), &add.path);
            let to = local_file(table, &add.path);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::rename(&from, &to)?;
            moved.push((from, to));
        }
        Ok(())
    }
}

/// Which files are being moved into a table; for the case that the run dies before their log entry is there.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    table: PathBuf,
    version: u64,
    files: Vec<String>,
}

const JOURNAL: &str = "moving.json";

/// Removes the files that a dead run moved into a table without committing them. `folder` is the run's.
pub(super) fn undo_moves(folder: &Path) {
    for staging in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(text) = fs::read(staging.path().join(JOURNAL)) else { continue };
        let Ok(journal) = serde_json::from_slice::<Journal>(&text) else { continue };
        let entry = journal.table.join("_delta_log").join(entry_name(journal.version));
        let committed = match fs::read_to_string(entry) {
            Ok(text) => text,
            // The entry was there and was cleaned up since: the files may belong to the table.
            Err(_) if latest_version(&journal.table).is_some_and(|latest| latest >= journal.version) => continue,
            Err(_) => String::new(),
        };
        for file in &journal.files {
            // File names hold a random id, so a mention is enough.
            let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or(file);
            if !committed.contains(name) {
                let _ = fs::remove_file(local_file(&journal.table, file));
            }
        }
    }
}

/// `00000000000000000007.json`.
pub(super) fn entry_name(version: u64) -> String {
    format!("{version:020}.json")
}

/// The newest version in a table's log, or `None` without a log.
pub(super) fn latest_version(table: &Path) -> Option<u64> {
    fs::read_dir(table.join("_delta_log"))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".json")?.parse::<u64>().ok())
        .max()
}

/// Removes a table's folder so that a crash midway leaves no half table: the marker first.
pub(super) fn drop_table(place: &Place) -> Result<(), EngineError> {
    let _lock = TableLock::acquire(place)?;
    let fail = |error: io::Error| storage(format!("cannot drop table {place}"), &place.table_dir(), &error);
    fs::write(place.dropped_file(), b"{}").map_err(fail)?;
    fs::remove_dir_all(place.table_dir()).or_else(ignore_missing).map_err(fail)?;
    remove_file(&place.dropped_file()).map_err(fail)
}

pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path).or_else(ignore_missing)
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// What of a `metaData` action decides whether a data file belongs into the table.
fn shape(mut metadata: Value) -> Value {
    let mut part = |name: &str| metadata.get_mut(name).map(Value::take).unwrap_or_default();
    json!([part("id"), part("schemaString"), part("partitionColumns")])
}

pub(super) fn record_count(stats: Option<&str>) -> Option<i64> {
    serde_json::from_str::<Value>(stats?).ok()?.get("numRecords")?.as_i64()
}

/// Runs [`Pending::publish`] off the async threads.
pub(super) async fn publish(pending: Arc<Pending>) -> Result<Published, EngineError> {
    tokio::task::spawn_blocking(move || pending.publish())
        .await
        .map_err(|error| EngineError::Internal { message: error.to_string() })?
}
