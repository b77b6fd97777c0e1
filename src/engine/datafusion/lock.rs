//! Locks of the operating system, where two processes meet: one file per table that is being published, and one per run
//! that is held as long as the run lives. A staging folder whose run lock is free belongs to a dead run.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::{
    commit::undo_moves,
    layout::{PRIVATE, Place, storage},
};
use crate::engine::EngineError;

/// Exclusive right to change one table's folder, until dropped.
#[derive(Debug)]
pub(super) struct TableLock {
    _file: File,
}

impl TableLock {
    /// Waits for the lock.
    pub fn acquire(place: &Place) -> Result<Self, EngineError> {
        let path = place.lock_file();
        let fail = |error: std::io::Error| storage(format!("cannot lock {place}"), &path, &error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(fail)?;
        }
        let file = File::create(&path).map_err(fail)?;
        file.lock().map_err(fail)?;
        Ok(Self { _file: file })
    }
}

/// The private folder of one run inside a warehouse.
#[derive(Debug)]
pub(super) struct RunFolder {
    pub path: PathBuf,
    lock: PathBuf,
    _file: File,
}

impl RunFolder {
    /// Creates and locks the folder, after sweeping the folders of dead runs.
    pub fn open(warehouse: &Path, run: &str) -> Result<Self, EngineError> {
        Self::create(warehouse, run)
            .map_err(|error| storage("cannot use the warehouse".to_owned(), &warehouse.join(PRIVATE), &error))
    }

    /// As [`RunFolder::open`]; for a warehouse that can only be read, in the system's folder for temporary files.
    pub fn open_or_elsewhere(warehouse: &Path, run: &str) -> Result<Self, EngineError> {
        match Self::create(warehouse, run) {
            Err(error) if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) => {
                Self::open(&std::env::temp_dir().join("tamis"), run)
            }
            Err(error) => Err(storage("cannot use the warehouse".to_owned(), &warehouse.join(PRIVATE), &error)),
            Ok(folder) => Ok(folder),
        }
    }

    fn create(warehouse: &Path, run: &str) -> io::Result<Self> {
        let parent = warehouse.join(PRIVATE).join("staging");
        fs::create_dir_all(&parent)?;
        sweep(&parent);
        loop {
            let name = format!("{run}-{}", uuid::Uuid::new_v4().simple());
            let lock = parent.join(format!("{name}.lock"));
            let path = parent.join(name);
            // The lock exists before the folder, so that no sweep sees a folder without one.
            let file = File::create(&lock)?;
            match file.try_lock() {
                // Another run's sweep may have met the file before it was locked, and removed it.
                Ok(()) if !lock.exists() => {}
                Ok(()) => {
                    fs::create_dir_all(&path)?;
                    return Ok(Self { path, lock, _file: file });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Removes the folder and its lock.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_file(&self.lock);
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes the folders of runs that do not live any more. Failures are left for the next time.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "lock") {
            let Ok(file) = File::open(&path) else { continue };
            match file.try_lock() {
                Ok(()) => {
                    tracing::debug!(folder = %path.display(), "removing what a dead run left");
                    undo_moves(&path.with_extension(""));
                    let _ = fs::remove_dir_all(path.with_extension(""));
                    let _ = fs::remove_file(&path);
                }
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            }
        } else if !path.with_extension("lock").exists() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}
