//! `clone`: which relations of another environment are copied.

use std::path::PathBuf;

use crate::{
    artifacts::read_manifest,
    cli::{CommandError, invocation::Invocation, prepare::Prepared, state::none_given},
    names::{Relation, ResourceType as R, UniqueId},
    run::context::Defer,
};

pub const TYPES: &[R] = &[R::Model, R::Seed, R::Snapshot];

/// The folder with the manifest of the other environment.
///
/// # Errors
/// It is not given.
pub fn folder(invocation: &Invocation) -> Result<PathBuf, CommandError> {
    let flags = &invocation.flags;
    let folder = flags.text("defer_state").or_else(|| flags.text("state"));
    folder.map(PathBuf::from).ok_or_else(|| none_given().help("for example: --state path/to/production/target").into())
}

/// The relations of the other environment.
///
/// # Errors
/// Its manifest cannot be read.
pub fn relations(invocation: &Invocation, prepared: &Prepared) -> Result<Defer, CommandError> {
    let folder = prepared.project.root.join(folder(invocation)?);
    let state = read_manifest(&folder.join("manifest.json"))?;
    let relations = state.nodes.values().filter_map(|node| {
        node.relation_name.as_ref()?;
        let relation = Relation::new(node.database.clone()?, node.schema.clone()?, node.alias.clone()?);
        Some((UniqueId::new(node.unique_id.as_str()), relation))
    });
    Ok(Defer { favor_state: false, relations: relations.collect() })
}
