//! The seam to templates: everything in this module tree that is rendered is rendered here, in the right context.

use std::{collections::HashMap, sync::Arc};

use crate::{
    diagnostic::{Diagnostic, Origin, Span, nearest},
    jinja::{Args, Interp, JinjaError, MacroDef, StaticCall, Template, Value},
    names::{Policy, UniqueId},
    project::{
        render_yaml,
        yaml::{Data, Yaml},
    },
};

use super::{
    context::{self, FindDoc, ParseContext, ParseNode, Scopes, docs_context, properties_context},
    draft::Recorded,
    generic_tests::looks_like_call,
    node::{Node, NodeKind},
};

/// The docs blocks by `(package, name)`, rendered.
pub type DocIndex = HashMap<(String, String), (UniqueId, String)>;

/// Renders values of properties files.
pub struct Renderer<'a> {
    pub scopes: &'a Arc<Scopes>,
    pub docs: Arc<DocIndex>,
}

impl Renderer<'_> {
    /// A value of a properties file, rendered natively. What does not render is reported and none.
    pub fn native(&self, package: &str, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
        if !has_template(yaml) {
            return yaml.to_value();
        }
        let context = properties_context(self.scopes.get(package));
        match render_yaml(yaml, &context, &|_| false) {
            Ok(value) => value,
            Err(problems) => {
                diagnostics.extend(problems);
                Value::None
            }
        }
    }

    /// A description, rendered with `doc()`, and the docs blocks it took.
    pub fn description(
        &self,
        package: &str,
        yaml: Option<&Yaml>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> (String, Vec<UniqueId>) {
        let Some(yaml) = yaml.filter(|yaml| !yaml.is_null()) else { return Default::default() };
        let Some(text) = yaml.as_str() else { return (yaml.to_value().to_str(), Vec::new()) };
        if !is_template(text) {
            return (text.to_owned(), Vec::new());
        }
        let template = match Template::parse(text, yaml.origin) {
            Ok(template) => template,
            Err(problems) => {
                diagnostics.extend(problems);
                return (text.to_owned(), Vec::new());
            }
        };
        let found: Arc<std::sync::Mutex<Vec<UniqueId>>> = Arc::default();
        let context = docs_context(self.scopes.get(package), self.find_doc(package, &found));
        let rendered = Interp::new(&context).render(&template);
        let found = std::mem::take(&mut *found.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        match rendered {
            Ok(rendered) => (rendered.text, found),
            Err(error) => {
                diagnostics.push(self.description_error(&error, yaml.span));
                (text.to_owned(), found)
            }
        }
    }

    fn description_error(&self, error: &JinjaError, span: Span) -> Diagnostic {
        let missing = error.message.strip_prefix("documentation for '").and_then(|rest| rest.split_once('\''));
        let Some((name, _)) = missing else {
            let mut diagnostic = error.to_diagnostic();
            if diagnostic.labels.is_empty() {
                diagnostic = diagnostic.at(span, "");
            }
            return diagnostic;
        };
        let diagnostic = Diagnostic::error("doc-not-found", format!("docs block `{name}` does not exist"))
            .at(error.span.unwrap_or(span), "no `{% docs %}` block has this name");
        let mut names: Vec<&str> = self.docs.keys().map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        match nearest(name, names) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("docs blocks are read from `.md` files below the resource folders"),
        }
    }

    fn find_doc(&self, package: &str, found: &Arc<std::sync::Mutex<Vec<UniqueId>>>) -> FindDoc {
        let docs = Arc::clone(&self.docs);
        let root = self.scopes.shared.project_name.to_string();
        let own = package.to_owned();
        let found = Arc::clone(found);
        Arc::new(move |package, name, _| {
            let block = match package {
                Some(package) => docs.get(&(package.to_owned(), name.to_owned())),
                None => [&own, &root]
                    .into_iter()
                    .find_map(|package| docs.get(&(package.clone(), name.to_owned())))
                    .or_else(|| {
                        let mut matching: Vec<_> = docs.iter().filter(|((_, of), _)| of == name).collect();
                        matching.sort_by_key(|(key, _)| *key);
                        matching.first().map(|(_, block)| *block)
                    }),
            };
            let (unique_id, text) = block?;
            let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !found.contains(unique_id) {
                found.push(unique_id.clone());
            }
            Some(text.clone())
        })
    }

    /// The text of a docs block, rendered in the base context. What does not render stays as written.
    pub fn docs_block(&self, package: &str, text: &str, origin: Origin, diagnostics: &mut Vec<Diagnostic>) -> String {
        if !is_template(text) {
            return text.to_owned();
        }
        let rendered = Template::parse(text, origin)
            .map_err(|problems| problems.into_iter().next().map(Box::new))
            .and_then(|template| {
                let context = properties_context(self.scopes.get(package));
                Interp::new(&context).render(&template).map_err(|error| Some(Box::new(error.to_diagnostic())))
            });
        match rendered {
            Ok(rendered) => rendered.text,
            Err(problem) => {
                diagnostics.extend(problem.map(|problem| *problem));
                text.to_owned()
            }
        }
    }
}

