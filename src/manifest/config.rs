//! The resolved config of a node: an ordered map of dbt's keys with typed views on the ones that tamis reads.

use indexmap::IndexMap;

use crate::jinja::Value;

/// The config of a node after all levels were merged; every default field of its resource type is present.
/// Hooks are under `pre-hook` and `post-hook` as a list of `{sql, transaction, index}`.
#[derive(Debug, Clone, Default)]
pub struct Config(pub IndexMap<String, Value>);

impl Config {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// A string value; `None` when absent, none or not a string.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// A boolean value; `None` when absent, none or not a boolean.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.0.get(key) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn materialized(&self) -> &str {
        self.text("materialized").unwrap_or("view")
    }

    pub fn is_enabled(&self) -> bool {
        self.flag("enabled").unwrap_or(true)
    }

    /// A scalar or a list as a list of strings.
    pub fn strings(&self, key: &str) -> Vec<String> {
        match self.0.get(key) {
            None | Some(Value::None) => Vec::new(),
            Some(Value::Str(text)) => vec![text.to_string()],
            Some(other) => other.items().unwrap_or_default().iter().map(Value::to_str).collect(),
        }
    }
}
