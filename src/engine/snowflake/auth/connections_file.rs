//! `connections.toml`: named settings that Snowflake's own tools share.

use std::{fs, path::Path};

use toml::Value;

use crate::engine::EngineError;

/// Keys that have another name in a profile.
const RENAMED: [(&str, &str); 5] = [
    ("private_key_file", "private_key_path"),
    ("private_key_file_pwd", "private_key_passphrase"),
    ("private_key_raw", "private_key"),
    ("username", "user"),
    ("accountname", "account"),
];

/// The settings of the connection `name`, under the names that a profile gives them. Looks in
/// `connections.toml` of `folder`, then for `[connections.NAME]` in its `config.toml`.
///
/// # Errors
/// [`EngineError::Profile`] when there is no such file or connection, or the file is not TOML.
pub fn read_connection(folder: &Path, name: &str) -> Result<Vec<(String, String)>, EngineError> {
    let mut known = Vec::new();
    for (file, section) in [("connections.toml", None), ("config.toml", Some("connections"))] {
        let path = folder.join(file);
        let Ok(text) = fs::read_to_string(&path) else { continue };
        // The parser's message quotes the line, which may hold a password: only its place is told.
        let content: toml::Table = toml::from_str(&text).map_err(|error| {
            let line =
                error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!(":{line}"));
            wrong(format!("{}{place} is not valid TOML", path.display()))
        })?;
        let connections = match section {
            None => Some(&content),
            Some(section) => content.get(section).and_then(Value::as_table),
        };
        let Some(connections) = connections else { continue };
        if let Some(settings) = connections.get(name).and_then(Value::as_table) {
            return Ok(settings.iter().filter_map(|(key, value)| Some((profile_key(key), text_of(value)?))).collect());
        }
        known.extend(connections.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| format!("`{name}`")));
    }
    let folder = folder.display();
    Err(wrong(if known.is_empty() {
        format!("`connection_name` is `{name}`, and {folder} has no connections.toml with connections")
    } else {
        format!("no connection `{name}` in {folder}/connections.toml, which has {}", known.join(", "))
    }))
}

fn profile_key(key: &str) -> String {
    let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == key);
    renamed.map_or(key, |(_, ours)| ours).to_owned()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn wrong(message: String) -> EngineError {
    EngineError::Profile { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_found_in_either_file_with_the_names_of_a_profile() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        write("connections.toml", "[dev]\naccount = \"acme-dev\"\nprivate_key_file = '/k.p8'\nport = 8443\n");
        write("config.toml", "[connections.prod]\naccount = \"acme-prod\"\n");
        let pairs = |name| {
            let read = read_connection(folder.path(), name).unwrap();
            read.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(pairs("dev"), "account=acme-dev port=8443 private_key_path=/k.p8");
        assert_eq!(pairs("prod"), "account=acme-prod");
        let error = read_connection(folder.path(), "test").unwrap_err().to_string();
        assert!(error.contains("no connection `test`") && error.contains("`dev`, `prod`"), "{error}");
    }

    #[test]
    fn a_broken_file_is_told_by_its_line_and_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("connections.toml"), "[dev]\npassword = hunter2\n").unwrap();
        let error = read_connection(folder.path(), "dev").unwrap_err().to_string();
        assert!(error.contains("connections.toml:2 is not valid TOML"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
