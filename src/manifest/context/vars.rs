//! `var()`: which value a variable has for templates of a package.

use std::{any::Any, sync::Arc};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Origin, SourceId, Span, nearest},
    jinja::{Args, ErrorKind, Interp, JinjaError, Object, Template, Value},
};

use super::arguments::bind;

/// Variables by where they were given. Values are unrendered.
#[derive(Debug, Default, Clone)]
pub struct Vars {
    /// `--vars`.
    pub cli: IndexMap<String, Value>,
    /// Name of the root package.
    pub root: Arc<str>,
    /// `vars:` of each `dbt_project.yml`, by package, the root's too.
    pub projects: IndexMap<String, IndexMap<String, Value>>,
}

/// The variables of one package after scoping, lowest first merged: package global, package scoped, root global, root
/// scoped, command line.
pub type ScopedVars = IndexMap<String, Value>;

impl Vars {
    /// What templates of `package` see.
    pub fn scoped(&self, package: &str) -> ScopedVars {
        let mut scoped = ScopedVars::new();
        let mut projects = vec![package];
        if package != &*self.root {
            projects.push(&self.root);
        }
        for project in projects {
            let Some(vars) = self.projects.get(project) else { continue };
            scoped.extend(vars.iter().map(|(name, value)| (name.clone(), value.clone())));
            if let Some(pairs) = vars.get(package).and_then(super::arguments::string_pairs) {
                scoped.extend(pairs);
            }
        }
        scoped.extend(self.cli.iter().map(|(name, value)| (name.clone(), value.clone())));
        scoped
    }

    /// What the templates of `dbt_project.yml` see: the command line alone.
    pub fn command_line(&self) -> ScopedVars {
        self.cli.clone()
    }
}

/// What a variable that is not given means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Parse mode: none.
    None,
    Error,
}

/// The callable `var`.
#[derive(Debug)]
pub struct VarObject {
    pub vars: Arc<ScopedVars>,
    pub missing: Missing,
}

impl VarObject {
    fn read(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "var", &["var_name", "default"])?;
        let name = bound.required_text("var_name")?;
        if let Some(value) = self.vars.get(&name) {
            return rendered(interp, value);
        }
        if let Some(default) = bound.get("default") {
            return Ok(default.clone());
        }
        if self.missing == Missing::None {
            return Ok(Value::None);
        }
        let mut message = format!("Required var '{name}' not found in config");
        if let Some(known) = nearest(&name, self.vars.keys().map(String::as_str)) {
            message.push_str(&format!(" (did you mean '{known}'?)"));
        }
        Err(JinjaError::new(ErrorKind::Undefined, message))
    }
}

/// A text with Jinja in it is rendered when the variable is read.
fn rendered(interp: &mut Interp<'_>, value: &Value) -> Result<Value, JinjaError> {
    let Value::Str(text) = value else { return Ok(value.clone()) };
    if !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
        return Ok(value.clone());
    }
    let span = interp.span().unwrap_or(Span { source: SourceId(u32::MAX), start: 0, end: 0 });
    let template = Template::parse(text, Origin::Within(span)).map_err(|diagnostics| {
        let message = diagnostics.into_iter().next().map_or_else(String::new, |diagnostic| diagnostic.message);
        JinjaError::new(ErrorKind::Syntax, message)
    })?;
    Ok(interp.render(&template)?.text.into())
}

impl Object for VarObject {
    fn type_name(&self) -> &'static str {
        "Var"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        self.read(interp, args)
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        (name == "has_var").then(|| {
            let bound = bind(args, "has_var", &["var_name"])?;
            Ok(Value::Bool(self.vars.contains_key(&bound.required_text("var_name")?)))
        })
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
