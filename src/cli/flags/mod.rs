//! Flags: command line > environment > `flags:` of the project > default, resolved once, keeping where each came from.

mod recorded;
mod spec;

use std::{collections::BTreeMap, ffi::OsString};

use clap::{Arg, ArgAction, ArgMatches, parser::ValueSource};
use indexmap::IndexMap;

pub use spec::{COMMANDS, Command, GLOBAL, Kind, Spec};

use super::environment;
use crate::jinja::Value;

/// Reads an environment variable.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    Project,
    Environment(String),
    CommandLine,
}

/// A setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    Bool(bool),
    Integer(i64),
    Text(String),
    Words(Vec<String>),
    Unset,
}

/// All flags of an invocation.
#[derive(Debug, Clone)]
pub struct Flags {
    pub command: &'static Command,
    /// The argument of `run-operation`, `init`, `docs` and `source`.
    pub positional: Option<String>,
    settings: BTreeMap<String, (Setting, Origin)>,
    /// Deprecated spellings that were used, by event name.
    pub deprecated: Vec<&'static str>,
    /// The command line as typed.
    pub invocation: String,
}

/// Why the command line was not accepted; `text` is ready to print.
#[derive(Debug)]
pub struct UsageError {
    pub text: String,
    /// 0 for `--help` and `--version`.
    pub status: u8,
}

impl UsageError {
    fn new(message: &str) -> Self {
        Self { text: format!("error: {message}\n\nFor more information, try '--help'.\n"), status: 2 }
    }
}

/// The parser, for `--help` and for completeness tests.
pub fn parser() -> clap::Command {
    let mut root = clap::Command::new("tamis")
        .about("Runs dbt projects: one binary, an embedded lakehouse by default")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .arg(
            Arg::new("version")
                .long("version")
                .short('V')
                .visible_short_alias('v')
                .action(ArgAction::Version)
                .help("Print the version"),
        )
        .subcommand_required(false)
        .arg_required_else_help(true)
        .max_term_width(110)
        .help_template("{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}")
        .after_help("Each command has its own help: tamis build --help");
    for option in GLOBAL {
        for arg in arguments(option) {
            root = root.arg(arg.global(true));
        }
    }
    for command in COMMANDS {
        let mut sub = clap::Command::new(command.name).about(command.about);
        for alias in command.aliases {
            sub = sub.visible_alias(*alias);
        }
        if let Some(positional) = command.positional {
            sub = sub.arg(
                Arg::new("positional").value_name(positional.name).required(positional.required).help(positional.help),
            );
        }
        for option in command.options {
            for arg in arguments(option) {
                sub = sub.arg(arg);
            }
        }
        root = root.subcommand(sub);
    }
    root
}

fn arguments(spec: &'static Spec) -> Vec<Arg> {
    let mut arg = Arg::new(spec.name).long(spec.name).help(spec.help).hide(spec.hidden).help_heading(spec.heading);
    if let Some(short) = spec.short {
        arg = arg.short(short);
    }
    for alias in spec.aliases {
        arg = arg.alias(*alias);
        if *alias == "models" {
            arg = arg.short_alias('m');
        }
    }
    match spec.kind {
        Kind::Toggle(default) => {
            let negative = format!("no-{}", spec.name);
            let off = Arg::new(negative.clone())
                .long(negative.clone())
                .action(ArgAction::SetTrue)
                .hide(true)
                .overrides_with(spec.name);
            let note = if default { " [default: on; --no-" } else { " [--no-" };
            let help = format!("{}{note}{} to turn off]", spec.help, spec.name);
            let on = arg.action(ArgAction::SetTrue).overrides_with(negative);
            vec![if default { on.help(help) } else { on }, off]
        }
        Kind::Switch => vec![arg.action(ArgAction::SetTrue)],
        Kind::Choice(choices, default) => {
            let arg = arg
                .action(ArgAction::Set)
                .value_parser(clap::builder::PossibleValuesParser::new(choices))
                .ignore_case(true);
            vec![with_default(arg.value_name("WORD"), spec.help, default)]
        }
        Kind::Text(default) => {
            let arg = arg.action(ArgAction::Set).value_name(spec.value_name).allow_hyphen_values(true);
            vec![with_default(arg, spec.help, default.filter(|text| *text != "{}"))]
        }
        Kind::Integer(default) => {
            let arg = arg.action(ArgAction::Set).value_parser(clap::value_parser!(i64)).allow_negative_numbers(true);
            let default = default.map(|number| number.to_string());
            vec![with_default(arg.value_name(spec.value_name), spec.help, default.as_deref())]
        }
        Kind::Words => vec![arg.action(ArgAction::Append).num_args(1..).value_name(spec.value_name)],
    }
}

