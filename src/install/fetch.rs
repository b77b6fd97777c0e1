//! Brings packages onto this machine: each at most once per run, into a folder beside the installed ones.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    event::Event,
    project::{DiskFileSystem, PackageSource, PackageSpec, read_package},
};

use super::{
    Request, archive,
    error::{Asked, InstallError, Problem},
    git,
    http::{self, Http},
    hub::HubPackage,
    resolve::Pinned,
};

/// The largest page of the hub, and the largest archive.
const PAGE: u64 = 20 * 1024 * 1024;
const ARCHIVE: u64 = 256 * 1024 * 1024;

/// What is known of a package at one version.
pub(super) struct Fetched {
    /// The name of its project, and of its folder.
    pub name: String,
    pub packages: Vec<PackageSpec>,
    /// Where it is now; `None` when only the hub's description was needed.
    pub folder: Option<PathBuf>,
}

pub(super) struct Fetcher<'r> {
    request: &'r Request<'r>,
    /// An empty folder of this run.
    staging: PathBuf,
    http: Option<Http>,
    pages: HashMap<String, HubPackage>,
    /// By address and revision.
    checkouts: HashMap<(String, String), git::Checkout>,
    archives: HashMap<String, PathBuf>,
    folders: usize,
}

impl<'r> Fetcher<'r> {
    pub fn new(request: &'r Request<'r>, staging: PathBuf) -> Self {
        Self {
            request,
            staging,
            http: None,
            pages: HashMap::new(),
            checkouts: HashMap::new(),
            archives: HashMap::new(),
            folders: 0,
        }
    }

    fn new_folder(&mut self) -> Result<PathBuf, Problem> {
        self.folders += 1;
        let folder = self.staging.join(format!("fetched-{}", self.folders));
        fs::create_dir_all(&folder).map_err(|cause| Problem::Write { path: folder.clone(), cause })?;
        Ok(folder)
    }

    /// The client, made when it is first needed; never with `--offline`.
    fn http(&mut self, package: &str) -> Result<&Http, Problem> {
        if self.request.offline {
            return Err(Problem::Offline { package: package.to_owned() });
        }
        let http = match self.http.take() {
            Some(http) => http,
            None => Http::new(package)?,
        };
        Ok(self.http.insert(http))
    }

    /// What the hub says of a package.
    pub async fn page(&mut self, package: &str) -> Result<&HubPackage, Problem> {
        if !self.pages.contains_key(package) {
            let hub = self.request.hub.clone();
            let not_there = || Problem::NotOnHub { package: package.to_owned(), hub: hub.clone() };
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
            let parts: Vec<&str> = package.split('/').collect();
            if parts.len() != 2 || !parts.iter().all(|part| !part.is_empty() && part.chars().all(plain)) {
                return Err(not_there());
            }
            let url = format!("{}/api/v1/{package}.json", hub.trim_end_matches('/'));
            let body = self.http(package)?.get(&url, PAGE).await?.ok_or_else(not_there)?;
            let page: HubPackage = serde_json::from_slice(&body)
                .map_err(|error| Problem::HubAnswer { url: http::shown(&url), why: error.to_string() })?;
            if let Some(new) = page.moved_to() {
                let message =
                    format!("the package `{package}` has moved to `{new}`; write the new name in packages.yml");
                self.request.events.emit(Event::Warning { name: "PackageRedirectDeprecation", message });
            }
            self.pages.insert(package.to_owned(), page);
        }
        self.pages
            .get(package)
            .ok_or_else(|| Problem::NotOnHub { package: package.to_owned(), hub: self.request.hub.clone() })
    }

    pub fn warn_unpinned(&self, git: &str, revision: &str) {
        let message = format!(
            "the git package \"{}\" is not pinned: it is at {revision}, which moves. Write a tag or a commit as `revision`, or `warn-unpinned: false`",
            git::shown(git)
        );
        self.request.events.emit(Event::Warning { name: "DepsUnpinned", message });
    }

    /// The commit that a revision means now.
    pub fn commit(&mut self, git: &str, revision: Option<&str>) -> Result<String, Problem> {
        let key = (git.to_owned(), revision.unwrap_or_default().to_owned());
        if let Some(known) = self.checkouts.get(&key) {
            return Ok(known.commit.clone());
        }
        if self.request.offline && !git::is_local(git, self.request.root) {
            return Err(Problem::Offline { package: git::shown(git) });
        }
        let folder = self.new_folder()?;
        let checkout = git::checkout(git, revision, &folder, self.request.root)?;
        let commit = checkout.commit.clone();
        self.checkouts.insert(key, checkout);
        Ok(commit)
    }

