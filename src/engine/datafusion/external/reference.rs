//! What a statement says about a source: the paths, the format and its options.

use datafusion::sql::sqlparser::ast::{
    Array, DictionaryField, Expr, FunctionArg, FunctionArgExpr, TableFactor, UnaryOperator, Value,
};

use super::{formats::Format, glob};
use crate::engine::EngineError;

/// A source as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reference {
    /// The function, or `None` for a bare path.
    pub function: Option<String>,
    pub paths: Vec<String>,
    /// What the function says; a bare path says it by its ending.
    pub format: Option<Format>,
    pub options: Options,
}

/// Options of the `read_…` functions, under DuckDB's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub hive_partitioning: Option<bool>,
    pub hive_types_autocast: Option<bool>,
    pub union_by_name: Option<bool>,
    pub filename: bool,
    pub header: Option<bool>,
    pub delimiter: Option<u8>,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub comment: Option<u8>,
    pub null_text: Option<String>,
    pub all_varchar: bool,
    pub sample_size: Option<usize>,
    pub compression: Option<String>,
    pub json_array: Option<bool>,
    /// Column names and SQL types: all columns (`columns`), or some (`types`).
    pub types: Vec<(String, String)>,
    pub types_are_all: bool,
}

impl Reference {
    /// The source as an error names it.
    pub(super) fn written(&self) -> String {
        self.paths.join(", ")
    }

    /// The table's name where the statement gives none: the function, or the file's stem.
    pub(super) fn default_alias(&self) -> String {
        if let Some(function) = &self.function {
            return function.clone();
        }
        // Of a glob, the last folder without a wildcard.
        let path = self.paths.first().map(String::as_str).unwrap_or_default().trim_end_matches('/');
        let plain = path.rsplit('/').find(|segment| !glob::is_glob(segment) && !segment.is_empty());
        let name = plain.and_then(|segment| segment.split('.').next()).unwrap_or_default();
        if name.is_empty() { "files".to_owned() } else { name.to_lowercase() }
    }
}

/// The source that a table factor names, or `None` for an ordinary table.
pub(super) fn read(factor: &TableFactor) -> Result<Option<Reference>, EngineError> {
    let TableFactor::Table { name, args, .. } = factor else { return Ok(None) };
    let [part] = name.0.as_slice() else { return Ok(None) };
    let Some(ident) = part.as_ident() else { return Ok(None) };
    let Some(args) = args else {
        let quoted = ident.quote_style == Some('\'');
        return Ok(quoted.then(|| Reference { paths: vec![ident.value.clone()], ..Reference::default() }));
    };
    let function = ident.value.to_lowercase();
    let format = match function.as_str() {
        "read_parquet" | "parquet_scan" => Format::Parquet,
        "read_csv" | "read_csv_auto" => Format::Csv,
        "read_json" | "read_json_auto" | "read_ndjson" | "read_ndjson_auto" | "read_json_objects" => Format::Json,
        "delta_scan" => Format::Delta,
        _ => return Ok(None),
    };
    let mut reference = Reference { function: Some(function.clone()), format: Some(format), ..Reference::default() };
    for arg in &args.args {
        match arg {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                option(&mut reference, &name.value, value)?
            }
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                option(&mut reference, &name.value, value)?;
            }
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, right, .. })) => match left.as_ref() {
                Expr::Identifier(name) => option(&mut reference, &name.value, right)?,
                _ => return Err(wrong(&reference, &format!("`{arg}` is neither a path nor `option = value`"))),
            },
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) if reference.paths.is_empty() => match paths(value) {
                Some(paths) => reference.paths = paths,
                None => {
                    return Err(wrong(&reference, &format!("`{value}` is not a path: write 'path' or ['path', …]")));
                }
            },
            other => return Err(wrong(&reference, &format!("`{other}` is not an argument of it"))),
        }
    }
    if reference.paths.is_empty() {
        return Err(wrong(&reference, "the path is missing"));
    }
    Ok(Some(reference))
}

