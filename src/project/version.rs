//! dbt's version specs: `>=1.8.0`, `<2.0.0`, `1.11.2`; what `require-dbt-version` and package versions are made of.

use std::cmp::Ordering;

/// `major.minor.patch` with an optional prerelease (`1.11.0-rc1`, `1.11.0rc1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    pub prerelease: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Exact,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One comparison with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub comparison: Comparison,
    pub version: Version,
}

impl Version {
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split('+').next()?;
        let mut parts = text.splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let rest = parts.next()?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (patch, tail) = rest.split_at_checked(digits)?;
        let tail = tail.trim_start_matches(['-', '.']);
        let prerelease = (!tail.is_empty()).then(|| tail.to_owned());
        Some(Self { major, minor, patch: patch.parse().ok()?, prerelease })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (&self.prerelease, &other.prerelease) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(two)) => compare_prereleases(one, two),
        })
    }
}

/// `beta.9` is before `beta.10`: parts between dots count as numbers where they are.
fn compare_prereleases(one: &str, two: &str) -> Ordering {
    let parts =
        |text: &str| text.split('.').map(|part| (part.parse::<u64>().ok(), part.to_owned())).collect::<Vec<_>>();
    let (one, two) = (parts(one), parts(two));
    for ((number, text), (other_number, other_text)) in one.iter().zip(&two) {
        let order = match (number, other_number) {
            (Some(number), Some(other)) => number.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => text.cmp(other_text),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    one.len().cmp(&two.len())
}

impl Spec {
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let operators = [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
            ("==", Comparison::Exact),
            ("=", Comparison::Exact),
        ];
        let (comparison, rest) = operators
            .into_iter()
            .find_map(|(operator, comparison)| text.strip_prefix(operator).map(|rest| (comparison, rest)))
            .unwrap_or((Comparison::Exact, text));
        Some(Self { comparison, version: Version::parse(rest.trim())? })
    }

    pub fn accepts(&self, version: &Version) -> bool {
        let order = version.cmp(&self.version);
        match self.comparison {
            Comparison::Exact => order == Ordering::Equal,
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_accepts_what_it_says() {
        let version = Version::parse("1.11.2").unwrap();
        for (spec, expected) in [
            (">=1.0.0", true),
            ("<2.0.0", true),
            ("<= 1.11.2", true),
            (">1.11.2", false),
            ("=1.11.2", true),
            ("1.11.2", true),
            ("1.10.0", false),
            (">1.11.2-rc1", true),
        ] {
            assert_eq!(Spec::parse(spec).unwrap().accepts(&version), expected, "{spec}");
        }
        for wrong in ["1.0", "abc", "", ">=", "1.x.0"] {
            assert_eq!(Spec::parse(wrong), None, "{wrong}");
        }
    }
}
