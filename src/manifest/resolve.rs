//! Names → nodes: what every `ref` and `source` means, or why it means nothing.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::{ResourceType, UniqueId},
};

use super::{
    Disabled, Manifest,
    node::{Node, NodeKind, RefArgs},
    versions,
};

/// Who asks: the node whose `ref` or `source` it is.
#[derive(Debug, Clone)]
pub struct Asker {
    pub package: String,
    pub unique_id: String,
    pub name: String,
    pub kind: ResourceType,
    pub group: Option<String>,
    pub span: Option<Span>,
}

/// What names mean in a manifest. Built when all nodes are in place.
#[derive(Debug, Default)]
pub struct Names {
    root: String,
    /// Refable nodes by name, in manifest order.
    refable: HashMap<String, Vec<Target>>,
    sources: HashMap<(String, String), Vec<(String, UniqueId)>>,
    /// Metrics and functions by name, with their packages.
    named: HashMap<(ResourceType, String), Vec<(String, UniqueId)>>,
    disabled: HashMap<String, Vec<String>>,
    disabled_sources: HashMap<(String, String), ()>,
    /// Packages with `restrict-access`.
    pub restricted: Vec<String>,
    /// Whether a package's own nodes are found before the root's.
    pub own_package_first: bool,
}

#[derive(Debug, Clone)]
struct Target {
    unique_id: UniqueId,
    package: String,
    version: Option<Value>,
    latest: Option<Value>,
    access: String,
    group: Option<String>,
    deprecated: Option<String>,
}

/// Why a name could not be resolved.
#[derive(Debug)]
pub enum Failure {
    /// Nothing or only something disabled has the name.
    Missing { diagnostic: Box<Diagnostic>, is_disabled: bool },
    /// An error in any case.
    Refused(Box<Diagnostic>),
}

impl Names {
    pub fn new(manifest: &Manifest, root: &str) -> Self {
        let mut names = Self { root: root.to_owned(), ..Self::default() };
        for node in manifest.nodes.values().filter(|node| node.is_refable()) {
            let (version, latest, access, deprecated) = match &node.kind {
                NodeKind::Model(fields) => (
                    fields.version.clone(),
                    fields.latest_version.clone(),
                    fields.access.clone(),
                    fields.deprecation_date.clone(),
                ),
                _ => (None, None, "protected".to_owned(), None),
            };
            names.refable.entry(node.name.clone()).or_default().push(Target {
                unique_id: node.unique_id.clone(),
                package: node.package_name.clone(),
                version,
                latest,
                access,
                group: node.group.clone(),
                deprecated,
            });
        }
        let is_named = |kind| matches!(kind, ResourceType::Metric | ResourceType::Function);
        for node in manifest.nodes.values().filter(|node| is_named(node.resource_type)) {
            let key = (node.resource_type, node.name.clone());
            names.named.entry(key).or_default().push((node.package_name.clone(), node.unique_id.clone()));
        }
        for source in manifest.sources.values() {
            let key = (source.source_name.clone(), source.name.clone());
            names.sources.entry(key).or_default().push((source.package_name.clone(), source.unique_id.clone()));
        }
        for disabled in manifest.disabled.values().flatten() {
            match disabled {
                Disabled::Node(node) if node.is_refable() => {
                    names.disabled.entry(node.name.clone()).or_default().push(node.package_name.clone());
                }
                Disabled::Source(source) => {
                    names.disabled_sources.insert((source.source_name.clone(), source.name.clone()), ());
                }
                _ => {}
            }
        }
        names
    }

    /// The node that a `ref` of `asker` means.
    pub fn reference(&self, call: &RefArgs, asker: &Asker) -> Result<UniqueId, Failure> {
        let named = self.refable.get(&call.name).map(Vec::as_slice).unwrap_or_default();
        for package in self.search(call.package.as_deref(), &asker.package) {
            let of_package = |target: &&Target| package.as_deref().is_none_or(|package| target.package == package);
            let matching: Vec<&Target> =
                named.iter().filter(of_package).filter(|target| has_version(target, call.version.as_ref())).collect();
            match matching.as_slice() {
                [] => {}
                [target] => return self.admit(target, call, asker).map_err(Failure::Refused),
                [first, second, ..] => {
                    return Err(Failure::Refused(Box::new(ambiguous(call, asker, first, second))));
                }
            }
        }
        Err(self.missing_reference(call, asker, named))
    }

