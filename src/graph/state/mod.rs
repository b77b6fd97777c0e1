//! What an earlier invocation left behind, and the selection methods that look at it: `state:`, `result:` and
//! `source_status:`.

mod compare;
mod contract;

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::{
    artifacts::{FreshnessResults, RunResults, StateManifest, StateNode},
    diagnostic::Diagnostic,
    manifest::{Disabled, Manifest, NodeKind},
    names::UniqueId,
};

use super::{Criterion, Dag, Member, Method, SelectionError, dag::Set};
use compare::Comparison;
use contract::Change;

/// The artifacts of an earlier invocation, read by whoever selects.
#[derive(Debug, Clone, Default)]
pub struct PreviousState {
    /// Whether a folder was given at all.
    pub is_given: bool,
    pub manifest: Option<StateManifest>,
    pub results: Option<RunResults>,
    /// The freshness results of the state, and those of this project's own target folder.
    pub sources: Option<FreshnessResults>,
    pub current_sources: Option<FreshnessResults>,
    /// Packages that are part of the program that wrote the manifest: their macros are not the project's.
    pub embedded: BTreeSet<String>,
    /// When this invocation began.
    pub now: DateTime<Utc>,
}

const STATE_VALUES: &str = "one of \"new\", \"old\", \"modified\", \"unmodified\", or \"modified.\" with \"body\", \
                            \"configs\", \"relation\", \"persisted_descriptions\", \"macros\" or \"contract\"";

/// What a criterion asks of two nodes of the same unique id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    New,
    Old,
    Modified,
    Unmodified,
    Body,
    Configs,
    Relation,
    PersistedDescriptions,
    Macros,
    Contract,
}

impl Question {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "new" => Self::New,
            "old" => Self::Old,
            "modified" => Self::Modified,
            "unmodified" => Self::Unmodified,
            "modified.body" => Self::Body,
            "modified.configs" => Self::Configs,
            "modified.relation" => Self::Relation,
            "modified.persisted_descriptions" => Self::PersistedDescriptions,
            "modified.macros" => Self::Macros,
            "modified.contract" => Self::Contract,
            _ => return None,
        })
    }
}

/// The members that one of the three methods names; warnings about broken contracts are added to `warnings`.
///
/// # Errors
/// An artifact that the method needs and that is not there, an unknown value, a broken contract of a versioned model.
pub(super) fn search(
    manifest: &Manifest,
    dag: &Dag,
    criterion: &Criterion,
    previous: &PreviousState,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Set, SelectionError> {
    let found: Vec<&UniqueId> = match criterion.method {
        Method::Result => with_result(manifest, &criterion.value, previous)?,
        Method::SourceStatus => fresher(manifest, &criterion.value, previous)?,
        _ => by_state(manifest, &criterion.value, previous, warnings)?,
    };
    Ok(found.into_iter().filter_map(|id| dag.number(id)).collect())
}

fn missing(method: Method, file: &'static str, previous: &PreviousState) -> SelectionError {
    SelectionError::NoState { method: method.as_str(), file, given: previous.is_given }
}

fn by_state<'a>(
    manifest: &'a Manifest,
    value: &str,
    previous: &PreviousState,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<&'a UniqueId>, SelectionError> {
    let old = previous.manifest.as_ref().ok_or_else(|| missing(Method::State, "manifest.json", previous))?;
    let question = Question::parse(value).ok_or_else(|| SelectionError::InvalidValue {
        method: "state",
        value: value.to_owned(),
        expected: STATE_VALUES,
    })?;
    let comparison = Comparison::new(manifest, old, &previous.embedded);
    let mut found = Vec::new();
    for member in Member::all(manifest) {
        if is_so(&comparison, member, question, warnings)? {
            found.push(member.unique_id());
        }
    }
    if matches!(question, Question::Modified | Question::Unmodified | Question::Contract) {
        removed_contracts(manifest, old, previous.now, warnings)?;
    }
    Ok(found)
}

fn is_so(
    comparison: &Comparison<'_>,
    member: Member<'_>,
    question: Question,
    warnings: &mut Vec<Diagnostic>,
) -> Result<bool, SelectionError> {
    let node = match member {
        // Unit tests, metrics and the like have no body or relation of their own.
        Member::Node(node) => {
            Some(node).filter(|node| !matches!(node.kind, NodeKind::UnitTest(_) | NodeKind::Declared(_)))
        }
        Member::Source(_) | Member::Exposure(_) => None,
    };
    let old = comparison.before(member);
    let is_new = !comparison.knew(member);
    if let (Some(node), Some(old), Question::Modified | Question::Unmodified | Question::Body) = (node, old, question) {
        warnings.extend(unread_seed(node, old));
    }
    Ok(match question {
        Question::New => is_new,
        Question::Old => !is_new,
        Question::Modified => modified(comparison, member, old, warnings)?,
        Question::Unmodified => !modified(comparison, member, old, warnings)?,
        Question::Body => node.is_some_and(|node| old.is_none_or(|old| !compare::same_body(node, old))),
        Question::Configs => {
            let has_configs = !matches!(member, Member::Node(node) if matches!(node.kind, NodeKind::UnitTest(_)));
            has_configs && (is_new || !comparison.same_config(member))
        }
        Question::Relation => match member {
            Member::Node(_) => node.is_some_and(|node| old.is_none_or(|old| !compare::same_relation(node, old))),
            Member::Source(source) => old.is_none_or(|old| !compare::same_source_relation(source, old)),
            Member::Exposure(_) => false,
        },
        Question::PersistedDescriptions => {
            node.is_some_and(|node| old.is_none_or(|old| !compare::same_persisted_descriptions(node, old)))
        }
        Question::Macros => comparison.macros_changed(member),
        Question::Contract => match (node, old) {
            (Some(_), None) => true,
            (Some(node), Some(old)) => contract_changed(node, old, warnings)?,
            (None, _) => false,
        },
    })
}

