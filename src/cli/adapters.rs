//! The adapter types that a profile can name, as data: their keys, and which of them this build can run.

use crate::project::{AdapterSpec, EmbeddedPackage};

/// Keys of each known adapter type.
pub const ADAPTERS: &[AdapterSpec] = &[
    AdapterSpec {
        name: "datafusion",
        // The SQL of the embedded engine is nearest to DuckDB's.
        parents: &["duckdb"],
        keys: &["path", "memory_limit", "databases", "dialect"],
        required: &[],
        aliases: &[("dbname", "database"), ("catalog", "database")],
        quoted: true,
        reads_files: true,
        dialects: &["snowflake"],
        default_database: Some("tamis"),
        default_schema: Some("main"),
        secret: &[],
    },
    AdapterSpec {
        name: "snowflake",
        parents: &[],
        keys: &[
            "account",
            "user",
            "password",
            "passcode",
            "passcode_in_password",
            "role",
            "secondary_roles",
            "warehouse",
            "authenticator",
            "connection_name",
            "private_key",
            "private_key_path",
            "private_key_passphrase",
            "token",
            "token_file_path",
            "client_session_keep_alive",
            "query_tag",
            "connect_retries",
            "connect_timeout",
            "retry_on_database_errors",
            "retry_all",
            "reuse_connections",
            "host",
            "port",
            "proxy_host",
            "proxy_port",
            "protocol",
            "insecure_mode",
            "oauth_client_id",
            "oauth_client_secret",
            "oauth_token_request_url",
            "oauth_scope",
            "session_parameters",
            "s3_stage_vpce_dns_name",
            "platform_detection_timeout_seconds",
        ],
        required: &[&["account", "connection_name"], &["database"]],
        aliases: &[],
        quoted: false,
        reads_files: false,
        dialects: &[],
        default_database: None,
        default_schema: None,
        secret: &["password", "passcode", "private_key", "private_key_passphrase", "token", "oauth_client_secret"],
    },
];

/// The macro packages compiled into the binary.
pub const EMBEDDED: &[EmbeddedPackage] = &[
    EmbeddedPackage { name: "dbt", files: crate::packages::DBT },
    EmbeddedPackage { name: "dbt_datafusion", files: crate::packages::DBT_DATAFUSION },
];
