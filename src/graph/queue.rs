//! What may run next: the selected part of the graph, by topological level, then unique id.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    manifest::Manifest,
    names::{ResourceType, UniqueId},
};

use super::{Dag, Depth, Member};

/// Which edges order the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// None: `clone`.
    None,
    /// Those of `ref` and `source`.
    Dependencies,
    /// Also from a test to everything below all that it tests, and from a unit test to its model: `build`.
    TestsGate,
}

/// The order of a run. Edges through members that are not selected count as direct ones.
///
/// A scheduler takes ids by [`Queue::pop`], and calls [`Queue::mark_done`] whatever the result was; the members that
/// it must skip are in [`Queue::descendants`] of what failed, and come out of `pop` like all others.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The whole graph with the edges of the run; for the skipping of descendants.
    graph: Dag,
    children: HashMap<UniqueId, Vec<UniqueId>>,
    waiting_for: HashMap<UniqueId, usize>,
    levels: HashMap<UniqueId, usize>,
    ready: BTreeSet<(usize, UniqueId)>,
    left: usize,
}

impl Queue {
    pub fn new(manifest: &Manifest, dag: &Dag, selected: &BTreeSet<UniqueId>, edges: Edges) -> Self {
        let graph = match edges {
            Edges::TestsGate => with_test_gates(manifest, dag),
            Edges::None | Edges::Dependencies => dag.clone(),
        };
        let mut children: HashMap<UniqueId, Vec<UniqueId>> = HashMap::new();
        let mut waiting_for: HashMap<UniqueId, usize> = HashMap::new();
        for id in selected {
            let parents = match edges {
                Edges::None => BTreeSet::new(),
                Edges::Dependencies | Edges::TestsGate => nearest_selected(&graph, selected, id),
            };
            waiting_for.insert(id.clone(), parents.len());
            for parent in parents {
                children.entry(parent).or_default().push(id.clone());
            }
        }
        let levels = levels(selected, &children, &waiting_for);
        let level = |id: &UniqueId| levels.get(id).copied().unwrap_or(0);
        let ready =
            waiting_for.iter().filter(|(_, parents)| **parents == 0).map(|(id, _)| (level(id), id.clone())).collect();
        Self { graph, children, waiting_for, levels, ready, left: selected.len() }
    }

    /// Takes the next member that may run now; `None` when all that is left waits for what runs.
    pub fn pop(&mut self) -> Option<UniqueId> {
        let (_, id) = self.ready.pop_first()?;
        self.left -= 1;
        Some(id)
    }

    /// What may run now, in order, without taking it.
    pub fn ready(&self) -> impl Iterator<Item = &UniqueId> {
        self.ready.iter().map(|(_, id)| id)
    }

    /// Says that a member that was taken has ended, well or not. What waited only for it becomes ready.
    pub fn mark_done(&mut self, id: &UniqueId) {
        for child in self.children.remove(id).unwrap_or_default() {
            if let Some(waiting) = self.waiting_for.get_mut(&child) {
                *waiting = waiting.saturating_sub(1);
                if *waiting == 0 {
                    let level = self.levels.get(&child).copied().unwrap_or(0);
                    self.ready.insert((level, child));
                }
            }
        }
    }

    /// How many members were not taken yet.
    pub fn len(&self) -> usize {
        self.left
    }

    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Everything below a member in the whole graph, with the gates of tests: what is skipped when it fails.
    pub fn descendants(&self, id: &UniqueId) -> BTreeSet<UniqueId> {
        self.graph.descendants(id)
    }

    /// All selected members in the order in which one thread would take them.
    pub fn order(&self) -> Vec<UniqueId> {
        let mut queue = self.clone();
        let mut order = Vec::with_capacity(queue.len());
        while let Some(id) = queue.pop() {
            queue.mark_done(&id);
            order.push(id);
        }
        order
    }
}

