//! The base set: names that every template sees, wherever it is written.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;
use md5::{Digest, Md5};

use crate::{
    diagnostic::Diagnostic,
    event::{Event, LogLevel},
    jinja::{Args, ErrorKind, Iter, JinjaError, Value, function},
    names::UniqueId,
};

use super::{
    arguments::{bind, dict, shared, string_pairs},
    convert, datetime, exceptions,
    shared::{Env, Shared},
};

/// The names of the base set that do not depend on a package or a node, with `target` and `project_name`.
pub(crate) fn names(shared_inputs: &Arc<Shared>) -> IndexMap<&'static str, Value> {
    let mut names: IndexMap<&'static str, Value> = IndexMap::new();
    names.insert("dbt_version", shared(&shared_inputs.dbt_version));
    names.insert("project_name", shared(&shared_inputs.project_name));
    names.insert("target", shared_inputs.target.clone());
    names.insert("env", shared_inputs.target.clone());
    names.insert("flags", Value::object(shared_inputs.flags.clone()));
    names.insert("invocation_id", shared(&shared_inputs.invocation_id));
    names.insert("thread_id", "MainThread".into());
    names.insert("run_started_at", datetime::utc(shared_inputs.run_started_at));
    names.insert("invocation_args_dict", shared_inputs.invocation_args.clone());
    names.insert(
        "dbt_metadata_envs",
        Value::dict(shared_inputs.metadata_env.iter().map(|(key, value)| (key.as_str(), value.as_str().into()))),
    );
    names.insert("env_var", env_var(Arc::clone(&shared_inputs.env)));
    names.insert("modules", modules(shared_inputs));
    names.insert("exceptions", Value::object(exceptions::Exceptions { shared: Arc::clone(shared_inputs), node: None }));
    names.insert("log", log(shared_inputs, None));
    names.insert("print", print(shared_inputs));
    plain_functions(&mut names);
    names
}

/// Python's modules; each call of `itertools` is told to be deprecated.
fn modules(shared: &Arc<Shared>) -> Value {
    let told = |(name, callee): (Value, Value)| {
        let shared = Arc::clone(shared);
        let wrapped = function("itertools", move |interp, args| {
            let message = "`modules.itertools` is deprecated: write loops, or use the functions that templates have";
            let mut diagnostic =
                Diagnostic::warning("deprecated-key", message).event("ModulesItertoolsUsageDeprecation");
            if let Some(span) = interp.span() {
                diagnostic = diagnostic.at(span, "called here");
            }
            shared.emit(Event::Diagnostic(Arc::new(diagnostic)));
            interp.call(&callee, args)
        });
        (name, wrapped)
    };
    let modules = crate::jinja::modules().pairs().unwrap_or_default();
    Value::dict(modules.into_iter().map(|(name, module)| match name.as_str() {
        Some("itertools") => (name, Value::dict(module.pairs().unwrap_or_default().into_iter().map(told))),
        _ => (name, module),
    }))
}

