//! Logins against a server that is a list of answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{key_pair::PrivateKey, *};
use crate::engine::EngineError;

const FINGERPRINT: &str = "SHA256:EeDwbRIgBU+JaGeVAPjvar1l1W5udITaD/t5RGyfo2c=";
const RSA: &str = include_str!("keys/rsa.pem");
const AES: &str = include_str!("keys/aes256.p8");
const PUBLIC: &str = include_str!("keys/public.pem");

/// Answers in order, and everything that was asked.
#[derive(Default)]
struct FakePort {
    answers: Mutex<VecDeque<HttpAnswer>>,
    asked: Mutex<Vec<(String, Value)>>,
    /// Seconds that this machine's clock is ahead of the server's.
    skew: i64,
}

impl FakePort {
    fn answering(answers: impl IntoIterator<Item = Value>) -> Arc<Self> {
        let answers = answers.into_iter().map(|body| HttpAnswer { status: 200, date: None, body: body.to_string() });
        Arc::new(Self { answers: Mutex::new(answers.collect()), ..Self::default() })
    }

    /// `data` of the request number `at`.
    fn data(&self, at: usize) -> Value {
        self.asked.lock().unwrap()[at].1["data"].clone()
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn server_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

#[async_trait]
impl LoginPort for FakePort {
    async fn post(&self, request: &HttpRequest) -> Result<HttpAnswer, EngineError> {
        let body = serde_json::from_str(&request.body).unwrap_or_else(|_| Value::from(request.body.clone()));
        self.asked.lock().unwrap().push((request.url.clone(), body));
        let mut answer = self.answers.lock().unwrap().pop_front().expect("one more answer");
        answer.date = Some(server_time());
        Ok(answer)
    }

    /// The person logs in at once: the address says where to.
    fn open_browser(&self, url: &str) -> bool {
        let port = url.rsplit_once("port=").and_then(|(_, port)| port.parse::<u16>().ok());
        let asked =
            self.data(self.count() - 1)["BROWSER_MODE_REDIRECT_PORT"].as_str().and_then(|port| port.parse().ok());
        let port: u16 = port.or(asked).unwrap();
        std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            for request in ["GET /favicon.ico HTTP/1.1\r\n\r\n", "GET /?token=saml%2F1 HTTP/1.1\r\nHost: x\r\n\r\n"] {
                let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                stream.read_to_end(&mut Vec::new()).unwrap();
            }
        });
        true
    }

    fn now(&self) -> DateTime<Utc> {
        server_time() + TimeDelta::seconds(self.skew)
    }
}

