//! Sources outside the warehouse: files, globs and Hive-partitioned folders, named by path or by a `read_…` function.
//!
//! [`resolve_external`] finds them in a statement, lists the files, reads their schemas and puts a table in their place.
//! Knows files and formats; knows nothing of the warehouse's own tables.

mod formats;
mod glob;
mod listing;
mod partitions;
mod reference;
mod schemas;
mod source;
mod table;
#[cfg(test)]
mod tests;

use std::{ops::ControlFlow, path::PathBuf, sync::Arc};

use datafusion::{
    catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, TableProvider},
    common::{DataFusionError, TableReference},
    prelude::SessionContext,
    sql::sqlparser::ast::{Ident, ObjectName, Statement, TableAlias, TableFactor, VisitMut, VisitorMut},
};

use self::reference::Reference;
use crate::engine::{EngineError, RelationFacts};

/// Where the tables of a statement's files live for as long as it runs: a catalog beside the warehouse's.
const CATALOG: &str = "__external";
const SCHEMA: &str = "files";

/// Where paths start.
#[derive(Debug, Clone)]
pub struct ExternalOptions {
    /// A relative path in SQL starts here.
    pub project_root: PathBuf,
}

/// The tables that [`resolve_external`] registered for one statement.
#[derive(Debug, Default)]
pub struct External {
    tables: Vec<(String, String)>,
}

impl External {
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Deregisters the tables. Call it when the statement is done, successful or not.
    pub fn release(&self, ctx: &SessionContext) {
        for (name, _) in &self.tables {
            // A table that is gone already is what was wanted.
            let _ = ctx.deregister_table(TableReference::full(CATALOG, SCHEMA, name.as_str()));
        }
    }

    /// A failure to read, naming the sources that the statement reads; `None` when it reads none.
    pub fn explain(&self, error: &DataFusionError) -> Option<EngineError> {
        if self.tables.is_empty() {
            return None;
        }
        let sources: Vec<String> = self.tables.iter().map(|(_, written)| format!("`{written}`")).collect();
        let message = match crate::engine::datafusion::checks::data_error(error) {
            Some(error) => error.to_string(),
            None => error.find_root().strip_backtrace(),
        };
        Some(EngineError::Data { message: format!("{message} (reading {})", sources.join(", ")) })
    }
}

/// Finds `'path'`, `read_parquet(…)`, `read_csv(…)`, `read_json(…)` and `delta_scan(…)` in table position, registers each
/// as a table and rewrites the reference. No file but footers and heads is read.
///
/// # Errors
/// [`EngineError::Sql`] for a wrong call, [`EngineError::Data`] or [`EngineError::Storage`] for the files.
pub async fn resolve_external(
    ctx: &SessionContext,
    statement: &mut Statement,
    options: &ExternalOptions,
) -> Result<External, EngineError> {
    let mut finder = Finder { found: Vec::new() };
    if let ControlFlow::Break(error) = statement.visit(&mut finder) {
        return Err(*error);
    }
    let mut external = External::default();
    for (name, reference) in finder.found {
        let registered = match provider(ctx, &reference, options).await {
            Ok(table) => register(ctx, &name, table),
            Err(error) => Err(error),
        };
        if let Err(error) = registered {
            external.release(ctx);
            return Err(error);
        }
        external.tables.push((name, reference.written()));
    }
    Ok(external)
}

async fn provider(
    ctx: &SessionContext,
    reference: &Reference,
    options: &ExternalOptions,
) -> Result<Arc<dyn TableProvider>, EngineError> {
    match reference.format {
        Some(formats::Format::Delta) => source::delta(ctx, reference, options).await,
        _ => source::files(ctx, reference, options).await,
    }
}

/// What is known of the files that a table factor reads, without reading them; `None` when it reads no files, and for
/// tables on an object store.
///
/// # Errors
/// As [`resolve_external`].
pub async fn external_facts(
    ctx: &SessionContext,
    factor: &TableFactor,
    options: &ExternalOptions,
) -> Result<Option<RelationFacts>, EngineError> {
    let Some(reference) = reference::read(factor)? else { return Ok(None) };
    if reference.format == Some(formats::Format::Delta) || source::is_delta(&reference, options) {
        return Ok(source::delta_facts(&reference, options));
    }
    let listed = listing::list(ctx, &reference.paths, options).await?;
    let metas = || listed.files.iter().map(|file| &file.meta);
    Ok(Some(RelationFacts {
        rows: None,
        bytes: metas().map(|meta| meta.size).sum(),
        files: listed.files.len() as u64,
        last_changed: metas().map(|meta| meta.last_modified).max(),
        comment: None,
    }))
}

fn register(ctx: &SessionContext, name: &str, table: Arc<dyn TableProvider>) -> Result<(), EngineError> {
    let catalog = match ctx.catalog(CATALOG) {
        Some(catalog) => catalog,
        None => {
            let catalog: Arc<dyn CatalogProvider> = Arc::new(MemoryCatalogProvider::new());
            ctx.register_catalog(CATALOG, Arc::clone(&catalog));
            catalog
        }
    };
    let failed = |error: DataFusionError| EngineError::Internal { message: format!("cannot register files: {error}") };
    let schema = match catalog.schema(SCHEMA) {
        Some(schema) => schema,
        None => {
            let schema = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(SCHEMA, schema.clone()).map_err(failed)?;
            schema
        }
    };
    schema.register_table(name.to_owned(), table).map(|_| ()).map_err(failed)
}

/// Collects the references and puts names in their place.
struct Finder {
    found: Vec<(String, Reference)>,
}

impl VisitorMut for Finder {
    type Break = Box<EngineError>;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let reference = match reference::read(factor) {
            Ok(Some(reference)) => reference,
            Ok(None) => return ControlFlow::Continue(()),
            Err(error) => return ControlFlow::Break(Box::new(error)),
        };
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        if let TableFactor::Table { name: table, alias, args, .. } = factor {
            *table = ObjectName::from(vec![Ident::new(CATALOG), Ident::new(SCHEMA), Ident::new(name.as_str())]);
            *args = None;
            if alias.is_none() {
                *alias = Some(TableAlias {
                    explicit: true,
                    name: Ident::with_quote('"', reference.default_alias()),
                    columns: Vec::new(),
                    at: None,
                });
            }
        }
        self.found.push((name, reference));
        ControlFlow::Continue(())
    }
}
