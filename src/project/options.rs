//! What the caller decides about loading: folders, chosen profile, variables, the environment.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::jinja::Value;

use super::render::Environment;

/// Whether a missing or broken profile is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
}

/// Macros that are compiled into the binary. `dbt` is always loaded, `dbt_<type>` only with that adapter type.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedPackage {
    pub name: &'static str,
    /// `(path inside the package, text)`: `("macros/adapters/columns.sql", "…")`.
    pub files: &'static [(&'static str, &'static str)],
}

/// What an adapter type expects in its output of `profiles.yml`.
#[derive(Debug, Clone, Copy)]
pub struct AdapterSpec {
    pub name: &'static str,
    /// Adapter types whose dispatched macros (`duckdb__x`) serve where there is none of `name`, nearest first.
    pub parents: &'static [&'static str],
    /// Known keys besides `type`, `threads`, `schema`, `database`.
    pub keys: &'static [&'static str],
    /// Of each list one key must be there; the first one is what is asked for.
    pub required: &'static [&'static [&'static str]],
    /// Other names of a key: `("dbname", "database")`.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Whether names of relations are quoted where no `quoting:` says otherwise.
    pub quoted: bool,
    /// Whether sources may be files: `external_location`.
    pub reads_files: bool,
    /// Whether the query comment stands behind the statement where nobody says otherwise.
    pub comment_behind: bool,
    /// The adapter types whose SQL this one can take: values of the key `dialect`. The project then sees that type.
    pub dialects: &'static [&'static str],
    /// Whether each exact number is a NUMBER, and text without a length is as long as can be.
    pub wide_types: bool,
    pub default_database: Option<&'static str>,
    pub default_schema: Option<&'static str>,
    /// Keys whose values must not be shown in `target` or in messages.
    pub secret: &'static [&'static str],
}

/// The inputs of [`load`](super::load).
pub struct LoadOptions<'a> {
    /// Absolute.
    pub current_dir: PathBuf,
    /// `--project-dir`; otherwise the current folder or its nearest parent with a `dbt_project.yml`.
    pub project_dir: Option<PathBuf>,
    /// Where `profiles.yml` is looked for, in order. Relative ones start at the project root.
    pub profile_dirs: Vec<PathBuf>,
    pub profile: Option<String>,
    pub target: Option<String>,
    pub threads: Option<usize>,
    pub profile_need: Need,
    /// Whether installed packages and resource files are read too; without, only the project files are.
    pub with_files: bool,
    /// `--vars`.
    pub vars: IndexMap<String, Value>,
    /// Looks up environment variables.
    pub env: Environment,
    /// The `flags` object of templates.
    pub flags: Value,
    /// More names for project-level templates (`run_started_at`, `invocation_id`, `modules`, `log`, …).
    pub globals: IndexMap<String, Value>,
    /// The dbt version that is reported and that `require-dbt-version` is checked against.
    pub dbt_version: &'a str,
    pub version_check: bool,
    pub adapters: &'a [AdapterSpec],
    pub embedded: &'a [EmbeddedPackage],
    /// Templates and files are read on so many threads.
    pub parallelism: usize,
}
