//! What all contexts of an invocation share, and per package what its templates see.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use crate::{
    event::{Event, EventSink},
    jinja::Value,
    names::Policy,
};

use super::{
    arguments::lock,
    base,
    flags::Flags,
    macros::MacroIndex,
    vars::{Missing, ScopedVars, VarObject, Vars},
};

/// Reads an environment variable.
pub type Env = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The inputs of every context of an invocation. Made once.
pub struct Shared {
    /// As reported to templates: `1.11.x`.
    pub dbt_version: Arc<str>,
    /// The root package.
    pub project_name: Arc<str>,
    /// `ref.config`.
    pub project_config: Value,
    /// The `target` dict: connection settings without secrets, `name`, `schema`, `database`, `type`, `threads`, ….
    pub target: Value,
    pub target_database: Arc<str>,
    pub target_schema: Arc<str>,
    /// Quoting of the root project over the adapter's default.
    pub quoting: Policy,
    /// Quoting of the adapter where nobody says otherwise: of sources.
    pub adapter_quoting: Policy,
    /// Whether sources may be files.
    pub reads_files: bool,
    /// Whether each exact number is a NUMBER, and text without a length is as long as can be.
    pub wide_types: bool,
    pub vars: Vars,
    pub env: Env,
    /// `DBT_ENV_CUSTOM_ENV_<K>` as `K`.
    pub metadata_env: IndexMap<String, String>,
    pub flags: Flags,
    /// `invocation_args_dict`.
    pub invocation_args: Value,
    pub run_started_at: DateTime<Utc>,
    pub invocation_id: Arc<str>,
    pub macros: Arc<MacroIndex>,
    pub events: Arc<dyn EventSink>,
    /// The incremental strategies that the engine knows, for `adapter.valid_incremental_strategies()`.
    pub incremental_strategies: Vec<&'static str>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("project_name", &self.project_name).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn emit(&self, event: Event) {
        self.events.emit(event);
    }
}

/// What templates of one package see besides what belongs to a node.
#[derive(Debug)]
pub struct Scope {
    pub shared: Arc<Shared>,
    pub package: Arc<str>,
    names: IndexMap<&'static str, Value>,
    var_lenient: Value,
    var_strict: Value,
}

impl Scope {
    fn new(shared: Arc<Shared>, package: Arc<str>) -> Self {
        let vars: Arc<ScopedVars> = Arc::new(shared.vars.scoped(&package));
        let var = |missing| Value::object(VarObject { vars: Arc::clone(&vars), missing });
        Self {
            names: base::names(&shared),
            var_lenient: var(Missing::None),
            var_strict: var(Missing::Error),
            shared,
            package,
        }
    }

    /// A name of the base set, `target` and `project_name` included, `var` left out.
    pub fn base(&self, name: &str) -> Option<&Value> {
        self.names.get(name)
    }

    /// The names that [`Scope::base`] knows, in order of printing.
    pub fn base_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.names.keys().copied()
    }

    pub fn var(&self, missing: Missing) -> &Value {
        match missing {
            Missing::None => &self.var_lenient,
            Missing::Error => &self.var_strict,
        }
    }

    /// A macro, package or built-in macro by its bare name.
    pub fn macro_named(&self, name: &str) -> Option<Value> {
        self.shared.macros.get(&self.package, name)
    }
}

/// The scopes of all packages, each made when it is first asked for.
#[derive(Debug)]
pub struct Scopes {
    pub shared: Arc<Shared>,
    scopes: Mutex<HashMap<Arc<str>, Arc<Scope>>>,
}

impl Scopes {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, scopes: Mutex::default() }
    }

    pub fn get(&self, package: &str) -> Arc<Scope> {
        let mut scopes = lock(&self.scopes);
        if let Some(scope) = scopes.get(package) {
            return Arc::clone(scope);
        }
        let name: Arc<str> = package.into();
        let scope = Arc::new(Scope::new(Arc::clone(&self.shared), Arc::clone(&name)));
        scopes.insert(name, Arc::clone(&scope));
        scope
    }
}
