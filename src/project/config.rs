//! `dbt_project.yml` as written: paths, hooks, config trees. Values are rendered where dbt renders them at load.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    diagnostic::{Origin, SourceId, Span},
    jinja::{Template, Value},
    names::ResourceType,
};

use super::yaml::Yaml;

/// One `dbt_project.yml`.
#[derive(Debug, Default)]
pub struct ProjectConfig {
    /// `None` for embedded packages.
    pub source: Option<SourceId>,
    pub name: String,
    pub version: Option<String>,
    pub profile: Option<String>,
    pub paths: ResourcePaths,
    pub target_path: Option<String>,
    pub log_path: Option<String>,
    /// Relative to the project root: `dbt_packages`.
    pub packages_install_path: String,
    pub clean_targets: Option<Vec<String>>,
    pub quoting: ProjectQuoting,
    pub on_run_start: Vec<Hook>,
    pub on_run_end: Vec<Hook>,
    pub dispatch: Vec<Dispatch>,
    /// Specs as written, each like `>=1.0.0`.
    pub require_dbt_version: Vec<String>,
    pub query_comment: QueryComment,
    /// Unrendered.
    pub vars: Option<Yaml>,
    /// Config trees by resource type; only those that are written. `tests:` and `data_tests:` are merged under
    /// [`ResourceType::Test`].
    pub trees: IndexMap<ResourceType, ConfigTree>,
    pub flags: Option<Yaml>,
    pub restrict_access: bool,
}

/// A config tree, with what was written and what it renders to. Keys are never rendered, so both have the same shape
/// down to the scalars. Hooks stay unrendered in both.
#[derive(Debug, Clone)]
pub struct ConfigTree {
    pub written: Yaml,
    /// A dict.
    pub rendered: Value,
}

/// Resource folders, relative to the package root.
#[derive(Debug, Clone, Default)]
pub struct ResourcePaths {
    pub models: Vec<String>,
    pub seeds: Vec<String>,
    pub tests: Vec<String>,
    pub analyses: Vec<String>,
    pub macros: Vec<String>,
    pub snapshots: Vec<String>,
    pub functions: Vec<String>,
    pub docs: Vec<String>,
    pub assets: Vec<String>,
}

/// `quoting:`; `None` means the adapter's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProjectQuoting {
    pub database: Option<bool>,
    pub schema: Option<bool>,
    pub identifier: Option<bool>,
    pub snowflake_ignore_case: Option<bool>,
}

/// One entry of `on-run-start` or `on-run-end`.
#[derive(Debug, Clone)]
pub struct Hook {
    pub text: Arc<str>,
    pub origin: Origin,
    pub span: Span,
    /// `None` when it does not parse, which is reported.
    pub template: Option<Template>,
}

#[derive(Debug, Clone)]
pub struct Dispatch {
    pub macro_namespace: String,
    pub search_order: Vec<String>,
    pub span: Span,
}

/// `query-comment:` as written; the template is rendered per statement.
#[derive(Debug, Clone, Default)]
pub enum QueryComment {
    /// Not written: dbt's JSON comment.
    #[default]
    Default,
    /// Written as null, false or an empty text.
    Off,
    Custom {
        comment: Option<Arc<str>>,
        origin: Option<Origin>,
        append: bool,
        job_label: bool,
    },
}
