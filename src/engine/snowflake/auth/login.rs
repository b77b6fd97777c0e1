//! The conversation of a login: one or more requests until there is a session, or a refusal.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::{
    Account, AuthSettings, Method, Secret,
    browser::Callback,
    method::Passcode,
    oauth::{AccessToken, TokenSource},
    port::{HttpRequest, LoginPort},
    refused,
    token_cache::{TokenCache, TokenKind},
};
use crate::engine::EngineError;

const APPLICATION: &str = "tamis";
/// An access token that is good for less is not used any more.
const MARGIN: Duration = Duration::from_secs(60);

/// Logs in, for all sessions of a run.
///
/// Until the first login has succeeded there is only one at a time, and after a refusal there is none: a wrong password
/// is sent once, however many threads there are, since a few failures lock a user.
pub struct Authenticator {
    settings: AuthSettings,
    account: Account,
    method: Method,
    cache: Option<TokenCache>,
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct Gate {
    has_succeeded: bool,
    refusal: Option<String>,
    access_token: Option<(AccessToken, DateTime<Utc>)>,
    id_token: Option<Secret>,
    mfa_token: Option<Secret>,
}

/// What a login asks for besides a session.
#[derive(Debug, Clone, Default)]
pub struct LoginRequest {
    /// Parameters of the address, encoded: `databaseName=…&roleName=…`.
    pub query: String,
    pub session_parameters: Map<String, Value>,
    /// `ALL` or `NONE`.
    pub secondary_roles: Option<String>,
}

/// A refused login has no `data` worth reading.
#[derive(Debug)]
pub struct LoginAnswer {
    /// `data` of the answer: tokens, session id, names in use.
    pub data: Value,
}

impl Authenticator {
    /// `cache_folder` is where tokens of interactive logins are kept, if they are.
    ///
    /// # Errors
    /// [`EngineError::Profile`] when the settings do not say how to log in.
    pub fn new(settings: AuthSettings, cache_folder: Option<&Path>) -> Result<Arc<Self>, EngineError> {
        let account = settings.account()?;
        let method = settings.method()?;
        let host = settings.base_url.split("://").last().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        let cache = match (cache_folder, settings.user.as_deref()) {
            (Some(folder), Some(user)) => Some(TokenCache::new(folder, host, user)),
            _ => None,
        };
        let gate = Gate {
            id_token: cache.as_ref().and_then(|cache| cache.get(TokenKind::Id)),
            mfa_token: cache.as_ref().and_then(|cache| cache.get(TokenKind::Mfa)),
            ..Gate::default()
        };
        Ok(Arc::new(Self { settings, account, method, cache, gate: Mutex::new(gate) }))
    }

    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`EngineError::Profile`] for a refusal, with what to change; what the port says when nobody answers.
    pub async fn login(&self, port: &dyn LoginPort, request: &LoginRequest) -> Result<LoginAnswer, EngineError> {
        let mut gate = self.gate.lock().await;
        if let Some(refusal) = &gate.refusal {
            return Err(EngineError::Profile { message: refusal.clone() });
        }
        if gate.has_succeeded && !self.is_interactive() {
            let fields = self.fields(port, &mut gate).await?;
            drop(gate);
            let attempt = self.attempt(port, request, fields).await?;
            return match attempt {
                Attempt::Opened(data) => Ok(LoginAnswer { data }),
                Attempt::Refused(refusal) => {
                    let mut gate = self.gate.lock().await;
                    self.again_or_refused(port, request, refusal, &mut gate).await
                }
            };
        }
        let fields = self.fields(port, &mut gate).await?;
        match self.attempt(port, request, fields).await? {
            Attempt::Opened(data) => {
                self.keep(&mut gate, &data);
                gate.has_succeeded = true;
                Ok(LoginAnswer { data })
            }
            Attempt::Refused(refusal) => self.again_or_refused(port, request, refusal, &mut gate).await,
        }
    }

