//! The columns of a test's inputs: as they are in the warehouse, else as planning the project's SQL gives them, else as
//! declared. So a unit test needs no table.

use std::sync::Arc;

use crate::{
    engine::Column,
    jinja::{Template, Value},
    manifest::{ColumnInfo, Node, Source},
    names::{Relation, ResourceType, UniqueId},
};

use indexmap::IndexMap;

use super::{
    super::{
        compile::{NodeError, origin},
        context::{NodeContext, UnitInputs, source_relation},
        execute::read_seed,
        inject::{Cte, inject},
        runner::Runner,
        seed::sql_type,
    },
    fixture::{empty_sql, shared},
};

/// Where columns are looked up.
pub(super) struct Schemas<'a> {
    pub runner: &'a Runner,
    pub context: &'a NodeContext,
}

/// What is known of an input's columns.
pub(super) enum Known {
    /// All of them.
    All(Vec<Column>),
    /// Those with a declared type; there may be more.
    Some(Vec<Column>),
}

/// Depth of models over models at which planning gives up.
const MAX_DEPTH: usize = 200;

impl Schemas<'_> {
    /// What an input is called.
    pub(super) fn name(&self, id: &UniqueId) -> String {
        let manifest = self.runner.manifest();
        let node = manifest.nodes.get(id).map(|node| node.name.clone());
        node.or_else(|| manifest.sources.get(id).map(|source| source.name.clone())).unwrap_or_else(|| id.to_string())
    }

    pub(super) fn is_seed(&self, id: &UniqueId) -> bool {
        self.runner.manifest().nodes.get(id).is_some_and(|node| node.resource_type == ResourceType::Seed)
    }

    /// The columns of a node or source.
    ///
    /// # Errors
    /// The engine's, when the warehouse cannot be read.
    pub(super) fn find(&self, id: &UniqueId) -> Result<Known, NodeError> {
        if let Some(columns) = self.stored(id)? {
            return Ok(Known::All(columns));
        }
        let manifest = self.runner.manifest();
        match self.planned(id) {
            Ok(columns) => Ok(Known::All(columns)),
            Err(reason) => {
                tracing::debug!(%id, %reason, "columns could not be planned");
                if let Some(columns) = self.declared(id) {
                    return Ok(Known::All(columns));
                }
                let node = manifest.nodes.get(id).map(|node| &node.columns);
                let declared = node.or_else(|| manifest.sources.get(id).map(|source| &source.columns));
                Ok(Known::Some(declared.map(typed).unwrap_or_default()))
            }
        }
    }

    /// The columns in the warehouse, or in the one that is deferred to.
    fn stored(&self, id: &UniqueId) -> Result<Option<Vec<Column>>, NodeError> {
        let run = &self.runner.run;
        let manifest = self.runner.manifest();
        let mut places: Vec<Relation> = Vec::new();
        if let Some(node) = manifest.nodes.get(id).filter(|node| !node.is_ephemeral()) {
            places.push(node.relation(run.scopes.shared.quoting));
            places.extend(run.defer.as_ref().and_then(|defer| defer.relations.get(id)).cloned());
        } else if let Some(source) = manifest.sources.get(id) {
            let object = source_relation(source, &run.scopes.shared);
            if object.external.is_none() {
                places.push(object.relation);
            }
        }
        for relation in places {
            let columns = self.context.stored_columns(&relation);
            let columns = columns.map_err(|error| NodeError::of_diagnostic(error.to_diagnostic()))?;
            if columns.is_some() {
                return Ok(columns);
            }
        }
        Ok(None)
    }

    /// The columns that the project gives a node or source, without looking at what is stored of it.
    ///
    /// # Errors
    /// Why they cannot be told.
    pub(super) fn planned(&self, id: &UniqueId) -> Result<Vec<Column>, String> {
        self.planned_below(id, &mut Vec::new())
    }

    fn planned_below(&self, id: &UniqueId, open: &mut Vec<UniqueId>) -> Result<Vec<Column>, String> {
        if open.contains(id) || open.len() > MAX_DEPTH {
            return Err(format!("{id} depends on itself"));
        }
        let manifest = self.runner.manifest();
        if let Some(source) = manifest.sources.get(id) {
            return self.source(source);
        }
        let node = manifest.nodes.get(id).ok_or_else(|| format!("{id} is gone"))?;
        if node.resource_type == ResourceType::Seed {
            return seed(node);
        }
        open.push(id.clone());
        let columns = self.query(node, open);
        open.pop();
        columns
    }

    fn source(&self, source: &Source) -> Result<Vec<Column>, String> {
        match source_relation(source, &self.runner.run.scopes.shared).external {
            Some(external) => {
                let sql: Arc<str> = format!("select * from {external}").into();
                self.context.describe(&sql).map_err(|error| error.message)
            }
            None => Err(format!("source {}.{} is not in the warehouse", source.source_name, source.name)),
        }
    }

    /// The columns of a model's or snapshot's query over inputs without rows.
    fn query(&self, node: &Node, open: &mut Vec<UniqueId>) -> Result<Vec<Column>, String> {
        if node.language != "sql" {
            return Err(format!("{} is not written in SQL", node.unique_id));
        }
        let mut inputs = UnitInputs::default();
        let mut ctes = Vec::new();
        for (at, parent) in node.depends_on.nodes.iter().enumerate() {
            let stored = self.stored(parent).map_err(|error| error.diagnostic.message)?;
            let columns = match stored {
                Some(columns) => columns,
                None => self.planned_below(parent, open).or_else(|reason| self.declared(parent).ok_or(reason))?,
            };
            let name = format!("input_{at}");
            inputs.nodes.insert(parent.clone(), name.clone());
            ctes.push(Cte { alias: name, body: empty_sql(&columns) });
        }
        let context = NodeContext::of_node(&self.runner.run, node);
        context.set_unit_inputs(inputs);
        context.override_macro("is_incremental", Value::Bool(false));
        let template = Template::parse(&node.raw_code, origin(node)).map_err(|_| "it does not parse".to_owned())?;
        let body = context.render(&template).map_err(|error| error.message)?;
        let mut columns = context.describe(&shared(&inject(body, &ctes))).map_err(|error| error.message)?;
        if node.resource_type == ResourceType::Snapshot {
            columns.extend(snapshot_columns(node));
        }
        Ok(columns)
    }

    /// The declared columns of a source or node, when every one has a type.
    fn declared(&self, id: &UniqueId) -> Option<Vec<Column>> {
        let manifest = self.runner.manifest();
        let node = manifest.nodes.get(id).map(|node| &node.columns);
        let columns = node.or_else(|| manifest.sources.get(id).map(|source| &source.columns))?;
        let typed = typed(columns);
        (!typed.is_empty() && typed.len() == columns.len()).then_some(typed)
    }
}

