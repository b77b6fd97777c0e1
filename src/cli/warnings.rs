//! What happens to a warning: shown, silenced, or promoted to an error. Source: dbt's `--warn-error` and
//! `--warn-error-options` (`cli.md` §7).

use crate::jinja::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    Show,
    Silence,
    Promote,
}

/// Which warnings become errors or are silenced, by dbt's event names.
#[derive(Debug, Clone, Default)]
pub struct WarningPolicy {
    error_all: bool,
    error: Vec<String>,
    warn: Vec<String>,
    silence: Vec<String>,
}

impl WarningPolicy {
    /// `--warn-error`.
    pub fn all_errors() -> Self {
        Self { error_all: true, ..Self::default() }
    }

    /// From the mapping of `--warn-error-options` or of `flags: warn_error_options`.
    ///
    /// # Errors
    /// An unknown key, or a value that is neither a word nor a list of words.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let Some(pairs) = value.pairs() else {
            return Err("warn_error_options must be a mapping with the keys error, warn and silence".into());
        };
        let mut policy = Self::default();
        for (key, value) in pairs {
            let words = words(&value).ok_or_else(|| {
                format!("warn_error_options: `{}` must be a list of event names, `all` or `*`", key.to_str())
            })?;
            match key.as_str() {
                Some("error" | "include") => {
                    policy.error_all = words.iter().any(|word| word == "all" || word == "*");
                    policy.error = words;
                }
                Some("warn" | "exclude") => policy.warn = words,
                Some("silence") => policy.silence = words,
                _ => return Err(format!("warn_error_options: unknown key `{}`", key.to_str())),
            }
        }
        Ok(policy)
    }

    /// Named item before the group `Deprecations` before `all`; at one level silence before warn before error.
    pub fn treatment(&self, event: &str) -> Treatment {
        let group = event.ends_with("Deprecation").then_some("Deprecations");
        for name in [Some(event), group].into_iter().flatten() {
            let has = |list: &[String]| list.iter().any(|item| item == name);
            if has(&self.silence) {
                return Treatment::Silence;
            }
            if has(&self.warn) {
                return Treatment::Show;
            }
            if has(&self.error) {
                return Treatment::Promote;
            }
        }
        if self.error_all { Treatment::Promote } else { Treatment::Show }
    }
}

fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::None => Some(Vec::new()),
        Value::Str(word) => Some(vec![word.to_string()]),
        other => other.items()?.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_rule_wins() {
        let policy = WarningPolicy {
            error_all: true,
            error: vec!["all".into()],
            warn: vec!["NothingToDo".into(), "Deprecations".into()],
            silence: vec!["ConfigDataPathDeprecation".into()],
        };
        for (event, expected) in [
            ("NothingToDo", Treatment::Show),
            ("ModelParamUsageDeprecation", Treatment::Show),
            ("ConfigDataPathDeprecation", Treatment::Silence),
            ("UnusedTables", Treatment::Promote),
        ] {
            assert_eq!(policy.treatment(event), expected, "{event}");
        }
        assert_eq!(WarningPolicy::default().treatment("UnusedTables"), Treatment::Show);
    }
}
