//! Named selections of `selectors.yml`: dicts → [`SelectionSpec`], and the normalised form that the manifest keeps.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use crate::{artifacts::to_json, diagnostic::Diagnostic, jinja::Value, manifest::Manifest, project::yaml::Yaml};

use super::{Criterion, Depth, Group, IndirectSelection, SelectionError, SelectionSpec, spec::parse_method};

/// One entry of `selectors.yml`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSelector {
    pub spec: SelectionSpec,
    pub default: bool,
    /// The whole entry with its definition in the normalised form, as in `manifest.json`.
    pub normalised: Json,
}

/// All named selections of a project, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selectors(pub IndexMap<String, NamedSelector>);

impl Selectors {
    /// Reads a rendered `selectors.yml`: `{"selectors": [{name, definition, description, default}, …]}`.
    ///
    /// # Errors
    /// [`SelectionError::InvalidFile`] and [`SelectionError::InvalidDefinition`] with the reason.
    pub fn from_file(file: &Json, indirect: IndirectSelection) -> Result<Self, SelectionError> {
        let invalid = |reason: &str| SelectionError::InvalidFile { reason: reason.to_owned() };
        let entries = match file {
            Json::Null => return Ok(Self::default()),
            Json::Object(file) => file.get("selectors").and_then(Json::as_array),
            _ => None,
        };
        Self::from_entries(entries.ok_or_else(|| invalid("expected a list under `selectors`"))?.iter(), indirect)
    }

    /// Reads what [`Manifest::selectors`] holds, normalised or as written.
    ///
    /// # Errors
    /// As [`Self::from_file`].
    pub fn from_manifest(manifest: &Manifest, indirect: IndirectSelection) -> Result<Self, SelectionError> {
        let entries: Vec<Json> = manifest.selectors.values().map(to_json).collect();
        Self::from_entries(entries.iter(), indirect)
    }

    fn from_entries<'a>(
        entries: impl Iterator<Item = &'a Json>,
        indirect: IndirectSelection,
    ) -> Result<Self, SelectionError> {
        let mut selectors = Self::default();
        for entry in entries {
            selectors.push(entry, indirect)?;
        }
        Ok(selectors)
    }

    fn push(&mut self, entry: &Json, indirect: IndirectSelection) -> Result<(), SelectionError> {
        let name = entry.get("name").and_then(Json::as_str);
        let (Some(name), Some(definition)) = (name, entry.get("definition")) else {
            let reason = format!("every selector needs a `name` and a `definition`, found {entry}");
            return Err(SelectionError::InvalidFile { reason });
        };
        let default = entry.get("default").is_some_and(|value| match value {
            Json::String(text) => text.eq_ignore_ascii_case("true"),
            other => *other == Json::Bool(true),
        });
        if let Some(first) = self.default_name().filter(|_| default) {
            let reason = format!("Found multiple selectors with `default: true`: {first} and {name}");
            return Err(SelectionError::InvalidFile { reason });
        }
        let reader = Reader { name, before: self, indirect };
        let spec = reader.definition(definition, true)?;
        let mut normalised = entry.clone();
        if let Some(slot) = normalised.get_mut("definition") {
            *slot = reader.normalise(definition);
        }
        self.0.insert(name.to_owned(), NamedSelector { spec, default, normalised });
        Ok(())
    }

    /// The selector used when a command selects nothing.
    pub fn default_name(&self) -> Option<&str> {
        self.0.iter().find(|(_, selector)| selector.default).map(|(name, _)| name.as_str())
    }

    /// The selection of this name.
    ///
    /// # Errors
    /// [`SelectionError::UnknownSelector`] with the names that exist.
    pub fn expect(&self, name: &str) -> Result<&SelectionSpec, SelectionError> {
        self.0.get(name).map(|selector| &selector.spec).ok_or_else(|| SelectionError::UnknownSelector {
            name: name.to_owned(),
            known: self.0.keys().cloned().collect(),
        })
    }
}

/// Reads a rendered `selectors.yml` into the form that [`Manifest::selectors`] holds.
///
/// # Errors
/// The first selector that is wrong, with its place.
pub fn read_selectors(file: &Yaml) -> Result<IndexMap<String, Value>, Box<Diagnostic>> {
    if file.is_null() {
        return Ok(IndexMap::new());
    }
    let invalid = |error: &SelectionError, span| {
        Box::new(Diagnostic::error("invalid-selector", error.to_string()).at(span, "this selector"))
    };
    let entries = file.as_map().and_then(|file| file.get("selectors")).and_then(Yaml::as_list).ok_or_else(|| {
        let message = format!("`selectors.yml` needs a list under `selectors`, found {}", file.kind());
        Box::new(Diagnostic::error("invalid-selector", message).at(file.span, "no list of selectors"))
    })?;
    let mut selectors = Selectors::default();
    for entry in entries {
        let read = selectors.push(&to_json(&entry.to_value()), IndirectSelection::Eager);
        read.map_err(|error| invalid(&error, entry.span))?;
    }
    let normalised = |selector: &NamedSelector| Value::from_json(&selector.normalised);
    Ok(selectors.0.iter().map(|(name, selector)| (name.clone(), normalised(selector))).collect())
}

