//! The settings of Snowflake, from the profile. Their names and defaults are dbt-snowflake's.

use std::{sync::Arc, time::Duration};

use crate::{
    cli::CommandError,
    diagnostic::Diagnostic,
    engine::{
        Engine,
        snowflake::{Credentials, SnowflakeConfig, open as open_snowflake},
    },
    jinja::Value,
    manifest::project_quoting,
    project::{Profile, Project},
};

pub fn open(project: &Project) -> Result<Arc<dyn Engine>, CommandError> {
    let profile = project.profile.as_ref().ok_or_else(|| Diagnostic::error("profile", "no profile was found"))?;
    let account = required(profile, "account")?;
    let reader = Reader { profile };
    let keep_alive = reader.flag("client_session_keep_alive")?.unwrap_or(false);
    let config = SnowflakeConfig {
        account,
        user: profile.text("user").map(str::to_owned),
        credentials: credentials(profile)?,
        role: profile.text("role").map(str::to_owned),
        secondary_roles: profile.text("secondary_roles").map(str::to_owned),
        warehouse: profile.text("warehouse").map(str::to_owned),
        database: profile.database.clone().unwrap_or_default(),
        schema: profile.schema.clone(),
        quoting: project_quoting(project),
        query_tag: profile.text("query_tag").map(str::to_owned),
        host: profile.text("host").map(str::to_owned),
        port: reader.number("port")?,
        protocol: profile.text("protocol").map(str::to_owned),
        proxy: proxy(&reader)?,
        keep_alive,
        // Sessions that are kept alive are not kept for others unless the profile says so.
        reuse_connections: reader.flag("reuse_connections")?.unwrap_or(!keep_alive),
        connect_retries: reader.number("connect_retries")?.unwrap_or(1),
        connect_timeout: reader.number("connect_timeout")?.map(Duration::from_secs),
        retry_on_database_errors: reader.flag("retry_on_database_errors")?.unwrap_or(false),
        retry_all: reader.flag("retry_all")?.unwrap_or(false),
    };
    if reader.flag("insecure_mode")? == Some(true) {
        return Err(
            reader.wrong("insecure_mode", "`insecure_mode` is not supported: certificates are always checked".into())
        );
    }
    Ok(open_snowflake(config)?)
}

fn required(profile: &Profile, key: &str) -> Result<String, CommandError> {
    let missing = || {
        Diagnostic::error("profile-setting", format!("`{key}` is missing")).at(profile.span, "in this output").into()
    };
    profile.text(key).map(str::to_owned).ok_or_else(missing)
}

fn credentials(profile: &Profile) -> Result<Credentials, CommandError> {
    let authenticator = profile.text("authenticator").unwrap_or("snowflake").to_lowercase();
    Ok(match authenticator.as_str() {
        "oauth" | "jwt" => Credentials::OAuth(required(profile, "token")?),
        "programmatic_access_token" => Credentials::AccessToken(
            profile.text("token").map_or_else(|| required(profile, "password"), |token| Ok(token.to_owned()))?,
        ),
        "username_password_mfa" => Credentials::Mfa {
            password: required(profile, "password")?,
            passcode: profile.text("passcode").map(str::to_owned),
        },
        "snowflake" => Credentials::Password(required(profile, "password")?),
        other => return Err(CommandError::NotSupported(format!("the authenticator `{other}`"))),
    })
}

fn proxy(reader: &Reader<'_>) -> Result<Option<String>, CommandError> {
    let Some(host) = reader.profile.text("proxy_host") else { return Ok(None) };
    let port: u16 = reader.number("proxy_port")?.unwrap_or(8080);
    let scheme = if host.contains("://") { "" } else { "http://" };
    Ok(Some(format!("{scheme}{host}:{port}")))
}

/// Reads settings of other types than text.
struct Reader<'a> {
    profile: &'a Profile,
}

impl Reader<'_> {
    fn wrong(&self, key: &str, message: String) -> CommandError {
        let diagnostic = Diagnostic::error("profile-setting", message);
        match self.profile.spans.get(key) {
            Some(span) => diagnostic.at(*span, "").into(),
            None => diagnostic.into(),
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.profile.settings.get(key).filter(|value| !value.is_none())
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, CommandError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.to_str().to_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            other => Err(self.wrong(key, format!("`{key}` must be true or false, found `{other}`"))),
        }
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, CommandError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let text = value.to_str();
        let wrong = || self.wrong(key, format!("`{key}` must be a whole number, found `{text}`"));
        text.trim().parse().map(Some).map_err(|_| wrong())
    }
}