fn with_default(arg: Arg, help: &str, default: Option<&str>) -> Arg {
    match default {
        Some(default) => arg.help(format!("{help} [default: {default}]")),
        None => arg,
    }
}

/// Parses the command line and the environment.
///
/// # Errors
/// A usage error with status 2; the text of `--help` or `--version` with status 0.
pub fn parse(args: &[OsString], env: Env<'_>) -> Result<Flags, UsageError> {
    let matches = parser()
        .try_get_matches_from(args)
        .map_err(|error| UsageError { text: error.render().to_string(), status: u8::from(error.use_stderr()) * 2 })?;
    let Some((name, sub)) = matches.subcommand() else {
        return Err(UsageError { text: parser().render_help().to_string(), status: 0 });
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(UsageError::new(&format!("unknown command '{name}'")));
    };
    let words: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let mut flags = Flags {
        command,
        positional: None,
        settings: BTreeMap::new(),
        deprecated: Vec::new(),
        invocation: format!("tamis {}", words.get(1..).unwrap_or_default().join(" ")),
    };
    if command.positional.is_some() {
        flags.positional = sub.get_one::<String>("positional").cloned();
    }
    repeated_on_both_sides(&words, command)?;
    for spec in GLOBAL.iter().chain(command.options) {
        let setting = resolve(spec, sub, env)?;
        flags.settings.insert(spec.key(), setting);
    }
    if words.iter().any(|word| matches!(word.as_str(), "-m" | "--model" | "--models")) {
        flags.deprecated.push("ModelParamUsageDeprecation");
    }
    flags.exclusive()?;
    flags.follow_the_leader();
    Ok(flags)
}

/// A global option may stand before or after the command, not on both sides.
fn repeated_on_both_sides(words: &[String], command: &Command) -> Result<(), UsageError> {
    let is_command = |word: &String| *word == command.name || command.aliases.contains(&word.as_str());
    let Some(at) = words.iter().skip(1).position(is_command).map(|at| at + 1) else { return Ok(()) };
    let names = |words: &[String]| -> Vec<String> {
        let long = words.iter().filter_map(|word| word.strip_prefix("--"));
        long.map(|word| word.split('=').next().unwrap_or(word).trim_start_matches("no-").to_owned()).collect()
    };
    let after = names(words.get(at..).unwrap_or_default());
    for name in names(words.get(..at).unwrap_or_default()) {
        if after.contains(&name) && GLOBAL.iter().any(|spec| spec.name == name) {
            return Err(UsageError::new(&format!("--{name} is given both before and after '{}'", command.name)));
        }
    }
    Ok(())
}

fn resolve(spec: &Spec, matches: &ArgMatches, env: Env<'_>) -> Result<(Setting, Origin), UsageError> {
    if let Some(setting) = from_matches(spec, matches) {
        return Ok((setting, Origin::CommandLine));
    }
    if let Some(name) = spec.env {
        let older = environment::OLDER.iter().filter(|(_, new)| *new == name).map(|(old, _)| format!("DBT_{old}"));
        for variable in [format!("DBT_ENGINE_{name}"), format!("DBT_{name}")].into_iter().chain(older) {
            if let Some(text) = env(&variable).filter(|text| !text.is_empty()) {
                let setting = from_text(spec, &text).map_err(|expected| {
                    UsageError::new(&format!("invalid value '{text}' for {variable}: expected {expected}"))
                })?;
                return Ok((setting, Origin::Environment(variable)));
            }
        }
    }
    if spec.name == "print"
        && let Some(no_print) = env("DBT_NO_PRINT").and_then(|text| boolean(&text))
    {
        return Ok((Setting::Bool(!no_print), Origin::Environment("DBT_NO_PRINT".into())));
    }
    Ok((spec.default(), Origin::Default))
}