fn settings(change: impl FnOnce(&mut AuthSettings)) -> AuthSettings {
    let mut settings = AuthSettings {
        account: "acme-dev".into(),
        user: Some("ann".into()),
        base_url: "https://acme-dev.snowflakecomputing.com".into(),
        ..AuthSettings::default()
    };
    change(&mut settings);
    settings
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

fn opened() -> Value {
    json!({"success": true, "data": {"token": "t", "masterToken": "m", "sessionId": 7}})
}

fn refused(code: &str) -> Value {
    json!({"success": false, "code": code, "message": "Refused.", "data": null})
}

async fn login(authenticator: &Authenticator, port: &FakePort) -> Result<LoginAnswer, String> {
    authenticator.login(port, &LoginRequest::default()).await.map_err(|error| error.to_string())
}

#[test]
fn a_key_is_read_in_every_usual_wrapping() {
    let body = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let plain = include_str!("keys/plain.p8");
    for (what, text) in [
        ("PKCS#1", RSA.to_owned()),
        ("PKCS#8", plain.to_owned()),
        ("AES-256", AES.to_owned()),
        ("3DES", include_str!("keys/des3.p8").to_owned()),
        ("SHA-1", include_str!("keys/sha1.p8").to_owned()),
        ("scrypt", include_str!("keys/scrypt.p8").to_owned()),
        ("line ends written out", plain.replace('\n', "\\n")),
        ("folded by YAML", plain.replace('\n', " ")),
        ("DER in base64", body(plain)),
        ("encrypted DER in base64", body(AES)),
    ] {
        let key = PrivateKey::read(&text, secret("open-sesame").as_ref(), "`private_key`").unwrap();
        assert_eq!(key.fingerprint(), FINGERPRINT, "{what}");
    }
    let key = PrivateKey::read(include_str!("keys/ec.p8"), None, "`private_key`").unwrap();
    assert_eq!(key.fingerprint(), "SHA256:PNSnmzV84Io7cT8KFGcF/+5E5j/ocXimbMYkdQWMzqw=");
}

#[test]
fn a_key_that_cannot_be_used_says_what_to_change() {
    for (text, passphrase, expected) in [
        (AES, None, "is encrypted: `private_key_passphrase` is needed"),
        (AES, secret(""), "is encrypted: `private_key_passphrase` is needed"),
        (AES, secret("guess"), "does not open with this `private_key_passphrase`"),
        (include_str!("keys/older.pem"), secret("open-sesame"), "`openssl pkcs8 -topk8 -in KEY -out KEY.p8`"),
        (include_str!("keys/pbes1.p8"), secret("open-sesame"), "PBES2 is"),
        (include_str!("keys/small.pem"), None, "2,048 to 8,192 bits"),
        (PUBLIC, None, "is a public key, the private key is needed"),
        ("secret-but-no-key", None, "neither PEM"),
        ("", None, "neither PEM"),
        ("-----BEGIN PRIVATE KEY-----\n???\n-----END PRIVATE KEY-----", None, "is damaged"),
    ] {
        let error = PrivateKey::read(text, passphrase.as_ref(), "`private_key`").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret-but") && !error.contains("sesame"), "{error}");
    }
}

/// The claims of a token whose signature fits the public key.
fn verified(token: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> Value {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, public).verify(signed.as_bytes(), &signature).unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[test]
fn a_token_names_account_user_and_key_and_is_signed() {
    let account = Account::parse("acme-g1234.global").unwrap();
    let key = PrivateKey::read(RSA, None, "`private_key`").unwrap();
    let token = key.token(&account, "ann.lee", server_time()).unwrap();
    let public: String = PUBLIC.lines().filter(|line| !line.starts_with('-')).collect();
    let claims = verified(token.reveal(), &RSA_PKCS1_2048_8192_SHA256, &STANDARD.decode(public).unwrap());
    assert_eq!(claims["iss"], format!("ACME.ANN.LEE.{FINGERPRINT}"));
    assert_eq!(claims["sub"], "ACME.ANN.LEE");
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(1_700_000_000), Some(1_700_000_060)));
    let key = PrivateKey::read(include_str!("keys/ec.p8"), None, "`private_key`").unwrap();
    let token = key.token(&account, "ann", server_time()).unwrap();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.reveal().split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["alg"], "ES256");
}

#[test]
fn settings_that_do_not_say_how_to_log_in_are_refused() {
    type Change = fn(&mut AuthSettings);
    let cases: [(Change, &str); 16] = [
        (|_| {}, "nothing says how to log in"),
        (|s| s.token = secret("tok-1"), "`token` is set without an `authenticator`"),
        (|s| s.oauth_client_id = Some("id".into()), "without `authenticator: oauth`"),
        (|s| (s.password, s.user) = (secret("pw"), None), "`user` is needed"),
        (|s| s.authenticator = Some("oauth".into()), "`authenticator: oauth` needs `token`"),
        (
            |s| (s.authenticator, s.oauth_client_id) = (Some("oauth".into()), Some("id".into())),
            "`oauth_client_secret` is not",
        ),
        (
            |s| (s.authenticator, s.oauth_client_secret) = (Some("oauth".into()), secret("cs")),
            "`oauth_client_id` is not",
        ),
        (
            |s| {
                (s.authenticator, s.oauth_client_id, s.oauth_client_secret) =
                    (Some("oauth".into()), Some("id".into()), secret("cs"))
            },
            "needs a refresh token in `token`",
        ),
        (|s| s.authenticator = Some("oauth_client_credentials".into()), "needs `oauth_token_request_url`"),
        (|s| s.authenticator = Some("jwt".into()), "`authenticator: jwt` needs `token`"),
        (|s| s.authenticator = Some("programmatic_access_token".into()), "needs `token`"),
        (|s| s.authenticator = Some("snowflake_jwt".into()), "needs `private_key_path`"),
        (|s| s.authenticator = Some("https://acme.okta.com".into()), "`externalbrowser` logs in with the same"),
        (|s| s.authenticator = Some("carrier_pigeon".into()), "is not supported"),
        (|s| (s.private_key, s.private_key_path) = (secret("k"), Some("k.p8".into())), "only one of"),
        (|s| s.private_key_path = Some("/nowhere/k.p8".into()), "the private key /nowhere/k.p8 cannot be read"),
    ];
    for (change, expected) in cases {
        let error = settings(change).method().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("tok-1"), "{error}");
    }
}