    /// What is worth a warning about a resolved `ref`: a deprecated target, a package that reads the root project.
    fn remarks(&self, found: &UniqueId, call: &RefArgs, asker: &Asker, now: &str) -> Vec<Diagnostic> {
        let targets = self.refable.get(&call.name).map(Vec::as_slice).unwrap_or_default();
        let Some(target) = targets.iter().find(|target| target.unique_id == *found) else { return Vec::new() };
        let mut remarks = Vec::new();
        let at = |diagnostic: Diagnostic| match call.span.or(asker.span) {
            Some(span) => diagnostic.at(span, ""),
            None => diagnostic,
        };
        if let Some(date) = target.deprecated.as_deref().filter(|_| asker.kind == ResourceType::Model) {
            let day = date.split('T').next().unwrap_or(date);
            let (when, event) = match date <= now {
                true => ("was deprecated on", "DeprecatedReference"),
                false => ("is deprecated from", "UpcomingReferenceDeprecation"),
            };
            let message = format!("model `{}` refers to `{}`, which {when} {day}", asker.name, call.name);
            let help = target.latest.as_ref().map(|latest| format!("its latest version is {}", latest.to_str()));
            let mut diagnostic = at(Diagnostic::warning("deprecated-ref", message)).event(event);
            diagnostic.help = help;
            remarks.push(diagnostic);
        }
        let is_implicit = call.package.is_none() && !self.own_package_first;
        if is_implicit && target.package == self.root && asker.package != self.root {
            let message = format!(
                "{} `{}` of package `{}` refers to `{}` of the root project",
                asker.kind, asker.name, asker.package, call.name
            );
            remarks.push(
                at(Diagnostic::warning("package-refers-to-root", message))
                    .help("set the flag `require_ref_searches_node_package_before_root`")
                    .event("PackageNodeDependsOnRootProjectNode"),
            );
        }
        remarks
    }

    /// The table that a `source` of `asker` means.
    pub fn source(&self, names: &[String], span: Option<Span>, asker: &Asker) -> Result<UniqueId, Failure> {
        let [source, table] = names else {
            return Err(Failure::Missing {
                diagnostic: Box::new(Diagnostic::error("source-not-found", "a source has two names")),
                is_disabled: false,
            });
        };
        let key = (source.clone(), table.clone());
        let found = self.sources.get(&key).map(Vec::as_slice).unwrap_or_default();
        let packages = [Some(asker.package.as_str()), Some(self.root.as_str()), None];
        for package in packages {
            if let Some((_, unique_id)) = found.iter().find(|(of, _)| package.is_none_or(|package| package == of)) {
                return Ok(unique_id.clone());
            }
        }
        let is_disabled = self.disabled_sources.contains_key(&key);
        let reason = if is_disabled { "which is disabled" } else { "which does not exist" };
        let message = format!("{} `{}` refers to source `{source}.{table}`, {reason}", asker.kind, asker.name);
        let mut diagnostic = Diagnostic::error("source-not-found", message).node(asker.unique_id.as_str());
        if let Some(span) = span.or(asker.span) {
            let label = if is_disabled { "disabled by its config" } else { "no source table has this name" };
            diagnostic = diagnostic.at(span, label);
        }
        if !is_disabled {
            let mut candidates: Vec<String> =
                self.sources.keys().map(|(source, table)| format!("{source}.{table}")).collect();
            candidates.sort_unstable();
            let full = format!("{source}.{table}");
            if let Some((source, table)) =
                nearest(&full, candidates.iter().map(String::as_str)).and_then(|near| near.split_once('.'))
            {
                diagnostic = diagnostic.help(format!("did you mean `source('{source}', '{table}')`?"));
            }
        }
        Err(Failure::Missing { diagnostic: Box::new(diagnostic), is_disabled })
    }

