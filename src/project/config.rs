//! `dbt_project.yml` as written: paths, hooks, config trees. Values are rendered where dbt renders them at load.

use std::{path::Path, sync::Arc};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Origin, SourceId, Span},
    jinja::{Globals, Template, Value},
    names::ResourceType,
};

use super::{
    read::{Reader, key_name},
    render::{render_tree, render_yaml},
    version,
    yaml::{Data, Map, Yaml},
};

/// One `dbt_project.yml`.
#[derive(Debug, Default)]
pub struct ProjectConfig {
    /// `None` for embedded packages.
    pub source: Option<SourceId>,
    /// SHA-256 of the file's text, which is what dbt gives hooks as their checksum.
    pub checksum: String,
    pub name: String,
    pub version: Option<String>,
    pub profile: Option<String>,
    pub paths: ResourcePaths,
    pub target_path: Option<String>,
    pub log_path: Option<String>,
    /// Relative to the project root: `dbt_packages`.
    pub packages_install_path: String,
    pub clean_targets: Option<Vec<String>>,
    pub quoting: ProjectQuoting,
    pub on_run_start: Vec<Hook>,
    pub on_run_end: Vec<Hook>,
    pub dispatch: Vec<Dispatch>,
    /// Specs as written, each like `>=1.0.0`.
    pub require_dbt_version: Vec<String>,
    pub query_comment: QueryComment,
    /// Unrendered.
    pub vars: Option<Yaml>,
    /// Config trees by resource type; only those that are written. `tests:` and `data_tests:` are merged under
    /// [`ResourceType::Test`].
    pub trees: IndexMap<ResourceType, ConfigTree>,
    pub flags: Option<Yaml>,
    pub restrict_access: bool,
}

/// A config tree, with what was written and what it renders to. Keys are never rendered, so both have the same shape
/// down to the scalars. Hooks stay unrendered in both.
#[derive(Debug, Clone)]
pub struct ConfigTree {
    pub written: Yaml,
    /// A dict.
    pub rendered: Value,
}

/// Resource folders, relative to the package root.
#[derive(Debug, Clone, Default)]
pub struct ResourcePaths {
    pub models: Vec<String>,
    pub seeds: Vec<String>,
    pub tests: Vec<String>,
    pub analyses: Vec<String>,
    pub macros: Vec<String>,
    pub snapshots: Vec<String>,
    pub functions: Vec<String>,
    pub docs: Vec<String>,
    pub assets: Vec<String>,
}

/// `quoting:`; `None` means the adapter's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProjectQuoting {
    pub database: Option<bool>,
    pub schema: Option<bool>,
    pub identifier: Option<bool>,
    pub snowflake_ignore_case: Option<bool>,
}

/// One entry of `on-run-start` or `on-run-end`.
#[derive(Debug, Clone)]
pub struct Hook {
    pub text: Arc<str>,
    pub origin: Origin,
    pub span: Span,
    /// `None` when it does not parse, which is reported.
    pub template: Option<Template>,
}

#[derive(Debug, Clone)]
pub struct Dispatch {
    pub macro_namespace: String,
    pub search_order: Vec<String>,
    pub span: Span,
}

/// `query-comment:` as written; the template is rendered per statement.
#[derive(Debug, Clone, Default)]
pub enum QueryComment {
    /// Not written: dbt's JSON comment.
    #[default]
    Default,
    /// Written as null, false or an empty text.
    Off,
    Custom {
        comment: Option<Arc<str>>,
        origin: Option<Origin>,
        /// `None`: as the adapter does.
        append: Option<bool>,
        job_label: bool,
    },
}

