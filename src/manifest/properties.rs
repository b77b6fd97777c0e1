//! Properties entries of models, seeds, snapshots, analyses and functions, put onto the nodes they name; and what they ask to be
//! tested.

use std::{collections::HashMap, sync::Arc};

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::{Template, Value},
    names::{ResourceType, UniqueId},
    project::{
        Package, Project, PropertiesFile,
        properties::{Include, RawColumn, RawNode, RawTest, RawVersion},
        yaml::{Map, Yaml},
    },
};

use super::{
    calls::parse_call,
    columns::{Level, columns, constraints, pairs},
    configure::Forest,
    draft::{Defaults, Draft, Place, fqn, node},
    merge::canonical_key,
    node::{Checksum, FunctionFields, NodeKind},
    render::Renderer,
    settings::merge_version,
    tree::Setting,
    versions,
};

/// A test that an entry asks for, and of what.
#[derive(Debug, Clone)]
pub struct TestRequest<'a> {
    pub raw: &'a RawTest,
    pub package: &'a Arc<Package>,
    pub file: &'a PropertiesFile,
    pub target: Target,
    pub column: Option<TestedColumn>,
}

/// What a generic test tests.
#[derive(Debug, Clone)]
pub enum Target {
    Node {
        /// The key of the section in the file: `models`.
        section: &'static str,
        name: String,
        version: Option<Value>,
        unique_id: Option<UniqueId>,
    },
    Source {
        source: String,
        table: String,
        tags: Vec<String>,
    },
}

#[derive(Debug, Clone)]
pub struct TestedColumn {
    pub name: String,
    pub quote: bool,
    pub tags: Vec<String>,
}

/// Drafts by what properties call them: type, package, name.
type Index = HashMap<(ResourceType, String, String), Vec<usize>>;

/// Applies all entries; gives the tests they ask for, in file order.
pub fn apply<'a>(
    project: &'a Project,
    drafts: &mut Vec<Draft>,
    (forest, defaults): (&Forest, &Defaults),
    renderer: &Renderer<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<TestRequest<'a>> {
    yaml_snapshots(project, drafts, defaults, diagnostics);
    let mut index = Index::new();
    for (at, draft) in drafts.iter().enumerate() {
        let key = (draft.node.resource_type, draft.node.package_name.clone(), draft.node.name.clone());
        index.entry(key).or_default().push(at);
    }
    let mut pass = Pass { drafts, index, forest, renderer, diagnostics, seen: HashMap::new(), tests: Vec::new() };
    for package in project.packages.values() {
        for file in &package.properties {
            let properties = &file.properties;
            let entries = properties
                .models
                .iter()
                .chain(&properties.seeds)
                .chain(&properties.snapshots)
                .chain(&properties.analyses)
                .chain(&properties.functions);
            for raw in entries {
                pass.entry(package, file, raw);
            }
            pass.singular_tests(package, file);
        }
    }
    pass.tests
}

struct Pass<'a, 'b> {
    drafts: &'b mut Vec<Draft>,
    index: Index,
    forest: &'b Forest,
    renderer: &'b Renderer<'b>,
    diagnostics: &'b mut Vec<Diagnostic>,
    /// Where each node was described first.
    seen: HashMap<(ResourceType, String, String), Span>,
    tests: Vec<TestRequest<'a>>,
}

