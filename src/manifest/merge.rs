//! How two levels of config become one: by key, dbt appends, updates or replaces.

use indexmap::IndexMap;

use crate::jinja::{Dict, Value};

/// What a later level does to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeRule {
    /// Lists are joined; a scalar counts as a list of one.
    Append,
    /// Dicts are merged one level deep.
    Update,
    /// Dicts are merged; `+key` extends the list under `key`.
    DictAppend,
    /// Fields that are given replace those of before.
    Fields,
    Replace,
}

/// The rule of a config key.
pub fn rule(key: &str) -> MergeRule {
    match key {
        "tags" | "pre-hook" | "post-hook" | "packages" | "classifiers" => MergeRule::Append,
        "meta" | "docs" | "quoting" | "column_types" | "contract" => MergeRule::Update,
        "grants" => MergeRule::DictAppend,
        "snapshot_meta_column_names" | "latest_version_pointer" => MergeRule::Fields,
        _ => MergeRule::Replace,
    }
}

/// The name under which a config is kept: hooks are spelled with a dash.
pub fn canonical_key(key: &str) -> &str {
    match key {
        "pre_hook" => "pre-hook",
        "post_hook" => "post-hook",
        other => other,
    }
}

/// Merges `value` into `config` under `key` (canonical).
pub fn merge(config: &mut IndexMap<String, Value>, key: &str, value: &Value) {
    let merged = match (rule(key), config.get(key)) {
        (MergeRule::Append, old) => append(old, value, key.ends_with("-hook")),
        (MergeRule::Update | MergeRule::Fields, Some(old)) => update(old, value),
        (MergeRule::DictAppend, old) => extend_lists(old, value),
        _ => deep_copy(value),
    };
    match config.get_mut(key) {
        Some(slot) => *slot = merged,
        None => {
            config.insert(key.to_owned(), merged);
        }
    }
}

/// A copy that shares no mutable part.
pub fn deep_copy(value: &Value) -> Value {
    match value {
        Value::List(_) => Value::list(value.items().unwrap_or_default().iter().map(deep_copy)),
        Value::Dict(_) => {
            Value::dict(value.pairs().unwrap_or_default().iter().map(|(key, item)| (key.clone(), deep_copy(item))))
        }
        other => other.clone(),
    }
}

/// The items of a list; a scalar is a list of one, none and undefined are empty.
pub fn listify(value: &Value) -> Vec<Value> {
    match value {
        Value::None | Value::Undefined(_) => Vec::new(),
        Value::List(_) | Value::Tuple(_) | Value::Set(_) => value.items().unwrap_or_default(),
        other => vec![other.clone()],
    }
}

fn append(old: Option<&Value>, value: &Value, hooks: bool) -> Value {
    let mut items = old.map(listify).unwrap_or_default();
    let added = listify(value);
    if hooks {
        items.extend(added.iter().map(hook));
    } else {
        items.extend(added.iter().map(deep_copy));
    }
    Value::list(items)
}

fn update(old: &Value, value: &Value) -> Value {
    let (Some(old_pairs), Some(new_pairs)) = (old.pairs(), value.pairs()) else {
        return if value.is_none() { old.clone() } else { deep_copy(value) };
    };
    let mut merged: Dict = old_pairs.into_iter().collect();
    for (key, item) in new_pairs {
        merged.insert(key, deep_copy(&item));
    }
    Value::dict(merged)
}

fn extend_lists(old: Option<&Value>, value: &Value) -> Value {
    let Some(new_pairs) = value.pairs() else {
        return if value.is_none() { old.cloned().unwrap_or_else(empty_dict) } else { deep_copy(value) };
    };
    let mut merged: Dict = old.and_then(Value::pairs).unwrap_or_default().into_iter().collect();
    for (key, item) in new_pairs {
        let added = listify(&item);
        match key.as_str().and_then(|text| text.strip_prefix('+')).map(Value::from) {
            Some(privilege) => {
                let mut items = merged.get(&privilege).map(listify).unwrap_or_default();
                items.extend(added);
                merged.insert(privilege, Value::list(items));
            }
            None => {
                merged.insert(key, Value::list(added));
            }
        }
    }
    Value::dict(merged)
}

fn empty_dict() -> Value {
    Value::dict::<Value>([])
}

/// A hook as `{sql, transaction, index}`: from a dict, from the JSON text of one (what `before_begin(…)` gives), or from SQL.
fn hook(value: &Value) -> Value {
    if let Some(pairs) = value.pairs() {
        return hook_of(&pairs);
    }
    let text = value.to_str();
    if text.trim_start().starts_with('{')
        && !text.trim_start().starts_with("{{")
        && let Ok(json @ serde_json::Value::Object(_)) = serde_json::from_str(&text)
        && json.get("sql").is_some()
    {
        return hook_of(&Value::from_json(&json).pairs().unwrap_or_default());
    }
    Value::dict([("sql", text.into()), ("transaction", Value::Bool(true)), ("index", Value::None)])
}

fn hook_of(pairs: &[(Value, Value)]) -> Value {
    let field = |name: &str| pairs.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone());
    Value::dict([
        ("sql", field("sql").unwrap_or_else(|| "".into())),
        ("transaction", field("transaction").unwrap_or(Value::Bool(true))),
        ("index", field("index").unwrap_or(Value::None)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        Value::from_json(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn levels_merge_by_the_rule_of_their_key() {
        for (key, levels, expected) in [
            ("tags", vec![r#""a""#, r#"["b", "a"]"#, "null"], r#"["a","b","a"]"#),
            ("meta", vec![r#"{"a": 1, "b": {"x": 1}}"#, r#"{"b": {"y": 2}}"#], r#"{"a":1,"b":{"y":2}}"#),
            (
                "latest_version_pointer",
                vec![r#"{"enabled": true}"#, r#"{"alias": "a"}"#],
                r#"{"enabled":true,"alias":"a"}"#,
            ),
            ("persist_docs", vec![r#"{"relation": true}"#, r#"{"columns": true}"#], r#"{"columns":true}"#),
            ("materialized", vec![r#""view""#, r#""table""#], r#""table""#),
            ("schema", vec![r#""a""#, "null"], "null"),
            (
                "grants",
                vec![r#"{"select": ["a"], "insert": "b"}"#, r#"{"+select": "c", "insert": ["d"]}"#],
                r#"{"select":["a","c"],"insert":["d"]}"#,
            ),
            (
                "pre-hook",
                vec![
                    r#""select 1""#,
                    r#"[{"sql": "vacuum", "transaction": false}]"#,
                    r#""{\"sql\": \"x\", \"transaction\": false}""#,
                ],
                r#"[{"sql":"select 1","transaction":true,"index":null},{"sql":"vacuum","transaction":false,"index":null},{"sql":"x","transaction":false,"index":null}]"#,
            ),
        ] {
            let mut config = IndexMap::new();
            for level in levels {
                merge(&mut config, key, &json(level));
            }
            assert_eq!(config.get(key).unwrap().to_json().to_string(), expected, "{key}");
        }
    }
}
