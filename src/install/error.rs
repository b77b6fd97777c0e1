//! Why a package could not be had, and for which entry of which file.

use std::path::PathBuf;

use crate::{
    diagnostic::{Diagnostic, Span},
    project::PackageSpec,
};

/// What went wrong with a package, or around one.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the package `{package}` is not on the package hub {hub}")]
    NotOnHub { package: String, hub: String },
    #[error("no version of `{package}` satisfies {}", wanted.join(", "))]
    NoVersion { package: String, wanted: Vec<String>, available: Vec<String>, incompatible: Option<String> },
    #[error("`{text}` is not a version or a range of versions")]
    Version { text: String },
    #[error("the package `{package}` is asked for at several revisions: {}", revisions.join(", "))]
    Revisions { package: String, revisions: Vec<String> },
    #[error("two packages have the name `{name}`: {first} and {second}")]
    Twice { name: String, first: String, second: String },
    #[error("the package {package} has the name of this project, `{name}`")]
    NameOfRoot { name: String, package: String },
    #[error("`{name}`, the name of the package {package}, is not a name that a package can have")]
    Name { name: String, package: String },
    #[error("the package {package} has no dbt_project.yml")]
    NoProject { package: String },
    #[error("cannot download {url}: {why}")]
    Download { url: String, why: String },
    #[error("{url} did not answer as the package hub does: {why}")]
    HubAnswer { url: String, why: String },
    #[error("the archive of {package} is refused: {why}")]
    Archive { package: String, why: String },
    #[error("git could not fetch {package}: {why}")]
    Git { package: String, why: String },
    #[error("the package {package} comes from git, and there is no program `git`")]
    NoGit { package: String },
    #[error("the package {package} is not here, and `--offline` forbids to fetch it")]
    Offline { package: String },
    #[error("the private package `{package}` needs dbt's platform")]
    Private { package: String },
    #[error("this build of tamis cannot download: {package}")]
    NoClient { package: String },
    #[error("the local package `{path}` was not found: there is no {}", looked_for.display())]
    NoLocal { path: String, looked_for: PathBuf },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
}

/// A problem, and the entry of `packages.yml` that led to it.
#[derive(Debug)]
pub enum InstallError {
    Package {
        problem: Box<Problem>,
        span: Option<Span>,
        asked_by: Option<String>,
    },
    /// What is wrong with a file of a package or with package-lock.yml.
    Files(Vec<Diagnostic>),
}

/// Who asked for a package.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub span: Option<Span>,
    /// The package that asked, when it was not the project.
    pub by: Option<String>,
}

impl Asked {
    pub fn for_root(spec: &PackageSpec) -> Self {
        Self { span: Some(spec.span), by: None }
    }

    pub fn wrong(&self, problem: Problem) -> InstallError {
        InstallError::Package { problem: Box::new(problem), span: self.span, asked_by: self.by.clone() }
    }
}

impl From<Vec<Diagnostic>> for InstallError {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Files(diagnostics)
    }
}

impl InstallError {
    pub(super) fn write(path: impl Into<PathBuf>, cause: std::io::Error) -> Self {
        Self::Package { problem: Box::new(Problem::Write { path: path.into(), cause }), span: None, asked_by: None }
    }

    pub fn diagnostics(self) -> Vec<Diagnostic> {
        let (problem, span, asked_by) = match self {
            Self::Files(diagnostics) => return diagnostics,
            Self::Package { problem, span, asked_by } => (problem, span, asked_by),
        };
        let mut diagnostic = plain(&problem);
        if let Some(span) = span {
            diagnostic = diagnostic.at(span, "");
        }
        if let Some(asked_by) = asked_by {
            diagnostic = diagnostic.note(format!("the package {asked_by} asks for it"));
        }
        vec![diagnostic]
    }
}

fn plain(problem: &Problem) -> Diagnostic {
    let message = problem.to_string();
    match problem {
        Problem::NotOnHub { .. } => Diagnostic::error("package-not-found", message)
            .help("look the name up on https://hub.getdbt.com: it has two parts, like `dbt-labs/dbt_utils`"),
        Problem::NoVersion { available, incompatible, .. } => {
            let mut error = Diagnostic::error("package-version", message);
            if !available.is_empty() {
                error = error.note(format!("there are {}", available.join(", ")));
            }
            if let Some(version) = incompatible {
                error =
                    error.note(format!("{version} is for another version of dbt")).help("give `--no-version-check`");
            }
            error.help("ask for a range that all packages agree on")
        }
        Problem::Version { .. } => Diagnostic::error("package-version", message)
            .help("write `1.2.3`, or a list like `[\">=1.0.0\", \"<2.0.0\"]`"),
        Problem::Revisions { .. } => {
            Diagnostic::error("package-version", message).help("ask for one revision in all packages")
        }
        Problem::Twice { .. } => Diagnostic::error("package-twice", message).help("take one of them out"),
        Problem::NameOfRoot { .. } => Diagnostic::error("package-twice", message).help("rename this project"),
        Problem::Name { .. } => Diagnostic::error("package-archive", message)
            .note("letters, digits, `_` and `-`, and not the name of a folder that dbt uses"),
        Problem::NoProject { .. } => Diagnostic::error("package-not-found", message)
            .help("give the folder of the package: `subdirectory` for git, another path for `local`"),
        Problem::NoLocal { .. } => Diagnostic::error("package-not-found", message),
        Problem::Download { .. } | Problem::HubAnswer { .. } => Diagnostic::error("package-download", message)
            .help("try again, or put the package into the packages folder by hand and run without `deps`"),
        Problem::NoClient { .. } => Diagnostic::error("package-download", message)
            .help("build with the feature `download`, or put the package into the packages folder by hand"),
        Problem::Archive { .. } => Diagnostic::error("package-archive", message).note("nothing of it was installed"),
        Problem::Git { .. } => Diagnostic::error("package-git", message)
            .help("check the address and the revision, and that `git` itself may read the repository"),
        Problem::NoGit { .. } => {
            Diagnostic::error("package-git", message).help("install git, or use a `tarball` of the repository")
        }
        Problem::Offline { .. } => {
            Diagnostic::error("package-offline", message).help("run `tamis deps` without `--offline`")
        }
        Problem::Private { .. } => {
            Diagnostic::error("private-package", message).help("write the repository as `git: https://…` instead")
        }
        Problem::Write { cause, .. } => Diagnostic::error("write", format!("{message}: {cause}")),
    }
}