impl<'a> Pass<'a, '_> {
    fn entry(&mut self, package: &'a Arc<Package>, file: &'a PropertiesFile, raw: &'a RawNode) {
        let key = (raw.kind, package.name.clone(), raw.name.text.clone());
        if let Some(first) = self.seen.get(&key) {
            self.diagnostics.push(
                Diagnostic::error(
                    "duplicate-properties",
                    format!("{} `{}` is described twice", raw.kind, raw.name.text),
                )
                .at(raw.name.span, "described again here")
                .at(*first, "first described here")
                .help("merge the two entries"),
            );
            return;
        }
        self.seen.insert(key, raw.name.span);
        if raw.versions.is_empty() {
            self.unversioned(package, file, raw);
        } else {
            self.versioned(package, file, raw);
        }
    }

    fn unversioned(&mut self, package: &'a Arc<Package>, file: &'a PropertiesFile, raw: &'a RawNode) {
        let key = (raw.kind, package.name.clone(), raw.name.text.clone());
        let found = self.index.get(&key).cloned().unwrap_or_default();
        let elsewhere = self.in_other_package(&found, raw);
        if found.is_empty() && elsewhere.is_none() {
            self.report_missing(package, raw);
        }
        let patch = self.patch(package, file, raw, None);
        for at in elsewhere.as_ref().map_or(&*found, std::slice::from_ref) {
            if let Some(draft) = self.drafts.get_mut(*at) {
                put(draft, &patch);
            }
        }
        let tested = found.first().or_else(|| self.of_other_section(package, raw)?.first());
        let unique_id = tested.and_then(|at| self.drafts.get(*at)).map(|draft| draft.node.unique_id.clone());
        let target = Target::Node { section: section(raw.kind), name: raw.name.text.clone(), version: None, unique_id };
        self.request_tests(package, file, &target, raw.columns.iter(), &raw.tests);
    }

    /// The node of another package that an entry describes when its own package has none, or only one that the project
    /// disables: so it is for a seed of a package that the project replaces by one of its own.
    fn in_other_package(&self, own: &[usize], raw: &RawNode) -> Option<usize> {
        let is_on = |draft: &Draft| {
            let node = &draft.node;
            let own = self.forest.own(node.resource_type, &node.package_name, &node.fqn);
            let root = self.forest.root(node.resource_type, &node.package_name, &node.fqn);
            let enabled = own.into_iter().chain(root).rfind(|setting| setting.key == "enabled");
            enabled.is_none_or(|setting| setting.value.is_truthy())
        };
        let kinds = [ResourceType::Model, ResourceType::Seed, ResourceType::Snapshot];
        if !kinds.contains(&raw.kind) || own.iter().filter_map(|at| self.drafts.get(*at)).any(is_on) {
            return None;
        }
        self.drafts.iter().enumerate().position(|(at, draft)| {
            let is_named = draft.node.resource_type == raw.kind && draft.node.name == raw.name.text;
            is_named && !own.contains(&at) && is_on(draft)
        })
    }

    /// The node of an entry's name that `ref()` finds, of whatever kind: what the entry's tests are attached to.
    fn of_other_section(&self, package: &Package, raw: &RawNode) -> Option<&Vec<usize>> {
        let kinds = [ResourceType::Model, ResourceType::Seed, ResourceType::Snapshot];
        kinds.contains(&raw.kind).then_some(())?;
        kinds.iter().find_map(|kind| self.index.get(&(*kind, package.name.clone(), raw.name.text.clone())))
    }

    fn versioned(&mut self, package: &'a Arc<Package>, file: &'a PropertiesFile, raw: &'a RawNode) {
        if let Some(at) = self.index.get(&(raw.kind, package.name.clone(), raw.name.text.clone())) {
            let span = at.first().and_then(|at| self.drafts.get(*at)).and_then(|draft| draft.span);
            let is_version = raw.versions.iter().any(|version| versions::is_own_file(raw, version));
            if let (Some(span), false) = (span, is_version) {
                self.diagnostics.push(
                    Diagnostic::error(
                        "duplicate-name",
                        format!(
                            "model `{}` has versions, and a file of its own name that is none of them",
                            raw.name.text
                        ),
                    )
                    .at(span, "this file is no version")
                    .at(raw.name.span, "versions are declared here"),
                );
            }
        }
        self.diagnostics.extend(versions::check(raw));
        for version in &raw.versions {
            let found = versions::find(raw, version, &package.name, &self.index, self.drafts);
            let Some(at) = found else {
                self.diagnostics.push(versions::missing(raw, version));
                continue;
            };
            let patch = self.patch(package, file, raw, Some(version));
            let Some(draft) = self.drafts.get_mut(at) else { continue };
            versions::rename(draft, raw, version);
            put(draft, &patch);
            let target = Target::Node {
                section: section(raw.kind),
                name: raw.name.text.clone(),
                version: Some(version.v.to_value()),
                unique_id: Some(draft.node.unique_id.clone()),
            };
            let tests = version.tests.as_ref().unwrap_or(&raw.tests);
            self.request_tests(package, file, &target, version_columns(raw, version), tests);
        }
    }

    /// Warns that an entry names no node of its section. Its tests are made all the same, as dbt does.
    fn report_missing(&mut self, package: &Package, raw: &RawNode) {
        let name = &raw.name.text;
        let other = [ResourceType::Model, ResourceType::Seed, ResourceType::Snapshot, ResourceType::Analysis]
            .into_iter()
            .find(|kind| self.index.contains_key(&(*kind, package.name.clone(), name.clone())));
        if let Some(other) = other {
            self.diagnostics.push(
                Diagnostic::warning(
                    "wrong-section",
                    format!("`{name}` is a {other}, but is described under `{}`", section(raw.kind)),
                )
                .at(raw.name.span, "only its tests have an effect")
                .help(format!("move it to `{}:`", section(other)))
                .event("WrongResourceSchemaFile"),
            );
            return;
        }
        let candidates = self.index.keys().filter(|(kind, of, _)| *kind == raw.kind && *of == package.name);
        let mut candidates: Vec<&str> = candidates.map(|(_, _, name)| name.as_str()).collect();
        candidates.sort_unstable();
        let near = nearest(name, candidates).map(str::to_owned);
        let mut diagnostic = Diagnostic::warning(
            "properties-without-node",
            format!("properties describe {} `{name}`, which does not exist", raw.kind),
        )
        .at(raw.name.span, format!("no file of a {} has this name", raw.kind))
        .event("NoNodeForYamlKey");
        if let Some(near) = near {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.diagnostics.push(diagnostic);
    }

    fn request_tests(
        &mut self,
        package: &'a Arc<Package>,
        file: &'a PropertiesFile,
        target: &Target,
        columns: impl Iterator<Item = &'a RawColumn>,
        tests: &'a [RawTest],
    ) {
        for column in columns {
            for raw in &column.tests {
                let tested = self.tested_column(&package.name, column);
                self.tests.push(TestRequest { raw, package, file, target: target.clone(), column: Some(tested) });
            }
        }
        for raw in tests {
            self.tests.push(TestRequest { raw, package, file, target: target.clone(), column: None });
        }
    }

    fn tested_column(&mut self, package: &str, column: &RawColumn) -> TestedColumn {
        tested_column(self.renderer, package, column, self.diagnostics)
    }

    fn patch(
        &mut self,
        package: &Package,
        file: &PropertiesFile,
        raw: &RawNode,
        version: Option<&RawVersion>,
    ) -> Patch {
        let renderer = self.renderer;
        let name = &package.name;
        let diagnostics = &mut *self.diagnostics;
        let own = version.and_then(|version| version.description.as_ref());
        let (description, doc_blocks) = renderer.description(name, own.or(raw.description.as_ref()), diagnostics);
        let mut settings = settings(renderer, name, raw.config.as_ref(), &raw.legacy_config, diagnostics);
        if let Some(version) = version {
            let of_version =
                self::settings(renderer, name, version.config.as_ref(), &version.legacy_config, diagnostics);
            settings = merge_version(settings, of_version);
        }
        let columns = match version {
            Some(version) => columns(version_columns(raw, version), renderer, name, diagnostics),
            None => columns(&raw.columns, renderer, name, diagnostics),
        };
        let own = version.and_then(|version| version.constraints.as_ref());
        let deprecation = version.and_then(|version| version.deprecation_date.as_ref());
        Patch {
            description,
            doc_blocks,
            settings,
            columns,
            constraints: constraints(own.or(raw.constraints.as_ref()), Level::Model, renderer, name, diagnostics),
            deprecation_date: deprecation
                .or(raw.deprecation_date.as_ref())
                .map(|yaml| timestamp(&renderer.native(name, yaml, diagnostics).to_str())),
            time_spine: raw.time_spine.as_ref().map(|yaml| time_spine(&renderer.native(name, yaml, diagnostics))),
            function: function_fields(renderer, name, raw, diagnostics),
            path: format!("{}://{}", package.name, file.original_file_path),
        }
    }

    fn singular_tests(&mut self, package: &Arc<Package>, file: &PropertiesFile) {
        for raw in &file.properties.singular_tests {
            let key = (ResourceType::Test, package.name.clone(), raw.name.text.clone());
            let Some(at) = self.index.get(&key).and_then(|found| found.first()).copied() else {
                self.diagnostics.push(
                    Diagnostic::warning(
                        "properties-without-node",
                        format!("properties describe singular test `{}`, which does not exist", raw.name.text),
                    )
                    .at(raw.name.span, "no file of a test has this name")
                    .event("NoNodeForYamlKey"),
                );
                continue;
            };
            let (description, doc_blocks) =
                self.renderer.description(&package.name, raw.description.as_ref(), self.diagnostics);
            let patch = Patch {
                description,
                doc_blocks,
                settings: settings(
                    self.renderer,
                    &package.name,
                    raw.config.as_ref(),
                    &Map::default(),
                    self.diagnostics,
                ),
                path: format!("{}://{}", package.name, file.original_file_path),
                ..Patch::default()
            };
            if let Some(draft) = self.drafts.get_mut(at) {
                put(draft, &patch);
            }
        }
    }
}