#[tokio::test]
async fn each_way_of_logging_in_sends_its_fields() {
    type Change = fn(&mut AuthSettings);
    let cases: [(Change, &str); 6] = [
        (|s| s.password = secret("pw"), "LOGIN_NAME=ann PASSWORD=pw"),
        (
            |s| (s.password, s.passcode) = (secret("pw"), secret("123456")),
            "EXT_AUTHN_DUO_METHOD=passcode LOGIN_NAME=ann PASSCODE=123456 PASSWORD=pw",
        ),
        (
            |s| (s.password, s.passcode_in_password) = (secret("pw123456"), true),
            "EXT_AUTHN_DUO_METHOD=passcode LOGIN_NAME=ann PASSWORD=pw123456",
        ),
        (
            |s| (s.authenticator, s.token) = (Some("OAuth".into()), secret("at")),
            "AUTHENTICATOR=OAUTH LOGIN_NAME=ann TOKEN=at",
        ),
        (
            |s| (s.authenticator, s.token, s.user) = (Some("jwt".into()), secret("at"), None),
            "AUTHENTICATOR=OAUTH LOGIN_NAME= TOKEN=at",
        ),
        (
            |s| (s.authenticator, s.password) = (Some("programmatic_access_token".into()), secret("pat")),
            "AUTHENTICATOR=PROGRAMMATIC_ACCESS_TOKEN LOGIN_NAME=ann TOKEN=pat",
        ),
    ];
    for (change, expected) in cases {
        let port = FakePort::answering([opened()]);
        let authenticator = Authenticator::new(settings(change), None).unwrap();
        assert_eq!(login(&authenticator, &port).await.unwrap().data["sessionId"], 7);
        let data = port.data(0);
        assert_eq!(data["ACCOUNT_NAME"], "acme-dev");
        let own = ["ACCOUNT_NAME", "CLIENT_APP_ID", "CLIENT_APP_VERSION", "CLIENT_ENVIRONMENT", "SVN_REVISION"];
        let mut sent: Vec<String> = data
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| !own.contains(&key.as_str()))
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
            .collect();
        sent.sort();
        assert_eq!(sent.join(" "), expected);
    }
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_however_many_sessions_are_wanted() {
    let port = FakePort::answering([refused("390100")]);
    let authenticator = Authenticator::new(settings(|s| s.password = secret("hunter2")), None).unwrap();
    let logins = (0..8).map(|_| login(&authenticator, &port));
    for outcome in futures::future::join_all(logins).await {
        let error = outcome.unwrap_err();
        assert!(error.contains("check `user`, `password` and `account`"), "{error}");
        assert!(error.contains("Refused (390100)") && !error.contains("hunter2"), "{error}");
    }
    assert_eq!(port.count(), 1);
}