const KEYS: [&str; 46] = [
    "name",
    "version",
    "config-version",
    "profile",
    "model-paths",
    "seed-paths",
    "test-paths",
    "analysis-paths",
    "macro-paths",
    "snapshot-paths",
    "function-paths",
    "docs-paths",
    "asset-paths",
    "target-path",
    "log-path",
    "packages-install-path",
    "clean-targets",
    "quoting",
    "on-run-start",
    "on-run-end",
    "dispatch",
    "require-dbt-version",
    "query-comment",
    "vars",
    "models",
    "seeds",
    "snapshots",
    "sources",
    "analyses",
    "data_tests",
    "tests",
    "unit_tests",
    "metrics",
    "semantic-models",
    "saved-queries",
    "exposures",
    "functions",
    "flags",
    "restrict-access",
    "dbt-cloud",
    "packages",
    "anchors",
    "source-paths",
    "data-paths",
    "project-root",
    "sync",
];

const TREES: [(&str, ResourceType); 13] = [
    ("models", ResourceType::Model),
    ("seeds", ResourceType::Seed),
    ("snapshots", ResourceType::Snapshot),
    ("sources", ResourceType::Source),
    ("analyses", ResourceType::Analysis),
    ("tests", ResourceType::Test),
    ("data_tests", ResourceType::Test),
    ("unit_tests", ResourceType::UnitTest),
    ("metrics", ResourceType::Metric),
    ("semantic-models", ResourceType::SemanticModel),
    ("saved-queries", ResourceType::SavedQuery),
    ("exposures", ResourceType::Exposure),
    ("functions", ResourceType::Function),
];

/// Names of the Jinja context, which no project can have.
const RESERVED_NAMES: [&str; 41] = [
    "_sql_results",
    "adapter",
    "api",
    "column",
    "config",
    "context",
    "database",
    "env",
    "env_var",
    "exceptions",
    "execute",
    "flags",
    "fromjson",
    "fromyaml",
    "graph",
    "invocation_id",
    "load_agate_table",
    "load_result",
    "log",
    "model",
    "modules",
    "post_hooks",
    "pre_hooks",
    "ref",
    "render",
    "return",
    "run_started_at",
    "schema",
    "source",
    "sql",
    "sql_now",
    "store_result",
    "store_raw_result",
    "target",
    "this",
    "tojson",
    "toyaml",
    "try_or_compiler_error",
    "var",
    "write",
    "builtins",
];

/// Whether dbt renders the value under this path of keys only later.
fn is_late(path: &[&str]) -> bool {
    let hook = |key: &&str| {
        let key = key.trim_start_matches(['+', ' ']);
        matches!(key, "pre-hook" | "post-hook" | "pre_hook" | "post_hook")
    };
    match path.first() {
        Some(&("name" | "vars" | "on-run-start" | "on-run-end" | "query-comment" | "flags")) => true,
        Some(&("seeds" | "models" | "snapshots" | "tests" | "data_tests")) => path.iter().any(hook),
        _ => false,
    }
}

