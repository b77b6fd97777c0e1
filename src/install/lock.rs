//! package-lock.yml: the packages at the versions that were found, and the hash of what was asked for.

use std::{fs, path::Path};

use sha1::{Digest, Sha1};

use crate::{
    jinja::Value,
    project::{DiskFileSystem, PackageSource, PackageSpec, read_package_lock, yaml},
};

use super::{
    Request,
    error::{Asked, InstallError},
    resolve::{Locked, Pinned},
};

pub(super) const FILE: &str = "package-lock.yml";

/// The hash of the entries of `packages.yml`, as dbt computes it: it does not depend on their order.
pub fn hash(specs: &[PackageSpec]) -> String {
    let mut entries: Vec<&str> = specs.iter().map(|spec| spec.canonical.as_str()).collect();
    entries.sort_unstable();
    let digest = Sha1::digest(entries.join("\n").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The packages of package-lock.yml, when it was written for what is asked for now.
pub(super) fn read(request: &Request<'_>) -> Result<Option<Vec<Locked>>, InstallError> {
    let path = request.root.join(FILE);
    let Some((specs, stored)) = read_package_lock(&path, request.load, &DiskFileSystem, request.sources)? else {
        return Ok(None);
    };
    if stored.as_deref() != Some(hash(request.specs).as_str()) {
        return Ok(None);
    }
    Ok(specs.into_iter().map(locked).collect::<Option<Vec<_>>>())
}

/// An entry of package-lock.yml; `None` when it is not of the form that this file has.
fn locked(spec: PackageSpec) -> Option<Locked> {
    let asked = Asked::for_root(&spec);
    let name = spec.name;
    let pinned = match spec.source {
        PackageSource::Hub { package, versions, .. } => match versions.as_slice() {
            [version] => Pinned::Hub { package, version: version.clone() },
            _ => return None,
        },
        PackageSource::Git { git, written, revision, subdirectory, .. } => {
            Pinned::Git { git, written, commit: revision?, subdirectory }
        }
        PackageSource::Local { path } => Pinned::Local { path },
        PackageSource::Tarball { url, written, name } => Pinned::Tarball { url, written, name },
        PackageSource::Private { .. } => return None,
    };
    Some(Locked { pinned, name, asked })
}

/// Writes package-lock.yml, whole or not at all.
pub(super) fn write(request: &Request<'_>, locked: &[Locked]) -> Result<(), InstallError> {
    let path = request.root.join(FILE);
    let text = text(locked, &hash(request.specs));
    let temporary = request.root.join(format!("{FILE}.{}", std::process::id()));
    let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
    written.map_err(|cause| {
        let _ = fs::remove_file(&temporary);
        InstallError::write(&path, cause)
    })
}

fn text(locked: &[Locked], hash: &str) -> String {
    let entries = locked.iter().map(|package| Value::dict(entry(package)));
    let list = yaml::dump(&Value::list(entries), true).unwrap_or_default();
    let mut text = "packages:\n".to_owned();
    for line in list.lines() {
        text.push_str("  ");
        text.push_str(line);
        text.push('\n');
    }
    let hash = Value::dict([("sha1_hash".to_owned(), Value::from(hash))]);
    text + &yaml::dump(&hash, true).unwrap_or_default()
}

fn entry(package: &Locked) -> Vec<(String, Value)> {
    let mut entry: Vec<(&str, &str)> = match &package.pinned {
        Pinned::Hub { package, version } => vec![("package", package), ("version", version)],
        Pinned::Git { written, commit, subdirectory, .. } => {
            let inner = subdirectory.iter().map(|inner| ("subdirectory", inner.as_str()));
            [("git", written.as_str()), ("revision", commit)].into_iter().chain(inner).collect()
        }
        Pinned::Local { path } => vec![("local", path)],
        Pinned::Tarball { written, .. } => vec![("tarball", written)],
    };
    if let Some(name) = &package.name {
        entry.push(("name", name));
    }
    entry.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

/// Whether there is a package-lock.yml at all.
pub(super) fn exists(root: &Path) -> bool {
    root.join(FILE).is_file()
}
