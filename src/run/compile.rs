//! A node's template → the SQL that is executed: rendered, with the CTEs of its ephemeral parents, and a map of where
//! each byte came from.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use crate::{
    diagnostic::{Diagnostic, Origin, SourceId, Span, line_feeds},
    engine::Details,
    jinja::{ErrorKind, JinjaError, Rendered, Template, Value},
    manifest::{GenericTestFields, Manifest, Node, NodeKind, looks_like_call},
    names::{ResourceType, UniqueId},
};

use super::{
    context::{Batch, NodeContext, RunShared},
    inject::{Cte, cte_sql, inject},
};

/// Why a node could not be compiled or executed.
#[derive(Debug, Clone)]
pub struct NodeError {
    pub kind: ErrorKind,
    pub diagnostic: Diagnostic,
    /// The ephemeral ancestor that could not be compiled: its title, `Compilation Error in model e (models/e.sql)`.
    pub ephemeral: Option<String>,
    /// Whether the node had changed rows for good before it failed.
    pub committed: bool,
    /// What the warehouse says of the statement that failed.
    pub details: Details,
}

impl NodeError {
    /// The error as of `node`.
    pub fn of(error: &JinjaError, node: &Node) -> Self {
        let mut diagnostic = error.to_diagnostic();
        if diagnostic.code.0 == "contract-broken" {
            diagnostic = at_columns(diagnostic, node);
        }
        if diagnostic.node.is_none() {
            diagnostic = diagnostic.node(node.unique_id.as_str());
        }
        if diagnostic.labels.is_empty()
            && let Some(origin) = node.origin
        {
            diagnostic = diagnostic.at(origin.span(0, 0), "");
        }
        Self { kind: error.kind, diagnostic, ephemeral: None, committed: false, details: Details::new() }
    }

    pub fn of_diagnostic(diagnostic: Diagnostic) -> Self {
        Self { kind: ErrorKind::Syntax, diagnostic, ephemeral: None, committed: false, details: Details::new() }
    }

    /// dbt's title of such an error: `Database Error`, `Compilation Error`.
    pub fn title(&self) -> &'static str {
        match self.kind {
            ErrorKind::Database => "Database Error",
            ErrorKind::Internal | ErrorKind::Return => "Runtime Error",
            _ => "Compilation Error",
        }
    }
}

/// A broken contract, with the declared columns that differ.
fn at_columns(mut diagnostic: Diagnostic, node: &Node) -> Diagnostic {
    diagnostic.labels.clear();
    diagnostic.stack.clear();
    let lines: Vec<String> = diagnostic.message.lines().map(str::to_lowercase).collect();
    for column in node.columns.values() {
        let cell = format!("| {} ", column.name.to_lowercase());
        if let Some(span) = column.span.filter(|_| lines.iter().any(|line| line.starts_with(&cell))) {
            diagnostic = diagnostic.at(span, "differs from what the query gives");
        }
    }
    diagnostic
}

/// The SQL of a node.
#[derive(Debug, Clone)]
pub struct CompiledNode {
    /// With the CTEs of ephemeral parents.
    pub code: Rendered,
    /// Without them.
    pub body: Rendered,
    /// All ephemeral ancestors in the order of injection.
    pub ctes: Vec<(UniqueId, Cte)>,
    /// What the template called, in branches that only running reaches too.
    pub macros: Vec<UniqueId>,
}

impl CompiledNode {
    /// `extra_ctes` of artifacts.
    pub fn extra_ctes(&self) -> Vec<(UniqueId, String)> {
        self.ctes.iter().map(|(id, cte)| (id.clone(), cte_sql(cte))).collect()
    }
}

/// Compiles nodes, keeps the ephemeral ones, and writes target/compiled.
pub struct Compiler {
    pub run: Arc<RunShared>,
    /// Absolute; `None`: nothing is written.
    pub target_dir: Option<PathBuf>,
    /// `--no-inject-ephemeral-ctes`.
    pub inject: bool,
    ephemeral: Mutex<HashMap<UniqueId, Result<Arc<CompiledNode>, NodeError>>>,
}

