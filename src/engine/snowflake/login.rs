//! A login: a session token for statements, a master token to renew it. A refused login is never sent again, so that no
//! retry locks a user out.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    auth::{Authenticator, HttpAnswer, HttpRequest, LoginPort, LoginRequest, form_encoded},
    config::SnowflakeConfig,
    errors,
    http::{Http, Request},
    wire::{Answer, LoginData, RenewData},
};
use crate::engine::EngineError;

/// The tokens of a session.
#[derive(Clone)]
pub struct Tokens {
    pub session: String,
    pub master: Option<String>,
    /// As the server calls the session.
    pub session_id: String,
}

/// Logs in.
///
/// # Errors
/// A server that cannot be reached after `connect_retries`, and a login that is refused.
pub async fn log_in(
    http: &Http,
    config: &SnowflakeConfig,
    authenticator: &Authenticator,
) -> Result<Tokens, EngineError> {
    let world = World { http, config };
    let answer = authenticator.login(&world, &login_request(config)).await?;
    let data: LoginData = serde_json::from_value(answer.data).map_err(errors::unread)?;
    let session_id = match data.session_id {
        Json::String(id) => id,
        Json::Null => String::new(),
        other => other.to_string(),
    };
    Ok(Tokens { session: data.token, master: data.master_token, session_id })
}

/// What a session is opened with.
fn login_request(config: &SnowflakeConfig) -> LoginRequest {
    let named = [
        ("warehouse", config.warehouse.as_deref()),
        ("databaseName", Some(config.database.as_str())),
        ("schemaName", Some(config.schema.as_str())),
        ("roleName", config.auth.role.as_deref()),
    ];
    let pairs = named.into_iter().filter_map(|(key, value)| Some((key, value.filter(|value| !value.is_empty())?)));
    let query: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", form_encoded(value))).collect();
    let mut parameters = config.session_parameters.clone();
    for (key, value) in [
        ("AUTOCOMMIT", true.into()),
        ("CLIENT_SESSION_KEEP_ALIVE", config.keep_alive.into()),
        ("CLIENT_VALIDATE_DEFAULT_PARAMETERS", true.into()),
    ] {
        parameters.entry(key).or_insert(value);
    }
    if let Some(tag) = &config.query_tag {
        parameters.insert("QUERY_TAG".into(), tag.as_str().into());
    }
    LoginRequest {
        query: query.join("&"),
        session_parameters: parameters,
        secondary_roles: config.secondary_roles.clone(),
    }
}

/// A login's way to the server and to the person.
struct World<'a> {
    http: &'a Http,
    config: &'a SnowflakeConfig,
}

#[async_trait]
impl LoginPort for World<'_> {
    async fn post(&self, request: &HttpRequest) -> Result<HttpAnswer, EngineError> {
        self.http.post(request, self.config.connect_retries, self.config.connect_pause).await
    }

    fn open_browser(&self, url: &str) -> bool {
        (self.config.open_browser)(url)
    }

    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Another session token for the same session, which keeps its temporary tables and settings.
pub async fn renew(http: &Http, tokens: &Tokens) -> Result<Tokens, EngineError> {
    let Some(master) = &tokens.master else { return Err(errors::session_gone()) };
    let body = json!({ "oldSessionToken": tokens.session, "requestType": "RENEW" });
    let request = Request {
        path: "/session/token-request",
        query: Vec::new(),
        token: Some(master),
        body: Some(&body),
        id: Uuid::new_v4(),
        retries: 4,
    };
    let answer = read(http.send(&request).await?)?;
    if !answer.success {
        return Err(errors::session_gone());
    }
    let data: RenewData = serde_json::from_value(answer.data).map_err(errors::unread)?;
    Ok(Tokens {
        session: data.session_token,
        master: data.master_token.or_else(|| tokens.master.clone()),
        session_id: tokens.session_id.clone(),
    })
}

/// Ends a session on the server. What goes wrong is of no account: the server ends it itself later.
pub async fn log_out(http: &Http, tokens: &Tokens) {
    let request = Request {
        path: "/session",
        query: vec![("delete", "true".into())],
        token: Some(&tokens.session),
        body: Some(&Json::Null),
        id: Uuid::new_v4(),
        retries: 0,
    };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), http.send(&request)).await;
}

pub fn read(json: Json) -> Result<Answer, EngineError> {
    serde_json::from_value(json).map_err(errors::unread)
}
