//! What a refused login means, and what to change.

use super::Method;

/// Codes with which the server refuses a login.
const TOKEN_OF_BROWSER_EXPIRED: &str = "390195";
const ACCESS_TOKEN_EXPIRED: [&str; 2] = ["390318", "390303"];

/// Whether a token that was kept is what was refused, so that a fresh one is worth one more login.
pub fn is_stale_token(method: &Method, code: &str) -> bool {
    match method {
        Method::Browser => code == TOKEN_OF_BROWSER_EXPIRED,
        Method::AccessTokenFrom(_) => ACCESS_TOKEN_EXPIRED.contains(&code),
        _ => false,
    }
}

/// What to change, as the second half of a sentence.
pub fn remedy(method: &Method, code: &str, skew: Option<i64>) -> String {
    let told = match code {
        "390201" => "check `database` and `warehouse`: one does not exist, or the role may not use it",
        "390186" | "390189" => "check `role`: it does not exist, or the user does not have it",
        "390101" | "390422" => "a network policy does not let this machine in: ask for its address to be allowed",
        "390127" | "390129" | "394500" | "394507" | "390120" if matches!(method, Method::Password { .. }) => {
            "a second factor is needed: set `passcode`, `authenticator: username_password_mfa`, or use a key pair"
        }
        "390102" => "the user is locked, for 15 minutes or until an administrator unlocks it: nothing is retried",
        "390103" | "390106" => "the user is disabled, or its password has expired",
        _ => "",
    };
    if !told.is_empty() {
        return told.to_owned();
    }
    match method {
        Method::KeyPair(key) => match skew {
            Some(seconds) if seconds.abs() >= 30 => {
                let (by, direction) = (seconds.abs(), if seconds > 0 { "ahead of" } else { "behind" });
                format!("this machine's clock is {by} seconds {direction} the server's: set the clock")
            }
            _ => format!(
                "check `account` and `user`, and that DESC USER shows RSA_PUBLIC_KEY_FP (or _2_FP) {}",
                key.fingerprint()
            ),
        },
        Method::Password { .. } => {
            "check `user`, `password` and `account`; it is not tried again, since failures lock a user".into()
        }
        Method::AccessToken(_) => "the access token in `token` has expired or is for another account or role".into(),
        Method::AccessTokenFrom(_) => {
            "the access token was not accepted: check `account`, `role` and the integration's settings".into()
        }
        Method::ProgrammaticToken(_) => {
            "the programmatic access token in `token` has expired, was revoked, or needs a network policy".into()
        }
        Method::Browser => "check `user`: it must be the one who logs in with the browser".into(),
    }
}
