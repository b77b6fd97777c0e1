//! Parse mode: templates are rendered with `execute = false` to learn what they configure, refer to and call.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex},
};

use indexmap::{IndexMap, IndexSet};

use crate::{
    diagnostic::Span,
    jinja::{Args, Interp, JinjaError, MacroDef, Object, Rendered, Template, Value, function},
    manifest::RefArgs,
    names::{Relation, UniqueId},
};

use super::{
    adapter,
    arguments::{bind, dict, lock, string_pairs},
    base,
    exceptions::Exceptions,
    macros::macro_id,
    names::{Context, Names},
    project_config::with_config,
    relation::RelationObject,
    shared::Scope,
    table::Table,
    vars::Missing,
};

/// One `config(…)` call.
#[derive(Debug, Clone)]
pub struct ConfigCall {
    /// Hook keys are spelled `pre-hook` and `post-hook`.
    pub values: IndexMap<String, Value>,
    pub span: Option<Span>,
}

/// One `source(…)` call.
#[derive(Debug, Clone)]
pub struct SourceArgs {
    pub source: String,
    pub table: String,
    pub span: Option<Span>,
}

/// One `metric(…)` or `function(…)` call.
#[derive(Debug, Clone)]
pub struct NamedArgs {
    pub package: Option<String>,
    pub name: String,
    pub span: Option<Span>,
}

/// What a template did while it was rendered in parse mode, in order.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    pub configs: Vec<ConfigCall>,
    pub refs: Vec<RefArgs>,
    pub sources: Vec<SourceArgs>,
    pub metrics: Vec<NamedArgs>,
    pub functions: Vec<NamedArgs>,
    /// Macros that the template itself called; not those that macros called.
    pub macros: IndexSet<UniqueId>,
}

/// Makes the `model` dict when a template asks for it.
pub type Lazy = Arc<dyn Fn() -> Value + Send + Sync>;

/// What is known of a node before its template is rendered.
#[derive(Clone)]
pub struct ParseNode {
    pub unique_id: Option<UniqueId>,
    /// Draft: database, schema and name before the naming macros ran. `None`: `this` is none, as in project hooks.
    pub this: Option<Relation>,
    pub model: Lazy,
    /// `graph` as far as it is known; an empty one by default.
    pub graph: Option<Value>,
    /// Names that win over all others, such as `_dbt_generic_test_kwargs`.
    pub names: IndexMap<String, Value>,
}

impl ParseNode {
    pub fn new(unique_id: Option<UniqueId>, this: Option<Relation>) -> Self {
        Self { unique_id, this, model: Arc::new(|| dict([])), graph: None, names: IndexMap::new() }
    }
}

impl fmt::Debug for ParseNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseNode").field("unique_id", &self.unique_id).finish_non_exhaustive()
    }
}

/// The context of one node in parse mode.
#[derive(Clone)]
pub struct ParseContext {
    state: Arc<State>,
    context: Context,
}

impl fmt::Debug for ParseContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseContext").field("node", &self.state.node).finish_non_exhaustive()
    }
}

impl ParseContext {
    pub fn new(scope: Arc<Scope>, node: ParseNode) -> Self {
        Self::with_missing(scope, node, Missing::None)
    }

    fn with_missing(scope: Arc<Scope>, node: ParseNode, missing: Missing) -> Self {
        let forced = Mutex::new(node.names.clone());
        let state = Arc::new(State { scope, node, missing, forced, recorded: Mutex::default() });
        let context = Context::new(Arc::new(Arc::clone(&state)));
        Self { state, context }
    }

    /// For [`Interp::new`].
    pub fn globals(&self) -> &Context {
        &self.context
    }

    /// Adds or replaces a name that wins over all others.
    pub fn set(&self, name: &str, value: Value) {
        lock(&self.state.forced).insert(name.to_owned(), value);
    }

    pub fn render(&self, template: &Template) -> Result<Rendered, JinjaError> {
        Interp::new(&self.context).render(template)
    }

    pub fn render_native(&self, template: &Template) -> Result<Value, JinjaError> {
        Interp::new(&self.context).render_native(template)
    }

    pub fn call_macro(&self, definition: &Arc<MacroDef>, args: Args) -> Result<Value, JinjaError> {
        Interp::new(&self.context).call_macro(definition, args)
    }

    /// What was recorded since the last call.
    pub fn take_recorded(&self) -> Recorded {
        std::mem::take(&mut *lock(&self.state.recorded))
    }
}

