//! Variables of the environment that stand for flags: older names, and names that mean nothing.

use super::flags::{COMMANDS, GLOBAL};

/// Older names of variables, without `DBT_`, and what they are called now.
pub const OLDER: [(&str, &str); 4] = [
    ("DEFER_TO_STATE", "DEFER"),
    ("FAVOR_STATE_MODE", "FAVOR_STATE"),
    ("FAVOR_STATE_STATE", "FAVOR_STATE"),
    ("ARTIFACT_STATE_PATH", "STATE"),
];

/// Variables of dbt that are no flags.
const OTHERS: [&str; 4] = ["PACKAGE_HUB_URL", "DOWNLOADS_DIR", "HTTP_TIMEOUT", "INVOCATION_ENV"];

/// Warnings about the variables that are set: event and text.
pub fn warnings(names: impl Iterator<Item = String>) -> Vec<(&'static str, String)> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    let mut found = Vec::new();
    for name in names {
        if let Some(rest) = name.strip_prefix("DBT_ENGINE_") {
            if !is_known(rest) {
                let message = format!("{name} is set, and no flag has this name; `DBT_ENGINE_` is kept for flags");
                found.push(("EnvironmentVariableNamespaceDeprecation", message));
            }
        } else if let Some((_, new)) = OLDER.iter().find(|(old, _)| name.strip_prefix("DBT_") == Some(old)) {
            found.push(("EnvironmentVariableRenamed", format!("{name} is the older name of DBT_{new}")));
        }
    }
    found
}

fn is_known(name: &str) -> bool {
    let options = COMMANDS.iter().flat_map(|command| command.options);
    GLOBAL.iter().chain(options).any(|spec| spec.env == Some(name)) || OTHERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_and_unknown_names_are_told() {
        let names = ["DBT_ENGINE_THRAEDS", "DBT_ENGINE_STATE", "DBT_DEFER_TO_STATE", "DBT_TARGET", "HOME"];
        let found = warnings(names.into_iter().map(str::to_owned));
        let events: Vec<&str> = found.iter().map(|(event, _)| *event).collect();
        assert_eq!(events, ["EnvironmentVariableRenamed", "EnvironmentVariableNamespaceDeprecation"]);
        assert!(found[1].1.starts_with("DBT_ENGINE_THRAEDS is set"), "{found:?}");
    }
}
