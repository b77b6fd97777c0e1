//! One invocation of the program: its flags, console, clock and id, and what loading a project needs of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use crate::{
    artifacts::BatchResults,
    diagnostic::{Diagnostic, SourceMap},
    event::{Event, EventSink, LogLevel},
    jinja::Value,
    manifest::context::datetime,
    names::UniqueId,
    project::{self, DiskFileSystem, LoadOptions, Need, Project, yaml},
};

use super::{
    CommandError,
    adapters::{ADAPTERS, EMBEDDED},
    console::{Console, Format, Settings},
    environment,
    flags::Flags,
    warnings::WarningPolicy,
};

/// The dbt version that artifacts, `dbt_version` and `require-dbt-version` see.
pub const DBT_VERSION: &str = "1.11.14";

/// What all commands share.
pub struct Invocation {
    pub flags: Flags,
    pub console: Arc<Console>,
    pub sources: SourceMap,
    pub id: String,
    pub started_at: DateTime<Utc>,
    pub current_dir: PathBuf,
    /// With `retry`.
    pub again: Option<Again>,
}

/// What `retry` runs again.
#[derive(Debug, Clone, Default)]
pub struct Again {
    pub nodes: BTreeSet<UniqueId>,
    /// The windows of models that were built in part.
    pub batches: BTreeMap<UniqueId, BatchResults>,
}

/// How much of a project a command reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// `dbt_project.yml` and the profile.
    Settings,
    /// All files.
    Files,
}

impl Invocation {
    pub fn new(flags: Flags) -> Self {
        let sources = SourceMap::default();
        let id = uuid::Uuid::new_v4().to_string();
        let console = Arc::new(Console::new(settings(&flags, &id), sources.clone()));
        let current_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        Self { flags, console, sources, id, started_at: Utc::now(), current_dir, again: None }
    }

    pub fn emit(&self, event: Event) {
        self.console.emit(event);
    }

    pub fn events(&self) -> Arc<dyn EventSink> {
        Arc::clone(&self.console) as Arc<dyn EventSink>
    }

    /// The first lines of a command that works on a project.
    pub fn greet(&self) {
        self.emit(Event::Started { version: env!("CARGO_PKG_VERSION").into(), dbt_version: DBT_VERSION.into() });
        for flag in self.flags.without_effect() {
            self.emit(Event::Info { message: format!("{flag} has no effect in this version") });
        }
        for event in &self.flags.deprecated {
            let message = "`--models` and `--model` are older names of `--select`".to_owned();
            self.emit(Event::Warning { name: event, message });
        }
        for (name, message) in environment::warnings(std::env::vars().map(|(name, _)| name)) {
            self.emit(Event::Warning { name, message });
        }
    }

    /// `--vars` as a mapping.
    ///
    /// # Errors
    /// The text is not a YAML mapping.
    pub fn vars(&self) -> Result<IndexMap<String, Value>, CommandError> {
        mapping("vars", self.flags.text("vars").unwrap_or("{}"))
    }

    /// Loads the project, applies its `flags:`, opens the log file and reports what is wrong with it.
    ///
    /// # Errors
    /// Any error diagnostic.
    pub fn load(&mut self, depth: Depth, profile: Need) -> Result<Project, CommandError> {
        let options = self.load_options(depth, profile)?;
        let (project, diagnostics) = project::load(&options, &DiskFileSystem, &self.sources);
        drop(options);
        if let Some(project) = &project {
            self.apply(project)?;
        }
        let project = self.report(diagnostics).map(|()| project)?;
        project.ok_or_else(|| Diagnostic::error("internal", "the project could not be read").into())
    }

