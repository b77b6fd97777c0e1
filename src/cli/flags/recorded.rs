//! Flags from the `args` of a run_results.json, of ours or of dbt's: what `retry` runs with.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{COMMANDS, Flags, GLOBAL, Kind, Origin, Setting, Spec};

/// Flags that say where things are, and how they are told: those of the new command line count, given or not.
const OF_THE_PLACE: [&str; 5] = ["project_dir", "profiles_dir", "target_path", "log_path", "warn_error"];

/// The commands that leave a run_results.json to go by.
const RETRIED: [&str; 9] = ["build", "run", "test", "seed", "snapshot", "compile", "docs", "clone", "run-operation"];

impl Flags {
    /// The flags of the recorded command, with what `now` gives on top.
    ///
    /// # Errors
    /// Results that do not say which command they are of, or one that cannot be run again.
    pub fn of_results(args: &Map<String, Json>, now: &Flags) -> Result<Flags, String> {
        let which = args.get("which").and_then(Json::as_str).unwrap_or_default();
        let name = if which == "generate" { "docs" } else { which };
        let command = COMMANDS.iter().find(|command| command.name == name && RETRIED.contains(&name));
        let command = command.ok_or_else(|| match which {
            "" => "the earlier results do not say which command they are of".to_owned(),
            which => format!("the earlier command was `{which}`, which cannot be retried"),
        })?;
        let mut settings = BTreeMap::new();
        for spec in GLOBAL.iter().chain(command.options) {
            let key = spec.key();
            let given = now.settings.get(&key).cloned().filter(|(_, origin)| *origin != Origin::Default);
            let recorded = || {
                let value = args.get(&key).filter(|_| !OF_THE_PLACE.contains(&key.as_str()))?;
                Some((setting(spec, value)?, Origin::CommandLine))
            };
            let setting = given.or_else(recorded).unwrap_or_else(|| (spec.default(), Origin::Default));
            settings.insert(key, setting);
        }
        let positional = match command.name {
            "docs" => Some("generate".to_owned()),
            "run-operation" => args.get("macro").and_then(Json::as_str).map(str::to_owned),
            _ => None,
        };
        Ok(Flags {
            command,
            positional,
            settings,
            deprecated: now.deprecated.clone(),
            invocation: now.invocation.clone(),
        })
    }
}

/// A recorded value as the setting of a flag; `None` for null and for what the flag cannot have.
fn setting(spec: &Spec, value: &Json) -> Option<Setting> {
    match (spec.kind, value) {
        (_, Json::Null) => None,
        (Kind::Toggle(_) | Kind::Switch, Json::Bool(on)) => Some(Setting::Bool(*on)),
        (Kind::Integer(_), Json::Number(number)) => number.as_i64().map(Setting::Integer),
        (Kind::Words, Json::Array(words)) => {
            Some(Setting::Words(words.iter().filter_map(Json::as_str).map(str::to_owned).collect()))
        }
        (Kind::Words, Json::String(word)) => Some(Setting::Words(vec![word.clone()])),
        (Kind::Text(_) | Kind::Choice(..), Json::String(text)) => Some(Setting::Text(text.clone())),
        // `vars` and `warn_error_options`: JSON is YAML.
        (Kind::Text(_), Json::Object(map)) => Some(Setting::Text(Json::Object(map.clone()).to_string())),
        _ => None,
    }
}
