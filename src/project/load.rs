//! The order of loading: root, profile, project file, packages, then all files at once.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, SourceMap, Span, display_path},
    jinja::Value,
};

use super::{
    Package, PackageKind, PackageSource, PackageSpec, Project, catalogs,
    config::{ProjectConfig, ResourcePaths, read_config},
    files::{Found, discover, embedded, read_into, sha256, shown_path},
    fs::{FileSystem, normalize},
    options::{LoadOptions, Need},
    overrides,
    packages::{Source, installed_folders, not_installed, read_lock, read_specs},
    profile::{self, Profile, load_profile, written_profile},
    read::{key_name, read_yaml},
    render::{BaseContext, SecretRule, Secrets, base_names, render_tree},
    version::{Spec, Version},
    yaml::{Map, Yaml},
};

/// The folder of the project that `start` is in: itself or its nearest parent with a `dbt_project.yml`.
pub fn find_root(start: &Path, fs: &dyn FileSystem) -> Option<PathBuf> {
    start.ancestors().find(|folder| fs.is_file(&folder.join("dbt_project.yml"))).map(Path::to_path_buf)
}

/// Reads the project that `options` points at. What could be read is given even when there are errors.
pub fn load(options: &LoadOptions<'_>, fs: &dyn FileSystem, sources: &SourceMap) -> (Option<Project>, Vec<Diagnostic>) {
    let mut out = Vec::new();
    let root = match &options.project_dir {
        Some(folder) => Some(normalize(&options.current_dir.join(folder))),
        None => find_root(&options.current_dir, fs),
    };
    let Some(root) = root.filter(|root| fs.is_file(&root.join("dbt_project.yml"))) else {
        out.push(no_project(options));
        return (None, out);
    };
    let Some(yaml) = read_yaml(fs, &root.join("dbt_project.yml"), "dbt_project.yml", sources, &mut out) else {
        return (None, out);
    };
    let Some(map) = yaml.as_map() else {
        let message = format!("dbt_project.yml must be a mapping, found {}", yaml.kind());
        out.push(Diagnostic::error("wrong-type", message).at(yaml.span, ""));
        return (None, out);
    };
    let secrets = Secrets::default();
    let loader = Loader {
        options,
        fs,
        sources,
        base: context(options, &SecretRule::Forbidden),
        secret: context(options, &SecretRule::Allowed(secrets.clone())),
        secrets: secrets.clone(),
        root,
    };
    let project = loader.project(&yaml, map, &mut out);
    let mut secrets = lock(&secrets).clone();
    secrets.extend(project.profile.iter().flat_map(credentials));
    // The longest first, so that masking one does not leave a rest of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    (Some(Project { secrets, ..project }), out)
}

/// A package as its own files describe it.
#[derive(Debug, Clone)]
pub struct PackageFiles {
    pub name: String,
    /// The packages that it asks for.
    pub packages: Vec<PackageSpec>,
}

/// Reads the name of the package in `folder`, and the packages that it asks for. `None` when there is no package.
/// Warnings are the package's own business and left out.
pub fn read_package(
    folder: &Path,
    options: &LoadOptions<'_>,
    fs: &dyn FileSystem,
    sources: &SourceMap,
) -> Result<Option<PackageFiles>, Vec<Diagnostic>> {
    let path = folder.join("dbt_project.yml");
    if !fs.is_file(&path) {
        return Ok(None);
    }
    let mut out = Vec::new();
    let secret = context(options, &SecretRule::Allowed(Secrets::default()));
    let shown = |path: &Path| display_path(path);
    let found = read_yaml(fs, &path, &shown(&path), sources, &mut out).map(|yaml| {
        let name = yaml.as_map().and_then(|map| map.get("name")).and_then(Yaml::as_str).unwrap_or_default().to_owned();
        let source = Source { shown: &shown, context: &secret, env: &options.env, fs, sources };
        PackageFiles { name, packages: read_specs(folder, &source, &mut out) }
    });
    out.retain(Diagnostic::is_error);
    if out.is_empty() { Ok(found) } else { Err(out) }
}

