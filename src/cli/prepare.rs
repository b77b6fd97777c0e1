//! From flags to a manifest and a graph: what every command that works on nodes starts with.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use chrono::Utc;

use crate::{
    artifacts::{ManifestMetadata, Metadata, PerfInfo, write_manifest, write_perf_info, write_semantic_manifest},
    diagnostic::{Code, Diagnostic},
    event::Event,
    graph::{
        Dag, IndirectSelection, PreviousState, Selection, SelectionError, SelectionInput, find_cycles, read_selectors,
        select,
    },
    manifest::{
        self, Manifest, ParseOptions, Quoting,
        context::{Flags, Scopes},
    },
    names::{ResourceType, UniqueId},
    project::{Need, Project},
    run::context::{Defer, QueryComment},
};

use super::{
    CommandError,
    invocation::{DBT_VERSION, Depth, Invocation},
    state,
};

/// A parsed project.
pub struct Prepared {
    pub project: Project,
    pub manifest: Arc<Manifest>,
    pub scopes: Arc<Scopes>,
    pub dag: Dag,
    pub state: Arc<PreviousState>,
    pub defer: Option<Defer>,
    pub comment: Option<QueryComment>,
    /// Absolute.
    pub target_dir: PathBuf,
}

/// Loads and parses the project, reports what is wrong, and writes manifest.json.
///
/// # Errors
/// Any error in the project, the profile or the graph.
pub fn prepare(invocation: &mut Invocation) -> Result<Prepared, CommandError> {
    let project = invocation.load(Depth::Files, Need::Required)?;
    invocation.greet();
    let adapter_type =
        project.profile.as_ref().map_or("datafusion", |profile| profile.adapter_type.as_str()).to_owned();
    invocation.emit(Event::AdapterRegistered { adapter_type });
    let target_dir = invocation.target_dir(&project);
    // Read before anything is written: the state may be in the target folder.
    let state = Arc::new(state::load(invocation, &project, &target_dir)?);
    let options = parse_options(invocation, &project);
    let parsed = manifest::build(&project, &options);
    invocation.report(parsed.diagnostics)?;
    let dag = Dag::new(&parsed.manifest);
    invocation.report(find_cycles(&parsed.manifest, &dag))?;
    let mut manifest = parsed.manifest;
    if let Some(selectors) = &project.selectors {
        manifest.selectors =
            read_selectors(selectors).map_err(|diagnostic| CommandError::Project(vec![*diagnostic]))?;
    }
    let (manifest, scopes) = (Arc::new(manifest), parsed.scopes);
    let defer = state::defer(invocation, &project, &manifest, &scopes, &state)?;
    let behind = project.profile.as_ref().is_some_and(|profile| profile.comment_behind);
    let comment = match project.root_package() {
        Some(root) => QueryComment::new(&root.config.query_comment, behind).map_err(CommandError::Project)?,
        None => None,
    };
    let prepared = Prepared { project, manifest, scopes, dag, state, defer, comment, target_dir };
    // As in dbt, `docs generate --no-compile` leaves the manifest of the last run alone.
    let is_kept = invocation.flags.command.name == "docs" && !invocation.flags.flag("compile");
    if invocation.flags.flag("write_json") && !is_kept {
        prepared.write_manifest(invocation, &prepared.manifest)?;
    }
    Ok(prepared)
}

