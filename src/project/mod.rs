//! Files on disk → [`Project`] as written: `dbt_project.yml`, the profile, packages, SQL and properties files, with spans.
//!
//! Nothing is resolved here: names stay names, properties stay unrendered where rendering needs the manifest's context.
//! Reads only through a [`FileSystem`]; environment variables come in through [`LoadOptions`].

mod catalogs;
mod config;
mod files;
mod fs;
mod ignore;
mod load;
mod options;
mod overrides;
mod packages;
mod parallel;
mod profile;
pub mod properties;
mod read;
mod render;
pub mod version;
pub mod yaml;

use std::{path::PathBuf, sync::Arc};

use indexmap::IndexMap;

pub use config::{ConfigTree, Dispatch, Hook, ProjectConfig, ProjectQuoting, QueryComment, ResourcePaths};
pub use files::{Fixture, PropertiesFile, SeedFile, TextFile};
pub(crate) use fs::normalize;
pub use fs::{DiskFileSystem, EntryKind, FileMetadata, FileSystem, FolderEntry, MemoryFileSystem};
pub use load::{PackageFiles, find_root, load, read_package, read_package_lock};
pub use options::{AdapterSpec, EmbeddedPackage, LoadOptions, Need};
pub use packages::{PackageSource, PackageSpec, installed_packages};
pub use profile::Profile;
pub use render::{
    BaseContext, Environment, Keep, RenderError, SecretRule, Secrets, base_names, has_jinja, render_text, render_yaml,
};

use crate::jinja::Value;

/// A project and its packages as written.
#[derive(Debug)]
pub struct Project {
    /// Absolute.
    pub root: PathBuf,
    /// Name of the root package.
    pub name: String,
    /// By name: the root first, then the installed packages in the order of their folders' names, embedded ones last.
    pub packages: IndexMap<String, Arc<Package>>,
    /// The entries of `packages.yml` or `dependencies.yml`.
    pub package_specs: Vec<PackageSpec>,
    /// The chosen output of the chosen profile; `None` only when it could not be read, which is an error diagnostic
    /// unless [`LoadOptions::profile_need`] is [`Need::Optional`].
    pub profile: Option<Profile>,
    /// `flags:` of the root `dbt_project.yml` (or the legacy `config:` of `profiles.yml`), unrendered.
    pub flags: IndexMap<String, Value>,
    /// `--vars`.
    pub cli_vars: IndexMap<String, Value>,
    /// `selectors.yml`, rendered.
    pub selectors: Option<yaml::Yaml>,
    /// The names of the catalogs in `catalogs.yml`.
    pub catalogs: Vec<String>,
    /// Values of `DBT_ENV_SECRET*` that were used; to be masked in every output.
    pub secrets: Vec<String>,
}

impl Project {
    /// The root package.
    pub fn root_package(&self) -> Option<&Arc<Package>> {
        self.packages.get(&self.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageKind {
    Root,
    /// Found under `packages-install-path`.
    Installed,
    /// A `local:` entry that is read from its own folder because it is not installed.
    Local,
    /// Compiled into the binary; has macros only.
    Embedded,
}

/// One package: its `dbt_project.yml` and all its files, in dbt's order.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    pub kind: PackageKind,
    /// Absolute folder; `<name>` for embedded packages.
    pub root: PathBuf,
    pub config: ProjectConfig,
    /// `.sql` and `.py` files under `model-paths`.
    pub models: Vec<TextFile>,
    /// `.sql` files under `snapshot-paths`.
    pub snapshots: Vec<TextFile>,
    /// `.sql` files under `analysis-paths`.
    pub analyses: Vec<TextFile>,
    /// `.sql` files under `test-paths`, without `generic/` and `fixtures/`.
    pub singular_tests: Vec<TextFile>,
    /// `.sql` files under `<test-path>/generic/`.
    pub generic_tests: Vec<TextFile>,
    /// `.sql` files under `macro-paths`.
    pub macros: Vec<TextFile>,
    /// `.sql`, `.py` and `.js` files under `function-paths`.
    pub functions: Vec<TextFile>,
    /// `.csv` files under `seed-paths`.
    pub seeds: Vec<SeedFile>,
    /// `.csv` and `.sql` files under `<test-path>/fixtures/`.
    pub fixtures: Vec<Fixture>,
    /// `.md` files under `docs-paths`.
    pub docs: Vec<TextFile>,
    /// All properties files.
    pub properties: Vec<PropertiesFile>,
}

#[cfg(test)]
mod tests;
