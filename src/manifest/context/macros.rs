//! Macros by package: bare names, package namespaces, dispatch, and which macro a call in a text means.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use indexmap::IndexMap;

use crate::{
    jinja::{ErrorKind, JinjaError, MacroDef, MacroKind, Object, StaticCall, Value},
    names::UniqueId,
};

/// What dbt never takes for a call of a macro in `depends_on.macros`.
const OWN_CALLS: [&str; 17] = [
    "config",
    "diff_of_two_dicts",
    "env_var",
    "fromjson",
    "fromyaml",
    "local_md5",
    "log",
    "print",
    "ref",
    "return",
    "set",
    "set_strict",
    "source",
    "tojson",
    "toyaml",
    "var",
    "zip",
];

/// The namespace of built-in macros in calls: `dbt.type_string()`.
const BUILT_IN: &str = "dbt";

type Macros = IndexMap<Arc<str>, Arc<MacroDef>>;

/// All macros of an invocation. Built once, shared.
#[derive(Debug, Default)]
pub struct MacroIndex {
    root: Arc<str>,
    /// Root and installed packages.
    packages: IndexMap<Arc<str>, Arc<PackageMacros>>,
    /// Embedded packages, the adapter's own first.
    embedded: Vec<Arc<PackageMacros>>,
    /// What `dbt.x` and a bare `x` find: the adapter's macros over the general ones.
    built_in: Arc<PackageMacros>,
    dispatch: HashMap<String, Vec<String>>,
    /// The adapter type and its parents.
    types: Vec<Arc<str>>,
}

/// The macros of one package, as a value: `dbt_utils.star`.
#[derive(Debug, Default)]
pub struct PackageMacros {
    name: Arc<str>,
    macros: Macros,
}

/// What [`MacroIndex::new`] is made of.
#[derive(Debug, Default)]
pub struct MacroSources {
    /// Name of the root package.
    pub root: Arc<str>,
    /// Root and installed packages with their macros, in any order.
    pub packages: Vec<(Arc<str>, Vec<Arc<MacroDef>>)>,
    /// Embedded packages, the adapter's own first, `dbt` last.
    pub embedded: Vec<(Arc<str>, Vec<Arc<MacroDef>>)>,
    /// `dispatch:` of the root project: namespace → search order.
    pub dispatch: Vec<(String, Vec<String>)>,
    /// The adapter type, then its parents.
    pub types: Vec<Arc<str>>,
}

fn package_macros(name: Arc<str>, macros: Vec<Arc<MacroDef>>) -> Arc<PackageMacros> {
    let macros = macros.into_iter().map(|definition| (Arc::clone(&definition.name), definition)).collect();
    Arc::new(PackageMacros { name, macros })
}

impl MacroIndex {
    pub fn new(sources: MacroSources) -> Self {
        let embedded: Vec<Arc<PackageMacros>> =
            sources.embedded.into_iter().map(|(name, macros)| package_macros(name, macros)).collect();
        let mut built_in = Macros::new();
        for package in embedded.iter().rev() {
            for (name, definition) in &package.macros {
                built_in.insert(Arc::clone(name), Arc::clone(definition));
            }
        }
        Self {
            root: sources.root,
            packages: sources
                .packages
                .into_iter()
                .map(|(name, macros)| (Arc::clone(&name), package_macros(name, macros)))
                .collect(),
            embedded,
            built_in: Arc::new(PackageMacros { name: BUILT_IN.into(), macros: built_in }),
            dispatch: sources.dispatch.into_iter().collect(),
            types: sources.types,
        }
    }

    /// The name of the root package.
    pub fn root(&self) -> &Arc<str> {
        &self.root
    }

    /// `adapter.type()`.
    pub fn adapter_type(&self) -> &str {
        self.types.first().map_or("", |name| name)
    }

    /// What a bare name means for templates of `package`: its own macro, the root's, a package, a built-in macro.
    pub fn get(&self, package: &str, name: &str) -> Option<Value> {
        if let Some(definition) = self.of_project(package, name) {
            return Some(Value::Macro(Arc::clone(definition)));
        }
        if let Some(namespace) = self.packages.get(name) {
            return Some(Value::Object(Arc::clone(namespace) as Arc<dyn Object>));
        }
        if name == BUILT_IN {
            return Some(Value::Object(Arc::clone(&self.built_in) as Arc<dyn Object>));
        }
        self.built_in.macros.get(name).map(|definition| Value::Macro(Arc::clone(definition)))
    }

