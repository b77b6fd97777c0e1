//! Where the account is and who logs in.

use std::{path::PathBuf, time::Duration};

use serde_json::{Map, Value as Json};

use super::auth::{Account, AuthSettings};
use crate::names::Policy;

/// The settings of a profile of type `snowflake`.
#[derive(Debug, Clone)]
pub struct SnowflakeConfig {
    /// Which account, and who logs in with what.
    pub auth: AuthSettings,
    /// `ALL` or `NONE`.
    pub secondary_roles: Option<String>,
    pub warehouse: Option<String>,
    pub database: String,
    pub schema: String,
    /// Whether names of the profile and of models are quoted.
    pub quoting: Policy,
    pub query_tag: Option<String>,
    /// More parameters of each session.
    pub session_parameters: Map<String, Json>,
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
    /// How long is waited before; without it a quarter of a second, and twice as long each time.
    pub connect_pause: Option<Duration>,
    /// Where tokens of interactive logins are kept.
    pub token_folder: Option<PathBuf>,
    /// Shows an address to the person at this machine. False when there is no way to.
    pub open_browser: fn(&str) -> bool,
}

impl Default for SnowflakeConfig {
    fn default() -> Self {
        Self {
            auth: AuthSettings::default(),
            secondary_roles: None,
            warehouse: None,
            database: String::new(),
            schema: String::new(),
            quoting: Policy { database: false, schema: false, identifier: false },
            query_tag: None,
            session_parameters: Map::new(),
            host: None,
            port: None,
            protocol: None,
            proxy: None,
            keep_alive: false,
            reuse_connections: true,
            connect_retries: 1,
            connect_pause: None,
            token_folder: None,
            open_browser: |_| false,
        }
    }
}

impl SnowflakeConfig {
    /// `https://<account>.snowflakecomputing.com`, or the given host.
    pub fn base_url(&self) -> String {
        let protocol = self.protocol.as_deref().unwrap_or("https");
        let host = match (&self.host, Account::parse(&self.auth.account)) {
            (Some(host), _) => host.clone(),
            (None, Ok(account)) => account.host(),
            // The login says what is wrong with it.
            (None, Err(_)) => self.auth.account.clone(),
        };
        match self.port {
            Some(port) => format!("{protocol}://{host}:{port}"),
            None => format!("{protocol}://{host}"),
        }
    }

    /// What `debug` shows; no secret.
    pub fn facts(&self) -> Vec<(String, String)> {
        let optional = [("user", &self.auth.user), ("role", &self.auth.role), ("warehouse", &self.warehouse)];
        let mut facts =
            vec![("account".to_owned(), self.auth.account.clone()), ("address".to_owned(), self.base_url())];
        facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        facts
    }
}
