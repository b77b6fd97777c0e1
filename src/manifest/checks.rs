//! What must hold in a finished manifest: names, relations, groups, contracts; and what follows from its tests.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::Value,
    names::{ResourceType, UniqueId},
};

use super::{
    Disabled, Manifest,
    node::{ColumnInfo, Node, NodeKind},
};

type Spans = IndexMap<UniqueId, Option<Span>>;

/// Two relational nodes with one relation overwrite each other.
pub fn relations(manifest: &Manifest, spans: &Spans, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, &Node> = HashMap::new();
    for node in manifest.nodes.values().filter(|node| node.is_refable()) {
        let Some(relation) = node.relation_name.as_deref() else { continue };
        let Some(first) = seen.get(relation) else {
            seen.insert(relation, node);
            continue;
        };
        let mut diagnostic = Diagnostic::error(
            "duplicate-relation",
            format!("`{}` and `{}` would both be {relation}", first.unique_id, node.unique_id),
        )
        .node(node.unique_id.as_str());
        for (node, text) in [(node, "this one"), (*first, "and this one")] {
            if let Some(span) = spans.get(&node.unique_id).copied().flatten() {
                diagnostic = diagnostic.at(span, text);
            }
        }
        diagnostics.push(diagnostic.help("give one of the two another `alias` or `schema`"));
    }
}

/// A model that asks for a catalog is written to the warehouse of the target all the same.
pub fn catalogs(manifest: &Manifest, known: &[String], spans: &Spans, diagnostics: &mut Vec<Diagnostic>) {
    for node in manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Model) {
        let Some(name) = node.config.text("catalog_name") else { continue };
        let about = match known.iter().any(|known| known == name) {
            true => "which nothing is written to",
            false => "which is not in catalogs.yml",
        };
        let message = format!("`{}` is of catalog `{name}`, {about}", node.unique_id);
        let mut warning = Diagnostic::warning("catalogs", message).node(node.unique_id.as_str());
        if let Some(span) = spans.get(&node.unique_id).copied().flatten() {
            warning = warning.at(span, "written to the warehouse of the target");
        }
        diagnostics
            .push(warning.help("remove `catalog_name`, or run this model with a warehouse that has the catalog"));
    }
}

/// A seed and a model of one name can be told apart only by accident.
pub fn names_across_types(manifest: &Manifest, spans: &Spans, must_differ: bool, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<(&str, &str), &Node> = HashMap::new();
    for node in manifest.nodes.values().filter(|node| node.is_refable()) {
        let key = (node.package_name.as_str(), node.name.as_str());
        match seen.get(&key) {
            Some(first) if first.resource_type != node.resource_type => {
                let message =
                    format!("{} and {} are both named `{}`", first.resource_type, node.resource_type, node.name);
                let mut diagnostic = match must_differ {
                    true => Diagnostic::error("duplicate-name", message),
                    false => Diagnostic::warning("duplicate-name-across-types", message)
                        .event("DuplicateNameDistinctNodeTypesDeprecation"),
                };
                for node in [node, *first] {
                    if let Some(span) = spans.get(&node.unique_id).copied().flatten() {
                        diagnostic = diagnostic.at(span, format!("the {}", node.resource_type));
                    }
                }
                diagnostics.push(diagnostic.help("rename one of the two"));
            }
            Some(_) => {}
            None => {
                seen.insert(key, node);
            }
        }
    }
}

/// Names with spaces, which break selection and relations.
pub fn spaces(manifest: &Manifest, spans: &Spans, is_error: bool, diagnostics: &mut Vec<Diagnostic>) {
    for node in manifest.nodes.values().filter(|node| node.name.contains(' ')) {
        let message = format!("the name of {} `{}` contains a space", node.resource_type, node.name);
        let mut diagnostic = match is_error {
            true => Diagnostic::error("name-with-space", message),
            false => Diagnostic::warning("name-with-space", message).event("ResourceNamesWithSpacesDeprecation"),
        };
        if let Some(span) = spans.get(&node.unique_id).copied().flatten() {
            diagnostic = diagnostic.at(span, "");
        }
        diagnostics.push(diagnostic.help("rename it, for example with underscores").node(node.unique_id.as_str()));
    }
}