/// The base set for YAML that is read before there is a manifest (`dbt_project.yml`, profiles): what needs no target.
pub fn project_globals(
    run_started_at: chrono::DateTime<chrono::Utc>,
    invocation_id: &str,
    dbt_version: &str,
) -> IndexMap<String, Value> {
    let mut names = IndexMap::new();
    plain_functions(&mut names);
    names.insert("dbt_version", dbt_version.into());
    names.insert("invocation_id", invocation_id.into());
    names.insert("run_started_at", datetime::utc(run_started_at));
    names.insert("modules", crate::jinja::modules());
    names.insert("thread_id", "MainThread".into());
    names.insert("log", function("log", |_, _| Ok("".into())));
    names.insert("print", function("print", |_, _| Ok("".into())));
    names.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn plain_functions(names: &mut IndexMap<&'static str, Value>) {
    convert::functions(names);
    names.insert(
        "local_md5",
        function("local_md5", |_, args| {
            let text = bind(args, "local_md5", &["value"])?.required_text("value")?;
            Ok(hex(&Md5::digest(text.as_bytes())).into())
        }),
    );
    names.insert(
        "diff_of_two_dicts",
        function("diff_of_two_dicts", |_, args| {
            let bound = bind(args, "diff_of_two_dicts", &["dict_a", "dict_b"])?;
            difference(&bound.required("dict_a")?, &bound.required("dict_b")?)
        }),
    );
    names.insert("set", function("set", |_, args| collection(args, "set", &to_set)));
    names.insert("set_strict", function("set_strict", |_, args| to_set(&single(args, "set_strict")?)));
    names.insert("zip", function("zip", |_, args| zip_or_default(args)));
    names.insert("zip_strict", function("zip_strict", |_, args| zip(&args.positional)));
}

/// The function `env_var` over an environment.
pub(crate) fn env_var(env: Env) -> Value {
    function("env_var", move |_, args| {
        let bound = bind(args, "env_var", &["var", "default"])?;
        let name = bound.required_text("var")?;
        if name.starts_with("DBT_ENV_SECRET") {
            return Err(JinjaError::raised(format!(
                "Secret env vars are allowed only in profiles.yml or packages.yml. Found '{name}' referenced elsewhere."
            )));
        }
        if let Some(value) = env(&name) {
            return Ok(value.into());
        }
        match bound.get("default") {
            Some(default) if !default.is_none() => Ok(default.clone()),
            _ => Err(JinjaError::new(ErrorKind::Undefined, format!("Env var required but not provided: '{name}'"))),
        }
    })
}

/// The callable `log`, for the templates of a node.
pub(crate) fn log(shared: &Arc<Shared>, node: Option<UniqueId>) -> Value {
    let shared = Arc::clone(shared);
    function("log", move |_, args| {
        let bound = bind(args, "log", &["msg", "info"])?;
        let message = bound.required("msg")?.to_str();
        let level = if bound.flag("info", false) { LogLevel::Info } else { LogLevel::Debug };
        shared.emit(Event::Log { message, level, node: node.clone() });
        Ok("".into())
    })
}

fn print(shared: &Arc<Shared>) -> Value {
    let shared = Arc::clone(shared);
    function("print", move |_, args| {
        let message = bind(args, "print", &["msg"])?.required("msg")?.to_str();
        shared.emit(Event::Print { message });
        Ok("".into())
    })
}

fn single(args: Args, name: &'static str) -> Result<Value, JinjaError> {
    bind(args, name, &["value"])?.required("value")
}

/// The items of a list-like value; a text gives its characters.
pub(crate) fn iterate(value: &Value) -> Result<Vec<Value>, JinjaError> {
    match value {
        Value::Str(text) => Ok(text.chars().map(|character| character.to_string().into()).collect()),
        other => other.items().ok_or_else(|| {
            JinjaError::type_error(format!("'{}' object is not iterable", super::arguments::type_name(other)))
        }),
    }
}

fn to_set(value: &Value) -> Result<Value, JinjaError> {
    let items = iterate(value)?;
    if let Some(item) = items.iter().find(|item| matches!(item, Value::List(_) | Value::Dict(_) | Value::Set(_))) {
        return Err(JinjaError::type_error(format!("unhashable type: '{}'", super::arguments::type_name(item))));
    }
    let set: IndexMap<Value, ()> = items.into_iter().map(|item| (item, ())).collect();
    Ok(Value::Set(Arc::new(std::sync::Mutex::new(set))))
}

type Convert = dyn Fn(&Value) -> Result<Value, JinjaError>;

fn collection(args: Args, name: &'static str, convert: &Convert) -> Result<Value, JinjaError> {
    let bound = bind(args, name, &["value", "default"])?;
    let value = bound.required("value")?;
    Ok(convert(&value).unwrap_or_else(|_| bound.value("default")))
}

fn zip_or_default(mut args: Args) -> Result<Value, JinjaError> {
    let default = args.keyword.shift_remove("default").unwrap_or(Value::None);
    Ok(zip(&args.positional).unwrap_or(default))
}

fn zip(lists: &[Value]) -> Result<Value, JinjaError> {
    let lists = lists.iter().map(iterate).collect::<Result<Vec<_>, _>>()?;
    let len = lists.iter().map(Vec::len).min().unwrap_or(0);
    let tuple = move |at: usize| Value::tuple(lists.iter().filter_map(|list| list.get(at).cloned()));
    Ok(Iter::value("zip", (0..len).map(tuple)))
}

/// The values of `a` that `b` lacks, by key, without regard to case.
fn difference(a: &Value, b: &Value) -> Result<Value, JinjaError> {
    let pairs = |value: &Value| string_pairs(value).ok_or_else(|| JinjaError::type_error("expected a dict"));
    let mut other: HashMap<String, Vec<String>> = HashMap::new();
    for (key, values) in pairs(b)? {
        let values = iterate(&values)?.iter().map(|value| value.to_str().to_lowercase()).collect();
        other.insert(key.to_lowercase(), values);
    }
    let mut result = Vec::new();
    for (key, values) in pairs(a)? {
        let known = other.get(&key.to_lowercase());
        let missing: Vec<Value> = iterate(&values)?
            .into_iter()
            .filter(|value| known.is_none_or(|known| !known.contains(&value.to_str().to_lowercase())))
            .collect();
        if !missing.is_empty() || known.is_none() {
            result.push((key, Value::list(missing)));
        }
    }
    Ok(Value::dict(result))
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `api`: the classes of relations and columns.
pub(crate) fn api(shared: &super::Shared) -> Value {
    dict([
        ("Relation", Value::object(super::relation::RelationClass { quote: shared.quoting })),
        ("Column", Value::object(super::column::ColumnClass { wide: shared.wide_types })),
    ])
}
