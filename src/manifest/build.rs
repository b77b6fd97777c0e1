//! The stages of parsing a project, in order.

use std::{collections::HashMap, sync::Arc};

use indexmap::{IndexMap, IndexSet};

use crate::{
    diagnostic::{Code, Diagnostic, Span, line_feeds},
    jinja::Value,
    names::{Policy, ResourceType, UniqueId},
    project::{PackageKind, Project},
};

use super::{
    Disabled, Manifest,
    calls::{Call, parse_call},
    checks,
    configure::{Forest, configure},
    context::Scopes,
    draft::{Defaults, Draft, Recorded, drafts},
    generic_tests::{Lookup, TestDraft, settle, test_drafts},
    microbatch,
    naming::{Naming, overridden},
    node::{Node, NodeKind},
    options::ParseOptions,
    others, properties,
    python::python_calls,
    registry,
    render::{DocIndex, Renderer, evaluate, evaluate_hooks, evaluate_test, is_template, literal_dict},
    resolve::{self, Names},
    semantic, sources, unit_tests,
};

/// A parsed project: its manifest, the contexts for rendering more of it, and what is wrong with it.
#[derive(Debug)]
pub struct Parsed {
    pub manifest: Manifest,
    pub scopes: Arc<Scopes>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Evaluates a project in parse mode. Deterministic; what could be read is given even when there are errors.
pub fn build(project: &Project, options: &ParseOptions) -> Parsed {
    let mut diagnostics = Vec::new();
    let profile = project.profile.as_ref();
    let created_at = options.started();
    let (mut macros, index) = registry::macros(project, created_at, &mut diagnostics);
    let scopes = Arc::new(Scopes::new(Arc::new(options.shared(project, index))));
    let stage = Stage {
        project,
        options,
        quoting: scopes.shared.quoting,
        embedded: embedded(project),
        defaults: Defaults {
            database: profile.and_then(|profile| profile.database.clone()).unwrap_or_default(),
            schema: profile.map(|profile| profile.schema.clone()).unwrap_or_default(),
            created_at,
        },
        forest: Forest::new(project, &mut diagnostics),
        scopes: Arc::clone(&scopes),
    };
    let mut manifest = Manifest::default();
    let renderer = stage.docs(&mut manifest, &mut diagnostics);
    others::describe_macros(
        project,
        &mut macros,
        &renderer,
        options.behaviour("VALIDATE_MACRO_ARGS", false),
        &mut diagnostics,
    );
    manifest.macros = macros.into_iter().map(|(unique_id, item)| (unique_id, Arc::new(item))).collect();
    let mut nodes = stage.nodes(&mut manifest, &renderer, &mut diagnostics);
    for exposure in others::exposures(project, &stage.forest, &renderer, &stage.defaults, &mut diagnostics) {
        let unique_id = exposure.unique_id.clone();
        if exposure.config.is_enabled() {
            manifest.exposures.insert(unique_id, exposure);
        } else {
            manifest.disabled.entry(unique_id).or_default().push(Disabled::Exposure(Box::new(exposure)));
        }
    }
    manifest.groups = others::groups(project, &stage.forest, &renderer, &mut diagnostics);
    if let Some(selectors) = project.selectors.as_ref().and_then(|yaml| yaml.as_map()) {
        let listed = selectors.get("selectors").and_then(|yaml| yaml.as_list()).unwrap_or_default();
        for selector in listed {
            let name = selector.as_map().and_then(|map| map.get("name")).and_then(|yaml| yaml.as_str());
            manifest.selectors.extend(name.map(|name| (name.to_owned(), selector.to_value())));
        }
    }
    let settings = (&stage.forest, &stage.defaults);
    for (unique_id, kind, span, fqn) in semantic::add(project, &mut manifest, &renderer, settings, &mut diagnostics) {
        nodes.add(kind, vec![(unique_id, span, fqn)]);
    }
    let tests = unit_tests::add(project, &mut manifest, &renderer, settings, &mut diagnostics);
    nodes.add(ResourceType::UnitTest, tests);
    stage.finish(&mut manifest, &nodes, &mut diagnostics);
    Parsed { manifest, scopes, diagnostics: together(diagnostics) }
}

/// What all stages need.
struct Stage<'a> {
    project: &'a Project,
    options: &'a ParseOptions,
    quoting: Policy,
    embedded: IndexSet<String>,
    defaults: Defaults,
    forest: Forest,
    scopes: Arc<Scopes>,
}

