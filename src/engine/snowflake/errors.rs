//! What went wrong on the account, as errors that say what to change. No message repeats a secret: none is given to it.

use super::wire::{Answer, QueryData};
use crate::engine::{EngineError, SqlPosition};

/// The server did not answer.
pub fn unreachable(server: &str, account: &str, proxy: Option<&str>, why: &str) -> EngineError {
    let lower = why.to_lowercase();
    let remedy = if ["certificate", "tls", "handshake", "corrupt message"].iter().any(|word| lower.contains(word)) {
        "the certificate of the server, or of a proxy between, is not trusted by this machine, or it speaks no TLS: look at \
         `host`, `port` and `protocol`, and put a certificate of your own into the system's store"
            .to_owned()
    } else if let Some(proxy) = proxy {
        format!("the proxy {proxy} does not let it through: look at `proxy_host` and `proxy_port`")
    } else if lower.contains("proxy") || lower.contains("tunnel") {
        "look at the variables HTTPS_PROXY and NO_PROXY".to_owned()
    } else if lower.starts_with("404") || lower.starts_with("403") {
        format!("there is no account `{account}` at this address")
    } else if lower.starts_with('5') || lower.starts_with("429") {
        "the service itself is in trouble or too busy: see https://status.snowflake.com".to_owned()
    } else {
        format!("is `account: {account}` right, and does this machine reach it (proxy, firewall)?")
    };
    EngineError::Storage {
        context: format!("{server} cannot be used"),
        message: format!("{why}; {remedy}"),
        path: None,
    }
}

/// The answer is not what the protocol says.
pub fn unread(error: serde_json::Error) -> EngineError {
    EngineError::Storage {
        context: "the answer of Snowflake cannot be read".into(),
        message: error.to_string(),
        path: None,
    }
}

/// The session cannot be renewed.
pub fn session_gone() -> EngineError {
    EngineError::Storage {
        context: "the session has ended".into(),
        message:
            "it was idle for too long, or ended on the server; set `client_session_keep_alive: true` for long waits"
                .into(),
        path: None,
    }
}

/// A statement failed.
pub fn of_statement(answer: &Answer, data: &QueryData) -> EngineError {
    let code = answer.code();
    let message = redacted(answer.message.as_deref().unwrap_or("the statement failed").trim());
    let help = advice(&code, &message);
    match code.as_str() {
        "000604" => EngineError::Cancelled,
        "000630" => EngineError::Data { message: with(message, help) },
        "000625" | "000637" => EngineError::Storage { context: "a lock was not free".into(), message, path: None },
        _ => {
            let position = position(&message).or_else(|| reported(data));
            EngineError::Sql { message, position, help }
        }
    }
}

fn with(message: String, help: Option<String>) -> String {
    help.map_or_else(|| message.clone(), |help| format!("{message}; {help}"))
}

fn advice(code: &str, message: &str) -> Option<String> {
    let text = match code {
        "000606" => "no warehouse is in use: set `warehouse` in the profile, or `snowflake_warehouse` of the model",
        "000608" => "the warehouse is suspended and may not be resumed: ask for USAGE and OPERATE on it",
        "000630" => "the statement took longer than STATEMENT_TIMEOUT_IN_SECONDS allows",
        "002043" => "it does not exist, or the role may not see it: check `role`, and the names in the profile",
        "003001" => "the role lacks a privilege: grant it, or set another `role` in the profile",
        "090105" => "no database is in use: check `database` of the profile, and that the role may use it",
        "090106" => "no schema is in use: check `schema` of the profile",
        "002003" if message.contains("does not exist") => "it does not exist, or the role may not see it",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Snowflake shows rows of the data in some messages; they are left out, as dbt does.
fn redacted(message: &str) -> String {
    let Some((before, after)) = message.split_once("Row Values: [") else { return message.to_owned() };
    let rest = after.rsplit_once(']').map_or("", |(_, rest)| rest);
    format!("{before}Row Values: [redacted]{rest}")
}

/// `error line 3 at position 7`: lines from 1, positions from 0.
fn position(message: &str) -> Option<SqlPosition> {
    let (_, rest) = message.split_once("line ")?;
    let (line, rest) = rest.split_once(" at position ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let (line, column): (usize, usize) = (line.trim().parse().ok()?, digits.parse().ok()?);
    (line > 0).then_some(SqlPosition { line, column: column + 1 })
}

fn reported(data: &QueryData) -> Option<SqlPosition> {
    let line = usize::try_from(data.line?).ok().filter(|line| *line > 0)?;
    let column = usize::try_from(data.pos?).ok()?;
    Some(SqlPosition { line, column: column + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_from_messages() {
        let text = "SQL compilation error: error line 3 at position 7\ninvalid identifier 'X'";
        assert_eq!(position(text), Some(SqlPosition { line: 3, column: 8 }));
        for text in ["no place", "line x at position 1", "line 0 at position 1", "line 1 at position"] {
            assert_eq!(position(text), None, "{text}");
        }
    }

    #[test]
    fn rows_are_left_out_of_messages() {
        let text = "Duplicate row detected during DML action\nRow Values: [1, \"a]b\"] end";
        assert_eq!(redacted(text), "Duplicate row detected during DML action\nRow Values: [redacted] end");
    }
}
