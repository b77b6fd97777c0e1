//! Jinja in YAML: the names that project-level templates see, and rendering of a YAML tree to values.

use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use md5::{Digest, Md5};

use crate::{
    diagnostic::{Diagnostic, Origin},
    jinja::{Args, Globals, Interp, JinjaError, Object, Template, Value, function, modules, to_python_json},
};

use super::yaml::{self, Data, Map, Yaml};

/// Why a YAML tree could not be rendered: one diagnostic per scalar.
pub type RenderError = Vec<Diagnostic>;

/// Looks up an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Values of `DBT_ENV_SECRET*` that were used.
pub type Secrets = Arc<Mutex<Vec<String>>>;

const SECRET_PREFIX: &str = "DBT_ENV_SECRET";

/// The names that YAML templates see.
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

impl BaseContext {
    /// With more names, which win over the ones that are there.
    #[must_use]
    pub fn with(&self, names: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut values = (*self.values).clone();
        values.extend(names);
        Self { values: Arc::new(values) }
    }
}

/// Where secrets may be used, and where not.
#[derive(Debug, Clone)]
pub enum SecretRule {
    Forbidden,
    /// Secrets are put in after rendering, so that no filter can take them apart; the used ones are noted.
    Allowed(Secrets),
}

/// The base names that do not depend on an invocation: `env_var`, `var`, `tojson`, … (`jinja-context.md` §3).
pub fn base_names(env: &Environment, vars: &IndexMap<String, Value>, secrets: &SecretRule) -> IndexMap<String, Value> {
    let mut names = IndexMap::new();
    let mut put = |name: &str, value: Value| {
        names.insert(name.to_owned(), value);
    };
    put("var", Value::object(VarFunction { vars: Arc::new(vars.clone()) }));
    put("env_var", env_var(env.clone(), secrets.clone()));
    put("modules", modules());
    put("tojson", function("tojson", |_, args| to_json(args)));
    put("fromjson", function("fromjson", |_, args| from_json(args)));
    put("toyaml", function("toyaml", |_, args| to_yaml(args)));
    put("fromyaml", function("fromyaml", |_, args| from_yaml(args)));
    put(
        "local_md5",
        function("local_md5", |_, args| {
            let text =
                required(args.bind("local_md5", &["value"])?.into_iter().next().flatten(), "local_md5", "value")?;
            let digest = Md5::digest(text.to_str().as_bytes());
            Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
        }),
    );
    names
}

fn required(value: Option<Value>, function: &str, name: &str) -> Result<Value, JinjaError> {
    value
        .ok_or_else(|| JinjaError::type_error(format!("{function}() missing 1 required positional argument: '{name}'")))
}

/// `env_var(name, default)`.
fn env_var(env: Environment, secrets: SecretRule) -> Value {
    function("env_var", move |_, args| {
        let mut args = args.bind("env_var", &["var", "default"])?.into_iter();
        let name = required(args.next().flatten(), "env_var", "var")?.to_str();
        let default = args.next().flatten().filter(|value| !value.is_none());
        let secret = name.starts_with(SECRET_PREFIX);
        if secret {
            let SecretRule::Allowed(used) = &secrets else {
                return Err(JinjaError::raised(format!(
                    "Secret env vars are allowed only in profiles.yml or packages.yml. Found '{name}' referenced elsewhere."
                )));
            };
            if let Some(value) = env(&name) {
                let mut used = used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if !value.is_empty() && !used.contains(&value) {
                    used.push(value);
                }
                return Ok(placeholder(&name).into());
            }
        }
        env(&name)
            .map(Value::from)
            .or(default)
            .ok_or_else(|| JinjaError::raised(format!("Env var required but not provided: '{name}'")))
    })
}

/// Stands for a secret until rendering is over.
fn placeholder(name: &str) -> String {
    format!("\u{1}secret:{name}\u{1}")
}

/// Puts the secrets in for their placeholders.
fn reveal(value: Value, env: &Environment) -> Value {
    match value {
        Value::Str(text) if text.contains('\u{1}') => {
            let mut out = String::new();
            for (at, piece) in text.split('\u{1}').enumerate() {
                let name = (at % 2 == 1).then(|| piece.strip_prefix("secret:")).flatten();
                match name {
                    Some(name) => out.push_str(&env(name).unwrap_or_default()),
                    None => out.push_str(piece),
                }
            }
            out.into()
        }
        Value::List(_) => Value::list(value.items().unwrap_or_default().into_iter().map(|item| reveal(item, env))),
        Value::Dict(_) => {
            let pairs = value.pairs().unwrap_or_default().into_iter();
            Value::dict(pairs.map(|(key, item)| (key, reveal(item, env))))
        }
        other => other,
    }
}

