//! Typed reading of a YAML mapping: what is missing, unknown or of the wrong type is reported at its place.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, SourceMap, Span, nearest};

use super::{
    fs::FileSystem,
    yaml::{self, Data, Entry, Map, Yaml},
};

/// A mapping that is read key by key.
pub(super) struct Reader<'a, 'o> {
    pub map: &'a Map,
    pub span: Span,
    /// What it is, for messages: "dbt_project.yml", "model `orders`".
    pub subject: String,
    pub out: &'o mut Vec<Diagnostic>,
}

impl<'a, 'o> Reader<'a, 'o> {
    pub fn new(map: &'a Map, span: Span, subject: impl Into<String>, out: &'o mut Vec<Diagnostic>) -> Self {
        Self { map, span, subject: subject.into(), out }
    }

    pub fn value(&self, key: &str) -> Option<&'a Yaml> {
        self.map.get(key)
    }

    /// The value under a key unless it is null.
    pub fn given(&self, key: &str) -> Option<&'a Yaml> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub fn wrong_type(&mut self, key: &str, value: &Yaml, wanted: &str) {
        let message = format!("`{key}` of {} must be {wanted}, found {}", self.subject, value.kind());
        self.out.push(Diagnostic::error("wrong-type", message).at(value.span, format!("expected {wanted}")));
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        let value = self.given(key)?;
        let found = scalar_text(value);
        if found.is_none() {
            self.wrong_type(key, value, "a text");
        }
        found
    }

    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.given(key)?;
        let found = value.as_bool();
        if found.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        found
    }

    pub fn mapping(&mut self, key: &str) -> Option<&'a Map> {
        let value = self.given(key)?;
        let found = value.as_map();
        if found.is_none() {
            self.wrong_type(key, value, "a mapping");
        }
        found
    }

    pub fn list(&mut self, key: &str) -> Option<&'a [Yaml]> {
        let value = self.given(key)?;
        let found = value.as_list();
        if found.is_none() {
            self.wrong_type(key, value, "a list");
        }
        found
    }

    /// A list of texts; a single text is taken as a list of one.
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.given(key)?;
        let found = match &value.data {
            Data::List(items) => items.iter().map(scalar_text).collect(),
            _ => scalar_text(value).map(|text| vec![text]),
        };
        if found.is_none() {
            self.wrong_type(key, value, "a list of texts");
        }
        found
    }

    /// Warns of keys that are not in `known`.
    pub fn unknown_keys(&mut self, known: &[&str], event: &'static str) {
        for entry in self.map.iter() {
            let name = key_name(entry);
            if known.contains(&&*name) {
                continue;
            }
            let subject = &self.subject;
            let warning = Diagnostic::warning("unknown-key", format!("unknown key `{name}` in {subject}"))
                .event(event)
                .at(entry.key.span, "not a key that is read");
            let near = nearest(&name, known.iter().copied());
            self.out.push(match near {
                Some(near) => warning.help(format!("did you mean `{near}`?")),
                None => warning,
            });
        }
    }
}

/// The text of a scalar key or value as dbt prints it; `None` for null, lists and mappings.
pub(super) fn scalar_text(value: &Yaml) -> Option<String> {
    match &value.data {
        Data::Str(text) => Some(text.to_string()),
        Data::Bool(true) => Some("True".into()),
        Data::Bool(false) => Some("False".into()),
        Data::Int(value) => Some(value.to_string()),
        Data::Float(value) => Some(format!("{value:?}")),
        Data::Date(date) => Some(date.to_string()),
        Data::DateTime(time, zone) => Some(yaml::datetime_text(*time, *zone)),
        Data::Null | Data::List(_) | Data::Map(_) => None,
    }
}

pub(super) fn key_name(entry: &Entry) -> Arc<str> {
    match &entry.key.data {
        Data::Str(text) => text.clone(),
        _ => scalar_text(&entry.key).unwrap_or_else(|| "null".into()).into(),
    }
}

/// Reads a file as UTF-8.
pub(super) fn read_text(fs: &dyn FileSystem, path: &std::path::Path, shown: &str) -> Result<String, Box<Diagnostic>> {
    let bytes = fs
        .read(path)
        .map_err(|error| Box::new(Diagnostic::error("file-unreadable", format!("cannot read `{shown}`: {error}"))))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Box::new(
            Diagnostic::error("file-not-utf8", format!("`{shown}` is not UTF-8 text: byte {at} is not valid"))
                .help("save the file in UTF-8"),
        )
    })
}

/// Reads a YAML file into the source map. An unreadable or broken one is reported.
pub(super) fn read_yaml(
    fs: &dyn FileSystem,
    path: &std::path::Path,
    shown: &str,
    sources: &SourceMap,
    out: &mut Vec<Diagnostic>,
) -> Option<Yaml> {
    let text = match read_text(fs, path, shown) {
        Ok(text) => text,
        Err(error) => {
            out.push(*error);
            return None;
        }
    };
    let source = sources.add(shown, &text);
    let (yaml, found) = yaml::read(sources.get(source).text.trim_end(), source, 0);
    out.extend(found);
    yaml
}
