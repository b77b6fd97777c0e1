//! The settings of Snowflake, from the profile and from `connections.toml`. Their names and defaults are dbt-snowflake's.

use std::{
    env,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use crate::{
    cli::CommandError,
    diagnostic::Diagnostic,
    engine::{
        Engine,
        snowflake::{
            SnowflakeConfig,
            auth::{AuthSettings, Secret, read_connection},
            open as open_snowflake,
        },
    },
    jinja::Value,
    manifest::project_quoting,
    project::{Profile, Project},
};

pub fn open(project: &Project) -> Result<Arc<dyn Engine>, CommandError> {
    let profile = project.profile.as_ref().ok_or_else(|| Diagnostic::error("profile", "no profile was found"))?;
    let settings = Settings::of(profile)?;
    if settings.flag("insecure_mode")? == Some(true) {
        let message = "`insecure_mode` is not supported: certificates are always checked";
        return Err(settings.wrong("insecure_mode", message.into()));
    }
    // Both say which failures of a login are tried again. Here those are that send nothing to the server; a refusal is
    // final.
    settings.flag("retry_on_database_errors")?;
    settings.flag("retry_all")?;
    let keep_alive = settings.flag("client_session_keep_alive")?.unwrap_or(false);
    let mut config = SnowflakeConfig {
        auth: auth(&settings)?,
        secondary_roles: secondary_roles(&settings)?,
        warehouse: settings.text("warehouse"),
        database: profile.database.clone().unwrap_or_default(),
        schema: profile.schema.clone(),
        quoting: project_quoting(project),
        query_tag: settings.text("query_tag"),
        host: settings.text("host"),
        port: settings.number("port")?,
        protocol: protocol(&settings)?,
        proxy: proxy(&settings)?,
        keep_alive,
        // Sessions that are kept alive are not kept for others unless the profile says so.
        reuse_connections: settings.flag("reuse_connections")?.unwrap_or(!keep_alive),
        connect_retries: settings.number("connect_retries")?.unwrap_or(1),
        connect_pause: settings.number("connect_timeout")?.map(Duration::from_secs),
        token_folder: token_folder(),
        open_browser,
        ..SnowflakeConfig::default()
    };
    let parameters = settings.value("session_parameters").and_then(Value::pairs).unwrap_or_default();
    config.session_parameters = parameters.into_iter().map(|(key, value)| (key.to_str(), value.to_json())).collect();
    if let Some(name) = settings.text("s3_stage_vpce_dns_name") {
        config.session_parameters.insert("S3_STAGE_VPCE_DNS_NAME".into(), name.into());
    }
    Ok(open_snowflake(config)?)
}

fn auth(settings: &Settings<'_>) -> Result<AuthSettings, CommandError> {
    let secret = |key: &str| settings.text(key).map(Secret::new);
    let path = |key: &str| settings.text(key).map(|text| from_home(&text));
    let account = settings.text("account").ok_or_else(|| {
        let error =
            Diagnostic::error("profile-setting", "`account` is missing").at(settings.profile.span, "in this output");
        error.help("add `account: organization-account`, or a `connection_name` of connections.toml that has it")
    })?;
    Ok(AuthSettings {
        account,
        user: settings.text("user"),
        password: secret("password"),
        passcode: secret("passcode"),
        passcode_in_password: settings.flag("passcode_in_password")?.unwrap_or(false),
        authenticator: settings.text("authenticator"),
        private_key: secret("private_key"),
        private_key_path: path("private_key_path"),
        private_key_passphrase: secret("private_key_passphrase"),
        token: secret("token"),
        token_file_path: path("token_file_path"),
        oauth_client_id: settings.text("oauth_client_id"),
        oauth_client_secret: secret("oauth_client_secret"),
        oauth_token_request_url: settings.text("oauth_token_request_url"),
        oauth_scope: settings.text("oauth_scope"),
        role: settings.text("role"),
        base_url: String::new(),
    })
}

fn secondary_roles(settings: &Settings<'_>) -> Result<Option<String>, CommandError> {
    let Some(roles) = settings.text("secondary_roles") else { return Ok(None) };
    let upper = roles.to_uppercase();
    if upper == "ALL" || upper == "NONE" {
        return Ok(Some(upper));
    }
    Err(settings.wrong("secondary_roles", format!("`secondary_roles` must be `all` or `none`, found `{roles}`")))
}

fn protocol(settings: &Settings<'_>) -> Result<Option<String>, CommandError> {
    match settings.text("protocol") {
        Some(text) if text != "http" && text != "https" => {
            Err(settings.wrong("protocol", format!("`protocol` must be `https` or `http`, found `{text}`")))
        }
        protocol => Ok(protocol),
    }
}

fn proxy(settings: &Settings<'_>) -> Result<Option<String>, CommandError> {
    let Some(host) = settings.text("proxy_host") else { return Ok(None) };
    let port: u16 = settings.number("proxy_port")?.unwrap_or(8080);
    let scheme = if host.contains("://") { "" } else { "http://" };
    Ok(Some(format!("{scheme}{host}:{port}")))
}

/// What the profile says, and where it is silent the connection of `connections.toml` that it names.
struct Settings<'a> {
    profile: &'a Profile,
    connection: Vec<(String, String)>,
}

impl<'a> Settings<'a> {
    fn of(profile: &'a Profile) -> Result<Self, CommandError> {
        let mut settings = Self { profile, connection: Vec::new() };
        if let Some(name) = settings.text("connection_name") {
            settings.connection = read_connection(&connections_folder(), &name)?;
        }
        Ok(settings)
    }

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

    /// An empty text is none: what an unset variable of the environment leaves.
    fn text(&self, key: &str) -> Option<String> {
        let written = self.value(key).map(Value::to_str);
        let shared = || self.connection.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        written.or_else(shared).filter(|text| !text.is_empty())
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, CommandError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        match text.to_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            other => Err(self.wrong(key, format!("`{key}` must be true or false, found `{other}`"))),
        }
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, CommandError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let wrong = || self.wrong(key, format!("`{key}` must be a whole number, found `{text}`"));
        text.trim().parse().map(Some).map_err(|_| wrong())
    }
}

fn home() -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    env::var_os(name).filter(|home| !home.is_empty()).map(PathBuf::from)
}

fn from_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    }
}

/// Where Snowflake's own tools look for connections.toml.
fn connections_folder() -> PathBuf {
    if let Some(folder) = env::var_os("SNOWFLAKE_HOME") {
        return from_home(&folder.to_string_lossy());
    }
    let Some(home) = home() else { return PathBuf::from(".snowflake") };
    let folder = home.join(".snowflake");
    if folder.is_dir() {
        return folder;
    }
    let settings = if cfg!(target_os = "macos") {
        home.join("Library/Application Support")
    } else if cfg!(windows) {
        home.join("AppData/Local")
    } else {
        env::var_os("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from)
    };
    let settings = settings.join("snowflake");
    if settings.is_dir() { settings } else { folder }
}

/// Where Snowflake's own clients keep tokens of interactive logins.
fn token_folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("SF_TEMPORARY_CREDENTIAL_CACHE_DIR") {
        return Some(folder.into());
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".cache")))?;
    Some(cache.join("snowflake"))
}

/// Opens the address, and shows it for the case that nothing opens.
fn open_browser(url: &str) -> bool {
    let mut terminal = std::io::stderr();
    let _ = writeln!(terminal, "Log in with the browser: {url}");
    let (program, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(before).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok() || terminal.is_terminal()
}
