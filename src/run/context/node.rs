//! The context of one node, hook or operation in execute mode.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock},
};

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use indexmap::{IndexMap, IndexSet};

use crate::{
    artifacts,
    engine::{Column, Session, TableOptions},
    jinja::{Args, Interp, JinjaError, MacroDef, Rendered, SpanMap, Template, Value, function},
    manifest::{
        Config, Node, Source,
        context::{
            Context, Missing, Names, RelationObject, Scope, Table,
            arguments::{bind, dict, lock, string_pairs},
            base, column, datetime,
            exceptions::Exceptions,
            macro_id, render_text, try_or_compiler_error, validation,
            vars::VarObject,
            with_config,
        },
    },
    names::{Relation, ResourceType, UniqueId},
};

use super::{
    RunShared,
    adapter::AdapterObject,
    config::ConfigObject,
    errors::of_call,
    inputs::{Batch, UnitInputs, source_relation},
    response::{Response, Results},
    rows as tables,
    statements::NodeStats,
};

/// Bytes of stack that one rendering may use.
const STACK: usize = 4 * 1024 * 1024;

/// Whose templates are rendered.
#[derive(Debug, Clone)]
pub enum Subject {
    Node(Arc<Node>),
    /// The freshness query of a source.
    Source(Arc<Source>),
    /// `run-operation`, and macros that run outside of any node.
    Macro {
        package: Arc<str>,
        name: Arc<str>,
    },
}

impl Subject {
    pub fn unique_id(&self) -> Option<&UniqueId> {
        match self {
            Self::Node(node) => Some(&node.unique_id),
            Self::Source(source) => Some(&source.unique_id),
            Self::Macro { .. } => None,
        }
    }

    pub fn package(&self) -> &str {
        match self {
            Self::Node(node) => &node.package_name,
            Self::Source(source) => &source.package_name,
            Self::Macro { package, .. } => package,
        }
    }

    pub fn node(&self) -> Option<&Arc<Node>> {
        match self {
            Self::Node(node) => Some(node),
            _ => None,
        }
    }

    pub(super) fn config(&self) -> Option<&Config> {
        match self {
            Self::Node(node) => Some(&node.config),
            Self::Source(source) => Some(&source.config),
            Self::Macro { .. } => None,
        }
    }
}

/// Writes the text that a materialization ran to its file.
pub type Writer = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// What [`NodeContext::new`] is made of.
pub struct NodeInput {
    pub subject: Subject,
    /// `Thread-1 (worker)`.
    pub thread: Arc<str>,
    pub batch: Option<Batch>,
    /// `None`: `write` does nothing.
    pub writer: Option<Writer>,
}

impl fmt::Debug for NodeInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeInput").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// All that templates of one node see while running. Used on a blocking thread.
#[derive(Clone)]
pub struct NodeContext {
    state: Arc<NodeState>,
    context: Context,
}

impl fmt::Debug for NodeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeContext").field("subject", &self.state.subject).finish_non_exhaustive()
    }
}

impl NodeContext {
    /// Of a node that the main thread looks at, outside of the walk over the graph.
    pub fn of_node(run: &Arc<RunShared>, node: &Node) -> Self {
        let subject = Subject::Node(Arc::new(node.clone()));
        Self::new(Arc::clone(run), NodeInput { subject, thread: "MainThread".into(), batch: None, writer: None })
    }

    pub fn new(run: Arc<RunShared>, input: NodeInput) -> Self {
        let scope = run.scopes.get(input.subject.package());
        let state = Arc::new(NodeState {
            scope,
            run,
            subject: input.subject,
            thread: input.thread,
            batch: input.batch,
            writer: input.writer,
            session: Mutex::default(),
            results: Results::default(),
            table_options: Mutex::default(),
            stats: Mutex::default(),
            compiled: Mutex::default(),
            called: Mutex::default(),
            model: Mutex::default(),
            forced: Mutex::default(),
            unit_inputs: OnceLock::new(),
            comment: OnceLock::new(),
        });
        let context = Context::new(Arc::new(Arc::clone(&state)));
        Self { state, context }
    }

    pub fn subject(&self) -> &Subject {
        &self.state.subject
    }

    /// A context whose statements carry no query comment: the one that renders the comment.
    pub(super) fn without_comment(run: Arc<RunShared>, input: NodeInput) -> Self {
        let context = Self::new(run, input);
        context.state.comment.get_or_init(|| "".into());
        context
    }