/// Calls `generate_schema_name`, `generate_alias_name` or `generate_database_name` for a node of `scope`'s package and
/// gives its result, stripped. `scopes` finds the scope of the package that the macro is of.
///
/// # Errors
/// There is no such macro, or it raises.
pub fn call_name_macro(
    scope: &Arc<Scope>,
    scopes: &super::shared::Scopes,
    name: &str,
    custom: Value,
    node: Value,
) -> Result<String, JinjaError> {
    let definition =
        scope.shared.macros.naming(&scope.package, name).cloned().ok_or_else(|| super::macros::no_such_macro(name))?;
    let own = scopes.get(&definition.package);
    let context = ParseContext::with_missing(own, ParseNode::new(None, None), Missing::Error);
    let mut args = Args::new(vec![custom]);
    args.keyword.insert("node".into(), node);
    // A macro may take no `node`; then it is called with one argument, as dbt does with old macros.
    if !definition.params.iter().any(|param| &*param.name == "node") && definition.params.len() < 2 {
        args.keyword.clear();
    }
    let result = context.call_macro(&definition, args)?;
    Ok(result.to_str().trim().to_owned())
}

struct State {
    scope: Arc<Scope>,
    node: ParseNode,
    missing: Missing,
    forced: Mutex<IndexMap<String, Value>>,
    recorded: Mutex<Recorded>,
}

impl State {
    fn this(&self) -> Value {
        self.node.this.clone().map_or(Value::None, |relation| RelationObject::from(relation).into_value())
    }

    /// What a `ref` or `source` gives: the node's own relation, so that the text looks like SQL.
    fn own_relation(&self) -> Value {
        match &self.node.this {
            Some(relation) => RelationObject::from(relation.clone()).into_value(),
            None => RelationObject::from(self.target_relation()).into_value(),
        }
    }

    fn target_relation(&self) -> Relation {
        let shared = &self.scope.shared;
        Relation::new(&*shared.target_database, &*shared.target_schema, "")
    }

    fn part(&self, of_node: impl Fn(&Relation) -> Option<String>, of_target: &str) -> Value {
        match &self.node.this {
            Some(relation) => of_node(relation).into(),
            None => of_target.into(),
        }
    }

    fn graph(&self) -> Value {
        if let Some(graph) = &self.node.graph {
            return graph.clone();
        }
        let sections =
            ["exposures", "functions", "groups", "metrics", "nodes", "sources", "semantic_models", "saved_queries"];
        Value::dict(sections.into_iter().map(|section| (section, dict([]))))
    }
}

/// A function of `State` as a callable.
fn recording(
    name: &'static str,
    state: &Arc<State>,
    body: impl Fn(&State, Option<Span>, Args) -> Result<Value, JinjaError> + Send + Sync + 'static,
) -> Value {
    let state = Arc::clone(state);
    function(name, move |interp, args| body(&state, interp.span(), args))
}

impl Names for Arc<State> {
    fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    fn own(&self, name: &str) -> Option<Value> {
        Some(match name {
            "execute" => Value::Bool(false),
            "ref" => {
                let function = recording("ref", self, |state, span, args| {
                    let call = ref_args(args, span)?;
                    lock(&state.recorded).refs.push(call);
                    Ok(state.own_relation())
                });
                with_config(function, &self.scope.shared.project_config)
            }
            "source" => {
                let function = recording("source", self, |state, span, args| {
                    let (source, table) = source_args(args)?;
                    lock(&state.recorded).sources.push(SourceArgs { source, table, span });
                    Ok(state.own_relation())
                });
                with_config(function, &self.scope.shared.project_config)
            }
            "metric" => recording("metric", self, |state, span, args| {
                let call = named_args("metric", args, span)?;
                let name = call.name.clone();
                lock(&state.recorded).metrics.push(call);
                Ok(name.into())
            }),
            "function" => recording("function", self, |state, span, args| {
                let call = named_args("function", args, span)?;
                lock(&state.recorded).functions.push(call);
                Ok(state.own_relation())
            }),
            "config" => Value::object(ParseConfig(Arc::clone(self))),
            "adapter" => Value::object(ParseAdapter(Arc::clone(self))),
            "api" => base::api(&self.scope.shared),
            "column" => Value::object(super::column::ColumnClass { wide: self.scope.shared.wide_types }),
            "var" => self.scope.var(self.missing).clone(),
            "this" => self.this(),
            "model" => (self.node.model)(),
            "graph" => self.graph(),
            "database" => self.part(|relation| relation.database.clone(), &self.scope.shared.target_database),
            "schema" => self.part(|relation| relation.schema.clone(), &self.scope.shared.target_schema),
            "log" => base::log(&self.scope.shared, self.node.unique_id.clone()),
            "exceptions" => {
                Value::object(Exceptions { shared: Arc::clone(&self.scope.shared), node: self.node.unique_id.clone() })
            }
            "load_result" => function("load_result", |_, _| Ok(Value::None)),
            "store_result" => function("store_result", |_, _| Ok("".into())),
            "store_raw_result" => function("store_raw_result", |_, _| Ok("".into())),
            "write" => function("write", |_, _| Ok("".into())),
            "render" => function("render", super::render_text),
            "try_or_compiler_error" => function("try_or_compiler_error", super::try_or_compiler_error),
            "load_agate_table" => function("load_agate_table", |_, _| Ok(Table::empty().into_value())),
            "submit_python_job" => function("submit_python_job", |_, _| Ok("".into())),
            "validation" => super::validation(),
            "selected_resources" => Value::list([]),
            "pre_hooks" | "post_hooks" => Value::list([]),
            "_sql_results" => dict([]),
            "sql" | "compiled_code" | "sql_now" | "defer_relation" => Value::None,
            "context_macro_stack" => Value::None,
            _ => return None,
        })
    }

