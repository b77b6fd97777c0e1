//! From levels of settings to the config of a node: the project's tree, properties, `config()` calls, and for packages
//! the root project's tree on top.

use indexmap::IndexMap;

use crate::{diagnostic::Span, jinja::Value, names::ResourceType};

use super::{
    Config,
    defaults::defaults,
    merge::{MergeRule, canonical_key, deep_copy, listify, merge, rule},
    tree::Setting,
};

/// The levels of one node, weakest first.
#[derive(Debug, Default)]
pub struct Levels<'a> {
    pub own_tree: Vec<&'a Setting>,
    pub properties: Vec<Setting>,
    pub in_file: Vec<Setting>,
    pub root_tree: Vec<&'a Setting>,
}

/// The outcome of merging.
#[derive(Debug, Default)]
pub struct Resolved {
    pub config: Config,
    pub unrendered: IndexMap<String, Value>,
    /// Texts of properties, for keys whose value in `unrendered` was rendered.
    pub texts: IndexMap<String, Value>,
    /// Tags of the node: those of trees and file, then those of properties, each once.
    pub tags: Vec<String>,
    /// Where the value of a key was last set.
    pub spans: IndexMap<String, Span>,
}

impl Resolved {
    /// Puts the tags in order, which sources and exposures have.
    pub fn sort_tags(&mut self) {
        self.tags.sort();
        let tags = self.tags.iter().map(|tag| Value::from(tag.as_str()));
        self.config.0.insert("tags".to_owned(), Value::list(tags));
    }
}

/// Merges the levels of a node of type `kind`.
pub fn resolve(kind: ResourceType, levels: &Levels<'_>) -> Resolved {
    let mut config = defaults(kind);
    let mut unrendered: IndexMap<String, Value> = IndexMap::new();
    let mut texts: IndexMap<String, Value> = IndexMap::new();
    let mut spans = IndexMap::new();
    let ordered = levels
        .own_tree
        .iter()
        .copied()
        .chain(&levels.properties)
        .chain(&levels.in_file)
        .chain(levels.root_tree.iter().copied());
    for setting in ordered {
        merge(&mut config, &setting.key, &setting.value);
        unrendered.insert(setting.key.clone(), setting.written.clone());
        match &setting.text {
            Some(text) => texts.insert(setting.key.clone(), text.clone()),
            None => texts.shift_remove(&setting.key),
        };
        spans.insert(setting.key.clone(), setting.span);
    }
    let mut tags = Vec::new();
    let by_file = levels.own_tree.iter().copied().chain(&levels.in_file).chain(levels.root_tree.iter().copied());
    for setting in by_file.chain(&levels.properties).filter(|setting| setting.key == "tags") {
        add_tags(&mut tags, &setting.value);
    }
    Resolved { config: Config(config), unrendered, texts, tags, spans }
}

/// Adds the tags of a value that are not yet there.
pub fn add_tags(tags: &mut Vec<String>, value: &Value) {
    for tag in listify(value) {
        let tag = tag.to_str();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
}

/// The calls of `config()` in one file as one level: later calls extend lists and dicts and replace the rest.
pub fn merge_calls(calls: &[(IndexMap<String, Value>, Span)]) -> Vec<Setting> {
    let mut merged: IndexMap<String, Setting> = IndexMap::new();
    for (at, (call, span)) in calls.iter().enumerate() {
        for (key, value) in call {
            let key = canonical_key(key);
            let value = match merged.get(key) {
                Some(old) => combine(key, &old.value, value),
                // The first call is kept as it is, later ones make lists: this shows in `unrendered_config`.
                None if at > 0 && rule(key) == MergeRule::Append => Value::list(listify(value)),
                None => deep_copy(value),
            };
            let setting = Setting { key: key.to_owned(), written: value.clone(), text: None, value, span: *span };
            merged.insert(key.to_owned(), setting);
        }
    }
    merged.into_values().collect()
}

fn combine(key: &str, old: &Value, new: &Value) -> Value {
    match rule(key) {
        MergeRule::Append => Value::list(listify(old).into_iter().chain(listify(new))),
        MergeRule::Replace => deep_copy(new),
        _ => {
            let mut both = IndexMap::from([(key.to_owned(), deep_copy(old))]);
            merge(&mut both, key, new);
            both.swap_remove(key).unwrap_or(Value::None)
        }
    }
}

/// A version's own properties over those of its model.
pub fn merge_version(model: Vec<Setting>, version: Vec<Setting>) -> Vec<Setting> {
    let mut merged: IndexMap<String, Setting> =
        model.into_iter().map(|setting| (setting.key.clone(), setting)).collect();
    for setting in version {
        let both = |old: &Value, new: &Value| match rule(&setting.key) {
            // The version's own come first.
            MergeRule::Append => Value::list(listify(new).into_iter().chain(listify(old))),
            _ => combine(&setting.key, old, new),
        };
        let joined = match merged.get(&setting.key) {
            Some(old) => Setting {
                value: both(&old.value, &setting.value),
                written: both(&old.written, &setting.written),
                text: match (&old.text, &setting.text) {
                    (None, None) => None,
                    (before, own) => {
                        let before = before.as_ref().unwrap_or(&old.written);
                        Some(both(before, own.as_ref().unwrap_or(&setting.written)))
                    }
                },
                key: setting.key.clone(),
                span: setting.span,
            },
            None => setting,
        };
        merged.insert(joined.key.clone(), joined);
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::SourceId;

    use super::*;

    fn setting(key: &str, value: &str) -> Setting {
        let value = Value::from_json(&serde_json::from_str(value).unwrap());
        Setting { key: key.to_owned(), written: value.clone(), text: None, value, span: Span::new(SourceId(0), 0, 0) }
    }

    #[test]
    fn a_file_beats_properties_which_beat_the_tree_and_the_root_beats_a_package() {
        let tree = setting("materialized", "\"view\"");
        let (tree_tags, root_tags) = (setting("tags", "\"tree\""), setting("tags", "\"root\""));
        let levels = Levels {
            own_tree: vec![&tree, &tree_tags],
            properties: vec![setting("materialized", "\"table\""), setting("tags", "[\"yml\"]")],
            in_file: vec![setting("tags", "[\"file\"]")],
            root_tree: vec![&root_tags],
        };
        let resolved = resolve(ResourceType::Model, &levels);
        assert_eq!(resolved.config.materialized(), "table");
        assert_eq!(resolved.config.strings("tags"), ["tree", "yml", "file", "root"]);
        assert_eq!(resolved.tags, ["tree", "file", "root", "yml"]);
        assert_eq!(resolved.unrendered.get("tags").and_then(Value::as_str), Some("root"));
    }

    #[test]
    fn calls_of_config_in_one_file_add_up() {
        let span = Span::new(SourceId(0), 0, 0);
        let call = |pairs: &[(&str, &str)]| {
            let call = pairs.iter().map(|(key, value)| ((*key).to_owned(), setting(key, value).value)).collect();
            (call, span)
        };
        let merged = merge_calls(&[
            call(&[("post_hook", "\"select 1\""), ("tags", "\"x\"")]),
            call(&[("post_hook", "[\"select 2\"]"), ("meta", "{\"a\": 1}")]),
            call(&[("tags", "[\"y\"]"), ("meta", "{\"b\": 1}")]),
        ]);
        let shown: Vec<String> =
            merged.iter().map(|setting| format!("{}={}", setting.key, setting.value.to_json())).collect();
        assert_eq!(shown, [r#"post-hook=["select 1","select 2"]"#, r#"tags=["x","y"]"#, r#"meta={"a":1,"b":1}"#]);
    }
}