    /// For [`Interp::new`]; prefer [`NodeContext::interp`].
    pub fn globals(&self) -> &Context {
        &self.context
    }

    /// An interpreter that knows where the compiled SQL comes from.
    pub fn interp(&self) -> Interp<'_> {
        let mut interp = Interp::new(&self.context);
        // Nodes are rendered on threads with a stack of several times this size.
        interp.limits.stack = STACK;
        if let Some((text, map)) = &*lock(&self.state.compiled) {
            interp.trace(text, map.clone());
        }
        interp
    }

    /// Adds or replaces a name that wins over all others: `results`, `_dbt_generic_test_kwargs`, an override.
    pub fn set(&self, name: &str, value: Value) {
        lock(&self.state.forced).insert(name.to_owned(), value);
    }

    /// Replaces a macro by name (`is_incremental`, `package.name`, `dbt.name`) with a function that gives `value`.
    pub fn override_macro(&self, name: &str, value: Value) {
        let constant = function("override", move |_, _| Ok(value.clone()));
        match name.split_once('.') {
            None => self.set(name, constant),
            Some((package, name)) => {
                let known = lock(&self.state.forced).get(package).cloned();
                let original = known.or_else(|| self.state.scope.macro_named(package));
                let overrides = original.as_ref().and_then(string_pairs).unwrap_or_default();
                let mut members: IndexMap<String, Value> = overrides.into_iter().collect();
                members.insert(name.to_owned(), constant);
                self.set(package, Value::dict(members));
            }
        }
    }

    /// Makes `ref`, `source` and `this` mean the rows of a unit test. Once per context.
    pub fn set_unit_inputs(&self, inputs: UnitInputs) {
        let _ = self.state.unit_inputs.set(inputs);
    }

    /// Gives variables and environment variables other values.
    pub fn override_vars(&self, vars: &IndexMap<String, Value>, env_vars: &IndexMap<String, Value>) {
        let shared = &self.state.run.scopes.shared;
        if !vars.is_empty() {
            let mut all = shared.vars.scoped(&self.state.scope.package);
            all.extend(vars.iter().map(|(name, value)| (name.clone(), value.clone())));
            self.set("var", Value::object(VarObject { vars: Arc::new(all), missing: Missing::Error }));
        }
        if !env_vars.is_empty() {
            let given: IndexMap<String, String> =
                env_vars.iter().map(|(name, value)| (name.clone(), value.to_str())).collect();
            let outer = Arc::clone(&shared.env);
            self.set("env_var", base::env_var(Arc::new(move |name| given.get(name).cloned().or_else(|| outer(name)))));
        }
    }

    /// The columns that a query would return, without running it.
    ///
    /// # Errors
    /// The engine's, mapped into the model where `sql` is the compiled code.
    pub fn describe(&self, sql: &Arc<str>) -> Result<Vec<Column>, JinjaError> {
        self.state.describe(&self.interp(), sql)
    }

    /// The columns of a relation as the engine names their types; `None` when there is no such relation.
    ///
    /// # Errors
    /// The engine's.
    pub fn stored_columns(&self, relation: &Relation) -> Result<Option<Vec<Column>>, JinjaError> {
        let session = self.state.session()?;
        self.state.run.bridge.wait(session.columns(relation)).map_err(|error| of_call(&error))
    }

    /// The compiled SQL: `sql` and `compiled_code` from now on, with where its text comes from.
    pub fn set_compiled(&self, code: impl Into<Arc<str>>, map: SpanMap) {
        *lock(&self.state.compiled) = Some((code.into(), map));
        *lock(&self.state.model) = None;
    }

    /// The macros that the node's template has called so far.
    pub fn called(&self) -> Vec<UniqueId> {
        lock(&self.state.called).iter().cloned().collect()
    }

    pub fn batch(&self) -> Option<&Batch> {
        self.state.batch.as_ref()
    }

    /// The rows that `load_agate_table()` gives: a seed's.
    pub fn set_seed(&self, schema: SchemaRef, batches: Vec<RecordBatch>) {
        let table = tables::table(schema, batches);
        self.set("load_agate_table", function("load_agate_table", move |_, _| Ok(table.clone().into_value())));
    }

    pub fn render(&self, template: &Template) -> Result<Rendered, JinjaError> {
        self.interp().render(template)
    }

    pub fn render_native(&self, template: &Template) -> Result<Value, JinjaError> {
        self.interp().render_native(template)
    }

    pub fn call_macro(&self, definition: &Arc<MacroDef>, args: Args) -> Result<Value, JinjaError> {
        self.interp().call_macro(definition, args)
    }

    /// Runs SQL outside of any template: `BEGIN`, `ROLLBACK`, a compiled test.
    ///
    /// # Errors
    /// The engine's, mapped into the model where `sql` is the compiled code.
    pub fn execute(&self, sql: &Arc<str>, limit: Option<usize>) -> Result<(Response, Table), JinjaError> {
        self.execute_in(&self.interp(), sql, limit)
    }

    /// [`NodeContext::execute`] for SQL that `interp` rendered, so that errors point to where its text comes from.
    ///
    /// # Errors
    /// The engine's.
    pub fn execute_in(
        &self,
        interp: &Interp<'_>,
        sql: &Arc<str>,
        limit: Option<usize>,
    ) -> Result<(Response, Table), JinjaError> {
        let outcome = self.state.run(interp, sql, limit)?;
        let response = Response::of(&outcome, self.state.last_details());
        Ok((response, tables::table(outcome.schema, outcome.batches)))
    }

    /// The response of the statement `main`: the node's message.
    pub fn main_response(&self) -> Option<Response> {
        self.state.results.main().map(|result| Response::from_value(&result.response))
    }

    /// The rows of the statement `main`.
    pub fn main_table(&self) -> Option<Table> {
        self.state.results.main().map(|result| result.table)
    }

    pub fn results(&self) -> &Results {
        &self.state.results
    }

    /// The statements so far.
    pub fn take_stats(&self) -> NodeStats {
        std::mem::take(&mut *lock(&self.state.stats))
    }

    /// The connection, when one was opened; for cancelling.
    pub fn open_session(&self) -> Option<Arc<dyn Session>> {
        lock(&self.state.session).clone()
    }

    /// The connection; opened at first use.
    ///
    /// # Errors
    /// The engine cannot open one.
    pub fn session(&self) -> Result<Arc<dyn Session>, JinjaError> {
        self.state.session()
    }

    /// Remembers what a materialization made.
    ///
    /// # Errors
    /// It did not return relations.
    pub fn add_to_cache(&self, returned: &Value) -> Result<Vec<Relation>, JinjaError> {
        let relations = super::returned_relations(returned)?;
        for relation in &relations {
            self.state.run.cache.add(relation);
        }
        Ok(relations)
    }

    /// Finds a relation as `adapter.get_relation` does.
    ///
    /// # Errors
    /// The engine's.
    pub fn find_relation(&self, relation: &Relation) -> Result<Option<Relation>, JinjaError> {
        Ok(self.state.find_relation(relation)?.map(|object| object.relation))
    }

    /// The columns of a relation.
    ///
    /// # Errors
    /// The engine's.
    pub fn columns(&self, relation: &Relation) -> Result<Vec<crate::manifest::context::ColumnObject>, JinjaError> {
        self.state.columns_of(relation)
    }
}

