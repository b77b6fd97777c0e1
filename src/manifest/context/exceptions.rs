//! `exceptions.*`: errors and warnings that templates raise on purpose.

use std::{any::Any, sync::Arc};

use crate::{
    diagnostic::Diagnostic,
    event::Event,
    jinja::{Args, ErrorKind, Interp, JinjaError, Object, Value},
    names::UniqueId,
};

use super::{
    arguments::{bind, bind_open, lookup},
    base::iterate,
    shared::Shared,
};

/// The object `exceptions`.
#[derive(Debug)]
pub struct Exceptions {
    pub shared: Arc<Shared>,
    /// The node whose templates see it; named in warnings.
    pub node: Option<UniqueId>,
}

impl Exceptions {
    fn raise(&self, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        let message = match name {
            "warn" => return Some(self.warn(args)),
            "warn_snapshot_timestamp_data_types" => return Some(self.warn_snapshot_types(args)),
            "raise_compiler_error" | "raise_dependency_error" => first(args, name),
            "raise_database_error" => return Some(Err(database_error(args))),
            "raise_not_implemented" => first(args, name),
            "raise_fail_fast_error" | "raise_parsing_error" => first(args, name),
            "relation_wrong_type" => wrong_type(args),
            "missing_config" => missing_config(args),
            "missing_relation" => bind_open(args, "missing_relation", &["relation", "model"])
                .and_then(|bound| Ok(format!("Relation {} not found!", bound.required_text("relation")?))),
            "missing_materialization" => missing_materialization(args),
            "raise_contract_error" => {
                return Some(contract_error(args).and_then(|message| Err(broken_contract(message))));
            }
            "column_type_missing" => column_type_missing(args),
            "raise_duplicate_resource_name"
            | "raise_ambiguous_alias"
            | "raise_ambiguous_catalog_match"
            | "raise_cache_inconsistent"
            | "raise_dataclass_not_dict"
            | "raise_dep_not_found"
            | "raise_duplicate_patch_name"
            | "raise_duplicate_macro_patch_name"
            | "raise_duplicate_source_patch_name"
            | "raise_duplicate_alias"
            | "raise_invalid_property_yml_version"
            | "ref_args"
            | "ref_invalid_args"
            | "doc_invalid_args"
            | "doc_target_not_found"
            | "CompilationException" => Ok(joined(name, &args)),
            _ => return None,
        };
        Some(Err(message.map_or_else(|error| error, JinjaError::raised)))
    }

    fn warn(&self, args: Args) -> Result<Value, JinjaError> {
        let message = bind(args, "warn", &["msg", "node"])?.required("msg")?.to_str();
        if self.shared.flags.is_on("WARN_ERROR") {
            return Err(JinjaError::raised(message));
        }
        let mut diagnostic = Diagnostic::warning("jinja-warning", message).event("JinjaLogWarning");
        diagnostic.node = self.node.as_ref().map(ToString::to_string);
        self.shared.emit(Event::Diagnostic(Arc::new(diagnostic)));
        Ok("".into())
    }

    fn warn_snapshot_types(&self, args: Args) -> Result<Value, JinjaError> {
        let bound =
            bind(args, "warn_snapshot_timestamp_data_types", &["snapshot_time_data_type", "updated_at_data_type"])?;
        let message = format!(
            "Data type of snapshot table timestamp columns ({}) doesn't match derived column 'updated_at' ({}). Please \
             update snapshot config 'updated_at'.",
            bound.required_text("snapshot_time_data_type")?,
            bound.required_text("updated_at_data_type")?
        );
        let mut diagnostic = Diagnostic::warning("snapshot-timestamp-types", message).event("SnapshotTimestampWarning");
        diagnostic.node = self.node.as_ref().map(ToString::to_string);
        self.shared.emit(Event::Diagnostic(Arc::new(diagnostic)));
        Ok("".into())
    }
}

fn first(args: Args, name: &str) -> Result<String, JinjaError> {
    let message = args.keyword.get("msg").or_else(|| args.positional.first()).cloned();
    match message {
        Some(message) => Ok(message.to_str()),
        None => Err(JinjaError::type_error(format!("{name}() missing 1 required positional argument: 'msg'"))),
    }
}

fn joined(name: &str, args: &Args) -> String {
    let parts: Vec<String> = args.positional.iter().chain(args.keyword.values()).map(Value::to_str).collect();
    format!("{}: {}", name.trim_start_matches("raise_").replace('_', " "), parts.join(", "))
}

fn database_error(args: Args) -> JinjaError {
    match first(args, "raise_database_error") {
        Ok(message) => JinjaError::new(ErrorKind::Database, message),
        Err(error) => error,
    }
}

