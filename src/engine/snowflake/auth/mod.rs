//! Logging in to Snowflake: every way that a profile can ask for, without an HTTP client or a clock of its own.

mod account;
mod browser;
mod connections_file;
mod key_pair;
mod login;
mod method;
mod oauth;
mod port;
mod refused;
mod secret;
#[cfg(test)]
mod tests;
mod token_cache;

pub use account::Account;
pub use connections_file::read_connection;
pub use login::{Authenticator, LoginAnswer, LoginRequest};
pub use method::{AuthSettings, Method};
pub use oauth::form_encoded;
pub use port::{HttpAnswer, HttpRequest, LoginPort};
pub use secret::Secret;