/// The packages of a lock file, and its hash.
pub type PackageLock = (Vec<PackageSpec>, Option<String>);

/// Reads a package-lock.yml: its packages and its hash. `None` when there is none.
pub fn read_package_lock(
    path: &Path,
    options: &LoadOptions<'_>,
    fs: &dyn FileSystem,
    sources: &SourceMap,
) -> Result<Option<PackageLock>, Vec<Diagnostic>> {
    let mut out = Vec::new();
    let secret = context(options, &SecretRule::Allowed(Secrets::default()));
    let shown = |path: &Path| display_path(path.file_name().map_or(path, Path::new));
    let source = Source { shown: &shown, context: &secret, env: &options.env, fs, sources };
    let found = read_lock(path, &source, &mut out);
    out.retain(Diagnostic::is_error);
    if out.is_empty() { Ok(found) } else { Err(out) }
}

fn no_project(options: &LoadOptions<'_>) -> Diagnostic {
    let (folder, parents) = match &options.project_dir {
        Some(folder) => (options.current_dir.join(folder), ""),
        None => (options.current_dir.clone(), " or a folder above it"),
    };
    let path = display_path(&normalize(&folder).join("dbt_project.yml"));
    Diagnostic::error("project-not-found", format!("No dbt_project.yml found at expected path {path}{parents}"))
        .help("go to the project's folder, give `--project-dir`, or start a project with `tamis init`")
}

fn lock(secrets: &Secrets) -> std::sync::MutexGuard<'_, Vec<String>> {
    secrets.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Settings that hold a secret are secret themselves, whatever they are called.
fn hide_secrets(profile: &mut Profile, secrets: &[String]) {
    let holds = |value: &Value| {
        let text = value.to_str();
        secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret.as_str()))
    };
    let hidden: Vec<String> =
        profile.settings.iter().filter(|(_, value)| holds(value)).map(|(key, _)| key.clone()).collect();
    profile.secret_keys.extend(hidden);
}

/// The values of a profile's secret settings that are long enough not to be part of any text.
fn credentials(profile: &Profile) -> Vec<String> {
    let texts = profile.secret_keys.iter().filter_map(|key| profile.text(key));
    texts.filter(|text| text.len() >= 4).map(str::to_owned).collect()
}

fn context(options: &LoadOptions<'_>, secrets: &SecretRule) -> BaseContext {
    let mut values = base_names(&options.env, &options.vars, secrets);
    values.insert("flags".into(), options.flags.clone());
    values.insert("dbt_version".into(), options.dbt_version.into());
    values.extend(options.globals.clone());
    BaseContext { values: Arc::new(values) }
}

struct Loader<'a> {
    options: &'a LoadOptions<'a>,
    fs: &'a dyn FileSystem,
    sources: &'a SourceMap,
    /// Without `target`.
    base: BaseContext,
    /// As `base`, with secrets.
    secret: BaseContext,
    secrets: Secrets,
    root: PathBuf,
}

impl<'l> Loader<'l> {
    fn package_source<'a>(&'a self, shown: &'a dyn Fn(&Path) -> String) -> Source<'a> {
        let (fs, sources): (&'l dyn FileSystem, &'l SourceMap) = (self.fs, self.sources);
        Source { shown, context: &self.secret, env: &self.options.env, fs, sources }
    }