#[tokio::test]
async fn a_key_refused_by_a_wrong_clock_says_so() {
    for (skew, expected) in [
        (400, "clock is 400 seconds ahead of the server's"),
        (-90, "clock is 90 seconds behind the server's"),
        (2, FINGERPRINT),
    ] {
        let port = FakePort {
            answers: Mutex::new([HttpAnswer { status: 200, date: None, body: refused("390144").to_string() }].into()),
            skew,
            ..FakePort::default()
        };
        let authenticator = Authenticator::new(settings(|s| s.private_key = secret(RSA)), None).unwrap();
        let error = login(&authenticator, &port).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn an_access_token_is_fetched_once_and_again_when_it_is_stale() {
    let token = |text: &str| json!({"access_token": text, "expires_in": 600});
    let port = FakePort::answering([token("a1"), opened(), opened(), refused("390318"), token("a2"), opened()]);
    let authenticator = Authenticator::new(
        settings(|s| {
            (s.authenticator, s.token) = (Some("oauth".into()), secret("refresh"));
            (s.oauth_client_id, s.oauth_client_secret) = (Some("id".into()), secret("cs"));
        }),
        None,
    )
    .unwrap();
    for _ in 0..3 {
        login(&authenticator, &port).await.unwrap();
    }
    let asked = port.asked.lock().unwrap();
    assert_eq!(asked[0].0, "https://acme-dev.snowflakecomputing.com/oauth/token-request");
    let tokens: Vec<&str> = asked.iter().filter_map(|(_, body)| body["data"]["TOKEN"].as_str()).collect();
    assert_eq!(tokens, ["a1", "a1", "a1", "a2"]);
}

#[tokio::test]
async fn a_login_in_the_browser_is_kept_and_done_again_when_what_was_kept_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let browser = || settings(|s| s.authenticator = Some("externalbrowser".into()));
    let sso = json!({"success": true, "data": {"ssoUrl": "https://idp.example/login", "proofKey": "proof"}});
    let with_id = json!({"success": true, "data": {"token": "t", "idToken": "id-1"}});
    let port = FakePort::answering([sso.clone(), with_id.clone(), opened()]);
    let authenticator = Authenticator::new(browser(), Some(folder.path())).unwrap();
    login(&authenticator, &port).await.unwrap();
    let data = port.data(1);
    assert_eq!((data["TOKEN"].as_str(), data["PROOF_KEY"].as_str()), (Some("saml/1"), Some("proof")));
    assert_eq!(data["SESSION_PARAMETERS"]["CLIENT_STORE_TEMPORARY_CREDENTIAL"], true);
    login(&authenticator, &port).await.unwrap();
    assert_eq!((port.data(2)["AUTHENTICATOR"].as_str(), port.count()), (Some("ID_TOKEN"), 3));

    // The next run.
    let port = FakePort::answering([refused("390195"), sso, with_id]);
    let authenticator = Authenticator::new(browser(), Some(folder.path())).unwrap();
    login(&authenticator, &port).await.unwrap();
    let sent: Vec<String> = (0..3).map(|at| port.data(at)["TOKEN"].as_str().unwrap_or("-").to_owned()).collect();
    assert_eq!(sent, ["id-1", "-", "saml/1"]);
}

#[tokio::test]
async fn a_second_factor_is_waited_for_and_its_token_kept() {
    let folder = tempfile::tempdir().unwrap();
    let port = FakePort::answering([
        json!({"success": false, "data": {"nextAction": "EXT_AUTHN_DUO_ALL", "inFlightCtx": "ctx-1"}}),
        json!({"success": true, "data": {"nextAction": "EXT_AUTHN_SUCCESS", "inFlightCtx": "ctx-2"}}),
        json!({"success": true, "data": {"token": "t", "mfaToken": "mfa-1"}}),
        opened(),
    ]);
    let mfa = || settings(|s| (s.authenticator, s.password) = (Some("username_password_mfa".into()), secret("pw")));
    let authenticator = Authenticator::new(mfa(), Some(folder.path())).unwrap();
    login(&authenticator, &port).await.unwrap();
    assert_eq!(port.asked.lock().unwrap()[1].1["inFlightCtx"], "ctx-1");
    let again = Authenticator::new(mfa(), Some(folder.path())).unwrap();
    login(&again, &port).await.unwrap();
    assert_eq!(port.data(3)["TOKEN"], "mfa-1");
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_told_apart_from_a_refusal() {
    for status in [403, 404] {
        let answer = HttpAnswer { status, date: None, body: "<html>".into() };
        let port = FakePort { answers: Mutex::new([answer].into()), ..FakePort::default() };
        let authenticator = Authenticator::new(settings(|s| s.password = secret("pw")), None).unwrap();
        let error = login(&authenticator, &port).await.unwrap_err();
        assert!(error.contains("knows no such account") && error.contains("check `account`"), "{error}");
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    let settings = settings(|s| {
        (s.password, s.token, s.private_key_passphrase) = (secret("pw-1"), secret("tok-1"), secret("pp-1"));
    });
    let text = format!("{settings:?} {:?}", settings.method().unwrap());
    assert!(!["pw-1", "tok-1", "pp-1"].iter().any(|secret| text.contains(secret)), "{text}");
}
