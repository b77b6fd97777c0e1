//! What a login needs of the world: HTTP, a browser, a clock. Tests give their own.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Secret;
use crate::engine::EngineError;

/// One POST.
#[derive(Debug)]
pub struct HttpRequest {
    pub url: String,
    pub content_type: &'static str,
    pub authorization: Option<Secret>,
    pub body: String,
}

/// Its answer.
#[derive(Debug, Clone, Default)]
pub struct HttpAnswer {
    pub status: u16,
    /// When the server answered, by its own clock.
    pub date: Option<DateTime<Utc>>,
    pub body: String,
}

/// The world of a login.
#[async_trait]
pub trait LoginPort: Send + Sync {
    /// Sends a request, again when it never reached the server or was turned away as too much (429, 503), bounded.
    async fn post(&self, request: &HttpRequest) -> Result<HttpAnswer, EngineError>;

    /// Shows an address to the person at this machine. False when there is no way to.
    fn open_browser(&self, url: &str) -> bool;

    fn now(&self) -> DateTime<Utc>;
}