    /// The name of a package and what it asks for.
    pub async fn describe(&mut self, pinned: &Pinned, asked: &Asked) -> Result<Fetched, InstallError> {
        let Pinned::Hub { package, version } = pinned else { return self.fetch(pinned, asked).await };
        let page = self.page(package).await.map_err(|problem| asked.wrong(problem))?;
        let Some(found) = page.versions.get(version) else {
            return Err(asked.wrong(no_such_version(package, version)));
        };
        let packages = found.packages.iter().filter_map(|dependency| {
            let source = match (&dependency.package, &dependency.git) {
                (Some(package), _) => PackageSource::Hub {
                    package: package.clone(),
                    versions: dependency.version.texts(),
                    prerelease: false,
                },
                (None, Some(git)) => PackageSource::Git {
                    git: git.clone(),
                    written: git.clone(),
                    revision: dependency.revision.clone(),
                    subdirectory: dependency.subdirectory.clone(),
                    warn_unpinned: true,
                },
                (None, None) => return None,
            };
            asked.span.map(|span| PackageSpec { source, span, name: None, canonical: String::new() })
        });
        Ok(Fetched { name: found.name.clone(), packages: packages.collect(), folder: None })
    }

    /// The package in a folder.
    pub async fn fetch(&mut self, pinned: &Pinned, asked: &Asked) -> Result<Fetched, InstallError> {
        let wrong = |problem| asked.wrong(problem);
        let (folder, name) = match pinned {
            Pinned::Hub { package, version } => {
                let page = self.page(package).await.map_err(wrong)?;
                let Some(found) = page.versions.get(version) else {
                    return Err(wrong(no_such_version(package, version)));
                };
                let url = found.downloads.tarball.clone();
                (self.archive(&url, package).await.map_err(wrong)?, None)
            }
            Pinned::Tarball { url, name, .. } => (self.archive(url, name).await.map_err(wrong)?, Some(name.clone())),
            Pinned::Git { git, commit, subdirectory, .. } => {
                (self.checkout(git, commit, subdirectory.as_deref()).map_err(wrong)?, None)
            }
            Pinned::Local { path } => {
                let folder = self.request.root.join(path);
                if !folder.join("dbt_project.yml").is_file() {
                    let looked_for = crate::project::normalize(&folder).join("dbt_project.yml");
                    return Err(wrong(Problem::NoLocal { path: path.clone(), looked_for }));
                }
                (folder, None)
            }
        };
        let files = read_package(&folder, self.request.load, &DiskFileSystem, self.request.sources)?;
        let Some(files) = files else { return Err(wrong(Problem::NoProject { package: pinned.shown() })) };
        Ok(Fetched { name: name.unwrap_or(files.name), packages: files.packages, folder: Some(folder) })
    }

    fn checkout(&mut self, git: &str, commit: &str, subdirectory: Option<&str>) -> Result<PathBuf, Problem> {
        let known = self.checkouts.iter().find(|((address, _), known)| address == git && known.commit == commit);
        let folder = match known {
            Some((_, known)) => known.folder.clone(),
            None => {
                self.commit(git, Some(commit))?;
                let key = (git.to_owned(), commit.to_owned());
                self.checkouts.get(&key).map(|known| known.folder.clone()).unwrap_or_default()
            }
        };
        let Some(inner) = subdirectory else { return Ok(folder) };
        let inside = !inner.split(['/', '\\']).any(|part| part == "..") && Path::new(inner).is_relative();
        if inside && folder.join(inner).is_dir() {
            Ok(folder.join(inner))
        } else {
            Err(Problem::Git { package: git::shown(git), why: format!("it has no folder `{inner}`") })
        }
    }

    /// Downloads and unpacks an archive.
    async fn archive(&mut self, url: &str, package: &str) -> Result<PathBuf, Problem> {
        if let Some(known) = self.archives.get(url) {
            return Ok(known.clone());
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let why = "the address must begin with https:// or http://".to_owned();
            return Err(Problem::Download { url: http::shown(url), why });
        }
        let body = self.http(package)?.get(url, ARCHIVE).await?;
        let body = body.ok_or_else(|| Problem::Download {
            url: http::shown(url),
            why: "the server has no such file".to_owned(),
        })?;
        let folder = self.new_folder()?;
        let top = archive::unpack(body.as_slice(), &folder, archive::LIMITS)
            .map_err(|why| Problem::Archive { package: package.to_owned(), why })?;
        self.archives.insert(url.to_owned(), top.clone());
        Ok(top)
    }

    /// The highest version of a package of the hub that could be installed.
    pub async fn latest(&mut self, package: &str) -> Option<String> {
        let dbt_version = self.request.dbt_version.clone();
        let page = self.page(package).await.ok()?;
        page.choose(&[], false, dbt_version.as_ref()).ok().map(|choice| choice.version)
    }
}

fn no_such_version(package: &str, version: &str) -> Problem {
    Problem::NoVersion {
        package: package.to_owned(),
        wanted: vec![version.to_owned()],
        available: Vec::new(),
        incompatible: None,
    }
}
