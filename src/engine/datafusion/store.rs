//! The object store of one session: the local disk, with what an open transaction has staged laid over it. Log entries of
//! staged commits live in memory, staged data files are read from the staging folder as if they were in the table's. So a
//! transaction reads its own writes, and nobody else does.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    path::{Path as FsPath, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, local::LocalFileSystem, memory::InMemory,
    path::Path,
};

use super::{
    commit::entry_name,
    layout::{decode, encode},
};

/// See the module. Cheap to clone through its `Arc`.
pub(super) struct SessionStore {
    disk: Arc<LocalFileSystem>,
    entries: InMemory,
    moved: RwLock<HashMap<Path, Path>>,
    /// The staged version by log folder; what others publish from there on is hidden.
    staged: RwLock<HashMap<Path, u64>>,
    /// The folders of the databases.
    roots: Vec<Path>,
}

impl SessionStore {
    pub fn new<'a>(roots: impl IntoIterator<Item = &'a FsPath>) -> Self {
        Self {
            roots: roots.into_iter().filter_map(|root| object_path(root).ok()).collect(),
            disk: Arc::new(LocalFileSystem::new()),
            entries: InMemory::new(),
            moved: RwLock::default(),
            staged: RwLock::default(),
        }
    }

    /// Shows `text` as the log entry `version` of the table in `folder` until [`Self::hide`].
    pub async fn show_entry(&self, folder: &FsPath, version: u64, text: Vec<u8>) -> Result<()> {
        let log = folder.join("_delta_log");
        let path = log.join(entry_name(version));
        let log = object_path(&log)?;
        self.staged.write().unwrap_or_else(PoisonError::into_inner).insert(log, version);
        self.entries.put(&object_path(&path)?, PutPayload::from(text)).await.map(|_| ())
    }

    /// Shows the files of `staging` (relative paths) as files of `table`.
    pub fn show_files(&self, table: &FsPath, staging: &FsPath, files: &[String]) -> Result<()> {
        let mut moved = self.moved.write().unwrap_or_else(PoisonError::into_inner);
        for file in files {
            moved.insert(object_path(&table.join(file))?, object_path(&staging.join(file))?);
        }
        Ok(())
    }

    /// Forgets everything staged for `table`.
    pub async fn hide(&self, table: &FsPath) -> Result<()> {
        let prefix = object_path(table)?;
        self.moved.write().unwrap_or_else(PoisonError::into_inner).retain(|path, _| !path.prefix_matches(&prefix));
        self.staged.write().unwrap_or_else(PoisonError::into_inner).retain(|log, _| !log.prefix_matches(&prefix));
        let entries: Vec<_> = self.entries.list(Some(&prefix)).collect().await;
        for entry in entries {
            self.entries.delete(&entry?.location).await?;
        }
        Ok(())
    }

    /// What is on disk and not hidden by a staged commit.
    fn visible(&self, files: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        let staged = self.staged.read().unwrap_or_else(PoisonError::into_inner).clone();
        if staged.is_empty() {
            return files;
        }
        let hidden = move |location: &Path| {
            let (Some(name), Some((folder, _))) = (location.filename(), location.as_ref().rsplit_once('/')) else {
                return false;
            };
            let version = name.get(..20).and_then(|number| number.parse::<u64>().ok());
            let from = staged.iter().find(|(log, _)| log.as_ref() == folder).map(|(_, version)| *version);
            matches!((version, from), (Some(version), Some(from)) if version >= from)
        };
        files
            .filter(move |file| {
                let shown = file.as_ref().map_or(true, |file| !hidden(&file.location));
                std::future::ready(shown)
            })
            .boxed()
    }

    /// The path as it is on disk. Delta's kernel decodes the names of listed files once too often, so that a folder
    /// `my%20table` comes back as `my table`.
    fn actual(&self, location: &Path) -> Path {
        let text = location.as_ref();
        let inside = self.roots.iter().find_map(|root| text.strip_prefix(root.as_ref())?.strip_prefix('/'));
        let Some(inside) = inside else { return location.clone() };
        let wrong = |part: &str| decode(part).is_none();
        if !inside.split('/').take(2).any(wrong) {
            return location.clone();
        }
        let parts: Vec<String> = inside
            .split('/')
            .enumerate()
            .map(|(at, part)| if at < 2 && wrong(part) { encode(part) } else { part.to_owned() })
            .collect();
        let (root, _) = text.split_at(text.len() - inside.len());
        Path::parse(format!("{root}{}", parts.join("/"))).unwrap_or_else(|_| location.clone())
    }

    fn redirect(&self, location: &Path) -> Option<Path> {
        self.moved.read().unwrap_or_else(PoisonError::into_inner).get(location).cloned()
    }
}

/// The path of a local file as the store spells it.
pub(super) fn object_path(path: &FsPath) -> Result<Path> {
    Ok(Path::from_absolute_path(path)?)
}

/// A file of a table by the relative path in a Delta action.
pub(super) fn local_file(table: &FsPath, relative: &str) -> PathBuf {
    table.join(relative)
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionStore")
    }
}

impl fmt::Display for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionStore")
    }
}

#[async_trait]
impl ObjectStore for SessionStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.disk.put_opts(&self.actual(location), payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.disk.put_multipart_opts(&self.actual(location), options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let location = &self.actual(location);
        if let Some(staged) = self.redirect(location) {
            let mut result = self.disk.get_opts(&staged, options).await?;
            result.meta.location = location.clone();
            return Ok(result);
        }
        match self.entries.get_opts(location, options.clone()).await {
            Err(object_store::Error::NotFound { .. }) => self.disk.get_opts(location, options).await,
            result => result,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let location = &self.actual(location);
        if let Some(staged) = self.redirect(location) {
            return self.disk.get_ranges(&staged, ranges).await;
        }
        match self.entries.get_ranges(location, ranges).await {
            Err(object_store::Error::NotFound { .. }) => self.disk.get_ranges(location, ranges).await,
            result => result,
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.disk.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.map(|prefix| self.actual(prefix));
        let prefix = prefix.as_ref();
        self.visible(self.disk.list(prefix)).chain(self.entries.list(prefix)).boxed()
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.map(|prefix| self.actual(prefix));
        let prefix = prefix.as_ref();
        let offset = &self.actual(offset);
        self.visible(self.disk.list_with_offset(prefix, offset))
            .chain(self.entries.list_with_offset(prefix, offset))
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.map(|prefix| self.actual(prefix));
        let prefix = prefix.as_ref();
        let mut result = self.disk.list_with_delimiter(prefix).await?;
        result.objects.extend(self.entries.list_with_delimiter(prefix).await?.objects);
        Ok(result)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.disk.copy_opts(from, to, options).await
    }
}
