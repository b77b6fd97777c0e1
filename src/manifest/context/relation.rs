//! Relations as values: what `ref`, `source`, `this` and `api.Relation.create` give.

use std::{any::Any, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    jinja::{Args, ErrorKind, Interp, JinjaError, Object, Value},
    names::{Policy, Relation, RelationKind},
};

use super::{
    arguments::{bind, bind_open, dict, is_nothing, lookup, text},
    mapping::mapping_method,
};

/// The prefix of the CTE that stands for an ephemeral model.
pub const EPHEMERAL_PREFIX: &str = "__dbt__cte__";

/// Rows of a relation by time: `field >= start and field < end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTimeFilter {
    /// SQL of the column.
    pub field: String,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
}

impl EventTimeFilter {
    fn condition(&self) -> Option<String> {
        let bound = |time: &DateTime<Utc>| super::datetime::text_of_utc(time);
        let field = &self.field;
        match (&self.start, &self.end) {
            (Some(start), Some(end)) => Some(format!("{field} >= '{}' and {field} < '{}'", bound(start), bound(end))),
            (Some(start), None) => Some(format!("{field} >= '{}'", bound(start))),
            (None, Some(end)) => Some(format!("{field} < '{}'", bound(end))),
            (None, None) => None,
        }
    }
}

/// A relation in a template. Equal when it renders the same and is of the same kind.
#[derive(Debug, Clone)]
pub struct RelationObject {
    pub relation: Relation,
    /// SQL that stands for the relation, such as a call that reads a file; replaces the dotted name.
    pub external: Option<Arc<str>>,
    /// `--empty` is 0.
    pub limit: Option<u64>,
    pub event_time: Option<EventTimeFilter>,
    /// A view of the information schema, after the name.
    pub view: Option<Arc<str>>,
}

impl From<Relation> for RelationObject {
    fn from(relation: Relation) -> Self {
        Self { relation, external: None, limit: None, event_time: None, view: None }
    }
}

impl RelationObject {
    pub fn into_value(self) -> Value {
        Value::object(self)
    }

    /// The relation behind a value, if it is one.
    pub fn from_value(value: &Value) -> Option<&RelationObject> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The CTE that stands for an ephemeral model.
    pub fn ephemeral(alias: &str) -> Self {
        let relation = Relation {
            database: None,
            schema: None,
            identifier: Some(format!("{EPHEMERAL_PREFIX}{alias}")),
            kind: Some(RelationKind::Cte),
            quote: Policy { identifier: false, ..Policy::ALL },
            include: Policy::ALL,
        };
        relation.into()
    }

    /// The name without limit and filter.
    pub fn render(&self) -> String {
        if let Some(external) = &self.external {
            return external.to_string();
        }
        let name = self.relation.render();
        match &self.view {
            Some(view) if name.is_empty() => view.to_string(),
            Some(view) => format!("{name}.{view}"),
            None => name,
        }
    }

    /// What `{{ relation }}` prints: the name, or a subquery when rows are limited.
    pub fn text(&self) -> String {
        let mut text = self.render();
        if self.relation.kind == Some(RelationKind::Function) {
            return text;
        }
        // Without an alias, so that a template may give one: `from {{ ref('a') }} as a`. Our engines need none.
        match self.limit {
            None => {}
            Some(0) => text = format!("(select * from {text} where false limit 0)"),
            Some(limit) => text = format!("(select * from {text} limit {limit})"),
        }
        if let Some(condition) = self.event_time.as_ref().and_then(EventTimeFilter::condition) {
            text = format!("(select * from {text} where {condition})");
        }
        text
    }

    fn with_relation(&self, relation: Relation) -> Self {
        Self { relation, ..self.clone() }
    }

    fn information_schema(&self, view: Option<String>) -> Self {
        let relation = Relation {
            database: self.relation.database.clone(),
            schema: None,
            identifier: Some("INFORMATION_SCHEMA".to_owned()),
            kind: Some(RelationKind::View),
            quote: Policy { identifier: false, ..self.relation.quote },
            include: Policy { database: self.relation.database.is_some(), schema: false, identifier: true },
        };
        Self { view: view.map(Into::into), ..relation.into() }
    }