/// Places of nodes that the manifest itself does not keep.
#[derive(Debug, Default)]
struct Places {
    nodes: IndexMap<UniqueId, Option<Span>>,
    sources: HashMap<UniqueId, Vec<Option<Span>>>,
    /// Of all nodes and sources, disabled ones too.
    fqns: IndexMap<ResourceType, Vec<Vec<String>>>,
}

impl Places {
    /// Adds what was made after the other nodes.
    fn add(&mut self, kind: ResourceType, made: Vec<(UniqueId, Span, Vec<String>)>) {
        for (unique_id, span, fqn) in made {
            self.nodes.insert(unique_id, Some(span));
            self.fqns.entry(kind).or_default().push(fqn);
        }
    }
}

fn embedded(project: &Project) -> IndexSet<String> {
    let packages = project.packages.values().filter(|package| package.kind == PackageKind::Embedded);
    packages.map(|package| package.name.clone()).collect()
}

impl Stage<'_> {
    /// Registers docs blocks; gives the renderer that knows them.
    fn docs<'b>(&'b self, manifest: &mut Manifest, diagnostics: &mut Vec<Diagnostic>) -> Renderer<'b> {
        let mut renderer = Renderer { scopes: &self.scopes, docs: Arc::default() };
        let mut docs = DocIndex::new();
        for raw in registry::docs(self.project, diagnostics) {
            let text = renderer.docs_block(&raw.package.name, &raw.block.text, raw.block.origin, diagnostics);
            let doc = raw.finish(&text);
            docs.insert(
                (doc.package_name.clone(), doc.name.clone()),
                (doc.unique_id.clone(), doc.block_contents.clone()),
            );
            manifest.docs.insert(doc.unique_id.clone(), doc);
        }
        renderer.docs = Arc::new(docs);
        renderer
    }

    /// Models, seeds, snapshots, analyses, tests, hooks and sources, configured and named.
    fn nodes(&self, manifest: &mut Manifest, renderer: &Renderer<'_>, diagnostics: &mut Vec<Diagnostic>) -> Places {
        let mut drafts = drafts(self.project, &self.defaults);
        let settings = (&self.forest, &self.defaults);
        let mut requests = properties::apply(self.project, &mut drafts, settings, renderer, diagnostics);
        self.evaluate(&mut drafts, diagnostics);
        let (sources, of_sources) = sources::sources(self.project, &self.forest, renderer, &self.defaults, diagnostics);
        requests.extend(of_sources);
        for source in sources {
            let unique_id = source.unique_id.clone();
            if source.config.is_enabled() {
                manifest.sources.insert(unique_id, source);
            } else {
                manifest.disabled.entry(unique_id).or_default().push(Disabled::Source(Box::new(source)));
            }
        }
        let lookup = Lookup {
            index: &self.scopes.shared.macros,
            embedded: &self.embedded,
            nested_arguments: self.options.behaviour("REQUIRE_GENERIC_TEST_ARGUMENTS_PROPERTY", true),
        };
        let mut tests = test_drafts(&requests, &lookup, renderer, &self.defaults, diagnostics);
        self.evaluate_tests(&mut tests, diagnostics);
        drafts.extend(tests.into_iter().map(settle));
        let naming = self.naming();
        let mut places = Places::default();
        let mut groups: HashMap<UniqueId, String> = HashMap::new();
        let mut fqns: IndexMap<ResourceType, Vec<Vec<String>>> = IndexMap::new();
        let mut duplicates: HashMap<UniqueId, Option<Span>> = HashMap::new();
        for mut draft in drafts {
            configure(&mut draft, &self.forest, diagnostics);
            self.hooks(&mut draft, diagnostics);
            follow_foreign_keys(&mut draft);
            inherit_group(&mut draft, &groups);
            naming.name(&mut draft, diagnostics);
            let (node, span, source_spans) = finish_draft(draft);
            fqns.entry(node.resource_type).or_default().push(node.fqn.clone());
            if let Some(group) = &node.group {
                groups.insert(node.unique_id.clone(), group.clone());
            }
            let unique_id = node.unique_id.clone();
            if !node.config.is_enabled() {
                manifest.disabled.entry(unique_id).or_default().push(Disabled::Node(Box::new(node)));
                continue;
            }
            if let Some(first) = duplicates.get(&unique_id) {
                diagnostics.push(duplicate_node(&node, span, *first));
                continue;
            }
            duplicates.insert(unique_id.clone(), span);
            places.nodes.insert(unique_id.clone(), span);
            places.sources.insert(unique_id.clone(), source_spans);
            manifest.nodes.insert(unique_id, node);
        }
        for source in manifest.sources.values() {
            fqns.entry(ResourceType::Source).or_default().push(source.fqn.clone());
        }
        places.fqns = fqns;
        places
    }

    fn naming(&self) -> Naming<'_> {
        let is_embedded = |package: &str| self.embedded.contains(package);
        let packages = self.project.packages.keys().cloned();
        Naming {
            scopes: &self.scopes,
            defaults: &self.defaults,
            quoting: self.quoting,
            store_failures: self.options.flags.is_on("STORE_FAILURES"),
            overridden: overridden(&self.scopes.shared.macros, packages, &is_embedded),
        }
    }

    /// Evaluates the templates of drafts, on several threads; results are merged in order.
    fn evaluate(&self, drafts: &mut [Draft], diagnostics: &mut Vec<Diagnostic>) {
        let problems = in_parallel(drafts, self.options.parallelism, |draft: &mut Draft| {
            if draft.node.language == "python" && draft.node.resource_type == ResourceType::Model {
                return read_python(draft, &self.scopes);
            }
            let template = draft.template.take()?;
            draft.node.clues.config_in_file =
                template.config_keys().map(|key| super::merge::canonical_key(key).to_owned()).collect();
            if template.is_plain() {
                return None;
            }
            let (recorded, problem) = evaluate(&self.scopes, &draft.node, self.quoting, &template);
            draft.recorded = recorded;
            problem
        });
        diagnostics.extend(problems);
    }

    fn evaluate_tests(&self, tests: &mut [TestDraft], diagnostics: &mut Vec<Diagnostic>) {
        let problems = in_parallel(tests, self.options.parallelism, |test: &mut TestDraft| {
            let definition = test.call.as_ref()?;
            let (recorded, problem) = evaluate_test(&self.scopes, &test.draft.node, self.quoting, definition);
            test.draft.recorded = recorded;
            problem
        });
        diagnostics.extend(problems);
    }

    /// Evaluates the hooks of a configured draft, whose refs count as the node's.
    fn hooks(&self, draft: &mut Draft, diagnostics: &mut Vec<Diagnostic>) {
        let has_template = ["pre-hook", "post-hook"].iter().any(|key| {
            let hooks = draft.node.config.get(key).and_then(Value::items).unwrap_or_default();
            hooks.iter().any(|hook| hook.get("sql").is_some_and(|sql| sql.as_str().is_some_and(is_template)))
        });
        if !has_template {
            return;
        }
        let span = draft.spans.get("post-hook").or_else(|| draft.spans.get("pre-hook")).copied();
        let (recorded, problems) = evaluate_hooks(&self.scopes, &draft.node, self.quoting, span);
        let Recorded { refs, sources, metrics, functions, macros, .. } = recorded;
        let depends = !(refs.is_empty() && sources.is_empty() && metrics.is_empty());
        if draft.node.resource_type == ResourceType::Seed && depends {
            let message = "Seeds cannot depend on other nodes: a hook of this one calls `ref`, `source` or `metric`";
            let mut error = Diagnostic::error("ref-not-allowed", message).node(draft.node.unique_id.as_str());
            if let Some(span) = span {
                error = error.at(span, "");
            }
            diagnostics.push(error.help("name the relation in the hook as it is called in the warehouse"));
        }
        draft.recorded.refs.extend(refs);
        draft.recorded.sources.extend(sources);
        draft.recorded.metrics.extend(metrics);
        draft.recorded.functions.extend(functions);
        draft.recorded.macros.extend(macros);
        diagnostics.extend(problems);
    }

    /// Resolves names and checks what must hold for the whole.
    fn finish(&self, manifest: &mut Manifest, places: &Places, diagnostics: &mut Vec<Diagnostic>) {
        diagnostics.extend(self.forest.unused(&places.fqns));
        let mut names = Names::new(manifest, &self.project.name);
        names.restricted = self
            .project
            .packages
            .values()
            .filter(|package| package.config.restrict_access)
            .map(|package| package.name.clone())
            .collect();
        names.own_package_first = self.options.behaviour("REQUIRE_REF_SEARCHES_NODE_PACKAGE_BEFORE_ROOT", false);
        let now = self.options.run_started_at.format("%Y-%m-%dT%H:%M:%S").to_string();
        resolve::resolve_all(manifest, &names, &places.nodes, &places.sources, &now, diagnostics);
        let flag = |name: &str, default: bool| self.options.behaviour(name, default);
        let unique = flag("REQUIRE_UNIQUE_PROJECT_RESOURCE_NAMES", false);
        checks::names_across_types(manifest, &places.nodes, unique, diagnostics);
        checks::relations(manifest, &places.nodes, diagnostics);
        let no_spaces = flag("REQUIRE_RESOURCE_NAMES_WITHOUT_SPACES", true);
        checks::spaces(manifest, &places.nodes, no_spaces, diagnostics);
        checks::groups(manifest, &places.nodes, diagnostics);
        checks::deprecated(manifest, &places.nodes, &now, diagnostics);
        checks::functions(manifest, &places.nodes, diagnostics);
        checks::contracts(manifest, &places.nodes, diagnostics);
        checks::catalogs(manifest, &self.project.catalogs, &places.nodes, diagnostics);
        checks::snapshots(manifest, &places.nodes, diagnostics);
        let is_batched = !microbatch::has_own_macro(manifest, &self.project.name)
            || flag("REQUIRE_BATCHED_EXECUTION_FOR_CUSTOM_MICROBATCH_STRATEGY", false);
        microbatch::check(manifest, &places.nodes, is_batched, diagnostics);
        checks::primary_keys(manifest);
    }
}

