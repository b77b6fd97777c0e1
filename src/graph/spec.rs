//! The grammar of one selection word and of sets of words: text → [`SelectionSpec`] → text.

use std::fmt;

/// Why a selection cannot be made. The wording of the ones dbt knows is what scripts look for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    #[error("Invalid selector spec \"{word}\"")]
    InvalidWord { word: String },
    #[error("'{method}' is not a valid method name")]
    UnknownMethod { method: String },
    #[error("Invalid node spec {word} - \"@\" prefix and \"+\" suffix are incompatible")]
    AtWithPlus { word: String },
    #[error("`{method}:` needs the {file} of an earlier invocation{}", hint(*.given))]
    NoState { method: &'static str, file: &'static str, given: bool },
    #[error("`source_status:` needs a sources.json in the target folder: run `tamis source freshness` first")]
    NoCurrentSources,
    #[error("breaking change to the contract of `{id}` ({path}):\n  - {}", .changes.join("\n  - "))]
    BrokenContract { id: String, path: String, changes: Vec<String> },
    #[error("Could not find selector named {name}, expected one of [{}]", quoted(.known))]
    UnknownSelector { name: String, known: Vec<String> },
    #[error("Invalid {method} selector value \"{value}\": expected {expected}")]
    InvalidValue { method: &'static str, value: String, expected: &'static str },
    #[error("Invalid resource_type selector \"{value}\"")]
    InvalidResourceType { value: String },
    #[error("Could not read selector file data: {reason} (in selector `{selector}`)")]
    InvalidDefinition { selector: String, reason: String },
    #[error("Could not read selector file data: {reason}")]
    InvalidFile { reason: String },
}

fn hint(given: bool) -> &'static str {
    if given { ", which the folder of --state does not have" } else { ": give its folder with --state" }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// How a member is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    Fqn,
    Tag,
    Group,
    Access,
    Source,
    Path,
    File,
    Package,
    Config,
    TestName,
    TestType,
    ResourceType,
    State,
    Exposure,
    Metric,
    Result,
    SourceStatus,
    Version,
    SemanticModel,
    SavedQuery,
    UnitTest,
    Function,
    Selector,
}

impl Method {
    pub const ALL: [Method; 23] = [
        Self::Fqn,
        Self::Tag,
        Self::Group,
        Self::Access,
        Self::Source,
        Self::Path,
        Self::File,
        Self::Package,
        Self::Config,
        Self::TestName,
        Self::TestType,
        Self::ResourceType,
        Self::State,
        Self::Exposure,
        Self::Metric,
        Self::Result,
        Self::SourceStatus,
        Self::Version,
        Self::SemanticModel,
        Self::SavedQuery,
        Self::UnitTest,
        Self::Function,
        Self::Selector,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fqn => "fqn",
            Self::Tag => "tag",
            Self::Group => "group",
            Self::Access => "access",
            Self::Source => "source",
            Self::Path => "path",
            Self::File => "file",
            Self::Package => "package",
            Self::Config => "config",
            Self::TestName => "test_name",
            Self::TestType => "test_type",
            Self::ResourceType => "resource_type",
            Self::State => "state",
            Self::Exposure => "exposure",
            Self::Metric => "metric",
            Self::Result => "result",
            Self::SourceStatus => "source_status",
            Self::Version => "version",
            Self::SemanticModel => "semantic_model",
            Self::SavedQuery => "saved_query",
            Self::UnitTest => "unit_test",
            Self::Function => "function",
            Self::Selector => "selector",
        }
    }

    fn parse(text: &str) -> Result<Self, SelectionError> {
        let found = Self::ALL.into_iter().find(|method| method.as_str() == text);
        found.ok_or_else(|| SelectionError::UnknownMethod { method: text.to_owned() })
    }

    /// The method of a word that names none.
    fn of_value(value: &str) -> Self {
        let lower = value.to_lowercase();
        if value.contains(std::path::is_separator) {
            Self::Path
        } else if [".sql", ".py", ".csv"].iter().any(|suffix| lower.ends_with(suffix)) {
            Self::File
        } else {
            Self::Fqn
        }
    }
}

/// How far graph operators go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    All,
    Up(u32),
}

/// Which tests come along with what they test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IndirectSelection {
    /// Any parent is selected.
    #[default]
    Eager,
    /// All parents are selected.
    Cautious,
    /// All parents are selected or upstream of what is.
    Buildable,
    /// None.
    Empty,
}

impl IndirectSelection {
    pub const ALL: [IndirectSelection; 4] = [Self::Eager, Self::Cautious, Self::Buildable, Self::Empty];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Cautious => "cautious",
            Self::Buildable => "buildable",
            Self::Empty => "empty",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// One word: `1+tag:nightly+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    pub method: Method,
    /// The parts after the method's name: `materialized` in `config.materialized:table`.
    pub arguments: Vec<String>,
    pub value: String,
    /// `@`: the descendants too, and all that these need.
    pub childrens_parents: bool,
    pub parents: Option<Depth>,
    pub children: Option<Depth>,
    pub indirect: IndirectSelection,
}

