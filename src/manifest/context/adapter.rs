//! The methods of `adapter` that need no warehouse; the same in parse and execute mode.

use std::{any::Any, sync::Arc};

use crate::jinja::{Args, ErrorKind, JinjaError, Object, Value};

use super::{
    arguments::{bind, bind_open, is_nothing, lookup, text},
    base::iterate,
    column::ColumnClass,
    constraints,
    flags::Flags,
    relation::{EPHEMERAL_PREFIX, RelationClass, RelationObject},
    shared::Scope,
    table::Table,
};

/// Answers `adapter.name(args)` where no warehouse is needed; `None` for other names.
pub fn pure_method(scope: &Arc<Scope>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
    Some(match name {
        "type" => Ok(scope.shared.macros.adapter_type().into()),
        "dispatch" => dispatch(scope, args),
        "quote" => bind(args, "quote", &["identifier"])
            .and_then(|bound| bound.required_text("identifier"))
            .map(|name| quoted(&name).into()),
        "quote_as_configured" => quote_as_configured(scope, args),
        "quote_seed_column" => quote_seed_column(scope, args),
        "convert_type" => convert_type(scope, args),
        "standardize_grants_dict" => standardize_grants(args),
        "render_raw_columns_constraints" => bind(args, "render_raw_columns_constraints", &["raw_columns"])
            .and_then(|bound| constraints::columns(&bound.required("raw_columns")?)),
        "render_raw_model_constraints" => bind(args, "render_raw_model_constraints", &["raw_constraints"])
            .and_then(|bound| constraints::model(&bound.required("raw_constraints")?)),
        "get_hard_deletes_behavior" => hard_deletes(args),
        "valid_incremental_strategies" => {
            Ok(Value::list(scope.shared.incremental_strategies.iter().map(|strategy| Value::from(*strategy))))
        }
        "get_binding_char" => Ok("?".into()),
        "is_replaceable" => Ok(true.into()),
        _ => return None,
    })
}

/// Answers `adapter.name` without a call; `None` for other names.
pub fn pure_attribute(scope: &Arc<Scope>, name: &str) -> Option<Value> {
    Some(match name {
        "Relation" => Value::object(RelationClass { quote: scope.shared.quoting }),
        "Column" => Value::object(ColumnClass { wide: scope.shared.wide_types }),
        "behavior" => Value::object(Behavior(scope.shared.flags.clone())),
        "config" => super::arguments::dict([
            ("project_name", scope.shared.project_name.to_string().into()),
            ("credentials", scope.shared.target.clone()),
            ("target_name", lookup(&scope.shared.target, "name").unwrap_or(Value::None)),
        ]),
        _ => return None,
    })
}

/// The error for a method that no adapter has.
pub fn unknown_method(name: &str) -> JinjaError {
    JinjaError::new(ErrorKind::Undefined, format!("'DatabaseWrapper' object has no attribute '{name}'"))
}

fn dispatch(scope: &Arc<Scope>, args: Args) -> Result<Value, JinjaError> {
    let bound = bind(args, "dispatch", &["macro_name", "macro_namespace", "packages"])?;
    let name = bound.required_text("macro_name")?;
    if bound.get("packages").is_some_and(|packages| !is_nothing(packages)) {
        return Err(JinjaError::raised(format!(
            "The \"packages\" argument of adapter.dispatch() has been deprecated.\nUse the \"macro_namespace\" argument \
             instead.\n\nRaised during dispatch for: {name}"
        )));
    }
    let namespace = match bound.get("macro_namespace") {
        Some(value) if is_nothing(value) => None,
        Some(Value::Str(namespace)) => Some(namespace.to_string()),
        Some(other) => {
            return Err(JinjaError::raised(format!(
                "In adapter.dispatch, got a {} macro_namespace argument (\"{}\"), but macro_namespace should be None or \
                 a string.",
                super::arguments::type_name(other),
                other.to_str()
            )));
        }
        None => None,
    };
    let found = scope.shared.macros.dispatch(&scope.package, &name, namespace.as_deref())?;
    Ok(Value::Macro(found))
}

fn quoted(identifier: &str) -> String {
    format!("\"{identifier}\"")
}

fn quote_as_configured(scope: &Arc<Scope>, args: Args) -> Result<Value, JinjaError> {
    let bound = bind(args, "quote_as_configured", &["identifier", "quote_key"])?;
    let identifier = bound.required_text("identifier")?;
    let key = bound.required_text("quote_key")?;
    let policy = scope.shared.quoting;
    let quote = match key.as_str() {
        "database" => policy.database,
        "schema" => policy.schema,
        "identifier" => policy.identifier,
        _ => true,
    };
    Ok(if quote { quoted(&identifier).into() } else { identifier.into() })
}

