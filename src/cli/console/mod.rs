//! The console: prints events to standard output in dbt's shape or as JSON, writes the log file, keeps the live
//! progress apart from the lines. A closed pipe silences it; it is not an error.

mod log_file;
mod progress;
mod record;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::Utc;
use serde_json::json;

use record::{Options, Record, records};

use crate::{
    diagnostic::{Diagnostic, Severity, SourceMap, Style},
    event::{Event, EventSink, LogLevel, Status},
    names::ResourceType,
};

use super::warnings::{Treatment, WarningPolicy};
use log_file::LogFile;
use progress::Progress;

/// The form of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Debug,
    Json,
}

impl Format {
    /// `default` means text on the console and debug in the file.
    pub fn parse(word: &str, default: Format) -> Format {
        match word {
            "text" => Format::Text,
            "debug" => Format::Debug,
            "json" => Format::Json,
            _ => default,
        }
    }
}

/// What the console and the log file look like.
#[derive(Debug, Clone)]
pub struct Settings {
    pub format: Format,
    /// `None`: nothing is printed.
    pub level: Option<LogLevel>,
    pub quiet: bool,
    pub print: bool,
    pub color: bool,
    pub progress: bool,
    pub file_format: Format,
    pub file_level: Option<LogLevel>,
    pub file_color: bool,
    pub printer_width: usize,
    pub all_deprecations: bool,
    pub invocation_id: String,
    /// Secret values, replaced by `*****` in every line.
    pub secrets: Vec<String>,
}

/// The console of an invocation.
pub struct Console {
    settings: RwLock<Arc<Settings>>,
    sources: SourceMap,
    closed: AtomicBool,
    progress: Option<Progress>,
    file: Mutex<Option<LogFile>>,
    /// How often each deprecation was met.
    deprecations: Mutex<BTreeMap<&'static str, usize>>,
    warnings: RwLock<WarningPolicy>,
    promoted: AtomicBool,
}

impl Console {
    pub fn new(settings: Settings, sources: SourceMap) -> Self {
        let progress = settings.progress.then(Progress::new);
        Self {
            settings: RwLock::new(Arc::new(settings)),
            sources,
            closed: AtomicBool::new(false),
            progress,
            file: Mutex::new(None),
            deprecations: Mutex::default(),
            warnings: RwLock::new(WarningPolicy::default()),
            promoted: AtomicBool::new(false),
        }
    }

