//! `deps`: installs the packages that the project asks for.

use std::{fs, io::ErrorKind};

use crate::{
    cli::{
        CommandError,
        invocation::{DBT_VERSION, Depth, Invocation},
        warehouse,
    },
    diagnostic::Diagnostic,
    event::Event,
    install::{Addition, Request, add, install},
    project::{DiskFileSystem, Need, PackageSource, Project, version::Version},
};

/// Where dbt's public packages are listed.
const HUB: &str = "https://hub.getdbt.com";

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let mut project = invocation.load(Depth::Settings, Need::Optional)?;
    invocation.greet();
    if let Some(addition) = addition(invocation)? {
        add_package(invocation, &project, &addition)?;
        project = invocation.load(Depth::Settings, Need::Optional)?;
    }
    if project.package_specs.is_empty() {
        let message = "No packages were found in packages.yml".to_owned();
        invocation.emit(Event::Warning { name: "DepsNoPackagesFound", message });
        return invocation.promoted();
    }
    let options = invocation.load_options(Depth::Settings, Need::Optional)?;
    let folder = project.root_package().map_or("dbt_packages", |package| &package.config.packages_install_path);
    let install_path = project.root.join(folder);
    let offline = invocation.flags.flag("offline");
    let upgrade = invocation.flags.flag("upgrade");
    let lock_only = invocation.flags.flag("lock");
    if offline && !upgrade && !lock_only && is_vendored(&project, &install_path) {
        let message =
            format!("All {} packages are in {folder} already; nothing was fetched", project.package_specs.len());
        invocation.emit(Event::Info { message });
        return Ok(());
    }
    let events = invocation.events();
    let request = Request {
        root: &project.root,
        name: &project.name,
        install_path,
        specs: &project.package_specs,
        load: &options,
        sources: &invocation.sources,
        events: &*events,
        hub: std::env::var("DBT_PACKAGE_HUB_URL").ok().filter(|url| !url.is_empty()).unwrap_or_else(|| HUB.to_owned()),
        dbt_version: Version::parse(DBT_VERSION).filter(|_| invocation.flags.flag("version_check")),
        offline,
        upgrade,
        lock_only,
        run_id: &invocation.id,
    };
    let installed = warehouse::runtime()?.block_on(install(&request));
    installed.map_err(|error| CommandError::Project(error.diagnostics()))?;
    invocation.promoted()
}

/// Whether `--offline` has nothing to do: there is no package-lock.yml to follow, and as many packages are there as are
/// asked for, as every other command counts them.
fn is_vendored(project: &Project, install_path: &std::path::Path) -> bool {
    let local_only = project.package_specs.iter().all(|spec| matches!(spec.source, PackageSource::Local { .. }));
    let installed = crate::project::installed_packages(install_path, &DiskFileSystem);
    !local_only && !project.root.join("package-lock.yml").is_file() && installed >= project.package_specs.len()
}

/// What `--add-package name@version` and `--source` say.
fn addition(invocation: &Invocation) -> Result<Option<Addition>, CommandError> {
    let Some(text) = invocation.flags.text("add_package") else { return Ok(None) };
    let source = invocation.flags.text("source").unwrap_or("hub").to_owned();
    // An address may have an `@` before its host.
    let (name, version) = match text.rsplit_once('@') {
        Some((name, version)) if !version.contains(['/', ':']) => (name, Some(version.to_owned())),
        _ => (text, None),
    };
    let version = version.filter(|version| !version.is_empty());
    if name.is_empty() || (source == "hub" && version.is_none()) {
        let message = format!("`--add-package {text}` needs a name and a version");
        return Err(Diagnostic::error("flag", message).help("write `--add-package dbt-labs/dbt_utils@1.3.0`").into());
    }
    Ok(Some(Addition { name: name.to_owned(), version, source }))
}

fn add_package(invocation: &Invocation, project: &Project, addition: &Addition) -> Result<(), CommandError> {
    let candidates = ["packages.yml", "dependencies.yml"].map(|name| project.root.join(name));
    let has_packages = |path: &std::path::PathBuf| {
        fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.starts_with("packages:")))
    };
    let [default, _] = &candidates;
    let path = candidates.iter().find(|path| has_packages(path)).unwrap_or(default);
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(CommandError::Write { what: shown, error }),
    };
    let (text, removed) = add(&text, addition).map_err(|why| {
        CommandError::from(Diagnostic::error("write", format!("cannot add a package to {shown}: {why}")))
    })?;
    fs::write(path, text).map_err(|error| CommandError::Write { what: shown.clone(), error })?;
    for name in removed {
        invocation.emit(Event::Info { message: format!("Found duplicate package in {shown}, removing: {name}") });
    }
    let version = addition.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
    invocation.emit(Event::Info { message: format!("Added new package {}{version} to {shown}", addition.name) });
    Ok(())
}