/// Reads the definition of one selector; refers to the ones before it.
struct Reader<'a> {
    name: &'a str,
    before: &'a Selectors,
    indirect: IndirectSelection,
}

impl Reader<'_> {
    fn invalid(&self, reason: impl Into<String>) -> SelectionError {
        SelectionError::InvalidDefinition { selector: self.name.to_owned(), reason: reason.into() }
    }

    fn definition(&self, definition: &Json, root: bool) -> Result<SelectionSpec, SelectionError> {
        match definition {
            Json::String(word) => {
                let criterion = Criterion::parse(word, self.indirect)?;
                if criterion.method == super::Method::Selector {
                    self.before.expect(&criterion.value)?;
                }
                Ok(SelectionSpec::Criterion(criterion))
            }
            Json::Object(dict) => {
                let set = ["union", "intersection"].into_iter().find(|key| dict.contains_key(*key));
                match set {
                    Some(_) if root && dict.len() > 1 => {
                        let keys: Vec<&str> = dict.keys().map(String::as_str).collect();
                        Err(self.invalid(format!(
                            "Only a single 'union' or 'intersection' key is allowed in a root level selector definition; \
                             found {}.",
                            keys.join(",")
                        )))
                    }
                    Some(key) => self.set(key, dict),
                    None => self.dict(dict),
                }
            }
            other => {
                Err(self.invalid(format!("Expected to find union, intersection, str or dict, instead found {other}")))
            }
        }
    }

    fn set(&self, key: &'static str, dict: &Map<String, Json>) -> Result<SelectionSpec, SelectionError> {
        let mut parts = Vec::new();
        let mut excluded: Option<SelectionSpec> = None;
        let mut seen_exclude = false;
        for part in self.list(dict, key)? {
            match part.as_object().filter(|part| part.contains_key("exclude") && !part.contains_key("method")) {
                Some(_) if seen_exclude => {
                    return Err(
                        self.invalid("You cannot provide multiple exclude arguments to the same selector set operator")
                    );
                }
                Some(part) => {
                    seen_exclude = true;
                    excluded = self.exclusions(part)?;
                }
                None => parts.push(self.definition(part, false)?),
            }
        }
        let group = Group::of(parts);
        let set = if key == "union" { SelectionSpec::Union(group) } else { SelectionSpec::Intersection(group) };
        Ok(without(set, excluded))
    }

    fn list<'a>(&self, dict: &'a Map<String, Json>, key: &str) -> Result<&'a Vec<Json>, SelectionError> {
        dict.get(key)
            .and_then(Json::as_array)
            .ok_or_else(|| self.invalid(format!("Invalid value for key \"{key}\". Expected a list.")))
    }

    fn exclusions(&self, dict: &Map<String, Json>) -> Result<Option<SelectionSpec>, SelectionError> {
        let parts: Result<Vec<SelectionSpec>, SelectionError> =
            self.list(dict, "exclude")?.iter().map(|part| self.definition(part, false)).collect();
        let mut parts = parts?;
        Ok(if parts.len() > 1 { Some(SelectionSpec::Union(Group::of(parts))) } else { parts.pop() })
    }

    fn dict(&self, dict: &Map<String, Json>) -> Result<SelectionSpec, SelectionError> {
        if let (1, Some((method, value))) = (dict.len(), dict.iter().next()) {
            if method == "exclude" {
                return Err(self.invalid("`exclude` needs something to exclude from"));
            }
            let (method, arguments) = parse_method(method)?;
            let criterion = Criterion::plain(method, arguments, self.scalar(value)?, self.indirect);
            return self.checked(criterion);
        }
        let method = dict.get("method").and_then(Json::as_str);
        let (Some(method), Some(value)) = (method, dict.get("value")) else {
            let keys: Vec<&str> = dict.keys().map(String::as_str).collect();
            return Err(
                self.invalid(format!("Expected either 1 key or else \"method\" and \"value\" keys, but got {keys:?}"))
            );
        };
        if method == "selector" {
            let name = self.scalar(value)?;
            let missing = || self.invalid(format!("Existing selector definition for {name} not found."));
            return self.before.0.get(&name).map(|selector| selector.spec.clone()).ok_or_else(missing);
        }
        let (method, arguments) = parse_method(method)?;
        let truthy = |key: &str| dict.get(key).is_some_and(is_truthy);
        let depth = |switch: &str, key: &str| -> Result<Option<Depth>, SelectionError> {
            let on = truthy(switch);
            let depth = match dict.get(key) {
                None | Some(Json::Null) => Depth::All,
                Some(value) => self.depth(value)?,
            };
            Ok(on.then_some(depth))
        };
        let indirect = match dict.get("indirect_selection") {
            None => self.indirect,
            Some(value) => value.as_str().and_then(IndirectSelection::parse).ok_or_else(|| {
                self.invalid(format!("'{}' is not a valid IndirectSelection", value.as_str().unwrap_or_default()))
            })?,
        };
        let criterion = Criterion {
            method,
            arguments,
            value: self.scalar(value)?,
            childrens_parents: truthy("childrens_parents"),
            parents: depth("parents", "parents_depth")?,
            children: depth("children", "children_depth")?,
            indirect,
        };
        let base = self.checked(criterion)?;
        let excluded = if dict.contains_key("exclude") { self.exclusions(dict)? } else { None };
        Ok(without(base, excluded))
    }

    fn checked(&self, criterion: Criterion) -> Result<SelectionSpec, SelectionError> {
        if criterion.childrens_parents && criterion.children.is_some() {
            return Err(SelectionError::AtWithPlus { word: criterion.to_string() });
        }
        if criterion.method == super::Method::Selector {
            self.before.expect(&criterion.value)?;
        }
        Ok(SelectionSpec::Criterion(criterion))
    }

    fn depth(&self, value: &Json) -> Result<Depth, SelectionError> {
        let number = match value {
            Json::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        };
        let number = number.ok_or_else(|| self.invalid(format!("could not handle parent depth {value}")))?;
        Ok(Depth::Up(u32::try_from(number).unwrap_or(u32::MAX)))
    }

    /// A YAML scalar as the text that Python prints for it.
    fn scalar(&self, value: &Json) -> Result<String, SelectionError> {
        match value {
            Json::String(text) => Ok(text.clone()),
            Json::Bool(value) => Ok(if *value { "True" } else { "False" }.to_owned()),
            Json::Number(number) => Ok(number.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => {
                Err(self.invalid(format!("the value of a selection method is a single text, found {value}")))
            }
        }
    }

    /// The form that `manifest.json` keeps: words and short dicts become `{method, value, …}`.
    fn normalise(&self, definition: &Json) -> Json {
        match definition {
            Json::String(word) => word_as_dict(word, self.indirect).unwrap_or_else(|| definition.clone()),
            Json::Object(dict) => {
                for key in ["union", "intersection", "exclude"] {
                    if let Some(parts) = dict.get(key).and_then(Json::as_array).filter(|_| !dict.contains_key("method"))
                    {
                        let parts: Vec<Json> = parts.iter().map(|part| self.normalise(part)).collect();
                        return json!({ key: parts });
                    }
                }
                if let (1, Some((method, value))) = (dict.len(), dict.iter().next()) {
                    return json!({ "method": method, "value": value });
                }
                if dict.get("method").and_then(Json::as_str) == Some("selector") {
                    let name = dict.get("value").and_then(Json::as_str).unwrap_or_default();
                    let found = self.before.0.get(name).and_then(|selector| selector.normalised.get("definition"));
                    return found.unwrap_or(definition).clone();
                }
                definition.clone()
            }
            other => other.clone(),
        }
    }
}

