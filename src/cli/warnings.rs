//! What happens to a warning: shown, silenced, or promoted to an error. Source: dbt's `--warn-error` and
//! `--warn-error-options` (`cli.md` §7).

use crate::{diagnostic::nearest, jinja::Value};

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
    /// Older keys that were used: `include`, `exclude`.
    pub deprecated: Vec<&'static str>,
}

/// The group of all events that end in `Deprecation`.
const GROUP: &str = "Deprecations";

impl WarningPolicy {
    /// `--warn-error`.
    pub fn all_errors() -> Self {
        Self { error_all: true, ..Self::default() }
    }

    /// From the mapping of `--warn-error-options` or of `flags: warn_error_options`.
    ///
    /// # Errors
    /// An unknown key or event, a value that is neither a word nor a list of words, a `warn` with nothing to except.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let Some(pairs) = value.pairs() else {
            return Err("warn_error_options must be a mapping with the keys error, warn and silence".into());
        };
        let mut policy = Self::default();
        for (key, value) in pairs {
            let words = words(&value).ok_or_else(|| {
                format!("warn_error_options: `{}` must be a list of event names, `all` or `*`", key.to_str())
            })?;
            let key = match key.as_str() {
                Some("include") => {
                    policy.deprecated.push("include");
                    "error"
                }
                Some("exclude") => {
                    policy.deprecated.push("exclude");
                    "warn"
                }
                Some(key) => key,
                None => "",
            };
            for word in &words {
                known(word, key == "error")?;
            }
            match key {
                "error" if !policy.error.is_empty() => return Err(both("error", "include")),
                "warn" if !policy.warn.is_empty() => return Err(both("warn", "exclude")),
                "error" => {
                    policy.error_all = words.iter().any(|word| word == "all" || word == "*");
                    policy.error = words;
                }
                "warn" => policy.warn = words,
                "silence" => policy.silence = words,
                other => return Err(format!("warn_error_options: unknown key `{other}`")),
            }
        }
        let names_group = policy.error.iter().chain(&policy.silence).any(|word| word == GROUP);
        if !policy.warn.is_empty() && !policy.error_all && !names_group {
            return Err(format!(
                "warn_error_options: `warn` makes exceptions, so `error` must be `all`, or `{GROUP}` named"
            ));
        }
        Ok(policy)
    }

    /// Named item before the group `Deprecations` before `all`; at one level silence before warn before error.
    pub fn treatment(&self, event: &str) -> Treatment {
        let group = event.ends_with("Deprecation").then_some(GROUP);
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

fn both(new: &str, old: &str) -> String {
    format!("warn_error_options: `{old}` is the older name of `{new}`; keep one of the two")
}

fn known(word: &str, may_be_all: bool) -> Result<(), String> {
    if EVENTS.contains(&word) || word == GROUP || (may_be_all && matches!(word, "all" | "*")) {
        return Ok(());
    }
    let near = nearest(word, EVENTS.iter().copied()).map(|near| format!(": did you mean `{near}`?"));
    Err(format!("warn_error_options: there is no event `{word}`{}", near.unwrap_or_default()))
}

fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::None => Some(Vec::new()),
        Value::Str(word) => Some(vec![word.to_string()]),
        other => other.items()?.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
    }
}

