//! What happened, as one closed enum. The console prints it, the JSON log serialises it; this module does neither.

use std::sync::Arc;

use crate::{
    diagnostic::Diagnostic,
    names::{ResourceType, UniqueId},
};

/// Where events go. Shared by all threads; must not block for long.
pub trait EventSink: Send + Sync {
    fn emit(&self, event: Event);
}

/// A sink that drops everything.
#[derive(Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn emit(&self, _event: Event) {}
}

/// What identifies a node in a message or in `node_info` of a JSON log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    pub unique_id: UniqueId,
    pub name: String,
    pub path: String,
    pub resource_type: ResourceType,
    pub materialized: String,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub alias: Option<String>,
    pub relation_name: Option<String>,
    pub checksum: String,
}

/// dbt's statuses of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    Success,
    Error,
    Skipped,
    PartialSuccess,
    NoOp,
    Pass,
    Fail,
    Warn,
    RuntimeError,
}

impl Status {
    const ALL: [Status; 9] = [
        Self::Success,
        Self::Error,
        Self::Skipped,
        Self::PartialSuccess,
        Self::NoOp,
        Self::Pass,
        Self::Fail,
        Self::Warn,
        Self::RuntimeError,
    ];

    /// The status of this name in artifacts.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Skipped => "skipped",
            Self::PartialSuccess => "partial success",
            Self::NoOp => "no-op",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::RuntimeError => "runtime error",
        }
    }
}

/// The result of a node as the console and the log need it.
#[derive(Debug, Clone)]
pub struct NodeOutcome {
    pub status: Status,
    /// The bracket text without status colour: `INSERT 2`, `PASS`, `FAIL 3`, `ERROR`.
    pub message: String,
    /// What the line says before the dots: `OK created sql table model main.a`.
    pub description: String,
    /// Seconds.
    pub execution_time: f64,
    pub failures: Option<i64>,
    pub rows_affected: Option<u64>,
}

/// The counts of a finished run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunStats {
    pub pass: usize,
    pub warn: usize,
    pub error: usize,
    pub skip: usize,
    pub no_op: usize,
    pub total: usize,
}

/// What happened. Variants carry facts; their text is made by the console in dbt's wording.
#[derive(Debug, Clone)]
pub enum Event {
    /// First line of an invocation.
    Started {
        version: String,
        dbt_version: String,
    },
    AdapterRegistered {
        adapter_type: String,
    },
    /// Counts by resource type of the parsed project: `(type, count)`, in dbt's order, zeros left out.
    Found {
        counts: Vec<(ResourceType, usize)>,
    },
    /// Something is wrong with the project; a warning or an error.
    Diagnostic(Arc<Diagnostic>),
    /// The command cannot be carried out; the reasons follow as diagnostics.
    Failure,
    /// A warning by dbt's event name without a place: `NothingToDo`, `NoNodesForSelectionCriteria`, …
    Warning {
        name: &'static str,
        message: String,
    },
    Concurrency {
        threads: usize,
        target: String,
    },
    /// `{% do log(msg, info=…) %}` and `exceptions.warn`.
    Log {
        message: String,
        level: LogLevel,
        node: Option<UniqueId>,
    },
    /// `print(…)`: bare text to stdout.
    Print {
        message: String,
    },
    /// A statement is about to run.
    Sql {
        connection: String,
        sql: String,
    },
    SqlDone {
        connection: String,
        status: String,
        elapsed: f64,
        /// As the warehouse calls the statement.
        query_id: Option<String>,
    },
    NodeStarted {
        node: NodeInfo,
        index: usize,
        total: usize,
        description: String,
    },
    NodeFinished {
        node: NodeInfo,
        index: usize,
        total: usize,
        outcome: NodeOutcome,
    },
    NodeSkipped {
        node: NodeInfo,
        index: usize,
        total: usize,
        description: String,
        cause: Option<String>,
    },
    /// A batch of a microbatch model is about to run.
    BatchStarted {
        node: NodeInfo,
        index: usize,
        total: usize,
        description: String,
    },
    BatchFinished {
        node: NodeInfo,
        index: usize,
        total: usize,
        outcome: NodeOutcome,
    },
    /// Rows and bytes so far of the running statements; feeds the live progress only.
    Progress {
        node: UniqueId,
        rows: u64,
        bytes: u64,
    },
    /// `Finished running 2 view models, 1 seed in …`.
    Finished {
        counts: String,
        elapsed: f64,
    },
    /// The summary with one block per error and warning.
    Summary {
        stats: RunStats,
        problems: Vec<Problem>,
        interrupted: bool,
    },
    ArtifactWritten {
        kind: &'static str,
        path: String,
    },
    CommandCompleted {
        command: String,
        success: bool,
        elapsed: f64,
    },
    /// A line for the log at debug level.
    Debug {
        message: String,
    },
    /// An informational line of a command that has no event of its own.
    Info {
        message: String,
    },
}

impl Event {
    /// A selection that is empty.
    pub fn nothing_to_do() -> Self {
        let message = "Nothing to do. Try checking your model configs and model specification args".to_owned();
        Self::Warning { name: "NothingToDo", message }
    }
}

/// One block of the end-of-run summary.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: Status,
    pub node: NodeInfo,
    /// `Failure in test not_null_a_id (models/schema.yml)`.
    pub title: String,
    pub message: String,
    pub diagnostic: Option<Arc<Diagnostic>>,
    /// Project-relative path of the compiled code.
    pub compiled_path: Option<String>,
    /// The relation that holds the failures, when they were stored.
    pub stored_failures: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// One count; `what` is singular. One data test is `1 test`, several are `N data tests`.
pub fn count_text(what: &str, count: usize) -> String {
    let words = what.replace('_', " ");
    match (what, count) {
        (_, 1) => format!("1 {words}"),
        ("test", _) => format!("{count} data tests"),
        _ if words.ends_with("analysis") => format!("{count} analyses"),
        _ if words.ends_with("query") => format!("{count} {}ies", words.trim_end_matches('y')),
        _ => format!("{count} {words}s"),
    }
}
