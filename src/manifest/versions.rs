//! Versioned models: which file is which version, and what that changes in the node.

use std::{cmp::Ordering, collections::HashMap};

use crate::{
    diagnostic::Diagnostic,
    jinja::Value,
    names::{ResourceType, UniqueId},
    project::properties::{RawNode, RawVersion},
};

use super::{draft::Draft, node::NodeKind};

/// A version twice, or a latest version that is none.
pub fn check(raw: &RawNode) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (at, version) in raw.versions.iter().enumerate() {
        let v = version.v.to_value();
        let first = raw.versions.iter().take(at).find(|first| same(&first.v.to_value(), &v));
        if let Some(first) = first {
            problems.push(
                Diagnostic::error(
                    "duplicate-version",
                    format!("version {} of model `{}` is declared twice", v.to_str(), raw.name.text),
                )
                .at(version.v.span, "declared again here")
                .at(first.v.span, "first declared here"),
            );
        }
    }
    if let Some(yaml) = &raw.latest_version {
        let latest = yaml.to_value();
        if !raw.versions.iter().any(|version| same(&version.v.to_value(), &latest)) {
            let known: Vec<String> = raw.versions.iter().map(|version| version.v.to_value().to_str()).collect();
            problems.push(
                Diagnostic::error(
                    "latest-version",
                    format!(
                        "the latest version of model `{}` is {}, which is none of its versions",
                        raw.name.text,
                        latest.to_str()
                    ),
                )
                .at(yaml.span, format!("expected {}", known.join(" or "))),
            );
        }
    }
    problems
}

/// The version that an unpinned `ref` means: as declared, else the highest.
pub fn latest(raw: &RawNode) -> Value {
    if let Some(latest) = &raw.latest_version {
        return latest.to_value();
    }
    let versions = raw.versions.iter().map(|version| version.v.to_value());
    versions.max_by(compare).unwrap_or(Value::None)
}

/// Numbers by value; anything with a text by text.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.to_str().cmp(&b.to_str()),
    }
}

/// Whether two spellings name one version: `1` and `"1"` do.
pub fn same(a: &Value, b: &Value) -> bool {
    a.to_str() == b.to_str()
}

fn number(value: &Value) -> Option<f64> {
    value.to_str().parse().ok()
}

/// The draft of a version: its `defined_in`, `<name>_v<version>`, or for the latest version `<name>`.
pub fn find(
    raw: &RawNode,
    version: &RawVersion,
    package: &str,
    index: &HashMap<(ResourceType, String, String), Vec<usize>>,
    drafts: &[Draft],
) -> Option<usize> {
    let v = version.v.to_value();
    let mut names = match &version.defined_in {
        Some(file) => vec![file_stem(&file.text)],
        None => vec![format!("{}_v{}", raw.name.text, v.to_str())],
    };
    if version.defined_in.is_none() && same(&v, &latest(raw)) {
        names.push(raw.name.text.clone());
    }
    let mut found = names.iter().filter_map(|name| index.get(&(raw.kind, package.to_owned(), name.clone()))).flatten();
    found
        .find(|at| {
            let fields = drafts.get(**at).map(|draft| &draft.node.kind);
            matches!(fields, Some(NodeKind::Model(fields)) if fields.version.is_none())
        })
        .copied()
}

/// Whether the file that has the model's own name is this version.
pub fn is_own_file(raw: &RawNode, version: &RawVersion) -> bool {
    match &version.defined_in {
        Some(file) => file_stem(&file.text) == raw.name.text,
        None => same(&version.v.to_value(), &latest(raw)),
    }
}

fn file_stem(text: &str) -> String {
    text.strip_suffix(".sql").or_else(|| text.strip_suffix(".py")).unwrap_or(text).to_owned()
}

/// Makes a draft the given version of its model.
pub fn rename(draft: &mut Draft, raw: &RawNode, version: &RawVersion) {
    let v = version.v.to_value();
    let text = v.to_str();
    let node = &mut draft.node;
    node.name.clone_from(&raw.name.text);
    node.unique_id = UniqueId::new(format!("model.{}.{}.v{text}", node.package_name, node.name));
    node.fqn.pop();
    node.fqn.push(node.name.clone());
    node.fqn.push(format!("v{text}"));
    if let NodeKind::Model(fields) = &mut node.kind {
        fields.version = Some(v);
        fields.latest_version = Some(latest(raw));
    }
}

/// The alias of a version when nothing else says: `dim_v1`, `dim_v2_5`.
pub fn alias(name: &str, version: &Value) -> String {
    format!("{name}_v{}", version.to_str().replace('.', "_"))
}

/// A declared version that no file has.
pub fn missing(raw: &RawNode, version: &RawVersion) -> Diagnostic {
    let text = version.v.to_value().to_str();
    let file = match &version.defined_in {
        Some(file) => file_stem(&file.text),
        None => format!("{}_v{text}", raw.name.text),
    };
    let span = version.defined_in.as_ref().map_or(version.v.span, |file| file.span);
    Diagnostic::warning(
        "properties-without-node",
        format!("version {text} of model `{}` is declared, but no file `{file}.sql` exists", raw.name.text),
    )
    .at(span, "no model file has this name")
    .help("add the file, or name another one with `defined_in`")
    .event("NoNodeForYamlKey")
}
