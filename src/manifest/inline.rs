//! `--inline`: a query that is no file, as a node that can be compiled. It is not part of the manifest.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, Origin, SourceMap},
    jinja::Template,
    names::ResourceType,
    project::{Package, Project},
};

use super::{
    Manifest, Node, NodeKind,
    context::Scopes,
    draft::{Defaults, Place, node},
    render::evaluate,
    resolve::{Asker, Failure, Names},
};

/// The name under which dbt knows an inline query.
const NAME: &str = "inline_query";

/// The node of an inline query: evaluated in parse mode, its references resolved.
///
/// # Errors
/// Syntax errors, and references to what is not there.
pub fn inline_node(
    project: &Project,
    manifest: &Manifest,
    scopes: &Scopes,
    sql: &str,
    sources: &SourceMap,
) -> Result<Node, Vec<Diagnostic>> {
    let Some(package) = project.root_package() else {
        return Err(vec![Diagnostic::error("internal", "the project has no package")]);
    };
    let source = sources.add("<inline>", sql);
    let text = sources.get(source).text.clone();
    let trimmed = text.trim();
    let start = text.len() - text.trim_start().len();
    let origin = Origin::At { source, offset: u32::try_from(start).unwrap_or(0) };
    let template = Template::parse(trimmed, origin)?;
    let mut inline = empty(package, scopes);
    inline.raw_code = trimmed.to_owned();
    inline.origin = Some(origin);
    let (recorded, problem) = evaluate(scopes, &inline, scopes.shared.quoting, &template);
    if let Some(problem) = problem {
        return Err(vec![problem]);
    }
    let asker = Asker {
        package: package.name.clone(),
        unique_id: inline.unique_id.to_string(),
        name: NAME.to_owned(),
        kind: ResourceType::SqlOperation,
        group: None,
        span: Some(origin.span(0, trimmed.len())),
    };
    let names = Names::new(manifest, &package.name);
    let mut errors = Vec::new();
    let targets = recorded.refs.iter().map(|call| names.reference(call, &asker));
    let tables = recorded.sources.iter().map(|(parts, span)| names.source(parts, *span, &asker));
    for target in targets.chain(tables) {
        match target {
            Ok(id) => {
                inline.depends_on.nodes.insert(id);
            }
            Err(Failure::Missing { diagnostic, .. } | Failure::Refused(diagnostic)) => errors.push(*diagnostic),
        }
    }
    inline.depends_on.macros = recorded.macros;
    for (config, _) in recorded.configs {
        inline.config.0.extend(config);
    }
    inline.refs = recorded.refs;
    if errors.is_empty() { Ok(inline) } else { Err(errors) }
}

fn empty(package: &Arc<Package>, scopes: &Scopes) -> Node {
    let place = Place {
        kind: ResourceType::SqlOperation,
        package,
        name: NAME,
        path: "sql/inline_query.sql".to_owned(),
        original_file_path: "from remote system.sql".to_owned(),
        fqn: vec![package.name.clone(), "sql".to_owned(), NAME.to_owned()],
    };
    let defaults = Defaults {
        database: scopes.shared.target_database.to_string(),
        schema: scopes.shared.target_schema.to_string(),
        created_at: 0.0,
    };
    let mut inline = node(place, NodeKind::Inline, &defaults);
    inline.unique_id = crate::names::UniqueId::new(format!("sql_operation.{}.{NAME}", package.name));
    inline.config.0 = IndexMap::from([("materialized".to_owned(), "view".into())]);
    inline
}
