//! Cycles: the one thing a graph of `ref`s may not have.

use std::collections::{HashMap, VecDeque};

use petgraph::{algo::kosaraju_scc, graph::DiGraph};

use crate::{
    diagnostic::Diagnostic,
    manifest::{Manifest, RefArgs},
};

use super::{Dag, Member};

/// One error per group of nodes that reach each other, with the shortest cycle in it, by unique id.
pub fn find_cycles(manifest: &Manifest, dag: &Dag) -> Vec<Diagnostic> {
    let mut graph: DiGraph<usize, (), usize> = DiGraph::with_capacity(dag.len(), dag.len());
    let nodes: Vec<_> = (0..dag.len()).map(|number| graph.add_node(number)).collect();
    for number in 0..dag.len() {
        for child in dag.children_of(number) {
            if let (Some(from), Some(to)) = (nodes.get(number), nodes.get(*child)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = kosaraju_scc(&graph)
        .into_iter()
        .map(|group| {
            let mut numbers: Vec<usize> =
                group.into_iter().filter_map(|node| graph.node_weight(node).copied()).collect();
            numbers.sort_unstable();
            numbers
        })
        .filter(|group| match group.as_slice() {
            [one] => dag.children_of(*one).contains(one),
            _ => true,
        })
        .collect();
    groups.sort();
    groups
        .iter()
        .filter_map(|group| group.first())
        .map(|first| describe(manifest, dag, &shortest(dag, *first)))
        .collect()
}

/// The shortest way from a member back to itself; the member is first and not repeated at the end.
fn shortest(dag: &Dag, start: usize) -> Vec<usize> {
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(number) = queue.pop_front() {
        for child in dag.children_of(number) {
            if *child == start {
                let mut path = vec![number];
                let mut at = number;
                while at != start {
                    let Some(previous) = came_from.get(&at) else { break };
                    at = *previous;
                    path.push(at);
                }
                path.reverse();
                return path;
            }
            if !came_from.contains_key(child) {
                came_from.insert(*child, number);
                queue.push_back(*child);
            }
        }
    }
    vec![start]
}

fn describe(manifest: &Manifest, dag: &Dag, cycle: &[usize]) -> Diagnostic {
    let ids: Vec<_> = cycle.iter().chain(cycle.first()).filter_map(|number| dag.id(*number)).collect();
    let path: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    let mut diagnostic = Diagnostic::error("cycle", format!("Found a cycle: {}", path.join(" --> ")));
    for pair in ids.windows(2) {
        let [parent, child] = pair else { continue };
        let (Some(parent), Some(child)) = (Member::find(manifest, parent), Member::find(manifest, child)) else {
            continue;
        };
        if let Some(span) = refs(child).iter().filter(|call| call.name == parent.name()).find_map(|call| call.span) {
            diagnostic = diagnostic.at(span, format!("`{}` reads `{}`", child.name(), parent.name()));
        }
    }
    if let Some(first) = ids.first() {
        diagnostic = diagnostic.node(first.as_str());
    }
    diagnostic.help("a model cannot read, through others, what it produces: remove one of these references")
}

fn refs(member: Member<'_>) -> &[RefArgs] {
    match member {
        Member::Node(node) => &node.refs,
        Member::Exposure(exposure) => &exposure.refs,
        Member::Source(_) => &[],
    }
}