/// The warnings that dbt 1.11 knows, and one of 1.12, whether or not we have occasion for them, and `Warning`: ours without a name of dbt's.
const EVENTS: &[&str] = &[
    "AdapterDeprecationWarning",
    "AdapterEventWarning",
    "ArgumentsPropertyInGenericTestDeprecation",
    "BehaviorChangeEvent",
    "CatalogGenerationError",
    "CollectFreshnessReturnSignature",
    "ConfigDataPathDeprecation",
    "ConfigLogPathDeprecation",
    "ConfigSourcePathDeprecation",
    "ConfigTargetPathDeprecation",
    "ConstraintNotEnforced",
    "ConstraintNotSupported",
    "CustomKeyInConfigDeprecation",
    "CustomKeyInObjectDeprecation",
    "CustomOutputPathInSourceFreshnessDeprecation",
    "CustomTopLevelKeyDeprecation",
    "DeprecatedModel",
    "DeprecatedReference",
    "DeprecationsSummary",
    "DepsNoPackagesFound",
    "DepsScrubbedPackageName",
    "DepsUnpinned",
    "DuplicateNameDistinctNodeTypesDeprecation",
    "DuplicateYAMLKeysDeprecation",
    "EnvironmentVariableNamespaceDeprecation",
    "EnvironmentVariableRenamed",
    "ExposureNameDeprecation",
    "FreshnessConfigProblem",
    "GenericJSONSchemaValidationDeprecation",
    "GetMetaKeyWarning",
    "InternalDeprecation",
    "InvalidConcurrentBatchesConfig",
    "InvalidMacroAnnotation",
    "InvalidValueForField",
    "JinjaLogWarning",
    "LogFreshnessResult",
    "LogTestResult",
    "MFCumulativeTypeParamsDeprecation",
    "MFTimespineWithoutYamlConfigurationDeprecation",
    "MacroNotFoundForPatch",
    "MetricAttributesRenamed",
    "MicrobatchMacroOutsideOfBatchesDeprecation",
    "MicrobatchModelNoEventTimeInputs",
    "MissingArgumentsPropertyInGenericTestDeprecation",
    "MissingPlusPrefixDeprecation",
    "ModelParamUsageDeprecation",
    "ModulesItertoolsUsageDeprecation",
    "NoNodeForYamlKey",
    "NoNodesForSelectionCriteria",
    "NoNodesSelected",
    "NodeNotFoundOrDisabled",
    "NothingToDo",
    "PackageInstallPathDeprecation",
    "PackageMaterializationOverrideDeprecation",
    "PackageNodeDependsOnRootProjectNode",
    "PackageRedirectDeprecation",
    "ProjectFlagsMovedDeprecation",
    "PropertyMovedToConfigDeprecation",
    "ResourceNamesWithSpacesDeprecation",
    "RunResultWarning",
    "RunResultWarningMessage",
    "SeedExceedsLimitAndPathChanged",
    "SeedExceedsLimitChecksumChanged",
    "SeedExceedsLimitSamePath",
    "SeedIncreased",
    "SemanticValidationFailure",
    "SnapshotTimestampWarning",
    "SourceFreshnessProjectHooksNotRun",
    "SourceOverrideDeprecation",
    "TestsConfigDeprecation",
    "TimeDimensionsRequireGranularityDeprecation",
    "UnexpectedJinjaBlockDeprecation",
    "UnpinnedRefNewVersionAvailable",
    "UnsupportedConstraintMaterialization",
    "UnusedResourceConfigPath",
    "UnusedTables",
    "UnversionedBreakingChange",
    "UpcomingReferenceDeprecation",
    "ValidationWarning",
    "WEOIncludeExcludeDeprecation",
    "WarnStateTargetEqual",
    "Warning",
    "WrongResourceSchemaFile",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: &str) -> Result<WarningPolicy, String> {
        WarningPolicy::from_value(&Value::from_json(&serde_json::from_str(json).unwrap()))
    }

    #[test]
    fn the_most_specific_rule_wins() {
        let policy = policy(
            r#"{"error": "all", "warn": ["NothingToDo", "Deprecations"], "silence": ["ConfigDataPathDeprecation"]}"#,
        );
        let policy = policy.unwrap();
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

    #[test]
    fn older_keys_mean_the_same() {
        let old = policy(r#"{"include": "*", "exclude": ["NothingToDo"]}"#).unwrap();
        assert_eq!(old.deprecated, ["include", "exclude"]);
        assert_eq!(old.treatment("NothingToDo"), Treatment::Show);
        assert_eq!(old.treatment("UnusedTables"), Treatment::Promote);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (json, expected) in [
            (r#"{"error": ["NothingTodo"]}"#, "there is no event `NothingTodo`: did you mean `NothingToDo`?"),
            (r#"{"warn": ["NothingToDo"]}"#, "`warn` makes exceptions"),
            (r#"{"silence": "all"}"#, "there is no event `all`"),
            (r#"{"error": "all", "include": "all"}"#, "`include` is the older name of `error`"),
            (r#"{"promote": "all"}"#, "there is no event `all`"),
            (r#"{"promote": []}"#, "unknown key `promote`"),
            (r#"{"error": 1}"#, "`error` must be a list of event names"),
            ("[]", "must be a mapping"),
        ] {
            let error = policy(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