pub(super) struct NodeState {
    pub(super) run: Arc<RunShared>,
    pub(super) scope: Arc<Scope>,
    pub(super) subject: Subject,
    pub(super) thread: Arc<str>,
    pub(super) batch: Option<Batch>,
    writer: Option<Writer>,
    session: Mutex<Option<Arc<dyn Session>>>,
    results: Results,
    pub(super) table_options: Mutex<TableOptions>,
    pub(super) stats: Mutex<NodeStats>,
    compiled: Mutex<Option<(Arc<str>, SpanMap)>>,
    /// Macros that the node's own template called.
    called: Mutex<IndexSet<UniqueId>>,
    model: Mutex<Option<Value>>,
    forced: Mutex<IndexMap<String, Value>>,
    pub(super) unit_inputs: OnceLock<UnitInputs>,
    /// The query comment, rendered once.
    pub(super) comment: OnceLock<Arc<str>>,
}

impl NodeState {
    pub(super) fn connection_name(&self) -> String {
        match &self.subject {
            Subject::Macro { name, .. } => format!("macro_{name}"),
            subject => subject.unique_id().map_or_else(|| "master".to_owned(), ToString::to_string),
        }
    }

    pub(super) fn session(&self) -> Result<Arc<dyn Session>, JinjaError> {
        let mut session = lock(&self.session);
        if let Some(session) = &*session {
            return Ok(Arc::clone(session));
        }
        let opened = self.run.bridge.wait(self.run.engine.session(&self.connection_name()));
        let opened = opened.map_err(|error| of_call(&error))?;
        *session = Some(Arc::clone(&opened));
        Ok(opened)
    }

