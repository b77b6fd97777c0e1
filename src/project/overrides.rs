//! `overrides:` of a source: what a package says of it, replaced by what another package (usually the root) says.

use crate::diagnostic::{Diagnostic, Span};

use super::{
    Package,
    properties::{Overridden, RawSource, RawTable, Spanned},
};

/// A source entry with `overrides:`, taken out of its file.
struct Override {
    package: String,
    source: RawSource,
    target: String,
    span: Span,
    used: bool,
}

/// Moves the entries with `overrides:` into the sources that they mean. What they say replaces what the package said,
/// key by key; freshness, `config` and a table's quoting are replaced even where the override is silent, as in dbt.
pub(super) fn apply(packages: &mut [Package], out: &mut Vec<Diagnostic>) {
    let mut all = take(packages, out);
    if all.is_empty() {
        return;
    }
    for package in packages {
        for source in package.properties.iter_mut().flat_map(|file| &mut file.properties.sources) {
            let meant =
                |found: &&mut Override| found.target == package.name && found.source.name.text == source.name.text;
            if let Some(found) = all.iter_mut().find(meant) {
                found.used = true;
                replace(source, found, out);
            }
        }
    }
    out.extend(all.iter().filter(|found| !found.used).map(|found| {
        let (name, target) = (&found.source.name.text, &found.target);
        no_target(format!("source `{name}` overrides one of package `{target}`, which has none of that name"))
            .at(found.span, "")
    }));
}

fn no_target(message: String) -> Diagnostic {
    Diagnostic::warning("override-not-found", message)
        .event("UnusedTables")
        .help("name the package and its source as the package itself does, and only tables that it declares")
}

fn deprecated(name: &str, target: &Spanned) -> Diagnostic {
    let message =
        format!("source `{name}` replaces what package `{}` says of it: `overrides` is deprecated", target.text);
    Diagnostic::warning("source-override", message)
        .event("SourceOverrideDeprecation")
        .at(target.span, "")
        .help("set configs of the package's sources in `dbt_project.yml`, its places by the variables that it reads")
}

fn take(packages: &mut [Package], out: &mut Vec<Diagnostic>) -> Vec<Override> {
    let mut all: Vec<Override> = Vec::new();
    for package in packages {
        for file in &mut package.properties {
            let sources = std::mem::take(&mut file.properties.sources);
            for source in sources {
                let Some(target) = source.overrides.clone() else {
                    file.properties.sources.push(source);
                    continue;
                };
                let same =
                    |found: &&Override| found.target == target.text && found.source.name.text == source.name.text;
                if let Some(first) = all.iter().find(same) {
                    let message = format!("source `{}` of `{}` is overridden twice", source.name.text, target.text);
                    let error = Diagnostic::error("duplicate-name", message).at(source.name.span, "overridden again");
                    out.push(error.at(first.source.name.span, "first overridden here").help("remove one of the two"));
                    continue;
                }
                out.push(deprecated(&source.name.text, &target));
                let (package, span) = (package.name.clone(), source.name.span);
                all.push(Override { package, source, target: target.text, span, used: false });
            }
        }
    }
    all
}

fn replace(source: &mut RawSource, found: &Override, out: &mut Vec<Diagnostic>) {
    let by = &found.source;
    source.overridden = Some(Overridden { package: found.package.clone(), file: found.span.source });
    for (old, new) in [
        (&mut source.description, &by.description),
        (&mut source.database, &by.database),
        (&mut source.schema, &by.schema),
        (&mut source.loader, &by.loader),
        (&mut source.quoting, &by.quoting),
        (&mut source.loaded_at_field, &by.loaded_at_field),
        (&mut source.loaded_at_query, &by.loaded_at_query),
        (&mut source.meta, &by.meta),
        (&mut source.tags, &by.tags),
    ] {
        if new.is_some() {
            old.clone_from(new);
        }
    }
    source.freshness.clone_from(&by.freshness);
    source.config.clone_from(&by.config);
    for table in &by.tables {
        match source.tables.iter_mut().find(|old| old.name.text == table.name.text) {
            Some(old) => replace_table(old, table),
            None => out.push(
                no_target(format!(
                    "source `{}` of package `{}` has no table `{}` to override",
                    by.name.text, found.target, table.name.text
                ))
                .at(table.name.span, ""),
            ),
        }
    }
}

fn replace_table(old: &mut RawTable, by: &RawTable) {
    for (old, new) in [
        (&mut old.identifier, &by.identifier),
        (&mut old.description, &by.description),
        (&mut old.loaded_at_field, &by.loaded_at_field),
        (&mut old.loaded_at_query, &by.loaded_at_query),
        (&mut old.external, &by.external),
        (&mut old.meta, &by.meta),
        (&mut old.tags, &by.tags),
    ] {
        if new.is_some() {
            old.clone_from(new);
        }
    }
    old.freshness.clone_from(&by.freshness);
    old.quoting.clone_from(&by.quoting);
    if !by.columns.is_empty() {
        old.columns.clone_from(&by.columns);
    }
    if !by.tests.is_empty() {
        old.tests.clone_from(&by.tests);
    }
}
