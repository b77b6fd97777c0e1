//! The graph of enabled nodes, sources and exposures. Members are numbered by unique id, so that a set of numbers is
//! an ordered selection.

use std::collections::{BTreeSet, HashMap};

use crate::{manifest::Manifest, names::UniqueId};

use super::{Depth, Member};

/// A set of members by number; iterates in the order of unique ids.
pub(super) type Set = BTreeSet<usize>;

/// Who depends on whom. An edge goes from what is read to who reads it.
#[derive(Debug, Clone, Default)]
pub struct Dag {
    ids: Vec<UniqueId>,
    numbers: HashMap<UniqueId, usize>,
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

impl Dag {
    /// Builds the graph from `depends_on`. Dependencies that are not enabled members are left out.
    pub fn new(manifest: &Manifest) -> Self {
        let members =
            Member::all(manifest).map(|member| (member.unique_id().clone(), member.depends_on().cloned().collect()));
        Self::from_edges(members)
    }

    /// Builds the graph from pairs of a member and its parents.
    pub fn from_edges(members: impl IntoIterator<Item = (UniqueId, Vec<UniqueId>)>) -> Self {
        let mut members: Vec<(UniqueId, Vec<UniqueId>)> = members.into_iter().collect();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        members.dedup_by(|a, b| a.0 == b.0);
        let numbers: HashMap<UniqueId, usize> =
            members.iter().enumerate().map(|(number, (id, _))| (id.clone(), number)).collect();
        let mut parents: Vec<Vec<usize>> = Vec::with_capacity(members.len());
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
        for (number, (_, depends_on)) in members.iter().enumerate() {
            let mut own: Vec<usize> = depends_on.iter().filter_map(|id| numbers.get(id).copied()).collect();
            own.sort_unstable();
            own.dedup();
            for parent in &own {
                if let Some(children) = children.get_mut(*parent) {
                    children.push(number);
                }
            }
            parents.push(own);
        }
        Self { ids: members.into_iter().map(|(id, _)| id).collect(), numbers, parents, children }
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn contains(&self, id: &UniqueId) -> bool {
        self.numbers.contains_key(id)
    }

    /// All members, by unique id.
    pub fn ids(&self) -> impl Iterator<Item = &UniqueId> {
        self.ids.iter()
    }

    /// The direct dependencies of a member, by unique id.
    pub fn parents(&self, id: &UniqueId) -> impl Iterator<Item = &UniqueId> {
        self.number(id)
            .into_iter()
            .flat_map(|number| self.parents_of(number))
            .filter_map(|number| self.ids.get(*number))
    }

    /// Who depends on a member directly, by unique id.
    pub fn children(&self, id: &UniqueId) -> impl Iterator<Item = &UniqueId> {
        self.number(id)
            .into_iter()
            .flat_map(|number| self.children_of(number))
            .filter_map(|number| self.ids.get(*number))
    }

    /// Everything upstream of a member, itself excluded.
    pub fn ancestors(&self, id: &UniqueId) -> BTreeSet<UniqueId> {
        self.to_ids(&self.upstream(&self.number(id).into_iter().collect(), Depth::All))
    }

    /// Everything downstream of a member, itself excluded.
    pub fn descendants(&self, id: &UniqueId) -> BTreeSet<UniqueId> {
        self.to_ids(&self.downstream(&self.number(id).into_iter().collect(), Depth::All))
    }

    pub(super) fn number(&self, id: &UniqueId) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    pub(super) fn id(&self, number: usize) -> Option<&UniqueId> {
        self.ids.get(number)
    }

    pub(super) fn parents_of(&self, number: usize) -> &[usize] {
        self.parents.get(number).map_or(&[], Vec::as_slice)
    }

    pub(super) fn children_of(&self, number: usize) -> &[usize] {
        self.children.get(number).map_or(&[], Vec::as_slice)
    }

    pub(super) fn to_ids(&self, set: &Set) -> BTreeSet<UniqueId> {
        set.iter().filter_map(|number| self.ids.get(*number)).cloned().collect()
    }

    /// Ancestors up to a depth. Members of `from` are in the result only when they are ancestors of other ones.
    pub(super) fn upstream(&self, from: &Set, depth: Depth) -> Set {
        self.reach(from, depth, |number| self.parents_of(number))
    }

    pub(super) fn downstream(&self, from: &Set, depth: Depth) -> Set {
        self.reach(from, depth, |number| self.children_of(number))
    }

    fn reach<'a>(&'a self, from: &Set, depth: Depth, next: impl Fn(usize) -> &'a [usize]) -> Set {
        let mut seen = vec![false; self.ids.len()];
        let mut layer: Vec<usize> = from.iter().copied().collect();
        let mut left = match depth {
            Depth::All => None,
            Depth::Up(depth) => Some(depth),
        };
        while !layer.is_empty() && left != Some(0) {
            let mut following = Vec::new();
            for number in layer.iter().flat_map(|number| next(*number)) {
                if let Some(seen) = seen.get_mut(*number).filter(|seen| !**seen) {
                    *seen = true;
                    following.push(*number);
                }
            }
            layer = following;
            left = left.map(|left| left - 1);
        }
        seen.iter().enumerate().filter(|(_, seen)| **seen).map(|(number, _)| number).collect()
    }
}
