//! Where the account is and who logs in.

use std::time::Duration;

use crate::names::Policy;

/// The settings of a profile of type `snowflake`.
#[derive(Clone)]
pub struct SnowflakeConfig {
    /// As in the profile; underscores are hyphens in the address.
    pub account: String,
    pub user: Option<String>,
    pub credentials: Credentials,
    pub role: Option<String>,
    /// `all` or `none`: USE SECONDARY ROLES after the login.
    pub secondary_roles: Option<String>,
    pub warehouse: Option<String>,
    pub database: String,
    pub schema: String,
    /// Whether names of the profile and of models are quoted.
    pub quoting: Policy,
    pub query_tag: Option<String>,
    /// Another address than the account's: host and port, and `http` for test servers.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub protocol: Option<String>,
    /// `http://host:port`.
    pub proxy: Option<String>,
    pub keep_alive: bool,
    pub reuse_connections: bool,
    /// How often a login is tried again when the server could not be reached.
    pub connect_retries: u32,
    pub connect_timeout: Option<Duration>,
    pub retry_on_database_errors: bool,
    pub retry_all: bool,
}

/// How the user proves who they are.
#[derive(Clone)]
pub enum Credentials {
    Password(String),
    /// With a passcode of a second factor, or a push message when there is none.
    Mfa {
        password: String,
        passcode: Option<String>,
    },
    /// An access token of OAuth.
    OAuth(String),
    /// A programmatic access token.
    AccessToken(String),
}

impl SnowflakeConfig {
    /// `https://<account>.snowflakecomputing.com`, or the given host.
    pub fn base_url(&self) -> String {
        let protocol = self.protocol.as_deref().unwrap_or("https");
        let host = match &self.host {
            Some(host) => host.clone(),
            None => format!("{}.snowflakecomputing.com", self.account.replace('_', "-").to_lowercase()),
        };
        match self.port {
            Some(port) => format!("{protocol}://{host}:{port}"),
            None => format!("{protocol}://{host}"),
        }
    }

    /// The account without region and cloud, as the login names it.
    pub fn account_name(&self) -> String {
        let name = self.account.split('.').next().unwrap_or(&self.account);
        name.to_uppercase()
    }

    /// What `debug` shows; no secret.
    pub fn facts(&self) -> Vec<(String, String)> {
        let optional = [("user", &self.user), ("role", &self.role), ("warehouse", &self.warehouse)];
        let mut facts = vec![("account".to_owned(), self.account.clone()), ("address".to_owned(), self.base_url())];
        facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        facts
    }
}