/// The selected members upstream of `id` that are reached without passing another selected one.
fn nearest_selected(graph: &Dag, selected: &BTreeSet<UniqueId>, id: &UniqueId) -> BTreeSet<UniqueId> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut stack: Vec<usize> =
        graph.number(id).into_iter().flat_map(|number| graph.parents_of(number)).copied().collect();
    while let Some(number) = stack.pop() {
        if !seen.insert(number) {
            continue;
        }
        match graph.id(number) {
            Some(parent) if selected.contains(parent) => {
                found.insert(parent.clone());
            }
            _ => stack.extend(graph.parents_of(number)),
        }
    }
    found.remove(id);
    found
}

/// The length of the longest way to each member.
fn levels(
    selected: &BTreeSet<UniqueId>,
    children: &HashMap<UniqueId, Vec<UniqueId>>,
    waiting_for: &HashMap<UniqueId, usize>,
) -> HashMap<UniqueId, usize> {
    let mut left = waiting_for.clone();
    let mut layer: Vec<&UniqueId> = selected.iter().filter(|id| left.get(*id) == Some(&0)).collect();
    let mut levels = HashMap::with_capacity(selected.len());
    let mut level = 0;
    while !layer.is_empty() {
        let mut next = Vec::new();
        for id in layer {
            levels.insert(id.clone(), level);
            for child in children.get(id).into_iter().flatten() {
                if let Some(waiting) = left.get_mut(child) {
                    *waiting -= 1;
                    if *waiting == 0 {
                        next.push(child);
                    }
                }
            }
        }
        layer = next;
        level += 1;
    }
    levels
}

/// The graph with an edge from each test to the first members below all that it tests; what is further below waits for
/// those. A unit test comes between its model and what the model needs.
fn with_test_gates(manifest: &Manifest, dag: &Dag) -> Dag {
    let kind = |number: usize| dag.id(number).and_then(|id| Member::find(manifest, id)).map(Member::resource_type);
    let kinds: Vec<Option<ResourceType>> = (0..dag.len()).map(kind).collect();
    let is_kind = |number: usize, kind| kinds.get(number).copied().flatten() == Some(kind);
    let gated = |number: usize| {
        let kind = kinds.get(number).copied().flatten();
        // A unit test is run before what it tests, so it is not below it.
        !matches!(
            kind,
            None | Some(ResourceType::Test | ResourceType::UnitTest | ResourceType::Source | ResourceType::Exposure)
        )
    };
    // By the tested member with the fewest descendants: only these can be below all that the test tests.
    let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut extra: Vec<Vec<usize>> = vec![Vec::new(); dag.len()];
    for test in (0..dag.len()).filter(|number| is_kind(*number, ResourceType::Test)) {
        let tested = dag.parents_of(test);
        let Some((first, others)) = tested.split_first() else { continue };
        let descendants = |below: &mut BTreeMap<usize, Vec<usize>>, number: usize| -> Vec<usize> {
            below
                .entry(number)
                .or_insert_with(|| dag.downstream(&[number].into(), Depth::All).into_iter().collect())
                .clone()
        };
        let mut common = descendants(&mut below, *first);
        for other in others {
            let other = descendants(&mut below, *other);
            common.retain(|number| other.binary_search(number).is_ok());
        }
        for number in common.iter().filter(|number| gated(**number)) {
            let behind_another = dag.parents_of(*number).iter().any(|parent| common.binary_search(parent).is_ok());
            if !behind_another && let Some(extra) = extra.get_mut(*number) {
                extra.push(test);
            }
        }
    }
    let is_unit_test = |number: &usize| is_kind(*number, ResourceType::UnitTest);
    Dag::from_edges(extra.iter().enumerate().filter_map(|(number, own)| {
        let mut parents: Vec<usize> = Vec::new();
        if is_unit_test(&number) {
            // It needs what its model needs, and the model waits for it.
            for model in dag.parents_of(number) {
                parents.extend(dag.parents_of(*model));
                parents.extend(extra.get(*model).into_iter().flatten());
            }
        } else {
            parents.extend(dag.parents_of(number));
            parents.extend(own);
            parents.extend(dag.children_of(number).iter().filter(|child| is_unit_test(child)));
        }
        Some((dag.id(number)?.clone(), parents.iter().filter_map(|parent| dag.id(*parent)).cloned().collect()))
    }))
}
