//! Source tables, from properties: a table inherits from its source what it does not say itself.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::Value,
    names::{Relation, ResourceType, UniqueId},
    project::{
        Package, Project, PropertiesFile,
        properties::{RawSource, RawTable},
        yaml::{Map, Yaml},
    },
};

use super::{
    columns::{columns, extra, pairs},
    configure::{Forest, check_config},
    draft::Defaults,
    merge::deep_copy,
    node::{Quoting, Source},
    properties::{Target, TestRequest, settings, tested_column},
    render::Renderer,
    settings::{Levels, add_tags, resolve},
    tree::Setting,
};

/// All source tables in file order (disabled ones too: see their config), and the tests they ask for.
pub fn sources<'a>(
    project: &'a Project,
    forest: &Forest,
    renderer: &Renderer<'_>,
    defaults: &Defaults,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Source>, Vec<TestRequest<'a>>) {
    let mut sources = Vec::new();
    let mut tests = Vec::new();
    for package in project.packages.values() {
        let mut seen: HashMap<(String, String), Span> = HashMap::new();
        for file in &package.properties {
            for raw in &file.properties.sources {
                let place = Place { package, file, source: raw, forest, renderer, defaults };
                for table in &raw.tables {
                    let key = (raw.name.text.clone(), table.name.text.clone());
                    if let Some(first) = seen.get(&key) {
                        diagnostics.push(
                            Diagnostic::error(
                                "duplicate-name",
                                format!("source table `{}.{}` is declared twice", key.0, key.1),
                            )
                            .at(table.name.span, "declared again here")
                            .at(*first, "first declared here")
                            .help("remove one of the two"),
                        );
                        continue;
                    }
                    seen.insert(key, table.name.span);
                    let source = place.table(table, diagnostics);
                    place.tests(table, &source, &mut tests, diagnostics);
                    sources.push(source);
                }
            }
        }
    }
    (sources, tests)
}

/// Where a table is declared, and what is needed to read it.
struct Place<'a, 'b> {
    package: &'a Arc<Package>,
    file: &'a PropertiesFile,
    source: &'a RawSource,
    forest: &'b Forest,
    renderer: &'b Renderer<'b>,
    defaults: &'b Defaults,
}

