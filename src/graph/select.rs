//! Evaluates a selection over a manifest: criteria, graph operators, the tests that come along, set operations.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    diagnostic::Diagnostic,
    manifest::Manifest,
    names::{ResourceType, UniqueId},
};

use super::{
    Criterion, Dag, Depth, Group, IndirectSelection, Member, Method, PreviousState, SelectionError, SelectionSpec,
    Selectors, dag::Set, methods, state,
};

/// What a command was asked to select.
#[derive(Debug, Clone, Default)]
pub struct SelectionInput {
    pub select: Vec<String>,
    pub exclude: Vec<String>,
    /// `--selector`; wins over `select` and `exclude`.
    pub selector: Option<String>,
    pub indirect: IndirectSelection,
    /// Only these types stay; `None` keeps all.
    pub resource_types: Option<BTreeSet<ResourceType>>,
    pub exclude_resource_types: BTreeSet<ResourceType>,
    /// Whether nodes of blank files stay: only `ls` and `docs` show them.
    pub include_blank: bool,
    /// The root project: `package:this`, and the project that `path:` looks at.
    pub project_name: String,
    /// What `state:`, `result:` and `source_status:` look at.
    pub state: Arc<PreviousState>,
}

/// What was selected.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// By unique id.
    pub ids: BTreeSet<UniqueId>,
    /// `NoNodesForSelectionCriteria` for each word that found nothing, broken contracts.
    pub warnings: Vec<Diagnostic>,
    /// The default selector of `selectors.yml`, when it was used.
    pub default_selector: Option<String>,
}

/// Selects members of the DAG. Without any option: everything, or the default selector of `selectors.yml`.
///
/// # Errors
/// Words that do not parse, selectors that do not exist, values that a method cannot have.
pub fn select(manifest: &Manifest, dag: &Dag, input: &SelectionInput) -> Result<Selection, SelectionError> {
    let selectors = Selectors::from_manifest(manifest, input.indirect)?;
    let plain = input.select.is_empty() && input.exclude.is_empty();
    let default = if plain && input.selector.is_none() { selectors.default_name() } else { None };
    let spec = match input.selector.as_deref().or(default) {
        Some(name) => selectors.expect(name)?.clone(),
        None => SelectionSpec::from_options(&input.select, &input.exclude, input.indirect)?,
    };
    let mut evaluation = Evaluation { manifest, dag, selectors: &selectors, input, warnings: Vec::new() };
    let found = evaluation.evaluate(&spec)?.direct;
    let ids = found
        .iter()
        .filter_map(|number| dag.id(*number))
        .filter(|id| Member::find(manifest, id).is_some_and(|member| keeps(input, member)))
        .cloned()
        .collect();
    Ok(Selection { ids, warnings: evaluation.warnings, default_selector: default.map(str::to_owned) })
}

fn keeps(input: &SelectionInput, member: Member<'_>) -> bool {
    let kind = member.resource_type();
    input.resource_types.as_ref().is_none_or(|kinds| kinds.contains(&kind))
        && !input.exclude_resource_types.contains(&kind)
        && (input.include_blank || !member.is_blank())
}

struct Evaluation<'a> {
    manifest: &'a Manifest,
    dag: &'a Dag,
    selectors: &'a Selectors,
    input: &'a SelectionInput,
    warnings: Vec<Diagnostic>,
}

/// What a part found.
#[derive(Default)]
struct Found {
    direct: Set,
    /// Tests some of whose parents are missing; they are looked at again after each set operation.
    candidates: Set,
}

