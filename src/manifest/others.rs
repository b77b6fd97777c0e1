//! Resources that have no SQL of their own: exposures, groups, descriptions of macros.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::{ResourceType, UniqueId},
    project::{
        Package, Project, PropertiesFile,
        properties::{RawExposure, RawMacro},
        yaml::{Map, Yaml},
    },
};

use super::{
    Macro,
    calls::{Call, parse_call},
    columns::pairs,
    configure::{Forest, check_config},
    draft::{Defaults, fqn},
    node::{DependsOn, Docs, Exposure, Group},
    properties::settings,
    render::Renderer,
    settings::{Levels, resolve},
};

const EXPOSURE_TYPES: [&str; 5] = ["dashboard", "notebook", "analysis", "ml", "application"];

/// All exposures in file order; disabled ones too, see their config.
pub fn exposures(
    project: &Project,
    forest: &Forest,
    renderer: &Renderer<'_>,
    defaults: &Defaults,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Exposure> {
    let mut exposures: IndexMap<UniqueId, Exposure> = IndexMap::new();
    for package in project.packages.values() {
        for file in &package.properties {
            for raw in &file.properties.exposures {
                let place = Place { package, file, forest, renderer, defaults };
                let exposure = place.exposure(raw, diagnostics);
                if let Some(first) = exposures.get(&exposure.unique_id) {
                    diagnostics.push(twice("exposure", &raw.name.text, raw.name.span, first.span));
                    continue;
                }
                exposures.insert(exposure.unique_id.clone(), exposure);
            }
        }
    }
    exposures.into_values().collect()
}

fn twice(kind: &str, name: &str, span: Span, first: Option<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::error("duplicate-name", format!("{kind} `{name}` is declared twice"))
        .at(span, "declared again here")
        .help("rename or remove one of the two");
    match first {
        Some(first) => diagnostic.at(first, "first declared here"),
        None => diagnostic,
    }
}

/// Where an exposure is declared, and what is needed to read it.
struct Place<'a> {
    package: &'a Arc<Package>,
    file: &'a PropertiesFile,
    forest: &'a Forest,
    renderer: &'a Renderer<'a>,
    defaults: &'a Defaults,
}

/// dbt wants letters, digits, `_` and `-` in the name of an exposure; the label may be anything.
fn odd_name(raw: &RawExposure) -> Option<Diagnostic> {
    let name = &raw.name;
    let is_plain = name.text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
    (!is_plain).then(|| {
        Diagnostic::warning(
            "exposure-name",
            format!("the name of exposure `{}` has other characters than letters, digits, `_` and `-`", name.text),
        )
        .at(name.span, "this name")
        .help("give it a plain name, and this one as its `label`")
        .event("ExposureNameDeprecation")
    })
}

