//! Requests to the account: JSON in, JSON out, tried again where the server did not answer. One request keeps one id over
//! all its attempts, by which the server knows a statement that it has already begun.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::DateTime;
use reqwest::{
    Client, Method, Proxy, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    auth::{HttpAnswer, HttpRequest},
    config::SnowflakeConfig,
    errors,
};
use crate::engine::EngineError;

/// How long one request may be tried again.
const PATIENCE: Duration = Duration::from_secs(120);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// For an answer to a file.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// The server answers a long statement after 45 s with a place to ask again.
const READ_TIMEOUT: Duration = Duration::from_secs(180);

pub struct Http {
    client: Client,
    /// For files, which are longer on their way.
    stores: Client,
    base: String,
    account: String,
    proxy: Option<String>,
}

/// A request to the account.
pub struct Request<'a> {
    /// `/queries/v1/query-request`, or with a query of its own.
    pub path: &'a str,
    pub query: Vec<(&'static str, String)>,
    pub token: Option<&'a str>,
    pub body: Option<&'a Json>,
    pub id: Uuid,
    /// How often it is tried again.
    pub retries: u32,
}

/// Why an attempt failed.
struct Failed {
    why: String,
    /// Of an answer that is no success.
    status: Option<StatusCode>,
    /// Whether another attempt may do better.
    temporary: bool,
    wait: Option<Duration>,
}

impl Http {
    pub fn new(config: &SnowflakeConfig) -> Result<Self, EngineError> {
        Ok(Self {
            client: client(config, READ_TIMEOUT)?,
            stores: client(config, UPLOAD_TIMEOUT)?,
            base: config.base_url(),
            account: config.auth.account.clone(),
            proxy: config.proxy.clone(),
        })
    }