fn parse_options(invocation: &Invocation, project: &Project) -> ParseOptions {
    let metadata_env = std::env::vars()
        .filter_map(|(name, value)| Some((name.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned(), value)))
        .collect();
    let flags = invocation.flags.as_values();
    ParseOptions {
        dbt_version: DBT_VERSION.into(),
        env: Arc::new(|name| std::env::var(name).ok()),
        metadata_env,
        flags: invocation.template_flags(project),
        invocation_args: crate::jinja::Value::dict(flags),
        run_started_at: invocation.started_at,
        invocation_id: invocation.id.as_str().into(),
        events: invocation.events(),
        incremental_strategies: crate::engine::INCREMENTAL_STRATEGIES.to_vec(),
        parallelism: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

impl Prepared {
    /// Metadata of all artifacts.
    pub fn metadata(&self, invocation: &Invocation) -> Metadata {
        Metadata {
            dbt_version: DBT_VERSION.into(),
            invocation_id: invocation.id.clone(),
            invocation_started_at: invocation.started_at,
            generated_at: Utc::now(),
            env: self.scopes.shared.metadata_env.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            secrets: invocation.console.secrets(),
        }
    }

    /// Writes manifest.json and semantic_manifest.json.
    pub fn write_manifest(&self, invocation: &Invocation, manifest: &Manifest) -> Result<(), CommandError> {
        let quoting = self.scopes.shared.quoting;
        let metadata = ManifestMetadata {
            common: self.metadata(invocation),
            project_name: self.project.name.clone(),
            adapter_type: self.project.profile.as_ref().map_or("datafusion", |p| p.adapter_type.as_str()).to_owned(),
            quoting: Quoting {
                database: Some(quoting.database),
                schema: Some(quoting.schema),
                identifier: Some(quoting.identifier),
                column: None,
            },
            run_started_at: invocation.started_at,
        };
        let path = self.target_dir.join("manifest.json");
        write_manifest(&path, manifest, &metadata)?;
        write_semantic_manifest(&self.target_dir.join("semantic_manifest.json"), manifest)?;
        invocation.emit(Event::ArtifactWritten { kind: "WritableManifest", path: path.display().to_string() });
        Ok(())
    }

    /// Writes perf_info.json, of `parse`.
    pub fn write_perf_info(&self, elapsed: f64) -> Result<(), CommandError> {
        let files = self.manifest.nodes.len();
        let info = PerfInfo {
            path_count: files,
            parsed_path_count: files,
            is_partial_parse_enabled: false,
            is_static_analysis_enabled: false,
            read_files_elapsed: 0.0,
            load_macros_elapsed: 0.0,
            parse_project_elapsed: elapsed,
            load_all_elapsed: elapsed,
        };
        Ok(write_perf_info(&self.target_dir.join("perf_info.json"), &info)?)
    }

    /// The counts line: `Found 3 models, 1 seed, 2 data tests, 511 macros`.
    pub fn found(&self) -> Event {
        use ResourceType as R;
        let count = |kind: R| match kind {
            R::Source => self.manifest.sources.len(),
            R::Exposure => self.manifest.exposures.len(),
            R::Macro => self.manifest.macros.len(),
            R::Group => self.manifest.groups.len(),
            _ => self.manifest.nodes.values().filter(|node| node.resource_type == kind).count(),
        };
        let kinds = [
            R::Model,
            R::Analysis,
            R::Test,
            R::Snapshot,
            R::Operation,
            R::Seed,
            R::Source,
            R::Exposure,
            R::Metric,
            R::Macro,
            R::Group,
            R::SemanticModel,
            R::SavedQuery,
            R::UnitTest,
        ];
        Event::Found { counts: kinds.into_iter().map(|kind| (kind, count(kind))).collect() }
    }

    /// The nodes that the flags choose, limited to `types`.
    ///
    /// # Errors
    /// A selector that does not parse or is not there.
    pub fn select(
        &self,
        invocation: &Invocation,
        types: &[ResourceType],
        blank: bool,
    ) -> Result<BTreeSet<UniqueId>, CommandError> {
        if let Some(again) = &invocation.again {
            return Ok(again.nodes.iter().filter(|id| self.dag.contains(id)).cloned().collect());
        }
        let flags = &invocation.flags;
        let resource_types = match resource_types(flags.words("resource_type"), types)? {
            chosen if chosen.is_empty() => types.iter().copied().collect(),
            chosen => chosen,
        };
        let indirect =
            flags.text("indirect_selection").and_then(IndirectSelection::parse).unwrap_or(IndirectSelection::Eager);
        let input = SelectionInput {
            select: [flags.words("select"), flags.words("models")].concat(),
            exclude: flags.words("exclude").to_vec(),
            selector: flags.text("selector").map(str::to_owned),
            indirect,
            resource_types: Some(resource_types),
            exclude_resource_types: resource_types_excluded(flags.words("exclude_resource_type"))?,
            include_blank: blank,
            project_name: self.project.name.clone(),
            state: Arc::clone(&self.state),
        };
        let Selection { ids, warnings, default_selector } =
            select(&self.manifest, &self.dag, &input).map_err(selection_failed)?;
        if let Some(name) = default_selector {
            invocation.emit(Event::Info { message: format!("Using default selector {name}") });
        }
        invocation.report(warnings)?;
        Ok(ids)
    }
}

fn selection_failed(error: SelectionError) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("selection", error.to_string());
    diagnostic.code = match error {
        SelectionError::NoState { .. } | SelectionError::NoCurrentSources => Code("no-state"),
        SelectionError::BrokenContract { .. } => Code("breaking-change"),
        _ => diagnostic.code,
    };
    diagnostic
}

fn resource_types(words: &[String], allowed: &[ResourceType]) -> Result<BTreeSet<ResourceType>, CommandError> {
    let mut chosen = BTreeSet::new();
    for word in words {
        match word.as_str() {
            "all" => chosen.extend(ResourceType::ALL),
            "default" => chosen.extend(allowed.iter().copied()),
            word => {
                chosen.insert(parse_type(word)?);
            }
        }
    }
    Ok(chosen)
}

fn resource_types_excluded(words: &[String]) -> Result<BTreeSet<ResourceType>, CommandError> {
    words.iter().map(|word| parse_type(word)).collect()
}

fn parse_type(word: &str) -> Result<ResourceType, CommandError> {
    ResourceType::parse(word).ok_or_else(|| {
        let names: Vec<&str> = ResourceType::ALL.iter().map(|kind| kind.as_str()).collect();
        let diagnostic = Diagnostic::error("flag", format!("`{word}` is not a resource type"));
        match crate::diagnostic::nearest(word, names.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("one of {}", names.join(", "))),
        }
        .into()
    })
}

impl Invocation {
    /// `args` of run_results.json.
    pub fn result_args(&self, prepared: &Prepared) -> serde_json::Map<String, serde_json::Value> {
        let mut args: serde_json::Map<String, serde_json::Value> =
            self.flags.as_values().iter().map(|(key, value)| (key.clone(), value.to_json())).collect();
        let vars = crate::jinja::Value::dict(prepared.project.cli_vars.clone());
        args.insert("vars".into(), vars.to_json());
        args.insert("project_dir".into(), prepared.project.root.display().to_string().into());
        args
    }
}

/// The flags of templates, by upper-case name, with the behaviour flags of the project.
impl Invocation {
    pub fn template_flags(&self, project: &Project) -> Flags {
        let mut values: indexmap::IndexMap<String, crate::jinja::Value> =
            project.flags.iter().map(|(key, value)| (key.to_uppercase(), value.clone())).collect();
        values.extend(self.flags.as_values().into_iter().map(|(key, value)| (key.to_uppercase(), value)));
        values.insert("PROJECT_DIR".into(), project.root.display().to_string().into());
        Flags(values)
    }
}