    /// The metric or function that a call of `asker` means: `[name]` or `[package, name]`.
    fn named(&self, kind: ResourceType, call: &[String], asker: &Asker) -> Result<UniqueId, Failure> {
        let (package, name) = match call {
            [package, name] => (Some(package.as_str()), name.clone()),
            other => (None, other.first().cloned().unwrap_or_default()),
        };
        let found = self.named.get(&(kind, name.clone())).map(Vec::as_slice).unwrap_or_default();
        for package in self.search(package, &asker.package) {
            let of_package = |of: &String| package.as_ref().is_none_or(|package| package == of);
            if let Some((_, unique_id)) = found.iter().find(|(of, _)| of_package(of)) {
                return Ok(unique_id.clone());
            }
        }
        let message = format!("{} `{}` refers to {kind} `{name}`, which does not exist", asker.kind, asker.name);
        let mut diagnostic = Diagnostic::error("name-not-found", message).node(asker.unique_id.as_str());
        if let Some(span) = asker.span {
            diagnostic = diagnostic.at(span, "");
        }
        let mut known: Vec<&str> =
            self.named.keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.as_str()).collect();
        known.sort_unstable();
        if let Some(near) = nearest(&name, known) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        Err(Failure::Missing { diagnostic: Box::new(diagnostic), is_disabled: false })
    }

    /// Packages to search in order; `None` is any.
    fn search(&self, package: Option<&str>, own: &str) -> Vec<Option<String>> {
        if let Some(package) = package {
            return vec![Some(package.to_owned())];
        }
        if own == self.root {
            return vec![Some(own.to_owned()), None];
        }
        let mut order = vec![Some(self.root.clone()), Some(own.to_owned()), None];
        if self.own_package_first {
            order.swap(0, 1);
        }
        order
    }

    fn admit(&self, target: &Target, call: &RefArgs, asker: &Asker) -> Result<UniqueId, Box<Diagnostic>> {
        let restricted = target.package != asker.package && self.restricted.contains(&target.package);
        let problem = match target.access.as_str() {
            "private" if asker.group.is_none() || target.group != asker.group || restricted => match &target.group {
                Some(group) => Some(format!("which is private to group `{group}`")),
                None => Some("which is private".to_owned()),
            },
            "protected" if restricted => Some(format!("which is protected by package `{}`", target.package)),
            _ => None,
        };
        let Some(problem) = problem.filter(|_| asker.kind != ResourceType::SqlOperation) else {
            return Ok(target.unique_id.clone());
        };
        let message = format!("{} `{}` refers to `{}`, {problem}", asker.kind, asker.name, call.name);
        let mut diagnostic = Diagnostic::error("ref-not-allowed", message).node(asker.unique_id.as_str());
        if let Some(span) = call.span.or(asker.span) {
            diagnostic = diagnostic.at(span, "not allowed from here");
        }
        Err(Box::new(diagnostic.help("change the `access` of the model, or the `group` of one of the two")))
    }

    fn missing_reference(&self, call: &RefArgs, asker: &Asker, named: &[Target]) -> Failure {
        let disabled = self.disabled.get(&call.name).map(Vec::as_slice).unwrap_or_default();
        let is_disabled = disabled.iter().any(|of| call.package.as_ref().is_none_or(|package| package == of));
        let full = match &call.package {
            Some(package) => format!("{package}.{}", call.name),
            None => call.name.clone(),
        };
        let version = call.version.as_ref().map(|version| format!(" version {}", version.to_str())).unwrap_or_default();
        let reason = if is_disabled { "which is disabled" } else { "which does not exist" };
        let message = format!("{} `{}` refers to `{full}`{version}, {reason}", asker.kind, asker.name);
        let mut diagnostic = Diagnostic::error("ref-not-found", message).node(asker.unique_id.as_str());
        if let Some(span) = call.span.or(asker.span) {
            let label = if is_disabled { "disabled by its config" } else { "no model, seed or snapshot has this name" };
            diagnostic = diagnostic.at(span, label);
        }
        let versions: Vec<String> =
            named.iter().filter_map(|target| target.version.as_ref()).map(Value::to_str).collect();
        if is_disabled {
            return Failure::Missing { diagnostic: Box::new(diagnostic), is_disabled };
        }
        if call.version.is_some() && !versions.is_empty() {
            diagnostic = diagnostic.help(format!("`{}` has version {}", call.name, versions.join(", ")));
        } else if let (Some(_), Some(other)) = (&call.package, named.first()) {
            diagnostic = diagnostic.help(format!("package `{}` has a node of this name", other.package));
        } else {
            let mut candidates: Vec<&str> = self.refable.keys().map(String::as_str).collect();
            candidates.sort_unstable();
            if let Some(near) = nearest(&call.name, candidates) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
        }
        Failure::Missing { diagnostic: Box::new(diagnostic), is_disabled }
    }
}

/// Whether a node is what a `ref` with this version means; an unpinned one means the latest.
fn has_version(target: &Target, asked: Option<&Value>) -> bool {
    match (&target.version, asked) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(version), None) => target.latest.as_ref().is_some_and(|latest| versions::same(latest, version)),
        (Some(version), Some(asked)) => versions::same(version, asked),
    }
}