/// Takes what the text of a Python model tells without running it.
fn read_python(draft: &mut Draft, scopes: &Scopes) -> Option<Diagnostic> {
    let origin = draft.node.origin?;
    let package = draft.node.package_name.clone();
    // Python's literals are Jinja's.
    let literal = |arguments: &str| literal_dict(scopes, &package, arguments);
    let mut calls = python_calls(&line_feeds(&draft.node.raw_code), origin, literal);
    draft.recorded.configs = calls.configs;
    draft.recorded.refs = calls.refs;
    draft.recorded.sources = calls.sources;
    calls.problems.drain(..).next().map(|problem| problem.node(draft.node.unique_id.as_str()))
}

/// Foreign keys make edges to what they point at.
fn follow_foreign_keys(draft: &mut Draft) {
    let of_model = match &draft.node.kind {
        NodeKind::Model(fields) => fields.constraints.as_slice(),
        _ => return,
    };
    let of_columns = draft.node.columns.values().flat_map(|column| &column.constraints);
    for constraint in of_model.iter().chain(of_columns) {
        let Some(to) = constraint.get("to") else { continue };
        match to.as_str().and_then(|text| parse_call(text, None)) {
            Some(Call::Ref(reference)) => draft.recorded.refs.push(reference),
            Some(Call::Source(names)) => draft.recorded.sources.push((names, None)),
            _ => {}
        }
    }
}