    /// Whether a person may be asked: then one login at a time, always.
    fn is_interactive(&self) -> bool {
        matches!(self.method, Method::Browser | Method::Password { keeps_second_factor: true, .. })
    }

    /// After a refusal: one more login if what was refused is a token that can be replaced, else no login ever again.
    async fn again_or_refused(
        &self,
        port: &dyn LoginPort,
        request: &LoginRequest,
        first: Refusal,
        gate: &mut MutexGuard<'_, Gate>,
    ) -> Result<LoginAnswer, EngineError> {
        let mut refusal = first;
        let had_mfa_token = gate.mfa_token.take().is_some();
        if had_mfa_token {
            self.forget(TokenKind::Mfa);
        }
        if refused::is_stale_token(&self.method, &refusal.code) {
            gate.access_token = None;
            if gate.id_token.take().is_some() {
                self.forget(TokenKind::Id);
            }
            let fields = self.fields(port, gate).await?;
            match self.attempt(port, request, fields).await? {
                Attempt::Opened(data) => {
                    self.keep(gate, &data);
                    gate.has_succeeded = true;
                    return Ok(LoginAnswer { data });
                }
                Attempt::Refused(second) => refusal = second,
            }
        }
        let remedy = refused::remedy(&self.method, &refusal.code, refusal.skew);
        let who = self.settings.user.as_deref().map_or_else(String::new, |user| format!(" of `{user}`"));
        let message = format!(
            "{} refused the login{who}: {} ({}); {remedy}",
            self.settings.base_url, refusal.message, refusal.code
        );
        gate.refusal = Some(message.clone());
        Err(EngineError::Profile { message })
    }

    fn forget(&self, kind: TokenKind) {
        if let Some(cache) = &self.cache {
            cache.set(kind, None);
        }
    }