fn ambiguous(call: &RefArgs, asker: &Asker, first: &Target, second: &Target) -> Diagnostic {
    let message = format!(
        "{} `{}` refers to `{}`, which could be `{}` or `{}`",
        asker.kind, asker.name, call.name, first.unique_id, second.unique_id
    );
    let mut diagnostic = Diagnostic::error("ref-ambiguous", message).node(asker.unique_id.as_str());
    if let Some(span) = call.span.or(asker.span) {
        diagnostic = diagnostic.at(span, "more than one node has this name");
    }
    diagnostic.help(format!("name the package: `ref('{}', '{}')`", first.package, call.name))
}

/// Resolves the refs and sources of all nodes and exposures; tests that ask for what is not there are disabled.
pub fn resolve_all(
    manifest: &mut Manifest,
    names: &Names,
    spans: &IndexMap<UniqueId, Option<Span>>,
    source_spans: &HashMap<UniqueId, Vec<Option<Span>>>,
    now: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut to_disable = Vec::new();
    let no_spans = Vec::new();
    for node in manifest.nodes.values_mut() {
        let asker = Asker {
            package: node.package_name.clone(),
            unique_id: node.unique_id.to_string(),
            name: node.name.clone(),
            kind: node.resource_type,
            group: node.group.clone(),
            span: spans.get(&node.unique_id).copied().flatten(),
        };
        let places = source_spans.get(&node.unique_id).unwrap_or(&no_spans);
        let mut failures = Vec::new();
        for (at, source) in node.sources.iter().enumerate() {
            match names.source(source, places.get(at).copied().flatten(), &asker) {
                Ok(unique_id) => {
                    node.depends_on.nodes.insert(unique_id);
                }
                Err(failure) => failures.push(failure),
            }
        }
        for call in &node.refs {
            match names.reference(call, &asker) {
                // A node that refers to itself is a cycle, which the graph reports.
                Ok(unique_id) => {
                    diagnostics.extend(names.remarks(&unique_id, call, &asker, now));
                    node.depends_on.nodes.insert(unique_id);
                }
                Err(failure) => failures.push(failure),
            }
        }
        for (kind, calls) in [(ResourceType::Metric, &node.metrics), (ResourceType::Function, &node.functions)] {
            for call in calls {
                match names.named(kind, call, &asker) {
                    Ok(unique_id) => {
                        node.depends_on.nodes.insert(unique_id);
                    }
                    Err(failure) => failures.push(failure),
                }
            }
        }
        if report(failures, node, diagnostics) {
            to_disable.push(node.unique_id.clone());
        }
    }
    for unique_id in to_disable {
        if let Some(mut node) = manifest.nodes.shift_remove(&unique_id) {
            node.config.0.insert("enabled".to_owned(), Value::Bool(false));
            node.clues.without_target = true;
            manifest.disabled.entry(unique_id).or_default().push(Disabled::Node(Box::new(node)));
        }
    }
    for exposure in manifest.exposures.values_mut() {
        let asker = Asker {
            package: exposure.package_name.clone(),
            unique_id: exposure.unique_id.to_string(),
            name: exposure.name.clone(),
            kind: ResourceType::Exposure,
            group: None,
            span: exposure.span,
        };
        let resolved = exposure
            .sources
            .iter()
            .map(|source| names.source(source, exposure.span, &asker))
            .chain(exposure.refs.iter().map(|call| names.reference(call, &asker)))
            .chain(exposure.metrics.iter().map(|call| names.named(ResourceType::Metric, call, &asker)));
        for outcome in resolved {
            match outcome {
                Ok(unique_id) => {
                    exposure.depends_on.nodes.insert(unique_id);
                }
                Err(Failure::Missing { diagnostic, .. } | Failure::Refused(diagnostic)) => {
                    diagnostics.push(*diagnostic)
                }
            }
        }
    }
}

/// Reports what a node asks for in vain; whether the node is to be disabled for it.
fn report(failures: Vec<Failure>, node: &Node, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let mut disable = false;
    for failure in failures {
        match failure {
            Failure::Refused(diagnostic) => diagnostics.push(*diagnostic),
            Failure::Missing { diagnostic, is_disabled } if node.resource_type == ResourceType::Test => {
                disable = true;
                // Tests of a disabled node vanish without a word.
                if !is_disabled {
                    let mut warning = *diagnostic;
                    warning.severity = crate::diagnostic::Severity::Warning;
                    warning.code = crate::diagnostic::Code("test-target-not-found");
                    diagnostics.push(warning.event("NodeNotFoundOrDisabled").note("the test is disabled"));
                }
            }
            Failure::Missing { diagnostic, .. } => diagnostics.push(*diagnostic),
        }
    }
    disable
}