/// A date as the time of its first moment in UTC; what is no date stays as it is.
fn timestamp(text: &str) -> String {
    match chrono::NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d") {
        Ok(date) => format!("{date}T00:00:00+00:00"),
        Err(_) => text.replacen(' ', "T", 1),
    }
}

/// A time spine with all of dbt's fields.
fn time_spine(value: &Value) -> Value {
    let mut fields = super::columns::pairs(value);
    fields.entry("custom_granularities".to_owned()).or_insert_with(|| Value::list([]));
    Value::dict(fields)
}

/// One entry's properties, rendered.
#[derive(Debug, Default)]
struct Patch {
    description: String,
    doc_blocks: Vec<UniqueId>,
    settings: Vec<Setting>,
    columns: indexmap::IndexMap<String, super::node::ColumnInfo>,
    constraints: Vec<Value>,
    deprecation_date: Option<String>,
    time_spine: Option<Value>,
    function: FunctionFields,
    path: String,
}

fn put(draft: &mut Draft, patch: &Patch) {
    let node = &mut draft.node;
    node.description.clone_from(&patch.description);
    node.doc_blocks.clone_from(&patch.doc_blocks);
    node.columns.clone_from(&patch.columns);
    node.patch_path = Some(patch.path.clone());
    draft.properties.clone_from(&patch.settings);
    if let NodeKind::Model(fields) = &mut node.kind {
        fields.constraints.clone_from(&patch.constraints);
        fields.deprecation_date.clone_from(&patch.deprecation_date);
        fields.time_spine.clone_from(&patch.time_spine);
    }
    if let NodeKind::Function(fields) = &mut node.kind {
        fields.clone_from(&patch.function);
    }
}

