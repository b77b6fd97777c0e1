//! Whole projects in memory, parsed: what nodes come out, and what is said about what is wrong.

use std::{path::PathBuf, sync::Arc};

use chrono::{TimeZone, Utc};
use indexmap::IndexMap;

use super::{context::Flags, *};
use crate::{
    diagnostic::{Diagnostic, SourceMap},
    event::NoEvents,
    project::{AdapterSpec, EmbeddedPackage, FileSystem, LoadOptions, MemoryFileSystem, Need, load},
};

const ADAPTERS: &[AdapterSpec] = &[AdapterSpec {
    name: "datafusion",
    keys: &["path"],
    required: &["path"],
    aliases: &[],
    default_database: Some("tamis"),
    default_schema: None,
    secret: &[],
}];

const PROFILES: &str =
    "shop:\n  target: dev\n  outputs:\n    dev: {type: datafusion, path: w, schema: main, threads: 2}\n";

pub(super) struct Case {
    pub(super) parsed: Parsed,
    pub(super) sources: SourceMap,
}

impl Case {
    /// `error[code] place message` for each.
    fn shown(&self) -> Vec<String> {
        self.parsed
            .diagnostics
            .iter()
            .map(|found| {
                let level = if found.is_error() { "error" } else { "warning" };
                let place =
                    found.labels.first().map_or_else(String::new, |label| self.sources.location(label.span) + " ");
                let help = found.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
                format!("{level}[{}] {place}{}{help}", found.code, found.message)
            })
            .collect()
    }

    fn node(&self, unique_id: &str) -> &Node {
        let nodes = &self.parsed.manifest.nodes;
        nodes.get(unique_id).unwrap_or_else(|| panic!("no {unique_id} in {:?}", nodes.keys()))
    }

    fn config(&self, unique_id: &str, key: &str) -> String {
        self.node(unique_id).config.get(key).map_or_else(|| "absent".to_owned(), |value| value.to_json().to_string())
    }

    fn depends_on(&self, unique_id: &str) -> Vec<&str> {
        self.node(unique_id).depends_on.nodes.iter().map(UniqueId::as_str).collect()
    }
}

pub(super) fn parse_in(fs: &dyn FileSystem, root: &str, adapters: &[AdapterSpec]) -> Case {
    let embedded: Vec<EmbeddedPackage> =
        crate::packages::ALL.iter().map(|(name, files)| EmbeddedPackage { name, files }).collect();
    let sources = SourceMap::default();
    let options = LoadOptions {
        current_dir: PathBuf::from(root),
        project_dir: None,
        profile_dirs: vec![PathBuf::from("")],
        profile: None,
        target: None,
        threads: None,
        profile_need: Need::Required,
        with_files: true,
        vars: IndexMap::new(),
        env: Arc::new(|_| None),
        flags: Value::None,
        globals: IndexMap::new(),
        dbt_version: "1.11.2",
        version_check: true,
        adapters,
        embedded: &embedded,
        parallelism: 2,
    };
    let (project, loading) = load(&options, fs, &sources);
    let mut parsed = build(&project.unwrap(), &parse_options());
    parsed.diagnostics.splice(0..0, loading);
    Case { parsed, sources }
}

fn parse_options() -> ParseOptions {
    ParseOptions {
        dbt_version: "1.11.2".into(),
        env: Arc::new(|_| None),
        metadata_env: IndexMap::new(),
        flags: Flags::default(),
        invocation_args: Value::None,
        run_started_at: Utc.timestamp_opt(1_700_000_000, 0).unwrap(),
        invocation_id: "00000000-0000-0000-0000-000000000000".into(),
        events: Arc::new(NoEvents),
        incremental_strategies: vec!["append"],
        parallelism: 2,
    }
}

fn parse(files: &[(&str, &str)]) -> Case {
    let mut fs = MemoryFileSystem::default();
    fs.insert("/p/dbt_project.yml", "name: shop\nprofile: shop\n");
    fs.insert("/p/profiles.yml", PROFILES);
    for (path, text) in files {
        fs.insert(PathBuf::from("/p").join(path), *text);
    }
    parse_in(&fs, "/p", ADAPTERS)
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(parse(files).shown(), expected);
}
