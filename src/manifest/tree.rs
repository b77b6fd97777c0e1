//! The config trees of a `dbt_project.yml`, made ready for lookup: which settings apply to an fqn, in order, and which
//! paths apply to nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::ResourceType,
    project::{
        ConfigTree, ProjectConfig,
        yaml::{Data, Map},
    },
};

use super::merge::canonical_key;

/// One setting of a level: a config key with its value and where it is.
#[derive(Debug, Clone)]
pub struct Setting {
    pub key: String,
    pub value: Value,
    /// What `unrendered_config` says: the text of a tree, the value of anything else.
    pub written: Value,
    /// The text in a properties file, where rendering changed it.
    pub text: Option<Value>,
    pub span: Span,
}

/// The trees of one package by resource type.
#[derive(Debug, Default)]
pub struct Trees {
    trees: IndexMap<ResourceType, Branch>,
}

#[derive(Debug, Default)]
struct Branch {
    settings: Vec<Setting>,
    children: IndexMap<String, Branch>,
    span: Option<Span>,
    used: AtomicBool,
}

impl Trees {
    /// Prepares the trees of a project; warnings are about keys that look like configs but are read as folders, and
    /// configs without `+`.
    pub fn new(config: &ProjectConfig, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut trees = IndexMap::new();
        for (kind, tree) in &config.trees {
            let ConfigTree { written, rendered } = tree;
            if let Data::Map(map) = &written.data {
                let mut branch = branch(map, rendered, diagnostics);
                branch.span = Some(written.span);
                trees.insert(*kind, branch);
            }
        }
        Self { trees }
    }

    /// The settings for an fqn, general ones first.
    pub fn lookup<'a>(&'a self, kind: ResourceType, fqn: &[String]) -> Vec<&'a Setting> {
        let counts = kind;
        let kind = tree_of(kind);
        let mut found = Vec::new();
        let Some(mut branch) = self.trees.get(&kind) else { return found };
        found.extend(&branch.settings);
        for part in fqn {
            let Some(child) = branch.children.get(part.as_str()) else { break };
            if counts == kind {
                child.used.store(true, Ordering::Relaxed);
            }
            found.extend(&child.settings);
            branch = child;
        }
        found
    }

    /// A warning that names the paths with settings that no lookup reached; `None` when there are none.
    pub fn unused(&self, known: &IndexMap<ResourceType, Vec<Vec<String>>>) -> Option<Diagnostic> {
        let mut unused = Vec::new();
        for (kind, branch) in &self.trees {
            let fqns = known.get(kind).map(Vec::as_slice).unwrap_or_default();
            let mut path = vec![tree_key(*kind).to_owned()];
            for child in &branch.children {
                collect_unused(child, &mut path, fqns, &mut unused);
            }
        }
        let first = unused.first()?;
        let paths: Vec<String> = unused.iter().map(|found| format!("`{}`", found.path)).collect();
        let message = match paths.as_slice() {
            [path] => format!("config path {path} applies to no resource"),
            _ => format!("{} config paths apply to no resource: {}", paths.len(), paths.join(", ")),
        };
        let help = first.help.clone();
        let mut diagnostic = Diagnostic::warning("unused-config-path", message).event("UnusedResourceConfigPath");
        for found in &unused {
            if let Some(span) = found.span {
                diagnostic = diagnostic.at(span, "no resource has a path that starts with this");
            }
        }
        Some(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }
}

struct Unused {
    path: String,
    span: Option<Span>,
    help: Option<String>,
}

fn collect_unused(
    (name, branch): (&String, &Branch),
    path: &mut Vec<String>,
    fqns: &[Vec<String>],
    unused: &mut Vec<Unused>,
) {
    let depth = path.len() - 1;
    if !branch.settings.is_empty() && !branch.used.load(Ordering::Relaxed) {
        let prefix = path.get(1..).unwrap_or_default();
        let siblings = fqns.iter().filter(|fqn| fqn.starts_with(prefix)).filter_map(|fqn| fqn.get(depth));
        let help = if is_known_config(name) {
            Some(format!("to set the config `{name}`, write `+{name}`"))
        } else {
            nearest(name, siblings.map(String::as_str)).map(|name| format!("did you mean `{name}`?"))
        };
        unused.push(Unused { path: format!("{}.{name}", path.join(".")), span: branch.span, help });
    }
    path.push(name.clone());
    for child in &branch.children {
        collect_unused(child, path, fqns, unused);
    }
    path.pop();
}

