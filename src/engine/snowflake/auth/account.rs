//! Names of accounts: `org-name`, and the older `locator.region.cloud`, and the host that answers for each.

use crate::engine::EngineError;

const SUFFIXES: [&str; 2] = [".snowflakecomputing.com", ".snowflakecomputing.cn"];

/// An account's name in the forms that the protocol wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// As in the host's name: `xy12345.eu-central-1`, `acme-analytics`.
    full: String,
}

impl Account {
    /// Reads the `account` of a profile. An underscore is a hyphen in a host's name; a pasted address is accepted.
    ///
    /// # Errors
    /// [`EngineError::Profile`] for what cannot be an account.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let mut name = text.trim();
        for scheme in ["https://", "http://"] {
            name = name.strip_prefix(scheme).unwrap_or(name);
        }
        name = name.trim_end_matches('/');
        for suffix in SUFFIXES {
            name = name.strip_suffix(suffix).unwrap_or(name);
        }
        let is_label =
            |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !name.split('.').all(is_label) {
            return Err(EngineError::Profile {
                message: format!(
                    "`account` must be like `organization-account` or `locator.region.cloud`, found `{text}`"
                ),
            });
        }
        Ok(Self { full: name.replace('_', "-") })
    }

    /// The host's name, when the profile has no `host`.
    pub fn host(&self) -> String {
        let china = self.full.split('.').nth(1).is_some_and(|region| region.to_ascii_lowercase().starts_with("cn-"));
        format!("{}{}", self.full, if china { SUFFIXES[1] } else { SUFFIXES[0] })
    }

    /// The name in a login: without region and cloud.
    pub fn name(&self) -> &str {
        let (name, rest) = self.full.split_once('.').unwrap_or((&self.full, ""));
        // Of a global name the part after the last hyphen is an id, not the account.
        match name.rsplit_once('-') {
            Some((account, _)) if rest.split('.').next() == Some("global") => account,
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_account_has_its_host_and_its_name() {
        for (account, host, name) in [
            ("acme-analytics", "acme-analytics.snowflakecomputing.com", "acme-analytics"),
            ("acme_org-my_account", "acme-org-my-account.snowflakecomputing.com", "acme-org-my-account"),
            ("xy12345", "xy12345.snowflakecomputing.com", "xy12345"),
            ("xy12345.eu-central-1", "xy12345.eu-central-1.snowflakecomputing.com", "xy12345"),
            ("xy12345.west-europe.azure", "xy12345.west-europe.azure.snowflakecomputing.com", "xy12345"),
            ("xy12345.us-east-1.privatelink", "xy12345.us-east-1.privatelink.snowflakecomputing.com", "xy12345"),
            ("xy12345.cn-northwest-1", "xy12345.cn-northwest-1.snowflakecomputing.cn", "xy12345"),
            ("acme-g12345.global", "acme-g12345.global.snowflakecomputing.com", "acme"),
            (
                " https://xy12345.eu-central-1.snowflakecomputing.com/ ",
                "xy12345.eu-central-1.snowflakecomputing.com",
                "xy12345",
            ),
        ] {
            let account = Account::parse(account).unwrap();
            assert_eq!((account.host().as_str(), account.name()), (host, name));
        }
    }

    #[test]
    fn what_cannot_be_an_account_is_refused() {
        for text in ["", "a b", "acme/analytics", "acme..eu", "acme.eu?x=1", "user@acme"] {
            let error = Account::parse(text).unwrap_err().to_string();
            assert!(error.contains("`account` must be like"), "{error}");
        }
    }
}
