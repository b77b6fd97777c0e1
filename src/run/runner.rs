//! A command's run: what is shared, the walk over the selected nodes, and what comes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender},
    },
    time::Instant,
};

use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use crate::{
    artifacts::{BatchResults, RunResult},
    diagnostic::Diagnostic,
    event::{Event, EventSink, NodeInfo, NodeOutcome, Problem, RunStats, Status},
    graph::{Dag, Edges, Queue},
    jinja::{Args, JinjaError, Value},
    manifest::{Compiled, Manifest, Node},
    names::{Relation, ResourceType, UniqueId},
};

use super::{
    compile::{CompiledNode, Compiler, NodeError, relative_path},
    context::{NodeContext, NodeInput, NodeStats, RunShared, Subject},
    execute::execute,
    hooks::{self, HookPoint},
    report,
    scheduler::{Message, NodeResult, SkipCause, Task, Walk, WalkOptions, Worker, walk},
};

/// What a command decides about its run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    pub threads: usize,
    pub fail_fast: bool,
    /// `build`: a failed test skips what is below the nodes that it tests.
    pub tests_gate: bool,
    /// Whether project hooks are run.
    pub hooks: bool,
    /// `--store-failures`.
    pub store_failures: bool,
    /// A test that warns fails instead.
    pub warnings_fail: bool,
    /// Whether target/run is written.
    pub write_files: bool,
    pub target_name: String,
    /// How paths below the target folder are shown: `target`.
    pub target_shown: String,
    /// Behaviour flag `skip_nodes_if_on_run_start_fails`.
    pub skip_if_start_fails: bool,
    /// `--event-time-start` and `--event-time-end`.
    pub event_time: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The batches of an earlier run: those that failed are run instead of all.
    pub previous_batches: BTreeMap<UniqueId, BatchResults>,
    /// `clone`: relations are copied from those of another environment, nothing is compiled.
    pub clones: bool,
}

/// What all nodes of a command share.
pub struct Runner {
    pub run: Arc<RunShared>,
    pub compiler: Compiler,
    pub options: RunOptions,
    /// Absolute.
    pub target_dir: PathBuf,
    events: Arc<dyn EventSink>,
    total: AtomicUsize,
    watched: Mutex<BTreeMap<UniqueId, NodeContext>>,
    stopping: AtomicBool,
    compiled: Mutex<IndexMap<UniqueId, Compiled>>,
    ran: Mutex<BTreeSet<UniqueId>>,
}

/// What a run gave.
#[derive(Debug)]
pub struct RunOutcome {
    pub results: Vec<RunResult>,
    pub stats: RunStats,
    pub problems: Vec<Problem>,
    pub interrupted: bool,
    /// Whether anything failed: exit code 1.
    pub failed: bool,
    /// Why the command ended before all was done: an on-run-end hook that could not be rendered.
    pub broken: Option<NodeError>,
    /// The manifest with what was compiled.
    pub manifest: Manifest,
    /// Seconds.
    pub elapsed: f64,
}

impl RunOutcome {
    /// Nothing was run.
    pub fn empty(manifest: &Manifest) -> Self {
        Self {
            results: Vec::new(),
            stats: RunStats::default(),
            problems: Vec::new(),
            interrupted: false,
            failed: false,
            broken: None,
            manifest: manifest.clone(),
            elapsed: 0.0,
        }
    }
}

/// Removes a node from the watched ones when it ends.
pub struct Watch<'a> {
    runner: &'a Runner,
    id: UniqueId,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        lock(&self.runner.watched).remove(&self.id);
    }
}

impl Runner {
    pub fn new(run: Arc<RunShared>, options: RunOptions, target_dir: PathBuf, inject: bool) -> Self {
        let events = Arc::clone(&run.scopes.shared.events);
        let compiler = Compiler::new(Arc::clone(&run), options.write_files.then(|| target_dir.clone()), inject);
        Self {
            run,
            compiler,
            options,
            target_dir,
            events,
            total: AtomicUsize::new(0),
            watched: Mutex::default(),
            stopping: AtomicBool::new(false),
            compiled: Mutex::default(),
            ran: Mutex::default(),
        }
    }

    pub fn emit(&self, event: Event) {
        self.events.emit(event);
    }

    /// Whether what runs now is the last that runs.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// How many nodes are counted in progress lines.
    pub fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    pub fn manifest(&self) -> &Manifest {
        &self.run.manifest
    }

