//! Where nodes live: database, schema and alias by the `generate_…_name` macros, and the relation they make.

use std::collections::HashSet;

use crate::{
    diagnostic::Diagnostic,
    jinja::Value,
    names::{Policy, ResourceType},
};

use super::{
    context::{MacroIndex, Scopes},
    draft::{Defaults, Draft},
    node::{Node, NodeKind},
    render::generated_name,
    versions,
};

/// Names nodes, natively where the built-in macros are in force and by calling the macro where it is overridden.
pub struct Naming<'a> {
    pub scopes: &'a Scopes,
    pub defaults: &'a Defaults,
    pub quoting: Policy,
    /// Whether tests keep their failures unless their config says otherwise.
    pub store_failures: bool,
    /// `(package, macro)` where a project's own macro is in force.
    pub overridden: HashSet<(String, &'static str)>,
}

const MACROS: [&str; 3] = ["generate_database_name", "generate_schema_name", "generate_alias_name"];

/// The naming macros that are not the built-in ones, for each package.
pub fn overridden(
    macros: &MacroIndex,
    packages: impl IntoIterator<Item = String>,
    is_embedded: &dyn Fn(&str) -> bool,
) -> HashSet<(String, &'static str)> {
    let mut overridden = HashSet::new();
    for package in packages {
        for name in MACROS {
            let found = macros.naming(&package, name).is_some_and(|found| !is_embedded(&found.package))
                || macros.dispatch(&package, name, Some("dbt")).is_ok_and(|found| !is_embedded(&found.package));
            if found {
                overridden.insert((package.clone(), name));
            }
        }
    }
    overridden
}

impl Naming<'_> {
    /// Sets database, schema, alias and relation name of a draft whose config is final.
    pub fn name(&self, draft: &mut Draft, diagnostics: &mut Vec<Diagnostic>) {
        let node = &mut draft.node;
        let snapshot = |key: &str| match node.resource_type {
            ResourceType::Snapshot => node.config.text(key).map(str::to_owned),
            _ => None,
        };
        let (target_schema, target_database) = (snapshot("target_schema"), snapshot("target_database"));
        let database = match target_database {
            Some(database) => database,
            None => self.part(node, "database", "generate_database_name", diagnostics),
        };
        let schema = match target_schema {
            Some(schema) => schema,
            None => self.part(node, "schema", "generate_schema_name", diagnostics),
        };
        let alias = self.part(node, "alias", "generate_alias_name", diagnostics);
        node.database = database;
        node.schema = schema;
        node.alias = alias;
        node.relation_name = self.has_relation(node).then(|| node.relation(self.quoting).render());
    }

    fn part(&self, node: &Node, key: &str, macro_name: &'static str, diagnostics: &mut Vec<Diagnostic>) -> String {
        let custom = node.config.get(key).cloned().unwrap_or(Value::None);
        if self.overridden.contains(&(node.package_name.clone(), macro_name)) {
            return generated_name(self.scopes, macro_name, custom, node).unwrap_or_else(|diagnostic| {
                diagnostics.push(*diagnostic);
                node.name.clone()
            });
        }
        let custom = custom.as_str().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match (key, custom) {
            ("schema", Some(custom)) => format!("{}_{custom}", self.defaults.schema),
            ("schema", None) => self.defaults.schema.clone(),
            ("database", custom) => custom.unwrap_or_else(|| self.defaults.database.clone()),
            (_, Some(custom)) => custom,
            (_, None) => match &node.kind {
                NodeKind::Model(fields) => match &fields.version {
                    Some(version) => versions::alias(&node.name, version),
                    None => node.name.clone(),
                },
                _ => node.name.clone(),
            },
        }
    }

    fn has_relation(&self, node: &Node) -> bool {
        match node.resource_type {
            ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot => !node.is_ephemeral(),
            ResourceType::Test => node.config.flag("store_failures").unwrap_or(self.store_failures),
            _ => false,
        }
    }
}