/// A set operation over parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub parts: Vec<SelectionSpec>,
    pub indirect: IndirectSelection,
    /// The text to warn about when nothing is found.
    pub expected: Option<String>,
}

/// A parsed selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectionSpec {
    Criterion(Criterion),
    Union(Group),
    Intersection(Group),
    /// The first part without all others.
    Difference(Group),
}

/// What is selected without `--select`.
const DEFAULT_WORDS: [&str; 5] = ["fqn:*", "source:*", "exposure:*", "metric:*", "semantic_model:*"];

impl Criterion {
    /// Parses one word.
    ///
    /// # Errors
    /// A method that does not exist, `@` together with a trailing `+`, a line break.
    pub fn parse(word: &str, indirect: IndirectSelection) -> Result<Self, SelectionError> {
        if word.contains('\n') {
            return Err(SelectionError::InvalidWord { word: word.to_owned() });
        }
        let (childrens_parents, rest) = match word.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (parents, rest) = leading_operator(rest);
        let (method, rest) = match rest.split_once(':') {
            Some((method, rest)) if !method.is_empty() && method.chars().all(is_method_char) => (Some(method), rest),
            _ => (None, rest),
        };
        let (value, children) = trailing_operator(rest);
        if childrens_parents && children.is_some() {
            return Err(SelectionError::AtWithPlus { word: word.to_owned() });
        }
        let (method, arguments) = match method {
            Some(method) => parse_method(method)?,
            None => (Method::of_value(value), Vec::new()),
        };
        Ok(Self { method, arguments, value: value.to_owned(), childrens_parents, parents, children, indirect })
    }

    /// A criterion without graph operators.
    pub fn plain(method: Method, arguments: Vec<String>, value: String, indirect: IndirectSelection) -> Self {
        Self { method, arguments, value, childrens_parents: false, parents: None, children: None, indirect }
    }
}

/// `config.meta.owner` → the method and its arguments.
pub(super) fn parse_method(text: &str) -> Result<(Method, Vec<String>), SelectionError> {
    let mut parts = text.split('.');
    let method = Method::parse(parts.next().unwrap_or_default())?;
    Ok((method, parts.map(str::to_owned).collect()))
}

fn is_method_char(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '.'
}

/// `2+rest` → `(2, rest)`.
fn leading_operator(text: &str) -> (Option<Depth>, &str) {
    match text.split_once('+') {
        Some((digits, rest)) if digits.chars().all(|char| char.is_ascii_digit()) => (Some(depth(digits)), rest),
        _ => (None, text),
    }
}

/// `value+2` → `(value, 2)`.
fn trailing_operator(text: &str) -> (&str, Option<Depth>) {
    match text.rsplit_once('+') {
        Some((value, digits)) if digits.chars().all(|char| char.is_ascii_digit()) => (value, Some(depth(digits))),
        _ => (text, None),
    }
}

fn depth(digits: &str) -> Depth {
    if digits.is_empty() { Depth::All } else { Depth::Up(digits.parse().unwrap_or(u32::MAX)) }
}

impl SelectionSpec {
    /// Parses the words of `--select` or `--exclude`: each text may hold several words; `,` intersects, words unite.
    ///
    /// # Errors
    /// Those of [`Criterion::parse`].
    pub fn parse(texts: &[String], indirect: IndirectSelection) -> Result<Self, SelectionError> {
        Self::parse_words(texts.iter().map(String::as_str), indirect, true)
    }

    /// What a command selects: `select` (or everything) without `exclude`.
    ///
    /// # Errors
    /// Those of [`Criterion::parse`].
    pub fn from_options(
        select: &[String],
        exclude: &[String],
        indirect: IndirectSelection,
    ) -> Result<Self, SelectionError> {
        let included = if select.is_empty() {
            Self::parse_words(DEFAULT_WORDS.into_iter(), indirect, false)?
        } else {
            Self::parse(select, indirect)?
        };
        if exclude.is_empty() {
            return Ok(included);
        }
        Ok(Self::Difference(Group::of(vec![included, Self::parse(exclude, indirect)?])))
    }

    fn parse_words<'a>(
        texts: impl Iterator<Item = &'a str>,
        indirect: IndirectSelection,
        expected: bool,
    ) -> Result<Self, SelectionError> {
        let mut parts = Vec::new();
        for word in texts.flat_map(|text| text.split(' ')) {
            let criteria: Result<Vec<SelectionSpec>, SelectionError> =
                word.split(',').map(|word| Criterion::parse(word, indirect).map(Self::Criterion)).collect();
            let expected = expected.then(|| word.to_owned());
            parts.push(Self::Intersection(Group { parts: criteria?, indirect, expected }));
        }
        Ok(Self::Union(Group { parts, indirect, expected: None }))
    }
}

