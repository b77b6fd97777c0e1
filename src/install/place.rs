//! Puts fetched packages where they belong, all or none: what was there before stays until everything is in place.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::error::InstallError;

/// A package that is ready to be put in place.
#[derive(Debug)]
pub(super) struct Ready {
    pub name: String,
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A folder of this run, to be moved.
    Folder(PathBuf),
    /// A local package: a link to it, or a copy where links cannot be made.
    Link(PathBuf),
    /// It is in place already.
    Kept,
}

/// A folder of this run inside the packages folder, so that moving is renaming. Removed at the end.
pub(super) struct Staging {
    pub folder: PathBuf,
}

impl Staging {
    pub fn new(install: &Path, run_id: &str) -> Result<Self, InstallError> {
        let folder = install.join(format!(".staging-{run_id}"));
        fs::create_dir_all(&folder).map_err(|cause| InstallError::write(&folder, cause))?;
        Ok(Self { folder })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        // The packages folder, when nothing came into it.
        if let Some(install) = self.folder.parent() {
            let _ = fs::remove_dir(install);
        }
    }
}

/// Replaces what is in `install` by these packages.
///
/// # Errors
/// When something cannot be moved; then what was there is there again.
pub(super) fn place(install: &Path, staging: &Staging, ready: Vec<Ready>) -> Result<(), InstallError> {
    let before = staging.folder.join("before");
    fs::create_dir_all(&before).map_err(|cause| InstallError::write(&before, cause))?;
    let kept: Vec<&str> =
        ready.iter().filter(|package| matches!(package.content, Content::Kept)).map(|package| &*package.name).collect();
    let mut moved: Vec<PathBuf> = Vec::new();
    let mut placed: Vec<PathBuf> = Vec::new();
    let mut work = || -> Result<(), (PathBuf, io::Error)> {
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |error| (path, error)
        };
        for entry in fs::read_dir(install).map_err(at(install))? {
            let path = entry.map_err(at(install))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Names with a dot are not packages.
            if !name.starts_with('.') && !kept.contains(&name.as_str()) {
                fs::rename(&path, before.join(&name)).map_err(at(&path))?;
                moved.push(path);
            }
        }
        for package in &ready {
            let target = install.join(&package.name);
            match &package.content {
                Content::Kept => continue,
                Content::Folder(folder) => fs::rename(folder, &target).map_err(at(&target))?,
                Content::Link(folder) => link(folder, &target).map_err(at(&target))?,
            }
            placed.push(target);
        }
        Ok(())
    };
    let Err((path, cause)) = work() else { return Ok(()) };
    for path in placed {
        let _ = remove(&path);
    }
    for path in moved {
        let _ = fs::rename(before.join(path.file_name().unwrap_or_default()), &path);
    }
    Err(InstallError::write(path, cause))
}

/// Removes a link or a folder; never what a link points to.
fn remove(path: &Path) -> io::Result<()> {
    let is_folder = fs::symlink_metadata(path)?.is_dir();
    if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn link(folder: &Path, target: &Path) -> io::Result<()> {
    let folder = folder.canonicalize()?;
    #[cfg(unix)]
    if std::os::unix::fs::symlink(&folder, target).is_ok() {
        return Ok(());
    }
    copy(&folder, target)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            // The packages folder may be inside of the package.
            if !to.starts_with(entry.path()) {
                copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