/// Reads a `dbt_project.yml` whose root is a mapping.
pub(super) fn read_config(yaml: &Yaml, globals: &dyn Globals, out: &mut Vec<Diagnostic>) -> ProjectConfig {
    let rendered = render_tree(yaml, globals, &is_late, out);
    let empty = Map::default();
    let written = yaml.as_map().unwrap_or(&empty);
    let map = rendered.as_map().unwrap_or(&empty);
    let mut reader = Reader::new(map, yaml.span, "dbt_project.yml", out);
    reader.unknown_keys(&KEYS, "CustomTopLevelKeyDeprecation");
    let mut config = ProjectConfig {
        source: Some(yaml.span.source),
        checksum: String::new(),
        name: read_name(&mut reader),
        version: reader.text("version"),
        profile: reader.text("profile"),
        paths: read_paths(&mut reader),
        target_path: reader.text("target-path"),
        log_path: reader.text("log-path"),
        packages_install_path: reader.text("packages-install-path").unwrap_or_else(|| "dbt_packages".into()),
        clean_targets: reader.texts("clean-targets"),
        quoting: read_quoting(&mut reader),
        on_run_start: read_hooks(&mut reader, "on-run-start"),
        on_run_end: read_hooks(&mut reader, "on-run-end"),
        dispatch: read_dispatch(&mut reader),
        require_dbt_version: read_versions(&mut reader),
        query_comment: read_query_comment(&mut reader),
        vars: reader.mapping("vars").and_then(|_| map.get("vars").cloned()),
        trees: IndexMap::new(),
        flags: reader.mapping("flags").and_then(|_| map.get("flags").cloned()),
        restrict_access: reader.flag("restrict-access").unwrap_or(false),
    };
    for (key, default, event) in
        [("target-path", "target", "ConfigTargetPathDeprecation"), ("log-path", "logs", "ConfigLogPathDeprecation")]
    {
        if let Some(value) = reader.given(key).filter(|value| value.as_str() != Some(default)) {
            let message = format!("`{key}` in dbt_project.yml is deprecated");
            let warning = Diagnostic::warning("deprecated-key", message).event(event).at(value.span, "");
            let variable = key.to_uppercase().replace('-', "_");
            reader.out.push(warning.help(format!("use --{key} or the variable DBT_{variable}")));
        }
    }
    if let Some(version) = reader.given("config-version").filter(|version| version.as_int() != Some(2)) {
        let message = "`config-version` of dbt_project.yml must be 2";
        reader.out.push(Diagnostic::error("wrong-value", message).at(version.span, "only version 2 is read"));
    }
    config.trees = read_trees(written, globals, out);
    config
}

fn read_name(reader: &mut Reader<'_, '_>) -> String {
    let Some(value) = reader.given("name") else {
        let error = Diagnostic::error("project-name", "dbt_project.yml has no `name`")
            .at(Span { end: reader.span.start, ..reader.span }, "");
        reader.out.push(error.help("add `name: my_project`"));
        return String::new();
    };
    let Some(name) = reader.text("name") else { return String::new() };
    let mut letters = name.chars();
    let starts = letters.next().is_some_and(|first| first == '_' || first.is_alphabetic());
    if !starts || !letters.all(|c| c == '_' || c.is_alphanumeric()) {
        let error = Diagnostic::error("project-name", format!("the project name `{name}` is not a name"));
        let help = "use letters, digits and underscores, starting with a letter or underscore";
        reader.out.push(error.at(value.span, "").help(help));
    } else if RESERVED_NAMES.contains(&name.as_str()) {
        let error = Diagnostic::error("project-name", format!("Invalid project name: {name} is a reserved word"));
        reader.out.push(error.at(value.span, "templates use this name for something else"));
    }
    name
}

fn read_paths(reader: &mut Reader<'_, '_>) -> ResourcePaths {
    let models = renamed_paths(reader, "source-paths", "model-paths", "ConfigSourcePathDeprecation", "models");
    let seeds = renamed_paths(reader, "data-paths", "seed-paths", "ConfigDataPathDeprecation", "seeds");
    let mut paths = |key: &str, default: &str| read_path_list(reader, key).unwrap_or_else(|| vec![default.to_owned()]);
    let mut found = ResourcePaths {
        models,
        seeds,
        tests: paths("test-paths", "tests"),
        analyses: paths("analysis-paths", "analyses"),
        macros: paths("macro-paths", "macros"),
        snapshots: paths("snapshot-paths", "snapshots"),
        functions: paths("function-paths", "functions"),
        docs: Vec::new(),
        assets: read_path_list(reader, "asset-paths").unwrap_or_default(),
    };
    found.docs = read_path_list(reader, "docs-paths").unwrap_or_else(|| found.all());
    found
}

fn renamed_paths(reader: &mut Reader<'_, '_>, old: &str, new: &str, event: &'static str, default: &str) -> Vec<String> {
    if let Some(entry) = reader.map.entry(old) {
        let span = entry.key.span;
        if let Some(other) = reader.map.entry(new) {
            let error = Diagnostic::error("deprecated-key", format!("{old} and {new} cannot both be defined"));
            reader.out.push(error.at(span, "the old name").at(other.key.span, "the new name"));
        } else {
            let warning = Diagnostic::warning("deprecated-key", format!("`{old}` is now called `{new}`"));
            reader.out.push(warning.event(event).at(span, "").help(format!("rename it to `{new}`")));
        }
    }
    let found = read_path_list(reader, new).or_else(|| read_path_list(reader, old));
    found.unwrap_or_else(|| vec![default.to_owned()])
}