impl Place<'_> {
    fn exposure(&self, raw: &RawExposure, diagnostics: &mut Vec<Diagnostic>) -> Exposure {
        let Place { package, file, forest, renderer, defaults } = self;
        let name = &package.name;
        let fqn = fqn(name, &file.path, &raw.name.text);
        // `tags` and `meta` beside `config` count like configs.
        let mut beside = Vec::new();
        for (key, yaml) in [("meta", &raw.meta), ("tags", &raw.tags)] {
            if let Some(yaml) = yaml {
                let value = renderer.native(name, yaml, diagnostics);
                beside.push(super::tree::Setting {
                    key: key.to_owned(),
                    written: yaml.to_value(),
                    text: None,
                    value,
                    span: yaml.span,
                });
            }
        }
        let of_config = settings(renderer, name, raw.config.as_ref(), &Map::default(), diagnostics);
        let mut unrendered = IndexMap::new();
        let levels = Levels {
            own_tree: forest.own(ResourceType::Exposure, name, &fqn),
            root_tree: forest.root(ResourceType::Exposure, name, &fqn),
            properties: beside.into_iter().chain(of_config.iter().cloned()).collect(),
            in_file: Vec::new(),
        };
        let from_trees = levels.own_tree.iter().chain(&levels.root_tree).copied();
        for setting in from_trees.chain(&of_config) {
            unrendered.insert(setting.key.clone(), setting.written.clone());
        }
        let mut resolved = resolve(ResourceType::Exposure, &levels);
        resolved.sort_tags();
        let unique_id = UniqueId::new(format!("exposure.{name}.{}", raw.name.text));
        check_config(ResourceType::Exposure, unique_id.as_str(), &resolved, diagnostics);
        let text = |yaml: &Option<Yaml>, diagnostics: &mut Vec<Diagnostic>| {
            let value = renderer.native(name, yaml.as_ref()?, diagnostics);
            (!value.is_none()).then(|| value.to_str())
        };
        let exposure_type = raw.exposure_type.as_ref().map(|kind| kind.text.clone()).unwrap_or_default();
        if !EXPOSURE_TYPES.contains(&exposure_type.as_str()) {
            let span = raw.exposure_type.as_ref().map_or(raw.name.span, |kind| kind.span);
            diagnostics.push(
                Diagnostic::error("exposure", format!("exposure `{}` has type `{exposure_type}`", raw.name.text))
                    .at(span, format!("expected one of {}", EXPOSURE_TYPES.join(", "))),
            );
        }
        diagnostics.extend(odd_name(raw));
        let owner = raw.owner.as_ref().map(|yaml| renderer.native(name, yaml, diagnostics));
        let owner = owner_of(owner.as_ref(), "exposure", &raw.name.text, raw.name.span, diagnostics);
        let (mut refs, mut sources, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
        for written in &raw.depends_on {
            match parse_call(&written.text, Some(written.span)) {
                Some(Call::Ref(call)) => refs.push(call),
                Some(Call::Source(names)) => sources.push(names),
                Some(Call::Metric(names)) => metrics.push(names),
                None => diagnostics.push(
                    Diagnostic::error(
                        "exposure",
                        format!("exposure `{}` depends on `{}`, which is no call", raw.name.text, written.text),
                    )
                    .at(written.span, "expected `ref('…')`, `source('…', '…')` or `metric('…')`"),
                ),
            }
        }
        let (description, _) = renderer.description(name, raw.description.as_ref(), diagnostics);
        let maturity = text(&raw.maturity, diagnostics);
        Exposure {
            unique_id,
            name: raw.name.text.clone(),
            package_name: name.clone(),
            path: file.path.clone(),
            original_file_path: file.original_file_path.clone(),
            fqn,
            exposure_type,
            owner,
            label: text(&raw.label, diagnostics),
            maturity,
            url: text(&raw.url, diagnostics),
            description,
            meta: resolved.config.get("meta").map(pairs).unwrap_or_default(),
            tags: resolved.tags,
            config: resolved.config,
            unrendered_config: unrendered,
            depends_on: DependsOn::default(),
            refs,
            sources,
            metrics,
            created_at: defaults.created_at,
            span: Some(raw.name.span),
        }
    }
}

/// An owner with at least a name or an email.
fn owner_of(
    owner: Option<&Value>,
    kind: &str,
    name: &str,
    span: Span,
    diagnostics: &mut Vec<Diagnostic>,
) -> IndexMap<String, Value> {
    let given = owner.map(pairs).unwrap_or_default();
    if !given.contains_key("name") && !given.contains_key("email") {
        diagnostics.push(
            Diagnostic::error("owner", format!("{kind} `{name}` has no owner"))
                .at(span, "")
                .help("write `owner: {name: …}` or `owner: {email: …}`"),
        );
    }
    let mut fields = IndexMap::from([("email".to_owned(), Value::None), ("name".to_owned(), Value::None)]);
    fields.extend(given);
    fields
}

