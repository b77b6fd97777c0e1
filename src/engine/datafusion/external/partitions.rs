//! Hive partitions: `key=value` folders as columns, typed as DuckDB types them.

use std::collections::BTreeSet;

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef},
    common::ScalarValue,
};

use super::{listing::File, reference::Options};
use crate::engine::EngineError;

/// What Hive writes for NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition columns of a set of files, and each file's values in their order.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    pub fields: Vec<FieldRef>,
    pub values: Vec<Vec<ScalarValue>>,
}

/// Reads the partitions off the folders. Without an option, folders are partitions when all files have the same keys.
///
/// # Errors
/// When partitions are demanded and two files differ in their keys; both are named.
pub(super) fn detect(files: &[File], options: &Options) -> Result<Partitions, EngineError> {
    let none = || Partitions { fields: Vec::new(), values: vec![Vec::new(); files.len()] };
    if options.hive_partitioning == Some(false) {
        return Ok(none());
    }
    let all: Vec<Vec<(String, Option<String>)>> = files.iter().map(|file| folders(&file.relative)).collect();
    let keys: Vec<&String> = all.first().map(|first| first.iter().map(|(key, _)| key).collect()).unwrap_or_default();
    let differs = all.iter().position(|other| !other.iter().map(|(key, _)| key).eq(keys.iter().copied()));
    if let Some(index) = differs {
        let (Some(first), Some(other)) = (files.first(), files.get(index)) else { return Ok(none()) };
        if options.hive_partitioning == Some(true) {
            return Err(EngineError::Data {
                message: format!("`{}` and `{}` have different partition folders", first.shown, other.shown),
            });
        }
        return Ok(none());
    }
    let autocast = options.hive_types_autocast != Some(false);
    let mut partitions = none();
    for (index, key) in keys.iter().enumerate() {
        let texts: BTreeSet<&str> = all.iter().filter_map(|folders| folders.get(index)?.1.as_deref()).collect();
        let data_type = if autocast { type_of(&texts) } else { DataType::Utf8 };
        partitions.fields.push(Field::new(key.as_str(), data_type.clone(), true).into());
        for (folders, values) in all.iter().zip(&mut partitions.values) {
            let text = folders.get(index).and_then(|(_, value)| value.clone());
            values.push(value(text, &data_type, key)?);
        }
    }
    Ok(partitions)
}

/// The `key=value` folders of a path, top down.
fn folders(path: &str) -> Vec<(String, Option<String>)> {
    let Some((folders, _)) = path.rsplit_once('/') else { return Vec::new() };
    folders
        .split('/')
        .filter_map(|folder| {
            let (key, value) = folder.split_once('=')?;
            let value = percent_decode(value);
            (!key.is_empty())
                .then(|| (percent_decode(key).to_lowercase(), (value != NULL && !value.is_empty()).then_some(value)))
        })
        .collect()
}

/// DATE when all are dates, BIGINT when all are whole numbers, else VARCHAR.
fn type_of(texts: &BTreeSet<&str>) -> DataType {
    if texts.is_empty() {
        DataType::Utf8
    } else if texts.iter().all(|text| is_date(text)) {
        DataType::Date32
    } else if texts.iter().all(|text| text.parse::<i64>().is_ok()) {
        DataType::Int64
    } else {
        DataType::Utf8
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn value(text: Option<String>, data_type: &DataType, key: &str) -> Result<ScalarValue, EngineError> {
    let value = match text {
        None => ScalarValue::try_from(data_type),
        Some(text) => ScalarValue::try_from_string(text, data_type),
    };
    value.map_err(|error| EngineError::Data { message: format!("partition `{key}`: {}", error.strip_backtrace()) })
}

pub(super) fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let decoded = after.get(..2).filter(|_| *byte == b'%').and_then(|hex| {
            let hex = std::str::from_utf8(hex).ok()?;
            u8::from_str_radix(hex, 16).ok()
        });
        match decoded {
            Some(decoded) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => bytes.push(*byte),
        }
    }
    // Not UTF-8 after decoding: then it was no encoding.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
