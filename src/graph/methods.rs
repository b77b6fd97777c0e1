//! What each selection method matches: one member at a time, by a matcher that is made once per word.

use crate::{
    jinja::Value,
    manifest::{Manifest, Node, NodeKind},
    names::ResourceType,
};

use super::{
    Criterion, Dag, Member, Method, SelectionError,
    dag::Set,
    glob::{Glob, PathGlob, is_pattern},
    member::version,
};

/// The members that a criterion names, graph operators aside. What needs more than the manifest
/// ([`Method::Selector`], [`Method::State`], [`Method::Result`], [`Method::SourceStatus`]) is not handled here.
///
/// # Errors
/// A value that its method cannot have.
pub fn search(
    manifest: &Manifest,
    dag: &Dag,
    criterion: &Criterion,
    project_name: &str,
) -> Result<Set, SelectionError> {
    let value = criterion.value.as_str();
    let matches: Box<dyn Fn(Member<'_>) -> bool + '_> = match criterion.method {
        Method::Fqn => {
            let wanted = FqnPattern::new(value);
            Box::new(move |member| wanted.matches(member))
        }
        Method::Tag => glob(value, |member, glob| member.tags().iter().any(|tag| glob.matches(tag))),
        Method::Group => glob(value, |member, glob| {
            // Not those that semantic models and saved queries are in, as in dbt.
            let is_found =
                |node: &Node| !matches!(node.kind, NodeKind::Declared(_)) || node.resource_type == ResourceType::Metric;
            matches!(member, Member::Node(node) if is_found(node))
                && member.config().text("group").is_some_and(|group| glob.matches(group))
        }),
        Method::Access => Box::new(move |member| match member {
            Member::Node(node) => matches!(&node.kind, NodeKind::Model(model) if model.access == value),
            _ => false,
        }),
        Method::Source => source(value)?,
        Method::Exposure => named(Method::Exposure, ResourceType::Exposure, value)?,
        Method::Metric => named(Method::Metric, ResourceType::Metric, value)?,
        Method::SemanticModel => named(Method::SemanticModel, ResourceType::SemanticModel, value)?,
        Method::SavedQuery => named(Method::SavedQuery, ResourceType::SavedQuery, value)?,
        Method::UnitTest => named(Method::UnitTest, ResourceType::UnitTest, value)?,
        Method::Function => named(Method::Function, ResourceType::Function, value)?,
        Method::Path => path(manifest, value, project_name),
        Method::File => glob(value, |member, glob| {
            let name = member.original_file_path().rsplit('/').next().unwrap_or_default();
            glob.matches(name) || glob.matches(stem(name))
        }),
        Method::Package => {
            glob(if value == "this" { project_name } else { value }, |member, glob| glob.matches(member.package_name()))
        }
        Method::Config => Box::new(move |member| {
            config(member, &criterion.arguments).is_some_and(|found| config_is(&found, criterion))
        }),
        Method::ResourceType => {
            let wanted = ResourceType::parse(value)
                .ok_or_else(|| SelectionError::InvalidResourceType { value: value.to_owned() })?;
            Box::new(move |member| member.resource_type() == wanted)
        }
        Method::TestName => glob(value, |member, glob| match member {
            Member::Node(node) => match &node.kind {
                NodeKind::GenericTest(test) => glob.matches(&test.test_name),
                NodeKind::UnitTest(_) => glob.matches(&node.name),
                _ => false,
            },
            _ => false,
        }),
        Method::TestType => test_type(value)?,
        Method::Version => version_is(value)?,
        Method::Selector | Method::State | Method::Result | Method::SourceStatus => Box::new(|_| false),
    };
    let found = Member::all(manifest).filter(|member| matches(*member));
    Ok(found.filter_map(|member| dag.number(member.unique_id())).collect())
}

type Matcher<'a> = Box<dyn Fn(Member<'_>) -> bool + 'a>;

fn glob<'a>(pattern: &str, matches: impl Fn(Member<'_>, &Glob) -> bool + 'a) -> Matcher<'a> {
    let glob = Glob::new(pattern);
    Box::new(move |member| matches(member, &glob))
}