/// A node's group must be declared.
pub fn groups(manifest: &Manifest, spans: &Spans, diagnostics: &mut Vec<Diagnostic>) {
    let names: IndexSet<&str> = manifest.groups.values().map(|group| group.name.as_str()).collect();
    for node in manifest.nodes.values() {
        let Some(group) = node.group.as_deref().filter(|group| !names.contains(group)) else { continue };
        if node.resource_type == ResourceType::Test {
            continue;
        }
        let mut diagnostic = Diagnostic::error(
            "group-not-found",
            format!("{} `{}` is in group `{group}`, which does not exist", node.resource_type, node.name),
        )
        .node(node.unique_id.as_str());
        if let Some(span) = spans.get(&node.unique_id).copied().flatten() {
            diagnostic = diagnostic.at(span, "");
        }
        diagnostics.push(match crate::diagnostic::nearest(group, names.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("declare it under `groups:` in a properties file"),
        });
    }
}

/// Models that should be gone.
pub fn deprecated(manifest: &Manifest, spans: &Spans, now: &str, diagnostics: &mut Vec<Diagnostic>) {
    for node in manifest.nodes.values() {
        let NodeKind::Model(fields) = &node.kind else { continue };
        let Some(date) = fields.deprecation_date.as_deref().filter(|date| *date < now) else { continue };
        let day = date.split('T').next().unwrap_or(date);
        let name = node.unique_id.as_str().splitn(3, '.').last().unwrap_or(&node.name);
        let mut diagnostic =
            Diagnostic::warning("deprecated-model", format!("model `{name}` is past its deprecation date {day}"))
                .help("disable or remove it")
                .event("DeprecatedModel")
                .node(node.unique_id.as_str());
        if let Some(span) = spans.get(&node.unique_id).copied().flatten() {
            diagnostic = diagnostic.at(span, "");
        }
        diagnostics.push(diagnostic);
    }
}

/// What an enforced contract and constraints need before anything runs.
pub fn contracts(manifest: &Manifest, spans: &Spans, diagnostics: &mut Vec<Diagnostic>) {
    let mut unsupported: Vec<(UniqueId, String, Option<Span>)> = Vec::new();
    for node in manifest.nodes.values() {
        let NodeKind::Model(fields) = &node.kind else { continue };
        let span = spans.get(&node.unique_id).copied().flatten();
        let mut report = |code: &'static str, message: String, at: Option<Span>, help: &str| {
            let diagnostic = Diagnostic::error(code, message).help(help).node(node.unique_id.as_str());
            diagnostics.push(match at.or(span) {
                Some(span) => diagnostic.at(span, ""),
                None => diagnostic,
            });
        };
        let is_enforced =
            node.config.get("contract").and_then(|contract| contract.get("enforced")).is_some_and(|on| on.is_truthy());
        if is_enforced && node.language != "sql" {
            let message = format!("model `{}` has an enforced contract, but is not written in SQL", node.name);
            report("contract", message, None, "remove the contract");
        } else if is_enforced && node.columns.is_empty() {
            let message = format!("model `{}` has an enforced contract, but no columns are declared", node.name);
            report("contract", message, None, "declare every column with its `data_type`");
        }
        let holds = matches!(node.config.materialized(), "table" | "incremental");
        let all = fields.constraints.iter().chain(node.columns.values().flat_map(|column| &column.constraints));
        let mut warned = all.filter(|found| found.get("warn_unsupported").is_none_or(|warn| warn.is_truthy()));
        if is_enforced && !holds && warned.next().is_some() {
            unsupported.push((node.unique_id.clone(), node.config.materialized().to_owned(), span));
        }
        let keyed: Vec<&ColumnInfo> =
            node.columns.values().filter(|column| column.constraints.iter().any(is_primary_key)).collect();
        let of_model = fields.constraints.iter().any(is_primary_key);
        if let [first, second, ..] = keyed.as_slice() {
            let message = format!(
                "columns `{}` and `{}` of model `{}` both have a primary key constraint",
                first.name, second.name, node.name
            );
            report(
                "primary-key",
                message,
                second.span,
                "declare one key of both columns under the model's `constraints`",
            );
        } else if let (Some(column), true) = (keyed.first(), of_model) {
            let message =
                format!("model `{}` has a primary key constraint of its own and one on `{}`", node.name, column.name);
            report("primary-key", message, column.span, "remove one of the two");
        }
    }
    for (unique_id, materialized, span) in unsupported {
        let message = format!(
            "Constraint types are not supported for {materialized} materializations and will be ignored.  Set \
             'warn_unsupported: false' on this constraint to ignore this warning."
        );
        let warning = Diagnostic::warning("constraint-ignored", message)
            .event("UnsupportedConstraintMaterialization")
            .node(unique_id.as_str());
        diagnostics.push(match span {
            Some(span) => warning.at(span, ""),
            None => warning,
        });
    }
}