impl Compiler {
    pub fn new(run: Arc<RunShared>, target_dir: Option<PathBuf>, inject: bool) -> Self {
        Self { run, target_dir, inject, ephemeral: Mutex::default() }
    }

    fn manifest(&self) -> &Manifest {
        &self.run.manifest
    }

    /// Compiles `node` in `context`, and gives the context its SQL.
    ///
    /// # Errors
    /// The template's, or that of an ephemeral ancestor.
    pub fn compile(&self, context: &NodeContext, node: &Node) -> Result<CompiledNode, NodeError> {
        let compiled = self.compiled(context, node, &mut Vec::new())?;
        context.set_compiled(compiled.code.text.as_str(), compiled.code.map.clone());
        if let Some(target) = &self.target_dir {
            let path = target.join("compiled").join(file_of(node, context.batch()));
            write_file(&path, &compiled.code.text).map_err(NodeError::of_diagnostic)?;
        }
        Ok(compiled)
    }

    fn compiled(
        &self,
        context: &NodeContext,
        node: &Node,
        open: &mut Vec<UniqueId>,
    ) -> Result<CompiledNode, NodeError> {
        if let NodeKind::GenericTest(fields) = &node.kind {
            let kwargs = test_arguments(context, node, fields)?;
            context.set("_dbt_generic_test_kwargs", kwargs);
        }
        if node.language != "sql" {
            let body = Rendered { text: node.raw_code.clone(), ..Rendered::default() };
            return Ok(CompiledNode { code: body.clone(), body, ctes: Vec::new(), macros: Vec::new() });
        }
        let template = Template::parse(&line_feeds(&node.raw_code), origin(node)).map_err(|errors| {
            let first = errors.into_iter().next();
            NodeError::of_diagnostic(first.unwrap_or_else(|| Diagnostic::error("internal", "no template")))
        })?;
        let body = context.render(&template).map_err(|error| NodeError::of(&error, node))?;
        let ctes = self.ctes(node, open)?;
        let plain: Vec<Cte> = ctes.iter().map(|(_, cte)| cte.clone()).collect();
        let code = if self.inject { inject(body.clone(), &plain) } else { body.clone() };
        Ok(CompiledNode { code, body, ctes, macros: context.called() })
    }

    /// The ephemeral ancestors of a node, each once, parents first.
    fn ctes(&self, node: &Node, open: &mut Vec<UniqueId>) -> Result<Vec<(UniqueId, Cte)>, NodeError> {
        let mut ctes: Vec<(UniqueId, Cte)> = Vec::new();
        for id in &node.depends_on.nodes {
            let Some(parent) = self.manifest().nodes.get(id).filter(|parent| parent.is_ephemeral()) else { continue };
            if open.contains(id) {
                continue;
            }
            let compiled = self.ephemeral(parent, open)?;
            let own = (id.clone(), Cte { alias: parent.alias.clone(), body: compiled.body.clone() });
            for cte in compiled.ctes.iter().cloned().chain([own]) {
                if !ctes.iter().any(|(known, _)| *known == cte.0) {
                    ctes.push(cte);
                }
            }
        }
        Ok(ctes)
    }

    /// An ephemeral model, compiled once per run.
    fn ephemeral(&self, node: &Node, open: &mut Vec<UniqueId>) -> Result<Arc<CompiledNode>, NodeError> {
        if let Some(known) = lock(&self.ephemeral).get(&node.unique_id) {
            return known.clone();
        }
        let context = NodeContext::of_node(&self.run, node);
        open.push(node.unique_id.clone());
        let compiled = self.compiled(&context, node, open).map(Arc::new).map_err(|mut error| {
            let title = error_title(error.title(), node);
            error.ephemeral.get_or_insert(title);
            error
        });
        open.pop();
        if let (Ok(compiled), Some(target)) = (&compiled, &self.target_dir) {
            let path = target.join("compiled").join(relative_path(node));
            write_file(&path, &compiled.code.text).map_err(NodeError::of_diagnostic)?;
        }
        lock(&self.ephemeral).insert(node.unique_id.clone(), compiled.clone());
        compiled
    }
}

