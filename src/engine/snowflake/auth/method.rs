//! Which way of logging in a profile asks for, with everything that this way needs.

use std::{fs, path::PathBuf};

use super::{
    Account, Secret,
    key_pair::PrivateKey,
    oauth::{Grant, TokenSource},
};
use crate::engine::EngineError;

/// What a profile says about logging in.
#[derive(Debug, Clone, Default)]
pub struct AuthSettings {
    pub account: String,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// The six digits of an authenticator app.
    pub passcode: Option<Secret>,
    /// The six digits stand at the end of the password.
    pub passcode_in_password: bool,
    pub authenticator: Option<String>,
    pub private_key: Option<Secret>,
    pub private_key_path: Option<PathBuf>,
    pub private_key_passphrase: Option<Secret>,
    pub token: Option<Secret>,
    pub token_file_path: Option<PathBuf>,
    pub oauth_client_id: Option<String>,
    pub oauth_client_secret: Option<Secret>,
    pub oauth_token_request_url: Option<String>,
    pub oauth_scope: Option<String>,
    pub role: Option<String>,
    /// `https://host:port`, the default place to ask for access tokens.
    pub base_url: String,
}

/// One way of logging in.
#[derive(Debug)]
pub enum Method {
    Password {
        password: Secret,
        passcode: Passcode,
        /// Whether the server is asked for a token that stands for the second factor next time.
        keeps_second_factor: bool,
    },
    KeyPair(PrivateKey),
    AccessToken(Secret),
    AccessTokenFrom(TokenSource),
    ProgrammaticToken(Secret),
    Browser,
}

/// How the second factor is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passcode {
    /// Not at all, or by a tap on a phone.
    None,
    Given(Secret),
    InPassword,
}

impl AuthSettings {
    /// The account's name.
    ///
    /// # Errors
    /// [`EngineError::Profile`] for what cannot be an account.
    pub fn account(&self) -> Result<Account, EngineError> {
        Account::parse(&self.account)
    }

    /// Decides how to log in, and reads the key if there is one.
    ///
    /// # Errors
    /// [`EngineError::Profile`] when a setting is missing, contradicts another or is not supported.
    pub fn method(&self) -> Result<Method, EngineError> {
        let authenticator = self.authenticator.as_deref().unwrap_or("").trim().to_ascii_lowercase();
        let has_key = self.private_key.is_some() || self.private_key_path.is_some();
        let method = match authenticator.as_str() {
            "" | "snowflake" if has_key => self.key_pair()?,
            "" | "snowflake" => self.password(false)?,
            "username_password_mfa" => self.password(true)?,
            "snowflake_jwt" => self.key_pair()?,
            "jwt" => Method::AccessToken(self.required_token("jwt")?),
            "oauth" => self.oauth()?,
            "oauth_client_credentials" => self.client_credentials()?,
            "programmatic_access_token" => Method::ProgrammaticToken(match self.given_token()? {
                Some(token) => token,
                None => self.password.clone().ok_or_else(|| missing("token", &authenticator))?,
            }),
            "externalbrowser" => Method::Browser,
            other if other.starts_with("https://") => {
                return Err(unsupported(other, "`externalbrowser` logs in with the same identity provider"));
            }
            other => {
                return Err(unsupported(
                    other,
                    "`snowflake`, `snowflake_jwt`, `username_password_mfa`, `oauth`, \
                `oauth_client_credentials`, `jwt`, `programmatic_access_token` and `externalbrowser` are",
                ));
            }
        };
        let needs_user =
            !matches!(method, Method::AccessToken(_) | Method::AccessTokenFrom(_) | Method::ProgrammaticToken(_));
        if needs_user && self.user.as_deref().is_none_or(str::is_empty) {
            return Err(wrong("`user` is needed for this way of logging in"));
        }
        Ok(method)
    }

    fn password(&self, keeps_second_factor: bool) -> Result<Method, EngineError> {
        let password = self.password.clone().filter(|password| !password.is_empty()).ok_or_else(|| {
            let message = if self.token.is_some() {
                "`token` is set without an `authenticator`: set `oauth`, `jwt` or `programmatic_access_token`"
            } else if self.oauth_client_id.is_some() || self.oauth_client_secret.is_some() {
                "`oauth_client_id` is set without `authenticator: oauth`"
            } else {
                "nothing says how to log in: set `password`, `private_key_path`, or an `authenticator`"
            };
            wrong(message)
        })?;
        let passcode = match &self.passcode {
            _ if self.passcode_in_password => Passcode::InPassword,
            Some(passcode) => Passcode::Given(passcode.clone()),
            None => Passcode::None,
        };
        Ok(Method::Password { password, passcode, keeps_second_factor })
    }

