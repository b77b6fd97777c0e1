//! Opens the warehouse that the profile names. The only place that knows which adapter types this build can run.

#[cfg(feature = "datafusion")]
mod lakehouse;
#[cfg(feature = "snowflake")]
mod snowflake;

use std::sync::Arc;

use crate::{engine::Engine, project::Project};

use super::CommandError;

/// The runtime of an invocation: DataFusion's threads and the engine's tasks run on it.
pub fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("engine")
        .thread_stack_size(8 * 1024 * 1024)
        .build()
        .map_err(|error| CommandError::Write { what: "the thread pool".into(), error })
}

/// Checks the connection; facts about it for `debug`.
pub fn check(project: &Project, run_id: &str) -> Result<Vec<(String, String)>, CommandError> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let engine = open(project, run_id).await?;
        let facts = engine.check().await?;
        engine.close().await?;
        Ok(facts)
    })
}

/// Opens the engine of the project's target.
///
/// # Errors
/// An adapter type that this build cannot run, wrong settings, or a warehouse that cannot be opened.
pub async fn open(project: &Project, run_id: &str) -> Result<Arc<dyn Engine>, CommandError> {
    let profile = project.profile.as_ref();
    let engine = profile.map_or("datafusion", |profile| profile.engine.as_str());
    #[cfg(not(feature = "datafusion"))]
    let _ = run_id;
    match engine {
        #[cfg(feature = "datafusion")]
        "datafusion" => lakehouse::open(project, run_id).await,
        #[cfg(feature = "snowflake")]
        "snowflake" => snowflake::open(project),
        other => Err(CommandError::NotSupported(format!("the adapter type `{other}`"))),
    }
}