/// Paths without `./` and final slashes.
fn read_path_list(reader: &mut Reader<'_, '_>, key: &str) -> Option<Vec<String>> {
    let paths = reader.texts(key)?;
    let span = reader.value(key).map_or(reader.span, |value| value.span);
    let mut found: Vec<String> = Vec::new();
    for path in paths {
        if Path::new(&path).is_absolute() {
            let error = Diagnostic::error("wrong-value", format!("`{key}` holds the absolute path `{path}`"));
            reader.out.push(error.at(span, "").help("write paths relative to the project root"));
            continue;
        }
        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
        if !found.contains(&path) {
            found.push(path);
        }
    }
    Some(found)
}

impl ResourcePaths {
    /// All folders that may hold properties files, each once.
    pub fn all(&self) -> Vec<String> {
        let lists =
            [&self.models, &self.seeds, &self.snapshots, &self.analyses, &self.macros, &self.tests, &self.functions];
        let mut all: Vec<String> = Vec::new();
        for path in lists.into_iter().flatten() {
            if !all.contains(path) {
                all.push(path.clone());
            }
        }
        all
    }
}

fn read_quoting(reader: &mut Reader<'_, '_>) -> ProjectQuoting {
    let Some(map) = reader.mapping("quoting") else { return ProjectQuoting::default() };
    let mut quoting = Reader::new(map, reader.span, "`quoting`", reader.out);
    quoting.unknown_keys(
        &["database", "schema", "identifier", "snowflake_ignore_case", "project"],
        "CustomKeyInObjectDeprecation",
    );
    ProjectQuoting {
        database: quoting.flag("database"),
        schema: quoting.flag("schema"),
        identifier: quoting.flag("identifier"),
        snowflake_ignore_case: quoting.flag("snowflake_ignore_case"),
    }
}

fn read_hooks(reader: &mut Reader<'_, '_>, key: &str) -> Vec<Hook> {
    let Some(value) = reader.given(key) else { return Vec::new() };
    let single = [value.clone()];
    let items = value.as_list().unwrap_or(&single);
    let mut hooks = Vec::new();
    for item in items {
        let text = match &item.data {
            Data::Str(_) => Some(item),
            Data::Map(map) => map.get("sql").filter(|sql| sql.as_str().is_some()),
            _ => None,
        };
        let Some((text, item)) = text.and_then(|item| item.as_str().map(|text| (text, item))) else {
            if !item.is_null() {
                reader.wrong_type(key, item, "a text or a list of texts");
            }
            continue;
        };
        let template = Template::parse(text, item.origin).map_err(|errors| reader.out.extend(errors)).ok();
        hooks.push(Hook { text: text.into(), origin: item.origin, span: item.span, template });
    }
    hooks
}

fn read_dispatch(reader: &mut Reader<'_, '_>) -> Vec<Dispatch> {
    let mut found = Vec::new();
    for item in reader.list("dispatch").unwrap_or_default() {
        let Some(map) = item.as_map() else {
            reader.wrong_type("dispatch", item, "a list of mappings");
            continue;
        };
        let mut entry = Reader::new(map, item.span, "an entry of `dispatch`", reader.out);
        entry.unknown_keys(&["macro_namespace", "search_order"], "CustomKeyInObjectDeprecation");
        match (entry.text("macro_namespace"), entry.texts("search_order")) {
            (Some(macro_namespace), Some(search_order)) => {
                found.push(Dispatch { macro_namespace, search_order, span: item.span });
            }
            _ => {
                let message = "an entry of `dispatch` needs `macro_namespace` and `search_order`";
                reader.out.push(Diagnostic::error("missing-key", message).at(item.span, ""));
            }
        }
    }
    found
}