    pub fn load_options(&self, depth: Depth, profile_need: Need) -> Result<LoadOptions<'static>, CommandError> {
        let path = |key: &str| self.flags.text(key).map(|text| self.absolute(Path::new(text)));
        if let (Some(folder), Some(written)) = (path("project_dir"), self.flags.text("project_dir"))
            && !folder.is_dir()
        {
            let message = format!("invalid value for '--project-dir': the folder '{written}' does not exist");
            return Err(Diagnostic::error("flag", message).into());
        }
        let profile_dirs = match path("profiles_dir") {
            Some(folder) => vec![folder],
            None => {
                let home = std::env::home_dir().map(|home| home.join(".dbt"));
                [Some(self.current_dir.clone()), Some(PathBuf::from("profiles")), home].into_iter().flatten().collect()
            }
        };
        let mut globals = IndexMap::new();
        globals.insert("invocation_id".to_owned(), Value::from(self.id.as_str()));
        globals.insert("run_started_at".to_owned(), datetime::utc(self.started_at));
        Ok(LoadOptions {
            current_dir: self.current_dir.clone(),
            project_dir: path("project_dir"),
            profile_dirs,
            profile: self.flags.text("profile").map(str::to_owned),
            target: self.flags.text("target").map(str::to_owned),
            threads: self.threads()?,
            profile_need,
            with_files: depth == Depth::Files,
            vars: self.vars()?,
            env: Arc::new(|name| std::env::var(name).ok()),
            flags: self.flags_value(),
            globals,
            dbt_version: DBT_VERSION,
            version_check: self.flags.flag("version_check"),
            adapters: ADAPTERS,
            embedded: EMBEDDED,
            parallelism: parallelism(),
        })
    }

    /// The `flags` of templates: upper and lower case.
    pub fn flags_value(&self) -> Value {
        let mut flags = self.flags.as_values();
        let lower: Vec<_> = flags.iter().map(|(key, value)| (key.to_uppercase(), value.clone())).collect();
        flags.extend(lower);
        Value::dict(flags)
    }

    fn threads(&self) -> Result<Option<usize>, CommandError> {
        if self.flags.flag("single_threaded") {
            return Ok(Some(1));
        }
        let Some(threads) = self.flags.integer("threads") else { return Ok(None) };
        match usize::try_from(threads) {
            Ok(threads) if threads > 0 => Ok(Some(threads)),
            _ => Err(Diagnostic::error("flag", format!("--threads must be at least 1, found {threads}")).into()),
        }
    }

    /// A path of the command line, from the current folder.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.current_dir.join(path)
    }

    /// Where artifacts go: flag, environment, project, `target`.
    pub fn target_dir(&self, project: &Project) -> PathBuf {
        let configured = project.root_package().and_then(|package| package.config.target_path.clone());
        project
            .root
            .join(self.flags.text("target_path").map_or(configured.unwrap_or_else(|| "target".into()), str::to_owned))
    }

    /// What the project says about flags, warnings and the log.
    fn apply(&mut self, project: &Project) -> Result<(), CommandError> {
        let wrong = self.flags.apply_project(&project.flags);
        if let Some(message) = wrong.into_iter().next() {
            return Err(Diagnostic::error("flag", message).help("correct `flags:` in dbt_project.yml").into());
        }
        self.hide_secrets(project);
        let policy = self.warning_policy(project)?;
        let deprecated = policy.deprecated.clone();
        self.console.set_warnings(policy);
        for key in deprecated {
            let new = if key == "include" { "error" } else { "warn" };
            let message = format!("`{key}` of warn_error_options is the older name of `{new}`");
            self.emit(Event::Warning { name: "WEOIncludeExcludeDeprecation", message });
        }
        let configured = project.root_package().and_then(|package| package.config.log_path.clone());
        let folder = self.flags.text("log_path").map_or(configured.unwrap_or_else(|| "logs".into()), str::to_owned);
        let max = self.flags.integer("log_file_max_bytes").and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        if let Some(problem) = self.console.open_log(&project.root.join(folder), max) {
            self.emit(Event::Debug { message: problem });
        }
        Ok(())
    }

    /// From now on no line shows a secret of the project or of the environment.
    pub fn hide_secrets(&self, project: &Project) {
        let of_environment = std::env::vars().filter(|(name, _)| name.starts_with("DBT_ENV_SECRET"));
        let mut secrets = project.secrets.clone();
        secrets.extend(of_environment.map(|(_, value)| value).filter(|value| !value.trim().is_empty()));
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        self.console.set_settings(Settings { secrets, ..settings(&self.flags, &self.id) });
    }

    fn warning_policy(&self, project: &Project) -> Result<WarningPolicy, CommandError> {
        if self.flags.flag("warn_error") {
            return Ok(WarningPolicy::all_errors());
        }
        let value = match self.flags.text("warn_error_options") {
            Some(text) => Value::dict(mapping("warn-error-options", text)?),
            None => match project.flags.get("warn_error_options") {
                None | Some(Value::None) => return Ok(WarningPolicy::default()),
                Some(value) => value.clone(),
            },
        };
        WarningPolicy::from_value(&value).map_err(|message| Diagnostic::error("flag", message).into())
    }

    /// Emits warnings; errors come back as the command's error.
    ///
    /// # Errors
    /// Any error among `diagnostics`, or a warning that was promoted to one.
    pub fn report(&self, diagnostics: Vec<Diagnostic>) -> Result<(), CommandError> {
        let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics.into_iter().partition(Diagnostic::is_error);
        for warning in warnings {
            self.emit(Event::Diagnostic(Arc::new(warning)));
        }
        if !errors.is_empty() {
            return Err(CommandError::Project(errors));
        }
        self.promoted()
    }

    /// The error of a command that only has warnings to tell, when one was promoted.
    pub fn promoted(&self) -> Result<(), CommandError> {
        if self.console.has_promoted() { Err(CommandError::Promoted) } else { Ok(()) }
    }

    /// Prints what is left to say and returns the exit status.
    pub fn finish(&self, result: Result<(), CommandError>, elapsed: Duration) -> u8 {
        let status = match &result {
            Ok(()) => 0,
            Err(error) => {
                let diagnostics = error.diagnostics();
                if !diagnostics.is_empty() {
                    self.emit(Event::Failure);
                }
                for diagnostic in diagnostics {
                    self.emit(Event::Diagnostic(Arc::new(diagnostic)));
                }
                error.status()
            }
        };
        self.console.summarize_deprecations();
        self.emit(Event::CommandCompleted {
            command: self.flags.invocation.clone(),
            success: result.is_ok(),
            elapsed: elapsed.as_secs_f64(),
        });
        status
    }
}

