//! The port through which all files are read: the disk, or memory for tests and unsaved buffers.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMetadata {
    pub len: u64,
    pub is_dir: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    /// A symbolic link to a folder; not followed when resources are searched, as links can go in circles.
    LinkedFolder,
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    pub path: PathBuf,
    pub kind: EntryKind,
}

/// Read access to files. Paths are absolute.
pub trait FileSystem: Send + Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// What the system says: not found, no permission, a folder.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The entries of a folder with full paths, sorted.
    ///
    /// # Errors
    /// What the system says: not found, no permission, not a folder.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<FolderEntry>>;

    /// Size and kind, following symbolic links; `None` when there is nothing.
    fn metadata(&self, path: &Path) -> Option<FileMetadata>;

    fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_some()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.metadata(path).is_some_and(|metadata| !metadata.is_dir)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.metadata(path).is_some_and(|metadata| metadata.is_dir)
    }

    /// The path without `.`, `..` and links, to recognise a folder that was seen before.
    fn canonical(&self, path: &Path) -> PathBuf {
        normalize(path)
    }
}

/// The real disk.
#[derive(Debug, Default, Clone, Copy)]
pub struct DiskFileSystem;

impl FileSystem for DiskFileSystem {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<FolderEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let path = entry.path();
            let kind = if kind.is_dir() {
                EntryKind::Folder
            } else if kind.is_symlink() && path.is_dir() {
                EntryKind::LinkedFolder
            } else {
                EntryKind::File
            };
            entries.push(FolderEntry { path, kind });
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    fn metadata(&self, path: &Path) -> Option<FileMetadata> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(FileMetadata { len: metadata.len(), is_dir: metadata.is_dir() })
    }

    fn canonical(&self, path: &Path) -> PathBuf {
        std::fs::canonicalize(path).unwrap_or_else(|_| normalize(path))
    }
}

/// Files in memory, by absolute path. Folders exist by having files.
#[derive(Debug, Default, Clone)]
pub struct MemoryFileSystem {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryFileSystem {
    pub fn new<P: Into<PathBuf>, T: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        Self { files: files.into_iter().map(|(path, text)| (normalize(&path.into()), text.into())).collect() }
    }

    pub fn insert(&mut self, path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) {
        self.files.insert(normalize(&path.into()), text.into());
    }

    pub fn remove(&mut self, path: &Path) {
        self.files.remove(&normalize(path));
    }
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no such file or folder: {}", path.display()))
}

impl FileSystem for MemoryFileSystem {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(&normalize(path)).cloned().ok_or_else(|| not_found(path))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<FolderEntry>> {
        let folder = normalize(path);
        let mut entries: Vec<FolderEntry> = self
            .files
            .keys()
            .filter_map(|file| {
                let mut parts = file.strip_prefix(&folder).ok()?.components();
                let path = folder.join(parts.next()?);
                let kind = if parts.next().is_some() { EntryKind::Folder } else { EntryKind::File };
                Some(FolderEntry { path, kind })
            })
            .collect();
        entries.dedup();
        if entries.is_empty() { Err(not_found(path)) } else { Ok(entries) }
    }

    fn metadata(&self, path: &Path) -> Option<FileMetadata> {
        let path = normalize(path);
        if let Some(bytes) = self.files.get(&path) {
            return Some(FileMetadata { len: bytes.len() as u64, is_dir: false });
        }
        self.files.keys().any(|file| file.starts_with(&path)).then_some(FileMetadata { len: 0, is_dir: true })
    }
}

/// `a/./b/../c` → `a/c`, by text alone.
pub(crate) fn normalize(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.last(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            Component::ParentDir if matches!(parts.last(), Some(Component::RootDir)) => {}
            other => parts.push(other),
        }
    }
    parts.into_iter().collect()
}
