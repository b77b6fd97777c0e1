//! Generic tests: what a `data_tests` entry asks for becomes a node of its own.

use std::{collections::HashMap, sync::Arc};

use indexmap::{IndexMap, IndexSet};

use crate::{
    diagnostic::{Diagnostic, Origin, Span, nearest},
    jinja::{MacroDef, Value},
    names::{ResourceType, UniqueId},
    project::yaml::Map,
};

use super::{
    calls::{Call, parse_call},
    context::{MacroIndex, macro_id},
    draft::{Defaults, Draft, Place, Recorded, fqn, node},
    node::{GenericTestFields, NodeKind, RefArgs},
    properties::{Target, TestRequest, test_settings},
    render::Renderer,
    test_name::{TestName, id_hash, synthesize},
    tree::Setting,
};

/// Keys of a test entry that are configs, in the order in which they are written into the node's code.
const CONFIG_ORDER: [&str; 14] = [
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "meta",
    "database",
    "schema",
    "alias",
];

const WHERE_MACRO: &str = "get_where_subquery";

/// A generic test on its way.
#[derive(Debug)]
pub struct TestDraft {
    pub draft: Draft,
    /// The settings of the entry: in force before and after the test's own `config()`.
    pub settings: Vec<Setting>,
    /// The macro to call in parse mode; `None` when everything is known without.
    pub call: Option<Arc<MacroDef>>,
    /// dbt renders all tests but `unique` and `not_null`; then the settings are in force before and after.
    pub is_rendered: bool,
}

/// Which packages are compiled in, so that their macros' behaviour is known.
pub struct Lookup<'a> {
    pub index: &'a MacroIndex,
    pub embedded: &'a IndexSet<String>,
    /// Whether arguments may stand under `arguments:`.
    pub nested_arguments: bool,
}

impl Lookup<'_> {
    fn is_embedded(&self, definition: &MacroDef) -> bool {
        self.embedded.contains(&*definition.package)
    }
}