    fn attribute(&self, name: &str) -> Option<Value> {
        let relation = &self.relation;
        let is = |kind: RelationKind| Value::Bool(relation.kind == Some(kind));
        Some(match name {
            "database" => relation.database.clone().into(),
            "schema" => relation.schema.clone().into(),
            "identifier" | "table" | "name" => relation.identifier.clone().into(),
            "type" => relation.kind.map(RelationKind::as_str).into(),
            "is_table" => Value::Bool(matches!(relation.kind, Some(RelationKind::Table | RelationKind::IcebergTable))),
            "is_view" => is(RelationKind::View),
            "is_cte" => is(RelationKind::Cte),
            "is_materialized_view" => is(RelationKind::MaterializedView),
            "is_function" => is(RelationKind::Function),
            "is_pointer" => is(RelationKind::PointerTable),
            "is_dynamic_table" => is(RelationKind::DynamicTable),
            "is_iceberg_format" => is(RelationKind::IcebergTable),
            "table_format" => {
                if relation.kind == Some(RelationKind::IcebergTable) { "iceberg" } else { "default" }.into()
            }
            "path" => dict([
                ("database", relation.database.clone().into()),
                ("schema", relation.schema.clone().into()),
                ("identifier", relation.identifier.clone().into()),
            ]),
            "quote_policy" => policy_value(relation.quote),
            "include_policy" => policy_value(relation.include),
            "quote_character" => "\"".into(),
            "can_be_renamed" => Value::Bool(matches!(
                relation.kind,
                Some(RelationKind::Table | RelationKind::View | RelationKind::DynamicTable)
            )),
            "can_be_replaced" => Value::Bool(matches!(
                relation.kind,
                Some(
                    RelationKind::Table | RelationKind::IcebergTable | RelationKind::View | RelationKind::DynamicTable
                )
            )),
            "limit" => self.limit.and_then(|limit| i64::try_from(limit).ok()).into(),
            "event_time_filter" => self.event_time.as_ref().and_then(EventTimeFilter::condition).into(),
            "require_alias" => Value::Bool(true),
            "metadata" => dict([("type", "TamisRelation".into())]),
            "catalog" => Value::None,
            _ => return kind_constant(name),
        })
    }

    fn method(&self, name: &str, args: Args) -> Result<Value, JinjaError> {
        Ok(match name {
            "render" => Value::from(self.render()),
            "render_limited" => Value::from(Self { event_time: None, ..self.clone() }.text()),
            "include" => {
                let include = policy_over(self.relation.include, args, "include")?;
                self.with_relation(Relation { include, ..self.relation.clone() }).into_value()
            }
            "quote" => {
                let quote = policy_over(self.relation.quote, args, "quote")?;
                self.with_relation(Relation { quote, ..self.relation.clone() }).into_value()
            }
            "quoted" => {
                let bound = bind(args, "quoted", &["identifier"])?;
                Value::from(format!("\"{}\"", bound.required_text("identifier")?))
            }
            "incorporate" => self.incorporate(args)?.into_value(),
            "replace_path" => {
                let bound = bind(args, "replace_path", &["database", "schema", "identifier"])?;
                let mut relation = self.relation.clone();
                replace_part(&mut relation.database, bound.get("database"));
                replace_part(&mut relation.schema, bound.get("schema"));
                replace_part(&mut relation.identifier, bound.get("identifier"));
                Self { external: None, ..self.with_relation(relation) }.into_value()
            }
            "without_identifier" => {
                let include = Policy { identifier: false, ..self.relation.include };
                let relation = Relation { include, identifier: None, ..self.relation.clone() };
                Self { external: None, ..self.with_relation(relation) }.into_value()
            }
            "information_schema" => {
                let bound = bind(args, "information_schema", &["view_name"])?;
                let view = bound.get("view_name").and_then(Value::as_str).map(str::to_owned);
                self.information_schema(view).into_value()
            }
            "information_schema_only" => self.information_schema(None).into_value(),
            "matches" => Value::Bool(self.matches(args)?),
            "get" => {
                let bound = bind(args, "get", &["key", "default"])?;
                let found = bound.get("key").and_then(Value::as_str).and_then(|key| self.attribute(key));
                found.unwrap_or_else(|| bound.value("default"))
            }
            "scd_args" => scd_args(args)?,
            "as_case_sensitive" => self.with_relation(as_stored(&self.relation)).into_value(),
            "get_ddl_prefix_for_create" => create_prefix(args)?.into(),
            "get_ddl_prefix_for_alter" => {
                if self.relation.kind == Some(RelationKind::IcebergTable) { "iceberg" } else { "" }.into()
            }
            "to_dict" => dict([
                ("path", self.attribute("path").unwrap_or(Value::None)),
                ("type", self.attribute("type").unwrap_or(Value::None)),
                ("quote_character", "\"".into()),
                ("include_policy", policy_value(self.relation.include)),
                ("quote_policy", policy_value(self.relation.quote)),
                ("dbt_created", Value::Bool(false)),
            ]),
            _ => return Err(no_method(name)),
        })
    }

