//! Properties files as written: typed where every reader needs the same thing, [`Yaml`] where the value is rendered
//! later. Everything is optional except names.
//!
//! Never to be rendered by the reader: `description`s, tests (`data_tests` entries), pre and post hooks inside
//! `config`, `loaded_at_query`, macro argument descriptions, metric `filter`, saved-query `where`. All other [`Yaml`]
//! here is rendered natively with the properties context before use.

mod data_tests;
mod read;
mod unit_tests;

use crate::{
    diagnostic::{SourceId, Span},
    names::ResourceType,
};

pub(super) use read::read;
pub use unit_tests::{RawInput, RawRows, RawUnitTest};

use super::yaml::{Map, Yaml};

/// A text and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned {
    pub text: String,
    pub span: Span,
}

/// All entries of one properties file, in file order within each list.
#[derive(Debug, Default)]
pub struct Properties {
    pub models: Vec<RawNode>,
    pub seeds: Vec<RawNode>,
    pub snapshots: Vec<RawNode>,
    pub analyses: Vec<RawNode>,
    pub sources: Vec<RawSource>,
    pub macros: Vec<RawMacro>,
    pub singular_tests: Vec<RawSingularTest>,
    pub exposures: Vec<RawExposure>,
    pub groups: Vec<RawGroup>,
    pub unit_tests: Vec<RawUnitTest>,
    /// As written, each a mapping; so are the next ones.
    pub metrics: Vec<Yaml>,
    pub semantic_models: Vec<Yaml>,
    pub saved_queries: Vec<Yaml>,
    pub functions: Vec<RawNode>,
}

/// An entry of `models`, `seeds`, `snapshots`, `analyses` or `functions`.
#[derive(Debug, Clone)]
pub struct RawNode {
    pub kind: ResourceType,
    pub name: Spanned,
    /// The whole entry.
    pub span: Span,
    pub description: Option<Yaml>,
    pub config: Option<Map>,
    /// Config keys at the entry's top level, the old form: `meta`, `tags`, `docs`, `group`, `access`, `contract`, ….
    pub legacy_config: Map,
    pub columns: Vec<RawColumn>,
    pub tests: Vec<RawTest>,
    /// A list.
    pub constraints: Option<Yaml>,
    pub latest_version: Option<Yaml>,
    pub versions: Vec<RawVersion>,
    pub deprecation_date: Option<Yaml>,
    /// A mapping.
    pub time_spine: Option<Yaml>,
    /// A list, of a function.
    pub arguments: Option<Yaml>,
    /// A mapping, of a function.
    pub returns: Option<Yaml>,
    /// `relation:` of a YAML snapshot: the text of a `ref` or `source` call.
    pub relation: Option<Spanned>,
    /// The keys of a model's semantic layer and unknown keys, kept verbatim.
    pub extra: Map,
}

/// An entry of a model's `versions`.
#[derive(Debug, Clone)]
pub struct RawVersion {
    pub v: Yaml,
    pub span: Span,
    pub defined_in: Option<Spanned>,
    pub description: Option<Yaml>,
    pub config: Option<Map>,
    pub legacy_config: Map,
    /// `None` when the version does not say, so that it takes the model's.
    pub tests: Option<Vec<RawTest>>,
    pub constraints: Option<Yaml>,
    /// `None` when the version does not say, so that it takes the model's.
    pub columns: Option<RawVersionColumns>,
    pub deprecation_date: Option<Yaml>,
    pub extra: Map,
}

/// `columns` of a version: own columns, and which of the model's it takes.
#[derive(Debug, Clone, Default)]
pub struct RawVersionColumns {
    /// `None`: no include entry; `Some` with [`Include::All`] or names.
    pub include: Option<Include>,
    pub exclude: Vec<String>,
    pub columns: Vec<RawColumn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Include {
    All,
    Names(Vec<String>),
}

#[derive(Debug, Clone)]
pub struct RawColumn {
    pub name: Spanned,
    pub span: Span,
    pub description: Option<Yaml>,
    pub data_type: Option<Yaml>,
    pub quote: Option<Yaml>,
    /// A list.
    pub constraints: Option<Yaml>,
    pub tests: Vec<RawTest>,
    pub config: Option<Map>,
    pub meta: Option<Yaml>,
    pub tags: Option<Yaml>,
    pub granularity: Option<Yaml>,
    /// What the column means in the semantic layer: a type, or a mapping with one. So is `dimension`.
    pub entity: Option<Yaml>,
    pub dimension: Option<Yaml>,
    pub extra: Map,
}

/// One entry of `data_tests` (or `tests`), in any of dbt's forms, taken apart but not rendered.
#[derive(Debug, Clone)]
pub struct RawTest {
    /// The whole entry.
    pub span: Span,
    /// As written: `accepted_values` or `package.test`.
    pub test: Spanned,
    /// `name:`, the user's own name of the test.
    pub name: Option<Spanned>,
    pub description: Option<Yaml>,
    pub config: Option<Map>,
    /// Config keys beside the arguments: `severity`, `where`, ….
    pub inline_config: Map,
    /// The nested `arguments:`.
    pub arguments: Option<Map>,
    /// Arguments beside the config keys, the old form.
    pub inline_arguments: Map,
}

impl RawTest {
    /// The package that is named before the dot.
    pub fn namespace(&self) -> Option<&str> {
        self.test.text.split_once('.').map(|(namespace, _)| namespace)
    }

