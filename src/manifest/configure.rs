//! The config of every node: which trees apply to it, how levels merge, and whether the values make sense.

use indexmap::IndexMap;

use crate::{
    diagnostic::Diagnostic,
    jinja::Value,
    names::ResourceType,
    project::{PackageKind, Project},
};

use super::{
    columns::pairs,
    defaults::defaults,
    draft::Draft,
    merge::listify,
    node::{Docs, NodeKind},
    settings::{Levels, Resolved, add_tags, merge_calls, resolve},
    tree::{Setting, Trees},
};

/// The config trees of all packages.
#[derive(Debug, Default)]
pub struct Forest {
    root_name: String,
    trees: IndexMap<String, Trees>,
}

impl Forest {
    pub fn new(project: &Project, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let packages = project.packages.values().filter(|package| package.kind != PackageKind::Embedded);
        let mut trees = IndexMap::new();
        for package in packages {
            let mut ignored = Vec::new();
            // What an installed package's project file looks like is not for its users to mend.
            let sink = if package.kind == PackageKind::Root { &mut *diagnostics } else { &mut ignored };
            trees.insert(package.name.clone(), Trees::new(&package.config, sink));
        }
        Self { root_name: project.name.clone(), trees }
    }

    /// The settings of a package's own tree for an fqn.
    pub fn own(&self, kind: ResourceType, package: &str, fqn: &[String]) -> Vec<&Setting> {
        self.trees.get(package).map(|trees| trees.lookup(kind, fqn)).unwrap_or_default()
    }

    /// The settings of the root project's tree for an fqn of another package; nothing for the root's own.
    pub fn root(&self, kind: ResourceType, package: &str, fqn: &[String]) -> Vec<&Setting> {
        if package == self.root_name {
            return Vec::new();
        }
        self.trees.get(&self.root_name).map(|trees| trees.lookup(kind, fqn)).unwrap_or_default()
    }

    /// A warning about paths of the root project's trees that apply to nothing.
    pub fn unused(&self, fqns: &IndexMap<ResourceType, Vec<Vec<String>>>) -> Option<Diagnostic> {
        self.trees.get(&self.root_name)?.unused(fqns)
    }
}

/// Resolves the config of a draft and copies up what belongs to the node itself.
pub fn configure(draft: &mut Draft, forest: &Forest, diagnostics: &mut Vec<Diagnostic>) {
    let kind = draft.node.resource_type;
    check_calls(draft, diagnostics);
    draft.in_file.extend(merge_calls(&draft.recorded.configs));
    let levels = Levels {
        own_tree: forest.own(kind, &draft.node.package_name, &draft.node.fqn),
        root_tree: forest.root(kind, &draft.node.package_name, &draft.node.fqn),
        properties: std::mem::take(&mut draft.properties),
        in_file: std::mem::take(&mut draft.in_file),
    };
    let mut resolved = resolve(kind, &levels);
    // What the root project sets for a package's node is above the node's own file.
    draft.node.clues.config_in_file.retain(|key| !levels.root_tree.iter().any(|setting| setting.key == *key));
    check_config(kind, draft.node.unique_id.as_str(), &resolved, diagnostics);
    // As in dbt, a project's own tree does not say what its Python models are made as.
    let above_own_tree = levels.properties.iter().chain(&levels.in_file).chain(levels.root_tree.iter().copied());
    if draft.node.language == "python" && !above_own_tree.into_iter().any(|setting| setting.key == "materialized") {
        resolved.config.0.insert("materialized".to_owned(), "table".into());
        resolved.unrendered.insert("materialized".to_owned(), "table".into());
    }
    match kind {
        ResourceType::Test => settle_failures(&mut resolved),
        ResourceType::Model => complete_freshness(&mut resolved),
        _ => {}
    }
    copy_up(draft, resolved);
}

/// A model is built again after any of its parents is, unless it says otherwise.
fn complete_freshness(resolved: &mut Resolved) {
    let freshness = resolved.config.get("freshness").map(pairs).unwrap_or_default();
    let Some(build_after) = freshness.get("build_after").filter(|given| given.pairs().is_some()) else { return };
    let mut build_after = pairs(build_after);
    build_after.entry("updates_on".to_owned()).or_insert_with(|| "any".into());
    let mut completed = freshness.clone();
    completed.insert("build_after".to_owned(), Value::dict(build_after));
    resolved.config.0.insert("freshness".to_owned(), Value::dict(completed));
}

/// `store_failures` and `store_failures_as` say the same thing; the latter wins.
fn settle_failures(resolved: &mut Resolved) {
    let config = &mut resolved.config;
    match (config.text("store_failures_as").map(str::to_owned), config.flag("store_failures")) {
        (Some(kind), _) => {
            config.0.insert("store_failures".to_owned(), Value::Bool(kind != "ephemeral"));
        }
        (None, Some(stored)) => {
            let kind = if stored { "table" } else { "ephemeral" };
            config.0.insert("store_failures_as".to_owned(), kind.into());
        }
        (None, None) => {}
    }
}