impl<'a> Place<'a, '_> {
    fn native(&self, yaml: &Yaml, diagnostics: &mut Vec<Diagnostic>) -> Value {
        self.renderer.native(self.package_of(yaml.span), yaml, diagnostics)
    }

    /// The package that says what stands at `span`: another than the source's own where that is overridden.
    fn package_of(&self, span: Span) -> &str {
        match &self.source.overridden {
            Some(by) if by.file == span.source => &by.package,
            _ => &self.package.name,
        }
    }

    fn text(&self, yaml: Option<&Yaml>, diagnostics: &mut Vec<Diagnostic>) -> Option<String> {
        let value = self.native(yaml?, diagnostics);
        (!value.is_none()).then(|| value.to_str())
    }

    fn table(&self, table: &RawTable, diagnostics: &mut Vec<Diagnostic>) -> Source {
        let (package, source) = (&self.package.name, self.source);
        let fqn = self.fqn(table);
        let settings = self.settings(table, diagnostics);
        let levels = Levels {
            own_tree: self.forest.own(ResourceType::Source, package, &fqn),
            root_tree: self.forest.root(ResourceType::Source, package, &fqn),
            properties: settings,
            in_file: Vec::new(),
        };
        let mut resolved = resolve(ResourceType::Source, &levels);
        resolved.sort_tags();
        let unique_id = UniqueId::new(format!("source.{package}.{}.{}", source.name.text, table.name.text));
        check_config(ResourceType::Source, unique_id.as_str(), &resolved, diagnostics);
        let freshness = self.freshness(&levels, table, diagnostics);
        resolved.config.0.insert("freshness".to_owned(), freshness.clone().unwrap_or(Value::None));
        for key in ["loaded_at_field", "loaded_at_query"] {
            let value = resolved.config.get(key).cloned().unwrap_or(Value::None);
            resolved.unrendered.entry(key.to_owned()).or_insert(value);
        }
        for key in ["meta", "tags"] {
            let value = resolved.config.get(key).cloned().unwrap_or(Value::None);
            resolved.unrendered.insert(key.to_owned(), value);
        }
        if let Some(mentioned) = resolved.unrendered.get_mut("freshness") {
            *mentioned = freshness.clone().unwrap_or(Value::None);
        }
        let quoting = self.quoting(table, diagnostics);
        let database = self.text(source.database.as_ref(), diagnostics);
        let schema = self.text(source.schema.as_ref(), diagnostics);
        let identifier = self.text(table.identifier.as_ref(), diagnostics);
        let database = database.unwrap_or_else(|| self.defaults.database.clone());
        let schema = schema.unwrap_or_else(|| source.name.text.clone());
        let identifier = identifier.unwrap_or_else(|| table.name.text.clone());
        // The artifact's name takes the project's quoting, as dbt writes it; `source()` itself does not.
        let project = self.renderer.scopes.shared.quoting;
        let mut relation = Relation::new(database.clone(), schema.clone(), identifier.clone());
        relation.quote.database = quoting.database.unwrap_or(project.database);
        relation.quote.schema = quoting.schema.unwrap_or(project.schema);
        relation.quote.identifier = quoting.identifier.unwrap_or(project.identifier);
        let loader = self.text(table.loader.as_ref().or(source.loader.as_ref()), diagnostics);
        let (description, doc_blocks) = self.description(table.description.as_ref(), diagnostics);
        let (source_description, _) = self.description(source.description.as_ref(), diagnostics);
        let meta = resolved.config.get("meta").map(pairs).unwrap_or_default();
        let config_text = |key: &str| resolved.config.text(key).map(str::to_owned);
        Source {
            unique_id,
            name: table.name.text.clone(),
            source_name: source.name.text.clone(),
            source_description,
            package_name: package.clone(),
            path: self.file.original_file_path.clone(),
            original_file_path: self.file.original_file_path.clone(),
            fqn,
            database,
            schema,
            identifier,
            loader: loader.unwrap_or_default(),
            quoting,
            loaded_at_field: config_text("loaded_at_field"),
            loaded_at_query: config_text("loaded_at_query"),
            freshness,
            external: table.external.as_ref().map(|yaml| external(&self.native(yaml, diagnostics))),
            description,
            columns: columns(&table.columns, self.renderer, package, diagnostics),
            meta,
            source_meta: self.source_meta(diagnostics),
            tags: resolved.tags,
            config: resolved.config,
            unrendered_config: resolved.unrendered,
            unrendered_database: source.database.as_ref().map(|yaml| yaml.to_value().to_str()),
            unrendered_schema: source.schema.as_ref().map(|yaml| yaml.to_value().to_str()),
            relation_name: relation.render(),
            created_at: self.defaults.created_at,
            doc_blocks,
            span: Some(table.name.span),
        }
    }

    fn description(&self, yaml: Option<&Yaml>, diagnostics: &mut Vec<Diagnostic>) -> (String, Vec<UniqueId>) {
        let package = yaml.map_or(self.package.name.as_str(), |yaml| self.package_of(yaml.span));
        self.renderer.description(package, yaml, diagnostics)
    }

    fn fqn(&self, table: &RawTable) -> Vec<String> {
        let mut fqn = super::draft::fqn(&self.package.name, &self.file.path, &self.source.name.text);
        fqn.push(table.name.text.clone());
        fqn
    }

    /// The settings of source and table as one level; freshness is merged apart.
    fn settings(&self, table: &RawTable, diagnostics: &mut Vec<Diagnostic>) -> Vec<Setting> {
        let (package, source) = (&self.package.name, self.source);
        let mut all = Vec::new();
        let of_source = [
            ("loaded_at_field", &source.loaded_at_field),
            ("loaded_at_query", &source.loaded_at_query),
            ("freshness", &source.freshness),
            ("meta", &source.meta),
            ("tags", &source.tags),
        ];
        let of_table = [
            ("loaded_at_field", &table.loaded_at_field),
            ("loaded_at_query", &table.loaded_at_query),
            ("freshness", &table.freshness),
            ("meta", &table.meta),
            ("tags", &table.tags),
        ];
        for (beside, config) in [(of_source, &source.config), (of_table, &table.config)] {
            for (key, yaml) in beside {
                let Some(yaml) = yaml else { continue };
                let is_query = key == "loaded_at_query";
                let value = if is_query { yaml.to_value() } else { self.native(yaml, diagnostics) };
                all.push(Setting { key: key.to_owned(), written: value.clone(), text: None, value, span: yaml.span });
            }
            let (field, query) = (beside[0].1, beside[1].1);
            if let (Some(field), Some(query)) = (field, query)
                && !field.is_null()
                && !query.is_null()
            {
                diagnostics.push(
                    Diagnostic::error(
                        "loaded-at-twice",
                        format!("source `{}` gives both `loaded_at_field` and `loaded_at_query`", source.name.text),
                    )
                    .at(query.span, "this query")
                    .at(field.span, "and this field")
                    .help("keep one of the two"),
                );
            }
            all.extend(settings(self.renderer, package, config.as_ref(), &Map::default(), diagnostics));
        }
        all
    }

    /// Freshness of source and table merged per threshold, else of trees; `None` when the last word is null or nothing is said.
    fn freshness(&self, levels: &Levels<'_>, table: &RawTable, diagnostics: &mut Vec<Diagnostic>) -> Option<Value> {
        let mut merged = Freshness::default();
        let is_freshness = |setting: &&Setting| setting.key == "freshness";
        let of_properties: Vec<&Setting> = levels.properties.iter().filter(is_freshness).collect();
        // A tree speaks only where properties do not.
        let of_trees = levels.own_tree.iter().chain(&levels.root_tree).copied().filter(|_| of_properties.is_empty());
        for setting in of_trees.filter(is_freshness).chain(of_properties.iter().copied()) {
            if setting.value.is_none() {
                merged = Freshness { off: true, ..Freshness::default() };
                continue;
            }
            merged.off = false;
            let problem = merged.merge(&setting.value);
            if let Some(problem) = problem {
                diagnostics.push(
                    Diagnostic::error(
                        "freshness",
                        format!("freshness of source table `{}.{}`: {problem}", self.source.name.text, table.name.text),
                    )
                    .at(setting.span, "")
                    .help("write `warn_after: {count: 12, period: hour}`, with period minute, hour or day"),
                );
            }
        }
        merged.finish()
    }

    fn quoting(&self, table: &RawTable, diagnostics: &mut Vec<Diagnostic>) -> Quoting {
        let mut quoting = Quoting::default();
        for yaml in [&self.source.quoting, &table.quoting].into_iter().flatten() {
            let value = self.native(yaml, diagnostics);
            let flag = |key: &str, old: Option<bool>| match value.get(key) {
                Some(Value::Bool(flag)) => Some(flag),
                _ => old,
            };
            quoting = Quoting {
                database: flag("database", quoting.database),
                schema: flag("schema", quoting.schema),
                identifier: flag("identifier", quoting.identifier),
                column: flag("column", quoting.column),
            };
        }
        quoting
    }

    fn source_meta(&self, diagnostics: &mut Vec<Diagnostic>) -> IndexMap<String, Value> {
        let of_config = self.source.config.as_ref().and_then(|config| config.get("meta"));
        let metas = [self.source.meta.as_ref(), of_config].into_iter().flatten();
        metas.flat_map(|yaml| pairs(&self.native(yaml, diagnostics))).collect()
    }

    fn tests(
        &self,
        table: &'a RawTable,
        source: &Source,
        tests: &mut Vec<TestRequest<'a>>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let mut tags = Vec::new();
        for yaml in [&self.source.tags, &table.tags].into_iter().flatten() {
            add_tags(&mut tags, &self.native(yaml, diagnostics));
        }
        tags.sort();
        let target = Target::Source { source: source.source_name.clone(), table: source.name.clone(), tags };
        for raw in &table.tests {
            tests.push(TestRequest {
                raw,
                package: self.package,
                file: self.file,
                target: target.clone(),
                column: None,
            });
        }
        for column in &table.columns {
            for raw in &column.tests {
                let tested = tested_column(self.renderer, &self.package.name, column, diagnostics);
                tests.push(TestRequest {
                    raw,
                    package: self.package,
                    file: self.file,
                    target: target.clone(),
                    column: Some(tested),
                });
            }
        }
        // Unknown keys of a table have no place in the manifest, but what they say must render.
        let _ = extra(&table.extra, self.renderer, &self.package.name, diagnostics);
    }
}

