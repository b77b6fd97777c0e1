//! Unit tests: an entry of `unit_tests` becomes a node per tested version, its rows read from wherever they are.

mod rows;

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span, nearest},
    jinja::Value,
    names::{ResourceType, UniqueId},
    project::{
        Package, Project, PropertiesFile,
        properties::{RawInput, RawUnitTest},
        yaml::{Map, Yaml},
    },
};

use super::{
    Disabled, Manifest,
    calls::{Call, parse_call},
    columns::pairs,
    configure::{Forest, check_config},
    draft::{Defaults, Place, fqn, node},
    node::{Checksum, ModelFields, Node, NodeKind},
    properties::settings,
    render::Renderer,
    resolve::{Asker, Names},
    settings::{Levels, resolve},
    sha256_hex,
    unit_test_node::{InputTarget, Overrides, UnitInput, UnitTestFields},
    versions,
};

/// The macro whose value a test of an incremental model must say.
const IS_INCREMENTAL: &str = "is_incremental";

/// Makes the nodes of all unit tests, enabled or disabled, in file order; gives id, place and fqn of each. Needs all other
/// nodes in place.
pub fn add(
    project: &Project,
    manifest: &mut Manifest,
    renderer: &Renderer<'_>,
    (forest, defaults): (&Forest, &Defaults),
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(UniqueId, Span, Vec<String>)> {
    let names = Names::new(manifest, &project.name);
    let mut made: IndexMap<UniqueId, (Span, Vec<String>)> = IndexMap::new();
    for package in project.packages.values() {
        for file in &package.properties {
            for raw in &file.properties.unit_tests {
                let reader = Reader { project, package, file, names: &names, renderer, forest, defaults };
                for node in reader.nodes(raw, manifest, diagnostics) {
                    if let Some((first, _)) = made.get(&node.unique_id) {
                        let message =
                            format!("unit test `{}` of model `{}` is declared twice", node.name, raw.model.text);
                        diagnostics.push(
                            Diagnostic::error("duplicate-name", message)
                                .at(raw.name.span, "declared again here")
                                .at(*first, "first declared here")
                                .help("rename or remove one of the two"),
                        );
                        continue;
                    }
                    made.insert(node.unique_id.clone(), (raw.name.span, node.fqn.clone()));
                    if node.config.is_enabled() {
                        manifest.nodes.insert(node.unique_id.clone(), node);
                    } else {
                        let disabled = manifest.disabled.entry(node.unique_id.clone()).or_default();
                        disabled.push(Disabled::Node(Box::new(node)));
                    }
                }
            }
        }
    }
    made.into_iter().map(|(unique_id, (span, fqn))| (unique_id, span, fqn)).collect()
}

/// Where a unit test is declared, and what is needed to read it.
struct Reader<'a> {
    project: &'a Project,
    package: &'a std::sync::Arc<Package>,
    file: &'a PropertiesFile,
    names: &'a Names,
    renderer: &'a Renderer<'a>,
    forest: &'a Forest,
    defaults: &'a Defaults,
}

