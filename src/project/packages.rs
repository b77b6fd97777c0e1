//! `packages.yml`, `dependencies.yml`, and where the packages they name are.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, SourceMap, Span, display_path},
    jinja::{Value, to_python_json},
};

use super::{
    fs::{EntryKind, FileSystem},
    read::{Reader, key_name, read_yaml},
    render::{BaseContext, Environment, render_secret},
    yaml::{Data, Map, Yaml},
};

/// One entry of `packages:`.
#[derive(Debug, Clone)]
pub struct PackageSpec {
    pub source: PackageSource,
    pub span: Span,
    /// The name of the package's project, which package-lock.yml has.
    pub name: Option<String>,
    /// The entry as dbt hashes it for package-lock.yml.
    pub canonical: String,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageSource {
    Hub {
        package: String,
        versions: Vec<String>,
        prerelease: bool,
    },
    Git {
        git: String,
        /// As written, without the values of secret variables.
        written: String,
        revision: Option<String>,
        subdirectory: Option<String>,
        warn_unpinned: bool,
    },
    Local {
        path: String,
    },
    Tarball {
        url: String,
        /// As written, without the values of secret variables.
        written: String,
        name: String,
    },
    /// Needs dbt's platform.
    Private {
        name: String,
    },
}

const KEYS: [&str; 14] = [
    "package",
    "version",
    "install-prerelease",
    "install_prerelease",
    "git",
    "revision",
    "subdirectory",
    "warn-unpinned",
    "name",
    "local",
    "tarball",
    "private",
    "provider",
    "unrendered",
];

/// What reading a file of packages needs.
pub(super) struct Source<'a> {
    pub shown: &'a dyn Fn(&Path) -> String,
    pub context: &'a BaseContext,
    pub env: &'a Environment,
    pub fs: &'a dyn FileSystem,
    pub sources: &'a SourceMap,
}

/// Reads the packages that the project in `root` asks for.
pub(super) fn read_specs(root: &Path, source: &Source<'_>, out: &mut Vec<Diagnostic>) -> Vec<PackageSpec> {
    let mut specs = Vec::new();
    let mut seen: Option<Span> = None;
    for name in ["packages.yml", "dependencies.yml"] {
        let Some((yaml, key)) = read_list(&root.join(name), name, &["packages", "projects"], source, out) else {
            continue;
        };
        if let Some(first) = seen {
            let message = "packages are written both in packages.yml and in dependencies.yml";
            out.push(Diagnostic::error("packages-twice", message).at(key, "").at(first, "first written here"));
            continue;
        }
        seen = Some(key);
        specs.extend(read_items(&yaml, name == "packages.yml", source, out));
    }
    specs
}