fn wrong_type(args: Args) -> Result<String, JinjaError> {
    let bound = bind(args, "relation_wrong_type", &["relation", "expected_type", "model"])?;
    let relation = bound.required("relation")?;
    let expected = bound.required_text("expected_type")?;
    let kind = lookup(&relation, "type").unwrap_or(Value::None).to_str();
    Ok(format!(
        "Trying to create {expected} {}, but it currently exists as a {kind}. Either drop {} manually, or run dbt with \
         `--full-refresh` and dbt will drop it for you.",
        relation.to_str(),
        relation.to_str()
    ))
}

fn missing_config(args: Args) -> Result<String, JinjaError> {
    let bound = bind(args, "missing_config", &["model", "name"])?;
    let model = bound.required("model")?;
    let id = lookup(&model, "unique_id").unwrap_or(Value::None).to_str();
    Ok(format!("Model '{id}' does not define a required config parameter '{}'.", bound.required_text("name")?))
}

fn missing_materialization(args: Args) -> Result<String, JinjaError> {
    let bound = bind(args, "missing_materialization", &["model", "adapter_type"])?;
    let model = bound.required("model")?;
    let materialized =
        lookup(&model, "config").and_then(|config| lookup(&config, "materialized")).unwrap_or(Value::None).to_str();
    let adapter = bound.text("adapter_type").filter(|name| name != "default");
    let valid = if adapter.is_some() { "'default' and " } else { "" };
    let adapter = adapter.unwrap_or_else(|| "default".to_owned());
    Ok(format!(
        "No materialization '{materialized}' was found for adapter {adapter}! (searched types {valid}'{adapter}')"
    ))
}

fn column_type_missing(args: Args) -> Result<String, JinjaError> {
    let names = bind(args, "column_type_missing", &["column_names"])?.required("column_names")?;
    let names: Vec<String> = iterate(&names)?.iter().map(Value::to_str).collect();
    Ok(format!(
        "Contracted models require data_type to be defined for each column.  Please ensure that the column name and \
         data_type are defined within the YAML configuration for the {} column(s).",
        Value::list(names.into_iter().map(Value::from)).to_str()
    ))
}

/// Names and types of the columns in a list of `{name, data_type}` dicts or columns.
fn named_types(columns: &Value) -> Result<Vec<(String, String)>, JinjaError> {
    Ok(iterate(columns)?
        .iter()
        .map(|column| {
            let part = |name: &str| lookup(column, name).unwrap_or(Value::None).to_str();
            (part("name"), part("data_type"))
        })
        .collect())
}

/// The columns that differ between what the yml says and what the query gives, as a table.
fn contract_error(args: Args) -> Result<String, JinjaError> {
    let bound = bind(args, "raise_contract_error", &["yaml_columns", "sql_columns"])?;
    let contract = named_types(&bound.required("yaml_columns")?)?;
    let definition = named_types(&bound.required("sql_columns")?)?;
    let mut rows: Vec<[String; 4]> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, data_type) in &definition {
        let wanted = contract.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        seen.push(name.to_lowercase());
        match wanted {
            None => rows.push([name.clone(), data_type.clone(), String::new(), "missing in contract".to_owned()]),
            Some((_, other)) if !other.eq_ignore_ascii_case(data_type) => {
                rows.push([name.clone(), data_type.clone(), other.clone(), "data type mismatch".to_owned()]);
            }
            Some(_) => {}
        }
    }
    for (name, data_type) in &contract {
        if !seen.contains(&name.to_lowercase()) {
            rows.push([name.clone(), String::new(), data_type.clone(), "missing in definition".to_owned()]);
        }
    }
    rows.sort_by(|a, b| a[0].cmp(&b[0]));
    let header = ["column_name", "definition_type", "contract_type", "mismatch_reason"].map(str::to_owned);
    Ok(format!(
        "This model has an enforced contract that failed.\nPlease ensure the name, data_type, and number of columns in \
         your contract match the columns in your model's definition.\n\n{}",
        pipe_table(&header, &rows)
    ))
}

/// The error of a query that does not give what its contract says; who runs the node knows where the contract is.
fn broken_contract(message: String) -> JinjaError {
    let mut error = JinjaError::raised(message.clone());
    let diagnostic = Diagnostic::error("contract-broken", message);
    error.diagnostic = Some(Box::new(diagnostic.help("change the query, or the columns of the contract")));
    error
}

/// A table of `| a | b |` lines.
fn pipe_table(header: &[String; 4], rows: &[[String; 4]]) -> String {
    let mut widths = [0; 4];
    for row in rows.iter().chain([header]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 4]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut lines = vec![line(header), format!("| {} |", rule.join(" | "))];
    lines.extend(rows.iter().map(line));
    lines.join("\n")
}

impl Object for Exceptions {
    fn type_name(&self) -> &'static str {
        "exceptions"
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        self.raise(name, args)
    }

    fn get_item(&self, _: &Value) -> Option<Value> {
        None
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
