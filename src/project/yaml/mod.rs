//! YAML as PyYAML reads it, with the place of every value: one reader for all YAML of a project.

mod deeper;
mod dump;
mod reader;
mod scalar;

pub use dump::{DumpError, dump};
pub use reader::read;
pub use scalar::resolve;

use std::fmt::Write as _;

use chrono::{NaiveDate, NaiveDateTime};

use crate::{
    diagnostic::{Diagnostic, Origin, SourceId, Span},
    jinja::{Value, date_value, datetime_value, naive_datetime_value},
};

/// A value and where it is written. A value behind an alias has the span of its anchor's definition.
#[derive(Debug, Clone)]
pub struct Yaml {
    pub data: Data,
    pub span: Span,
    /// For strings: where their text is, so that positions inside a template can be shown.
    pub origin: Origin,
    /// For scalars: plain, or in quotes or a block.
    pub plain: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Date(NaiveDate),
    /// With the offset from UTC in seconds when it was written with one.
    DateTime(NaiveDateTime, Option<i32>),
    Str(std::sync::Arc<str>),
    List(Vec<Yaml>),
    Map(Map),
}

/// A mapping in the order of writing; of duplicate keys the last is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map {
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: Yaml,
    pub value: Yaml,
}

impl PartialEq for Yaml {
    /// By value; places do not count.
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

/// Reads YAML that is not in a file: `--vars`, `--args`, `fromyaml`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_value(text: &str) -> Result<Yaml, Box<Diagnostic>> {
    let (value, diagnostics) = read(text, SourceId(u32::MAX), 0);
    match (value, diagnostics.into_iter().find(Diagnostic::is_error)) {
        (_, Some(mut error)) => {
            error.labels.clear();
            Err(Box::new(error))
        }
        (Some(value), None) => Ok(value),
        (None, None) => Err(Box::new(Diagnostic::error("yaml-syntax", "this is not valid YAML"))),
    }
}

impl Yaml {
    /// What it is, for messages: `a list`, `a text`.
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Int(_) | Data::Float(_) => "a number",
            Data::Date(_) | Data::DateTime(..) => "a date",
            Data::Str(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Str(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.data {
            Data::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self.data {
            Data::Int(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Yaml]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.data == Data::Null
    }

    /// The value as Jinja sees it.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::None,
            Data::Bool(value) => (*value).into(),
            Data::Int(value) => (*value).into(),
            Data::Float(value) => (*value).into(),
            Data::Date(date) => date_value(*date),
            Data::DateTime(time, None) => naive_datetime_value(*time),
            Data::DateTime(time, Some(0)) => datetime_value(time.and_utc()),
            // Templates have no time with an offset; as a text it at least prints the same.
            Data::DateTime(time, zone) => datetime_text(*time, *zone).into(),
            Data::Str(text) => text.clone().into(),
            Data::List(items) => Value::list(items.iter().map(Yaml::to_value)),
            Data::Map(map) => map.to_value(),
        }
    }
}

/// A date and time as Python's `str()` prints it: `2024-01-01 10:20:30.500000+02:00`.
pub fn datetime_text(time: NaiveDateTime, zone: Option<i32>) -> String {
    let mut text = time.format("%Y-%m-%d %H:%M:%S").to_string();
    let micros = time.and_utc().timestamp_subsec_micros();
    if micros > 0 {
        let _ = write!(text, ".{micros:06}");
    }
    if let Some(zone) = zone {
        let sign = if zone < 0 { '-' } else { '+' };
        let _ = write!(text, "{sign}{:02}:{:02}", zone.abs() / 3600, zone.abs() / 60 % 60);
    }
    text
}

impl Map {
    /// The value under a string key.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The pair under a string key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.as_str() == Some(key))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// As a Jinja dict.
    pub fn to_value(&self) -> Value {
        Value::dict(self.entries.iter().map(|entry| (entry.key.to_value(), entry.value.to_value())))
    }
}

#[cfg(test)]
mod tests;