fn branch(map: &Map, rendered: &Value, diagnostics: &mut Vec<Diagnostic>) -> Branch {
    let mut branch = Branch::default();
    for entry in map.iter() {
        let Some(key) = entry.key.as_str().map(str::to_owned).or_else(|| Some(entry.key.to_value().to_str())) else {
            continue;
        };
        let value = rendered.get(&key).unwrap_or_else(|| entry.value.to_value());
        let config = match (key.strip_prefix('+'), &entry.value.data) {
            (Some(config), _) => config,
            (None, Data::Map(children)) => {
                let mut child = self::branch(children, &value, diagnostics);
                child.span = Some(entry.key.span);
                branch.children.insert(key, child);
                continue;
            }
            (None, Data::Null) if !is_known_config(&key) => {
                // An empty folder level: `staging:` with nothing below.
                continue;
            }
            (None, _) => {
                if is_known_config(&key) {
                    diagnostics.push(
                        Diagnostic::warning("missing-plus-prefix", format!("config `{key}` is written without `+`"))
                            .at(entry.key.span, "a key without `+` is read as a folder where it holds a mapping")
                            .help(format!("write `+{key}`"))
                            .event("MissingPlusPrefixDeprecation"),
                    );
                }
                key.as_str()
            }
        };
        if !is_known_config(config)
            && let Some(near) = near_config(config)
        {
            diagnostics.push(
                Diagnostic::warning("unknown-config", format!("config `{config}` is none that is known"))
                    .at(entry.key.span, "kept as a config of your own")
                    .help(format!("did you mean `+{near}`?"))
                    .event("CustomKeyInConfigDeprecation"),
            );
        }
        branch.settings.push(Setting {
            key: canonical_key(config).to_owned(),
            value,
            written: entry.value.to_value(),
            text: None,
            span: entry.key.span.to(entry.value.span),
        });
    }
    branch
}

/// The resource type whose tree configures a resource: analyses and hooks take the models' one.
fn tree_of(kind: ResourceType) -> ResourceType {
    match kind {
        ResourceType::Analysis | ResourceType::Operation | ResourceType::SqlOperation | ResourceType::Group => {
            ResourceType::Model
        }
        other => other,
    }
}

/// The key of a tree in `dbt_project.yml`.
fn tree_key(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Model => "models",
        ResourceType::Seed => "seeds",
        ResourceType::Snapshot => "snapshots",
        ResourceType::Source => "sources",
        ResourceType::Test => "data_tests",
        ResourceType::UnitTest => "unit_tests",
        ResourceType::Metric => "metrics",
        ResourceType::SemanticModel => "semantic-models",
        ResourceType::SavedQuery => "saved-queries",
        ResourceType::Exposure => "exposures",
        ResourceType::Function => "functions",
        ResourceType::Analysis => "analyses",
        other => other.as_str(),
    }
}

/// Config keys that dbt knows of any resource type.
pub fn is_known_config(key: &str) -> bool {
    KNOWN_CONFIGS.contains(&canonical_key(key))
}

/// The known config that a key was meant to be, when it is only a slip away: configs of the user's own are common.
fn near_config(key: &str) -> Option<&'static str> {
    let letters = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let (length, key) = (key.len(), letters(key));
    KNOWN_CONFIGS.into_iter().find(|known| length > 4 && strsim::damerau_levenshtein(&letters(known), &key) <= 1)
}

const KNOWN_CONFIGS: [&str; 62] = [
    "enabled",
    "alias",
    "schema",
    "database",
    "tags",
    "meta",
    "group",
    "docs",
    "static_analysis",
    "materialized",
    "persist_docs",
    "pre-hook",
    "post-hook",
    "quoting",
    "grants",
    "full_refresh",
    "unique_key",
    "on_schema_change",
    "on_configuration_change",
    "contract",
    "event_time",
    "packages",
    "column_types",
    "incremental_strategy",
    "incremental_predicates",
    "merge_update_columns",
    "merge_exclude_columns",
    "batch_size",
    "lookback",
    "begin",
    "concurrent_batches",
    "access",
    "freshness",
    "sql_header",
    "on_error",
    "latest_version_pointer",
    "quote_columns",
    "delimiter",
    "strategy",
    "updated_at",
    "check_cols",
    "hard_deletes",
    "invalidate_hard_deletes",
    "dbt_valid_to_current",
    "snapshot_meta_column_names",
    "target_schema",
    "target_database",
    "severity",
    "where",
    "limit",
    "fail_calc",
    "warn_if",
    "error_if",
    "store_failures",
    "store_failures_as",
    "loaded_at_field",
    "loaded_at_query",
    "location",
    "partition_by",
    "cluster_by",
    "target_file_size",
    "external_location",
];