    fn key_pair(&self) -> Result<Method, EngineError> {
        let passphrase = self.private_key_passphrase.as_ref();
        match (&self.private_key, &self.private_key_path) {
            (Some(_), Some(_)) => Err(wrong("only one of `private_key` and `private_key_path` can be set")),
            (Some(text), None) => Ok(Method::KeyPair(PrivateKey::read(text.reveal(), passphrase, "`private_key`")?)),
            (None, Some(path)) => {
                let origin = format!("the private key {}", path.display());
                let bytes = fs::read(path).map_err(|error| wrong(&format!("{origin} cannot be read: {error}")))?;
                // A binary file is DER as it is.
                let text = match String::from_utf8(bytes) {
                    Ok(text) => text,
                    Err(error) => base64::Engine::encode(&base64::prelude::BASE64_STANDARD, error.into_bytes()),
                };
                Ok(Method::KeyPair(PrivateKey::read(&text, passphrase, &origin)?))
            }
            (None, None) => Err(missing("private_key_path", "snowflake_jwt")),
        }
    }

    fn oauth(&self) -> Result<Method, EngineError> {
        let token = self.given_token()?;
        match (&self.oauth_client_id, &self.oauth_client_secret, token) {
            (Some(id), Some(secret), Some(token)) => {
                let default = format!("{}/oauth/token-request", self.base_url);
                let url = self.oauth_token_request_url.clone().unwrap_or(default);
                let grant = Grant::RefreshToken(token);
                Ok(Method::AccessTokenFrom(TokenSource {
                    url,
                    client_id: id.clone(),
                    client_secret: secret.clone(),
                    grant,
                }))
            }
            (Some(_), Some(_), None) if self.oauth_token_request_url.is_some() => self.client_credentials(),
            (Some(_), Some(_), None) => Err(wrong(
                "`oauth` with a client needs a refresh token in `token`, or `oauth_token_request_url` to log in as the client",
            )),
            (Some(_), None, _) => Err(wrong("`oauth_client_id` is set, and `oauth_client_secret` is not")),
            (None, Some(_), _) => Err(wrong("`oauth_client_secret` is set, and `oauth_client_id` is not")),
            (None, None, token) => Ok(Method::AccessToken(token.ok_or_else(|| missing("token", "oauth"))?)),
        }
    }

    fn client_credentials(&self) -> Result<Method, EngineError> {
        let needed = |key: &str| missing(key, "oauth_client_credentials");
        let scope = self.oauth_scope.clone().or_else(|| Some(format!("session:role:{}", self.role.as_ref()?)));
        Ok(Method::AccessTokenFrom(TokenSource {
            url: self.oauth_token_request_url.clone().ok_or_else(|| needed("oauth_token_request_url"))?,
            client_id: self.oauth_client_id.clone().ok_or_else(|| needed("oauth_client_id"))?,
            client_secret: self.oauth_client_secret.clone().ok_or_else(|| needed("oauth_client_secret"))?,
            grant: Grant::ClientCredentials { scope: scope.ok_or_else(|| needed("oauth_scope"))? },
        }))
    }

    fn required_token(&self, authenticator: &str) -> Result<Secret, EngineError> {
        self.given_token()?.ok_or_else(|| missing("token", authenticator))
    }

    /// `token`, or what the file at `token_file_path` holds.
    fn given_token(&self) -> Result<Option<Secret>, EngineError> {
        if let Some(token) = self.token.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(token.clone()));
        }
        let Some(path) = &self.token_file_path else { return Ok(None) };
        let text = fs::read_to_string(path)
            .map_err(|error| wrong(&format!("`token_file_path` {} cannot be read: {error}", path.display())))?;
        Ok(Some(Secret::new(text.trim())))
    }
}

fn wrong(message: &str) -> EngineError {
    EngineError::Profile { message: message.to_owned() }
}

fn missing(key: &str, authenticator: &str) -> EngineError {
    wrong(&format!("`authenticator: {authenticator}` needs `{key}`"))
}

fn unsupported(authenticator: &str, instead: &str) -> EngineError {
    wrong(&format!("`authenticator: {authenticator}` is not supported; {instead}"))
}