fn copy_up(draft: &mut Draft, resolved: Resolved) {
    let node = &mut draft.node;
    let config = resolved.config;
    node.tags = std::mem::take(&mut draft.own_tags);
    for tag in &resolved.tags {
        if !node.tags.contains(tag) {
            node.tags.push(tag.clone());
        }
    }
    // Repeated application of one call may have added a tag that only the config knows.
    add_tags(&mut node.tags, config.get("tags").unwrap_or(&Value::None));
    node.meta = config.get("meta").map(pairs).unwrap_or_default();
    node.group = config.text("group").map(str::to_owned);
    if let Some(docs) = config.get("docs") {
        node.docs = Docs {
            show: !matches!(docs.get("show"), Some(Value::Bool(false))),
            node_color: docs.get("node_color").and_then(|color| color.as_str().map(str::to_owned)),
        };
    }
    if let NodeKind::Model(fields) = &mut node.kind {
        fields.access = config.text("access").unwrap_or("protected").to_owned();
    }
    node.unrendered_config = resolved.unrendered;
    node.clues.config_as_written = resolved.texts;
    draft.spans = resolved.spans;
    node.config = config;
}

/// Both spellings of a hook in one `config()` call are an error.
fn check_calls(draft: &Draft, diagnostics: &mut Vec<Diagnostic>) {
    for (call, span) in &draft.recorded.configs {
        for (dash, underscore) in [("pre-hook", "pre_hook"), ("post-hook", "post_hook")] {
            if call.contains_key(dash) && call.contains_key(underscore) {
                diagnostics.push(
                    Diagnostic::error(
                        "config-twice",
                        format!("`config()` of `{}` has both `{dash}` and `{underscore}`", draft.node.name),
                    )
                    .at(*span, "in this call")
                    .help("keep one of the two"),
                );
            }
        }
    }
}

/// What a config value has to be.
enum Shape {
    Bool,
    Text,
    TextOrList,
    Int,
    Dict,
    OneOf(&'static [&'static str]),
}

/// The shape of a known key, and whether null is allowed.
fn shape(kind: ResourceType, key: &str) -> Option<(Shape, bool)> {
    Some(match key {
        "enabled" => (Shape::Bool, false),
        "full_refresh" | "quote_columns" | "store_failures" | "concurrent_batches" => (Shape::Bool, true),
        "materialized" => (Shape::Text, false),
        "alias"
        | "schema"
        | "database"
        | "group"
        | "target_schema"
        | "target_database"
        | "where"
        | "delimiter"
        | "incremental_strategy"
        | "loaded_at_field"
        | "loaded_at_query"
        | "sql_header"
        | "updated_at" => (Shape::Text, true),
        "fail_calc" | "warn_if" | "error_if" | "on_configuration_change" => (Shape::Text, false),
        "tags" | "unique_key" | "check_cols" | "merge_update_columns" | "merge_exclude_columns" => {
            (Shape::TextOrList, true)
        }
        "limit" | "lookback" => (Shape::Int, true),
        "meta"
        | "docs"
        | "quoting"
        | "column_types"
        | "contract"
        | "persist_docs"
        | "grants"
        | "snapshot_meta_column_names" => (Shape::Dict, false),
        "severity" => (Shape::OneOf(&["error", "warn"]), false),
        "access" if kind == ResourceType::Model => (Shape::OneOf(&["private", "protected", "public"]), true),
        "on_schema_change" => (Shape::Text, true),
        // Which words it may be is checked when the test runs, as in dbt.
        "store_failures_as" => (Shape::Text, true),
        "on_error" if kind == ResourceType::Model => (Shape::OneOf(&["skip_children", "continue"]), true),
        "hard_deletes" => (Shape::OneOf(&["ignore", "invalidate", "new_record"]), true),
        _ => return None,
    })
}

/// Reports values of known configs that have the wrong type, each at the place where it was set.
pub fn check_config(kind: ResourceType, unique_id: &str, resolved: &Resolved, diagnostics: &mut Vec<Diagnostic>) {
    for (key, span) in &resolved.spans {
        let (Some((shape, nullable)), Some(value)) = (shape(kind, key), resolved.config.get(key)) else { continue };
        if value.is_none() && nullable {
            continue;
        }
        let fits = match &shape {
            Shape::Bool => matches!(value, Value::Bool(_)),
            Shape::Text => value.as_str().is_some(),
            Shape::TextOrList => listify(value).iter().all(|item| item.as_str().is_some()),
            Shape::Int => matches!(value, Value::Int(_)),
            Shape::Dict => value.pairs().is_some(),
            Shape::OneOf(words) => {
                let lower = value.as_str().map(str::to_lowercase);
                let exact = |word: &str| key == "severity" && lower.as_deref() == Some(word);
                words.iter().any(|word| value.as_str() == Some(word) || exact(word))
            }
        };
        // Only the fields that a resource type has are checked; the same key elsewhere is the user's own.
        if fits || !(defaults(kind).contains_key(key) || matches!(key.as_str(), "hard_deletes" | "on_error")) {
            continue;
        }
        let expected = match shape {
            Shape::Bool => "true or false".to_owned(),
            Shape::Text => "a text".to_owned(),
            Shape::TextOrList => "a text or a list of texts".to_owned(),
            Shape::Int => "a whole number".to_owned(),
            Shape::Dict => "a mapping".to_owned(),
            Shape::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        };
        diagnostics.push(
            Diagnostic::error(
                "config-type",
                format!("config `{key}` of `{unique_id}` is {}, expected {expected}", shown(value)),
            )
            .at(*span, format!("expected {expected}"))
            .node(unique_id),
        );
    }
}

/// A value for a message: with its type where the text alone would mislead.
fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) if text.is_empty() => "an empty text".to_owned(),
        Value::Str(text) => format!("the text `{text}`"),
        Value::None => "null".to_owned(),
        other => format!("`{}`", other.to_repr()),
    }
}
