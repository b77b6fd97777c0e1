//! `ref.config`: what packages read of the project that runs, its name, version, variables and installed packages.

use std::{any::Any, sync::Arc};

use crate::{
    jinja::{Args, Interp, JinjaError, Object, Value, function},
    project::{PackageKind, Project},
};

/// The config as a value. `args` are the options of the invocation.
pub fn project_config(project: &Project, args: &Value) -> Value {
    let version = |config: &crate::project::ProjectConfig| Value::from(config.version.as_deref().map(Value::from));
    let root = project.root_package();
    let dependencies =
        project.packages.values().filter(|package| package.kind != PackageKind::Embedded).map(|package| {
            let fields = [("project_name", Value::from(package.name.as_str())), ("version", version(&package.config))];
            (package.name.as_str(), Value::dict(fields))
        });
    let vars =
        root.and_then(|root| root.config.vars.as_ref()).map_or_else(|| Value::dict::<&str>([]), |vars| vars.to_value());
    Value::dict([
        ("project_name", Value::from(project.name.as_str())),
        ("version", root.map_or(Value::None, |root| version(&root.config))),
        ("dependencies", Value::dict(dependencies)),
        ("args", args.clone()),
        ("cli_vars", Value::dict(project.cli_vars.iter().map(|(name, value)| (name.as_str(), value.clone())))),
        ("vars", Value::object(ProjectVars(vars))),
    ])
}

/// `vars` of the project file.
#[derive(Debug)]
struct ProjectVars(Value);

impl Object for ProjectVars {
    fn type_name(&self) -> &'static str {
        "VarProvider"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        let vars = self.0.clone();
        match name {
            "vars" => Some(vars),
            "to_dict" => Some(function("to_dict", move |_, _| Ok(vars.clone()))),
            _ => None,
        }
    }

    fn to_repr(&self) -> String {
        self.0.to_repr()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A function that also has the attribute `config`.
#[derive(Debug)]
struct WithConfig {
    function: Value,
    config: Value,
}

/// `ref` or `source` with its attribute `config`.
pub fn with_config(function: Value, config: &Value) -> Value {
    Value::Object(Arc::new(WithConfig { function, config: config.clone() }))
}

impl Object for WithConfig {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        (name == "config").then(|| self.config.clone())
    }

    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        interp.call(&self.function, args)
    }

    fn to_repr(&self) -> String {
        self.function.to_repr()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