impl Spec {
    /// The setting when nobody says anything.
    fn default(&self) -> Setting {
        match self.kind {
            Kind::Toggle(default) => Setting::Bool(default),
            Kind::Switch => Setting::Bool(false),
            Kind::Choice(_, default) | Kind::Text(default) => {
                default.map_or(Setting::Unset, |text| Setting::Text(text.into()))
            }
            Kind::Integer(default) => default.map_or(Setting::Unset, Setting::Integer),
            Kind::Words => Setting::Words(Vec::new()),
        }
    }
}

fn from_matches(spec: &Spec, matches: &ArgMatches) -> Option<Setting> {
    let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    match spec.kind {
        Kind::Toggle(_) => {
            let negative = format!("no-{}", spec.name);
            if given(spec.name) { Some(Setting::Bool(true)) } else { given(&negative).then_some(Setting::Bool(false)) }
        }
        _ if !given(spec.name) => None,
        Kind::Switch => Some(Setting::Bool(true)),
        Kind::Choice(..) => matches.get_one::<String>(spec.name).map(|text| Setting::Text(text.to_lowercase())),
        Kind::Text(_) => matches.get_one::<String>(spec.name).map(|text| Setting::Text(text.clone())),
        Kind::Integer(_) => matches.get_one::<i64>(spec.name).map(|number| Setting::Integer(*number)),
        Kind::Words => matches.get_many::<String>(spec.name).map(|words| Setting::Words(words.cloned().collect())),
    }
}

fn from_text(spec: &Spec, text: &str) -> Result<Setting, String> {
    match spec.kind {
        Kind::Toggle(_) | Kind::Switch => boolean(text).map(Setting::Bool).ok_or_else(|| "true or false".to_owned()),
        Kind::Choice(choices, _) => {
            let lower = text.to_lowercase();
            if choices.contains(&lower.as_str()) {
                Ok(Setting::Text(lower))
            } else {
                Err(format!("one of {}", choices.join(", ")))
            }
        }
        Kind::Text(_) => Ok(Setting::Text(text.to_owned())),
        Kind::Integer(_) => text.trim().parse().map(Setting::Integer).map_err(|_| "a whole number".to_owned()),
        Kind::Words => Ok(Setting::Words(text.split_whitespace().map(str::to_owned).collect())),
    }
}

/// dbt's booleans in environment variables.
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