    /// `incorporate(path={…}, type=…)`: replaces what is given.
    fn incorporate(&self, args: Args) -> Result<Self, JinjaError> {
        let bound = bind_open(args, "incorporate", &["path", "type", "quote_policy", "include_policy"])?;
        let mut relation = self.relation.clone();
        if let Some(path) = bound.get("path") {
            replace_part(&mut relation.database, lookup(path, "database").as_ref());
            replace_part(&mut relation.schema, lookup(path, "schema").as_ref());
            replace_part(&mut relation.identifier, lookup(path, "identifier").as_ref());
        }
        if let Some(kind) = bound.get("type") {
            relation.kind = kind_of(kind)?;
        }
        if let Some(policy) = bound.get("quote_policy") {
            relation.quote = policy_from(relation.quote, policy);
        }
        if let Some(policy) = bound.get("include_policy") {
            relation.include = policy_from(relation.include, policy);
        }
        let external = if relation == self.relation { self.external.clone() } else { None };
        Ok(Self { external, ..self.with_relation(relation) })
    }

    fn matches(&self, args: Args) -> Result<bool, JinjaError> {
        let bound = bind(args, "matches", &["database", "schema", "identifier"])?;
        let relation = &self.relation;
        let parts =
            [("database", &relation.database), ("schema", &relation.schema), ("identifier", &relation.identifier)];
        let given: Vec<(String, &str)> = parts
            .into_iter()
            .filter_map(|(name, own)| Some((bound.text(name)?, own.as_deref().unwrap_or(""))))
            .collect();
        if given.is_empty() {
            return Err(JinjaError::new(ErrorKind::Value, "Tried to match relation, but no search path was passed!"));
        }
        if given.iter().all(|(wanted, own)| wanted == own) {
            return Ok(true);
        }
        let unquoted = |text: &str| text.to_lowercase().trim_matches('"').to_owned();
        if given.iter().all(|(wanted, own)| unquoted(wanted) == unquoted(own)) {
            let wanted: Vec<&str> = given.iter().map(|(wanted, _)| wanted.as_str()).collect();
            return Err(JinjaError::raised(format!(
                "When searching for a relation, dbt found an approximate match. Instead of guessing \nwhich relation to use, \
                 dbt will move on. Please delete {}, or rename it to be less ambiguous.\nSearched for: {}\nFound: {}",
                self.render(),
                wanted.join("."),
                self.render()
            )));
        }
        Ok(false)
    }
}

/// Fields by which a relation can be walked as a mapping.
const FIELDS: [&str; 5] = ["path", "type", "quote_character", "include_policy", "quote_policy"];