/// The arguments and the type of a function, with all of dbt's fields.
fn function_fields(
    renderer: &Renderer<'_>,
    package: &str,
    raw: &RawNode,
    diagnostics: &mut Vec<Diagnostic>,
) -> FunctionFields {
    let mut complete = |yaml: &Yaml, keys: &[&str]| {
        let given = pairs(&renderer.native(package, yaml, diagnostics));
        Value::dict(keys.iter().map(|key| (*key, given.get(*key).cloned().unwrap_or(Value::None))))
    };
    let arguments = raw.arguments.as_ref().and_then(Yaml::as_list).unwrap_or_default();
    FunctionFields {
        arguments: arguments
            .iter()
            .map(|yaml| complete(yaml, &["name", "data_type", "description", "default_value"]))
            .collect(),
        returns: raw.returns.as_ref().map(|yaml| complete(yaml, &["data_type", "description"])),
    }
}

/// The columns of a version: those of the model that it includes, then its own.
fn version_columns<'a>(raw: &'a RawNode, version: &'a RawVersion) -> impl Iterator<Item = &'a RawColumn> {
    let own: &[RawColumn] = version.columns.as_ref().map(|columns| columns.columns.as_slice()).unwrap_or_default();
    let includes = move |name: &str| match &version.columns {
        None => true,
        Some(columns) => {
            let included = match &columns.include {
                None => false,
                Some(Include::All) => true,
                Some(Include::Names(names)) => names.iter().any(|included| included == name),
            };
            included && !columns.exclude.iter().any(|excluded| excluded == name)
        }
    };
    let overridden = move |name: &str| own.iter().any(|column| column.name.text == name);
    raw.columns.iter().filter(move |column| includes(&column.name.text) && !overridden(&column.name.text)).chain(own)
}

/// The tested column with what its tests inherit.
pub fn tested_column(
    renderer: &Renderer<'_>,
    package: &str,
    column: &RawColumn,
    diagnostics: &mut Vec<Diagnostic>,
) -> TestedColumn {
    let mut tags = Vec::new();
    let of_config = column.config.as_ref().and_then(|config| config.get("tags"));
    for yaml in [column.tags.as_ref(), of_config].into_iter().flatten() {
        super::settings::add_tags(&mut tags, &renderer.native(package, yaml, diagnostics));
    }
    let quote = column
        .quote
        .as_ref()
        .is_some_and(|yaml| matches!(renderer.native(package, yaml, diagnostics), Value::Bool(true)));
    TestedColumn { name: column.name.text.clone(), quote, tags }
}