/// A flag that holds a YAML mapping.
pub fn mapping(flag: &str, text: &str) -> Result<IndexMap<String, Value>, CommandError> {
    let wrong = |found: &str| {
        let message = format!("--{flag} must be a YAML mapping, found {found}");
        CommandError::from(Diagnostic::error("flag", message).help(format!("for example: --{flag} '{{key: value}}'")))
    };
    let yaml = yaml::parse_value(text).map_err(|error| wrong(&format!("`{text}` ({})", error.message)))?;
    if yaml.is_null() {
        return Ok(IndexMap::new());
    }
    let value = yaml.to_value();
    let pairs = value.pairs().ok_or_else(|| wrong(&format!("`{text}`")))?;
    Ok(pairs.into_iter().map(|(key, value)| (key.to_str(), value)).collect())
}

fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn settings(flags: &Flags, id: &str) -> Settings {
    let level = |key: &str| match flags.text(key) {
        Some("debug") => Some(LogLevel::Debug),
        Some("warn") => Some(LogLevel::Warn),
        Some("error") => Some(LogLevel::Error),
        Some("none") => None,
        _ => Some(LogLevel::Info),
    };
    let terminal = std::io::stdout().is_terminal();
    let format = Format::parse(flags.text("log_format").unwrap_or("default"), Format::Text);
    let no_color =
        std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) && !flags.is_explicit("use_colors");
    Settings {
        format,
        level: if flags.flag("debug") { Some(LogLevel::Debug) } else { level("log_level") },
        quiet: flags.flag("quiet"),
        print: flags.flag("print"),
        color: flags.flag("use_colors") && terminal && !no_color,
        progress: terminal && std::io::stderr().is_terminal() && format != Format::Json && !flags.flag("quiet"),
        file_format: Format::parse(flags.text("log_format_file").unwrap_or("debug"), Format::Debug),
        file_level: level("log_level_file"),
        file_color: flags.flag("use_colors_file") && flags.is_explicit("use_colors_file"),
        printer_width: flags.integer("printer_width").and_then(|width| usize::try_from(width).ok()).unwrap_or(80),
        all_deprecations: flags.flag("show_all_deprecations"),
        invocation_id: id.to_owned(),
        secrets: Vec::new(),
    }
}
