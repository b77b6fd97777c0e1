//! `profiles.yml`: which profile and output are used, and what is in it.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::{
    diagnostic::{SourceId, Span},
    jinja::Value,
};

/// The chosen output of the chosen profile, rendered.
#[derive(Debug, Clone)]
pub struct Profile {
    pub name: String,
    pub target_name: String,
    pub threads: usize,
    pub adapter_type: String,
    /// `None` when the adapter gives it no default and the profile does not say.
    pub database: Option<String>,
    pub schema: String,
    /// Every key of the output, rendered, aliases resolved; without `type` and `threads`.
    pub settings: IndexMap<String, Value>,
    /// Where each setting is written: its key.
    pub spans: IndexMap<String, Span>,
    /// Keys of `settings` that templates must not see.
    pub secret_keys: Vec<String>,
    /// Folder of `profiles.yml`; absolute.
    pub folder: PathBuf,
    pub source: SourceId,
    /// The chosen output's key.
    pub span: Span,
}

impl Profile {
    /// A setting as text; `None` when absent, none or not a string.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(key).and_then(Value::as_str)
    }
}
