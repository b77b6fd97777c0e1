//! Fixtures for tests: a project in memory, and all that is said about it before anything runs.

use std::{path::PathBuf, sync::Arc};

use chrono::DateTime;
use indexmap::IndexMap;

use crate::{
    cli::adapters::{ADAPTERS, EMBEDDED},
    diagnostic::{Diagnostic, SourceMap},
    event::NoEvents,
    graph::{Dag, find_cycles, read_selectors},
    jinja::Value,
    manifest::{self, ParseOptions, context::Flags},
    project::{self, FileSystem, LoadOptions, MemoryFileSystem, Need},
};

const ROOT: &str = "/project";
const DBT_VERSION: &str = "1.11.0";
const PROJECT_FILE: &str = "name: shop\nprofile: shop\n";
const PROFILES_FILE: &str =
    "shop:\n  target: dev\n  outputs:\n    dev: {type: datafusion, path: warehouse, schema: main, threads: 2}\n";

/// The files of a project, in memory.
#[derive(Debug, Clone)]
pub struct TestProject {
    files: MemoryFileSystem,
}

impl TestProject {
    /// A project of these `(path, text)`; a default `dbt_project.yml` and `profiles.yml` are added where they are missing.
    pub fn new<P: AsRef<str>, T: AsRef<str>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let root = PathBuf::from(ROOT);
        let mut fs = MemoryFileSystem::default();
        for (path, text) in [("dbt_project.yml", PROJECT_FILE), ("profiles.yml", PROFILES_FILE)] {
            fs.insert(root.join(path), text);
        }
        for (path, text) in files {
            fs.insert(root.join(path.as_ref()), text.as_ref());
        }
        Self { files: fs }
    }
}

/// All diagnostics of a project, in the order in which the program finds them: loading, parsing, cycles, selectors. Environment
/// variables are empty.
pub fn diagnose(project: &TestProject) -> (SourceMap, Vec<Diagnostic>) {
    let sources = SourceMap::default();
    let (loaded, mut diagnostics) = project::load(&load_options(), &project.files as &dyn FileSystem, &sources);
    // As in the program: what follows from a project that could not be read is not worth saying.
    let Some(loaded) = loaded.filter(|_| !diagnostics.iter().any(Diagnostic::is_error)) else {
        return (sources, diagnostics);
    };
    let parsed = manifest::build(&loaded, &parse_options());
    diagnostics.extend(parsed.diagnostics);
    if !diagnostics.iter().any(Diagnostic::is_error) {
        diagnostics.extend(find_cycles(&parsed.manifest, &Dag::new(&parsed.manifest)));
        let wrong = loaded.selectors.as_ref().and_then(|selectors| read_selectors(selectors).err());
        diagnostics.extend(wrong.map(|diagnostic| *diagnostic));
    }
    (sources, diagnostics)
}

fn load_options() -> LoadOptions<'static> {
    LoadOptions {
        current_dir: PathBuf::from(ROOT),
        project_dir: None,
        profile_dirs: vec![PathBuf::from("")],
        profile: None,
        target: None,
        threads: None,
        profile_need: Need::Required,
        with_files: true,
        vars: IndexMap::new(),
        env: Arc::new(|_| None),
        flags: Value::dict::<Value>([]),
        globals: IndexMap::new(),
        dbt_version: DBT_VERSION,
        version_check: true,
        adapters: ADAPTERS,
        embedded: EMBEDDED,
        parallelism: 1,
    }
}

fn parse_options() -> ParseOptions {
    ParseOptions {
        dbt_version: DBT_VERSION.into(),
        env: Arc::new(|_| None),
        metadata_env: IndexMap::new(),
        flags: Flags(IndexMap::new()),
        invocation_args: Value::dict::<Value>([]),
        run_started_at: DateTime::UNIX_EPOCH,
        invocation_id: "00000000-0000-0000-0000-000000000000".into(),
        events: Arc::new(NoEvents),
        incremental_strategies: vec!["append", "merge", "delete+insert", "insert_overwrite"],
        parallelism: 1,
    }
}