    pub(super) fn already_exists(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "already_exists", &["schema", "name"])?;
        let database = self.run.scopes.shared.target_database.to_string();
        let relation = Relation::new(database, bound.required_text("schema")?, bound.required_text("name")?);
        Ok(self.find_relation(&relation)?.is_some().into())
    }

    /// The relation of the node; none for hooks, operations and analyses of no relation.
    fn this(&self) -> Value {
        match &self.subject {
            Subject::Node(node) if node.resource_type == ResourceType::Operation => Value::None,
            Subject::Node(node) => match self.unit_inputs.get().and_then(|inputs| inputs.this.as_ref()) {
                Some(name) => RelationObject::ephemeral(name).into_value(),
                None => RelationObject::from(node.relation(self.run.scopes.shared.quoting)).into_value(),
            },
            Subject::Source(source) => source_relation(source, &self.run.scopes.shared).into_value(),
            Subject::Macro { .. } => Value::None,
        }
    }

    /// The node as a dict, nulls left out.
    pub(super) fn model(&self) -> Value {
        let mut cached = lock(&self.model);
        if let Some(model) = &*cached {
            return model.clone();
        }
        let model = self.make_model();
        *cached = Some(model.clone());
        model
    }

    fn make_model(&self) -> Value {
        let mut json = match &self.subject {
            Subject::Node(node) => artifacts::node_dict(node),
            Subject::Source(source) => artifacts::source_dict(source),
            Subject::Macro { package, name } => serde_json::json!({
                "unique_id": format!("macro.{package}.{name}"),
                "name": &**name,
                "package_name": &**package,
                "resource_type": "macro",
            }),
        };
        self.render_foreign_keys(&mut json);
        drop_nulls(&mut json);
        if let Some((code, _)) = &*lock(&self.compiled)
            && let Some(fields) = json.as_object_mut()
        {
            fields.insert("compiled".to_owned(), true.into());
            fields.insert("compiled_code".to_owned(), (&**code).into());
            fields.insert("compiled_sql".to_owned(), (&**code).into());
        }
        let model = Value::from_json(&json);
        if let (Some(batch), Value::Dict(fields)) = (&self.batch, &model) {
            let batch = dict([
                ("id", batch.id().into()),
                ("event_time_start", datetime::utc(batch.start)),
                ("event_time_end", datetime::utc(batch.end)),
            ]);
            lock(fields).insert("batch".into(), batch);
        }
        model
    }

    fn hooks(&self, key: &str) -> Value {
        let is_test = self.subject.node().is_some_and(|node| node.resource_type == ResourceType::Test);
        match self.subject.config().and_then(|config| config.get(key)) {
            Some(hooks) if !is_test && !hooks.is_none() => hooks.clone(),
            _ => Value::list([]),
        }
    }

    pub(super) fn compiled_text(&self) -> Option<Arc<str>> {
        lock(&self.compiled).as_ref().map(|(text, _)| Arc::clone(text))
    }

    fn compiled(&self) -> Value {
        self.compiled_text().map_or(Value::None, Value::Str)
    }

    /// `(database, schema)` of the node, else of the target.
    fn place(&self) -> (Value, Value) {
        match &self.subject {
            Subject::Node(node) => (node.database.clone().into(), node.schema.clone().into()),
            Subject::Source(source) => (source.database.clone().into(), source.schema.clone().into()),
            Subject::Macro { .. } => {
                let shared = &self.run.scopes.shared;
                ((*shared.target_database).into(), (*shared.target_schema).into())
            }
        }
    }

    fn write(&self, args: Args) -> Result<Value, JinjaError> {
        let payload = bind(args, "write", &["payload"])?.required_text("payload")?;
        if let Some(writer) = &self.writer {
            writer(&payload).map_err(JinjaError::raised)?;
        }
        Ok("".into())
    }

    fn defer_relation(&self) -> Value {
        let id = self.subject.unique_id();
        let relation = id.and_then(|id| self.run.defer.as_ref().and_then(|defer| defer.relations.get(id)));
        relation.map_or(Value::None, |relation| RelationObject::from(relation.clone()).into_value())
    }
}

/// Removes null fields of a node dict: its own, its config's and its columns'.
fn drop_nulls(json: &mut serde_json::Value) {
    let Some(fields) = json.as_object_mut() else { return };
    fields.retain(|_, value| !value.is_null());
    if let Some(config) = fields.get_mut("config").and_then(serde_json::Value::as_object_mut) {
        config.retain(|_, value| !value.is_null());
    }
    if let Some(columns) = fields.get_mut("columns").and_then(serde_json::Value::as_object_mut) {
        for column in columns.values_mut().filter_map(serde_json::Value::as_object_mut) {
            column.retain(|_, value| !value.is_null());
        }
    }
}