/// A test is in the group of what it tests.
fn inherit_group(draft: &mut Draft, groups: &HashMap<UniqueId, String>) {
    if let NodeKind::GenericTest(fields) = &draft.node.kind
        && draft.node.group.is_none()
    {
        draft.node.group = fields.attached_node.as_ref().and_then(|tested| groups.get(tested)).cloned();
    }
}

fn finish_draft(draft: Draft) -> (Node, Option<Span>, Vec<Option<Span>>) {
    let Draft { mut node, recorded, span, .. } = draft;
    node.refs = recorded.refs;
    node.depends_on.macros = recorded.macros;
    node.metrics = recorded.metrics;
    node.functions = recorded.functions;
    let (sources, spans): (Vec<_>, Vec<_>) = recorded.sources.into_iter().unzip();
    node.sources = sources;
    (node, span, spans)
}

fn duplicate_node(node: &Node, span: Option<Span>, first: Option<Span>) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        "duplicate-name",
        format!("{} `{}` is defined twice in package `{}`", node.resource_type, node.name, node.package_name),
    )
    .help("rename, remove or disable one of the two")
    .note(format!("one of them is {}", node.original_file_path))
    .node(node.unique_id.as_str());
    for (span, text) in [(span, "defined again here"), (first, "first defined here")] {
        if let Some(span) = span {
            diagnostic = diagnostic.at(span, text);
        }
    }
    diagnostic
}

