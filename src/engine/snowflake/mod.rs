//! Snowflake over its HTTP protocol: logs in, runs statements, fetches results in order. Sessions are kept for the next
//! node; all are closed at the end.

pub mod auth;
mod chunks;
mod config;
mod errors;
mod http;
mod load;
mod login;
mod metadata;
mod pool;
mod put;
mod query;
mod result;
mod session;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;

pub use config::SnowflakeConfig;

use super::{Capabilities, Engine, EngineError, INCREMENTAL_STRATEGIES, Session};
use http::Http;
use pool::Pool;
use session::SnowflakeSession;

struct Snowflake {
    config: Arc<SnowflakeConfig>,
    capabilities: Capabilities,
    pool: Arc<Pool>,
}

/// Makes the engine. Nothing is sent before the first session.
///
/// # Errors
/// Settings that do not say how to log in, a key that cannot be read, a proxy that is no address.
pub fn open(config: SnowflakeConfig) -> Result<Arc<dyn Engine>, EngineError> {
    let config = Arc::new(config);
    let http = Http::new(&config)?;
    let settings = auth::AuthSettings { base_url: config.base_url(), ..config.auth.clone() };
    let authenticator = auth::Authenticator::new(settings, config.token_folder.as_deref())?;
    Ok(Arc::new(Snowflake {
        capabilities: capabilities(),
        pool: Arc::new(Pool::new(Arc::clone(&config), Arc::new(http), authenticator)),
        config,
    }))
}

fn capabilities() -> Capabilities {
    Capabilities {
        adapter_type: "snowflake",
        parent_types: &[],
        merge: true,
        transactions: true,
        incremental_strategies: INCREMENTAL_STRATEGIES,
        max_identifier_length: Some(255),
        one_statement_per_request: true,
        enforced_constraints: &["not_null"],
    }
}

#[async_trait]
impl Engine for Snowflake {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn session(&self, _name: &str) -> Result<Arc<dyn Session>, EngineError> {
        let connection = self.pool.take().await?;
        Ok(Arc::new(SnowflakeSession::new(Arc::clone(&self.config), Arc::clone(&self.pool), connection)))
    }

    async fn check(&self) -> Result<Vec<(String, String)>, EngineError> {
        let session = self.session("debug").await?;
        let outcome = session.execute("select current_version()", &super::StatementOptions::default()).await?;
        let version = metadata::texts(&outcome, 0).into_iter().next().flatten().unwrap_or_default();
        let mut facts = self.config.facts();
        facts.push(("version".to_owned(), version));
        facts.extend(
            session
                .last_statement()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.as_str().unwrap_or("").to_owned())),
        );
        Ok(facts)
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.pool.close().await;
        Ok(())
    }
}
