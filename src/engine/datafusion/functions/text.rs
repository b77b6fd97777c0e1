//! Functions on text: regular expressions with groups, lengths.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, AsArray, BooleanArray, Int64Array, StringBuilder},
        compute::cast,
        datatypes::{DataType, Int64Type},
    },
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};
use regex::Regex;

use super::scalar::{answer, array, constant_text, function, is_text, strings};

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        function("regexp_extract", extraction, |_, _| Ok(DataType::Utf8), |args| extract(args, NoMatch::Empty)),
        function("regexp_substr", extraction, |_, _| Ok(DataType::Utf8), |args| extract(args, NoMatch::Null)),
        function("regexp_full_match", full_match_arguments, |_, _| Ok(DataType::Boolean), full_match),
        function("len", lengths, |_, _| Ok(DataType::Int64), length),
    ]
}

fn extraction(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [text, pattern] if is_text(text) && is_text(pattern) => Ok(vec![DataType::Utf8, DataType::Utf8]),
        [text, pattern, group] if is_text(text) && is_text(pattern) && (group.is_integer() || group.is_null()) => {
            Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
        }
        _ => Err("regexp_extract(text, pattern, group)"),
    }
}

fn full_match_arguments(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [text, pattern] if is_text(text) && is_text(pattern) => Ok(vec![DataType::Utf8, DataType::Utf8]),
        _ => Err("regexp_full_match(text, pattern)"),
    }
}

/// What a text without a match gives: DuckDB's `regexp_extract` the empty string, Snowflake's `regexp_substr` NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoMatch {
    Empty,
    Null,
}

fn compile(pattern: &str) -> Result<Regex> {
    match Regex::new(pattern) {
        Ok(regex) => Ok(regex),
        Err(error) => exec_err!("`{pattern}` is not a valid regular expression: {error}"),
    }
}

/// The regular expression of each row; nearly always one constant, compiled once.
struct Patterns {
    constant: Option<Regex>,
    texts: datafusion::arrow::array::StringArray,
}

impl Patterns {
    fn read(args: &ScalarFunctionArgs) -> Result<Self> {
        let constant = match constant_text(args, 1) {
            Some(pattern) => Some(compile(pattern)?),
            None => None,
        };
        Ok(Self { constant, texts: strings(&array(args, 1)?)? })
    }

    fn at(&self, row: usize) -> Result<Option<Regex>> {
        match &self.constant {
            // A clone shares the compiled program.
            Some(regex) => Ok(Some(regex.clone())),
            None if self.texts.is_null(row) => Ok(None),
            None => compile(self.texts.value(row)).map(Some),
        }
    }
}

fn extract(args: &ScalarFunctionArgs, no_match: NoMatch) -> Result<ColumnarValue> {
    let group = match args.args.get(2) {
        None => 0,
        Some(ColumnarValue::Scalar(ScalarValue::Int64(Some(group)))) => usize::try_from(*group).unwrap_or(usize::MAX),
        Some(_) => return plan_err!("the group of `regexp_extract` must be a constant"),
    };
    let texts = strings(&array(args, 0)?)?;
    let patterns = Patterns::read(args)?;
    let mut out = StringBuilder::with_capacity(texts.len(), texts.len() * 8);
    for row in 0..texts.len() {
        let Some(regex) = patterns.at(row)? else {
            out.append_null();
            continue;
        };
        if texts.is_null(row) {
            out.append_null();
            continue;
        }
        let text = texts.value(row);
        let found = if group == 0 {
            regex.find(text).map(|found| found.as_str())
        } else {
            regex.captures(text).and_then(|captures| captures.get(group)).map(|found| found.as_str())
        };
        match (found, no_match) {
            (Some(found), _) => out.append_value(found),
            (None, NoMatch::Empty) => out.append_value(""),
            (None, NoMatch::Null) => out.append_null(),
        }
    }
    answer(args, Arc::new(out.finish()))
}

fn full_match(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let texts = strings(&array(args, 0)?)?;
    let pattern = match constant_text(args, 1) {
        Some(pattern) => compile(&format!("^(?:{pattern})$"))?,
        None => return plan_err!("the pattern of `regexp_full_match` must be a constant"),
    };
    let matches: BooleanArray = texts.iter().map(|text| text.map(|text| pattern.is_match(text))).collect();
    answer(args, Arc::new(matches))
}

fn lengths(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [text] if is_text(text) => Ok(vec![DataType::Utf8]),
        [list @ DataType::List(_)] => Ok(vec![list.clone()]),
        _ => Err("len(text | array)"),
    }
}

fn length(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let values = array(args, 0)?;
    let counted: Int64Array = match values.data_type() {
        DataType::List(_) => {
            let lists = values.as_list::<i32>();
            (0..lists.len()).map(|row| lists.is_valid(row).then(|| i64::from(lists.value_length(row)))).collect()
        }
        _ => strings(&values)?
            .iter()
            .map(|text| text.map(|text| i64::try_from(text.chars().count()).unwrap_or(i64::MAX)))
            .collect(),
    };
    let counted = cast(&counted, &DataType::Int64)?;
    answer(args, Arc::new(counted.as_primitive::<Int64Type>().clone()))
}