    fn own_names(&self) -> Vec<String> {
        NAMES.iter().map(|name| (*name).to_owned()).collect()
    }

    fn forced(&self, name: &str) -> Option<Value> {
        lock(&self.forced).get(name).cloned()
    }

    fn is_lenient(&self) -> bool {
        true
    }

    fn called(&self, definition: &MacroDef) {
        lock(&self.recorded).macros.insert(macro_id(definition));
    }
}

const NAMES: [&str; 33] = [
    "execute",
    "ref",
    "source",
    "metric",
    "function",
    "config",
    "adapter",
    "api",
    "column",
    "var",
    "this",
    "model",
    "graph",
    "database",
    "schema",
    "log",
    "exceptions",
    "load_result",
    "store_result",
    "store_raw_result",
    "write",
    "render",
    "try_or_compiler_error",
    "load_agate_table",
    "submit_python_job",
    "validation",
    "selected_resources",
    "pre_hooks",
    "post_hooks",
    "sql",
    "compiled_code",
    "defer_relation",
    "sql_now",
];

/// The arguments of `ref`: `(name)`, `(package, name)`, and `version=` or `v=`.
///
/// # Errors
/// Another number of arguments.
pub fn ref_args(mut args: Args, span: Option<Span>) -> Result<RefArgs, JinjaError> {
    let version = args.keyword.shift_remove("version").or_else(|| args.keyword.shift_remove("v"));
    let version = version.filter(|version| !super::arguments::is_nothing(version));
    if let Some(key) = args.keyword.keys().next() {
        return Err(JinjaError::type_error(format!("ref() got an unexpected keyword argument '{key}'")));
    }
    let text = |value: &Value| match value {
        Value::Str(text) => Ok(text.to_string()),
        other => Err(JinjaError::raised(format!(
            "The name argument to ref() must be a string, got {}",
            super::arguments::type_name(other)
        ))),
    };
    match args.positional.as_slice() {
        [name] => Ok(RefArgs { name: text(name)?, package: None, version, span }),
        [package, name] => Ok(RefArgs { name: text(name)?, package: Some(text(package)?), version, span }),
        other => Err(JinjaError::raised(format!("ref() takes at most two arguments ({} given)", other.len()))),
    }
}

/// The arguments of `source`: `(source, table)`.
///
/// # Errors
/// Another number of arguments.
pub fn source_args(args: Args) -> Result<(String, String), JinjaError> {
    match (args.positional.as_slice(), args.keyword.is_empty()) {
        ([Value::Str(source), Value::Str(table)], true) => Ok((source.to_string(), table.to_string())),
        ([_, _], true) => Err(JinjaError::raised("The source name and table arguments to source() must be strings")),
        (other, _) => Err(JinjaError::raised(format!("source() takes exactly two arguments ({} given)", other.len()))),
    }
}

/// The arguments of `metric` and `function`: `(name)` or `(package, name)`.
///
/// # Errors
/// Another number of arguments.
pub fn named_args(function: &'static str, args: Args, span: Option<Span>) -> Result<NamedArgs, JinjaError> {
    match args.positional.as_slice() {
        [Value::Str(name)] => Ok(NamedArgs { package: None, name: name.to_string(), span }),
        [Value::Str(package), Value::Str(name)] => {
            Ok(NamedArgs { package: Some(package.to_string()), name: name.to_string(), span })
        }
        other => Err(JinjaError::raised(format!("{function}() takes at most two arguments ({} given)", other.len()))),
    }
}