/// `var(name, default)` over the CLI's variables, with `var.has_var(name)`.
#[derive(Debug)]
struct VarFunction {
    vars: Arc<IndexMap<String, Value>>,
}

impl Object for VarFunction {
    fn type_name(&self) -> &'static str {
        "Var"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let mut args = args.bind("var", &["var_name", "default"])?.into_iter();
        let name = required(args.next().flatten(), "var", "var_name")?.to_str();
        let default = args.next().flatten();
        self.vars.get(&name).cloned().or(default).ok_or_else(|| {
            let supplied = Value::dict(self.vars.iter().map(|(key, value)| (key.as_str(), value.clone())));
            let supplied = serde_json::to_string_pretty(&supplied.to_json()).unwrap_or_default();
            JinjaError::raised(format!(
                "Required var '{name}' not found in config:\nVars supplied to <Configuration> = {supplied}"
            ))
        })
    }

    fn call_method(&self, _interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        (name == "has_var").then(|| {
            let name = args.bind("has_var", &["var_name"])?.into_iter().next().flatten();
            Ok(self.vars.contains_key(&required(name, "has_var", "var_name")?.to_str()).into())
        })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn to_json(args: Args) -> Result<Value, JinjaError> {
    let mut args = args.bind("tojson", &["value", "default", "sort_keys"])?.into_iter();
    let value = required(args.next().flatten(), "tojson", "value")?;
    let default = args.next().flatten().unwrap_or(Value::None);
    let sort = args.next().flatten().is_some_and(|value| value.is_truthy());
    Ok(to_python_json(&value, sort).map_or(default, Value::from))
}

fn from_json(args: Args) -> Result<Value, JinjaError> {
    let mut args = args.bind("fromjson", &["string", "default"])?.into_iter();
    let text = required(args.next().flatten(), "fromjson", "string")?;
    let default = args.next().flatten().unwrap_or(Value::None);
    let parsed = text.as_str().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    Ok(parsed.map_or(default, |json| Value::from_json(&json)))
}

fn to_yaml(args: Args) -> Result<Value, JinjaError> {
    let mut args = args.bind("toyaml", &["value", "default", "sort_keys"])?.into_iter();
    let value = required(args.next().flatten(), "toyaml", "value")?;
    let default = args.next().flatten().unwrap_or(Value::None);
    let sort = args.next().flatten().is_some_and(|value| value.is_truthy());
    Ok(yaml::dump(&value, sort).map_or(default, Value::from))
}

fn from_yaml(args: Args) -> Result<Value, JinjaError> {
    let mut args = args.bind("fromyaml", &["value", "default"])?.into_iter();
    let text = required(args.next().flatten(), "fromyaml", "value")?;
    let default = args.next().flatten().unwrap_or(Value::None);
    Ok(text.as_str().and_then(|text| yaml::parse_value(text).ok()).map_or(default, |yaml| yaml.to_value()))
}

/// Whether a text holds anything for Jinja to do.
pub fn has_jinja(text: &str) -> bool {
    text.contains('{') && (text.contains("{{") || text.contains("{%") || text.contains("{#"))
}

/// A text rendered natively: without Jinja it is returned as it is.
///
/// # Errors
/// What is wrong with the template, at its place.
pub fn render_text(text: &Arc<str>, origin: Origin, globals: &dyn Globals) -> Result<Value, RenderError> {
    if !has_jinja(text) {
        return Ok(Value::Str(text.clone()));
    }
    let template = Template::parse(text, origin)?;
    Interp::new(globals).render_native(&template).map_err(|error| vec![error.to_diagnostic()])
}

/// Which values stay as written, by their path of keys.
pub type Keep<'a> = &'a dyn Fn(&[&str]) -> bool;

/// Renders every string scalar of the tree natively; keys are left alone.
///
/// # Errors
/// One diagnostic per scalar that does not render.
pub fn render_yaml(yaml: &Yaml, globals: &dyn Globals, keep: Keep<'_>) -> Result<Value, RenderError> {
    let mut errors = Vec::new();
    let value = walk(yaml, globals, keep, &mut Vec::new(), &mut errors);
    if errors.is_empty() { Ok(value) } else { Err(errors) }
}

fn walk<'y>(
    yaml: &'y Yaml,
    globals: &dyn Globals,
    keep: Keep<'_>,
    path: &mut Vec<&'y str>,
    errors: &mut RenderError,
) -> Value {
    match &yaml.data {
        Data::Str(text) if has_jinja(text) && !keep(path) => match render_text(text, yaml.origin, globals) {
            Ok(value) => value,
            Err(found) => {
                errors.extend(found);
                Value::None
            }
        },
        Data::Str(text) if text.ends_with('\n') && !keep(path) => text.strip_suffix('\n').unwrap_or(text).into(),
        Data::List(items) => {
            let items: Vec<Value> = items.iter().map(|item| walk(item, globals, keep, path, errors)).collect();
            Value::list(items)
        }
        Data::Map(map) => {
            let pairs: Vec<(Value, Value)> = map
                .iter()
                .map(|entry| {
                    path.push(entry.key.as_str().unwrap_or(""));
                    let value = walk(&entry.value, globals, keep, path, errors);
                    path.pop();
                    (entry.key.to_value(), value)
                })
                .collect();
            Value::dict(pairs)
        }
        _ => yaml.to_value(),
    }
}

