//! Why a command ended, and with which exit status. The only place that knows exit codes.

use crate::{artifacts::ArtifactError, diagnostic::Diagnostic, engine::EngineError};

/// How a command ended without success.
#[derive(Debug)]
pub enum CommandError {
    /// Something the user has to mend before anything runs: project, profile, selection, configuration.
    Project(Vec<Diagnostic>),
    /// Nodes failed; all of it was reported while running.
    Nodes,
    /// A warning was promoted to an error; reported.
    Promoted,
    /// The macro of `run-operation` failed, or a check of `debug`.
    Failed(Option<Box<Diagnostic>>),
    /// The command is known but not carried out by this version.
    NotSupported(String),
    /// The warehouse could not be opened.
    Engine(EngineError),
    /// Ctrl-C.
    Interrupted,
    Artifact(ArtifactError),
    /// A file of ours could not be written: artifacts, a new project.
    Write {
        what: String,
        error: std::io::Error,
    },
}

impl CommandError {
    /// dbt's exit codes: 1 when nodes failed, 2 when the command could not be carried out.
    pub fn status(&self) -> u8 {
        match self {
            Self::Nodes | Self::Failed(_) => 1,
            Self::Interrupted => 130,
            Self::Project(_) | Self::Promoted | Self::NotSupported(_) | Self::Engine(_) => 2,
            Self::Artifact(_) | Self::Write { .. } => 2,
        }
    }

    /// What is still to be told to the user.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Project(diagnostics) => diagnostics.clone(),
            Self::Failed(diagnostic) => diagnostic.iter().map(|diagnostic| (**diagnostic).clone()).collect(),
            Self::NotSupported(what) => {
                vec![Diagnostic::error("not-supported", format!("{what} is not supported yet"))]
            }
            Self::Engine(error) => vec![Diagnostic::error("warehouse", error.to_string())],
            Self::Artifact(error) => vec![artifact(error)],
            Self::Write { what, error } => vec![Diagnostic::error("write", format!("cannot write {what}: {error}"))],
            Self::Nodes | Self::Promoted | Self::Interrupted => Vec::new(),
        }
    }
}

/// An artifact's error with what the system said, unless its message has that already.
fn artifact(error: &ArtifactError) -> Diagnostic {
    let message = error.to_string();
    let cause = std::error::Error::source(error).map(ToString::to_string).filter(|cause| !message.contains(cause));
    Diagnostic::error("write", cause.map_or_else(|| message.clone(), |cause| format!("{message}: {cause}")))
}

impl From<Diagnostic> for CommandError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Project(vec![diagnostic])
    }
}

impl From<ArtifactError> for CommandError {
    fn from(error: ArtifactError) -> Self {
        Self::Artifact(error)
    }
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}