impl Reader<'_> {
    /// One node, or one per tested version.
    fn nodes(&self, raw: &RawUnitTest, manifest: &Manifest, diagnostics: &mut Vec<Diagnostic>) -> Vec<Node> {
        let Some(base) = self.node(raw, manifest, diagnostics) else { return Vec::new() };
        let Tested::Enabled(first) = self.tested(raw, manifest) else { return vec![base] };
        check_incremental(raw, &base, first, diagnostics);
        let NodeKind::Model(ModelFields { version: Some(_), .. }) = &first.kind else {
            if raw.versions.as_ref().is_some_and(names_versions) {
                let message =
                    format!("unit test `{}` names versions, but model `{}` has none", raw.name.text, first.name);
                let span = raw.versions.as_ref().map_or(raw.name.span, |yaml| yaml.span);
                diagnostics.push(Diagnostic::error("unit-test", message).at(span, "remove this"));
            }
            return vec![base];
        };
        let chosen = self.versions(raw, first, manifest, diagnostics);
        chosen.into_iter().filter(|_| base.config.is_enabled()).map(|model| of_version(&base, model)).collect()
    }

    /// The node of a unit test of an unversioned model.
    fn node(&self, raw: &RawUnitTest, manifest: &Manifest, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
        let package = self.package.name.as_str();
        let model = match self.tested(raw, manifest) {
            Tested::Enabled(model) | Tested::Disabled(model) => model,
            Tested::Missing => {
                diagnostics.push(self.model_not_found(raw, manifest));
                return None;
            }
        };
        let is_model_enabled = model.config.is_enabled();
        let fqn = fqn_of(package, &self.file.original_file_path, &raw.model.text, &raw.name.text);
        let mut given = Vec::new();
        for input in &raw.given {
            given.push(self.input(input, raw, model, manifest, diagnostics)?);
        }
        let expect = rows::read(&raw.expect, &raw.name.text, &self.sources(None), diagnostics)?;
        let overrides = raw.overrides.as_ref().map(|yaml| self.overrides(yaml, diagnostics));
        let versions = raw.versions.as_ref().map(|yaml| self.renderer.native(package, yaml, diagnostics));
        let mut fields = UnitTestFields {
            model: raw.model.text.clone(),
            given,
            expect,
            overrides,
            versions: versions.map(|given| version_choice(&given)),
            version: None,
            span: raw.name.span,
        };
        for input in &mut fields.given {
            input.rows.promote_full_row();
        }
        fields.expect.promote_full_row();
        let checksum = sha256_hex(&fields.fingerprint());
        let place = Place {
            kind: ResourceType::UnitTest,
            package: self.package,
            name: &raw.name.text,
            path: self.file.path.clone(),
            original_file_path: self.file.original_file_path.clone(),
            fqn,
        };
        let mut node = node(place, NodeKind::UnitTest(Box::new(fields)), self.defaults);
        node.unique_id = UniqueId::new(format!("unit_test.{package}.{}.{}", raw.model.text, raw.name.text));
        node.checksum = Checksum { name: "sha256", checksum };
        node.description = self.renderer.description(package, raw.description.as_ref(), diagnostics).0;
        self.configure(&mut node, raw, diagnostics);
        if is_model_enabled {
            node.schema.clone_from(&model.schema);
            node.database.clone_from(&model.database);
            node.depends_on.nodes.insert(model.unique_id.clone());
        } else {
            node.config.0.insert("enabled".to_owned(), Value::Bool(false));
        }
        Some(node)
    }

    fn configure(&self, node: &mut Node, raw: &RawUnitTest, diagnostics: &mut Vec<Diagnostic>) {
        let package = self.package.name.as_str();
        let properties = settings(self.renderer, package, raw.config.as_ref(), &Map::default(), diagnostics);
        let levels = Levels {
            own_tree: self.forest.own(ResourceType::UnitTest, package, &node.fqn),
            root_tree: self.forest.root(ResourceType::UnitTest, package, &node.fqn),
            properties,
            in_file: Vec::new(),
        };
        let resolved = resolve(ResourceType::UnitTest, &levels);
        check_config(ResourceType::UnitTest, node.unique_id.as_str(), &resolved, diagnostics);
        node.tags = resolved.tags;
        node.meta = resolved.config.get("meta").map(pairs).unwrap_or_default();
        node.config = resolved.config;
    }

    fn tested<'m>(&self, raw: &RawUnitTest, manifest: &'m Manifest) -> Tested<'m> {
        let mut words = raw.model.text.split_whitespace();
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        let is_tested = |node: &&Node| {
            let NodeKind::Model(fields) = &node.kind else { return false };
            let wanted = match (version, &fields.version) {
                (None, None) => true,
                (Some(wanted), Some(version)) => {
                    version.to_str() == wanted || format!("v{}", version.to_str()) == wanted
                }
                (None, Some(version)) => {
                    fields.latest_version.as_ref().is_none_or(|latest| versions::same(latest, version))
                }
                (Some(_), None) => false,
            };
            wanted && node.name == name && node.package_name == self.package.name
        };
        if let Some(model) = manifest.nodes.values().find(is_tested) {
            return Tested::Enabled(model);
        }
        let disabled = manifest.disabled.values().flatten().filter_map(|disabled| match disabled {
            Disabled::Node(node) => Some(&**node),
            _ => None,
        });
        disabled.into_iter().find(is_tested).map_or(Tested::Missing, Tested::Disabled)
    }

    fn model_not_found(&self, raw: &RawUnitTest, manifest: &Manifest) -> Diagnostic {
        let name = &raw.model.text;
        let message = format!("unit test `{}` tests model `{name}`, which does not exist", raw.name.text);
        let diagnostic =
            Diagnostic::error("unit-test", message).at(raw.model.span, "no model of this package has this name");
        let models = manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Model);
        match nearest(name, models.map(|node| node.name.as_str())) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        }
    }

    fn input(
        &self,
        raw: &RawInput,
        test: &RawUnitTest,
        model: &Node,
        manifest: &Manifest,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<UnitInput> {
        let asker = Asker {
            package: self.package.name.clone(),
            unique_id: format!("unit_test.{}.{}.{}", self.package.name, test.model.text, test.name.text),
            name: test.name.text.clone(),
            kind: ResourceType::UnitTest,
            group: model.group.clone(),
            span: Some(raw.input.span),
        };
        let target = if raw.input.text.trim() == "this" {
            InputTarget::This
        } else {
            let found = match parse_call(&raw.input.text, Some(raw.input.span)) {
                Some(Call::Ref(call)) => self.names.reference(&call, &asker).ok(),
                Some(Call::Source(names)) => self.names.source(&names, Some(raw.input.span), &asker).ok(),
                _ => {
                    let message = format!("unit test `{}` has an input that is no call", test.name.text);
                    diagnostics.push(
                        Diagnostic::error("unit-test", message)
                            .at(raw.input.span, "expected `ref('…')`, `source('…', '…')` or `this`"),
                    );
                    return None;
                }
            };
            found.map_or(InputTarget::Missing, |id| {
                if id == model.unique_id { InputTarget::This } else { InputTarget::Node(id) }
            })
        };
        let seed = match &target {
            InputTarget::Node(id) => manifest.nodes.get(id).filter(|node| node.resource_type == ResourceType::Seed),
            _ => None,
        };
        if raw.rows.is_seed() && seed.is_none() {
            let message = format!("input `{}` of unit test `{}` has no rows", raw.input.text, test.name.text);
            let error = Diagnostic::error("unit-test", message).at(raw.rows.span, "only a seed has rows of its own");
            diagnostics.push(error.help("add `rows:`; `rows: []` is an input without rows"));
            return None;
        }
        let rows = rows::read(&raw.rows, &test.name.text, &self.sources(seed), diagnostics)?;
        Some(UnitInput { input: raw.input.text.clone(), span: raw.input.span, target, rows })
    }

    fn sources<'s>(&'s self, seed: Option<&'s Node>) -> rows::Sources<'s> {
        rows::Sources { project: self.project, package: self.package, renderer: self.renderer, seed }
    }

    fn overrides(&self, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Overrides {
        let given = pairs(&self.renderer.native(&self.package.name, yaml, diagnostics));
        let of = |key: &str| given.get(key).map(pairs).unwrap_or_default();
        Overrides { macros: of("macros"), vars: of("vars"), env_vars: of("env_vars") }
    }

    /// The versions that a test is for, in manifest order.
    fn versions<'m>(
        &self,
        raw: &RawUnitTest,
        first: &Node,
        manifest: &'m Manifest,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<&'m Node> {
        let choice = raw.versions.as_ref().map(|yaml| self.renderer.native(&self.package.name, yaml, diagnostics));
        let listed = |key: &str| {
            let found = choice.as_ref().and_then(|choice| choice.get(key)).filter(|value| !value.is_none());
            found.map(|value| super::merge::listify(&value))
        };
        let (include, exclude) = (listed("include"), listed("exclude"));
        let models = manifest.nodes.values().filter(|node| {
            let NodeKind::Model(ModelFields { version: Some(version), .. }) = &node.kind else { return false };
            let holds = |list: &Vec<Value>| list.iter().any(|item| versions::same(item, version));
            node.name == first.name
                && node.package_name == first.package_name
                && !exclude.as_ref().is_some_and(holds)
                && include.as_ref().is_none_or(holds)
        });
        models.collect()
    }
}

enum Tested<'m> {
    Enabled(&'m Node),
    Disabled(&'m Node),
    Missing,
}

fn names_versions(yaml: &Yaml) -> bool {
    let map = yaml.as_map();
    map.is_some_and(|map| ["include", "exclude"].iter().any(|key| map.get(key).is_some_and(|yaml| !yaml.is_null())))
}

fn version_choice(given: &Value) -> Value {
    let of = |key: &str| given.get(key).unwrap_or(Value::None);
    Value::dict([("include", of("include")), ("exclude", of("exclude"))])
}

/// Package, folders of the file, model, test.
fn fqn_of(package: &str, original_file_path: &str, model: &str, test: &str) -> Vec<String> {
    let below = original_file_path.split_once('/').map_or(original_file_path, |(_, path)| path);
    let mut fqn = fqn(package, below, model);
    fqn.push(test.to_owned());
    fqn
}

/// The test as one of a version of its model.
fn of_version(base: &Node, model: &Node) -> Node {
    let mut node = base.clone();
    let NodeKind::Model(ModelFields { version: Some(version), .. }) = &model.kind else { return node };
    let text = version.to_str();
    node.unique_id = UniqueId::new(format!("{}_v{text}", base.unique_id));
    node.schema.clone_from(&model.schema);
    node.database.clone_from(&model.database);
    node.depends_on.nodes = [model.unique_id.clone()].into();
    if let NodeKind::UnitTest(fields) = &mut node.kind {
        fields.version = Some(version.clone());
        for input in &mut fields.given {
            let is_own = matches!(&input.target, InputTarget::Node(id) if *id == model.unique_id);
            if is_own {
                input.target = InputTarget::This;
            }
        }
    }
    node
}

/// A test of a model that asks `is_incremental()` must say the answer, and the rows of `this` when it is yes.
fn check_incremental(raw: &RawUnitTest, test: &Node, model: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let asks = model.depends_on.macros.contains("macro.dbt.is_incremental");
    let NodeKind::UnitTest(fields) = &test.kind else { return };
    if !asks || !test.config.is_enabled() {
        return;
    }
    let named = [IS_INCREMENTAL, "dbt.is_incremental"];
    let given = fields.overrides.as_ref().and_then(|given| named.iter().find_map(|name| given.macros.get(*name)));
    match given {
        Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => {
            if !fields.given.iter().any(|input| input.target == InputTarget::This) {
                let message = format!("unit test `{}` runs incrementally, but has no input `this`", raw.name.text);
                diagnostics.push(
                    Diagnostic::error("unit-test", message)
                        .at(raw.name.span, "")
                        .help("add `- input: this` with the rows that the table holds before the run"),
                );
            }
        }
        _ => {
            let message =
                format!("unit test `{}` does not say whether model `{}` runs incrementally", raw.name.text, model.name);
            diagnostics.push(
                Diagnostic::error("unit-test", message)
                    .at(raw.name.span, "")
                    .help("add `overrides: {macros: {is_incremental: true}}`, or `false`"),
            );
        }
    }
}