fn wrong(reference: &Reference, what: &str) -> EngineError {
    let function = reference.function.as_deref().unwrap_or("the source");
    EngineError::Sql { message: format!("{function}: {what}"), position: None, help: None }
}

fn paths(value: &Expr) -> Option<Vec<String>> {
    match value {
        Expr::Array(Array { elem, .. }) => elem.iter().map(text).collect(),
        other => text(other).map(|path| vec![path]),
    }
}

fn option(reference: &mut Reference, name: &str, value: &Expr) -> Result<(), EngineError> {
    let name = name.to_lowercase();
    let taken = set(&mut reference.options, reference.format, &name, value);
    match taken {
        Some(true) => Ok(()),
        Some(false) => Err(wrong(reference, &format!("`{name}` is not an option of it"))),
        None => Err(wrong(reference, &format!("`{value}` is not a value of the option `{name}`"))),
    }
}

/// `Some(false)` for an unknown option, `None` for a value that does not fit.
fn set(options: &mut Options, format: Option<Format>, name: &str, value: &Expr) -> Option<bool> {
    match name {
        "hive_partitioning" => options.hive_partitioning = Some(boolean(value)?),
        "hive_types_autocast" => options.hive_types_autocast = Some(boolean(value)?),
        "union_by_name" => options.union_by_name = Some(boolean(value)?),
        "filename" => options.filename = boolean(value)?,
        _ if matches!(format, Some(Format::Parquet | Format::Delta)) => return Some(false),
        "compression" => options.compression = Some(text(value)?.to_lowercase()),
        "sample_size" => options.sample_size = Some(integer(value)?),
        "columns" => {
            options.types = types(value)?;
            options.types_are_all = true;
        }
        _ if format == Some(Format::Json) => match name {
            "format" => {
                options.json_array = match text(value)?.to_lowercase().as_str() {
                    "array" => Some(true),
                    "newline_delimited" | "nd" => Some(false),
                    "auto" => None,
                    _ => return None,
                }
            }
            "records" | "ignore_errors" | "maximum_object_size" => return None,
            _ => return Some(false),
        },
        "header" => options.header = Some(boolean(value)?),
        "delim" | "sep" | "delimiter" => options.delimiter = Some(character(value)?),
        "quote" => options.quote = Some(character(value)?),
        "escape" => options.escape = Some(character(value)?),
        "comment" => options.comment = Some(character(value)?),
        "nullstr" | "null" => options.null_text = Some(text(value)?),
        "all_varchar" => options.all_varchar = boolean(value)?,
        "types" | "dtypes" | "column_types" => options.types = types(value)?,
        "auto_detect" if boolean(value)? => {}
        _ => return Some(false),
    }
    Some(true)
}

pub(super) fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) | Value::DoubleQuotedString(text) => {
                Some(text.clone())
            }
            _ => None,
        },
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::Nested(inner) => text(inner),
        _ => None,
    }
}

fn boolean(value: &Expr) -> Option<bool> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Boolean(value) => Some(*value),
            Value::Number(number, _) => match number.as_str() {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
            Value::SingleQuotedString(text) => text.to_lowercase().parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// A count; -1 means no limit.
fn integer(value: &Expr) -> Option<usize> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, .. } => Some(usize::MAX),
        _ => None,
    }
}

fn character(value: &Expr) -> Option<u8> {
    match text(value)?.as_str() {
        "\\t" => Some(b'\t'),
        one => match one.as_bytes() {
            [byte] => Some(*byte),
            _ => None,
        },
    }
}

/// `{'a': 'int', 'b': varchar}`
fn types(value: &Expr) -> Option<Vec<(String, String)>> {
    let Expr::Dictionary(fields) = value else { return None };
    fields.iter().map(|DictionaryField { key, value }| Some((key.value.clone(), text(value)?))).collect()
}
