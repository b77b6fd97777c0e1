//! OAuth: the request for an access token, and what its answer says.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Secret, port::HttpAnswer};
use crate::engine::EngineError;

/// An access token, and for how long it is good.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub token: Secret,
    pub lifetime: Option<Duration>,
}

/// What is given for an access token.
#[derive(Debug, Clone)]
pub enum Grant {
    RefreshToken(Secret),
    /// For the application itself, with the rights of `scope`.
    ClientCredentials {
        scope: String,
    },
}

/// Who asks whom for access tokens.
#[derive(Debug, Clone)]
pub struct TokenSource {
    pub url: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub grant: Grant,
}

impl TokenSource {
    /// `Authorization` header and form of the request.
    pub fn request(&self) -> (Secret, String) {
        let basic = STANDARD.encode(format!("{}:{}", self.client_id, self.client_secret.reveal()));
        let pairs = match &self.grant {
            Grant::RefreshToken(token) => vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", token.reveal()),
                // Nothing is redirected; the server wants one all the same.
                ("redirect_uri", "http://localhost:9999"),
            ],
            Grant::ClientCredentials { scope } => vec![("grant_type", "client_credentials"), ("scope", scope.as_str())],
        };
        let form: Vec<String> =
            pairs.into_iter().map(|(key, value)| format!("{key}={}", form_encoded(value))).collect();
        (Secret::new(format!("Basic {basic}")), form.join("&"))
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`EngineError::Profile`] when the server refuses, with its reason and what to change.
    pub fn answer(&self, answer: &HttpAnswer) -> Result<AccessToken, EngineError> {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        if let Some(token) = body.get("access_token").and_then(Value::as_str) {
            let lifetime = body.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
            return Ok(AccessToken { token: Secret::new(token), lifetime });
        }
        let said = ["error_description", "message", "error"]
            .iter()
            .find_map(|key| body.get(key).and_then(Value::as_str))
            .map_or_else(|| format!("HTTP status {}", answer.status), str::to_owned);
        let remedy = match (&self.grant, body.get("error").and_then(Value::as_str)) {
            (_, Some("invalid_client" | "unauthorized_client")) => "check `oauth_client_id` and `oauth_client_secret`",
            (Grant::RefreshToken(_), _) => "the refresh token in `token` may have expired: a new one is needed",
            (Grant::ClientCredentials { .. }, Some("invalid_scope")) => "check `oauth_scope` and `role`",
            (Grant::ClientCredentials { .. }, _) => "check `oauth_token_request_url` and the client's rights",
        };
        Err(EngineError::Profile { message: format!("{} gave no access token ({said}); {remedy}", self.url) })
    }
}

/// `application/x-www-form-urlencoded`.
pub fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(grant: Grant) -> TokenSource {
        TokenSource {
            url: "https://idp.example/token".into(),
            client_id: "app".into(),
            client_secret: Secret::new("s3cret&"),
            grant,
        }
    }

    #[test]
    fn the_form_is_encoded_and_the_client_is_in_the_header() {
        let (header, form) = source(Grant::RefreshToken(Secret::new("a+b/c="))).request();
        assert_eq!(header.reveal(), "Basic YXBwOnMzY3JldCY=");
        assert_eq!(
            form,
            "grant_type=refresh_token&refresh_token=a%2Bb%2Fc%3D&redirect_uri=http%3A%2F%2Flocalhost%3A9999"
        );
        let (_, form) = source(Grant::ClientCredentials { scope: "session:role:LOADER x".into() }).request();
        assert_eq!(form, "grant_type=client_credentials&scope=session%3Arole%3ALOADER+x");
    }

    #[test]
    fn a_refusal_says_what_to_change_and_shows_no_secret() {
        for (grant, body, expected) in [
            (Grant::RefreshToken(Secret::new("rt")), r#"{"error":"invalid_grant"}"#, "a new one is needed"),
            (Grant::RefreshToken(Secret::new("rt")), r#"{"error":"invalid_client"}"#, "check `oauth_client_id`"),
            (Grant::ClientCredentials { scope: "x".into() }, r#"{"error":"invalid_scope"}"#, "check `oauth_scope`"),
            (Grant::ClientCredentials { scope: "x".into() }, "<html>", "HTTP status 400"),
        ] {
            let answer = HttpAnswer { status: 400, date: None, body: body.into() };
            let error = source(grant).answer(&answer).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
