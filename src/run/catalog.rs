//! What the warehouse holds of the project's relations, for catalog.json.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    artifacts::{Catalog, CatalogColumn, CatalogMetadata, CatalogTable, no_stats},
    engine::EngineError,
    names::{Relation, RelationKey, RelationKind},
};

use super::runner::Runner;

/// The relations of nodes and sources that exist, in the order of their unique ids.
///
/// # Errors
/// The engine's, when a schema cannot be listed.
pub fn catalog(runner: &Runner) -> Result<Catalog, EngineError> {
    let manifest = runner.manifest();
    let quoting = runner.run.scopes.shared.quoting;
    let mut wanted: BTreeMap<RelationKey, Vec<(bool, String)>> = BTreeMap::new();
    for node in manifest.nodes.values().filter(|node| node.is_refable() && !node.is_ephemeral()) {
        wanted.entry(node.relation(quoting).key()).or_default().push((false, node.unique_id.to_string()));
    }
    for source in manifest.sources.values() {
        let relation = Relation::new(source.database.clone(), source.schema.clone(), source.identifier.clone());
        wanted.entry(relation.key()).or_default().push((true, source.unique_id.to_string()));
    }
    let places: BTreeSet<(String, String)> =
        wanted.keys().map(|key| (key.database.clone(), key.schema.clone())).collect();
    let mut found: BTreeMap<(bool, String), CatalogTable> = BTreeMap::new();
    runner.run.bridge.wait(async {
        let session = runner.run.engine.session("catalog").await?;
        for (database, schema) in places {
            for relation in session.relations(&database, &schema).await? {
                let Some(owners) = wanted.get(&relation.key()) else { continue };
                let columns = session.columns(&relation).await?.unwrap_or_default();
                for (is_source, id) in owners {
                    found.insert((*is_source, id.clone()), table(&relation, &columns, id));
                }
            }
        }
        Ok::<(), EngineError>(())
    })?;
    let mut catalog = Catalog::default();
    for ((is_source, id), table) in found {
        let section = if is_source { &mut catalog.sources } else { &mut catalog.nodes };
        section.insert(id, table);
    }
    Ok(catalog)
}

fn table(relation: &Relation, columns: &[crate::engine::Column], id: &str) -> CatalogTable {
    let kind = if relation.kind == Some(RelationKind::View) { "VIEW" } else { "BASE TABLE" };
    let columns = columns.iter().enumerate().map(|(at, column)| {
        let entry = CatalogColumn {
            data_type: column.data_type.clone(),
            index: at + 1,
            name: column.name.clone(),
            comment: column.comment.clone(),
        };
        (column.name.clone(), entry)
    });
    CatalogTable {
        metadata: CatalogMetadata {
            kind: kind.to_owned(),
            schema: relation.schema.clone().unwrap_or_default(),
            name: relation.identifier.clone().unwrap_or_default(),
            database: relation.database.clone(),
            comment: None,
            owner: None,
        },
        columns: columns.collect(),
        stats: no_stats(),
        unique_id: Some(id.to_owned()),
    }
}
