//! Which packages are needed, at which version each: what the project asks for, what those ask for, and so on.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::project::{PackageSource, PackageSpec, version::Spec};

use super::{
    Request,
    error::{Asked, InstallError, Problem},
    fetch::{Fetched, Fetcher},
};

/// A package at one version, as package-lock.yml has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pinned {
    Hub { package: String, version: String },
    Git { git: String, written: String, commit: String, subdirectory: Option<String> },
    Local { path: String },
    Tarball { url: String, written: String, name: String },
}

impl Pinned {
    /// As messages call it.
    pub fn shown(&self) -> String {
        match self {
            Self::Hub { package, .. } => package.clone(),
            Self::Git { git, subdirectory: None, .. } => super::git::shown(git),
            Self::Git { git, subdirectory: Some(inner), .. } => format!("{}/{inner}", super::git::shown(git)),
            Self::Local { path } => path.clone(),
            Self::Tarball { name, .. } => name.clone(),
        }
    }
}

/// A package with the name of its project.
#[derive(Debug, Clone)]
pub(super) struct Locked {
    pub pinned: Pinned,
    /// Not known where an older package-lock.yml does not say it.
    pub name: Option<String>,
    pub asked: Asked,
}

/// All that is asked of one package.
#[derive(Debug, Clone)]
struct Wanted {
    source: PackageSource,
    /// Every range or revision that somebody asks for.
    versions: Vec<String>,
    prerelease: bool,
    asked: Asked,
    /// Where a relative path of a local package may start besides the project.
    base: Option<PathBuf>,
}

/// Two entries with one key mean one package.
fn key(source: &PackageSource) -> String {
    match source {
        PackageSource::Hub { package, .. } => package.clone(),
        PackageSource::Git { git, subdirectory, .. } => {
            let repository = git.strip_suffix(".git").unwrap_or(git);
            format!("{repository}/{}", subdirectory.as_deref().unwrap_or_default())
        }
        PackageSource::Local { path } => path.clone(),
        PackageSource::Tarball { url, .. } => url.clone(),
        PackageSource::Private { name } => name.clone(),
    }
}

impl Wanted {
    fn new(spec: &PackageSpec, asked: Asked, base: Option<PathBuf>) -> Self {
        let (versions, prerelease) = match &spec.source {
            PackageSource::Hub { versions, prerelease, .. } => (versions.clone(), *prerelease),
            PackageSource::Git { revision, .. } => (revision.iter().cloned().collect(), false),
            _ => (Vec::new(), false),
        };
        Self { source: spec.source.clone(), versions, prerelease, asked, base }
    }

    fn add(&mut self, other: Self) {
        for version in other.versions {
            if !self.versions.contains(&version) {
                self.versions.push(version);
            }
        }
    }
}