/// Makes the nodes of all requests, in order. A test that is asked for twice is an error.
pub fn test_drafts(
    requests: &[TestRequest<'_>],
    lookup: &Lookup<'_>,
    renderer: &Renderer<'_>,
    defaults: &Defaults,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<TestDraft> {
    let mut seen: HashMap<UniqueId, Span> = HashMap::new();
    let mut drafts = Vec::with_capacity(requests.len());
    for request in requests {
        let Some(test) = test_draft(request, lookup, renderer, defaults, diagnostics) else { continue };
        let unique_id = test.draft.node.unique_id.clone();
        if let Some(first) = seen.get(&unique_id) {
            diagnostics.push(
                Diagnostic::error(
                    "duplicate-test",
                    format!("test `{}` is declared twice with the same arguments", test.draft.node.name),
                )
                .at(request.raw.span, "declared again here")
                .at(*first, "first declared here")
                .help("remove one of the two, or give one a `name`")
                .node(unique_id.as_str()),
            );
            continue;
        }
        seen.insert(unique_id, request.raw.span);
        drafts.push(test);
    }
    drafts
}

fn test_draft(
    request: &TestRequest<'_>,
    lookup: &Lookup<'_>,
    renderer: &Renderer<'_>,
    defaults: &Defaults,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<TestDraft> {
    let raw = request.raw;
    let package = &request.package.name;
    report_old_forms(request, lookup, diagnostics);
    let kwargs = kwargs(request, lookup, diagnostics)?;
    let mut settings = test_settings(renderer, package, raw.config.as_ref(), &raw.inline_config, diagnostics);
    let (test_name, namespace) = (raw.test_name(), raw.namespace());
    let synthesized = name(request, test_name, namespace, &kwargs);
    if synthesized.short != synthesized.full && !settings.iter().any(|setting| setting.key == "alias") {
        let alias = Value::from(synthesized.short.as_str());
        let (written, value) = (alias.clone(), alias);
        settings.push(Setting { key: "alias".to_owned(), written, text: None, value, span: raw.span });
    }
    settings
        .sort_by_key(|setting| CONFIG_ORDER.iter().position(|key| *key == setting.key).unwrap_or(CONFIG_ORDER.len()));
    let hash = id_hash(&synthesized.full, test_name, namespace, &kwargs);
    let place = Place {
        kind: ResourceType::Test,
        package: request.package,
        name: &synthesized.full,
        path: format!("{}.sql", synthesized.short),
        original_file_path: request.file.original_file_path.clone(),
        fqn: fqn(package, &request.file.path, &synthesized.full),
    };
    let (file_key_name, attached_node) = match &request.target {
        Target::Node { section, name, unique_id, .. } => (format!("{section}.{name}"), unique_id.clone()),
        Target::Source { source, .. } => (format!("sources.{source}"), None),
    };
    let fields = GenericTestFields {
        column_name: request.column.as_ref().map(|_| kwargs.get("column_name").map(Value::to_str).unwrap_or_default()),
        file_key_name,
        attached_node,
        test_name: test_name.to_owned(),
        namespace: namespace.map(str::to_owned),
        kwargs,
        span: Some(raw.span),
    };
    let macro_name = format!("test_{test_name}");
    let definition = match namespace {
        Some(namespace) => lookup.index.find_in(namespace, &macro_name),
        None => lookup.index.find(package, &macro_name),
    };
    let (recorded, call) = match definition {
        Some(definition) => match known_without_rendering(definition, &fields, request, lookup) {
            Some(recorded) => (recorded, None),
            None => (Recorded::default(), Some(Arc::clone(definition))),
        },
        None => {
            diagnostics.push(unknown_test(request, lookup));
            let mut recorded = target_reference(request);
            recorded.macros.extend(lookup.index.find(package, WHERE_MACRO).map(|found| macro_id(found)));
            (recorded, None)
        }
    };
    let mut node = node(place, NodeKind::GenericTest(fields), defaults);
    node.unique_id = UniqueId::new(format!("test.{package}.{}.{hash}", synthesized.full));
    node.raw_code = raw_code(&macro_name, namespace, &settings);
    node.origin = Some(Origin::Within(raw.test.span));
    let (description, doc_blocks) = renderer.description(package, raw.description.as_ref(), diagnostics);
    node.description = description;
    node.doc_blocks = doc_blocks;
    let mut draft = Draft::new(node, None, Some(raw.test.span));
    draft.own_tags = own_tags(request, &settings);
    draft.recorded = recorded;
    let of_dbt = definition.is_some_and(|definition| lookup.is_embedded(definition));
    let is_rendered = call.is_some() || !(of_dbt && matches!(test_name, "unique" | "not_null"));
    Some(TestDraft { draft, settings, call, is_rendered })
}

/// Tags of the tested thing and of the entry, sorted.
fn own_tags(request: &TestRequest<'_>, settings: &[Setting]) -> Vec<String> {
    let mut tags = match &request.target {
        Target::Source { tags, .. } => tags.clone(),
        Target::Node { .. } => Vec::new(),
    };
    tags.extend(request.column.iter().flat_map(|column| column.tags.iter().cloned()));
    for setting in settings.iter().filter(|setting| setting.key == "tags") {
        super::settings::add_tags(&mut tags, &setting.value);
    }
    tags.sort();
    tags.dedup();
    tags
}

fn report_old_forms(request: &TestRequest<'_>, lookup: &Lookup<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let raw = request.raw;
    let mut inline = raw.inline_arguments.iter().filter(|entry| entry.key.as_str() != Some("column_name"));
    if let Some(first) = inline.next().filter(|_| lookup.nested_arguments) {
        diagnostics.push(
            Diagnostic::warning(
                "test-arguments-not-nested",
                format!("arguments of test `{}` are not under `arguments`", raw.test.text),
            )
            .at(first.key.span, "this argument")
            .help("indent the arguments below a key `arguments:`")
            .event("MissingArgumentsPropertyInGenericTestDeprecation"),
        );
    }
    for entry in raw.inline_config.iter() {
        let key = entry.key.as_str().unwrap_or_default();
        diagnostics.push(
            Diagnostic::warning(
                "property-moved-to-config",
                format!("`{key}` of test `{}` is not under `config`", raw.test.text),
            )
            .at(entry.key.span, "a config beside the test's arguments")
            .help(format!("move `{key}` below a key `config:`"))
            .event("PropertyMovedToConfigDeprecation"),
        );
    }
}

/// The arguments as written, `column_name` and `model` included.
fn kwargs(
    request: &TestRequest<'_>,
    lookup: &Lookup<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<IndexMap<String, Value>> {
    let raw = request.raw;
    let mut kwargs = IndexMap::new();
    let mut add = |kwargs: &mut IndexMap<String, Value>, map: &Map| {
        for entry in map.iter() {
            let Some(key) = entry.key.as_str() else { continue };
            if key == "model" {
                diagnostics.push(
                    Diagnostic::error(
                        "test-argument-model",
                        format!("test `{}` is given an argument `model`", raw.test.text),
                    )
                    .at(entry.key.span, "the tested model is passed under this name")
                    .help("rename the test's parameter"),
                );
                return None;
            }
            kwargs.insert(key.to_owned(), entry.value.to_value());
        }
        Some(())
    };
    add(&mut kwargs, &raw.inline_arguments)?;
    if let Some(column) = &request.column {
        let name = if column.quote { format!("\"{}\"", column.name) } else { column.name.clone() };
        kwargs.insert("column_name".to_owned(), name.into());
    }
    if let Some(arguments) = &raw.arguments {
        if lookup.nested_arguments {
            add(&mut kwargs, arguments)?;
        } else {
            kwargs.insert("arguments".to_owned(), arguments.to_value());
        }
    }
    kwargs.insert("model".to_owned(), format!("{{{{ {WHERE_MACRO}({}) }}}}", target_call(&request.target)).into());
    Some(kwargs)
}

fn target_call(target: &Target) -> String {
    match target {
        Target::Node { name, version: None, .. } => format!("ref('{name}')"),
        Target::Node { name, version: Some(version), .. } => format!("ref('{name}', version='{}')", version.to_str()),
        Target::Source { source, table, .. } => format!("source('{source}', '{table}')"),
    }
}

fn name(
    request: &TestRequest<'_>,
    test_name: &str,
    namespace: Option<&str>,
    kwargs: &IndexMap<String, Value>,
) -> TestName {
    if let Some(own) = &request.raw.name {
        return TestName { full: own.text.clone(), short: own.text.clone() };
    }
    let (prefix, target) = match &request.target {
        Target::Node { name, version: None, .. } => ("", name.clone()),
        Target::Node { name, version: Some(version), .. } => ("", format!("{name}_v{}", version.to_str())),
        Target::Source { source, table, .. } => ("source_", format!("{source}_{table}")),
    };
    let namespace = namespace.map(|namespace| format!("{namespace}_")).unwrap_or_default();
    synthesize(&format!("{namespace}{prefix}{test_name}"), &target, kwargs)
}

/// What evaluating the built-in tests would record. `None` when only evaluating can tell.
fn known_without_rendering(
    definition: &MacroDef,
    fields: &GenericTestFields,
    request: &TestRequest<'_>,
    lookup: &Lookup<'_>,
) -> Option<Recorded> {
    if !lookup.is_embedded(definition) {
        return None;
    }
    let mut recorded = Recorded::default();
    recorded.macros.insert(macro_id(definition));
    match fields.test_name.as_str() {
        "unique" | "not_null" if fields.kwargs.len() == 2 => {
            let target = target_reference(request);
            recorded.refs = target.refs;
            recorded.sources = target.sources;
            return Some(recorded);
        }
        "accepted_values" | "relationships" => {}
        _ => return None,
    }
    let where_macro = lookup.index.find(&request.package.name, WHERE_MACRO)?;
    if !lookup.is_embedded(where_macro) {
        return None;
    }
    recorded.macros.insert(macro_id(where_macro));
    for (key, value) in &fields.kwargs {
        match key.as_str() {
            "model" => {
                let mut target = target_reference(request);
                for reference in &mut target.refs {
                    // Evaluating gives the version as the text that the call was made of.
                    reference.version = reference.version.as_ref().map(|version| version.to_str().into());
                }
                recorded.refs.append(&mut target.refs);
                recorded.sources.append(&mut target.sources);
            }
            "column_name" => {}
            _ if is_plain(value) => {}
            _ => match parse_call(value.as_str()?, Some(request.raw.span))? {
                Call::Ref(reference) => recorded.refs.push(reference),
                Call::Source(source) => recorded.sources.push((source, Some(request.raw.span))),
                Call::Metric(_) => return None,
            },
        }
    }
    // A wrong argument is an error of the call, which only calling gives.
    let parameters: Vec<&str> = definition.params.iter().map(|param| &*param.name).collect();
    let all_known = fields.kwargs.keys().all(|key| parameters.contains(&key.as_str()));
    let all_given = definition.params.iter().all(|param| param.has_default || fields.kwargs.contains_key(&*param.name));
    (all_known && all_given).then_some(recorded)
}

/// Whether a value holds no template and nothing that is taken for a call.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Str(text) => {
            !text.contains("{{") && !text.contains("{%") && !text.contains("{#") && !looks_like_call(text)
        }
        Value::List(_) | Value::Tuple(_) => value.items().unwrap_or_default().iter().all(is_plain),
        Value::Dict(_) => value.pairs().unwrap_or_default().iter().all(|(_, item)| is_plain(item)),
        _ => true,
    }
}

/// Whether a test argument is evaluated although it is written without braces.
pub fn looks_like_call(text: &str) -> bool {
    let text = text.trim();
    ["ref", "source", "var", "env_var", "doc"].iter().any(|name| {
        text.strip_prefix(name).map(str::trim_start).is_some_and(|rest| rest.starts_with('(') && rest.ends_with(')'))
    })
}

fn target_reference(request: &TestRequest<'_>) -> Recorded {
    let span = Some(request.raw.span);
    let mut recorded = Recorded::default();
    match &request.target {
        Target::Node { name, version, .. } => {
            recorded.refs.push(RefArgs { name: name.clone(), package: None, version: version.clone(), span });
        }
        Target::Source { source, table, .. } => recorded.sources.push((vec![source.clone(), table.clone()], span)),
    }
    recorded
}

fn unknown_test(request: &TestRequest<'_>, lookup: &Lookup<'_>) -> Diagnostic {
    let raw = request.raw;
    let names = lookup.index.names(&request.package.name);
    let known = names.iter().filter_map(|name| name.strip_prefix("test_"));
    let diagnostic =
        Diagnostic::warning("unknown-generic-test", format!("no generic test is named `{}`", raw.test.text))
            .at(raw.test.span, "the test fails when it runs");
    match (nearest(raw.test_name(), known), raw.namespace()) {
        (Some(near), None) => diagnostic.help(format!("did you mean `{near}`?")),
        _ => diagnostic,
    }
}

fn raw_code(macro_name: &str, namespace: Option<&str>, settings: &[Setting]) -> String {
    let namespace = namespace.map(|namespace| format!("{namespace}.")).unwrap_or_default();
    let mut code = format!("{{{{ {namespace}{macro_name}(**_dbt_generic_test_kwargs) }}}}");
    if !settings.is_empty() {
        let arguments: Vec<String> = settings
            .iter()
            .map(|setting| match setting.value.as_str() {
                Some(text) => format!("{}=\"{}\"", setting.key, text.replace('"', "\\\"")),
                None => format!("{}={}", setting.key, setting.value.to_repr()),
            })
            .collect();
        code.push_str(&format!("{{{{ config({}) }}}}", arguments.join(",")));
    }
    code
}

/// Puts the entry's settings around what the test's own `config()` recorded.
pub fn settle(test: TestDraft) -> Draft {
    let TestDraft { mut draft, settings, is_rendered, .. } = test;
    let entry: Vec<(IndexMap<String, Value>, Span)> = settings
        .iter()
        .map(|setting| (IndexMap::from([(setting.key.clone(), setting.value.clone())]), setting.span))
        .collect();
    let mut configs = entry.clone();
    configs.append(&mut draft.recorded.configs);
    if is_rendered {
        configs.extend(entry);
    }
    draft.recorded.configs = configs;
    draft
}