/// What a snapshot cannot do without, and what its strategy has no use for.
pub fn snapshots(manifest: &Manifest, spans: &Spans, diagnostics: &mut Vec<Diagnostic>) {
    let snapshots = manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Snapshot);
    for node in snapshots {
        let Some((message, help)) = missing_config(node).or_else(|| misplaced_config(node)) else { continue };
        let mut diagnostic = Diagnostic::error("snapshot-config", message).help(help).node(node.unique_id.as_str());
        if let Some(span) = spans.get(&node.unique_id).copied().flatten() {
            diagnostic = diagnostic.at(span, "");
        }
        diagnostics.push(diagnostic);
    }
}

fn missing_config(node: &Node) -> Option<(String, &'static str)> {
    let is_missing = |key: &str| node.config.get(key).is_none_or(|value| !value.is_truthy());
    let needed = match node.config.text("strategy").unwrap_or_default() {
        "timestamp" => "updated_at",
        "check" => "check_cols",
        _ => "strategy",
    };
    let mut missing: IndexSet<String> = ["strategy", "unique_key", needed]
        .into_iter()
        .filter(|key| is_missing(key))
        .map(|key| format!("`{key}`"))
        .collect();
    let last = missing.pop()?;
    let listed = match missing.len() {
        0 => last,
        _ => format!("{} and {last}", missing.into_iter().collect::<Vec<_>>().join(", ")),
    };
    let help = "set it with `config(…)` in the snapshot, or under `config:` in a properties file";
    Some((format!("snapshot `{}` has no {listed}", node.name), help))
}

fn misplaced_config(node: &Node) -> Option<(String, &'static str)> {
    let name = &node.name;
    let checked = node.config.get("check_cols").filter(|value| value.is_truthy());
    match (node.config.text("strategy"), checked.and_then(Value::as_str)) {
        (Some("timestamp"), _) if checked.is_some() => {
            let message = format!("snapshot `{name}` has `check_cols`, but its strategy is `timestamp`");
            Some((message, "remove `check_cols`, or set `strategy: check`"))
        }
        (Some("check"), Some(text)) if text != "all" => {
            let message = format!("`check_cols` of snapshot `{name}` is the text `{text}`, expected `all` or a list");
            Some((message, "put the column into a list: `check_cols: [column]`"))
        }
        _ if node.config.materialized() != "snapshot" => {
            let found = node.config.materialized();
            let message = format!("snapshot `{name}` is materialized as `{found}`, expected `snapshot`");
            Some((message, "remove `materialized` from its config, or make it a model"))
        }
        _ => None,
    }
}