/// All groups in file order.
pub fn groups(
    project: &Project,
    forest: &Forest,
    renderer: &Renderer<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> IndexMap<UniqueId, Group> {
    let mut groups: IndexMap<UniqueId, Group> = IndexMap::new();
    let mut places: HashMap<UniqueId, Span> = HashMap::new();
    for package in project.packages.values() {
        for file in &package.properties {
            for raw in &file.properties.groups {
                let name = &package.name;
                let unique_id = UniqueId::new(format!("group.{name}.{}", raw.name.text));
                if let Some(first) = places.get(&unique_id) {
                    diagnostics.push(twice("group", &raw.name.text, raw.name.span, Some(*first)));
                    continue;
                }
                places.insert(unique_id.clone(), raw.name.span);
                let owner = raw.owner.as_ref().map(|yaml| renderer.native(name, yaml, diagnostics));
                let fqn = fqn(name, &file.path, &raw.name.text);
                let mut config = IndexMap::new();
                let hooks = ["pre-hook", "post-hook"];
                for setting in forest.own(ResourceType::Group, name, &fqn) {
                    if !hooks.contains(&setting.key.as_str()) {
                        config.insert(setting.key.clone(), setting.value.clone());
                    }
                }
                for setting in settings(renderer, name, raw.config.as_ref(), &Map::default(), diagnostics) {
                    config.insert(setting.key, setting.value);
                }
                let description = raw.description.as_ref().filter(|yaml| !yaml.is_null());
                let group = Group {
                    unique_id: unique_id.clone(),
                    name: raw.name.text.clone(),
                    package_name: name.clone(),
                    path: file.path.clone(),
                    original_file_path: file.original_file_path.clone(),
                    owner: owner_of(owner.as_ref(), "group", &raw.name.text, raw.name.span, diagnostics),
                    description: description.map(|yaml| renderer.description(name, Some(yaml), diagnostics).0),
                    config,
                };
                groups.insert(unique_id, group);
            }
        }
    }
    groups
}

/// Puts descriptions of macros onto them.
pub fn describe_macros(
    project: &Project,
    macros: &mut IndexMap<UniqueId, Macro>,
    renderer: &Renderer<'_>,
    check_arguments: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut seen: HashMap<UniqueId, Span> = HashMap::new();
    for package in project.packages.values() {
        for file in &package.properties {
            for raw in &file.properties.macros {
                let mut unique_id = UniqueId::new(format!("macro.{}.{}", package.name, raw.name.text));
                if !macros.contains_key(&unique_id) {
                    unique_id = UniqueId::new(format!("macro.{}.test_{}", package.name, raw.name.text));
                }
                if let Some(first) = seen.get(&unique_id) {
                    diagnostics.push(
                        Diagnostic::error(
                            "duplicate-properties",
                            format!("macro `{}` is described twice", raw.name.text),
                        )
                        .at(raw.name.span, "described again here")
                        .at(*first, "first described here")
                        .help("merge the two entries"),
                    );
                    continue;
                }
                seen.insert(unique_id.clone(), raw.name.span);
                let Some(found) = macros.get_mut(&unique_id) else {
                    diagnostics.push(macro_not_found(raw, package, macros));
                    continue;
                };
                describe(found, raw, package, file, renderer, diagnostics);
                if check_arguments {
                    compare_arguments(found, raw, diagnostics);
                }
            }
        }
    }
}

fn macro_not_found(raw: &RawMacro, package: &Package, macros: &IndexMap<UniqueId, Macro>) -> Diagnostic {
    let names = macros.values().filter(|found| found.package_name == package.name).map(|found| found.name.as_str());
    let diagnostic = Diagnostic::warning(
        "properties-without-node",
        format!("properties describe macro `{}`, which does not exist", raw.name.text),
    )
    .at(raw.name.span, "no macro of this package has this name")
    .event("MacroNotFoundForPatch");
    match nearest(&raw.name.text, names) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

fn describe(
    found: &mut Macro,
    raw: &RawMacro,
    package: &Package,
    file: &PropertiesFile,
    renderer: &Renderer<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let name = &package.name;
    found.description = renderer.description(name, raw.description.as_ref(), diagnostics).0;
    let of_config = |key: &str| raw.config.as_ref().and_then(|config| config.get(key));
    for yaml in [raw.meta.as_ref(), of_config("meta")].into_iter().flatten() {
        found.meta.extend(pairs(&renderer.native(name, yaml, diagnostics)));
    }
    for yaml in [raw.docs.as_ref(), of_config("docs")].into_iter().flatten() {
        let docs = renderer.native(name, yaml, diagnostics);
        found.docs = Docs {
            show: !matches!(docs.get("show"), Some(Value::Bool(false))),
            node_color: docs.get("node_color").and_then(|color| color.as_str().map(str::to_owned)),
        };
    }
    found.patch_path = Some(format!("{name}://{}", file.original_file_path));
    found.arguments = raw
        .arguments
        .iter()
        .map(|yaml| {
            let field = |key: &str| yaml.as_map().and_then(|map| map.get(key)).filter(|yaml| !yaml.is_null());
            let kind = field("type").map(|yaml| renderer.native(name, yaml, diagnostics));
            let description = field("description").map(|yaml| yaml.to_value().to_str()).unwrap_or_default();
            Value::dict([
                ("name", field("name").map(|yaml| yaml.to_value().to_str()).unwrap_or_default().into()),
                ("type", kind.unwrap_or(Value::None)),
                ("description", description.into()),
            ])
        })
        .collect();
}

fn compare_arguments(found: &Macro, raw: &RawMacro, diagnostics: &mut Vec<Diagnostic>) {
    let parameters: Vec<&str> = found.definition.params.iter().map(|param| &*param.name).collect();
    for argument in &raw.arguments {
        let Some(name) = argument.as_map().and_then(|map| map.get("name")) else { continue };
        let text = name.to_value().to_str();
        if !parameters.contains(&text.as_str()) {
            let diagnostic =
                Diagnostic::warning("macro-argument", format!("macro `{}` has no parameter `{text}`", raw.name.text))
                    .at(name.span, "described here")
                    .at(found.definition.span, "the macro")
                    .event("InvalidMacroAnnotation");
            diagnostics.push(match nearest(&text, parameters.iter().copied()) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic,
            });
        }
    }
}