/// The settings of a `config:` and of config keys beside it. One key in both places is an error.
pub fn settings(
    renderer: &Renderer<'_>,
    package: &str,
    config: Option<&Map>,
    legacy: &Map,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Setting> {
    read_settings(renderer, package, (config, legacy), false, diagnostics)
}

/// The settings of a data test, where dbt renders texts but not what is inside of a list or mapping.
pub fn test_settings(
    renderer: &Renderer<'_>,
    package: &str,
    config: Option<&Map>,
    legacy: &Map,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Setting> {
    read_settings(renderer, package, (config, legacy), true, diagnostics)
}

fn read_settings(
    renderer: &Renderer<'_>,
    package: &str,
    (config, legacy): (Option<&Map>, &Map),
    only_texts: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for (entry, is_legacy) in legacy
        .iter()
        .map(|entry| (entry, true))
        .chain(config.into_iter().flat_map(Map::iter).map(|entry| (entry, false)))
    {
        let Some(key) = entry.key.as_str().map(canonical_key) else { continue };
        let span = entry.key.span.to(entry.value.span);
        if let Some(first) = settings.iter().find(|setting| setting.key == key).filter(|_| !is_legacy) {
            diagnostics.push(
                Diagnostic::error("config-twice", format!("`{key}` is given both in `config` and beside it"))
                    .at(span, "given here")
                    .at(first.span, "and here")
                    .help(format!("keep the `{key}` inside `config`")),
            );
            continue;
        }
        let value = match key {
            "pre-hook" | "post-hook" | "loaded_at_query" => entry.value.to_value(),
            _ if only_texts && entry.value.as_str().is_none() => entry.value.to_value(),
            _ => renderer.native(package, &entry.value, diagnostics),
        };
        // Unlike trees, properties count as rendered in `unrendered_config`, unless the project wants otherwise.
        let text = entry.value.to_value();
        let as_text = renderer.scopes.shared.flags.is_on("STATE_MODIFIED_COMPARE_MORE_UNRENDERED_VALUES");
        let (written, text) = match text {
            text if text == value => (value.clone(), None),
            text if as_text => (text, None),
            text => (value.clone(), Some(text)),
        };
        settings.push(Setting { key: key.to_owned(), written, text, value, span });
    }
    settings
}

/// Snapshots that are declared in YAML alone become drafts.
fn yaml_snapshots(project: &Project, drafts: &mut Vec<Draft>, defaults: &Defaults, diagnostics: &mut Vec<Diagnostic>) {
    for package in project.packages.values() {
        for file in &package.properties {
            for raw in &file.properties.snapshots {
                let Some(relation) = &raw.relation else { continue };
                if parse_call(&relation.text, Some(relation.span)).is_none() {
                    diagnostics.push(
                        Diagnostic::error(
                            "snapshot-relation",
                            format!("snapshot `{}` has a `relation` that is no `ref` or `source` call", raw.name.text),
                        )
                        .at(relation.span, "expected `ref('…')` or `source('…', '…')`"),
                    );
                    continue;
                }
                let text = relation.text.trim();
                let code = format!("select * from {{{{ {text} }}}}");
                let place = Place {
                    kind: ResourceType::Snapshot,
                    package,
                    name: &raw.name.text,
                    path: format!("{}/{}.sql", file.path, raw.name.text),
                    original_file_path: file.original_file_path.clone(),
                    fqn: fqn(&package.name, &file.path, &raw.name.text),
                };
                let mut node = node(place, NodeKind::Snapshot, defaults);
                let origin = crate::diagnostic::Origin::Within(relation.span);
                node.checksum = Checksum { name: "sha256", checksum: file.checksum.clone() };
                node.origin = Some(origin);
                let template = Template::parse(&code, origin).ok();
                node.raw_code = code;
                drafts.push(Draft::new(node, template, Some(raw.name.span)));
            }
        }
    }
}

fn section(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Seed => "seeds",
        ResourceType::Snapshot => "snapshots",
        ResourceType::Analysis => "analyses",
        ResourceType::Function => "functions",
        _ => "models",
    }
}