    /// Sends a request until it is answered.
    ///
    /// # Errors
    /// When no attempt was answered with JSON.
    pub async fn send(&self, request: &Request<'_>) -> Result<Json, EngineError> {
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            let failed = match self.once(request, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let pause = failed.wait.unwrap_or_else(|| pause(attempt));
            if !failed.temporary || attempt >= request.retries || begun.elapsed() + pause > PATIENCE {
                return Err(self.unreachable(&self.base, &failed.why));
            }
            tracing::debug!(attempt, path = request.path, why = failed.why, "snowflake: asks again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn once(&self, request: &Request<'_>, attempt: u32) -> Result<Json, Failed> {
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut builder = self
            .client
            .request(method, format!("{}{}", self.base, request.path))
            .query(&[("requestId", request.id.to_string()), ("request_guid", Uuid::new_v4().to_string())])
            .query(&request.query)
            .header(ACCEPT, "application/snowflake");
        if attempt > 0 {
            builder = builder.query(&[("retryCount", attempt.to_string())]);
        }
        if let Some(token) = request.token {
            let mut value = HeaderValue::from_str(&format!("Snowflake Token=\"{token}\""))
                .map_err(|_| Failed::finally("the session token cannot be sent"))?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let body = read(builder).await?;
        serde_json::from_slice(&body).map_err(|error| Failed::for_now(format!("the answer is no JSON ({error})")))
    }

    /// A request of a login, to the account or to a server of access tokens. What the answer says is not judged here.
    ///
    /// # Errors
    /// When `retries` more attempts have reached nobody, or only those who are too busy.
    pub async fn post(
        &self,
        request: &HttpRequest,
        retries: u32,
        wait: Option<Duration>,
    ) -> Result<HttpAnswer, EngineError> {
        let mut attempt = 0;
        loop {
            let failed = match self.post_once(request).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !failed.temporary || attempt >= retries {
                let server: String = request.url.split('/').take(3).collect::<Vec<_>>().join("/");
                return Err(self.unreachable(&server, &failed.why));
            }
            tracing::debug!(attempt, why = failed.why, "snowflake: logs in again");
            tokio::time::sleep(wait.or(failed.wait).unwrap_or_else(|| pause(attempt))).await;
            attempt += 1;
        }
    }

    async fn post_once(&self, request: &HttpRequest) -> Result<HttpAnswer, Failed> {
        let mut builder = self
            .client
            .post(&request.url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, request.content_type)
            .body(request.body.clone());
        if let Some(authorization) = &request.authorization {
            let value = HeaderValue::from_str(authorization.reveal());
            let mut value = value.map_err(|_| Failed::finally("the client's name and secret cannot be sent"))?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        let response = builder.send().await.map_err(lost)?;
        let status = response.status();
        if is_temporary(status) {
            return Err(Failed::refused(&response));
        }
        let date =
            response.headers().get(DATE).and_then(|value| DateTime::parse_from_rfc2822(value.to_str().ok()?).ok());
        let body = unpacked(response).await?;
        Ok(HttpAnswer {
            status: status.as_u16(),
            date: date.map(|date| date.to_utc()),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// A request to a stage's store; the status of the answer.
    ///
    /// # Errors
    /// When no attempt was answered.
    pub async fn object(&self, method: Method, url: &str, headers: &HeaderMap, content: Bytes) -> Result<u16, String> {
        let mut attempt = 0;
        loop {
            let mut builder = self.stores.request(method.clone(), url).headers(headers.clone());
            if method == Method::PUT {
                builder = builder.body(content.clone());
            }
            let failed = match builder.send().await {
                Ok(response) if !is_temporary(response.status()) => return Ok(response.status().as_u16()),
                Ok(response) => Failed::refused(&response),
                Err(error) => lost(error),
            };
            if !failed.temporary || attempt >= 6 {
                return Err(failed.why);
            }
            tokio::time::sleep(failed.wait.unwrap_or_else(|| pause(attempt))).await;
            attempt += 1;
        }
    }

    fn unreachable(&self, server: &str, why: &str) -> EngineError {
        errors::unreachable(server, &self.account, self.proxy.as_deref(), why)
    }

    /// A part of a result, from where the server put it. `None` when its address has expired.
    pub async fn chunk(&self, url: &str, headers: &HeaderMap) -> Result<Option<Vec<u8>>, EngineError> {
        let mut attempt = 0;
        loop {
            let failed = match read(self.client.get(url).headers(headers.clone())).await {
                Ok(body) => return Ok(Some(body)),
                Err(failed) => failed,
            };
            if failed.status == Some(StatusCode::FORBIDDEN) {
                return Ok(None);
            }
            if !failed.temporary || attempt >= 6 {
                return Err(EngineError::Storage {
                    context: "a part of the result cannot be fetched".into(),
                    message: failed.why,
                    path: None,
                });
            }
            tokio::time::sleep(failed.wait.unwrap_or_else(|| pause(attempt))).await;
            attempt += 1;
        }
    }
}

fn pause(attempt: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_PAUSE)
}

fn client(config: &SnowflakeConfig, read_timeout: Duration) -> Result<Client, EngineError> {
    let mut builder = Client::builder()
        .user_agent(concat!("tamis/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read_timeout)
        .referer(false)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(proxy) = &config.proxy {
        let wrong = |error: reqwest::Error| EngineError::Profile {
            message: format!("`proxy_host` and `proxy_port` are no address: {}", causes(&error)),
        };
        builder = builder.proxy(Proxy::all(proxy).map_err(wrong)?);
    }
    builder.build().map_err(|error| EngineError::Storage {
        context: "the HTTP client cannot be set up".into(),
        message: causes(&error),
        path: None,
    })
}

impl Failed {
    fn finally(why: &str) -> Self {
        Self { why: why.to_owned(), status: None, temporary: false, wait: None }
    }

    fn for_now(why: String) -> Self {
        Self { why, status: None, temporary: true, wait: None }
    }

    /// By an answer that is no success.
    fn refused(response: &reqwest::Response) -> Self {
        let status = response.status();
        Self {
            why: status.to_string(),
            status: Some(status),
            temporary: is_temporary(status),
            wait: retry_after(response),
        }
    }
}

async fn read(builder: reqwest::RequestBuilder) -> Result<Vec<u8>, Failed> {
    let response = builder.send().await.map_err(lost)?;
    if !response.status().is_success() {
        return Err(Failed::refused(&response));
    }
    unpacked(response).await
}

/// No answer, or not all of it.
fn lost(error: reqwest::Error) -> Failed {
    let temporary =
        error.is_connect() || error.is_timeout() || error.is_body() || error.is_request() || error.is_decode();
    Failed { temporary, ..Failed::for_now(causes(&error)) }
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(30)))
}

async fn unpacked(response: reqwest::Response) -> Result<Vec<u8>, Failed> {
    let zipped = response.headers().get(CONTENT_ENCODING).is_some_and(|value| value.as_bytes() == b"gzip");
    let body = response.bytes().await.map_err(lost)?;
    if !zipped && !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body.into());
    }
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(body.as_ref())
        .read_to_end(&mut plain)
        .map_err(|error| Failed::for_now(format!("the answer cannot be unpacked ({error})")))?;
    Ok(plain)
}

/// An error with its causes, without the address.
fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() { "the connection failed".to_owned() } else { causes.join(": ") }
}