fn modified(
    comparison: &Comparison<'_>,
    member: Member<'_>,
    old: Option<&StateNode>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<bool, SelectionError> {
    let contract = match (member, old) {
        (Member::Node(node), Some(old)) => contract_changed(node, old, warnings)?,
        _ => false,
    };
    Ok(contract || !comparison.same_contents(member) || comparison.macros_changed(member))
}

/// A warning about a seed that is too large to be read for a comparison, so that its path stands for its rows.
fn unread_seed(node: &crate::manifest::Node, old: &StateNode) -> Option<Diagnostic> {
    if node.checksum.name != "path" {
        return None;
    }
    let field = |key: &str| old.checksum.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let (event, what) = match (field("name") == "path", field("checksum") == node.checksum.checksum) {
        (false, _) => ("SeedIncreased", "has become larger than 1 MiB: it counts as changed"),
        (true, true) => ("SeedExceedsLimitSamePath", "is larger than 1 MiB: a change of its rows is not seen"),
        (true, false) => ("SeedExceedsLimitAndPathChanged", "is larger than 1 MiB and was moved: it counts as changed"),
    };
    let message = format!("seed `{}` {what}", node.name);
    Some(Diagnostic::warning("large-seed", message).event(event).node(node.unique_id.as_str()))
}

/// A contract that breaks what others rely on is an error for a versioned model, a warning for any other.
fn contract_changed(
    node: &crate::manifest::Node,
    old: &StateNode,
    warnings: &mut Vec<Diagnostic>,
) -> Result<bool, SelectionError> {
    let changes = match contract::change(node, old) {
        Change::None => return Ok(false),
        Change::Compatible => return Ok(true),
        Change::Breaking(changes) => changes,
    };
    let versioned = matches!(&node.kind, NodeKind::Model(model) if model.version.is_some());
    broken(node.unique_id.as_str(), &node.original_file_path, changes, versioned, warnings).map(|()| true)
}

/// Models with a contract that are gone. They are never selected.
fn removed_contracts(
    manifest: &Manifest,
    old: &StateManifest,
    now: DateTime<Utc>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), SelectionError> {
    for (id, node) in &old.nodes {
        if manifest.nodes.contains_key(id.as_str()) || !contract::was_enforced(node) || contract::is_retired(node, now)
        {
            continue;
        }
        let disabled = manifest.disabled.get(id.as_str()).and_then(|list| list.first());
        let what = match disabled {
            Some(Disabled::Node(_)) => "was disabled",
            _ => "was deleted or renamed",
        };
        let changes = vec![format!("Contracted model '{id}' {what}.")];
        let versioned = node.rest.get("version").is_some_and(|version| !version.is_null());
        broken(id, &node.original_file_path, changes, versioned, warnings)?;
    }
    Ok(())
}

fn broken(
    id: &str,
    path: &str,
    changes: Vec<String>,
    versioned: bool,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), SelectionError> {
    if versioned {
        return Err(SelectionError::BrokenContract { id: id.to_owned(), path: path.to_owned(), changes });
    }
    let message = format!("breaking change to the contract of `{id}` ({path}), which has no version");
    let mut warning = Diagnostic::warning("breaking-change", message).event("UnversionedBreakingChange").node(id);
    for change in changes {
        warning = warning.note(change);
    }
    let warning = warning.help("add a version for the change, so that those who rely on the model can follow");
    if !warnings.contains(&warning) {
        warnings.push(warning);
    }
    Ok(())
}

fn with_result<'a>(
    manifest: &'a Manifest,
    value: &str,
    previous: &PreviousState,
) -> Result<Vec<&'a UniqueId>, SelectionError> {
    let results = previous.results.as_ref().ok_or_else(|| missing(Method::Result, "run_results.json", previous))?;
    let matching: HashSet<&str> = results
        .results
        .iter()
        .filter(|result| result.status.as_str() == value)
        .map(|result| result.unique_id.as_str())
        .collect();
    Ok(Member::all(manifest).map(Member::unique_id).filter(|id| matching.contains(id.as_str())).collect())
}

/// Sources whose newest row is newer than it was, and those that the state does not know.
fn fresher<'a>(
    manifest: &'a Manifest,
    value: &str,
    previous: &PreviousState,
) -> Result<Vec<&'a UniqueId>, SelectionError> {
    if value != "fresher" {
        return Err(SelectionError::InvalidValue {
            method: "source_status",
            value: value.to_owned(),
            expected: "\"fresher\"",
        });
    }
    let before = previous.sources.as_ref().ok_or_else(|| missing(Method::SourceStatus, "sources.json", previous))?;
    let now = previous.current_sources.as_ref().ok_or(SelectionError::NoCurrentSources)?;
    let before: HashMap<&str, _> = before.loaded().collect();
    let newer: HashSet<&str> = now
        .loaded()
        .filter(|(id, loaded)| before.get(id).is_none_or(|before| loaded > before))
        .map(|(id, _)| id)
        .collect();
    Ok(manifest.sources.keys().filter(|id| newer.contains(id.as_str())).collect())
}
