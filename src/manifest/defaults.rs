//! The fields that every config of a resource type has, with dbt's defaults and in dbt's order.

use indexmap::IndexMap;

use crate::{jinja::Value, names::ResourceType};

/// A fresh config of a resource type before any level is merged into it.
pub fn defaults(kind: ResourceType) -> IndexMap<String, Value> {
    let mut config = IndexMap::with_capacity(40);
    match kind {
        ResourceType::Source => source(&mut config),
        ResourceType::Exposure => {
            set(&mut config, "enabled", Value::Bool(true));
            set(&mut config, "tags", empty_list());
            set(&mut config, "meta", empty_dict());
        }
        ResourceType::Metric | ResourceType::SemanticModel | ResourceType::SavedQuery => {
            set(&mut config, "enabled", Value::Bool(true));
            set(&mut config, "group", Value::None);
            set(&mut config, "meta", empty_dict());
            if kind == ResourceType::SavedQuery {
                set(&mut config, "export_as", Value::None);
                set(&mut config, "schema", Value::None);
                set(&mut config, "cache", Value::dict([("enabled", Value::Bool(false))]));
            }
        }
        ResourceType::UnitTest => {
            set(&mut config, "tags", empty_list());
            set(&mut config, "meta", empty_dict());
            set(&mut config, "enabled", Value::Bool(true));
            set(&mut config, "static_analysis", Value::None);
        }
        ResourceType::Test => {
            common(&mut config);
            set(&mut config, "schema", "dbt_test__audit".into());
            test(&mut config);
        }
        _ => {
            common(&mut config);
            relational(&mut config, kind);
            match kind {
                ResourceType::Model => {
                    set(&mut config, "access", "protected".into());
                    set(&mut config, "freshness", Value::None);
                }
                ResourceType::Seed => {
                    set(&mut config, "delimiter", ",".into());
                    set(&mut config, "quote_columns", Value::None);
                }
                ResourceType::Snapshot => snapshot(&mut config),
                ResourceType::Function => {
                    set(&mut config, "type", "scalar".into());
                    for key in ["volatility", "runtime_version", "entry_point"] {
                        set(&mut config, key, Value::None);
                    }
                }
                _ => {}
            }
        }
    }
    config
}

/// Names of the columns that a snapshot adds and that can be renamed.
pub const SNAPSHOT_COLUMNS: [&str; 5] =
    ["dbt_valid_to", "dbt_valid_from", "dbt_scd_id", "dbt_updated_at", "dbt_is_deleted"];

fn common(config: &mut IndexMap<String, Value>) {
    set(config, "enabled", Value::Bool(true));
    set(config, "alias", Value::None);
    set(config, "schema", Value::None);
    set(config, "database", Value::None);
    set(config, "tags", empty_list());
    set(config, "meta", empty_dict());
    set(config, "group", Value::None);
    set(config, "static_analysis", Value::None);
}

fn relational(config: &mut IndexMap<String, Value>, kind: ResourceType) {
    let materialized = match kind {
        ResourceType::Seed => "seed",
        ResourceType::Snapshot => "snapshot",
        ResourceType::Function => "function",
        _ => "view",
    };
    set(config, "materialized", materialized.into());
    set(config, "incremental_strategy", Value::None);
    set(config, "batch_size", Value::None);
    set(config, "lookback", Value::Int(1));
    set(config, "begin", Value::None);
    set(config, "persist_docs", empty_dict());
    set(config, "post-hook", empty_list());
    set(config, "pre-hook", empty_list());
    set(config, "quoting", empty_dict());
    set(config, "column_types", empty_dict());
    set(config, "full_refresh", Value::None);
    set(config, "unique_key", Value::None);
    set(config, "on_schema_change", "ignore".into());
    set(config, "on_configuration_change", "apply".into());
    set(config, "grants", empty_dict());
    set(config, "packages", empty_list());
    set(config, "docs", Value::dict([("show", Value::Bool(true)), ("node_color", Value::None)]));
    set(config, "contract", Value::dict([("enforced", Value::Bool(false)), ("alias_types", Value::Bool(true))]));
    set(config, "event_time", Value::None);
    set(config, "concurrent_batches", Value::None);
}

fn snapshot(config: &mut IndexMap<String, Value>) {
    for key in ["strategy", "target_schema", "target_database", "updated_at", "check_cols"] {
        set(config, key, Value::None);
    }
    let columns = SNAPSHOT_COLUMNS.map(|column| (column, Value::None));
    set(config, "snapshot_meta_column_names", Value::dict(columns));
    set(config, "dbt_valid_to_current", Value::None);
}

fn test(config: &mut IndexMap<String, Value>) {
    set(config, "materialized", "test".into());
    set(config, "severity", "ERROR".into());
    for key in ["store_failures", "store_failures_as", "where", "limit"] {
        set(config, key, Value::None);
    }
    set(config, "fail_calc", "count(*)".into());
    set(config, "warn_if", "!= 0".into());
    set(config, "error_if", "!= 0".into());
}

fn source(config: &mut IndexMap<String, Value>) {
    set(config, "enabled", Value::Bool(true));
    for key in ["event_time", "freshness", "loaded_at_field", "loaded_at_query"] {
        set(config, key, Value::None);
    }
    set(config, "meta", empty_dict());
    set(config, "tags", empty_list());
    set(config, "static_analysis", Value::None);
}

fn set(config: &mut IndexMap<String, Value>, key: &str, value: Value) {
    config.insert(key.to_owned(), value);
}

fn empty_list() -> Value {
    Value::list([])
}

fn empty_dict() -> Value {
    Value::dict::<Value>([])
}