impl Group {
    /// A group as `selectors.yml` makes them: eager, and silent when nothing is found.
    pub fn of(parts: Vec<SelectionSpec>) -> Self {
        Self { parts, indirect: IndirectSelection::Eager, expected: None }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = |depth: Depth| match depth {
            Depth::All => String::new(),
            Depth::Up(depth) => depth.to_string(),
        };
        if self.childrens_parents {
            f.write_str("@")?;
        }
        if let Some(parents) = self.parents {
            write!(f, "{}+", depth(parents))?;
        }
        let implied = self.arguments.is_empty()
            && self.method == Method::of_value(&self.value)
            && !self.value.contains([':', '@', '+'])
            // Digits before a `+` would be read as a depth.
            && !self.value.chars().all(|char| char.is_ascii_digit());
        if !implied {
            f.write_str(self.method.as_str())?;
            for argument in &self.arguments {
                write!(f, ".{argument}")?;
            }
            f.write_str(":")?;
        }
        f.write_str(&self.value)?;
        match self.children {
            Some(children) => write!(f, "+{}", depth(children)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SelectionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, separator) = match self {
            Self::Criterion(criterion) => return criterion.fmt(f),
            Self::Union(group) => (group, " "),
            Self::Intersection(group) => (group, ","),
            Self::Difference(group) => (group, " --exclude "),
        };
        for (index, part) in group.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(separator)?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(word: &str) -> Result<Criterion, SelectionError> {
        Criterion::parse(word, IndirectSelection::Eager)
    }

    #[test]
    fn a_word_has_operators_a_method_and_a_value() {
        for (word, method, arguments, value, parents, children) in [
            ("orders", Method::Fqn, vec![], "orders", None, None),
            ("+orders+", Method::Fqn, vec![], "orders", Some(Depth::All), Some(Depth::All)),
            ("2+orders+0", Method::Fqn, vec![], "orders", Some(Depth::Up(2)), Some(Depth::Up(0))),
            ("config.meta.a:b:c", Method::Config, vec!["meta", "a"], "b:c", None, None),
            ("models/a.sql", Method::Path, vec![], "models/a.sql", None, None),
            ("A.SQL", Method::File, vec![], "A.SQL", None, None),
            ("a+b", Method::Fqn, vec![], "a+b", None, None),
            ("a++", Method::Fqn, vec![], "a+", None, Some(Depth::All)),
            ("1+2+", Method::Fqn, vec![], "2", Some(Depth::Up(1)), Some(Depth::All)),
            ("+", Method::Fqn, vec![], "", Some(Depth::All), None),
            ("tag:", Method::Tag, vec![], "", None, None),
            ("a/b:c", Method::Path, vec![], "a/b:c", None, None),
            ("source:a.b+99999999999", Method::Source, vec![], "a.b", None, Some(Depth::Up(u32::MAX))),
        ] {
            let parsed = parse(word).unwrap();
            assert_eq!(
                (parsed.method, parsed.arguments, parsed.value.as_str(), parsed.parents, parsed.children),
                (method, arguments.into_iter().map(str::to_owned).collect(), value, parents, children),
                "{word}"
            );
        }
    }

    #[test]
    fn wrong_words_are_named() {
        for (word, expected) in [
            ("foo:x", "'foo' is not a valid method name"),
            (".x:y", "'' is not a valid method name"),
            ("@a+", "Invalid node spec @a+ - \"@\" prefix and \"+\" suffix are incompatible"),
            ("a\nb", "Invalid selector spec \"a\nb\""),
        ] {
            assert_eq!(parse(word).unwrap_err().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_fails_and_prints_what_parses_to_the_same(
            word in "[@+]?[0-9]{0,2}\\+?((tag|fqn|config\\.a|source|path|selector|x):)?[a-z0-9_.*/:@+,\\[ ]{0,12}\\+?[0-9]{0,2}"
        ) {
            let words = [word];
            if let Ok(spec) = SelectionSpec::parse(&words, IndirectSelection::Eager) {
                let printed = [spec.to_string()];
                let again = SelectionSpec::parse(&printed, IndirectSelection::Eager).unwrap();
                prop_assert_eq!(without_texts(again), without_texts(spec));
            }
        }

        #[test]
        fn no_text_panics(word in "\\PC*") {
            let _ = SelectionSpec::parse(&[word], IndirectSelection::Eager);
        }
    }

    /// The spec without the texts of warnings, which keep the user's spelling.
    fn without_texts(spec: SelectionSpec) -> SelectionSpec {
        let strip = |group: Group| Group {
            parts: group.parts.into_iter().map(without_texts).collect(),
            expected: None,
            ..group
        };
        match spec {
            SelectionSpec::Criterion(criterion) => SelectionSpec::Criterion(criterion),
            SelectionSpec::Union(group) => SelectionSpec::Union(strip(group)),
            SelectionSpec::Intersection(group) => SelectionSpec::Intersection(strip(group)),
            SelectionSpec::Difference(group) => SelectionSpec::Difference(strip(group)),
        }
    }
}
