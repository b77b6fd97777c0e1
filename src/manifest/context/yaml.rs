//! The contexts of YAML texts: values of properties files, and descriptions.

use std::{fmt, sync::Arc};

use crate::{
    diagnostic::Span,
    jinja::{Args, JinjaError, Value, function},
};

use super::{
    names::{Context, Names},
    shared::Scope,
    vars::Missing,
};

/// Looks a docs block up: `(package, name)`, where no package means the caller's, then the root, then any.
/// `None` when there is no such block. The span is the call.
pub type FindDoc = Arc<dyn Fn(Option<&str>, &str, Option<Span>) -> Option<String> + Send + Sync>;

/// The context of values in properties files of `scope`'s package: base set, `target`, `var`, `project_name`.
pub fn properties_context(scope: Arc<Scope>) -> Context {
    Context::new(Arc::new(YamlNames { scope, doc: None }))
}

/// The context of descriptions: the one of properties with `doc()`.
pub fn docs_context(scope: Arc<Scope>, doc: FindDoc) -> Context {
    Context::new(Arc::new(YamlNames { scope, doc: Some(doc) }))
}

struct YamlNames {
    scope: Arc<Scope>,
    doc: Option<FindDoc>,
}

impl fmt::Debug for YamlNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YamlNames")
    }
}

impl Names for YamlNames {
    fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    fn own(&self, name: &str) -> Option<Value> {
        match name {
            "var" => Some(self.scope.var(Missing::Error).clone()),
            "doc" => self.doc.clone().map(doc_function),
            _ => None,
        }
    }

    fn own_names(&self) -> Vec<String> {
        let mut names = vec!["var".to_owned()];
        names.extend(self.doc.as_ref().map(|_| "doc".to_owned()));
        names
    }

    fn has_macros(&self) -> bool {
        false
    }
}

fn doc_function(find: FindDoc) -> Value {
    function("doc", move |interp, args: Args| {
        let (package, name) = match args.positional.as_slice() {
            [Value::Str(name)] => (None, name),
            [Value::Str(package), Value::Str(name)] => (Some(&**package), name),
            other => {
                return Err(JinjaError::raised(format!("doc() takes at most two arguments ({} given)", other.len())));
            }
        };
        find(package, name, interp.span())
            .map(Value::from)
            .ok_or_else(|| JinjaError::raised(format!("documentation for '{name}' was not found")))
    })
}