fn quote_seed_column(scope: &Arc<Scope>, args: Args) -> Result<Value, JinjaError> {
    let bound = bind(args, "quote_seed_column", &["column", "quote_config"])?;
    let column = bound.required_text("column")?;
    let by_default =
        |column: String| if scope.shared.adapter_quoting.identifier { quoted(&column).into() } else { column.into() };
    match bound.get("quote_config") {
        Some(Value::Bool(false)) => Ok(column.into()),
        Some(Value::Bool(true)) => Ok(quoted(&column).into()),
        None => Ok(by_default(column)),
        Some(value) if is_nothing(value) => Ok(by_default(column)),
        Some(other) => Err(JinjaError::raised(format!(
            "The seed configuration value of \"quote_columns\" has an invalid type {}",
            super::arguments::type_name(other)
        ))),
    }
}

fn convert_type(scope: &Arc<Scope>, args: Args) -> Result<Value, JinjaError> {
    let bound = bind(args, "convert_type", &["agate_table", "col_idx"])?;
    let table = bound.required("agate_table")?;
    let at = match bound.required("col_idx")? {
        Value::Int(at) => usize::try_from(at).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let table = Table::from_value(&table).ok_or_else(|| JinjaError::type_error("convert_type() takes a table"))?;
    let kind = table.kinds().get(at).ok_or_else(|| JinjaError::new(ErrorKind::Value, "list index out of range"))?;
    Ok(kind.sql_type(scope.shared.wide_types).into())
}

/// Rows of `(grantee, privilege_type)`, or of SHOW GRANTS, as `{privilege: [grantee, …]}`. An owner needs no grant, and a share
/// has its own.
fn standardize_grants(args: Args) -> Result<Value, JinjaError> {
    let bound = bind(args, "standardize_grants_dict", &["grants_table"])?;
    let grants = bound.required("grants_table")?;
    let mut result: indexmap::IndexMap<String, Vec<Value>> = indexmap::IndexMap::new();
    for row in iterate(&grants)? {
        let part = |name: &str| lookup(&row, name).unwrap_or(Value::None);
        match (part("privilege"), part("granted_to").to_str().as_str()) {
            (Value::None, _) => {
                result.entry(part("privilege_type").to_str()).or_default().push(part("grantee"));
            }
            (privilege, granted_to)
                if privilege.to_str() != "OWNERSHIP" && !["SHARE", "DATABASE_ROLE"].contains(&granted_to) =>
            {
                result.entry(privilege.to_str()).or_default().push(part("grantee_name"));
            }
            _ => {}
        }
    }
    Ok(Value::dict(result.into_iter().map(|(privilege, grantees)| (privilege, Value::list(grantees)))))
}

fn hard_deletes(args: Args) -> Result<Value, JinjaError> {
    let bound = bind_open(args, "get_hard_deletes_behavior", &["config"])?;
    let config = bound.required("config")?;
    let read = |name: &str| lookup(&config, name).filter(|value| !is_nothing(value));
    let legacy = read("invalidate_hard_deletes");
    let Some(value) = read("hard_deletes") else {
        let invalidate = legacy.is_some_and(|value| value.is_truthy());
        return Ok(if invalidate { "invalidate".into() } else { "ignore".into() });
    };
    if legacy.is_some() {
        return Err(JinjaError::raised(
            "You cannot set both the invalidate_hard_deletes and hard_deletes config properties on the same snapshot.",
        ));
    }
    match text(&value).as_deref() {
        Some("ignore" | "invalidate" | "new_record") => Ok(value),
        other => {
            Err(JinjaError::raised(format!("Invalid setting for property hard_deletes: {}", other.unwrap_or("None"))))
        }
    }
}

/// The CTE name of an ephemeral model, unquoted.
pub fn ephemeral_name(alias: &str) -> String {
    format!("{EPHEMERAL_PREFIX}{alias}")
}

/// The relation behind an argument.
///
/// # Errors
/// The argument is something else.
pub fn relation_argument<'a>(value: &'a Value, function: &str) -> Result<&'a RelationObject, JinjaError> {
    RelationObject::from_value(value).ok_or_else(|| {
        JinjaError::type_error(format!("{function}() takes a relation, not '{}'", super::arguments::type_name(value)))
    })
}

/// `adapter.behavior`: behaviour flags as objects that are true or false.
#[derive(Debug)]
struct Behavior(Flags);

impl Object for Behavior {
    fn type_name(&self) -> &'static str {
        "Behavior"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        Some(Value::object(BehaviorFlag(self.0.is_on(name))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct BehaviorFlag(bool);

impl Object for BehaviorFlag {
    fn type_name(&self) -> &'static str {
        "BehaviorFlagRendered"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        matches!(name, "no_warn" | "setting").then_some(Value::Bool(self.0))
    }

    fn is_truthy(&self) -> bool {
        self.0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
