//! Relations, schemas and columns for templates: `adapter.get_relation`, `create_schema`, `get_columns_in_relation`, ….

use std::sync::Arc;

use crate::{
    engine::Column,
    jinja::{Args, ErrorKind, Interp, JinjaError, Value},
    manifest::context::{
        ColumnObject, RelationObject,
        adapter::relation_argument,
        arguments::{bind, bind_open, is_nothing, lookup, string_pairs},
        base::iterate,
    },
    names::{Policy, Relation},
};

use super::{
    cache::Cached,
    errors::{of_call, of_statement, sql_text},
    node::NodeState,
};

impl NodeState {
    /// The relations of a schema, listed once per run.
    pub(super) fn relations(&self, place: &Relation) -> Result<Vec<Cached>, JinjaError> {
        let database = place.database.clone().unwrap_or_default();
        let schema = place.schema.clone().unwrap_or_default();
        self.run.cache.listed(place, || {
            let session = self.session()?;
            self.run.bridge.wait(session.relations(&database, &schema)).map_err(|error| of_call(&error))
        })
    }

    /// The relation in the warehouse of this name, if there is one.
    ///
    /// # Errors
    /// There is one whose case differs, and it was not made by this run.
    pub(super) fn find_relation(&self, wanted: &Relation) -> Result<Option<RelationObject>, JinjaError> {
        let key = wanted.key();
        let relations = self.relations(wanted)?;
        let Some(found) = relations.into_iter().find(|cached| cached.relation.key().identifier == key.identifier)
        else {
            return Ok(None);
        };
        let quote = self.run.scopes.shared.quoting;
        let exact = found.relation.identifier == wanted.identifier;
        if !exact && !found.created && quote.identifier {
            return Err(JinjaError::raised(format!(
                "When searching for a relation, dbt found an approximate match. Instead of guessing \nwhich relation to \
                 use, dbt will move on. Please delete {}, or rename it to be less ambiguous.\nSearched for: {}\nFound: {}",
                found.relation.render(),
                wanted.render(),
                found.relation.render()
            )));
        }
        Ok(Some(self.as_stored(found).into()))
    }

    /// A listed relation, quoted by the project. Where names are not quoted a stored name is told as it is, in quotes: the
    /// warehouse would change its case otherwise.
    fn as_stored(&self, cached: Cached) -> Relation {
        let shared = &self.run.scopes.shared;
        let quote = match (shared.adapter_quoting == Policy::ALL, cached.created) {
            (true, _) => shared.quoting,
            (false, true) => cached.relation.quote,
            (false, false) => Policy::ALL,
        };
        Relation { quote, include: Policy::ALL, ..cached.relation }
    }

    pub(super) fn get_relation(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind_open(args, "get_relation", &["database", "schema", "identifier", "needs_information"])?;
        let (Some(schema), Some(identifier)) = (bound.text("schema"), bound.text("identifier")) else {
            return Ok(Value::None);
        };
        let database = bound.text("database").unwrap_or_else(|| self.run.scopes.shared.target_database.to_string());
        let found = self.find_relation(&Relation::new(database, schema, identifier))?;
        Ok(found.map_or(Value::None, RelationObject::into_value))
    }

    pub(super) fn list_relations(&self, args: Args) -> Result<Value, JinjaError> {
        let place = self.schema_argument(args, "list_relations")?;
        let relations = self.relations(&place)?.into_iter();
        Ok(Value::list(relations.map(|cached| RelationObject::from(self.as_stored(cached)).into_value())))
    }

    /// A schema given as a relation or as `(database, schema)`.
    fn schema_argument(&self, args: Args, function: &'static str) -> Result<Relation, JinjaError> {
        if let Some(relation) = args.positional.first().or_else(|| args.keyword.values().next())
            && let Some(relation) = RelationObject::from_value(relation)
        {
            return Ok(relation.relation.clone());
        }
        let bound = bind_open(args, function, &["database", "schema"])?;
        let shared = &self.run.scopes.shared;
        let database = bound.text("database").unwrap_or_else(|| shared.target_database.to_string());
        let schema = bound.text("schema").unwrap_or_else(|| shared.target_schema.to_string());
        Ok(Relation { quote: shared.quoting, ..Relation::new(database, schema, "") })
    }

