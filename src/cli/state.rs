//! The artifacts of an earlier invocation: `--state`, `--defer-state`, and what `--defer` makes of them.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::{
    artifacts::{ArtifactError, StateManifest, StateNode, read_manifest, read_run_results, read_sources},
    diagnostic::Diagnostic,
    event::Event,
    graph::PreviousState,
    manifest::{Manifest, context::Scopes},
    names::{Relation, UniqueId},
    project::{PackageKind, Project},
    run::context::Defer,
};

use super::{CommandError, invocation::Invocation};

/// Reads what the folder of `--state` holds, and this project's own sources.json.
///
/// # Errors
/// Files that are there and cannot be read.
pub fn load(invocation: &Invocation, project: &Project, target_dir: &Path) -> Result<PreviousState, CommandError> {
    let embedded = project.packages.values().filter(|package| package.kind == PackageKind::Embedded);
    let mut state = PreviousState {
        embedded: embedded.map(|package| package.name.clone()).collect(),
        now: invocation.started_at,
        ..PreviousState::default()
    };
    let Some(folder) = folder(invocation, project, "state") else { return Ok(state) };
    if folder.canonicalize().is_ok_and(|folder| target_dir.canonicalize().is_ok_and(|target| folder == target)) {
        let message = format!(
            "The state and target directories are the same: '{}'. This invocation compares with what it overwrites",
            invocation.flags.text("state").unwrap_or_default()
        );
        invocation.emit(Event::Warning { name: "WarnStateTargetEqual", message });
    }
    state.is_given = true;
    state.manifest = optional(&folder.join("manifest.json"), read_manifest)?;
    state.results = optional(&folder.join("run_results.json"), read_run_results)?;
    state.sources = optional(&folder.join("sources.json"), read_sources)?;
    state.current_sources = optional(&target_dir.join("sources.json"), read_sources)?;
    Ok(state)
}

/// The folder that a flag names: from the project's root, or from where the command was typed.
pub fn folder(invocation: &Invocation, project: &Project, flag: &str) -> Option<PathBuf> {
    let given = Path::new(invocation.flags.text(flag)?);
    let in_project = project.root.join(given);
    Some(if in_project.exists() { in_project } else { invocation.absolute(given) })
}

fn optional<T>(path: &Path, read: impl Fn(&Path) -> Result<T, ArtifactError>) -> Result<Option<T>, CommandError> {
    if path.is_file() { Ok(Some(read(path)?)) } else { Ok(None) }
}

/// What is said where another environment is needed and no folder is given.
pub fn none_given() -> Diagnostic {
    Diagnostic::error("no-state", "--state or --defer-state are required for deferral, but neither was provided")
}

/// The relations of the other environment, with `--defer`.
///
/// # Errors
/// No manifest in the folder of `--defer-state` or `--state`.
pub fn defer(
    invocation: &Invocation,
    project: &Project,
    manifest: &Manifest,
    scopes: &Scopes,
    state: &PreviousState,
) -> Result<Option<Defer>, CommandError> {
    if !invocation.flags.flag("defer") {
        return Ok(None);
    }
    let own = folder(invocation, project, "defer_state");
    let read = match &own {
        Some(folder) => optional(&folder.join("manifest.json"), read_manifest)?,
        None => None,
    };
    let found = if own.is_some() { read.as_ref() } else { state.manifest.as_ref() };
    let Some(found) = found else {
        let place = own.or_else(|| folder(invocation, project, "state"));
        let diagnostic = match place {
            Some(folder) => Diagnostic::error(
                "no-state",
                format!("--defer needs a manifest.json, and {} has none", folder.display()),
            ),
            None => none_given(),
        };
        return Err(diagnostic.help("give the folder of another environment's manifest.json").into());
    };
    Ok(Some(Defer { favor_state: invocation.flags.flag("favor_state"), relations: relations(manifest, scopes, found) }))
}

/// What models, seeds and snapshots of both manifests are called in the other environment.
fn relations(manifest: &Manifest, scopes: &Scopes, state: &StateManifest) -> HashMap<UniqueId, Relation> {
    let nodes = manifest.nodes.values().filter(|node| node.is_refable());
    let deferred = nodes.filter_map(|node| {
        let before = state.nodes.get(node.unique_id.as_str()).filter(|before| !is_ephemeral(before))?;
        let name = before.alias.as_deref().unwrap_or(&before.name);
        let mut relation = Relation::new(before.database.as_deref()?, before.schema.as_deref()?, name);
        relation.quote = node.relation(scopes.shared.quoting).quote;
        Some((node.unique_id.clone(), relation))
    });
    deferred.collect()
}

fn is_ephemeral(node: &StateNode) -> bool {
    node.config.get("materialized").and_then(serde_json::Value::as_str) == Some("ephemeral")
}
