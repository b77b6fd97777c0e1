//! `packages.yml`, `dependencies.yml` and the packages that are installed.

use crate::diagnostic::Span;

/// One entry of `packages:`.
#[derive(Debug, Clone)]
pub enum PackageSpec {
    Hub {
        package: String,
        version: Vec<String>,
        prerelease: bool,
        span: Span,
    },
    Git {
        git: String,
        revision: Option<String>,
        subdirectory: Option<String>,
        span: Span,
    },
    Local {
        path: String,
        span: Span,
    },
    Tarball {
        tarball: String,
        name: Option<String>,
        span: Span,
    },
    /// Needs dbt's platform.
    Private {
        private: String,
        span: Span,
    },
}
