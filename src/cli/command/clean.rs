//! `clean`: deletes the folders in `clean-targets`, never sources, never outside the project, never Cargo's folder.

use std::path::{Component, Path, PathBuf};

use crate::{
    cli::{
        CommandError,
        invocation::{Depth, Invocation},
    },
    diagnostic::Diagnostic,
    event::Event,
    project::{Need, Project},
};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let project = invocation.load(Depth::Settings, Need::Optional)?;
    invocation.greet();
    let target = invocation.target_dir(&project);
    let targets = match project.root_package().and_then(|package| package.config.clean_targets.clone()) {
        Some(targets) => targets.iter().map(|target| project.root.join(target)).collect(),
        None => vec![target],
    };
    let checked: Vec<PathBuf> = targets.iter().map(|path| checked(&project, path)).collect::<Result<_, _>>()?;
    for path in checked {
        let shown = path.strip_prefix(&project.root).unwrap_or(&path).display().to_string();
        if !path.exists() {
            invocation.emit(Event::Debug { message: format!("{shown} does not exist") });
            continue;
        }
        invocation.emit(Event::Info { message: format!("Checking {shown}/*") });
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|error| CommandError::Write { what: shown.clone(), error })?;
        invocation.emit(Event::Info { message: format!("Cleaned {shown}/*") });
    }
    invocation.emit(Event::Info { message: "Finished cleaning all paths.".into() });
    Ok(())
}

/// The path when it may be deleted.
fn checked(project: &Project, path: &Path) -> Result<PathBuf, CommandError> {
    let refuse = |why: &str| {
        let message = format!("`clean` will not delete {}: {why}", path.display());
        CommandError::from(Diagnostic::error("clean-refused", message).help("correct clean-targets in dbt_project.yml"))
    };
    let path = normalized(path);
    if !path.starts_with(&project.root) || path == project.root {
        return Err(refuse("it is not inside the project"));
    }
    if let Some(package) = project.root_package() {
        let paths = &package.config.paths;
        let sources = [&paths.models, &paths.seeds, &paths.tests, &paths.analyses, &paths.macros, &paths.snapshots];
        for source in sources.into_iter().flatten() {
            let source = normalized(&project.root.join(source));
            if source.starts_with(&path) || path.starts_with(&source) {
                return Err(refuse("it holds sources of the project"));
            }
        }
    }
    if path.join("CACHEDIR.TAG").exists() {
        return Err(refuse("it is the cache of another program (it holds a CACHEDIR.TAG)"));
    }
    Ok(path)
}

/// The path without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    result
}
