//! Installs the packages that a project asks for: `packages.yml` → package-lock.yml → the packages folder.
//!
//! The only module that fetches anything from elsewhere. What it fetches is untrusted: it is bounded, unpacked
//! with care, and nothing of it is run. The packages that were there stay until all new ones are ready.

mod add;
mod archive;
mod error;
mod fetch;
mod git;
mod http;
mod hub;
mod lock;
mod place;
mod resolve;

use std::path::{Path, PathBuf};

use crate::{
    diagnostic::SourceMap,
    event::{Event, EventSink},
    project::{LoadOptions, PackageSpec, version::Version},
};

pub use add::{Addition, add};
pub use error::{InstallError, Problem};
pub use lock::hash;

use fetch::Fetcher;
use place::{Content, Ready, Staging};
use resolve::{Locked, Pinned};

/// What to install, and how.
pub struct Request<'a> {
    pub root: &'a Path,
    /// The name of the project.
    pub name: &'a str,
    /// The packages folder, absolute.
    pub install_path: PathBuf,
    pub specs: &'a [PackageSpec],
    /// How files of packages are read.
    pub load: &'a LoadOptions<'a>,
    pub sources: &'a SourceMap,
    pub events: &'a dyn EventSink,
    /// The address of the package hub.
    pub hub: String,
    /// The version of dbt that packages of the hub must be for; `None` to take any.
    pub dbt_version: Option<Version>,
    /// Never open a socket.
    pub offline: bool,
    /// Look for newer versions although package-lock.yml has some.
    pub upgrade: bool,
    /// Only write package-lock.yml.
    pub lock_only: bool,
    pub run_id: &'a str,
}

/// Brings package-lock.yml up to date, and installs what it says.
///
/// # Errors
/// What could not be found, fetched or written. The packages that were installed before are still there then.
pub async fn install(request: &Request<'_>) -> Result<(), InstallError> {
    let staging = Staging::new(&request.install_path, request.run_id)?;
    let mut fetcher = Fetcher::new(request, staging.folder.clone());
    let known = if request.upgrade || !lock::exists(request.root) { None } else { lock::read(request)? };
    let locked = match known {
        Some(locked) => locked,
        None => {
            let locked = resolve::resolve(request, &mut fetcher).await?;
            resolve::check_names(&locked, request.name)?;
            lock::write(request, &locked)?;
            let path = request.root.join(lock::FILE);
            info(request, format!("Updating lock file in file path: {}", path.display()));
            locked
        }
    };
    if request.lock_only {
        return Ok(());
    }
    let mut ready = Vec::new();
    let mut named = Vec::new();
    let mut newer = Vec::new();
    for package in locked {
        info(request, format!("Installing {}", package.pinned.shown()));
        let one = one(request, &mut fetcher, &package).await?;
        report(request, &mut fetcher, &package.pinned, &one.content, &mut newer).await;
        named.push(Locked { name: Some(one.name.clone()), ..package });
        ready.push(one);
    }
    resolve::check_names(&named, request.name)?;
    place::place(&request.install_path, &staging, ready)?;
    if !newer.is_empty() {
        let names: Vec<String> = newer.iter().map(|name| format!("'{name}'")).collect();
        info(request, String::new());
        info(request, format!("Updates available for packages: [{}]", names.join(", ")));
        info(request, "Update your versions in packages.yml, then run tamis deps".to_owned());
    }
    Ok(())
}

/// One package, ready to be put in place.
async fn one(request: &Request<'_>, fetcher: &mut Fetcher<'_>, package: &Locked) -> Result<Ready, InstallError> {
    let is_here = match &package.pinned {
        Pinned::Local { .. } => true,
        Pinned::Git { git, .. } => git::is_local(git, request.root),
        Pinned::Hub { .. } | Pinned::Tarball { .. } => false,
    };
    let installed =
        package.name.as_ref().filter(|name| request.install_path.join(name.as_str()).join("dbt_project.yml").is_file());
    if let (true, false, Some(name)) = (request.offline, is_here, installed) {
        return Ok(Ready { name: name.clone(), content: Content::Kept });
    }
    let fetched = fetcher.fetch(&package.pinned, &package.asked).await?;
    let folder = fetched.folder.unwrap_or_default();
    let content = match &package.pinned {
        Pinned::Local { .. } => Content::Link(folder),
        _ => Content::Folder(folder),
    };
    Ok(Ready { name: fetched.name, content })
}

/// The lines below `Installing …`, in dbt's words.
async fn report(
    request: &Request<'_>,
    fetcher: &mut Fetcher<'_>,
    pinned: &Pinned,
    content: &Content,
    newer: &mut Vec<String>,
) {
    let version = match pinned {
        _ if matches!(content, Content::Kept) => "the packages folder, where it was".to_owned(),
        Pinned::Hub { version, .. } => format!("version {version}"),
        Pinned::Git { commit, .. } => format!("revision {commit}"),
        Pinned::Local { path } => format!("<local @ {path}>"),
        Pinned::Tarball { url, .. } => format!("tarball (url: {})", http::shown(url)),
    };
    info(request, format!("Installed from {version}"));
    if let Pinned::Git { subdirectory: Some(inner), .. } = pinned {
        info(request, format!("and subdirectory {inner}"));
    }
    let Pinned::Hub { package, version } = pinned else { return };
    match fetcher.latest(package).await.filter(|_| !matches!(content, Content::Kept)) {
        Some(latest) if latest == *version => info(request, "Up to date!".to_owned()),
        Some(latest) => {
            info(request, format!("Updated version available: {latest}"));
            newer.push(package.clone());
        }
        None => {}
    }
}

fn info(request: &Request<'_>, message: String) {
    request.events.emit(Event::Info { message });
}