fn read_versions(reader: &mut Reader<'_, '_>) -> Vec<String> {
    let span = reader.value("require-dbt-version").map(|value| value.span);
    let listed = reader.texts("require-dbt-version").unwrap_or_default();
    let specs: Vec<String> =
        listed.iter().flat_map(|spec| spec.split(',')).map(|spec| spec.trim().to_owned()).collect();
    for spec in &specs {
        if version::Spec::parse(spec).is_none() {
            let message = format!("`{spec}` in `require-dbt-version` is not a version such as `>=1.8.0`");
            let error = Diagnostic::error("wrong-value", message);
            reader.out.push(error.at(span.unwrap_or(reader.span), ""));
        }
    }
    specs
}

fn read_query_comment(reader: &mut Reader<'_, '_>) -> QueryComment {
    let Some(entry) = reader.map.entry("query-comment") else { return QueryComment::Default };
    let value = &entry.value;
    let (comment, append, job_label) = match &value.data {
        Data::Null | Data::Bool(false) => return QueryComment::Off,
        Data::Str(text) if text.trim().is_empty() => return QueryComment::Off,
        Data::Str(_) => (Some(value), None, false),
        Data::Map(map) => {
            let mut comment = Reader::new(map, value.span, "`query-comment`", reader.out);
            comment.unknown_keys(&["comment", "append", "job-label"], "CustomKeyInObjectDeprecation");
            let append = comment.flag("append");
            let job_label = comment.flag("job-label").unwrap_or(false);
            if map.get("comment").is_some_and(|comment| comment.is_null() || comment.as_str() == Some("")) {
                return QueryComment::Off;
            }
            (comment.given("comment"), append, job_label)
        }
        _ => {
            reader.wrong_type("query-comment", value, "a text or a mapping");
            return QueryComment::Default;
        }
    };
    let text: Option<Arc<str>> = comment.and_then(Yaml::as_str).map(Into::into);
    QueryComment::Custom { comment: text, origin: comment.map(|comment| comment.origin), append, job_label }
}

fn read_trees(written: &Map, globals: &dyn Globals, out: &mut Vec<Diagnostic>) -> IndexMap<ResourceType, ConfigTree> {
    let mut trees: IndexMap<ResourceType, ConfigTree> = IndexMap::new();
    for (key, kind) in TREES {
        let Some(tree) = written.get(key).filter(|tree| !tree.is_null()) else { continue };
        if tree.as_map().is_none() {
            let message = format!("`{key}` of dbt_project.yml must be a mapping, found {}", tree.kind());
            out.push(Diagnostic::error("wrong-type", message).at(tree.span, "expected a mapping"));
            continue;
        }
        let tree = match trees.get(&kind) {
            Some(other) => merged(&other.written, tree),
            None => tree.clone(),
        };
        // What does not render was reported when the whole file was rendered.
        let keep = |path: &[&str]| {
            let full: Vec<&str> = std::iter::once(key).chain(path.iter().copied()).collect();
            is_late(&full)
        };
        let rendered = render_yaml(&tree, globals, &keep).unwrap_or_else(|_| tree.to_value());
        trees.insert(kind, ConfigTree { written: tree, rendered });
    }
    trees
}

/// The entries of both mappings; those of `second` win.
fn merged(first: &Yaml, second: &Yaml) -> Yaml {
    let (Some(one), Some(two)) = (first.as_map(), second.as_map()) else { return second.clone() };
    let mut map = one.clone();
    for entry in two.iter() {
        let name = key_name(entry);
        match map.entries.iter_mut().find(|other| key_name(other) == name) {
            Some(old) => *old = entry.clone(),
            None => map.entries.push(entry.clone()),
        }
    }
    Yaml { data: Data::Map(map), ..first.clone() }
}