/// dbt's first line of an error: `Database Error in model a (models/a.sql)`.
pub fn error_title(title: &str, node: &Node) -> String {
    format!("{title} in {} {} ({})", node.resource_type, node.versioned_name(), node.original_file_path)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where the node's template is.
pub(super) fn origin(node: &Node) -> Origin {
    node.origin.unwrap_or(Origin::Within(Span::new(SourceId(u32::MAX), 0, 0)))
}

/// The arguments of a generic test: strings are rendered, and what looks like a call is one. `column_name` never is.
fn test_arguments(context: &NodeContext, node: &Node, fields: &GenericTestFields) -> Result<Value, NodeError> {
    let mut arguments: Vec<(String, Value)> = Vec::with_capacity(fields.kwargs.len());
    for (key, value) in &fields.kwargs {
        let value = if key == "column_name" { value.clone() } else { rendered(context, node, value)? };
        arguments.push((key.clone(), value));
    }
    Ok(Value::dict(arguments))
}

fn rendered(context: &NodeContext, node: &Node, value: &Value) -> Result<Value, NodeError> {
    match value {
        Value::Str(text) => {
            let text = if looks_like_call(text) { format!("{{{{ {text} }}}}") } else { text.to_string() };
            if !text.contains("{{") && !text.contains("{%") {
                return Ok(value.clone());
            }
            let template = Template::parse(&text, origin(node)).map_err(|errors| {
                NodeError::of_diagnostic(errors.into_iter().next().unwrap_or_else(|| Diagnostic::error("internal", "")))
            })?;
            context.render_native(&template).map_err(|error| NodeError::of(&error, node))
        }
        Value::List(_) | Value::Tuple(_) => {
            let items = value.items().unwrap_or_default();
            let items = items.iter().map(|item| rendered(context, node, item)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::list(items))
        }
        Value::Dict(_) => {
            let mut pairs = Vec::new();
            for (key, item) in value.pairs().unwrap_or_default() {
                pairs.push((key, rendered(context, node, &item)?));
            }
            Ok(Value::dict(pairs))
        }
        other => Ok(other.clone()),
    }
}

/// The path of a node below target/compiled and target/run: `<package>/<original path>`, and a folder named as the
/// file for nodes that share a file. Source: dbt (`artifacts.md` §2).
pub fn relative_path(node: &Node) -> PathBuf {
    let base = Path::new(&node.package_name).join(&node.original_file_path);
    match node.kind {
        NodeKind::GenericTest(_) => base.join(&node.path),
        NodeKind::Operation { .. } => base.join(&node.path),
        _ if node.resource_type == ResourceType::UnitTest => {
            let folder = Path::new(&node.original_file_path).parent().unwrap_or(Path::new(""));
            base.join(folder).join(format!("{}.sql", node.name))
        }
        NodeKind::Snapshot if !node.original_file_path.ends_with(&node.path) => base.join(&node.path),
        _ => base,
    }
}

/// [`relative_path`], and for one batch of a model a file of its own in a folder of the model's name.
pub fn file_of(node: &Node, batch: Option<&Batch>) -> PathBuf {
    let path = relative_path(node);
    match (batch, path.file_stem()) {
        (Some(batch), Some(stem)) => {
            let name = format!("{}_{}.sql", stem.to_string_lossy(), batch.label);
            path.with_extension("").join(name)
        }
        _ => path,
    }
}

/// Writes a text file with its folders.
pub fn write_file(path: &Path, text: &str) -> Result<(), Diagnostic> {
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)
    };
    write().map_err(|error| Diagnostic::error("write", format!("cannot write {}: {error}", path.display())))
}

/// Whether a node has SQL to compile.
pub fn has_sql(node: &Node) -> bool {
    !matches!(node.kind, NodeKind::Seed { .. } | NodeKind::UnitTest(_) | NodeKind::Declared(_))
        && node.language == "sql"
}
