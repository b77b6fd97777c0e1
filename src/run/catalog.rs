//! What the warehouse holds of the project's relations, for catalog.json.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    artifacts::{Catalog, CatalogColumn, CatalogMetadata, CatalogStat, CatalogTable, no_stats, timestamp},
    engine::{Described, EngineError, RelationFacts},
    names::{Relation, RelationKey, RelationKind},
};

use super::{context::source_relation, runner::Runner};

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
    let mut external = Vec::new();
    for source in manifest.sources.values() {
        let object = source_relation(source, &runner.run.scopes.shared);
        if let Some(files) = object.external {
            external.push((source.unique_id.to_string(), object.relation, files));
            continue;
        }
        let relation = object.relation;
        wanted.entry(relation.key()).or_default().push((true, source.unique_id.to_string()));
    }
    let places: BTreeSet<(String, String)> =
        wanted.keys().map(|key| (key.database.clone(), key.schema.clone())).collect();
    let mut found: BTreeMap<(bool, String), CatalogTable> = BTreeMap::new();
    let mut unread = Vec::new();
    runner.run.bridge.wait(async {
        let session = runner.run.engine.session("catalog").await?;
        for (database, schema) in places {
            let is_wanted = |relation: &Relation| wanted.contains_key(&relation.key());
            for Described { relation, columns, facts } in session.described((&database, &schema), &is_wanted).await? {
                let Some(owners) = wanted.get(&relation.key()) else { continue };
                for (is_source, id) in owners {
                    let kind = match relation.kind {
                        Some(RelationKind::View) => "VIEW",
                        Some(RelationKind::DynamicTable) => "DYNAMIC TABLE",
                        _ => "BASE TABLE",
                    };
                    found.insert((*is_source, id.clone()), table((&relation, kind), &columns, facts.as_ref(), id));
                }
            }
        }
        for (id, relation, files) in external {
            // Files that are not there are told by whoever reads them; the catalog has what there is.
            match session.describe(&format!("select * from {files}")).await {
                Ok(columns) => {
                    let facts = session.facts(&relation, Some(&files)).await.unwrap_or_default();
                    found.insert(
                        (true, id.clone()),
                        table((&relation, "EXTERNAL TABLE"), &columns, facts.as_ref(), &id),
                    );
                }
                Err(error) => unread.push(format!("{id}: {error}")),
            }
        }
        Ok::<(), EngineError>(())
    })?;
    let mut catalog = Catalog { errors: (!unread.is_empty()).then_some(unread), ..Catalog::default() };
    for ((is_source, id), table) in found {
        let section = if is_source { &mut catalog.sources } else { &mut catalog.nodes };
        section.insert(id, table);
    }
    Ok(catalog)
}

fn table(
    (relation, kind): (&Relation, &str),
    columns: &[crate::engine::Column],
    facts: Option<&RelationFacts>,
    id: &str,
) -> CatalogTable {
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
            comment: facts.and_then(|facts| facts.comment.clone()),
            owner: None,
        },
        columns: columns.collect(),
        stats: facts.map_or_else(no_stats, stats),
        unique_id: Some(id.to_owned()),
    }
}

/// What the engine knows of a table, as dbt's statistics.
fn stats(facts: &RelationFacts) -> IndexMap<String, CatalogStat> {
    let RelationFacts { rows, bytes, files, last_changed, .. } = *facts;
    let known = [
        ("row_count", "Row Count", rows.map(Value::from), "How many rows the table has"),
        ("bytes", "Size in Bytes", (files > 0).then(|| bytes.into()), "The size of the table's data files"),
        ("files", "Files", (files > 0).then(|| files.into()), "How many data files the table has"),
        ("last_modified", "Last Modified", last_changed.map(|at| timestamp(at).into()), "When rows last changed"),
    ];
    let mut stats: IndexMap<String, CatalogStat> = IndexMap::new();
    for (id, label, value, description) in known {
        let Some(value) = value else { continue };
        let stat =
            CatalogStat { id: id.into(), label: label.into(), value, include: true, description: description.into() };
        stats.insert(id.to_owned(), stat);
    }
    let mut has_stats = no_stats();
    if let Some(stat) = has_stats.get_mut("has_stats") {
        stat.value = (!stats.is_empty()).into();
    }
    stats.extend(has_stats);
    stats
}