    /// Remembers what the server gave for next time.
    fn keep(&self, gate: &mut Gate, data: &Value) {
        let given = |key: &str| data.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Secret::new);
        for (kind, token, held) in [
            (TokenKind::Id, given("idToken"), &mut gate.id_token),
            (TokenKind::Mfa, given("mfaToken"), &mut gate.mfa_token),
        ] {
            if let Some(token) = token {
                if let Some(cache) = &self.cache {
                    cache.set(kind, Some(&token));
                }
                *held = Some(token);
            }
        }
    }

    /// What this login puts into `data`.
    async fn fields(&self, port: &dyn LoginPort, gate: &mut Gate) -> Result<Map<String, Value>, EngineError> {
        let user = self.settings.user.as_deref().unwrap_or_default();
        let fields = match &self.method {
            Method::Password { password, passcode, keeps_second_factor } => {
                let mut fields = json!({"LOGIN_NAME": user, "PASSWORD": password.reveal()});
                match passcode {
                    Passcode::None => {}
                    Passcode::Given(code) => {
                        fields["EXT_AUTHN_DUO_METHOD"] = "passcode".into();
                        fields["PASSCODE"] = code.reveal().into();
                    }
                    Passcode::InPassword => fields["EXT_AUTHN_DUO_METHOD"] = "passcode".into(),
                }
                if *keeps_second_factor && let Some(token) = &gate.mfa_token {
                    fields["TOKEN"] = token.reveal().into();
                }
                fields
            }
            Method::KeyPair(key) => {
                let token = key.token(&self.account, user, port.now())?;
                json!({"LOGIN_NAME": user, "AUTHENTICATOR": "SNOWFLAKE_JWT", "TOKEN": token.reveal()})
            }
            Method::AccessToken(token) => with_user(user, "OAUTH", token),
            Method::AccessTokenFrom(source) => with_user(user, "OAUTH", &access_token(port, source, gate).await?),
            Method::ProgrammaticToken(token) => with_user(user, "PROGRAMMATIC_ACCESS_TOKEN", token),
            Method::Browser => match &gate.id_token {
                Some(token) => with_user(user, "ID_TOKEN", token),
                None => self.browser(port, user).await?,
            },
        };
        match fields {
            Value::Object(fields) => Ok(fields),
            _ => Ok(Map::new()),
        }
    }

    /// Asks for the identity provider's address, shows it, and waits for the redirect.
    async fn browser(&self, port: &dyn LoginPort, user: &str) -> Result<Value, EngineError> {
        let callback = Callback::listen().await?;
        let mut data = self.client();
        data.insert("LOGIN_NAME".into(), user.into());
        data.insert("AUTHENTICATOR".into(), "EXTERNALBROWSER".into());
        data.insert("BROWSER_MODE_REDIRECT_PORT".into(), callback.port().to_string().into());
        let answer = self.send(port, "/session/authenticator-request", &json!({"data": data})).await?;
        let text = |key: &str| answer.pointer(&format!("/data/{key}")).and_then(Value::as_str);
        let (Some(url), Some(proof)) = (text("ssoUrl"), text("proofKey")) else {
            let said = answer.get("message").and_then(Value::as_str).unwrap_or("no address was given");
            return Err(EngineError::Profile {
                message: format!("login with the browser is not possible for `{user}`: {said}"),
            });
        };
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(EngineError::Profile { message: "the server gave no web address to log in at".into() });
        }
        if !port.open_browser(url) {
            return Err(EngineError::Profile {
                message:
                    "`authenticator: externalbrowser` needs a browser on this machine; use a key pair or an access \
                          token where there is none"
                        .into(),
            });
        }
        let token = callback.token().await?;
        Ok(json!({
            "LOGIN_NAME": user,
            "AUTHENTICATOR": "EXTERNALBROWSER",
            "TOKEN": token.reveal(),
            "PROOF_KEY": proof,
        }))
    }

    /// Sends a login, and whatever more the server wants to know for it.
    async fn attempt(
        &self,
        port: &dyn LoginPort,
        request: &LoginRequest,
        fields: Map<String, Value>,
    ) -> Result<Attempt, EngineError> {
        let mut data = self.client();
        data.extend(fields);
        let mut parameters = request.session_parameters.clone();
        if self.is_interactive() {
            let key = if matches!(self.method, Method::Browser) {
                "CLIENT_STORE_TEMPORARY_CREDENTIAL"
            } else {
                "CLIENT_REQUEST_MFA_TOKEN"
            };
            parameters.insert(key.into(), true.into());
        }
        if !parameters.is_empty() {
            data.insert("SESSION_PARAMETERS".into(), parameters.into());
        }
        if let Some(roles) = &request.secondary_roles {
            data.insert("SECONDARY_ROLES".into(), roles.to_uppercase().into());
        }
        let address = format!("/session/v1/login-request?{}", request.query);
        let mut answer = self.send(port, &address, &json!({"data": data})).await?;
        let next = |answer: &Value| answer.pointer("/data/nextAction").and_then(Value::as_str).map(str::to_owned);
        if matches!(next(&answer).as_deref(), Some("EXT_AUTHN_DUO_ALL" | "EXT_AUTHN_DUO_PUSH_N_PASSCODE")) {
            // A tap on the phone. The server answers when it came.
            data.insert("EXT_AUTHN_DUO_METHOD".into(), "push".into());
            let body = json!({"data": data, "inFlightCtx": answer.pointer("/data/inFlightCtx")});
            answer = self.send(port, &address, &body).await?;
            if next(&answer).as_deref() == Some("EXT_AUTHN_SUCCESS") {
                let body = json!({"data": self.client(), "inFlightCtx": answer.pointer("/data/inFlightCtx")});
                answer = self.send(port, &address, &body).await?;
            }
        }
        if next(&answer).as_deref() == Some("PWD_CHANGE") {
            return Ok(Attempt::Refused(Refusal {
                code: "390106".into(),
                message: "the password must be changed first".into(),
                skew: None,
            }));
        }
        let is_open = answer.get("success").and_then(Value::as_bool).unwrap_or(false)
            && answer.pointer("/data/token").is_some_and(Value::is_string);
        if is_open {
            return Ok(Attempt::Opened(answer.get_mut("data").map(Value::take).unwrap_or_default()));
        }
        let text = |key: &str| match answer.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        Ok(Attempt::Refused(Refusal {
            code: text("code").unwrap_or_else(|| "no code".into()),
            message: text("message").unwrap_or_else(|| "no reason given".into()).trim_end_matches('.').to_owned(),
            skew: answer.get(SKEW).and_then(Value::as_i64),
        }))
    }

    /// Who we are, in every request of a login.
    fn client(&self) -> Map<String, Value> {
        let fields = [
            // The server formats results by the name of a driver that it knows.
            ("CLIENT_APP_ID", Value::from("Go")),
            ("CLIENT_APP_VERSION", "1.17.0".into()),
            ("SVN_REVISION", "".into()),
            ("ACCOUNT_NAME", self.account.name().into()),
            ("CLIENT_ENVIRONMENT", json!({"APPLICATION": APPLICATION, "OS": std::env::consts::OS})),
        ];
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Sends a request; all attempts of it have one id.
    async fn send(&self, port: &dyn LoginPort, address: &str, body: &Value) -> Result<Value, EngineError> {
        let joint = if address.contains('?') { "&" } else { "?" };
        let request = HttpRequest {
            url: format!("{}{address}{joint}request_id={}", self.settings.base_url, Uuid::new_v4()),
            content_type: "application/json",
            authorization: None,
            body: body.to_string(),
        };
        let answer = port.post(&request).await?;
        let mut value = match (answer.status, serde_json::from_str::<Value>(&answer.body)) {
            (200..=299, Ok(value)) if value.is_object() => value,
            (403 | 404, _) => {
                return Err(EngineError::Profile {
                    message: format!(
                        "{} knows no such account (HTTP status {}); check `account`",
                        self.settings.base_url, answer.status
                    ),
                });
            }
            (status, _) => {
                return Err(EngineError::Storage {
                    context: format!("the login at {} failed", self.settings.base_url),
                    message: format!(
                        "HTTP status {status} without an answer of Snowflake's; check `account`, `host` and the proxy"
                    ),
                    path: None,
                });
            }
        };
        if let Some(date) = answer.date {
            value[SKEW] = (port.now() - date).num_seconds().into();
        }
        Ok(value)
    }
}