    /// The macro that a bare name calls in templates of `package`.
    pub fn find(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        self.of_project(package, name).or_else(|| self.built_in.macros.get(name))
    }

    /// The macro `package.name`; `dbt` means all embedded packages.
    pub fn find_in(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        let namespace = match package {
            BUILT_IN => &self.built_in,
            _ => match self.packages.get(package) {
                Some(namespace) => namespace,
                None => self.embedded.iter().find(|embedded| &*embedded.name == package)?,
            },
        };
        namespace.macros.get(name)
    }

    /// Names that a bare name of `package` can find, packages included, without repeats.
    pub fn names(&self, package: &str) -> Vec<String> {
        let mut names: indexmap::IndexSet<&str> = indexmap::IndexSet::new();
        for namespace in [self.packages.get(package), self.packages.get(&self.root)].into_iter().flatten() {
            names.extend(namespace.macros.keys().map(|name| &**name));
        }
        names.extend(self.packages.keys().map(|name| &**name));
        names.insert(BUILT_IN);
        names.extend(self.built_in.macros.keys().map(|name| &**name));
        names.into_iter().map(str::to_owned).collect()
    }

    fn of_project(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        let own = self.packages.get(package).and_then(|namespace| namespace.macros.get(name));
        own.or_else(|| self.packages.get(&self.root).and_then(|namespace| namespace.macros.get(name)))
    }

    /// `adapter.dispatch(name, namespace)` for templates of `package`.
    ///
    /// # Errors
    /// No candidate exists, in dbt's wording with all attempts; or the name holds a dot.
    pub fn dispatch(&self, package: &str, name: &str, namespace: Option<&str>) -> Result<Arc<MacroDef>, JinjaError> {
        if let Some((space, rest)) = name.split_once('.') {
            return Err(JinjaError::raised(format!(
                "In adapter.dispatch, got a macro name of \"{name}\", but \".\" is not a valid macro name component. \
                 Did you mean `adapter.dispatch(\"{rest}\", macro_namespace=\"{space}\")`?"
            )));
        }
        let mut attempts = Vec::new();
        for search in self.search_packages(namespace) {
            for prefix in self.types.iter().map(|name| &**name).chain(["default"]) {
                let candidate = format!("{prefix}__{name}");
                let found = match &search {
                    None => self.find(package, &candidate),
                    Some(search) => self.find_in(search, &candidate),
                };
                if let Some(found) = found {
                    return Ok(Arc::clone(found));
                }
                attempts.push(match search {
                    None => format!("'{candidate}'"),
                    Some(search) => format!("'{search}.{candidate}'"),
                });
            }
        }
        let namespace = namespace.unwrap_or("None");
        Err(JinjaError::raised(format!(
            "In dispatch: No macro named '{name}' found within namespace: '{namespace}'\n    Searched for: {}",
            attempts.join(", ")
        )))
    }

    /// Packages to search, in order; `None` stands for the search of bare names.
    fn search_packages<'a>(&'a self, namespace: Option<&'a str>) -> Vec<Option<&'a str>> {
        let Some(namespace) = namespace else { return vec![None] };
        if let Some(order) = self.dispatch.get(namespace).filter(|order| !order.is_empty()) {
            return order.iter().map(|name| Some(name.as_str())).collect();
        }
        if self.packages.contains_key(namespace) {
            return vec![Some(&self.root), Some(namespace)];
        }
        vec![None]
    }

    /// The macro that a call in a text of `package` names for `depends_on.macros`, where dbt looks more widely than
    /// the call does when it runs: also in other packages, and for `x.name(…)` everywhere when `x` does not have it.
    pub fn resolve(&self, package: &str, call: &StaticCall) -> Option<UniqueId> {
        let definition = match call {
            StaticCall::Name(name) if OWN_CALLS.contains(&&**name) => None,
            StaticCall::Name(name) => self.find_by_name(package, name),
            StaticCall::Qualified(space, _) if &**space == "adapter" => None,
            StaticCall::Qualified(space, name) => self.find_in(space, name).or_else(|| self.find_by_name(space, name)),
            StaticCall::Dispatch { name, namespace } => self.find_dispatched(name, namespace.as_deref()),
        };
        definition.map(|definition| macro_id(definition))
    }

