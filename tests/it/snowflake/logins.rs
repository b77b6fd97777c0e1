//! Every way of logging in, through `debug`, against a server that checks it.

use super::server::Server;
use crate::binary::{Folder, Ran};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/snowflake/auth/keys");
const SECRETS: [&str; 8] =
    ["pw-ann", "hunter2", "open-sesame", "guess-1", "pat-", "refresh-", "client-secret-", "session-1"];

/// `debug` with these keys in the profile.
#[track_caller]
fn debug(server: &Server, status: i32, keys: &str) -> Ran {
    let folder = Folder::new(&[("profiles.yml", &server.profile(keys))]);
    let ran = folder.expect(status, &["debug"]);
    let log = std::fs::read_to_string(folder.path("logs/dbt.log")).unwrap_or_default();
    for secret in SECRETS {
        let shown = [&ran.stdout, &ran.stderr, &log].into_iter().any(|text| text.contains(secret));
        assert!(!shown, "{secret} is shown: {}{}", ran.stdout, ran.stderr);
    }
    ran
}

#[test]
fn each_way_of_logging_in_opens_a_session() {
    let server = Server::start();
    server.state().user.second_factor = false;
    for keys in [
        "user: ann, password: pw-ann".to_owned(),
        format!("user: ann, private_key_path: {KEYS}/plain.p8"),
        format!(
            "user: ann, authenticator: snowflake_jwt, private_key_path: {KEYS}/aes256.p8, private_key_passphrase: open-sesame"
        ),
        "user: ann, authenticator: programmatic_access_token, token: pat-1".to_owned(),
        "authenticator: oauth, token: refresh-1, oauth_client_id: client-1, oauth_client_secret: client-secret-1, \
         oauth_token_request_url: 'URL/oauth/token-request'"
            .to_owned(),
        "authenticator: oauth, token: refresh-1, oauth_client_id: client-1, oauth_client_secret: client-secret-1"
            .to_owned(),
        "authenticator: oauth_client_credentials, oauth_client_id: client-1, oauth_client_secret: client-secret-1, \
         role: LOADER, oauth_token_request_url: 'URL/oauth/token-request'"
            .to_owned(),
    ] {
        let keys = keys.replace("URL", &format!("http://127.0.0.1:{}", server.port));
        let before = server.state().user.logins;
        debug(&server, 0, &keys);
        assert_eq!(server.state().user.logins, before + 1, "{keys}");
    }
    server.state().user.second_factor = true;
    debug(&server, 0, "user: ann, password: pw-ann, passcode: '123456'");
    assert_eq!(server.state().user.failures, 0);
}

#[test]
fn a_login_that_fails_says_what_to_change_and_is_sent_once() {
    let aes = format!("user: ann, private_key_path: {KEYS}/aes256.p8");
    for (keys, failures, expected) in [
        ("user: ann, password: hunter2", 1, "check `user`, `password` and `account`"),
        ("user: ann, password: pw-ann, role: NOBODY", 0, "check `role`"),
        ("user: ann, authenticator: programmatic_access_token, token: pat-2", 1, "has expired, was revoked"),
        ("authenticator: oauth, token: access-9", 1, "the access token in `token`"),
        (
            "authenticator: oauth, token: refresh-9, oauth_client_id: client-1, oauth_client_secret: client-secret-1",
            0,
            "a new one is needed",
        ),
        (
            "authenticator: oauth, token: refresh-1, oauth_client_id: client-1, oauth_client_secret: client-secret-2",
            0,
            "check `oauth_client_id` and `oauth_client_secret`",
        ),
        (&aes, 0, "is encrypted: `private_key_passphrase` is needed"),
        (&format!("{aes}, private_key_passphrase: guess-1"), 0, "does not open with this `private_key_passphrase`"),
        ("user: ann", 0, "nothing says how to log in"),
        ("user: ann, password: pw-ann, insecure_mode: true", 0, "certificates are always checked"),
    ] {
        let server = Server::start();
        let ran = debug(&server, 1, keys);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(text.replace('\n', " ").contains(expected), "{expected}:\n{text}");
        assert_eq!(server.state().user.failures, failures, "{keys}");
    }
}