fn bound_to(
    name: &'static str,
    state: &Arc<NodeState>,
    body: impl Fn(&NodeState, &mut Interp<'_>, Args) -> Result<Value, JinjaError> + Send + Sync + 'static,
) -> Value {
    let state = Arc::clone(state);
    function(name, move |interp, args| body(&state, interp, args))
}

impl Names for Arc<NodeState> {
    fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    fn called(&self, definition: &MacroDef) {
        if lock(&self.compiled).is_none() {
            lock(&self.called).insert(macro_id(definition));
        }
    }

    fn own(&self, name: &str) -> Option<Value> {
        let shared = &self.run.scopes.shared;
        Some(match name {
            "execute" => Value::Bool(true),
            "ref" => {
                let function = bound_to("ref", self, |state, interp, args| state.reference(interp, args));
                with_config(function, &shared.project_config)
            }
            "source" => {
                let function = bound_to("source", self, |state, interp, args| state.source(interp, args));
                with_config(function, &shared.project_config)
            }
            "metric" => bound_to("metric", self, |_, _, args| super::lookup::metric(args)),
            "function" => bound_to("function", self, |state, _, args| state.function(args)),
            "config" => Value::object(ConfigObject(Arc::clone(self))),
            "adapter" => Value::object(AdapterObject(Arc::clone(self))),
            "api" => base::api(shared),
            "column" => Value::object(column::ColumnClass { wide: shared.wide_types }),
            "var" => self.scope.var(Missing::Error).clone(),
            "this" => self.this(),
            "model" => self.model(),
            "graph" => self.run.graph(),
            "database" => self.place().0,
            "schema" => self.place().1,
            "log" => base::log(shared, self.subject.unique_id().cloned()),
            "exceptions" => {
                Value::object(Exceptions { shared: Arc::clone(shared), node: self.subject.unique_id().cloned() })
            }
            "thread_id" => Value::Str(Arc::clone(&self.thread)),
            "load_result" => bound_to("load_result", self, |state, _, args| state.results.load(args)),
            "store_result" => bound_to("store_result", self, |state, _, args| state.results.store(args)),
            "store_raw_result" => bound_to("store_raw_result", self, |state, _, args| state.results.store_raw(args)),
            "_sql_results" => self.results.all(),
            "write" => bound_to("write", self, |state, _, args| state.write(args)),
            "render" => function("render", render_text),
            "try_or_compiler_error" => function("try_or_compiler_error", try_or_compiler_error),
            "validation" => validation(),
            "selected_resources" => Value::list(self.run.selected.iter().map(|id| Value::from(id.as_str()))),
            "pre_hooks" => self.hooks("pre-hook"),
            "post_hooks" => self.hooks("post-hook"),
            "sql" | "compiled_code" => self.compiled(),
            "defer_relation" => self.defer_relation(),
            "source_node" => match &self.subject {
                Subject::Source(_) => self.model(),
                _ => return None,
            },
            "sql_now" => datetime::text_of_utc(&shared.run_started_at).into(),
            "context_macro_stack" => Value::None,
            "load_agate_table" => {
                function("load_agate_table", |_, _| Err(JinjaError::raised("can only load_agate_table for seeds")))
            }
            "adapter_macro" => function("adapter_macro", |_, _| {
                Err(JinjaError::raised("adapter_macro is no longer supported; use adapter.dispatch"))
            }),
            "submit_python_job" => {
                function("submit_python_job", |_, _| Err(JinjaError::raised("python models are not supported")))
            }
            _ => return None,
        })
    }

    fn own_names(&self) -> Vec<String> {
        let mut names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        names.extend(lock(&self.forced).keys().cloned());
        names
    }

    fn forced(&self, name: &str) -> Option<Value> {
        lock(&self.forced).get(name).cloned()
    }
}

const NAMES: [&str; 37] = [
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
    "thread_id",
    "load_result",
    "store_result",
    "store_raw_result",
    "_sql_results",
    "write",
    "render",
    "try_or_compiler_error",
    "validation",
    "selected_resources",
    "pre_hooks",
    "post_hooks",
    "sql",
    "compiled_code",
    "defer_relation",
    "sql_now",
    "context_macro_stack",
    "load_agate_table",
    "adapter_macro",
    "submit_python_job",
];