fn is_truthy(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(dict) => !dict.is_empty(),
    }
}

fn without(base: SelectionSpec, excluded: Option<SelectionSpec>) -> SelectionSpec {
    match excluded {
        Some(excluded) => SelectionSpec::Difference(Group::of(vec![base, excluded])),
        None => base,
    }
}

/// `1+tag:x` → `{parents: true, parents_depth: "1", method: tag, value: x}`.
fn word_as_dict(word: &str, indirect: IndirectSelection) -> Option<Json> {
    let criterion = Criterion::parse(word, indirect).ok()?;
    let mut dict = Map::new();
    let mut put = |key: &str, value: Json| dict.insert(key.to_owned(), value);
    if criterion.childrens_parents {
        put("childrens_parents", true.into());
    }
    if let Some(depth) = criterion.parents {
        put("parents", true.into());
        if let Depth::Up(depth) = depth {
            put("parents_depth", depth.to_string().into());
        }
    }
    let method: Vec<&str> =
        std::iter::once(criterion.method.as_str()).chain(criterion.arguments.iter().map(String::as_str)).collect();
    put("method", method.join(".").into());
    if !criterion.value.is_empty() {
        put("value", criterion.value.into());
    }
    if let Some(depth) = criterion.children {
        put("children", true.into());
        if let Depth::Up(depth) = depth {
            put("children_depth", depth.to_string().into());
        }
    }
    Some(Json::Object(dict))
}