/// Follows what packages ask for until nothing new comes up.
pub(super) async fn resolve(request: &Request<'_>, fetcher: &mut Fetcher<'_>) -> Result<Vec<Locked>, InstallError> {
    let mut wanted: IndexMap<String, Wanted> = IndexMap::new();
    let mut found: IndexMap<String, (Pinned, String)> = IndexMap::new();
    let mut pending: Vec<Wanted> =
        request.specs.iter().map(|spec| Wanted::new(spec, Asked::for_root(spec), None)).collect();
    while !pending.is_empty() {
        let mut keys: Vec<String> = Vec::new();
        for new in pending.drain(..) {
            let key = key(&new.source);
            match wanted.get_mut(&key) {
                Some(known) => known.add(new),
                None => {
                    wanted.insert(key.clone(), new);
                }
            }
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        for key in keys {
            let Some(wanted) = wanted.get(&key) else { continue };
            let pinned = pin(wanted, request, fetcher).await?;
            if found.get(&key).is_some_and(|(known, _)| *known == pinned) {
                continue;
            }
            let Fetched { name, packages, folder } = fetcher.describe(&pinned, &wanted.asked).await?;
            let by = Asked { span: wanted.asked.span, by: Some(pinned.shown()) };
            pending.extend(packages.iter().map(|spec| Wanted::new(spec, by.clone(), folder.clone())));
            found.insert(key, (pinned, name));
        }
    }
    let mut locked = Vec::new();
    for (key, wanted) in wanted {
        if let Some((pinned, name)) = found.shift_remove(&key) {
            locked.push(Locked { pinned, name: Some(name), asked: wanted.asked });
        }
    }
    Ok(locked)
}

/// Decides on one version of a package.
async fn pin(wanted: &Wanted, request: &Request<'_>, fetcher: &mut Fetcher<'_>) -> Result<Pinned, InstallError> {
    let wrong = |problem| wanted.asked.wrong(problem);
    match &wanted.source {
        PackageSource::Hub { package, .. } => {
            let mut ranges = Vec::new();
            for text in &wanted.versions {
                let Some(range) = Spec::parse(text) else { return Err(wrong(Problem::Version { text: text.clone() })) };
                ranges.push(range);
            }
            let page = fetcher.page(package).await.map_err(wrong)?;
            match page.choose(&ranges, wanted.prerelease, request.dbt_version.as_ref()) {
                Ok(choice) => Ok(Pinned::Hub { package: package.clone(), version: choice.version }),
                Err(none) => Err(wrong(Problem::NoVersion {
                    package: package.clone(),
                    wanted: wanted.versions.clone(),
                    available: none.available,
                    incompatible: none.incompatible,
                })),
            }
        }
        PackageSource::Git { git, written, subdirectory, warn_unpinned, .. } => {
            if wanted.versions.len() > 1 {
                let package = super::git::shown(git);
                return Err(wrong(Problem::Revisions { package, revisions: wanted.versions.clone() }));
            }
            let revision = wanted.versions.first().map(String::as_str);
            let commit = fetcher.commit(git, revision).map_err(wrong)?;
            if *warn_unpinned && matches!(revision, None | Some("HEAD" | "main" | "master")) {
                fetcher.warn_unpinned(git, revision.unwrap_or("HEAD"));
            }
            let (git, written) = (git.clone(), written.clone());
            Ok(Pinned::Git { git, written, commit, subdirectory: subdirectory.clone() })
        }
        PackageSource::Local { path } => {
            // A package inside a package may mean its own folder.
            let own =
                wanted.base.as_ref().map(|base| base.join(path)).filter(|own| own.join("dbt_project.yml").is_file());
            let from_root = request.root.join(path).join("dbt_project.yml").is_file();
            let path = match own.filter(|_| !from_root) {
                Some(own) => own.canonicalize().unwrap_or(own).display().to_string(),
                None => path.clone(),
            };
            Ok(Pinned::Local { path })
        }
        PackageSource::Tarball { url, written, name } => {
            Ok(Pinned::Tarball { url: url.clone(), written: written.clone(), name: name.clone() })
        }
        PackageSource::Private { name } => Err(wrong(Problem::Private { package: name.clone() })),
    }
}

/// Two packages of one name, or one with the project's name, cannot be installed.
pub(super) fn check_names(locked: &[Locked], root_name: &str) -> Result<(), InstallError> {
    for (index, package) in locked.iter().enumerate() {
        let Some(name) = &package.name else { continue };
        if name == root_name {
            let problem = Problem::NameOfRoot { name: name.clone(), package: package.pinned.shown() };
            return Err(package.asked.wrong(problem));
        }
        let earlier = locked.iter().take(index).find(|earlier| earlier.name.as_ref() == Some(name));
        if let Some(earlier) = earlier {
            return Err(package.asked.wrong(Problem::Twice {
                name: name.clone(),
                first: earlier.pinned.shown(),
                second: package.pinned.shown(),
            }));
        }
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.starts_with("__") || !name.chars().all(plain) {
            let problem = Problem::Name { name: name.clone(), package: package.pinned.shown() };
            return Err(package.asked.wrong(problem));
        }
    }
    Ok(())
}