impl Evaluation<'_> {
    fn evaluate(&mut self, spec: &SelectionSpec) -> Result<Found, SelectionError> {
        let (group, combine): (&Group, fn(Set, &Set) -> Set) = match spec {
            SelectionSpec::Criterion(criterion) => return self.criterion(criterion),
            SelectionSpec::Union(group) => (group, |mut a, b| {
                a.extend(b);
                a
            }),
            SelectionSpec::Intersection(group) => (group, |a, b| a.intersection(b).copied().collect()),
            SelectionSpec::Difference(group) => (group, |a, b| a.difference(b).copied().collect()),
        };
        let mut combined: Option<Found> = None;
        for part in &group.parts {
            let mut found = self.evaluate(part)?;
            found.candidates.extend(&found.direct);
            combined = Some(match combined {
                None => found,
                Some(before) => Found {
                    direct: combine(before.direct, &found.direct),
                    candidates: combine(before.candidates, &found.candidates),
                },
            });
        }
        let mut found = combined.unwrap_or_default();
        self.reconsider(&mut found, group.indirect);
        if let Some(word) = group.expected.as_ref().filter(|_| found.direct.is_empty()) {
            self.warnings.push(nothing_found(word));
        }
        Ok(found)
    }

    fn criterion(&mut self, criterion: &Criterion) -> Result<Found, SelectionError> {
        let mut selected = match criterion.method {
            Method::Selector => self.evaluate(self.selectors.expect(&criterion.value)?)?.direct,
            Method::State | Method::Result | Method::SourceStatus => {
                state::search(self.manifest, self.dag, criterion, &self.input.state, &mut self.warnings)?
            }
            _ => methods::search(self.manifest, self.dag, criterion, &self.input.project_name)?,
        };
        let mut related = Set::new();
        if criterion.childrens_parents {
            let mut below = self.dag.downstream(&selected, Depth::All);
            below.extend(&selected);
            related.extend(self.dag.upstream(&below, Depth::All));
            related.extend(below);
        }
        if let Some(depth) = criterion.parents {
            related.extend(self.dag.upstream(&selected, depth));
        }
        if let Some(depth) = criterion.children {
            related.extend(self.dag.downstream(&selected, depth));
        }
        selected.extend(related);
        Ok(self.with_tests(selected, criterion.indirect))
    }

    /// Adds the tests that come along with what is selected.
    fn with_tests(&self, selected: Set, indirect: IndirectSelection) -> Found {
        if indirect == IndirectSelection::Empty {
            return Found { direct: selected, candidates: Set::new() };
        }
        let mut buildable = Set::new();
        if indirect == IndirectSelection::Buildable {
            buildable.clone_from(&selected);
            buildable.extend(self.dag.upstream(&selected, Depth::All));
            buildable.extend(self.manifest.sources.keys().filter_map(|id| self.dag.number(id)));
        }
        let mut found = Found { direct: selected.clone(), candidates: Set::new() };
        for test in selected.iter().flat_map(|number| self.dag.children_of(*number)) {
            if !self.is_test(*test) {
                continue;
            }
            let parents = self.dag.parents_of(*test);
            let comes = match indirect {
                IndirectSelection::Eager => true,
                IndirectSelection::Cautious => parents.iter().all(|parent| selected.contains(parent)),
                IndirectSelection::Buildable => parents.iter().all(|parent| buildable.contains(parent)),
                IndirectSelection::Empty => false,
            };
            if comes { &mut found.direct } else { &mut found.candidates }.insert(*test);
        }
        found
    }

    /// After a set operation: candidates whose parents have all come in are selected.
    fn reconsider(&self, found: &mut Found, indirect: IndirectSelection) {
        if found.direct == found.candidates {
            return;
        }
        let mut reach = found.direct.clone();
        match indirect {
            IndirectSelection::Eager | IndirectSelection::Empty => return,
            IndirectSelection::Cautious => {}
            IndirectSelection::Buildable => reach.extend(self.dag.upstream(&found.direct, Depth::All)),
        }
        let complete = |number: &&usize| {
            let parents = self.dag.parents_of(**number);
            self.is_test(**number) && parents.iter().all(|parent| reach.contains(parent))
        };
        let coming: Vec<usize> = found.candidates.iter().filter(complete).copied().collect();
        found.direct.extend(coming);
    }

    fn is_test(&self, number: usize) -> bool {
        self.dag.id(number).and_then(|id| Member::find(self.manifest, id)).is_some_and(Member::is_test)
    }
}

fn nothing_found(word: &str) -> Diagnostic {
    let message = format!("The selection criterion '{word}' does not match any enabled nodes");
    Diagnostic::warning("no-nodes-for-selection", message).event("NoNodesForSelectionCriteria")
}