    /// The settings once the project's flags are known. The live progress stays as it was decided at the start.
    pub fn set_settings(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(settings);
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Opens the log file. Returns why it could not be opened.
    pub fn open_log(&self, folder: &Path, max_bytes: u64) -> Option<String> {
        match LogFile::open(folder, max_bytes) {
            Ok(mut log) => {
                let now = Utc::now().format("%H:%M:%S%.6f");
                log.write_line(&format!("{0} {now} | {1} {0}", "=".repeat(30), self.settings().invocation_id));
                *self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(log);
                None
            }
            Err(error) => Some(format!("cannot write the log file in {}: {error}", folder.display())),
        }
    }

    /// Writes data (the output of `ls` and `show`) to standard output as it is, with a final newline.
    pub fn data(&self, text: &str) {
        self.put(text);
    }

    /// What no line and no artifact may show.
    pub fn secrets(&self) -> Vec<String> {
        self.settings().secrets.clone()
    }

    /// Whether standard output was closed by its reader.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn put(&self, text: &str) {
        if self.is_closed() {
            return;
        }
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush())
        };
        let result = match &self.progress {
            Some(progress) => progress.suspend(write),
            None => write(),
        };
        if result.is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    fn options(&self, color: bool) -> Options {
        Options {
            printer_width: self.settings().printer_width,
            style: if color { Style::Color } else { Style::Plain },
            sources: self.sources.clone(),
        }
    }

    /// Decides from now on which warnings are shown, silenced or promoted.
    pub fn set_warnings(&self, policy: WarningPolicy) {
        *self.warnings.write().unwrap_or_else(std::sync::PoisonError::into_inner) = policy;
    }

    /// Whether warnings of this event are promoted.
    pub fn treats_as_error(&self, event: &str) -> bool {
        let policy = self.warnings.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        policy.treatment(event) == Treatment::Promote
    }

    /// Whether a warning was promoted to an error so far.
    pub fn has_promoted(&self) -> bool {
        self.promoted.load(Ordering::Relaxed)
    }

    /// The event after `--warn-error-options`: `None` when it is silenced, an error when it is promoted.
    fn treated(&self, event: Event) -> Option<Event> {
        let name = match &event {
            Event::Diagnostic(diagnostic) if !diagnostic.is_error() => diagnostic.event.unwrap_or("Warning"),
            Event::Warning { name: "DeprecationsSummary", .. } => return Some(event),
            Event::Warning { name, .. } => name,
            // Promoted where the verdict is made.
            Event::NodeFinished { node, outcome, .. } if outcome.status == Status::Warn => {
                let name =
                    if node.resource_type == ResourceType::Source { "LogFreshnessResult" } else { "LogTestResult" };
                let policy = self.warnings.read().unwrap_or_else(std::sync::PoisonError::into_inner);
                return (policy.treatment(name) != Treatment::Silence).then_some(event);
            }
            Event::Log { level: LogLevel::Warn, .. } => "JinjaLogWarning",
            _ => return Some(event),
        };
        match self.warnings.read().unwrap_or_else(std::sync::PoisonError::into_inner).treatment(name) {
            Treatment::Show => Some(event),
            Treatment::Silence => None,
            Treatment::Promote => {
                self.promoted.store(true, Ordering::Relaxed);
                Some(promote(event))
            }
        }
    }

    /// Only the first deprecation of each kind is shown, unless all are asked for.
    fn is_repeated(&self, event: &Event) -> bool {
        let name = match event {
            Event::Diagnostic(diagnostic) => diagnostic.event,
            Event::Warning { name, .. } => Some(*name),
            _ => None,
        };
        let Some(name) = name.filter(|name| name.ends_with("Deprecation")) else { return false };
        let mut deprecations = self.deprecations.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = deprecations.entry(name).or_default();
        *count += 1;
        *count > 1 && !self.settings().all_deprecations
    }

    /// Tells at the end which deprecations were met, and how often.
    pub fn summarize_deprecations(&self) {
        let met = self.deprecations.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if met.is_empty() {
            return;
        }
        let line = |(name, count): (&&str, &usize)| {
            format!("- {name}: {count} occurrence{}", if *count == 1 { "" } else { "s" })
        };
        let mut message =
            format!("Summary of encountered deprecations:\n\n{}", met.iter().map(line).collect::<Vec<_>>().join("\n"));
        if !self.settings().all_deprecations && met.values().any(|count| *count > 1) {
            message.push_str("\n\nOnly the first of each kind was shown; `--show-all-deprecations` shows them all.");
        }
        self.emit(Event::Warning { name: "DeprecationsSummary", message });
    }

    fn on_console(&self, record: &Record) -> bool {
        if record.bare {
            return self.settings().print;
        }
        let least = if self.settings().quiet { Some(LogLevel::Error) } else { self.settings().level };
        least.is_some_and(|least| record.level >= least)
    }

    fn line(&self, record: &Record, format: Format) -> String {
        let now = Utc::now();
        let text = self.masked(&record.text);
        let thread = match std::thread::current().name() {
            None | Some("main") => "MainThread".to_owned(),
            Some(name) => name.to_owned(),
        };
        match format {
            Format::Text => stamped(&now.format("%H:%M:%S  ").to_string(), &text),
            Format::Debug => {
                let level = level_name(record.level);
                stamped(&format!("{} [{level:<5}] [{thread}]: ", now.format("%H:%M:%S%.6f")), &text)
            }
            Format::Json => {
                let stamp = now.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
                let line = json!({
                    "data": record.data,
                    "info": {
                        "category": "", "code": record.code, "extra": {}, "invocation_id": self.settings().invocation_id,
                        "level": level_name(record.level), "msg": record.text, "name": record.name,
                        "pid": std::process::id(), "thread": thread, "ts": stamp,
                    },
                });
                self.masked_json(&line.to_string())
            }
        }
    }

    /// As [`Self::masked`], with secrets as JSON spells them.
    fn masked_json(&self, line: &str) -> String {
        let mut line = self.masked(line);
        for secret in &self.settings().secrets {
            let spelled = serde_json::Value::from(secret.as_str()).to_string();
            let spelled = spelled.trim_matches('"');
            if spelled != secret && !spelled.is_empty() {
                line = line.replace(spelled, "*****");
            }
        }
        line
    }

    fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.settings().secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret.as_str(), "*****");
        }
        text
    }
}

fn stamped(prefix: &str, text: &str) -> String {
    // Only the first line carries the time, as dbt prints a message of several lines.
    format!("{prefix}{text}")
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// A warning as the error that it became.
fn promote(event: Event) -> Event {
    let diagnostic = match event {
        Event::Diagnostic(diagnostic) => Diagnostic { severity: Severity::Error, ..(*diagnostic).clone() },
        Event::Warning { name, message } => Diagnostic::error("promoted-warning", message).event(name),
        Event::Log { message, .. } => Diagnostic::error("promoted-warning", message).event("JinjaLogWarning"),
        other => return other,
    };
    Event::Diagnostic(Arc::new(diagnostic))
}

impl EventSink for Console {
    fn emit(&self, event: Event) {
        let Some(event) = self.treated(event) else { return };
        if let Some(progress) = &self.progress {
            progress.observe(&event);
        }
        if self.is_repeated(&event) {
            return;
        }
        for record in records(&event, &self.options(self.settings().color)) {
            if !self.on_console(&record) {
                continue;
            }
            if record.bare && self.settings().format != Format::Json {
                self.put(&self.masked(&record.text));
            } else {
                self.put(&self.line(&record, self.settings().format));
            }
        }
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let (Some(file), Some(least)) = (file.as_mut(), self.settings().file_level) {
            for record in records(&event, &self.options(self.settings().file_color)) {
                if record.level >= least {
                    file.write_line(&self.line(&record, self.settings().file_format));
                }
            }
        }
    }
}