/// Renders a tree to a tree with the same places, for readers that report places. What does not render is reported and
/// becomes null; a value that YAML has no form for becomes its text.
pub fn render_tree(yaml: &Yaml, globals: &dyn Globals, keep: Keep<'_>, errors: &mut RenderError) -> Yaml {
    tree(yaml, globals, keep, &mut Vec::new(), errors)
}

fn tree<'y>(
    yaml: &'y Yaml,
    globals: &dyn Globals,
    keep: Keep<'_>,
    path: &mut Vec<&'y str>,
    errors: &mut RenderError,
) -> Yaml {
    let data = match &yaml.data {
        Data::Str(text) if has_jinja(text) && !keep(path) => match render_text(text, yaml.origin, globals) {
            Ok(value) => from_value(&value, yaml).data,
            Err(found) => {
                errors.extend(found);
                Data::Null
            }
        },
        Data::Str(text) if text.ends_with('\n') && !keep(path) => {
            Data::Str(text.strip_suffix('\n').unwrap_or(text).into())
        }
        Data::List(items) => Data::List(items.iter().map(|item| tree(item, globals, keep, path, errors)).collect()),
        Data::Map(map) => {
            let mut rendered = Map::default();
            for entry in map.iter() {
                path.push(entry.key.as_str().unwrap_or(""));
                let value = tree(&entry.value, globals, keep, path, errors);
                path.pop();
                rendered.entries.push(yaml::Entry { key: entry.key.clone(), value });
            }
            Data::Map(rendered)
        }
        other => other.clone(),
    };
    Yaml { data, ..yaml.clone() }
}

/// A rendered value as a tree, all of it at the place of `written`.
fn from_value(value: &Value, written: &Yaml) -> Yaml {
    let data = match value {
        Value::None | Value::Undefined(_) => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Int(value) => Data::Int(*value),
        Value::Float(value) => Data::Float(*value),
        Value::Str(text) => Data::Str(text.clone()),
        Value::List(_) | Value::Tuple(_) => {
            Data::List(value.items().unwrap_or_default().iter().map(|item| from_value(item, written)).collect())
        }
        Value::Dict(_) => Data::Map(Map {
            entries: value
                .pairs()
                .unwrap_or_default()
                .iter()
                .map(|(key, value)| yaml::Entry { key: from_value(key, written), value: from_value(value, written) })
                .collect(),
        }),
        other => Data::Str(other.to_str().into()),
    };
    Yaml { data, span: written.span, origin: Origin::Within(written.span), plain: false }
}

/// Renders a text where secrets are allowed.
///
/// # Errors
/// As [`render_text`].
pub fn render_secret(
    text: &Arc<str>,
    origin: Origin,
    globals: &dyn Globals,
    env: &Environment,
) -> Result<Value, RenderError> {
    render_text(text, origin, globals).map(|value| reveal(value, env))
}
