//! A login: a session token for statements, a master token to renew it. A refused login is never sent again, so that no
//! retry locks a user out.

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{
    config::{Credentials, SnowflakeConfig},
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
pub async fn log_in(http: &Http, config: &SnowflakeConfig) -> Result<Tokens, EngineError> {
    let body = json!({ "data": login_data(config) });
    let named = [
        ("warehouse", config.warehouse.as_ref()),
        ("databaseName", Some(&config.database)),
        ("schemaName", Some(&config.schema)),
        ("roleName", config.role.as_ref()),
    ];
    let request = Request {
        path: "/session/v1/login-request",
        query: named.into_iter().filter_map(|(key, value)| Some((key, value?.clone()))).collect(),
        token: None,
        body: Some(&body),
        id: Uuid::new_v4(),
        retries: config.connect_retries,
    };
    let answer = read(http.send(&request).await?)?;
    if !answer.success {
        return Err(errors::refused(config, &answer));
    }
    let data: LoginData = serde_json::from_value(answer.data).map_err(errors::unread)?;
    let session_id = match data.session_id {
        Json::String(id) => id,
        Json::Null => String::new(),
        other => other.to_string(),
    };
    Ok(Tokens { session: data.token, master: data.master_token, session_id })
}

/// The body of the login. The server formats results by the name of a driver that it knows.
fn login_data(config: &SnowflakeConfig) -> Map<String, Json> {
    let mut data = Map::new();
    let mut put = |key: &str, value: Json| data.insert(key.to_owned(), value);
    put("CLIENT_APP_ID", "Go".into());
    put("CLIENT_APP_VERSION", "1.17.0".into());
    put("SVN_REVISION", "".into());
    put("ACCOUNT_NAME", config.account_name().into());
    put(
        "CLIENT_ENVIRONMENT",
        json!({ "APPLICATION": "tamis", "OS": std::env::consts::OS, "OS_VERSION": "", "OCSP_MODE": "FAIL_OPEN" }),
    );
    let mut parameters = json!({
        "AUTOCOMMIT": true,
        "CLIENT_SESSION_KEEP_ALIVE": config.keep_alive,
        "CLIENT_VALIDATE_DEFAULT_PARAMETERS": true,
    });
    if let Some(tag) = &config.query_tag {
        parameters["QUERY_TAG"] = tag.as_str().into();
    }
    put("SESSION_PARAMETERS", parameters);
    if let Some(user) = &config.user {
        put("LOGIN_NAME", user.as_str().into());
    }
    match &config.credentials {
        Credentials::Password(password) => {
            put("PASSWORD", password.as_str().into());
        }
        Credentials::Mfa { password, passcode } => {
            put("AUTHENTICATOR", "USERNAME_PASSWORD_MFA".into());
            put("PASSWORD", password.as_str().into());
            put("EXT_AUTHN_DUO_METHOD", if passcode.is_some() { "passcode" } else { "push" }.into());
            if let Some(passcode) = passcode {
                put("PASSCODE", passcode.as_str().into());
            }
        }
        Credentials::OAuth(token) => {
            put("AUTHENTICATOR", "OAUTH".into());
            put("TOKEN", token.as_str().into());
        }
        Credentials::AccessToken(token) => {
            put("AUTHENTICATOR", "PROGRAMMATIC_ACCESS_TOKEN".into());
            put("TOKEN", token.as_str().into());
        }
    }
    data
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

/// Says that the session is still in use.
pub async fn heartbeat(http: &Http, tokens: &Tokens) {
    let request = Request {
        path: "/session/heartbeat",
        query: Vec::new(),
        token: Some(&tokens.session),
        body: Some(&Json::Null),
        id: Uuid::new_v4(),
        retries: 1,
    };
    let _ = http.send(&request).await;
}

pub fn read(json: Json) -> Result<Answer, EngineError> {
    serde_json::from_value(json).map_err(errors::unread)
}