impl Object for RelationObject {
    fn type_name(&self) -> &'static str {
        "TamisRelation"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        self.attribute(name)
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.as_str().and_then(|name| self.attribute(name))
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        if let Some(result) = class_method(name, &args, self.relation.quote) {
            return Some(result);
        }
        match name {
            "keys" | "values" | "items" => mapping_method(self, name, args),
            _ if METHODS.contains(&name) => Some(self.method(name, args)),
            _ => None,
        }
    }

    fn to_str(&self) -> String {
        self.text()
    }

    fn to_repr(&self) -> String {
        format!("<TamisRelation {}>", self.render())
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(FIELDS.iter().map(|name| Value::from(*name)).collect())
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<RelationObject>().is_some_and(|other| {
            self.relation == other.relation && self.view == other.view && self.external == other.external
        })
    }

    fn to_json(&self) -> Option<serde_json::Value> {
        Some(serde_json::Value::String(self.text()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

const METHODS: [&str; 17] = [
    "as_case_sensitive",
    "get_ddl_prefix_for_create",
    "get_ddl_prefix_for_alter",
    "render",
    "render_limited",
    "include",
    "quote",
    "quoted",
    "incorporate",
    "replace_path",
    "without_identifier",
    "information_schema",
    "information_schema_only",
    "matches",
    "get",
    "scd_args",
    "to_dict",
];

fn no_method(name: &str) -> JinjaError {
    JinjaError::new(ErrorKind::Undefined, format!("'TamisRelation' object has no attribute '{name}'"))
}

/// `api.Relation`, `adapter.Relation`: the class.
#[derive(Debug)]
pub struct RelationClass {
    /// Quoting of relations that are made here.
    pub quote: Policy,
}

impl Object for RelationClass {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        kind_constant(name)
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        class_method(name, &args, self.quote)
    }

    fn to_repr(&self) -> String {
        "<class 'TamisRelation'>".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn class_method(name: &str, args: &Args, quote: Policy) -> Option<Result<Value, JinjaError>> {
    match name {
        "create" => Some(create(args.clone(), quote).map(RelationObject::into_value)),
        "create_from" | "create_from_node" | "create_from_source" => {
            Some(create_from(args.clone(), quote).map(RelationObject::into_value))
        }
        "add_ephemeral_prefix" => Some(
            bind(args.clone(), "add_ephemeral_prefix", &["name"])
                .and_then(|bound| bound.required_text("name"))
                .map(|name| Value::from(format!("{EPHEMERAL_PREFIX}{name}"))),
        ),
        "scd_args" => Some(scd_args(args.clone())),
        "get_default_quote_policy" => Some(Ok(policy_value(Policy::ALL))),
        "get_default_include_policy" => Some(Ok(policy_value(Policy::ALL))),
        _ => None,
    }
}

fn create(args: Args, quote: Policy) -> Result<RelationObject, JinjaError> {
    let bound = bind_open(
        args,
        "create",
        &["database", "schema", "identifier", "type", "quote_policy", "include_policy", "path", "limit"],
    )?;
    let part = |name: &str| {
        bound.text(name).or_else(|| bound.get("path").and_then(|path| lookup(path, name)).as_ref().and_then(text))
    };
    let kind = match bound.get("type") {
        Some(kind) => kind_of(kind)?,
        None => None,
    };
    let relation = Relation {
        database: part("database"),
        schema: part("schema"),
        identifier: part("identifier"),
        kind,
        quote: bound.get("quote_policy").map_or(quote, |policy| policy_from(Policy::ALL, policy)),
        include: bound.get("include_policy").map_or(Policy::ALL, |policy| policy_from(Policy::ALL, policy)),
    };
    let limit = match bound.get("limit") {
        Some(Value::Int(limit)) => u64::try_from(*limit).ok(),
        _ => None,
    };
    Ok(RelationObject { limit, ..relation.into() })
}

/// `create_from(config, node, …)`: the relation of a node or source dict.
fn create_from(mut args: Args, quote: Policy) -> Result<RelationObject, JinjaError> {
    // Called as (quoting, node) by old code and as (node) by new code.
    if args.positional.len() > 1 {
        args.positional.remove(0);
    }
    let bound = bind_open(args, "create_from", &["relation_config", "node", "type"])?;
    let node = bound.get("relation_config").or_else(|| bound.get("node")).cloned().unwrap_or(Value::None);
    let part = |name: &str| lookup(&node, name).as_ref().and_then(text);
    let own = lookup(&node, "quoting").unwrap_or(Value::None);
    let kind = match bound.get("type") {
        Some(kind) => kind_of(kind)?,
        None => None,
    };
    let relation = Relation {
        database: part("database"),
        schema: part("schema"),
        identifier: part("identifier").or_else(|| part("alias")).or_else(|| part("name")),
        kind,
        quote: policy_from(quote, &own),
        include: Policy::ALL,
    };
    Ok(relation.into())
}

/// The relation as its names are stored where unquoted names are upper case; in quotes.
fn as_stored(relation: &Relation) -> Relation {
    let fold = |part: &Option<String>, quoted: bool| {
        part.as_ref().map(|part| if quoted { part.clone() } else { part.to_uppercase() })
    };
    Relation {
        database: fold(&relation.database, relation.quote.database),
        schema: fold(&relation.schema, relation.quote.schema),
        identifier: fold(&relation.identifier, relation.quote.identifier),
        quote: Policy::ALL,
        ..relation.clone()
    }
}

/// `get_ddl_prefix_for_create(config, temporary)`: the word before TABLE.
fn create_prefix(args: Args) -> Result<&'static str, JinjaError> {
    let bound = bind(args, "get_ddl_prefix_for_create", &["config", "temporary"])?;
    let config = bound.value("config");
    let is_iceberg =
        lookup(&config, "table_format").is_some_and(|format| format.to_str().eq_ignore_ascii_case("iceberg"));
    let is_transient =
        lookup(&config, "transient").filter(|value| !is_nothing(value)).is_none_or(|value| value.is_truthy());
    Ok(match (bound.flag("temporary", false), is_iceberg, is_transient) {
        (true, ..) => "temporary",
        (_, true, _) => "iceberg",
        (.., true) => "transient",
        _ => "",
    })
}

fn scd_args(args: Args) -> Result<Value, JinjaError> {
    let bound = bind(args, "scd_args", &["primary_key", "updated_at"])?;
    let key = bound.required("primary_key")?;
    let mut items = match &key {
        Value::List(_) => key.items().unwrap_or_default(),
        _ => vec![key],
    };
    items.push(bound.required("updated_at")?);
    Ok(Value::list(items))
}

fn kind_constant(name: &str) -> Option<Value> {
    let kind = match name {
        "Table" => RelationKind::Table,
        "View" => RelationKind::View,
        "CTE" => RelationKind::Cte,
        "External" => RelationKind::External,
        "MaterializedView" => RelationKind::MaterializedView,
        "DynamicTable" => RelationKind::DynamicTable,
        "PointerTable" => RelationKind::PointerTable,
        "Function" => RelationKind::Function,
        _ => return None,
    };
    Some(kind.as_str().into())
}

fn kind_of(value: &Value) -> Result<Option<RelationKind>, JinjaError> {
    let Some(text) = text(value) else { return Ok(None) };
    match RelationKind::parse(&text) {
        Some(kind) => Ok(Some(kind)),
        None => Err(JinjaError::new(ErrorKind::Value, format!("'{text}' is not a valid RelationType"))),
    }
}

fn policy_value(policy: Policy) -> Value {
    dict([
        ("database", policy.database.into()),
        ("schema", policy.schema.into()),
        ("identifier", policy.identifier.into()),
    ])
}

/// `policy` with the parts that a mapping gives.
pub(crate) fn policy_from(mut policy: Policy, given: &Value) -> Policy {
    let part = |name: &str| lookup(given, name).filter(|value| !is_nothing(value)).map(|value| value.is_truthy());
    policy.database = part("database").unwrap_or(policy.database);
    policy.schema = part("schema").unwrap_or(policy.schema);
    policy.identifier = part("identifier").unwrap_or(policy.identifier);
    policy
}

fn policy_over(mut policy: Policy, args: Args, function: &'static str) -> Result<Policy, JinjaError> {
    let bound = bind(args, function, &["database", "schema", "identifier"])?;
    policy.database = bound.choice("database").unwrap_or(policy.database);
    policy.schema = bound.choice("schema").unwrap_or(policy.schema);
    policy.identifier = bound.choice("identifier").unwrap_or(policy.identifier);
    Ok(policy)
}

/// Replaces a part of a path; a given none removes it.
fn replace_part(part: &mut Option<String>, value: Option<&Value>) {
    if let Some(value) = value {
        *part = text(value);
    }
}