    /// Makes a node's statements known to `cancel` while it runs.
    pub fn watch<'a>(&'a self, id: &UniqueId, context: &NodeContext) -> Watch<'a> {
        lock(&self.watched).insert(id.clone(), context.clone());
        Watch { runner: self, id: id.clone() }
    }

    /// A context for macros that run outside of any node.
    pub fn macro_context(&self, name: &str) -> NodeContext {
        let package = self.run.scopes.shared.project_name.to_string();
        NodeContext::new(
            Arc::clone(&self.run),
            NodeInput {
                subject: Subject::Macro { package: package.into(), name: name.into() },
                thread: "MainThread".into(),
                batch: None,
                writer: None,
            },
        )
    }

    pub(super) fn record_compiled(&self, node: &Node, compiled: &CompiledNode) {
        let path = self.compiled_path(node);
        let macros = compiled.macros.clone();
        let entry = Compiled { code: compiled.code.text.clone(), extra_ctes: compiled.extra_ctes(), macros, path };
        lock(&self.compiled).insert(node.unique_id.clone(), entry);
        lock(&self.ran).insert(node.unique_id.clone());
    }

    pub(super) fn record_stats(&self, node: &Node, stats: NodeStats) {
        for statement in &stats.statements {
            let metrics = statement.metrics;
            let message = format!(
                "{}: {:.3}s, {} rows and {} bytes read from {} files, {} rows and {} bytes written, {} bytes spilled: {}",
                node.unique_id,
                statement.elapsed.as_secs_f64(),
                metrics.rows_read,
                metrics.bytes_read,
                metrics.files_read,
                metrics.rows_written,
                metrics.bytes_written,
                metrics.spilled_bytes,
                statement.sql.replace('\n', " ")
            );
            self.emit(Event::Debug { message });
        }
        let rows = stats.statements.iter().map(|statement| statement.metrics.rows_written).sum();
        let bytes = stats.statements.iter().map(|statement| statement.metrics.bytes_written).sum();
        self.emit(Event::Progress { node: node.unique_id.clone(), rows, bytes });
    }

    /// Where the compiled SQL of a node is, project-relative.
    pub fn compiled_path(&self, node: &Node) -> Option<String> {
        let path = PathBuf::from(&self.options.target_shown).join("compiled").join(relative_path(node));
        self.options.write_files.then(|| crate::diagnostic::display_path(&path))
    }

    /// The manifest with the compiled code of this run's nodes.
    pub(super) fn manifest_after(&self) -> Manifest {
        let mut manifest = (*self.run.manifest).clone();
        let compiled = std::mem::take(&mut *lock(&self.compiled));
        for (id, compiled) in compiled {
            if let Some(node) = manifest.nodes.get_mut(&id) {
                if lock(&self.ran).contains(&id) && self.options.write_files {
                    let path = PathBuf::from(&self.options.target_shown).join("run").join(relative_path(node));
                    node.build_path = Some(crate::diagnostic::display_path(&path));
                }
                node.depends_on.macros.extend(compiled.macros.iter().cloned());
                node.compiled = Some(compiled);
            }
        }
        manifest
    }

    /// Creates the schemas of the selected nodes that are not there yet.
    fn create_schemas(&self, selected: &BTreeSet<UniqueId>) -> Result<(), NodeError> {
        let mut wanted: BTreeMap<(String, String), &Node> = BTreeMap::new();
        for node in selected.iter().filter_map(|id| self.manifest().nodes.get(id)) {
            let stores = match node.resource_type {
                ResourceType::Model => !node.is_ephemeral(),
                ResourceType::Seed | ResourceType::Snapshot | ResourceType::Function => true,
                ResourceType::Test => node.relation_name.is_some() || self.options.store_failures,
                _ => false,
            };
            if stores {
                wanted.entry((node.database.clone(), node.schema.clone())).or_insert(node);
            }
        }
        let context = self.macro_context("create_schemas");
        let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((database, schema), node) in wanted {
            let of = |error: JinjaError| NodeError::of(&error, node);
            if !known.contains_key(&database) {
                let session = context.session().map_err(of)?;
                let schemas = self
                    .run
                    .bridge
                    .wait(session.schemas(&database))
                    .map_err(|error| NodeError::of_diagnostic(Diagnostic::error("warehouse", error.to_string())))?;
                known.insert(database.clone(), schemas.iter().map(|schema| schema.to_lowercase()).collect());
            }
            if known.get(&database).is_some_and(|schemas| schemas.contains(&schema.to_lowercase())) {
                continue;
            }
            let mut relation = Relation::new(database, schema, "");
            relation.identifier = None;
            relation.quote = self.run.scopes.shared.quoting;
            let value = crate::manifest::context::RelationObject::from(relation).into_value();
            self.call_macro(&context, "create_schema", Args::new(vec![value])).map_err(of)?;
        }
        Ok(())
    }

    /// Calls a macro of the project or of the embedded packages by name.
    pub(super) fn call_macro(&self, context: &NodeContext, name: &str, args: Args) -> Result<Value, JinjaError> {
        let root = Arc::clone(self.run.scopes.shared.macros.root());
        let definition = self.run.scopes.shared.macros.find(&root, name).cloned();
        let definition = definition.ok_or_else(|| JinjaError::raised(format!("there is no macro `{name}`")))?;
        context.call_macro(&definition, args)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Worker for Runner {
    fn is_counted(&self, id: &UniqueId) -> bool {
        self.manifest().nodes.get(id).is_none_or(|node| !node.is_ephemeral())
    }

    fn execute(&self, task: &Task) -> Option<NodeResult> {
        let Some(node) = self.manifest().nodes.get(&task.id) else { return self.no_op(task) };
        if node.is_ephemeral() {
            return None;
        }
        if node.resource_type == ResourceType::SavedQuery {
            return Some(self.does_nothing(report::node_info(node), task));
        }
        Some(execute(self, node, task))
    }

    fn crashed(&self, task: &Task) -> Option<NodeResult> {
        lock(&self.watched).remove(&task.id);
        self.manifest().nodes.get(&task.id).map(|node| super::execute::crashed(self, node, task))
    }

    fn skip(&self, id: &UniqueId, index: usize, cause: &SkipCause) -> Option<NodeResult> {
        let Some(node) = self.manifest().nodes.get(id) else {
            let result = RunResult::new(id.as_str(), Status::Skipped);
            return Some(NodeResult { result, problem: None, blocks: false, fails: false });
        };
        if node.is_ephemeral() {
            return None;
        }
        let ephemeral = match cause {
            SkipCause::Upstream(blame) => self.manifest().nodes.get(blame).filter(|node| node.is_ephemeral()),
            _ => None,
        };
        self.emit(Event::NodeSkipped {
            node: report::node_info(node),
            index,
            total: self.total(),
            description: report::skip_line(node),
            cause: ephemeral.map(|_| "ephemeral model status 'error'".to_owned()),
        });
        let message = match cause {
            SkipCause::FailFast => Some("Skipping due to fail_fast".to_owned()),
            SkipCause::Interrupted => Some("Skipping due to an interrupt".to_owned()),
            SkipCause::Upstream(_) => None,
        };
        let mut result = report::result(node, Status::Skipped, &[], std::time::Duration::ZERO, "MainThread");
        result.message.clone_from(&message);
        result.compiled = (node.resource_type != ResourceType::Seed).then_some(false);
        let problem = message.map(|message| report::problem(node, Status::Skipped, message, None));
        Some(NodeResult { result, problem, blocks: true, fails: true })
    }

    fn cancel(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let contexts: Vec<NodeContext> = lock(&self.watched).values().cloned().collect();
        for session in contexts.iter().filter_map(NodeContext::open_session) {
            self.run.bridge.handle().spawn(super::execute::cancel(session));
        }
    }
}

impl Runner {
    /// Exposures in `build`.
    fn no_op(&self, task: &Task) -> Option<NodeResult> {
        let exposure = self.manifest().exposures.get(&task.id)?;
        Some(self.does_nothing(report::exposure_info(exposure), task))
    }

    /// What is selected and has nothing to run: exposures, saved queries.
    fn does_nothing(&self, node: NodeInfo, task: &Task) -> NodeResult {
        let outcome = NodeOutcome {
            status: Status::NoOp,
            message: "NO-OP".into(),
            description: format!("NO-OP {} {}", node.resource_type, node.name),
            execution_time: 0.0,
            failures: Some(0),
            rows_affected: None,
        };
        self.emit(Event::NodeFinished { node, index: task.index, total: self.total(), outcome });
        let result = RunResult {
            thread_id: task.thread.clone(),
            message: Some("NO-OP".into()),
            failures: Some(0),
            ..RunResult::new(task.id.as_str(), Status::NoOp)
        };
        NodeResult { result, problem: None, blocks: false, fails: false }
    }
}

/// Runs the selected nodes with hooks and schemas around them.
///
/// # Errors
/// What keeps the run from starting: schemas that cannot be created.
pub fn run_nodes(
    runner: &Runner,
    dag: &Dag,
    selected: &BTreeSet<UniqueId>,
    edges: Edges,
    channel: (Sender<Message>, Receiver<Message>),
) -> Result<RunOutcome, NodeError> {
    let start = Instant::now();
    let counted = selected.iter().filter(|id| runner.is_counted(id)).count();
    runner.total.store(counted, Ordering::Relaxed);
    runner.create_schemas(selected)?;
    let mut results: Vec<NodeResult> = Vec::new();
    super::microbatch::warn_of_concurrency(runner, selected);
    runner.emit(Event::Concurrency { threads: runner.options.threads, target: runner.options.target_name.clone() });
    let mut start_failed = false;
    if runner.options.hooks {
        let hooks = hooks::run(runner, HookPoint::Start, &[]);
        if let Some(error) = hooks.broken {
            return Err(error);
        }
        start_failed = hooks.results.iter().any(|hook| hook.fails);
        results.extend(hooks.results);
    }
    let queue = Queue::new(runner.manifest(), dag, selected, edges);
    let walked = if start_failed && runner.options.skip_if_start_fails {
        let ids = queue.order();
        let skipped = ids.iter().enumerate().filter_map(|(at, id)| {
            let blame = SkipCause::Upstream(UniqueId::new("operation"));
            runner.skip(id, at + 1, &blame)
        });
        Walk { results: skipped.collect(), ..Walk::default() }
    } else {
        let options = WalkOptions { threads: runner.options.threads, fail_fast: runner.options.fail_fast };
        walk(queue, options, runner, channel)
    };
    let interrupted = walked.interrupted;
    results.extend(walked.results);
    let mut broken = None;
    if runner.options.hooks && !interrupted {
        let so_far: Vec<RunResult> = results.iter().map(|result| result.result.clone()).collect();
        let hooks = hooks::run(runner, HookPoint::End, &so_far);
        results.extend(hooks.results);
        broken = hooks.broken;
    }
    Ok(RunOutcome { broken, ..outcome(runner, results, interrupted, start) })
}

fn outcome(runner: &Runner, results: Vec<NodeResult>, interrupted: bool, start: Instant) -> RunOutcome {
    let elapsed = start.elapsed().as_secs_f64();
    runner.emit(Event::Finished { counts: counts(runner, &results), elapsed });
    let mut stats = RunStats { total: results.len(), ..RunStats::default() };
    for result in &results {
        match result.result.status {
            Status::Success | Status::Pass => stats.pass += 1,
            Status::Warn => stats.warn += 1,
            Status::Skipped => stats.skip += 1,
            Status::NoOp => stats.no_op += 1,
            Status::Error | Status::Fail | Status::RuntimeError | Status::PartialSuccess => stats.error += 1,
        }
    }
    let failed = results.iter().any(|result| result.fails);
    let problems: Vec<Problem> = results.iter().filter_map(|result| result.problem.clone()).collect();
    let (warnings, mut ordered): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| problem.status == Status::Warn);
    ordered.extend(warnings);
    RunOutcome {
        results: results.into_iter().map(|result| result.result).collect(),
        stats,
        problems: ordered,
        interrupted,
        failed,
        broken: None,
        manifest: runner.manifest_after(),
        elapsed,
    }
}

/// `2 view models, 1 seed, 4 data tests, 1 project hook`.
fn counts(runner: &Runner, results: &[NodeResult]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for result in results {
        let id = result.result.unique_id.as_str();
        let what = match runner.manifest().nodes.get(id) {
            Some(node) => match node.resource_type {
                ResourceType::Model => format!("{} model", node.config.materialized()),
                ResourceType::Operation => "project hook".to_owned(),
                other => other.as_str().to_owned(),
            },
            None => id.split('.').next().unwrap_or("node").to_owned(),
        };
        *counts.entry(what).or_default() += 1;
    }
    let text: Vec<String> = counts.iter().map(|(what, count)| crate::event::count_text(what, *count)).collect();
    if text.is_empty() { "nothing".to_owned() } else { text.join(", ") }
}
