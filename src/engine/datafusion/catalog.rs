//! The warehouse as DataFusion's catalogs: databases, schemas and tables are looked up in the directory at the moment a
//! statement is planned, without case. Views are planned where they are used.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, Weak},
};

use async_trait::async_trait;
use datafusion::{
    catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider, view::ViewTable},
    error::{DataFusionError, Result},
};

use super::{
    core::{Name, SessionCore, locked},
    errors::carry,
    information_schema, layout,
    parse::{self, Version, split_version, sql_error},
    query,
    table::{At, Table},
};
use crate::{engine::EngineError, names::RelationKind};

/// All databases of a session.
pub(super) struct LakeCatalogs {
    session: Weak<SessionCore>,
    /// Catalogs that are no databases: of external files.
    others: Mutex<HashMap<String, Arc<dyn CatalogProvider>>>,
}

impl LakeCatalogs {
    pub fn new(session: Weak<SessionCore>) -> Self {
        Self { session, others: Mutex::default() }
    }
}

impl fmt::Debug for LakeCatalogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LakeCatalogs")
    }
}

impl CatalogProviderList for LakeCatalogs {
    fn register_catalog(&self, name: String, catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        locked(&self.others).insert(name, catalog)
    }

    fn catalog_names(&self) -> Vec<String> {
        let session = self.session.upgrade();
        session.map(|session| session.lake.roots.iter().map(|root| root.name.clone()).collect()).unwrap_or_default()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        if let Some(other) = locked(&self.others).get(name) {
            return Some(Arc::clone(other));
        }
        self.session.upgrade()?.root(name).ok()?;
        Some(Arc::new(LakeCatalog { session: self.session.clone(), database: name.to_owned() }))
    }
}

struct LakeCatalog {
    session: Weak<SessionCore>,
    database: String,
}

impl fmt::Debug for LakeCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeCatalog({})", self.database)
    }
}

impl CatalogProvider for LakeCatalog {
    fn schema_names(&self) -> Vec<String> {
        let session = self.session.upgrade();
        session.and_then(|session| layout::schemas(session.root(&self.database).ok()?).ok()).unwrap_or_default()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        // Every schema is answered for: a missing one gets a better error when its table is looked up.
        Some(Arc::new(LakeSchema {
            session: self.session.clone(),
            database: self.database.clone(),
            schema: name.to_owned(),
        }))
    }
}

struct LakeSchema {
    session: Weak<SessionCore>,
    database: String,
    schema: String,
}

impl fmt::Debug for LakeSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LakeSchema({}.{})", self.database, self.schema)
    }
}

impl LakeSchema {
    fn session(&self) -> Result<Arc<SessionCore>> {
        self.session.upgrade().ok_or_else(|| DataFusionError::Plan("the session is closed".to_owned()))
    }
}

#[async_trait]
impl SchemaProvider for LakeSchema {
    fn table_names(&self) -> Vec<String> {
        let Ok(session) = self.session() else { return Vec::new() };
        let Ok(root) = session.root(&self.database) else { return Vec::new() };
        layout::relations(root, &self.schema).unwrap_or_default().into_iter().map(|(name, _)| name).collect()
    }

    async fn table(&self, table: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let session = self.session()?;
        if let Some(guest) = locked(&session.guests).get(table) {
            return Ok(Some(Arc::clone(guest)));
        }
        let name = Name { database: self.database.clone(), schema: self.schema.clone(), table: table.to_owned() };
        lookup(&session, &name).await.map_err(carry)
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(locked(&self.session()?.guests).insert(name, table))
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(locked(&self.session()?.guests).remove(name))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.session().is_ok_and(|session| locked(&session.guests).contains_key(name))
    }
}

/// The relation behind a name, for a query; `None` when there is none.
pub(super) async fn lookup(
    session: &Arc<SessionCore>,
    name: &Name,
) -> std::result::Result<Option<Arc<dyn TableProvider>>, EngineError> {
    if let Some(table) = session.temporary(name) {
        return Ok(Some(table));
    }
    if name.schema.eq_ignore_ascii_case(information_schema::NAME) {
        return information_schema::table(session, &name.database, &name.table).await;
    }
    let (table, version) = split_version(&name.table);
    let name = Name { table: table.to_owned(), ..name.clone() };
    let (place, kind) = session.find(&name)?;
    match (kind, version) {
        (None, _) => match session.any_temporary(&name.table) {
            Some(table) => Ok(Some(table)),
            None => Ok(None),
        },
        (Some(RelationKind::View), None) => {
            let view = layout::read_view(&place)?;
            Ok(Some(Arc::new(plan_view(session, &name, &view).await?)))
        }
        (Some(RelationKind::View), Some(_)) => Err(sql_error(format!("{name} is a view; only tables have versions"))),
        (Some(_), None) => {
            let table = session.table(&place).await?;
            session.note_read(&table);
            Ok(Some(table.provider(&session.state()).await?))
        }
        (Some(_), Some(version)) => {
            let at = match version {
                Version::Number(text) => text.parse().map(At::Version).ok(),
                Version::Timestamp(text) => timestamp(text).map(At::Timestamp),
            };
            let at = at.ok_or_else(|| sql_error("a version is a number, a timestamp is `'2024-01-31 12:00:00'`"))?;
            let table = Table::load(&place, place.table_dir(), &session.store, &at)
                .await
                .map_err(|error| sql_error(format!("{name} has no such version: {error}")))?;
            Ok(Some(table.provider(&session.state()).await?))
        }
    }
}

/// A timestamp as people write it; without a zone it is UTC.
fn timestamp(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let naive = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok());
    let naive = naive.or_else(|| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    naive.map(|naive| naive.and_utc())
}

async fn plan_view(
    session: &Arc<SessionCore>,
    name: &Name,
    view: &layout::ViewFile,
) -> std::result::Result<ViewTable, EngineError> {
    {
        let mut planning = locked(&session.planning);
        if planning.contains(name) {
            return Err(sql_error(format!("view {name} reads itself")));
        }
        planning.push(name.clone());
    }
    let planned = Box::pin(plan_view_text(session, view)).await;
    locked(&session.planning).retain(|planning| planning != name);
    let plan = planned.map_err(|error| in_view(name, error))?;
    Ok(ViewTable::new(plan, Some(view.sql.clone())))
}

async fn plan_view_text(
    session: &Arc<SessionCore>,
    view: &layout::ViewFile,
) -> std::result::Result<datafusion::logical_expr::LogicalPlan, EngineError> {
    let mut statements = parse::parse_as(&view.sql, view.dialect)?.into_iter();
    match statements.next() {
        Some(statement) => query::plan(session, statement).await.map(|(plan, _)| plan),
        None => Err(sql_error("the view is empty")),
    }
}

/// An error inside of a view: the position is of the view's text, so it would mislead.
fn in_view(name: &Name, error: EngineError) -> EngineError {
    match error {
        EngineError::Sql { message, help, .. } => {
            EngineError::Sql { message: format!("view {name} cannot be read: {message}"), position: None, help }
        }
        other => other,
    }
}