    /// The test's name without its package.
    pub fn test_name(&self) -> &str {
        self.test.text.split_once('.').map_or(self.test.text.as_str(), |(_, name)| name)
    }
}

#[derive(Debug, Clone)]
pub struct RawSource {
    pub name: Spanned,
    pub span: Span,
    pub description: Option<Yaml>,
    pub database: Option<Yaml>,
    pub schema: Option<Yaml>,
    pub loader: Option<Yaml>,
    pub quoting: Option<Yaml>,
    /// `Some` of null when written as null.
    pub freshness: Option<Yaml>,
    pub loaded_at_field: Option<Yaml>,
    pub loaded_at_query: Option<Yaml>,
    pub config: Option<Map>,
    pub meta: Option<Yaml>,
    pub tags: Option<Yaml>,
    /// The package whose source this entry overrides. Such entries are gone once the project is loaded.
    pub overrides: Option<Spanned>,
    /// Set where another package's entry replaced parts of this one.
    pub overridden: Option<Overridden>,
    pub tables: Vec<RawTable>,
    pub extra: Map,
}

/// Who replaced parts of a source.
#[derive(Debug, Clone)]
pub struct Overridden {
    pub package: String,
    /// The file that says so: values with a place in it are that package's.
    pub file: SourceId,
}

#[derive(Debug, Clone)]
pub struct RawTable {
    pub name: Spanned,
    pub span: Span,
    pub identifier: Option<Yaml>,
    pub description: Option<Yaml>,
    pub columns: Vec<RawColumn>,
    pub tests: Vec<RawTest>,
    pub quoting: Option<Yaml>,
    /// `Some` of null when written as null, which turns it off.
    pub freshness: Option<Yaml>,
    /// `Some` of null when written as null, which resets it.
    pub loaded_at_field: Option<Yaml>,
    pub loaded_at_query: Option<Yaml>,
    pub external: Option<Yaml>,
    pub loader: Option<Yaml>,
    pub config: Option<Map>,
    pub meta: Option<Yaml>,
    pub tags: Option<Yaml>,
    pub extra: Map,
}

#[derive(Debug, Clone)]
pub struct RawMacro {
    pub name: Spanned,
    pub span: Span,
    pub description: Option<Yaml>,
    pub config: Option<Map>,
    /// Each a mapping of `name`, `type`, `description`.
    pub arguments: Vec<Yaml>,
    pub docs: Option<Yaml>,
    pub meta: Option<Yaml>,
}

/// An entry of the top-level `data_tests`: the docs of a singular test.
#[derive(Debug, Clone)]
pub struct RawSingularTest {
    pub name: Spanned,
    pub span: Span,
    pub description: Option<Yaml>,
    pub config: Option<Map>,
}

#[derive(Debug, Clone)]
pub struct RawExposure {
    pub name: Spanned,
    pub span: Span,
    pub exposure_type: Option<Spanned>,
    pub owner: Option<Yaml>,
    pub label: Option<Yaml>,
    pub maturity: Option<Yaml>,
    pub url: Option<Yaml>,
    pub description: Option<Yaml>,
    /// Texts of `ref`, `source` and `metric` calls.
    pub depends_on: Vec<Spanned>,
    pub config: Option<Map>,
    pub meta: Option<Yaml>,
    pub tags: Option<Yaml>,
}

#[derive(Debug, Clone)]
pub struct RawGroup {
    pub name: Spanned,
    pub span: Span,
    pub owner: Option<Yaml>,
    pub description: Option<Yaml>,
    pub config: Option<Map>,
}
