//! `adapter` while running.

use std::{any::Any, fmt, sync::Arc};

use crate::{
    jinja::{Args, Interp, JinjaError, Object, Value},
    manifest::context::adapter::{pure_attribute, pure_method, unknown_method},
};

use super::node::NodeState;

/// The object `adapter`.
pub(super) struct AdapterObject(pub(super) Arc<NodeState>);

impl fmt::Debug for AdapterObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("adapter")
    }
}

impl AdapterObject {
    fn method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Result<Value, JinjaError> {
        let state = &self.0;
        match name {
            "execute" => state.execute(interp, args),
            "add_query" => state.add_query(interp, args),
            "run_sql_for_tests" => state.execute(interp, args),
            "tamis_load" => state.load(args),
            "tamis_table_options" => state.set_table_options(args),
            "tamis_input_versions" => state.input_versions(),
            "tamis_table_property" => state.table_property(args),
            "get_relation" => state.get_relation(args),
            "load_relation" => state.get_relation(args),
            "list_relations" | "list_relations_without_caching" => state.list_relations(args),
            "list_schemas" => state.list_schemas(args),
            "check_schema_exists" => state.check_schema_exists(args),
            "create_schema" => state.create_schema(interp, args),
            "drop_schema" => state.drop_schema(interp, args),
            "drop_relation" => state.drop_relation(interp, args),
            "truncate_relation" => state.truncate_relation(interp, args),
            "rename_relation" => state.rename_relation(interp, args),
            "cache_added" => state.cache_step("cache_added", args),
            "cache_dropped" => state.cache_step("cache_dropped", args),
            "cache_renamed" => state.cache_renamed(args),
            "get_columns_in_relation" | "get_columns_in_table" => state.get_columns(args),
            "get_column_schema_from_query" => state.columns_of_query(interp, args),
            "get_missing_columns" => state.missing_columns(args),
            "expand_target_column_types" => state.expand_types(interp, args),
            "valid_snapshot_target" => state.valid_snapshot_target(args, false),
            "assert_valid_snapshot_target_given_strategy" => state.valid_snapshot_target(args, true),
            "get_incremental_strategy_macro" => state.strategy_macro(interp, args),
            "already_exists" => state.already_exists(args),
            // Statements commit by themselves unless a template writes BEGIN.
            "commit" | "commit_if_has_connection" | "clear_transaction" => Ok(Value::None),
            "nice_connection_name" => Ok(state.connection_name().into()),
            "get_partitions_metadata" | "build_catalog_relation" | "get_catalog_integration" => Ok(Value::None),
            "submit_python_job" => Err(JinjaError::raised("python models are not supported")),
            _ => Err(unknown_method(name)),
        }
    }
}

impl Object for AdapterObject {
    fn type_name(&self) -> &'static str {
        "RuntimeDatabaseWrapper"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        pure_attribute(&self.0.scope, name)
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        if pure_attribute(&self.0.scope, name).is_some() {
            return None;
        }
        self.0.warn_of_constraints(name);
        let pure = pure_method(&self.0.scope, name, args.clone());
        Some(pure.unwrap_or_else(|| self.method(interp, name, args)))
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