impl Flags {
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.settings.get(key), Some((Setting::Bool(true), _)))
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.settings.get(key) {
            Some((Setting::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.settings.get(key) {
            Some((Setting::Integer(number), _)) => Some(*number),
            _ => None,
        }
    }

    pub fn words(&self, key: &str) -> &[String] {
        match self.settings.get(key) {
            Some((Setting::Words(words), _)) => words,
            _ => &[],
        }
    }

    pub fn origin(&self, key: &str) -> Origin {
        self.settings.get(key).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// Whether the user chose this value, by any means.
    pub fn is_explicit(&self, key: &str) -> bool {
        self.origin(key) != Origin::Default
    }

    /// Options of the command line that this version accepts without doing anything.
    pub fn without_effect(&self) -> Vec<String> {
        let given =
            GLOBAL.iter().chain(self.command.options).filter(|spec| self.origin(&spec.key()) == Origin::CommandLine);
        given.filter(|spec| spec.has_no_effect()).map(|spec| format!("--{}", spec.name)).collect()
    }

    /// Applies `flags:` of the project below what the command line and the environment said. Returns the keys that no
    /// flag has, and the keys whose value has the wrong type.
    pub fn apply_project(&mut self, project: &IndexMap<String, Value>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (key, value) in project {
            let Some(spec) = GLOBAL.iter().chain(self.command.options).find(|spec| spec.key() == *key) else {
                continue;
            };
            if self.is_explicit(key) {
                continue;
            }
            let text = if matches!(value, Value::None) { continue } else { value.to_str() };
            match from_text(spec, &text) {
                Ok(setting) => {
                    self.settings.insert(key.clone(), (setting, Origin::Project));
                }
                Err(expected) => wrong.push(format!("flag `{key}` is `{text}`, expected {expected}")),
            }
        }
        self.follow_the_leader();
        wrong
    }

    /// An explicit console setting is copied to its `-file` sibling unless that is explicit too.
    fn follow_the_leader(&mut self) {
        for (leader, follower) in
            [("log_level", "log_level_file"), ("log_format", "log_format_file"), ("use_colors", "use_colors_file")]
        {
            if self.is_explicit(leader)
                && !self.is_explicit(follower)
                && let Some((setting, _)) = self.settings.get(leader).cloned()
            {
                self.settings.insert(follower.to_owned(), (setting, Origin::Default));
            }
        }
    }

    fn exclusive(&self) -> Result<(), UsageError> {
        let pairs = [
            ("warn_error", "warn_error_options"),
            ("select", "inline"),
            ("selector", "inline"),
            ("models", "select"),
            ("models", "resource_type"),
        ];
        for (a, b) in pairs {
            let on_line = |key| self.origin(key) == Origin::CommandLine;
            if on_line(a) && on_line(b) {
                let dashed = |key: &str| key.replace('_', "-");
                return Err(UsageError::new(&format!("--{} cannot be used with --{}", dashed(a), dashed(b))));
            }
        }
        Ok(())
    }

    /// All settings for the `flags` object of Jinja and for `args` of run_results.json: lower-case keys.
    pub fn as_values(&self) -> IndexMap<String, Value> {
        let mut values: IndexMap<String, Value> = IndexMap::new();
        for (key, (setting, _)) in &self.settings {
            let value = match setting {
                Setting::Bool(value) => Value::Bool(*value),
                Setting::Integer(value) => Value::Int(*value),
                Setting::Text(text) => Value::from(text.as_str()),
                Setting::Words(words) => Value::list(words.iter().map(|word| Value::from(word.as_str()))),
                Setting::Unset => Value::None,
            };
            values.insert(key.clone(), value);
        }
        values.insert("which".into(), Value::from(if self.command.name == "ls" { "list" } else { self.command.name }));
        if self.command.name == "run-operation" {
            values.insert("macro".into(), self.positional.as_deref().map_or(Value::None, Value::from));
        }
        values.insert("invocation_command".into(), Value::from(self.invocation.as_str()));
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str, env: &[(&str, &str)]) -> Result<Flags, UsageError> {
        let args: Vec<OsString> = std::iter::once("tamis").chain(line.split_whitespace()).map(OsString::from).collect();
        parse(&args, &|name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_parser_is_consistent() {
        parser().debug_assert();
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_project_beats_the_default() {
        let project: IndexMap<String, Value> = [("fail_fast".to_owned(), Value::Bool(true))].into_iter().collect();
        for (line, env, expected) in [
            ("run", &[][..], true),
            ("run", &[("DBT_FAIL_FAST", "0")], false),
            ("run --fail-fast", &[("DBT_FAIL_FAST", "0")], true),
            ("--no-fail-fast run", &[("DBT_ENGINE_FAIL_FAST", "1")], false),
        ] {
            let mut flags = parse_line(line, env).unwrap();
            flags.apply_project(&project);
            assert_eq!(flags.flag("fail_fast"), expected, "{line} {env:?}");
        }
    }

    #[test]
    fn lists_take_all_following_words_and_repeat() {
        let flags = parse_line("build -s a b --exclude c --select d -x", &[]).unwrap();
        assert_eq!(flags.words("select"), ["a", "b", "d"]);
        assert_eq!(flags.words("exclude"), ["c"]);
        assert!(flags.flag("fail_fast"));
    }

    #[test]
    fn usage_errors_end_with_status_2() {
        for line in [
            "run --no-such",
            "frobnicate",
            "--target a run --target b",
            "run --log-level loud",
            "compile --select a --inline b",
            "run --threads many",
        ] {
            assert_eq!(parse_line(line, &[]).unwrap_err().status, 2, "{line}");
        }
        assert_eq!(parse_line("run", &[("DBT_DEBUG", "maybe")]).unwrap_err().status, 2);
        assert_eq!(parse_line("--version", &[]).unwrap_err().status, 0);
        assert_eq!(parse_line("run --help", &[]).unwrap_err().status, 0);
    }

    #[test]
    fn an_explicit_console_setting_is_copied_to_the_log_file() {
        let flags = parse_line("run --log-format json", &[]).unwrap();
        assert_eq!(flags.text("log_format_file"), Some("json"));
        let flags = parse_line("run --log-format json --log-format-file text", &[]).unwrap();
        assert_eq!(flags.text("log_format_file"), Some("text"));
    }
}