/// Where the answer of a login carries how many seconds this machine's clock is ahead.
const SKEW: &str = "tamis.skew";

enum Attempt {
    Opened(Value),
    Refused(Refusal),
}

struct Refusal {
    code: String,
    message: String,
    skew: Option<i64>,
}

fn with_user(user: &str, authenticator: &str, token: &Secret) -> Value {
    json!({"LOGIN_NAME": user, "AUTHENTICATOR": authenticator, "TOKEN": token.reveal()})
}

/// The access token of before while it is good, else a new one.
async fn access_token(port: &dyn LoginPort, source: &TokenSource, gate: &mut Gate) -> Result<Secret, EngineError> {
    if let Some((held, since)) = &gate.access_token {
        let age = (port.now() - *since).to_std().unwrap_or_default();
        if held.lifetime.is_none_or(|lifetime| age + MARGIN < lifetime) {
            return Ok(held.token.clone());
        }
    }
    let (authorization, body) = source.request();
    let request = HttpRequest {
        url: source.url.clone(),
        content_type: "application/x-www-form-urlencoded;charset=utf-8",
        authorization: Some(authorization),
        body,
    };
    let answer = source.answer(&port.post(&request).await?)?;
    let token = answer.token.clone();
    gate.access_token = Some((answer, port.now()));
    Ok(token)
}