/// A qualified name, or a part of it from the left, or a name.
struct FqnPattern {
    text: String,
    parts: Vec<String>,
    /// From this part on, the rest of the name is matched by the glob.
    wild: Option<(usize, Glob)>,
}

impl FqnPattern {
    fn new(text: &str) -> Self {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let wild = parts.iter().position(|part| is_pattern(part)).map(|at| {
            let rest = parts.get(at..).unwrap_or_default().join(".");
            (at, Glob::new(&rest))
        });
        Self { text: text.to_owned(), parts, wild }
    }

    fn matches(&self, member: Member<'_>) -> bool {
        if matches!(member, Member::Source(_)) {
            return false;
        }
        let versioned = member.is_versioned();
        let fqn = member.fqn();
        self.matches_fqn(fqn, versioned) || self.matches_fqn(fqn.get(1..).unwrap_or_default(), versioned)
    }

    fn matches_fqn(&self, fqn: &[String], versioned: bool) -> bool {
        match fqn {
            [.., name, version] if versioned => {
                let given = self.parts.get(self.parts.len().saturating_sub(2)..).unwrap_or_default();
                if *name == self.text || format!("{name}_{version}") == given.join("_") {
                    return true;
                }
            }
            [.., name] if !versioned && *name == self.text => return true,
            _ => {}
        }
        let flat: Vec<&str> = fqn.iter().flat_map(|part| part.split('.')).collect();
        if flat.len() < self.parts.len() {
            return false;
        }
        let exact = self.wild.as_ref().map_or(self.parts.len(), |(at, _)| *at);
        let same = flat.iter().zip(&self.parts).take(exact).all(|(part, wanted)| part == wanted);
        same && self.wild.as_ref().is_none_or(|(at, glob)| glob.matches(&flat.get(*at..).unwrap_or_default().join(".")))
    }
}

fn source(value: &str) -> Result<Matcher<'_>, SelectionError> {
    let parts: Vec<&str> = value.split('.').collect();
    let (package, source, table) = match parts.as_slice() {
        [source] => ("*", *source, "*"),
        [source, table] => ("*", *source, *table),
        [package, source, table] => (*package, *source, *table),
        _ => {
            return Err(SelectionError::InvalidValue {
                method: "source",
                value: value.to_owned(),
                expected: "`source_name`, `source_name.table_name` or `package_name.source_name.table_name`",
            });
        }
    };
    let (package, source, table) = (Glob::new(package), Glob::new(source), Glob::new(table));
    Ok(Box::new(move |member| match member {
        Member::Source(found) => {
            package.matches(&found.package_name) && source.matches(&found.source_name) && table.matches(&found.name)
        }
        _ => false,
    }))
}

/// `name` or `package.name` of one resource type.
fn named(method: Method, kind: ResourceType, value: &str) -> Result<Matcher<'_>, SelectionError> {
    let parts: Vec<&str> = value.split('.').collect();
    let (package, name) = match parts.as_slice() {
        [name] => ("*", *name),
        [package, name] => (*package, *name),
        _ => {
            return Err(SelectionError::InvalidValue {
                method: method.as_str(),
                value: value.to_owned(),
                expected: "`name` or `package.name`",
            });
        }
    };
    let (package, name) = (Glob::new(package), Glob::new(name));
    Ok(Box::new(move |member| {
        member.resource_type() == kind && package.matches(member.package_name()) && name.matches(member.name())
    }))
}