    fn project(&self, yaml: &Yaml, map: &Map, out: &mut Vec<Diagnostic>) -> Project {
        let (profile, legacy_flags) = self.profile(map, out);
        // Without a profile, `target.name` and its like are undefined instead of errors that follow from the first.
        let no_target = || Value::dict(std::iter::empty::<(String, Value)>());
        let target = profile.as_ref().map_or_else(no_target, Profile::target);
        let context = self.base.with([("target".to_owned(), target)]);
        let mut config = read_config(yaml, &context, out);
        config.checksum = self.checksum(yaml);
        let flags = self.flags(&config, legacy_flags.as_ref(), out);
        let selectors = self.selectors(&context, out);
        let catalogs = catalogs::read(self.fs, &self.root, self.sources, out);
        let shown = |path: &Path| shown_path(path, &self.root);
        let package_specs = read_specs(&self.root, &self.package_source(&shown), out);
        let name = config.name.clone();
        let mut set = PackageSet::default();
        set.add(package(PackageKind::Root, self.root.clone(), config), String::new());
        if self.options.with_files {
            self.installed(&package_specs, &context, &mut set, out);
            self.embedded(profile.as_ref(), &mut set);
            self.check_versions(&set, out);
            let threads = self.options.parallelism.max(1);
            let found = self.files(&set);
            read_into(&mut set.packages, found, threads, (self.fs, self.sources), out);
            overrides::apply(&mut set.packages, out);
        } else {
            self.check_versions(&set, out);
        }
        Project {
            root: self.root.clone(),
            name,
            packages: set.packages.into_iter().map(|package| (package.name.clone(), Arc::new(package))).collect(),
            package_specs,
            profile,
            flags,
            cli_vars: self.options.vars.clone(),
            selectors,
            catalogs,
            secrets: Vec::new(),
        }
    }

    fn profile(&self, map: &Map, out: &mut Vec<Diagnostic>) -> (Option<Profile>, Option<Yaml>) {
        let written = written_profile(map);
        let rendered = written.as_ref().and_then(|(text, span)| {
            let value = map.get("profile")?;
            match super::render::render_text(&text.as_str().into(), value.origin, &self.base) {
                Ok(value) => Some((value.to_str(), Some(*span))),
                Err(errors) => {
                    out.extend(errors);
                    None
                }
            }
        });
        let name: Option<(String, Option<Span>)> =
            self.options.profile.clone().map(|name| (name, None)).or(rendered.clone());
        if name.is_none() && written.is_some() {
            return (None, None);
        }
        let name = name.as_ref().map(|(name, span)| (name.as_str(), *span));
        let (found, diagnostics) = load_profile(name, &self.root, self.options, &self.secret, (self.fs, self.sources));
        if self.options.profile_need == Need::Required {
            out.extend(diagnostics);
        }
        let profile::Found { mut profile, legacy_flags } = found;
        if let Some(profile) = &mut profile {
            hide_secrets(profile, &lock(&self.secrets));
        }
        (profile, legacy_flags)
    }

    /// `flags:`, or the legacy `config:` of profiles.yml.
    fn flags(
        &self,
        config: &ProjectConfig,
        legacy: Option<&Yaml>,
        out: &mut Vec<Diagnostic>,
    ) -> IndexMap<String, Value> {
        if let Some(legacy) = legacy {
            if config.flags.is_some() {
                let message = "flags are set both in dbt_project.yml and under `config:` of profiles.yml";
                let span = config.flags.as_ref().map_or(legacy.span, |flags| flags.span);
                out.push(Diagnostic::error("flags-twice", message).at(span, "").at(legacy.span, "also here"));
            } else {
                let message = "flags under `config:` of profiles.yml have moved to `flags:` of dbt_project.yml";
                let warning = Diagnostic::warning("deprecated-key", message).event("ProjectFlagsMovedDeprecation");
                out.push(warning.at(legacy.span, ""));
            }
        }
        let flags = config.flags.as_ref().or(legacy).and_then(Yaml::as_map);
        flags.map_or_else(IndexMap::new, |flags| {
            flags.iter().map(|entry| (key_name(entry).to_string(), entry.value.to_value())).collect()
        })
    }

    fn selectors(&self, context: &BaseContext, out: &mut Vec<Diagnostic>) -> Option<Yaml> {
        let path = self.root.join("selectors.yml");
        if !self.fs.is_file(&path) {
            return None;
        }
        let yaml = read_yaml(self.fs, &path, "selectors.yml", self.sources, out)?;
        Some(render_tree(&yaml, context, &|_| false, out))
    }

