//! What the caller decides about parsing, and what all templates of the invocation share.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use crate::{
    event::EventSink,
    jinja::Value,
    names::Policy,
    project::{PackageKind, Profile, Project},
};

use super::context::{Env, Flags, MacroIndex, Shared, Vars, project_config};

/// The inputs of [`build`](super::build) besides the project.
#[derive(Clone)]
pub struct ParseOptions {
    /// As reported to templates: `1.11.x`.
    pub dbt_version: Arc<str>,
    pub env: Env,
    /// `DBT_ENV_CUSTOM_ENV_<K>` as `K`.
    pub metadata_env: IndexMap<String, String>,
    /// Settings by their upper-case names: `FULL_REFRESH`, `STORE_FAILURES`, behaviour flags, ….
    pub flags: Flags,
    /// `invocation_args_dict`.
    pub invocation_args: Value,
    pub run_started_at: DateTime<Utc>,
    pub invocation_id: Arc<str>,
    pub events: Arc<dyn EventSink>,
    /// The incremental strategies that the engine knows.
    pub incremental_strategies: Vec<&'static str>,
    /// Templates are evaluated on so many threads.
    pub parallelism: usize,
}

impl ParseOptions {
    /// A behaviour flag: as given, else dbt's default for it.
    pub fn behaviour(&self, name: &str, default: bool) -> bool {
        self.flags.get(name).map_or(default, Value::is_truthy)
    }

    /// Seconds since the epoch of the invocation's start.
    pub fn started(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit a float's 53 bits until 2255")]
        let micros = self.run_started_at.timestamp_micros() as f64;
        micros / 1e6
    }

    /// What every context of the invocation shares.
    pub(super) fn shared(&self, project: &Project, macros: MacroIndex) -> Shared {
        let profile = project.profile.as_ref();
        Shared {
            dbt_version: Arc::clone(&self.dbt_version),
            project_name: project.name.as_str().into(),
            project_config: project_config(project, &self.invocation_args),
            target: target(profile),
            target_database: profile.and_then(|profile| profile.database.as_deref()).unwrap_or_default().into(),
            target_schema: profile.map(|profile| profile.schema.as_str()).unwrap_or_default().into(),
            quoting: project_quoting(project),
            adapter_quoting: adapter_quoting(project),
            wide_types: profile.is_some_and(|profile| profile.wide_types),
            reads_files: profile.is_none_or(|profile| profile.reads_files),
            vars: vars(project),
            env: Arc::clone(&self.env),
            metadata_env: self.metadata_env.clone(),
            flags: self.flags.clone(),
            invocation_args: self.invocation_args.clone(),
            run_started_at: self.run_started_at,
            invocation_id: Arc::clone(&self.invocation_id),
            macros: Arc::new(macros),
            events: Arc::clone(&self.events),
            incremental_strategies: self.incremental_strategies.clone(),
        }
    }
}

/// The `target` of templates: the chosen output without its secrets.
pub fn target(profile: Option<&Profile>) -> Value {
    let Some(profile) = profile else { return Value::dict::<Value>([]) };
    let mut target: IndexMap<String, Value> = profile
        .settings
        .iter()
        .filter(|(key, _)| !profile.secret_keys.contains(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let threads = i64::try_from(profile.threads).unwrap_or(i64::MAX);
    for (key, value) in [
        ("database", profile.database.as_deref().map(Value::from).into()),
        ("schema", Value::from(profile.schema.as_str())),
        ("type", profile.adapter_type.as_str().into()),
        ("threads", Value::Int(threads)),
        ("name", profile.target_name.as_str().into()),
        ("target_name", profile.target_name.as_str().into()),
        ("profile_name", profile.name.as_str().into()),
    ] {
        target.insert(key.to_owned(), value);
    }
    Value::dict(target)
}

fn vars(project: &Project) -> Vars {
    let mut vars = Vars { cli: project.cli_vars.clone(), root: project.name.as_str().into(), ..Vars::default() };
    for package in project.packages.values().filter(|package| package.kind != PackageKind::Embedded) {
        if let Some(written) = &package.config.vars {
            vars.projects.insert(package.name.clone(), super::columns::pairs(&written.to_value()));
        }
    }
    vars
}

/// Which parts of a relation's name the adapter quotes where nobody says otherwise.
fn adapter_quoting(project: &Project) -> Policy {
    let quoted = project.profile.as_ref().is_none_or(|profile| profile.quoted);
    Policy { database: quoted, schema: quoted, identifier: quoted }
}

/// Which parts of a relation's name are quoted: the project's `quoting:`, else as the adapter does.
pub fn project_quoting(project: &Project) -> Policy {
    let quoting = project.root_package().map(|root| root.config.quoting).unwrap_or_default();
    let adapter = adapter_quoting(project);
    Policy {
        database: quoting.database.unwrap_or(adapter.database),
        schema: quoting.schema.unwrap_or(adapter.schema),
        identifier: quoting.identifier.unwrap_or(adapter.identifier),
    }
}