/// Freshness on its way: per threshold the last given count and period.
#[derive(Debug, Default)]
struct Freshness {
    off: bool,
    said: bool,
    warn_after: Threshold,
    error_after: Threshold,
    filter: Option<Value>,
}

#[derive(Debug, Default)]
struct Threshold {
    count: Option<Value>,
    period: Option<Value>,
}

impl Freshness {
    fn merge(&mut self, value: &Value) -> Option<String> {
        self.said = true;
        let mut problem = None;
        for (name, threshold) in [("warn_after", &mut self.warn_after), ("error_after", &mut self.error_after)] {
            let Some(given) = value.get(name).filter(|given| !given.is_none()) else { continue };
            if let Some(count) = given.get("count") {
                if !matches!(count, Value::Int(_)) {
                    problem = Some(format!("`count` of `{name}` is no whole number"));
                }
                threshold.count = Some(count);
            }
            if let Some(period) = given.get("period") {
                if !matches!(period.as_str(), Some("minute" | "hour" | "day")) {
                    problem = Some(format!("`period` of `{name}` is `{}`", period.to_str()));
                }
                threshold.period = Some(period);
            }
        }
        if let Some(filter) = value.get("filter") {
            self.filter = Some(filter);
        }
        problem
    }

    fn finish(self) -> Option<Value> {
        if self.off {
            return None;
        }
        let threshold = |threshold: Threshold| {
            Value::dict([
                ("count", threshold.count.unwrap_or(Value::None)),
                ("period", threshold.period.unwrap_or(Value::None)),
            ])
        };
        Some(Value::dict([
            ("warn_after", threshold(self.warn_after)),
            ("error_after", threshold(self.error_after)),
            ("filter", self.filter.unwrap_or(Value::None)),
        ]))
    }
}

/// `external:` with all of dbt's fields, then the user's own.
fn external(value: &Value) -> Value {
    let mut fields: IndexMap<String, Value> = ["location", "file_format", "row_format", "tbl_properties", "partitions"]
        .into_iter()
        .map(|key| (key.to_owned(), Value::None))
        .collect();
    fields.extend(pairs(value).into_iter().map(|(key, item)| (key, deep_copy(&item))));
    Value::dict(fields)
}