/// What tells two diagnostics apart: code, place, message without the node's name, depth of the macro stack.
type Mistake = (Code, Option<Span>, String, usize);

/// One mistake in a place that many nodes share, such as a config tree, is reported once.
fn together(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut merged: IndexMap<Mistake, (Diagnostic, usize)> = IndexMap::new();
    for diagnostic in diagnostics {
        let mut message = diagnostic.message.clone();
        if let Some(node) = &diagnostic.node {
            let name = node.splitn(3, '.').last().unwrap_or(node);
            message = message.replace(node.as_str(), "").replace(&format!("`{name}`"), "");
        }
        let place = diagnostic.labels.first().map(|label| label.span);
        // Without a place nothing tells two mistakes apart but their text.
        let key = (diagnostic.code, place, message, diagnostic.stack.len());
        match merged.get_mut(&key) {
            Some((_, more)) => *more += 1,
            None => {
                merged.insert(key, (diagnostic, 0));
            }
        }
    }
    merged
        .into_values()
        .map(|(diagnostic, more)| match more {
            0 => diagnostic,
            1 => diagnostic.note("the same holds for one more node"),
            _ => diagnostic.note(format!("the same holds for {more} more nodes")),
        })
        .collect()
}

/// Applies `work` to all items on up to `threads` threads; what it gives is collected in the order of the items.
fn in_parallel<T: Send, R: Send>(items: &mut [T], threads: usize, work: impl Fn(&mut T) -> Option<R> + Sync) -> Vec<R> {
    const WORTH_A_THREAD: usize = 64;
    let threads = threads.clamp(1, items.len().div_ceil(WORTH_A_THREAD).max(1));
    if threads == 1 {
        return items.iter_mut().filter_map(&work).collect();
    }
    // Small shares, dealt out in turns, so that a folder of heavy models does not fall to one thread.
    let size = items.len().div_ceil(threads * 8).max(1);
    let shares = std::sync::Mutex::new(items.chunks_mut(size).enumerate());
    let done = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = lock(&shares).next();
                    let Some((at, share)) = next else { break };
                    let results: Vec<R> = share.iter_mut().filter_map(&work).collect();
                    lock(&done).push((at, results));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
