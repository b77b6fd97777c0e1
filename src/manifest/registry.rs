//! Macros and docs blocks of all packages, registered under their ids.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Span},
    jinja::{Block, BlockKind, MacroDef, StaticCall},
    names::UniqueId,
    project::{Package, PackageKind, Project, TextFile},
};

use super::{
    Doc, Docs, Macro,
    context::{MacroIndex, MacroSources, macro_id},
};

/// All macros of the project by id, in package and file order, and the index that resolves their names.
///
/// A name that one package defines twice is an error; the first definition is kept.
pub fn macros(
    project: &Project,
    created_at: f64,
    diagnostics: &mut Vec<Diagnostic>,
) -> (IndexMap<UniqueId, Macro>, MacroIndex) {
    let mut found: IndexMap<UniqueId, Macro> = IndexMap::new();
    let mut sources = MacroSources { root: project.name.as_str().into(), ..MacroSources::default() };
    sources.types = match &project.profile {
        Some(profile) => {
            let parents = profile.parents.iter().map(|parent| Arc::from(*parent));
            std::iter::once(profile.adapter_type.as_str().into()).chain(parents).collect()
        }
        None => vec!["".into()],
    };
    for package in project.packages.values() {
        let mut definitions = Vec::new();
        for file in package.macros.iter().chain(&package.generic_tests) {
            let Some(template) = &file.template else { continue };
            for mut definition in template.macros(&package.name) {
                if let Some(read) = &file.written {
                    definition = Arc::new(definition.written_as(read.written(definition.span)));
                }
                let unique_id = macro_id(&definition);
                if let Some(first) = found.get(&unique_id) {
                    diagnostics.push(duplicate_macro(&definition, first.definition.span));
                    continue;
                }
                definitions.push(Arc::clone(&definition));
                found.insert(unique_id.clone(), register(unique_id, definition, file, created_at));
            }
        }
        let name: Arc<str> = package.name.as_str().into();
        match package.kind {
            PackageKind::Embedded => sources.embedded.push((name, definitions)),
            _ => sources.packages.push((name, definitions)),
        }
    }
    // The adapter's own package before the general one.
    sources.embedded.sort_by_key(|(name, _)| &**name == "dbt");
    if let Some(root) = project.root_package() {
        sources.dispatch = root
            .config
            .dispatch
            .iter()
            .map(|entry| (entry.macro_namespace.clone(), entry.search_order.clone()))
            .collect();
    }
    let index = MacroIndex::new(sources);
    for item in found.values_mut() {
        let mut depends_on = Vec::new();
        for call in &item.definition.calls {
            // A dispatch also counts as a call of the plain name.
            let plain = match call {
                StaticCall::Dispatch { name, .. } => Some(StaticCall::Name(Arc::clone(name))),
                _ => None,
            };
            for call in plain.iter().chain([call]) {
                let by_own_name = matches!(call, StaticCall::Name(name) if **name == *item.name);
                if let Some(unique_id) = index.resolve(&item.package_name, call).filter(|_| !by_own_name)
                    && !depends_on.contains(&unique_id)
                {
                    depends_on.push(unique_id);
                }
            }
        }
        item.depends_on = depends_on;
    }
    (found, index)
}

fn register(unique_id: UniqueId, definition: Arc<MacroDef>, file: &TextFile, created_at: f64) -> Macro {
    Macro {
        unique_id,
        name: definition.name.to_string(),
        package_name: definition.package.to_string(),
        path: file.original_file_path.clone(),
        original_file_path: file.original_file_path.clone(),
        definition,
        depends_on: Vec::new(),
        description: String::new(),
        meta: IndexMap::new(),
        docs: Docs::default(),
        patch_path: None,
        arguments: Vec::new(),
        created_at,
    }
}

fn duplicate_macro(definition: &MacroDef, first: Span) -> Diagnostic {
    let name = display_name(&definition.name);
    Diagnostic::error("duplicate-macro", format!("{name} is defined twice in package `{}`", definition.package))
        .at(definition.span, "defined again here")
        .at(first, "first defined here")
        .help("rename or remove one of the two")
}

fn display_name(name: &str) -> String {
    if let Some(test) = name.strip_prefix("test_") {
        return format!("generic test `{test}`");
    }
    format!("macro `{name}`")
}

/// A docs block before its text is rendered.
pub struct RawDoc {
    pub block: Block,
    pub path: String,
    pub original_file_path: String,
    pub package: Arc<Package>,
}

/// All docs blocks of the project, in package and file order. Two of one name in a package are an error.
pub fn docs(project: &Project, diagnostics: &mut Vec<Diagnostic>) -> Vec<RawDoc> {
    let mut docs = Vec::new();
    for package in project.packages.values() {
        let mut seen: HashMap<Arc<str>, Span> = HashMap::new();
        for file in &package.docs {
            let Some(template) = &file.template else { continue };
            for block in template.blocks().into_iter().filter(|block| block.kind == BlockKind::Docs) {
                if let Some(first) = seen.get(&block.name) {
                    diagnostics.push(
                        Diagnostic::error(
                            "duplicate-docs",
                            format!("docs block `{}` is defined twice in package `{}`", block.name, package.name),
                        )
                        .at(block.span, "defined again here")
                        .at(*first, "first defined here")
                        .help("rename or remove one of the two"),
                    );
                    continue;
                }
                seen.insert(Arc::clone(&block.name), block.span);
                let written = file.as_written(block.origin.span(0, block.text.len()), &block.text);
                docs.push(RawDoc {
                    block: Block { text: written.into(), ..block },
                    path: file.path.clone(),
                    original_file_path: file.original_file_path.clone(),
                    package: Arc::clone(package),
                });
            }
        }
    }
    docs
}

impl RawDoc {
    /// The block with its rendered text.
    pub fn finish(&self, contents: &str) -> Doc {
        Doc {
            unique_id: UniqueId::new(format!("doc.{}.{}", self.package.name, self.block.name)),
            name: self.block.name.to_string(),
            package_name: self.package.name.clone(),
            path: self.path.clone(),
            original_file_path: self.original_file_path.clone(),
            block_contents: contents.trim().to_owned(),
        }
    }
}
