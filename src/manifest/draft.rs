//! Nodes as their files give them, before properties and configs: one draft per model, snapshot, analysis, singular
//! test, function, seed and project hook.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    diagnostic::Span,
    jinja::{BlockKind, Template, Value},
    names::{ResourceType, UniqueId},
    project::{Package, Project, TextFile},
};

use super::{
    Config,
    node::{Checksum, DependsOn, Docs, FunctionFields, ModelFields, Node, NodeKind, Quoting, RefArgs, StateClues},
    tree::Setting,
};

/// A node on its way: what its file says, then what evaluating it recorded.
#[derive(Debug)]
pub struct Draft {
    pub node: Node,
    /// The template that is evaluated in parse mode.
    pub template: Option<Template>,
    /// Where the node is written, for messages that are about the whole of it.
    pub span: Option<Span>,
    pub recorded: Recorded,
    /// Settings from properties.
    pub properties: Vec<Setting>,
    /// Settings from `config()` in the file.
    pub in_file: Vec<Setting>,
    /// Where each config key was last set.
    pub spans: IndexMap<String, Span>,
    /// Tags that are not configs: of hooks and of tested columns.
    pub own_tags: Vec<String>,
}

/// What evaluating a template in parse mode recorded.
#[derive(Debug, Default)]
pub struct Recorded {
    pub configs: Vec<(IndexMap<String, Value>, Span)>,
    pub refs: Vec<RefArgs>,
    pub sources: Vec<(Vec<String>, Option<Span>)>,
    pub metrics: Vec<Vec<String>>,
    pub functions: Vec<Vec<String>>,
    pub macros: indexmap::IndexSet<UniqueId>,
}

/// What a draft is made of.
pub struct Place<'a> {
    pub kind: ResourceType,
    pub package: &'a Arc<Package>,
    pub name: &'a str,
    pub path: String,
    pub original_file_path: String,
    pub fqn: Vec<String>,
}

/// What all nodes of an invocation start with.
#[derive(Debug, Clone)]
pub struct Defaults {
    pub database: String,
    pub schema: String,
    pub created_at: f64,
}

/// A node of which nothing is known but its place.
pub fn node(place: Place<'_>, node_kind: NodeKind, defaults: &Defaults) -> Node {
    Node {
        unique_id: UniqueId::new(format!("{}.{}.{}", place.kind, place.package.name, place.name)),
        resource_type: place.kind,
        name: place.name.to_owned(),
        package_name: place.package.name.clone(),
        path: place.path,
        original_file_path: place.original_file_path,
        fqn: place.fqn,
        database: defaults.database.clone(),
        schema: defaults.schema.clone(),
        alias: place.name.to_owned(),
        checksum: Checksum { name: "none", checksum: String::new() },
        config: Config::default(),
        unrendered_config: IndexMap::new(),
        tags: Vec::new(),
        description: String::new(),
        columns: IndexMap::new(),
        meta: IndexMap::new(),
        group: None,
        docs: Docs::default(),
        patch_path: None,
        created_at: defaults.created_at,
        relation_name: None,
        quoting: Quoting::default(),
        raw_code: String::new(),
        origin: None,
        language: "sql",
        doc_blocks: Vec::new(),
        refs: Vec::new(),
        sources: Vec::new(),
        metrics: Vec::new(),
        functions: Vec::new(),
        depends_on: DependsOn::default(),
        compiled: None,
        build_path: None,
        clues: StateClues::default(),
        kind: node_kind,
    }
}

/// All drafts of files and hooks: package by package, within one models, snapshots, analyses, singular tests,
/// functions, seeds, hooks.
pub fn drafts(project: &Project, defaults: &Defaults) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for package in project.packages.values() {
        for file in &package.models {
            let fields = ModelFields { access: "protected".to_owned(), ..ModelFields::default() };
            drafts.push(of_file(ResourceType::Model, NodeKind::Model(fields), package, file, defaults));
        }
        for file in &package.snapshots {
            snapshots(package, file, defaults, &mut drafts);
        }
        for file in &package.analyses {
            drafts.push(of_file(ResourceType::Analysis, NodeKind::Analysis, package, file, defaults));
        }
        for file in &package.singular_tests {
            drafts.push(of_file(ResourceType::Test, NodeKind::SingularTest, package, file, defaults));
        }
        for file in &package.functions {
            let fields = FunctionFields::default();
            drafts.push(of_file(ResourceType::Function, NodeKind::Function(fields), package, file, defaults));
        }
        seeds(package, defaults, &mut drafts);
        hooks(package, defaults, &mut drafts);
    }
    drafts
}