    /// Adds the packages under `packages-install-path`, and local ones that are not there.
    fn installed(&self, specs: &[PackageSpec], context: &BaseContext, set: &mut PackageSet, out: &mut Vec<Diagnostic>) {
        let Some(install) = set.packages.first().map(|root| root.config.packages_install_path.clone()) else { return };
        let folder = self.root.join(&install);
        let folders = installed_folders(&folder, self.fs);
        for path in &folders {
            self.add_package(PackageKind::Installed, path, None, context, set, out);
        }
        let installed = set.packages.len().saturating_sub(1);
        let mut open: Vec<(PackageSpec, PathBuf)> =
            specs.iter().rev().map(|spec| (spec.clone(), self.root.clone())).collect();
        let mut seen = Vec::new();
        let mut local_installed = 0;
        let mut missing = Vec::new();
        while let Some((spec, from)) = open.pop() {
            let PackageSpec { source: PackageSource::Local { path }, span, .. } = spec else { continue };
            // Paths start at the root project; a package inside a package may mean its own folder.
            let candidates = [normalize(&self.root.join(&path)), normalize(&from.join(&path))];
            let found = candidates.iter().find(|folder| self.fs.is_file(&folder.join("dbt_project.yml")));
            let Some(found) = found else {
                let message = format!("the local package `{path}` was not found");
                let error = Diagnostic::error("package-not-found", message).at(span, "");
                missing.push(error.note(format!("looked for {}/dbt_project.yml", display_path(&candidates[0]))));
                continue;
            };
            let canonical = self.fs.canonical(found);
            if seen.contains(&canonical) {
                continue;
            }
            seen.push(canonical);
            if set.has_folder(found, self.fs) {
                local_installed += 1;
                continue;
            }
            if self.add_package(PackageKind::Local, found, Some(span), context, set, out) {
                let shown = |path: &Path| shown_path(path, &self.root);
                let inner = read_specs(found, &self.package_source(&shown), out);
                open.extend(inner.into_iter().rev().map(|spec| (spec, found.clone())));
            } else {
                local_installed += 1;
            }
        }
        let others = specs.iter().filter(|spec| !matches!(spec.source, PackageSource::Local { .. })).count();
        let unclaimed = installed.saturating_sub(local_installed);
        if others > unclaimed {
            out.push(not_installed(specs, installed, Path::new(&install)));
        }
        // As in dbt, an installed copy serves also where the folder it came from is gone; only their number is compared.
        if others.saturating_add(missing.len()) > unclaimed {
            out.append(&mut missing);
        }
    }

    /// Reads a package's `dbt_project.yml`. `false` when a package of this name was installed before.
    fn add_package(
        &self,
        kind: PackageKind,
        folder: &Path,
        span: Option<Span>,
        context: &BaseContext,
        set: &mut PackageSet,
        out: &mut Vec<Diagnostic>,
    ) -> bool {
        let path = folder.join("dbt_project.yml");
        let shown = shown_path(folder, &self.root);
        if !self.fs.is_file(&path) {
            let message = format!("the package folder `{shown}` has no dbt_project.yml");
            out.push(Diagnostic::error("package-not-found", message).help("remove it, or run `tamis deps`"));
            return true;
        }
        let shown_file = format!("{shown}/dbt_project.yml");
        let Some(yaml) = read_yaml(self.fs, &path, &shown_file, self.sources, out) else { return true };
        if yaml.as_map().is_none() {
            let message = format!("{shown_file} must be a mapping, found {}", yaml.kind());
            out.push(Diagnostic::error("wrong-type", message).at(yaml.span, ""));
            return true;
        }
        let mut config = read_config(&yaml, context, out);
        config.checksum = self.checksum(&yaml);
        if let Some(other) = set.packages.iter().find(|other| other.name == config.name) {
            if kind == PackageKind::Local && other.kind == PackageKind::Installed {
                return false;
            }
            let name = &config.name;
            let message = format!("dbt found more than one package with the name \"{name}\" included in this project");
            let mut error = Diagnostic::error("package-twice", message)
                .note(match shown_path(&other.root, &self.root).as_str() {
                    "" => "one is this project".to_owned(),
                    other => format!("one is {other}"),
                })
                .note(format!("the other is {shown}"))
                .help("Package names must be unique in a project: rename one of these packages");
            if let Some(span) = span {
                error = error.at(span, "");
            }
            out.push(error);
            return true;
        }
        set.add(package(kind, folder.to_path_buf(), config), shown);
        true
    }

