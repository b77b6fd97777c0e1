//! JSON kept as text: extraction, inspection, validation. A malformed document gives NULL; only `parse_json` refuses it.

pub(in crate::engine::datafusion) mod path;
pub(in crate::engine::datafusion) mod scan;

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Int64Array, LargeStringArray, ListBuilder, StringArray,
            StringBuilder, StringViewArray,
        },
        compute::cast,
        datatypes::{DataType, Field, Int64Type},
    },
    common::{Result, ScalarValue, exec_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};

use self::{
    path::Step,
    scan::{Found, Kind},
};
use super::scalar::{answer, array, function, is_text, scalar_text};

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        function("json_extract", with_path, |_, _| Ok(DataType::Utf8), |args| extract(args, append_json)),
        function("json_extract_path", with_path, |_, _| Ok(DataType::Utf8), |args| extract(args, append_json)),
        function("json_extract_string", with_path, |_, _| Ok(DataType::Utf8), |args| extract(args, append_text)),
        function("json_exists", with_path, |_, _| Ok(DataType::Boolean), exists),
        function("json_valid", one_document, |_, _| Ok(DataType::Boolean), valid),
        function("json_type", maybe_path, |_, _| Ok(DataType::Utf8), |args| extract(args, append_type)),
        function("json_typeof", maybe_path, |_, _| Ok(DataType::Utf8), |args| extract(args, append_type)),
        function("json_array_length", maybe_path, |_, _| Ok(DataType::Int64), array_length),
        function("json_keys", maybe_path, |_, _| Ok(text_list()), |args| lists(args, append_keys)),
        function("json_object_keys", maybe_path, |_, _| Ok(text_list()), |args| lists(args, append_keys)),
        function("json_array_elements", maybe_path, |_, _| Ok(text_list()), |args| lists(args, append_elements)),
        function(
            "json_array_elements_text",
            maybe_path,
            |_, _| Ok(text_list()),
            |args| lists(args, append_element_texts),
        ),
        function("parse_json", one_document, |_, _| Ok(DataType::Utf8), |args| parse(args, OnMalformed::Error)),
        function("json", one_document, |_, _| Ok(DataType::Utf8), |args| parse(args, OnMalformed::Error)),
        function("try_parse_json", one_document, |_, _| Ok(DataType::Utf8), |args| parse(args, OnMalformed::Null)),
    ]
}

fn text_list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

/// Text stays in the layout that it has; bytes are read as UTF-8.
fn document(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(data_type.clone()),
        DataType::Null | DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Some(DataType::Utf8),
        _ => None,
    }
}

fn one_document(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    match types {
        [json] => Ok(vec![document(json).ok_or("json_valid(json_text)")?]),
        _ => Err("json_valid(json_text)"),
    }
}

/// The path is text, or a number for an element of an array.
fn with_path(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    const USAGE: &str = "json_extract(json_text, '$.path')";
    let [json, path] = types else { return Err(USAGE) };
    let json = document(json).ok_or(USAGE)?;
    if path.is_integer() {
        Ok(vec![json, DataType::Int64])
    } else if is_text(path) {
        Ok(vec![json, DataType::Utf8])
    } else {
        Err(USAGE)
    }
}

fn maybe_path(types: &[DataType]) -> std::result::Result<Vec<DataType>, &'static str> {
    if types.len() == 2 { with_path(types) } else { one_document(types).map_err(|_| "json_keys(json_text, '$.path')") }
}