    pub(super) fn check_schema_exists(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "check_schema_exists", &["database", "schema"])?;
        let schemas = self.schemas(bound.text("database"))?;
        let wanted = bound.required_text("schema")?;
        Ok(schemas.iter().any(|schema| schema.eq_ignore_ascii_case(&wanted)).into())
    }

    pub(super) fn list_schemas(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind_open(args, "list_schemas", &["database"])?;
        Ok(Value::list(self.schemas(bound.text("database"))?.into_iter().map(Value::from)))
    }

    fn schemas(&self, database: Option<String>) -> Result<Vec<String>, JinjaError> {
        let session = self.session()?;
        let database = database.unwrap_or_else(|| self.run.scopes.shared.target_database.to_string());
        self.run.bridge.wait(session.schemas(&database)).map_err(|error| of_call(&error))
    }

    /// Calls the macro that a project may override for this step, with keyword arguments.
    fn call_step(
        &self,
        interp: &mut Interp<'_>,
        name: &str,
        keyword: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<Value, JinjaError> {
        let macros = &self.run.scopes.shared.macros;
        let definition = macros.find(macros.root(), name).cloned().ok_or_else(|| {
            JinjaError::new(
                ErrorKind::Undefined,
                format!("dbt could not find a macro with the name \"{name}\" in any package"),
            )
        })?;
        let keyword = keyword.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let args = Args { positional: Vec::new(), keyword };
        interp.call_macro(&definition, args)
    }

    pub(super) fn create_schema(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let place = bind(args, "create_schema", &["relation"])?.required("relation")?;
        relation_argument(&place, "create_schema")?;
        self.call_step(interp, "create_schema", [("relation", place)])?;
        Ok("".into())
    }

    pub(super) fn drop_schema(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let place = bind(args, "drop_schema", &["relation"])?.required("relation")?;
        let relation = relation_argument(&place, "drop_schema")?.relation.clone();
        self.call_step(interp, "drop_schema", [("relation", place)])?;
        self.run.cache.drop_schema(&relation);
        Ok("".into())
    }

    pub(super) fn drop_relation(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let value = bind(args, "drop_relation", &["relation"])?.required("relation")?;
        let relation = relation_argument(&value, "drop_relation")?.relation.clone();
        if relation.kind.is_none() {
            return Err(JinjaError::raised(format!("Tried to drop relation {relation}, but its type is null.")));
        }
        self.run.cache.drop(&relation);
        self.call_step(interp, "drop_relation", [("relation", value)])?;
        Ok("".into())
    }

    pub(super) fn truncate_relation(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let value = bind(args, "truncate_relation", &["relation"])?.required("relation")?;
        relation_argument(&value, "truncate_relation")?;
        self.call_step(interp, "truncate_relation", [("relation", value)])?;
        Ok("".into())
    }

    pub(super) fn rename_relation(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "rename_relation", &["from_relation", "to_relation"])?;
        let (from, to) = (bound.required("from_relation")?, bound.required("to_relation")?);
        let old = relation_argument(&from, "rename_relation")?.relation.clone();
        let new = relation_argument(&to, "rename_relation")?.relation.clone();
        self.call_step(interp, "rename_relation", [("from_relation", from), ("to_relation", to)])?;
        self.run.cache.rename(&old, &new);
        Ok("".into())
    }

    /// `cache_added`, `cache_dropped`: by a macro that ran SQL of its own.
    pub(super) fn cache_step(&self, name: &'static str, args: Args) -> Result<Value, JinjaError> {
        let value = bind(args, name, &["relation"])?.required("relation")?;
        if is_nothing(&value) {
            return Err(JinjaError::raised(format!("Attempted to {name} a null relation")));
        }
        let relation = &relation_argument(&value, name)?.relation;
        match name {
            "cache_added" => self.run.cache.add(relation),
            _ => self.run.cache.drop(relation),
        }
        Ok("".into())
    }

    pub(super) fn cache_renamed(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "cache_renamed", &["from_relation", "to_relation"])?;
        let (from, to) = (bound.required("from_relation")?, bound.required("to_relation")?);
        let (from, to) = (relation_argument(&from, "cache_renamed")?, relation_argument(&to, "cache_renamed")?);
        self.run.cache.rename(&from.relation, &to.relation);
        Ok("".into())
    }

    /// The columns of a relation in order; none when it does not exist.
    pub(super) fn columns_of(&self, relation: &Relation) -> Result<Vec<ColumnObject>, JinjaError> {
        let session = self.session()?;
        let columns = self.run.bridge.wait(session.columns(relation)).map_err(|error| of_call(&error))?;
        Ok(columns.unwrap_or_default().iter().map(|found| self.column(found)).collect())
    }

    pub(super) fn get_columns(&self, args: Args) -> Result<Value, JinjaError> {
        let value = bind(args, "get_columns_in_relation", &["relation"])?.required("relation")?;
        let object = relation_argument(&value, "get_columns_in_relation")?;
        let columns = match &object.external {
            Some(external) => self.described(&format!("select * from {external}"))?,
            None => self.columns_of(&object.relation)?,
        };
        Ok(Value::list(columns.into_iter().map(ColumnObject::into_value)))
    }

    fn column(&self, column: &Column) -> ColumnObject {
        ColumnObject::of_engine(&column.name, &column.data_type, self.run.scopes.shared.wide_types)
    }

    fn described(&self, sql: &str) -> Result<Vec<ColumnObject>, JinjaError> {
        let session = self.session()?;
        let columns = self.run.bridge.wait(session.describe(sql)).map_err(|error| of_call(&error))?;
        Ok(columns.iter().map(|found| self.column(found)).collect())
    }

    pub(super) fn columns_of_query(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind_open(args, "get_column_schema_from_query", &["sql"])?;
        let sql: Arc<str> = sql_text(&bound.required("sql")?);
        let columns = self.describe(interp, &sql)?;
        Ok(Value::list(columns.iter().map(|found| self.column(found).into_value())))
    }

    /// The columns of a query, which is not run.
    pub(super) fn describe(&self, interp: &Interp<'_>, sql: &Arc<str>) -> Result<Vec<Column>, JinjaError> {
        let session = self.session()?;
        self.run
            .bridge
            .wait(session.describe(sql))
            .map_err(|error| of_statement(interp, sql, self.compiled_text().as_deref(), &error))
    }

    /// Columns of the first relation that the second lacks.
    pub(super) fn missing_columns(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "get_missing_columns", &["from_relation", "to_relation"])?;
        let (from, to) = (bound.required("from_relation")?, bound.required("to_relation")?);
        let from = self.columns_of(&relation_argument(&from, "get_missing_columns")?.relation)?;
        let to = self.columns_of(&relation_argument(&to, "get_missing_columns")?.relation)?;
        let missing =
            from.into_iter().filter(|column| !to.iter().any(|other| other.name.eq_ignore_ascii_case(&column.name)));
        Ok(Value::list(missing.map(ColumnObject::into_value)))
    }

    /// Widens text columns of `to_relation` to what `from_relation` has.
    pub(super) fn expand_types(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "expand_target_column_types", &["from_relation", "to_relation"])?;
        let (from, to) = (bound.required("from_relation")?, bound.required("to_relation")?);
        let source = self.columns_of(&relation_argument(&from, "expand_target_column_types")?.relation)?;
        let target = self.columns_of(&relation_argument(&to, "expand_target_column_types")?.relation)?;
        for wide in source {
            let narrow = target.iter().find(|column| column.name == wide.name);
            if !narrow.is_some_and(|narrow| narrow.can_expand_to(&wide)) {
                continue;
            }
            let arguments = [
                ("relation", to.clone()),
                ("column_name", wide.name.clone().into()),
                ("new_column_type", wide.data_type().into()),
            ];
            self.call_step(interp, "alter_column_type", arguments)?;
        }
        Ok("".into())
    }

    /// Checks that a snapshot's table has the columns that its strategy needs.
    pub(super) fn valid_snapshot_target(&self, args: Args, with_strategy: bool) -> Result<Value, JinjaError> {
        let bound = bind_open(args, "valid_snapshot_target", &["relation", "column_names", "strategy"])?;
        let value = bound.required("relation")?;
        let relation = &relation_argument(&value, "valid_snapshot_target")?.relation;
        let names = bound.get("column_names").filter(|names| !is_nothing(names));
        let named = |key: &str| {
            let given = names.and_then(|names| lookup(names, key));
            given.filter(|name| !is_nothing(name)).map_or_else(|| key.to_owned(), |name| name.to_str())
        };
        let mut needed: Vec<String> = ["dbt_scd_id", "dbt_valid_from", "dbt_valid_to"].into_iter().map(named).collect();
        let strategy = bound.get("strategy").and_then(string_pairs).unwrap_or_default();
        let new_record =
            strategy.iter().any(|(key, value)| key == "hard_deletes" && value.as_str() == Some("new_record"));
        if with_strategy && new_record {
            needed.push(named("dbt_is_deleted"));
        }
        let columns = self.columns_of(relation)?;
        let has = |name: &String| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let missing: Vec<String> = needed.into_iter().filter(|name| !has(name)).collect();
        if missing.is_empty() {
            return Ok(Value::None);
        }
        let list = |names: &[String]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        Err(JinjaError::raised(format!("Snapshot target is missing configured columns (missing {})", list(&missing))))
    }

    /// `get_incremental_strategy_macro(context, strategy)`.
    pub(super) fn strategy_macro(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        const BUILT_IN: [&str; 5] = ["append", "delete+insert", "merge", "insert_overwrite", "microbatch"];
        let bound = bind(args, "get_incremental_strategy_macro", &["model_context", "strategy"])?;
        let strategy = bound.text("strategy").unwrap_or_else(|| "default".to_owned());
        let valid = &self.run.scopes.shared.incremental_strategies;
        if BUILT_IN.contains(&strategy.as_str()) && !valid.contains(&strategy.as_str()) {
            return Err(JinjaError::raised(format!(
                "The incremental strategy '{strategy}' is not valid for this adapter"
            )));
        }
        let name = format!("get_incremental_{}_sql", strategy.replace('+', "_"));
        interp.globals.get(&name).ok_or_else(|| {
            JinjaError::raised(format!(
                "dbt could not find an incremental strategy macro with the name \"{name}\" in {}",
                self.run.scopes.shared.project_name
            ))
        })
    }
}

/// Relations in what a materialization returned: `{'relations': […]}`.
///
/// # Errors
/// It returned something else.
pub fn returned_relations(value: &Value) -> Result<Vec<Relation>, JinjaError> {
    let wrong = || {
        JinjaError::raised(
            "The materialization did not explicitly return a list of relations to add to the cache, as in \
             `return({'relations': [target_relation]})`.",
        )
    };
    let relations = lookup(value, "relations").ok_or_else(wrong)?;
    iterate(&relations)?
        .iter()
        .map(|value| RelationObject::from_value(value).map(|object| object.relation.clone()).ok_or_else(wrong))
        .collect()
}