/// Reads package-lock.yml: its packages and its hash.
pub(super) fn read_lock(
    path: &Path,
    source: &Source<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<(Vec<PackageSpec>, Option<String>)> {
    let (yaml, _) = read_list(path, "package-lock.yml", &["packages", "sha1_hash"], source, out)?;
    let hash = yaml.as_map().and_then(|map| map.get("sha1_hash")).and_then(Yaml::as_str).map(str::to_owned);
    Some((read_items(&yaml, true, source, out), hash))
}

/// The file, when it has a list of packages, and where the key of the list is.
fn read_list(
    path: &Path,
    name: &str,
    keys: &[&str],
    source: &Source<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<(Yaml, Span)> {
    if !source.fs.is_file(path) {
        return None;
    }
    let yaml = read_yaml(source.fs, path, &(source.shown)(path), source.sources, out)?;
    if yaml.is_null() {
        return None;
    }
    let Some(map) = yaml.as_map() else {
        let message = format!("{name} must be a mapping with `packages`, found {}", yaml.kind());
        out.push(Diagnostic::error("wrong-type", message).at(yaml.span, ""));
        return None;
    };
    let mut reader = Reader::new(map, yaml.span, name, out);
    reader.unknown_keys(keys, "CustomTopLevelKeyDeprecation");
    if let Some(projects) = reader.given("projects").filter(|projects| projects.as_list() != Some(&[])) {
        let message = "references to other projects (`projects:`) need dbt's platform and are not supported";
        reader.out.push(Diagnostic::error("cross-project", message).at(projects.span, ""));
    }
    reader.list("packages")?;
    let key = map.entry("packages").map(|entry| entry.key.span)?;
    Some((yaml, key))
}

fn read_items(yaml: &Yaml, with_jinja: bool, source: &Source<'_>, out: &mut Vec<Diagnostic>) -> Vec<PackageSpec> {
    let items = yaml.as_map().and_then(|map| map.get("packages")).and_then(Yaml::as_list).unwrap_or_default();
    let mut specs = Vec::new();
    for item in items {
        let rendered = if with_jinja { render(item, source.context, source.env, out) } else { Some(item.clone()) };
        specs.extend(rendered.and_then(|rendered| read_spec(&rendered, item, out)));
    }
    specs
}

fn render(item: &Yaml, context: &BaseContext, env: &Environment, out: &mut Vec<Diagnostic>) -> Option<Yaml> {
    let data = match &item.data {
        Data::Str(text) => match render_secret(text, item.origin, context, env) {
            Ok(Value::Str(text)) => Data::Str(text),
            Ok(Value::Bool(value)) => Data::Bool(value),
            Ok(Value::None) => Data::Null,
            Ok(other) => Data::Str(other.to_str().into()),
            Err(errors) => {
                out.extend(errors);
                return None;
            }
        },
        Data::List(items) => {
            Data::List(items.iter().map(|item| render(item, context, env, out)).collect::<Option<_>>()?)
        }
        Data::Map(map) => {
            let mut rendered = map.clone();
            for entry in &mut rendered.entries {
                entry.value = render(&entry.value, context, env, out)?;
            }
            Data::Map(rendered)
        }
        _ => return Some(item.clone()),
    };
    Some(Yaml { data, ..item.clone() })
}

fn read_spec(item: &Yaml, written: &Yaml, out: &mut Vec<Diagnostic>) -> Option<PackageSpec> {
    let span = item.span;
    let Some(map) = item.as_map() else {
        let message = format!("an entry of `packages` must be a mapping, found {}", item.kind());
        out.push(Diagnostic::error("wrong-type", message).at(span, ""));
        return None;
    };
    let mut reader = Reader::new(map, span, "an entry of `packages`", out);
    reader.unknown_keys(&KEYS, "CustomKeyInObjectDeprecation");
    let Some(kind) = ["package", "git", "local", "tarball", "private"].into_iter().find(|key| map.get(key).is_some())
    else {
        let message = "an entry of `packages` needs one of `package`, `git`, `local` or `tarball`";
        out.push(Diagnostic::error("missing-key", message).at(span, ""));
        return None;
    };
    let name = reader.text("name");
    let source = source_of(kind, &mut reader, written, span)?;
    Some(PackageSpec { source, span, name, canonical: canonical(kind, map, written) })
}

fn source_of(kind: &str, reader: &mut Reader<'_, '_>, written: &Yaml, span: Span) -> Option<PackageSource> {
    let text = reader.text(kind).filter(|text| !text.is_empty())?;
    let as_written = || {
        let written = written.as_map().and_then(|map| map.get(kind)).and_then(Yaml::as_str);
        written.unwrap_or(&text).to_owned()
    };
    let missing = |reader: &mut Reader<'_, '_>, key: &str| {
        let message = format!("the package `{text}` needs a `{key}`");
        reader.out.push(Diagnostic::error("missing-key", message).at(span, ""));
    };
    Some(match kind {
        "package" => {
            let versions = reader.texts("version").unwrap_or_default();
            if versions.is_empty() {
                missing(reader, "version");
                return None;
            }
            let prerelease = reader.flag("install_prerelease").or_else(|| reader.flag("install-prerelease"));
            PackageSource::Hub { package: text, versions, prerelease: prerelease.unwrap_or(false) }
        }
        "git" => PackageSource::Git {
            written: as_written(),
            revision: reader.texts("revision").and_then(|revisions| revisions.into_iter().next()),
            subdirectory: reader.text("subdirectory"),
            warn_unpinned: reader.flag("warn-unpinned").unwrap_or(true),
            git: text,
        },
        "local" => PackageSource::Local { path: text },
        "tarball" => match reader.text("name") {
            Some(name) => PackageSource::Tarball { written: as_written(), url: text, name },
            None => {
                missing(reader, "name");
                return None;
            }
        },
        _ => PackageSource::Private { name: text },
    })
}

/// The entry as dbt hashes it: JSON with sorted keys, dbt's defaults and the entry as written.
fn canonical(kind: &str, map: &Map, written: &Yaml) -> String {
    let defaults: &[(&str, Value)] = match kind {
        "package" => &[("install_prerelease", Value::Bool(false))],
        "git" => &[("revision", Value::None), ("subdirectory", Value::None), ("warn-unpinned", Value::None)],
        "private" => &[
            ("provider", Value::None),
            ("revision", Value::None),
            ("subdirectory", Value::None),
            ("warn-unpinned", Value::None),
        ],
        _ => &[],
    };
    let mut entries: IndexMap<String, Value> =
        defaults.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    for entry in map.iter() {
        let key = key_name(entry).replace("install-prerelease", "install_prerelease");
        entries.insert(key, entry.value.to_value());
    }
    if entries.get("name").is_some_and(Value::is_none) {
        entries.shift_remove("name");
    }
    entries.insert("unrendered".to_owned(), written.to_value());
    to_python_json(&Value::dict(entries), true).unwrap_or_default()
}

/// The folders of installed packages, sorted.
pub(super) fn installed_folders(folder: &Path, fs: &dyn FileSystem) -> Vec<PathBuf> {
    let entries = fs.read_dir(folder).unwrap_or_default();
    entries
        .into_iter()
        .filter(|entry| entry.kind != EntryKind::File)
        .filter(|entry| {
            let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
            !name.starts_with("__") && !name.starts_with('.')
        })
        .map(|entry| entry.path)
        .collect()
}

/// How many packages are in the folder.
pub fn installed_packages(folder: &Path, fs: &dyn FileSystem) -> usize {
    installed_folders(folder, fs).len()
}

/// The error that says to run `deps`.
pub(super) fn not_installed(specified: &[PackageSpec], installed: usize, folder: &Path) -> Diagnostic {
    let message = format!(
        "dbt found {} package(s) specified in packages.yml, but only {installed} package(s) installed in {}. Run \"dbt deps\" to install package dependencies.",
        specified.len(),
        display_path(folder)
    );
    let mut error = Diagnostic::error("packages-not-installed", message);
    for spec in specified {
        error = error.at(spec.span, "");
    }
    error.help("run `tamis deps`")
}