/// The values of one `config(…)` call, hook keys in one spelling.
fn config_values(args: Args) -> Result<IndexMap<String, Value>, JinjaError> {
    let pairs: Vec<(String, Value)> = match (args.positional.as_slice(), args.keyword.is_empty()) {
        ([], _) => args.keyword.into_iter().map(|(key, value)| (key.to_string(), value)).collect(),
        ([mapping], true) => string_pairs(mapping)
            .ok_or_else(|| JinjaError::raised("Invalid inline model config: expected a dict or keyword arguments"))?,
        _ => return Err(JinjaError::raised("Invalid inline model config: expected a dict or keyword arguments")),
    };
    let mut values = IndexMap::new();
    for (key, value) in pairs {
        let spelled = match key.as_str() {
            "pre_hook" => "pre-hook".to_owned(),
            "post_hook" => "post-hook".to_owned(),
            _ => key.clone(),
        };
        if values.insert(spelled.clone(), value).is_some() {
            return Err(JinjaError::raised(format!(
                "Invalid config, has conflicting keys \"{}\" and \"{spelled}\"",
                spelled.replace('-', "_")
            )));
        }
    }
    Ok(values)
}

/// `config` in parse mode.
struct ParseConfig(Arc<State>);

impl fmt::Debug for ParseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParseConfig")
    }
}

impl ParseConfig {
    fn record(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let values = config_values(args)?;
        lock(&self.0.recorded).configs.push(ConfigCall { values, span: interp.span() });
        Ok("".into())
    }

    fn set(&self, interp: &Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "set", &["name", "value"])?;
        let pair = (bound.required_text("name")?, bound.required("value")?);
        self.record(interp, Args::new(vec![Value::dict([pair])]))
    }
}

impl Object for ParseConfig {
    fn type_name(&self) -> &'static str {
        "ParseConfigObject"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        self.record(interp, args)
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        match name {
            "set" => Some(self.set(interp, args)),
            "get" | "require" | "meta_get" | "meta_require" => Some(Ok("".into())),
            "persist_relation_docs" | "persist_column_docs" => Some(Ok(false.into())),
            _ => None,
        }
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `adapter` in parse mode: what needs the warehouse gives an empty answer.
struct ParseAdapter(Arc<State>);

impl fmt::Debug for ParseAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParseAdapter")
    }
}

impl Object for ParseAdapter {
    fn type_name(&self) -> &'static str {
        "ParseDatabaseWrapper"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        adapter::pure_attribute(&self.0.scope, name)
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        if adapter::pure_attribute(&self.0.scope, name).is_some() {
            return None;
        }
        if let Some(result) = adapter::pure_method(&self.0.scope, name, args) {
            return Some(result);
        }
        Some(Ok(match name {
            "execute" | "run_sql_for_tests" => Value::tuple(["".into(), Table::empty().into_value()]),
            "add_query" => Value::tuple([Value::None, Value::None]),
            "get_columns_in_relation"
            | "get_missing_columns"
            | "get_column_schema_from_query"
            | "get_columns_in_table"
            | "list_relations"
            | "list_schemas" => Value::list([]),
            "check_schema_exists" | "already_exists" => Value::Bool(false),
            name if STUBS.contains(&name) => Value::None,
            // An unknown method is an error of the node that calls it, when it runs.
            _ => Value::undefined(&format!("'adapter' has no method '{name}'")),
        }))
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Methods that give none at parse.
const STUBS: [&str; 29] = [
    "get_relation",
    "load_relation",
    "list_relations_without_caching",
    "create_schema",
    "drop_schema",
    "drop_relation",
    "truncate_relation",
    "rename_relation",
    "expand_target_column_types",
    "expand_column_types",
    "cache_added",
    "cache_dropped",
    "cache_renamed",
    "valid_snapshot_target",
    "assert_valid_snapshot_target_given_strategy",
    "get_incremental_strategy_macro",
    "get_partitions_metadata",
    "build_catalog_relation",
    "get_catalog_integration",
    "commit",
    "commit_if_has_connection",
    "submit_python_job",
    "nice_connection_name",
    "validate_sql",
    "parse_index",
    "tamis_input_versions",
    "tamis_load",
    "tamis_table_options",
    "tamis_table_property",
];
