//! Logins: each way is checked as far as a server can, and five failures lock the user.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    State, failure,
    http::{Reply, Request, decoded},
};

pub const PUBLIC_KEY: &str = include_str!("../../../../src/engine/snowflake/auth/keys/public.pem");

/// What is known of the user `ann`.
#[derive(Debug, Default)]
pub struct User {
    pub failures: usize,
    pub logins: usize,
    /// Whether a password needs a second factor.
    pub second_factor: bool,
    /// Access tokens given out so far; only the last one is good.
    pub access_tokens: usize,
    /// Seconds that the server's clock is ahead.
    pub clock: i64,
    /// Whether the login in the browser gives a token to keep.
    pub id_token: Option<String>,
}

impl State {
    pub fn login(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let data = &body["data"];
        let text = |key: &str| data[key].as_str().unwrap_or_default();
        if self.user.failures >= 5 {
            return self.refuse("390102", "User temporarily locked.");
        }
        if !text("ACCOUNT_NAME").eq_ignore_ascii_case("acme-dev") {
            return Reply::status(403);
        }
        let outcome = match text("AUTHENTICATOR").to_uppercase().as_str() {
            "SNOWFLAKE_JWT" => self.check_key(text("TOKEN")),
            "OAUTH" if text("TOKEN") == format!("access-{}", self.user.access_tokens) => Ok(()),
            "OAUTH" => Err(("390303", "Invalid OAuth access token.")),
            "PROGRAMMATIC_ACCESS_TOKEN" if text("TOKEN") == "pat-1" => Ok(()),
            "PROGRAMMATIC_ACCESS_TOKEN" => Err(("394400", "Programmatic access token is invalid.")),
            "EXTERNALBROWSER" if text("TOKEN") == "saml-1" && text("PROOF_KEY") == "proof-1" => Ok(()),
            "ID_TOKEN" if self.user.id_token.as_deref() == Some(text("TOKEN")) => Ok(()),
            "ID_TOKEN" => Err(("390195", "The provided ID Token is invalid.")),
            _ if text("LOGIN_NAME") != "ann" || text("PASSWORD") != "pw-ann" => {
                Err(("390100", "Incorrect username or password was specified."))
            }
            _ if self.user.second_factor && text("PASSCODE") != "123456" => {
                Err(("390127", "Multi-factor authentication is required."))
            }
            _ => Ok(()),
        };
        if let Err((code, message)) = outcome {
            self.user.failures += 1;
            return self.refuse(code, message);
        }
        let role = request.query.get("roleName").map_or("", String::as_str);
        if role.eq_ignore_ascii_case("nobody") {
            return self
                .refuse("390189", "Role 'NOBODY' specified in the connect string does not exist or not authorized.");
        }
        self.user.logins += 1;
        self.last_login = (request.query.clone(), data.clone());
        let number = self.next();
        let token = format!("session-{number}");
        self.sessions.insert(token.clone(), number);
        self.dated(json!({"success": true, "code": null, "message": null, "data": {
            "token": token, "masterToken": format!("master-{number}"), "sessionId": number, "validityInSeconds": 3600,
            "masterValidityInSeconds": 14400, "idToken": self.user.id_token, "parameters": [],
            "sessionInfo": {"databaseName": "SHOP", "schemaName": "MAIN", "warehouseName": "WH", "roleName": "LOADER"},
        }}))
    }

    fn refuse(&self, code: &str, message: &str) -> Reply {
        self.dated(failure(code, message, Value::Null))
    }

    /// An answer with the time at which it was given.
    fn dated(&self, value: Value) -> Reply {
        let mut reply = Reply::json(value);
        if let Reply::Answer { headers, .. } = &mut reply {
            let time = chrono::Utc::now() + chrono::TimeDelta::seconds(self.user.clock);
            headers.push(("date", time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        }
        reply
    }

    /// A signed token: by the user's key, for this user, and in its time.
    fn check_key(&self, token: &str) -> Result<(), (&'static str, &'static str)> {
        let invalid = ("390144", "JWT token is invalid.");
        let der: String = PUBLIC_KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(der).unwrap();
        let (signed, signature) = token.rsplit_once('.').ok_or(invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| invalid)?;
        let claims = signed.split_once('.').ok_or(invalid)?.1;
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).map_err(|_| invalid)?).map_err(|_| invalid)?;
        let fingerprint = STANDARD.encode(Sha256::digest(&der));
        if claims["sub"] != "ACME-DEV.ANN" || claims["iss"] != format!("ACME-DEV.ANN.SHA256:{fingerprint}") {
            return Err(invalid);
        }
        let now = chrono::Utc::now().timestamp() + self.user.clock;
        let (issued, expires) = (claims["iat"].as_i64().unwrap_or(0), claims["exp"].as_i64().unwrap_or(0));
        if issued > now + 30 || expires < now { Err(invalid) } else { Ok(()) }
    }

    /// Sends the browser to where the person logs in.
    pub fn identity_provider(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let port = body["data"]["BROWSER_MODE_REDIRECT_PORT"].as_str().unwrap_or_default();
        let url = format!("http://127.0.0.1:{port}/?token=saml-1");
        Reply::json(json!({"success": true, "data": {"ssoUrl": url, "proofKey": "proof-1"}}))
    }

    /// OAuth: an access token for a refresh token or for the client itself.
    pub fn access_token(&mut self, request: &Request) -> Reply {
        let mut form =
            request.body.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key, decoded(value)));
        let client = format!("Basic {}", STANDARD.encode("client-1:client-secret-1"));
        if request.header("authorization") != client {
            return Reply::json(json!({"error": "invalid_client"}));
        }
        let is_good = form.any(|pair| {
            pair == ("refresh_token", "refresh-1".to_owned()) || pair == ("scope", "session:role:LOADER".to_owned())
        });
        if !is_good {
            return Reply::json(json!({"error": "invalid_grant", "error_description": "The token has expired."}));
        }
        self.user.access_tokens += 1;
        Reply::json(json!({"access_token": format!("access-{}", self.user.access_tokens), "expires_in": 600}))
    }

    /// A new session token for the master token.
    pub fn renew(&mut self, request: &Request) -> Reply {
        let old = request.json()["oldSessionToken"].as_str().unwrap_or_default().to_owned();
        let Some(number) = self.expired.get(&old).or_else(|| self.sessions.get(&old)).copied() else {
            return Reply::json(failure("390104", "Session does not exist.", Value::Null));
        };
        if request.token() != format!("master-{number}") {
            return Reply::json(failure("390115", "Master token is invalid.", Value::Null));
        }
        self.renewals += 1;
        self.sessions.remove(&old);
        self.expired.insert(old, number);
        let token = format!("session-{number}-{}", self.next());
        self.sessions.insert(token.clone(), number);
        let data = json!({"sessionToken": token, "masterToken": format!("master-{number}"), "sessionId": number});
        Reply::json(json!({"success": true, "data": data}))
    }

    /// The answer to a request without a session.
    pub fn turned_away(&self, request: &Request) -> Option<Reply> {
        let token = request.token();
        if self.sessions.contains_key(token) {
            return None;
        }
        let (code, message) = if self.expired.contains_key(token) {
            ("390112", "Session token expired.")
        } else {
            ("390104", "Session does not exist.")
        };
        Some(Reply::json(failure(code, message, Value::Null)))
    }
}