fn column(name: &str, data_type: &str) -> Column {
    Column { name: name.to_owned(), data_type: data_type.to_owned(), nullable: true, comment: None }
}

fn typed(columns: &IndexMap<String, ColumnInfo>) -> Vec<Column> {
    columns.values().filter_map(|found| Some(column(&found.name, found.data_type.as_deref()?))).collect()
}

/// The columns of a seed's file, with the types that loading it would give.
fn seed(node: &Node) -> Result<Vec<Column>, String> {
    let table = read_seed(node).map_err(|error| error.diagnostic.message)?;
    let schema = table.map(|table| table.batch.schema()).ok_or_else(|| "no seed".to_owned())?;
    let types = node.config.get("column_types").cloned().unwrap_or(Value::None);
    let columns = schema.fields().iter().map(|field| {
        let own = types.get(field.name()).map(|found| found.to_str());
        column(field.name(), &own.unwrap_or_else(|| sql_type(field.data_type())))
    });
    Ok(columns.collect())
}

/// What a snapshot adds to the columns of its query.
fn snapshot_columns(node: &Node) -> Vec<Column> {
    let names = node.config.get("snapshot_meta_column_names").cloned().unwrap_or(Value::None);
    let own = |name: &str| {
        let given = names.get(name).filter(|found| !found.is_none());
        given.map_or_else(|| name.to_owned(), |found| found.to_str())
    };
    let mut columns = vec![
        column(&own("dbt_scd_id"), "varchar"),
        column(&own("dbt_updated_at"), "timestamp"),
        column(&own("dbt_valid_from"), "timestamp"),
        column(&own("dbt_valid_to"), "timestamp"),
    ];
    if node.config.text("hard_deletes") == Some("new_record") {
        columns.push(column(&own("dbt_is_deleted"), "varchar"));
    }
    columns
}