/// The files and folders that are known to exist in the root project are globbed; a member matches by its file, a
/// folder above it, or its properties file.
fn path<'a>(manifest: &Manifest, value: &str, project_name: &str) -> Matcher<'a> {
    let mut found = std::collections::BTreeSet::new();
    if let Some(glob) = PathGlob::new(value) {
        let members = Member::all(manifest).filter(|member| member.package_name() == project_name);
        let files = members.flat_map(|member| member.patch_file().into_iter().chain([member.original_file_path()]));
        let macros = manifest.macros.values().filter(|found| found.package_name == project_name);
        let mut seen = std::collections::BTreeSet::new();
        for file in files.chain(macros.map(|found| found.original_file_path.as_str())) {
            for path in glob.takes_files().then_some(file).into_iter().chain(folders(file)) {
                if seen.insert(path) && glob.matches(path) {
                    found.insert(path.to_owned());
                }
            }
        }
    }
    Box::new(move |member| {
        let file = member.original_file_path();
        found.contains(file)
            || member.patch_file().is_some_and(|file| found.contains(file))
            || folders(file).any(|folder| found.contains(folder))
    })
}

/// `a/b/c.sql` → `a/b`, `a`.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(path.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/')).map(|(folder, _)| folder)
}

/// A file name without its last suffix; a leading dot is no suffix.
fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, suffix)) if !stem.is_empty() && !suffix.is_empty() => stem,
        _ => name,
    }
}

/// The config value under a dotted key. Sources have configs too, exposures are not looked at.
fn config(member: Member<'_>, keys: &[String]) -> Option<Value> {
    if matches!(member, Member::Exposure(_)) {
        return None;
    }
    let (first, rest) = keys.split_first()?;
    let config = member.config();
    let hook = match first.as_str() {
        "pre_hook" => "pre-hook",
        "post_hook" => "post-hook",
        other => other,
    };
    let mut value = config.get(hook)?.clone();
    for key in rest {
        value = value.get(key)?;
    }
    Some(value)
}

fn config_is(found: &Value, criterion: &Criterion) -> bool {
    let ignore_case = criterion.arguments.as_slice() == ["severity"];
    let wanted = criterion.value.as_str();
    let is = |value: &Value| match value {
        Value::Str(text) if ignore_case => text.to_uppercase() == wanted.to_uppercase(),
        Value::Str(text) => **text == *wanted,
        Value::Bool(value) => wanted.eq_ignore_ascii_case(if *value { "true" } else { "false" }),
        _ => false,
    };
    match found {
        Value::List(_) | Value::Tuple(_) => found.items().unwrap_or_default().iter().any(is),
        one => is(one),
    }
}

fn test_type(value: &str) -> Result<Matcher<'_>, SelectionError> {
    let (generic, singular, unit) = match value {
        "generic" | "schema" => (true, false, false),
        "singular" => (false, true, false),
        "data" => (true, true, false),
        "unit" => (false, false, true),
        _ => {
            return Err(SelectionError::InvalidValue {
                method: "test_type",
                value: value.to_owned(),
                expected: "\"generic\", \"singular\", \"unit\", or \"data\"",
            });
        }
    };
    Ok(Box::new(move |member| match member {
        Member::Node(node) => match node.kind {
            NodeKind::GenericTest(_) => generic,
            NodeKind::SingularTest => singular,
            NodeKind::UnitTest(_) => unit,
            _ => false,
        },
        _ => false,
    }))
}

fn version_is(value: &str) -> Result<Matcher<'_>, SelectionError> {
    use std::cmp::Ordering;
    let wanted = match value {
        "latest" => Some(Ordering::Equal),
        "prerelease" => Some(Ordering::Greater),
        "old" => Some(Ordering::Less),
        "none" => None,
        _ => {
            return Err(SelectionError::InvalidValue {
                method: "version",
                value: value.to_owned(),
                expected: "one of \"latest\", \"prerelease\", \"old\", or \"none\"",
            });
        }
    };
    Ok(Box::new(move |member| {
        let Member::Node(node) = member else { return false };
        let NodeKind::Model(model) = &node.kind else { return false };
        match (wanted, version(node), &model.latest_version) {
            (None, version, _) => version.is_none(),
            (Some(wanted), Some(version), Some(latest)) => compare_versions(version, latest) == wanted,
            _ => false,
        }
    }))
}

/// As numbers where both are, else as texts.
fn compare_versions(a: &Value, b: &Value) -> std::cmp::Ordering {
    let (a, b) = (a.to_str(), b.to_str());
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(&b),
    }
}
