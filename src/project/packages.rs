//! `packages.yml`, `dependencies.yml`, and where the packages they name are.

use std::path::{Path, PathBuf};

use crate::{
    diagnostic::{Diagnostic, SourceMap, Span, display_path},
    jinja::Value,
};

use super::{
    fs::{EntryKind, FileSystem},
    read::{Reader, read_yaml},
    render::{BaseContext, Environment, render_secret},
    yaml::{Data, Map, Yaml},
};

/// One entry of `packages:`.
#[derive(Debug, Clone)]
pub enum PackageSpec {
    Hub {
        package: String,
        version: Vec<String>,
        prerelease: bool,
        span: Span,
    },
    Git {
        git: String,
        revision: Option<String>,
        subdirectory: Option<String>,
        span: Span,
    },
    Local {
        path: String,
        span: Span,
    },
    Tarball {
        tarball: String,
        name: Option<String>,
        span: Span,
    },
    /// Needs dbt's platform.
    Private {
        private: String,
        span: Span,
    },
}

impl PackageSpec {
    pub fn span(&self) -> Span {
        match self {
            Self::Hub { span, .. }
            | Self::Git { span, .. }
            | Self::Local { span, .. }
            | Self::Tarball { span, .. }
            | Self::Private { span, .. } => *span,
        }
    }
}

const KEYS: [&str; 13] = [
    "package",
    "version",
    "install-prerelease",
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

/// Reads the packages that the project in `root` asks for.
pub(super) fn read_specs(
    root: &Path,
    shown: &dyn Fn(&Path) -> String,
    context: &BaseContext,
    env: &Environment,
    (fs, sources): (&dyn FileSystem, &SourceMap),
    out: &mut Vec<Diagnostic>,
) -> Vec<PackageSpec> {
    let mut specs = Vec::new();
    let mut seen: Option<Span> = None;
    for name in ["packages.yml", "dependencies.yml"] {
        let path = root.join(name);
        if !fs.is_file(&path) {
            continue;
        }
        let Some(yaml) = read_yaml(fs, &path, &shown(&path), sources, out) else { continue };
        if yaml.is_null() {
            continue;
        }
        let Some(map) = yaml.as_map() else {
            let message = format!("{name} must be a mapping with `packages`, found {}", yaml.kind());
            out.push(Diagnostic::error("wrong-type", message).at(yaml.span, ""));
            continue;
        };
        let mut reader = Reader::new(map, yaml.span, name, out);
        reader.unknown_keys(&["packages", "projects"], "CustomTopLevelKeyDeprecation");
        if let Some(projects) = reader.given("projects").filter(|projects| projects.as_list() != Some(&[])) {
            let message = "references to other projects (`projects:`) need dbt's platform and are not supported";
            reader.out.push(Diagnostic::error("cross-project", message).at(projects.span, ""));
        }
        let Some(list) = reader.list("packages") else { continue };
        let Some(span) = map.entry("packages").map(|entry| entry.key.span) else { continue };
        if let Some(first) = seen {
            let message = "packages are written both in packages.yml and in dependencies.yml";
            out.push(Diagnostic::error("packages-twice", message).at(span, "").at(first, "first written here"));
            continue;
        }
        seen = Some(span);
        for item in list {
            let rendered = if name == "packages.yml" { render(item, context, env, out) } else { Some(item.clone()) };
            specs.extend(rendered.and_then(|item| read_spec(&item, out)));
        }
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

fn read_spec(item: &Yaml, out: &mut Vec<Diagnostic>) -> Option<PackageSpec> {
    let span = item.span;
    let Some(map) = item.as_map() else {
        let message = format!("an entry of `packages` must be a mapping, found {}", item.kind());
        out.push(Diagnostic::error("wrong-type", message).at(span, ""));
        return None;
    };
    let mut reader = Reader::new(map, span, "an entry of `packages`", out);
    reader.unknown_keys(&KEYS, "CustomKeyInObjectDeprecation");
    let spec = kind_of(map, &mut reader, span);
    if spec.is_none() {
        let message = "an entry of `packages` needs one of `package`, `git`, `local` or `tarball`";
        out.push(Diagnostic::error("missing-key", message).at(span, ""));
    }
    spec
}

fn kind_of(map: &Map, reader: &mut Reader<'_, '_>, span: Span) -> Option<PackageSpec> {
    let kind = ["package", "git", "local", "tarball", "private"].into_iter().find(|key| map.get(key).is_some())?;
    let text = reader.text(kind)?;
    Some(match kind {
        "package" => PackageSpec::Hub {
            package: text,
            version: reader.texts("version").unwrap_or_default(),
            prerelease: reader.flag("install-prerelease").unwrap_or(false),
            span,
        },
        "git" => PackageSpec::Git {
            git: text,
            revision: reader.texts("revision").and_then(|revisions| revisions.into_iter().next()),
            subdirectory: reader.text("subdirectory"),
            span,
        },
        "local" => PackageSpec::Local { path: text, span },
        "tarball" => PackageSpec::Tarball { tarball: text, name: reader.text("name"), span },
        _ => PackageSpec::Private { private: text, span },
    })
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

/// The error that says to run `deps`.
pub(super) fn not_installed(specified: &[PackageSpec], installed: usize, folder: &Path) -> Diagnostic {
    let message = format!(
        "dbt found {} package(s) specified in packages.yml, but only {installed} package(s) installed in {}. Run \"dbt deps\" to install package dependencies.",
        specified.len(),
        display_path(folder)
    );
    let mut error = Diagnostic::error("packages-not-installed", message);
    for spec in specified {
        error = error.at(spec.span(), "");
    }
    error.help("run `tamis deps`")
}