impl Draft {
    pub fn new(node: Node, template: Option<Template>, span: Option<Span>) -> Self {
        Self {
            node,
            template,
            span,
            recorded: Recorded::default(),
            properties: Vec::new(),
            in_file: Vec::new(),
            spans: IndexMap::new(),
            own_tags: Vec::new(),
        }
    }
}

fn of_file(
    kind: ResourceType,
    node_kind: NodeKind,
    package: &Arc<Package>,
    file: &TextFile,
    defaults: &Defaults,
) -> Draft {
    let path = match kind {
        ResourceType::Analysis => format!("analysis/{}", file.path),
        _ => file.path.clone(),
    };
    let place = Place {
        kind,
        package,
        name: &file.name,
        fqn: fqn(&package.name, &path, &file.name),
        path,
        original_file_path: file.original_file_path.clone(),
    };
    let mut node = node(place, node_kind, defaults);
    node.checksum = Checksum { name: "sha256", checksum: file.checksum.clone() };
    node.raw_code = file.as_written(file.origin.span(0, file.text.len()), &file.text);
    node.origin = Some(file.origin);
    node.language = file.language;
    let start = file.origin.span(0, file.text.lines().next().map_or(0, str::len));
    Draft::new(node, file.template.clone(), Some(start))
}

fn snapshots(package: &Arc<Package>, file: &TextFile, defaults: &Defaults, drafts: &mut Vec<Draft>) {
    let Some(template) = &file.template else { return };
    for block in template.blocks().into_iter().filter(|block| block.kind == BlockKind::Snapshot) {
        let mut fqn = fqn(&package.name, &file.path, &file.name);
        fqn.push(block.name.to_string());
        let place = Place {
            kind: ResourceType::Snapshot,
            package,
            name: &block.name,
            path: file.path.clone(),
            original_file_path: file.original_file_path.clone(),
            fqn,
        };
        let mut node = node(place, NodeKind::Snapshot, defaults);
        node.checksum = Checksum { name: "sha256", checksum: file.checksum.clone() };
        node.raw_code = file.as_written(block.origin.span(0, block.text.len()), &block.text);
        node.origin = Some(block.origin);
        // A block's text was parsed with its file, so it parses.
        let template = Template::parse(&block.text, block.origin).ok();
        drafts.push(Draft::new(node, template, Some(block.span)));
    }
}

fn seeds(package: &Arc<Package>, defaults: &Defaults, drafts: &mut Vec<Draft>) {
    for file in &package.seeds {
        let place = Place {
            kind: ResourceType::Seed,
            package,
            name: &file.name,
            path: file.path.clone(),
            original_file_path: file.original_file_path.clone(),
            fqn: fqn(&package.name, &file.path, &file.name),
        };
        let root_path = package.root.to_string_lossy().into_owned();
        let mut node = node(place, NodeKind::Seed { root_path }, defaults);
        node.checksum = Checksum { name: file.checksum_kind, checksum: file.checksum.clone() };
        node.clues.other_checksums.clone_from(&file.other_checksums);
        drafts.push(Draft::new(node, None, None));
    }
}

fn hooks(package: &Arc<Package>, defaults: &Defaults, drafts: &mut Vec<Draft>) {
    let config = &package.config;
    for (tag, hooks) in [("on-run-start", &config.on_run_start), ("on-run-end", &config.on_run_end)] {
        for (index, hook) in hooks.iter().enumerate() {
            let name = format!("{}-{tag}-{index}", package.name);
            let place = Place {
                kind: ResourceType::Operation,
                package,
                name: &name,
                path: format!("hooks/{name}.sql"),
                original_file_path: "./dbt_project.yml".to_owned(),
                fqn: vec![package.name.clone(), "hooks".to_owned(), name.clone()],
            };
            let mut node = node(place, NodeKind::Operation { index, on_run_start: tag == "on-run-start" }, defaults);
            node.raw_code = hook.text.to_string();
            node.origin = Some(hook.origin);
            node.checksum = Checksum { name: "sha256", checksum: config.checksum.clone() };
            let mut draft = Draft::new(node, hook.template.clone(), Some(hook.span));
            draft.own_tags.push(tag.to_owned());
            drafts.push(draft);
        }
    }
}

/// Package, folders of `path`, name.
pub fn fqn(package: &str, path: &str, name: &str) -> Vec<String> {
    let mut fqn = vec![package.to_owned()];
    if let Some((folders, _)) = path.rsplit_once('/') {
        fqn.extend(folders.split('/').map(str::to_owned));
    }
    fqn.push(name.to_owned());
    fqn
}