/// The dict of keyword arguments with literal values; `None` when the text is anything else.
pub fn literal_dict(scopes: &Scopes, package: &str, arguments: &str) -> Option<Value> {
    let text = format!("{{{{ dict({arguments}) }}}}");
    let nowhere = Span::new(crate::diagnostic::SourceId(u32::MAX), 0, 0);
    let template = Template::parse(&text, Origin::Within(nowhere)).ok()?;
    let context = properties_context(scopes.get(package));
    let value = Interp::new(&context).render_native(&template).ok()?;
    value.pairs().is_some().then_some(value)
}

/// Evaluates the template of a node in parse mode. What was recorded before an error is kept.
pub fn evaluate(scopes: &Scopes, node: &Node, quoting: Policy, template: &Template) -> (Recorded, Option<Diagnostic>) {
    let context = parse_context(scopes, node, quoting);
    let result = context.render(template);
    let recorded = taken(&context);
    (recorded, result.err().map(|error| at_node(&error, node)))
}

/// Calls the macro of a generic test in parse mode with its arguments, rendered.
pub fn evaluate_test(
    scopes: &Scopes,
    node: &Node,
    quoting: Policy,
    definition: &Arc<MacroDef>,
) -> (Recorded, Option<Diagnostic>) {
    let context = parse_context(scopes, node, quoting);
    let result = call_test(&context, node, definition);
    let mut recorded = taken(&context);
    // dbt notes the macro that the bare name means; the one that is called only where the first one leads to it. Macros
    // that arguments call are not noted.
    let index = &scopes.shared.macros;
    let called = context::macro_id(definition);
    let by_name = index.resolve(&node.package_name, &StaticCall::Name(Arc::clone(&definition.name)));
    let of_where = index.find(&node.package_name, "get_where_subquery").map(|found| context::macro_id(found));
    let is_reached = by_name.as_ref().is_none_or(|by_name| index.leads_to(by_name, &called));
    recorded.macros = by_name.into_iter().chain(of_where).chain(is_reached.then_some(called)).collect();
    (recorded, result.err().map(|error| at_node(&error, node)))
}

fn call_test(context: &ParseContext, node: &Node, definition: &Arc<MacroDef>) -> Result<(), JinjaError> {
    let NodeKind::GenericTest(fields) = &node.kind else { return Ok(()) };
    let origin = node.origin.unwrap_or(Origin::Within(definition.span));
    let mut args = Args::default();
    for (key, value) in &fields.kwargs {
        let value = if key == "column_name" { value.clone() } else { test_argument(context, value, origin)? };
        args.keyword.insert(key.as_str().into(), value);
    }
    context.call_macro(definition, args)?;
    Ok(())
}

/// An argument of a generic test: texts are rendered natively, bare calls too.
fn test_argument(context: &ParseContext, value: &Value, origin: Origin) -> Result<Value, JinjaError> {
    match value {
        Value::Str(text) => {
            let text: Arc<str> = match (is_template(text), looks_like_call(text)) {
                (false, false) => return Ok(value.clone()),
                (false, true) => format!("{{{{ {text} }}}}").into(),
                (true, _) => Arc::clone(text),
            };
            let template = Template::parse(&text, Origin::Within(origin.span(0, 0))).map_err(|problems| {
                let message = problems.into_iter().next().map(|problem| problem.message).unwrap_or_default();
                JinjaError::new(crate::jinja::ErrorKind::Syntax, message)
            })?;
            context.render_native(&template)
        }
        Value::List(_) => {
            let items = value.items().unwrap_or_default();
            let items: Result<Vec<Value>, JinjaError> =
                items.iter().map(|item| test_argument(context, item, origin)).collect();
            Ok(Value::list(items?))
        }
        Value::Dict(_) => {
            let mut pairs = Vec::new();
            for (key, item) in value.pairs().unwrap_or_default() {
                pairs.push((key, test_argument(context, &item, origin)?));
            }
            Ok(Value::dict(pairs))
        }
        other => Ok(other.clone()),
    }
}

/// Evaluates the hooks of a node's config; their refs and macros count as the node's.
pub fn evaluate_hooks(
    scopes: &Scopes,
    node: &Node,
    quoting: Policy,
    span: Option<Span>,
) -> (Recorded, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let context = parse_context(scopes, node, quoting);
    for key in ["pre-hook", "post-hook"] {
        let hooks = node.config.get(key).and_then(Value::items).unwrap_or_default();
        for sql in hooks.iter().filter_map(|hook| hook.get("sql")) {
            let Some(text) = sql.as_str().filter(|text| is_template(text)) else { continue };
            let Some(span) = span.or_else(|| node.origin.map(|origin| origin.span(0, 0))) else { continue };
            match Template::parse(text, Origin::Within(span)) {
                Ok(template) => {
                    diagnostics.extend(context.render(&template).err().map(|error| at_node(&error, node)));
                }
                Err(problems) => diagnostics.extend(problems),
            }
        }
    }
    let mut recorded = taken(&context);
    recorded.configs.clear();
    (recorded, diagnostics)
}