    fn checksum(&self, yaml: &Yaml) -> String {
        let file = self.sources.get(yaml.span.source);
        let whole = Span::new(yaml.span.source, 0, file.text.len());
        sha256(file.written(whole).trim().as_bytes())
    }

    fn embedded(&self, profile: Option<&Profile>, set: &mut PackageSet) {
        let engine = profile.map(|profile| format!("dbt_{}", profile.adapter_type));
        for known in self.options.embedded {
            if known.name != "dbt" && Some(known.name) != engine.as_deref() {
                continue;
            }
            if set.packages.iter().any(|package| package.name == known.name) {
                continue;
            }
            let config = ProjectConfig {
                name: known.name.to_owned(),
                paths: ResourcePaths { macros: vec!["macros".into()], ..ResourcePaths::default() },
                packages_install_path: "dbt_packages".into(),
                ..ProjectConfig::default()
            };
            let root = PathBuf::from(format!("<{}>", known.name));
            set.add(package(PackageKind::Embedded, root, config), String::new());
        }
    }

    fn files(&self, set: &PackageSet) -> Vec<Found> {
        let mut found = Vec::new();
        for (index, (package, shown)) in set.packages.iter().zip(&set.shown).enumerate() {
            if package.kind == PackageKind::Embedded {
                let files = self.options.embedded.iter().find(|known| known.name == package.name);
                found.extend(files.map(|known| embedded(index, known.name, known.files)).unwrap_or_default());
            } else {
                found.extend(discover(index, &package.root, shown, &package.config.paths, self.fs));
            }
        }
        found
    }

    fn check_versions(&self, set: &PackageSet, out: &mut Vec<Diagnostic>) {
        let Some(version) = Version::parse(self.options.dbt_version).filter(|_| self.options.version_check) else {
            return;
        };
        for package in &set.packages {
            let specs = &package.config.require_dbt_version;
            let parsed: Vec<Spec> = specs.iter().filter_map(|spec| Spec::parse(spec)).collect();
            if parsed.iter().all(|spec| spec.accepts(&version)) {
                continue;
            }
            let message = format!(
                "This version of dbt is not supported with the '{}' package: it requires {}, found {}",
                package.name,
                specs.join(", "),
                self.options.dbt_version
            );
            let error = Diagnostic::error("dbt-version", message);
            out.push(error.help("change `require-dbt-version`, or give `--no-version-check`"));
        }
    }
}

/// Packages so far, with their folders as shown in messages.
#[derive(Default)]
struct PackageSet {
    packages: Vec<Package>,
    shown: Vec<String>,
}

impl PackageSet {
    fn add(&mut self, package: Package, shown: String) {
        self.packages.push(package);
        self.shown.push(shown);
    }

    fn has_folder(&self, folder: &Path, fs: &dyn FileSystem) -> bool {
        let folder = fs.canonical(folder);
        self.packages.iter().any(|package| fs.canonical(&package.root) == folder)
    }
}

fn package(kind: PackageKind, root: PathBuf, config: ProjectConfig) -> Package {
    Package {
        name: config.name.clone(),
        kind,
        root,
        config,
        models: Vec::new(),
        snapshots: Vec::new(),
        analyses: Vec::new(),
        singular_tests: Vec::new(),
        generic_tests: Vec::new(),
        macros: Vec::new(),
        functions: Vec::new(),
        seeds: Vec::new(),
        fixtures: Vec::new(),
        docs: Vec::new(),
        properties: Vec::new(),
    }
}