#[test]
fn a_session_opens_with_the_role_the_warehouse_and_the_parameters_of_the_profile() {
    let server = Server::start();
    debug(
        &server,
        0,
        "user: ann, password: pw-ann, role: 'Load é', warehouse: WH, secondary_roles: all, query_tag: 'team: x', \
         session_parameters: {TIMEZONE: UTC}, client_session_keep_alive: true",
    );
    let (query, data) = server.state().last_login.clone();
    assert_eq!((query["roleName"].as_str(), query["warehouse"].as_str()), ("Load é", "WH"));
    assert_eq!(data["SECONDARY_ROLES"], "ALL");
    let parameters = &data["SESSION_PARAMETERS"];
    assert_eq!((&parameters["QUERY_TAG"], &parameters["TIMEZONE"]), (&"team: x".into(), &"UTC".into()));
    assert_eq!(parameters["CLIENT_SESSION_KEEP_ALIVE"], true);
}

#[test]
fn a_second_factor_that_is_missing_is_told() {
    let server = Server::start();
    server.state().user.second_factor = true;
    debug(&server, 1, "user: ann, password: pw-ann").shows(&["a second factor is needed"]);
}

#[test]
fn a_key_is_refused_with_the_difference_of_the_clocks() {
    let server = Server::start();
    server.state().user.clock = 600;
    debug(&server, 1, &format!("user: ann, private_key_path: {KEYS}/rsa.pem"))
        .shows(&["clock is", "behind the server's: set the clock"]);
}

#[test]
fn a_server_or_a_proxy_that_is_not_there_is_told_by_its_address() {
    let server = Server::start();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxied =
        format!("user: ann, password: pw-ann, proxy_host: 127.0.0.1, proxy_port: {nobody}, connect_retries: 0");
    debug(&server, 1, &proxied).shows(&["proxy"]);
    let folder = Folder::new(&[(
        "profiles.yml",
        &server
            .profile("user: ann, password: pw-ann, connect_retries: 0")
            .replace(&server.port.to_string(), &nobody.to_string()),
    )]);
    folder.expect(1, &["debug"]).shows(&[&format!("http://127.0.0.1:{nobody}")]);
    // TLS to a server that has none.
    let folder = Folder::new(&[(
        "profiles.yml",
        &server.profile("user: ann, password: pw-ann, connect_retries: 0").replace("protocol: http", "protocol: https"),
    )]);
    folder.expect(1, &["debug"]).shows(&["https://127.0.0.1"]);
}

#[test]
fn an_account_that_does_not_exist_is_told() {
    let server = Server::start();
    let profile = server.profile("user: ann, password: pw-ann").replace("acme-dev", "acme-prod");
    let folder = Folder::new(&[("profiles.yml", &profile)]);
    folder.expect(1, &["debug"]).shows(&["knows no such account", "check `account`"]);
    assert_eq!(server.state().user.failures, 0);
}

#[test]
fn settings_are_taken_from_connections_toml_and_the_profile_goes_first() {
    let server = Server::start();
    let profile = format!(
        "shop:\n  target: dev\n  outputs:\n    dev: {{type: snowflake, connection_name: dev, user: ann, database: SHOP, schema: MAIN, port: {}}}\n",
        server.port
    );
    let folder = Folder::new(&[
        ("profiles.yml", &profile),
        (
            ".snowflake/connections.toml",
            "[dev]\naccount = \"acme_dev\"\nuser = \"bob\"\npassword = \"pw-ann\"\nhost = \"127.0.0.1\"\nport = 1\n\
             protocol = \"http\"\n",
        ),
    ]);
    folder.expect(0, &["debug"]);
    assert_eq!(server.state().user.logins, 1);
    folder.write("profiles.yml", profile.replace("connection_name: dev", "connection_name: prod"));
    folder.expect(1, &["debug"]).shows(&["no connection `prod`", "`dev`"]);
}
