//! The resource files of a package: found by their folders, read in parallel, registered in a fixed order.

use std::{path::PathBuf, sync::Arc};

use crate::{
    diagnostic::{Origin, SourceId},
    jinja::Template,
};

use super::properties::Properties;

/// A SQL, Python or Markdown file. The text is stripped of white space at both ends, as dbt reads it.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// File stem: `stg_orders`.
    pub name: String,
    /// Relative to the resource folder, forward slashes: `staging/stg_orders.sql`.
    pub path: String,
    /// Relative to the package root, forward slashes: `models/staging/stg_orders.sql`.
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    /// `sql`, `python`, `javascript` or `markdown`.
    pub language: &'static str,
    pub text: Arc<str>,
    /// Where `text` is in the file.
    pub origin: Origin,
    pub source: SourceId,
    /// SHA-256 of `text`, in hex.
    pub checksum: String,
    /// The parsed text. `None` for other languages, and when it does not parse, which is reported.
    pub template: Option<Template>,
}

/// A CSV file of a seed. Its rows are read when it is loaded.
#[derive(Debug, Clone)]
pub struct SeedFile {
    pub name: String,
    pub path: String,
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    /// `sha256` of the text, or `path` for files over 1 MiB.
    pub checksum_kind: &'static str,
    pub checksum: String,
    pub len: u64,
}

/// A CSV or SQL file with the rows of a unit test.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub name: String,
    pub path: String,
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    pub text: Arc<str>,
}

/// One properties file.
#[derive(Debug)]
pub struct PropertiesFile {
    /// Relative to the resource folder.
    pub path: String,
    /// Relative to the package root.
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    /// SHA-256 of the stripped text, in hex.
    pub checksum: String,
    pub source: SourceId,
    pub properties: Properties,
}
