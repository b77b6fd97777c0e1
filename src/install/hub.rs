//! What the package hub says of a package: its versions, where each is, and what each needs.

use indexmap::IndexMap;
use serde::Deserialize;

use crate::project::version::{Comparison, Spec, Version};

/// One page of the hub: `api/v1/<namespace>/<name>.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct HubPackage {
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(default)]
    pub redirectnamespace: Option<String>,
    #[serde(default)]
    pub redirectname: Option<String>,
    pub name: String,
    pub versions: IndexMap<String, HubVersion>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct HubVersion {
    /// The name of the project in it.
    pub name: String,
    #[serde(default)]
    pub packages: Vec<Dependency>,
    pub downloads: Downloads,
    #[serde(default)]
    pub require_dbt_version: OneOrMany,
}

/// A package that a version asks for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dependency {
    #[serde(default)]
    pub package: Option<String>,
    #[serde(default)]
    pub version: OneOrMany,
    #[serde(default)]
    pub git: Option<String>,
    #[serde(default)]
    pub revision: Option<String>,
    #[serde(default)]
    pub subdirectory: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Downloads {
    pub tarball: String,
}

/// `"1.0.0"`, `[">=1.0.0", "<2.0.0"]` or nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    #[default]
    Nothing,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::One(text) => vec![text.clone()],
            Self::Many(texts) => texts.clone(),
        }
    }
}

/// The choice among the versions of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub version: String,
    /// The highest version that this dbt could use.
    pub latest: String,
}

/// Why there is nothing to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoChoice {
    /// Versions that could be installed, the highest first.
    pub available: Vec<String>,
    /// The highest version in range, when it is only for another version of dbt.
    pub incompatible: Option<String>,
}

impl HubPackage {
    /// The name to write instead, where the package has moved.
    pub fn moved_to(&self) -> Option<String> {
        if self.redirectname.is_none() && self.redirectnamespace.is_none() {
            return None;
        }
        let namespace = self.redirectnamespace.as_ref().or(self.namespace.as_ref())?;
        Some(format!("{namespace}/{}", self.redirectname.as_ref().unwrap_or(&self.name)))
    }

    /// The highest version in all ranges that this version of dbt can use; without `dbt_version` any dbt will do.
    ///
    /// Prereleases count when asked for, or when a range names one.
    pub fn choose(&self, ranges: &[Spec], prerelease: bool, dbt_version: Option<&Version>) -> Result<Choice, NoChoice> {
        let prerelease = prerelease || ranges.iter().any(|range| range.version.prerelease.is_some());
        let mut known: Vec<(Version, &String, bool)> = self
            .versions
            .iter()
            .filter_map(|(text, found)| {
                let version = Version::parse(text)?;
                let fits = found.fits(dbt_version);
                (prerelease || version.prerelease.is_none()).then_some((version, text, fits))
            })
            .collect();
        known.sort_by(|(one, ..), (other, ..)| other.cmp(one));
        let in_range = |version: &Version| ranges.iter().all(|range| in_range(range, version));
        let installable = || known.iter().filter(|(_, _, fits)| *fits);
        let chosen = installable().find(|(version, ..)| in_range(version));
        match (chosen, installable().next()) {
            (Some((_, version, _)), Some((_, latest, _))) => {
                Ok(Choice { version: (*version).clone(), latest: (*latest).clone() })
            }
            _ => Err(NoChoice {
                available: installable().take(10).map(|(_, text, _)| (*text).clone()).collect(),
                incompatible: known.iter().find(|(version, ..)| in_range(version)).map(|(_, text, _)| (*text).clone()),
            }),
        }
    }
}

impl HubVersion {
    fn fits(&self, dbt_version: Option<&Version>) -> bool {
        let Some(dbt_version) = dbt_version else { return true };
        self.require_dbt_version
            .texts()
            .iter()
            .filter_map(|text| Spec::parse(text))
            .all(|range| range.accepts(dbt_version))
    }
}

/// `<2.0.0` means the prereleases of 2.0.0 neither.
fn in_range(range: &Spec, version: &Version) -> bool {
    let below = range.comparison == Comparison::Less && range.version.prerelease.is_none();
    let base = |version: &Version| (version.major, version.minor, version.patch);
    range.accepts(version) && !(below && version.prerelease.is_some() && base(version) == base(&range.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> HubPackage {
        let version = |name: &str, dbt: &str| {
            format!(
                r#""{name}": {{"name": "p", "packages": [], "downloads": {{"tarball": "x"}}, "require_dbt_version": {dbt}}}"#
            )
        };
        let versions = [
            version("0.9.0", "[]"),
            version("1.0.0", r#"">=1.0.0""#),
            version("1.10.0", r#"[">=1.0.0", "<2.0.0"]"#),
            version("1.9.0", "[]"),
            version("2.0.0-beta.9", "[]"),
            version("2.0.0-beta.10", "[]"),
            version("2.0.0", r#"[">=2.0.0"]"#),
        ];
        serde_json::from_str(&format!(r#"{{"name": "p", "versions": {{{}}}}}"#, versions.join(","))).unwrap()
    }

    #[test]
    fn the_highest_version_that_all_agree_on_is_chosen() {
        let dbt = Version::parse("1.11.2").unwrap();
        for (ranges, prerelease, expected) in [
            (&[">=0.8.0", "<2.0.0"][..], false, "1.10.0"),
            (&[">=0.8.0", "<1.10.0"], false, "1.9.0"),
            (&["1.0.0"], false, "1.0.0"),
            (&["=1.0.0"], false, "1.0.0"),
            (&[">=1.0.0", "<2.0.0"], true, "1.10.0"),
            (&[">=1.0.0"], true, "2.0.0-beta.10"),
            (&["2.0.0-beta.9"], false, "2.0.0-beta.9"),
            (&[">1.9.0", "<=1.10.0", ">=0.1.0"], false, "1.10.0"),
        ] {
            let parsed: Vec<Spec> = ranges.iter().map(|range| Spec::parse(range).unwrap()).collect();
            let choice = page().choose(&parsed, prerelease, Some(&dbt)).unwrap();
            assert_eq!(choice.version, expected, "{ranges:?}");
        }
    }

    #[test]
    fn where_nothing_fits_it_is_said_what_there_is() {
        let dbt = Version::parse("1.11.2").unwrap();
        let ranges = [Spec::parse("2.0.0").unwrap()];
        let none = page().choose(&ranges, false, Some(&dbt)).unwrap_err();
        assert_eq!(none.incompatible.as_deref(), Some("2.0.0"));
        assert_eq!(none.available, ["1.10.0", "1.9.0", "1.0.0", "0.9.0"]);
        assert_eq!(page().choose(&ranges, false, None).unwrap().version, "2.0.0");
    }
}