/// A function needs its types.
pub fn functions(manifest: &Manifest, spans: &Spans, diagnostics: &mut Vec<Diagnostic>) {
    for node in manifest.nodes.values() {
        let NodeKind::Function(fields) = &node.kind else { continue };
        let has_type = |value: &Value| value.get("data_type").is_some_and(|data_type| !data_type.is_none());
        let problem = match (&fields.returns, fields.arguments.iter().find(|argument| !has_type(argument))) {
            (Some(returns), None) if has_type(returns) => continue,
            (_, Some(argument)) => {
                let name = argument.get("name").map(|name| name.to_str()).unwrap_or_default();
                format!("argument `{name}` of function `{}` has no `data_type`", node.name)
            }
            _ => format!("function `{}` does not say what it returns", node.name),
        };
        let diagnostic = Diagnostic::error("function", problem)
            .help("declare it under `functions:` in a properties file, with `returns: {data_type: …}`")
            .node(node.unique_id.as_str());
        diagnostics.push(match spans.get(&node.unique_id).copied().flatten() {
            Some(span) => diagnostic.at(span, ""),
            None => diagnostic,
        });
    }
}

fn is_primary_key(constraint: &Value) -> bool {
    constraint.get("type").is_some_and(|kind| kind.as_str() == Some("primary_key"))
}

/// Fills `primary_key` of models: from constraints, else from the tests that say so.
pub fn primary_keys(manifest: &mut Manifest) {
    let mut tests: HashMap<UniqueId, Vec<(String, Vec<String>, bool)>> = HashMap::new();
    let disabled = manifest.disabled.values().flatten().filter_map(|disabled| match disabled {
        Disabled::Node(node) => Some(&**node),
        _ => None,
    });
    for node in manifest.nodes.values().chain(disabled) {
        let NodeKind::GenericTest(fields) = &node.kind else { continue };
        let Some(attached) = &fields.attached_node else { continue };
        let columns = match (fields.kwargs.get("column_name"), fields.kwargs.get("combination_of_columns")) {
            (Some(column), _) => vec![column.to_str()],
            (None, Some(columns)) => columns.items().unwrap_or_default().iter().map(Value::to_str).collect(),
            (None, None) => continue,
        };
        tests.entry(attached.clone()).or_default().push((fields.test_name.clone(), columns, node.config.is_enabled()));
    }
    for node in manifest.nodes.values_mut() {
        let NodeKind::Model(fields) = &mut node.kind else { continue };
        let of_columns = node
            .columns
            .values()
            .filter(|column| column.constraints.iter().any(is_primary_key))
            .map(|column| &column.name);
        let mut key: Vec<String> = of_columns.cloned().collect();
        for constraint in fields.constraints.iter().filter(|constraint| is_primary_key(constraint)) {
            key = constraint
                .get("columns")
                .and_then(|columns| columns.items())
                .map(|columns| columns.iter().map(Value::to_str).collect())
                .unwrap_or(key);
        }
        if key.is_empty() {
            key = tests.get(&node.unique_id).map(|tests| key_of_tests(tests)).unwrap_or_default();
        }
        key.sort_unstable();
        fields.primary_key = key;
    }
}

/// The columns that tests hold unique and not null, else unique.
fn key_of_tests(tests: &[(String, Vec<String>, bool)]) -> Vec<String> {
    let columns = |names: &[&str], enabled: Option<bool>| -> IndexSet<String> {
        let matching = tests
            .iter()
            .filter(|(name, _, on)| names.contains(&name.as_str()) && enabled.is_none_or(|enabled| enabled == *on));
        matching.flat_map(|(_, columns, _)| columns.iter().cloned()).collect()
    };
    let unique = ["unique", "unique_combination_of_columns"];
    let all_unique = columns(&unique, None);
    let both: Vec<String> =
        columns(&["not_null"], None).into_iter().filter(|column| all_unique.contains(column)).collect();
    if !both.is_empty() {
        return both;
    }
    let enabled = columns(&unique, Some(true));
    if enabled.is_empty() { columns(&unique, Some(false)) } else { enabled }.into_iter().collect()
}