/// The documents of a column, read in place.
enum Documents {
    Utf8(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

impl Documents {
    fn read(array: &ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Utf8View => Self::View(array.as_string_view().clone()),
            DataType::LargeUtf8 => Self::Large(array.as_string::<i64>().clone()),
            _ => Self::Utf8(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Utf8(array) => array.len(),
            Self::Large(array) => array.len(),
            Self::View(array) => array.len(),
        }
    }

    fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// The path of each row; nearly always one constant, parsed once.
enum Paths {
    Same(Vec<Step>),
    Texts(StringArray),
    Indexes(Int64Array),
    Null,
}

impl Paths {
    fn read(args: &ScalarFunctionArgs) -> Result<Self> {
        match args.args.get(1) {
            None => Ok(Self::Same(Vec::new())),
            Some(ColumnarValue::Scalar(ScalarValue::Int64(Some(index)))) => Ok(Self::Same(vec![Step::Index(*index)])),
            Some(ColumnarValue::Scalar(value)) => match scalar_text(Some(value)) {
                Some(text) => Ok(Self::Same(steps(text)?)),
                None => Ok(Self::Null),
            },
            Some(ColumnarValue::Array(paths)) => Ok(match paths.as_primitive_opt::<Int64Type>() {
                Some(indexes) => Self::Indexes(indexes.clone()),
                None => Self::Texts(super::scalar::strings(paths)?),
            }),
        }
    }

    /// Calls `then` with the steps of a row.
    fn at<R>(&self, row: usize, then: impl FnOnce(&[Step]) -> R) -> Result<Option<R>> {
        Ok(match self {
            Self::Same(steps) => Some(then(steps)),
            Self::Texts(texts) if texts.is_valid(row) => Some(then(&steps(texts.value(row))?)),
            Self::Indexes(indexes) if indexes.is_valid(row) => Some(then(&[Step::Index(indexes.value(row))])),
            Self::Texts(_) | Self::Indexes(_) | Self::Null => None,
        })
    }
}

fn steps(path: &str) -> Result<Vec<Step>> {
    match path::parse(path) {
        Some(steps) => Ok(steps),
        None => exec_err!("`{path}` is not a JSON path; write '$.a.b[0]', '/a/b/0' or one key (`*` is not supported)"),
    }
}

/// Visits what each row's path leads to: `None` for NULL, a malformed document, or nothing there.
fn for_each(args: &ScalarFunctionArgs, mut visit: impl FnMut(Option<Found<'_>>)) -> Result<()> {
    let documents = Documents::read(&array(args, 0)?)?;
    let paths = Paths::read(args)?;
    for row in 0..documents.len() {
        let Some(text) = documents.get(row) else {
            visit(None);
            continue;
        };
        let visited = paths.at(row, |steps| visit(scan::find(text, steps).ok().flatten()))?;
        if visited.is_none() {
            visit(None);
        }
    }
    Ok(())
}

fn extract(args: &ScalarFunctionArgs, append: fn(&mut StringBuilder, Found<'_>)) -> Result<ColumnarValue> {
    let mut out = StringBuilder::with_capacity(args.number_rows, args.number_rows * 12);
    for_each(args, |found| match found {
        Some(found) => append(&mut out, found),
        None => out.append_null(),
    })?;
    answer(args, Arc::new(out.finish()))
}

fn append_json(out: &mut StringBuilder, found: Found<'_>) {
    out.append_value(found.text);
}

/// A string without its quotes, anything else as JSON; JSON's null is SQL's.
fn append_text(out: &mut StringBuilder, found: Found<'_>) {
    match found.kind {
        Kind::Null => out.append_null(),
        Kind::String => {
            let inside = inside(found.text);
            if inside.contains('\\') { out.append_value(scan::unescape(inside)) } else { out.append_value(inside) }
        }
        _ => out.append_value(found.text),
    }
}

fn inside(literal: &str) -> &str {
    literal.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(literal)
}

fn append_type(out: &mut StringBuilder, found: Found<'_>) {
    out.append_value(match found.kind {
        Kind::Object => "OBJECT",
        Kind::Array => "ARRAY",
        Kind::String => "VARCHAR",
        Kind::Boolean => "BOOLEAN",
        Kind::Null => "NULL",
        Kind::Number if found.text.contains(['.', 'e', 'E']) => "DOUBLE",
        Kind::Number if found.text.starts_with('-') => "BIGINT",
        Kind::Number => "UBIGINT",
    });
}

fn exists(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let documents = Documents::read(&array(args, 0)?)?;
    let mut present = Vec::with_capacity(documents.len());
    for_each(args, |found| present.push(found.is_some()))?;
    let present: BooleanArray =
        present.into_iter().enumerate().map(|(row, present)| documents.get(row).map(|_| present)).collect();
    answer(args, Arc::new(present))
}

fn valid(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let documents = Documents::read(&array(args, 0)?)?;
    let valid: BooleanArray =
        (0..documents.len()).map(|row| documents.get(row).map(|text| scan::find(text, &[]).is_ok())).collect();
    answer(args, Arc::new(valid))
}

fn array_length(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let mut lengths: Vec<Option<i64>> = Vec::with_capacity(args.number_rows);
    for_each(args, |found| {
        // What is no array has length 0, as in DuckDB.
        let length = found.map(|found| scan::elements(found).ok().flatten().map_or(0, |all| all.len()));
        lengths.push(length.and_then(|length| i64::try_from(length).ok()));
    })?;
    answer(args, Arc::new(Int64Array::from(lengths)))
}

type Lists = ListBuilder<StringBuilder>;

fn lists(args: &ScalarFunctionArgs, append: fn(&mut Lists, Found<'_>)) -> Result<ColumnarValue> {
    let mut out = ListBuilder::new(StringBuilder::new());
    for_each(args, |found| match found {
        Some(found) => append(&mut out, found),
        None => out.append_null(),
    })?;
    answer(args, Arc::new(out.finish()))
}

fn append_keys(out: &mut Lists, found: Found<'_>) {
    let keys = scan::keys(found).ok().flatten().unwrap_or_default();
    for key in keys {
        out.values().append_value(key);
    }
    out.append(true);
}

fn append_elements(out: &mut Lists, found: Found<'_>) {
    append_array(out, found, append_json);
}

fn append_element_texts(out: &mut Lists, found: Found<'_>) {
    append_array(out, found, append_text);
}

fn append_array(out: &mut Lists, found: Found<'_>, append: fn(&mut StringBuilder, Found<'_>)) {
    let Ok(Some(elements)) = scan::elements(found) else { return out.append_null() };
    for element in elements {
        append(out.values(), element);
    }
    out.append(true);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnMalformed {
    Error,
    Null,
}

/// The document itself, when it is one.
fn parse(args: &ScalarFunctionArgs, on_malformed: OnMalformed) -> Result<ColumnarValue> {
    let documents = Documents::read(&array(args, 0)?)?;
    let mut out = StringBuilder::with_capacity(documents.len(), documents.len() * 64);
    for row in 0..documents.len() {
        match documents.get(row) {
            None => out.append_null(),
            Some(text) if scan::find(text, &[]).is_ok() => out.append_value(text.trim()),
            Some(_) if on_malformed == OnMalformed::Null => out.append_null(),
            Some(text) => {
                let start: String = text.chars().take(60).collect();
                return exec_err!("`{start}` is not JSON; `try_parse_json` gives NULL instead");
            }
        }
    }
    answer(args, Arc::new(out.finish()))
}