/// The name that a `generate_…_name` macro gives.
pub fn generated_name(scopes: &Scopes, name: &str, custom: Value, node: &Node) -> Result<String, Box<Diagnostic>> {
    let scope = scopes.get(&node.package_name);
    context::call_name_macro(&scope, scopes, name, custom, node_dict(node))
        .map_err(|error| Box::new(at_node(&error, node)))
}

fn parse_context(scopes: &Scopes, node: &Node, quoting: Policy) -> ParseContext {
    let this = match node.kind {
        NodeKind::Operation { .. } => None,
        _ => Some(node.relation(quoting)),
    };
    let mut draft = ParseNode::new(Some(node.unique_id.clone()), this);
    let model = node_facts(node);
    draft.model =
        Arc::new(move || Value::dict(model.iter().map(|(key, value)| (*key, super::merge::deep_copy(value)))));
    ParseContext::new(scopes.get(&node.package_name), draft)
}

fn taken(context: &ParseContext) -> Recorded {
    let recorded = context.take_recorded();
    let nowhere = Span::new(crate::diagnostic::SourceId(u32::MAX), 0, 0);
    Recorded {
        configs: recorded.configs.into_iter().map(|call| (call.values, call.span.unwrap_or(nowhere))).collect(),
        refs: recorded.refs,
        sources: recorded.sources.into_iter().map(|call| (vec![call.source, call.table], call.span)).collect(),
        metrics: recorded
            .metrics
            .into_iter()
            .map(|call| call.package.into_iter().chain([call.name]).collect())
            .collect(),
        functions: recorded
            .functions
            .into_iter()
            .map(|call| call.package.into_iter().chain([call.name]).collect())
            .collect(),
        macros: recorded.macros,
    }
}

/// An error of a template, said to be of its node.
fn at_node(error: &JinjaError, node: &Node) -> Diagnostic {
    let mut diagnostic = error.to_diagnostic().node(node.unique_id.as_str());
    if diagnostic.labels.is_empty()
        && let Some(origin) = node.origin
    {
        diagnostic = diagnostic.at(origin.span(0, 0), "");
    }
    if matches!(node.kind, NodeKind::GenericTest(_)) {
        diagnostic.notes.push(format!("in test `{}`", node.name));
    }
    diagnostic
}

/// The `model` of parse mode and the `node` of naming macros: what is known before names are made.
fn node_facts(node: &Node) -> Vec<(&'static str, Value)> {
    let texts = |items: &[String]| Value::list(items.iter().map(|item| Value::from(item.as_str())));
    let version = match &node.kind {
        NodeKind::Model(fields) => fields.version.clone().unwrap_or(Value::None),
        _ => Value::None,
    };
    let mut facts = vec![
        ("unique_id", node.unique_id.as_str().into()),
        ("resource_type", node.resource_type.as_str().into()),
        ("name", node.name.as_str().into()),
        ("package_name", node.package_name.as_str().into()),
        ("path", node.path.as_str().into()),
        ("original_file_path", node.original_file_path.as_str().into()),
        ("fqn", texts(&node.fqn)),
        ("database", node.database.as_str().into()),
        ("schema", node.schema.as_str().into()),
        ("alias", node.alias.as_str().into()),
        ("tags", texts(&node.tags)),
        ("group", node.group.as_deref().map(Value::from).into()),
        ("description", node.description.as_str().into()),
        ("language", node.language.into()),
        ("raw_code", node.raw_code.as_str().into()),
        ("meta", Value::dict(node.meta.iter().map(|(key, value)| (key.as_str(), value.clone())))),
        ("config", Value::dict(node.config.0.iter().map(|(key, value)| (key.as_str(), value.clone())))),
    ];
    if !version.is_none() {
        facts.push(("version", version));
    }
    facts
}

fn node_dict(node: &Node) -> Value {
    let facts = node_facts(node);
    Value::dict(facts.into_iter().map(|(key, value)| (key, super::merge::deep_copy(&value))))
}

/// Whether a text may hold Jinja.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn has_template(yaml: &Yaml) -> bool {
    match &yaml.data {
        // Rendering takes a line end from a text's end also where there is nothing else to render.
        Data::Str(text) => is_template(text) || text.ends_with('\n'),
        Data::List(items) => items.iter().any(has_template),
        Data::Map(map) => map.iter().any(|entry| has_template(&entry.value)),
        _ => false,
    }
}