    /// Whether the calls of a macro, and of what they reach, come to another one.
    pub fn leads_to(&self, from: &UniqueId, to: &UniqueId) -> bool {
        let mut open = vec![from.clone()];
        let mut seen = HashSet::new();
        while let Some(id) = open.pop() {
            if id == *to {
                return true;
            }
            if !seen.insert(id.clone()) {
                continue;
            }
            let Some((package, name)) = id.as_str().strip_prefix("macro.").and_then(|rest| rest.split_once('.')) else {
                continue;
            };
            let calls = self.find_in(package, name).map(|definition| definition.calls.as_slice()).unwrap_or_default();
            open.extend(calls.iter().filter_map(|call| self.resolve(package, call)));
        }
        false
    }

    fn find_dispatched(&self, name: &str, namespace: Option<&str>) -> Option<&Arc<MacroDef>> {
        self.search_packages(namespace).into_iter().find_map(|search| {
            self.types.iter().map(|name| &**name).chain(["default"]).find_map(|prefix| {
                let candidate = format!("{prefix}__{name}");
                match search {
                    None => self.find_by_name(&self.root, &candidate),
                    Some(search) => self.find_in(search, &candidate),
                }
            })
        })
    }

    /// In the package, in the root, in any package (the last one first), among built-in macros.
    fn find_by_name(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        let anywhere = || self.packages.values().rev().find_map(|namespace| namespace.macros.get(name));
        self.of_project(package, name).or_else(anywhere).or_else(|| self.built_in.macros.get(name))
    }

    /// The macro of a materialization: the adapter's over the default one; among these the root's, then a package's,
    /// then the built-in one. A package may not replace a built-in materialization unless `packages_may_override`.
    pub fn materialization(&self, name: &str, packages_may_override: bool) -> Option<&Arc<MacroDef>> {
        let root = self.packages.get(&self.root);
        for kind in self.types.iter().map(|kind| &**kind).chain(["default"]) {
            let macro_name = format!("materialization_{name}_{kind}");
            if let Some(found) = root.and_then(|package| package.macros.get(&*macro_name)) {
                return Some(found);
            }
            let built_in = self.built_in.macros.get(&*macro_name);
            let of_package = self
                .packages
                .values()
                .filter(|package| package.name != self.root)
                .filter_map(|package| package.macros.get(&*macro_name))
                .min_by(|a, b| a.package.cmp(&b.package));
            let found = if packages_may_override || built_in.is_none() { of_package.or(built_in) } else { built_in };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Whether a package's materialization stands in the place of a built-in one.
    pub fn replaces_built_in(&self, definition: &MacroDef) -> bool {
        let built_in = self.built_in.macros.get(&*definition.name);
        *definition.package != *self.root && built_in.is_some_and(|built_in| built_in.package != definition.package)
    }

    /// The macro that names a node of `package`: the package's own, the root's, the built-in one.
    pub fn naming(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        self.find(package, name)
    }
}

/// The unique id of a macro.
pub fn macro_id(definition: &MacroDef) -> UniqueId {
    UniqueId::new(format!("macro.{}.{}", definition.package, definition.name))
}

impl PackageMacros {
    pub fn get(&self, name: &str) -> Option<&Arc<MacroDef>> {
        self.macros.get(name)
    }
}

impl Object for PackageMacros {
    fn type_name(&self) -> &'static str {
        "dict"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        self.macros.get(name).map(|definition| Value::Macro(Arc::clone(definition)))
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.as_str().and_then(|name| self.get_attr(name))
    }

    fn call_method(
        &self,
        interp: &mut crate::jinja::Interp<'_>,
        name: &str,
        args: crate::jinja::Args,
    ) -> Option<Result<Value, JinjaError>> {
        if let Some(definition) = self.macros.get(name) {
            return Some(interp.call(&Value::Macro(Arc::clone(definition)), args));
        }
        super::mapping::mapping_method(self, name, args)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.macros.keys().map(|name| Value::Str(Arc::clone(name))).collect())
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn to_repr(&self) -> String {
        format!("<macros of {}>", self.name)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Whether a macro is a materialization, and its languages.
pub fn materialization_languages(definition: &MacroDef) -> Option<&[Arc<str>]> {
    match &definition.kind {
        MacroKind::Materialization { languages, .. } => Some(languages),
        _ => None,
    }
}

/// The error for a name that no macro has.
pub(crate) fn no_such_macro(name: &str) -> JinjaError {
    JinjaError::new(ErrorKind::Undefined, format!("no macro is named '{name}'"))
}
