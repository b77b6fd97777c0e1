//! `catalogs.yml`: where other tools' catalogs would be written to. It is checked as dbt checks it, and kept by name: no
//! engine here writes to a catalog of its own.

use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceMap, Span, nearest};

use super::{
    fs::FileSystem,
    read::{Reader, read_yaml, scalar_text},
    yaml::Yaml,
};

const NAME: &str = "catalogs.yml";

/// The names of the project's catalogs. Values may be secrets of other systems: none is rendered.
pub(super) fn read(fs: &dyn FileSystem, root: &Path, sources: &SourceMap, out: &mut Vec<Diagnostic>) -> Vec<String> {
    let path = root.join(NAME);
    if !fs.is_file(&path) {
        return Vec::new();
    }
    let Some(yaml) = read_yaml(fs, &path, NAME, sources, out) else { return Vec::new() };
    let Some(map) = yaml.as_map().filter(|map| !map.is_empty()) else {
        out.push(error(format!("{NAME} has no catalogs"), yaml.span, "").help("add `catalogs:`, or delete the file"));
        return Vec::new();
    };
    let listed = Reader::new(map, yaml.span, NAME, out).list("catalogs").unwrap_or_default();
    listed.iter().filter_map(|item| catalog(item, out)).collect()
}

fn error(message: String, span: Span, label: &str) -> Diagnostic {
    Diagnostic::error("catalogs", message).at(span, label)
}

fn catalog(item: &Yaml, out: &mut Vec<Diagnostic>) -> Option<String> {
    let name = named(item, "a catalog", out)?;
    let map = item.as_map()?;
    let integrations = map.get("write_integrations").and_then(Yaml::as_list).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for integration in integrations {
        let Some(found) = named(integration, &format!("a write integration of catalog `{name}`"), out) else {
            continue;
        };
        if integration.as_map().and_then(|map| map.get("catalog_type")).is_none_or(Yaml::is_null) {
            let message = format!("write integration `{found}` of catalog `{name}` has no `catalog_type`");
            out.push(error(message, integration.span, ""));
        }
        if names.contains(&found) {
            let message = format!("catalog `{name}` has two write integrations `{found}`");
            out.push(error(message, integration.span, "the second one"));
        }
        names.push(found);
    }
    match map.get("active_write_integration").filter(|yaml| !yaml.is_null()) {
        None if names.len() == 1 => {}
        None => {
            let message = format!("catalog `{name}` has {} write integrations and none is active", names.len());
            let help = "name one as `active_write_integration`";
            out.push(error(message, item.span, "").help(help));
        }
        Some(active) => {
            let wanted = scalar_text(active).unwrap_or_default();
            if !names.contains(&wanted) {
                let message = format!("the active write integration of catalog `{name}` is `{wanted}`");
                let found = error(message, active.span, "no write integration has this name");
                out.push(match nearest(&wanted, names.iter().map(String::as_str)) {
                    Some(near) => found.help(format!("did you mean `{near}`?")),
                    None => found,
                });
            }
        }
    }
    Some(name)
}

fn named(item: &Yaml, what: &str, out: &mut Vec<Diagnostic>) -> Option<String> {
    let name = item.as_map().and_then(|map| map.get("name")).and_then(scalar_text);
    if name.is_none() {
        out.push(error(format!("{what} must be a mapping with a `name`"), item.span, ""));
    }
    name
}
