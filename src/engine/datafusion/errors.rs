//! What failed below → [`EngineError`]: the kind, the place in the SQL, a near name as help, and no advice to report bugs
//! to other projects.

use std::io;

use arrow::error::ArrowError;
use datafusion::{
    common::{Column, DataFusionError, SchemaError},
    sql::sqlparser::parser::ParserError,
};
use deltalake::DeltaTableError;

use super::checks;
use crate::{
    diagnostic::nearest,
    engine::{EngineError, SqlPosition},
};

/// A DataFusion error of planning or running a statement.
pub(super) fn from_datafusion(error: &DataFusionError) -> EngineError {
    let position = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| position(&span));
    let mut mapped = kind(error);
    if let EngineError::Sql { position: at, .. } = &mut mapped {
        *at = at.or(position);
    }
    mapped
}

/// Where a span starts.
pub(super) fn position(span: &datafusion::common::Span) -> SqlPosition {
    let at = span.start;
    SqlPosition { line: to_usize(at.line).max(1), column: to_usize(at.column).max(1) }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn sql(message: impl Into<String>) -> EngineError {
    EngineError::Sql { message: message.into(), position: None, help: None }
}

fn data(message: impl Into<String>) -> EngineError {
    let message = message.into();
    // Libraries wrap what the operating system says in what they were doing.
    for (number, context) in [(28, "the disk is full"), (13, "access is denied"), (30, "the disk is read-only")] {
        if message.contains(&format!("(os error {number})")) {
            let message = message.rsplit(" error: ").next().unwrap_or(&message).to_owned();
            return EngineError::Storage { context: context.to_owned(), message, path: None };
        }
    }
    EngineError::Data { message }
}

fn kind(error: &DataFusionError) -> EngineError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => kind(inner),
        DataFusionError::Shared(inner) => kind(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => kind(first),
            None => sql("the statement has errors"),
        },
        DataFusionError::SQL(error, _) => from_parser(error),
        DataFusionError::SchemaError(error, _) => from_schema(error),
        DataFusionError::Plan(message) => from_plan(message),
        DataFusionError::NotImplemented(message) => EngineError::Unsupported { feature: clean(message), help: None },
        DataFusionError::ResourcesExhausted(message) => EngineError::Memory { message: clean(message) },
        DataFusionError::ArrowError(arrow, _) => match checks::data_error(error) {
            Some(EngineError::Data { message }) => data(sql_types(&lower_first(&message))),
            _ => from_arrow(arrow),
        },
        DataFusionError::ObjectStore(error) => from_object_store(error),
        DataFusionError::IoError(error) => from_io("cannot read or write", error),
        DataFusionError::ParquetError(error) => {
            data(format!("a Parquet file cannot be read: {}", error.to_string().trim_start_matches("Parquet error: ")))
        }
        DataFusionError::External(inner) => from_external(inner.as_ref()),
        DataFusionError::ExecutionJoin(error) if error.is_cancelled() => EngineError::Cancelled,
        DataFusionError::ExecutionJoin(error) => EngineError::Internal { message: error.to_string() },
        DataFusionError::Execution(message) => data(clean(message)),
        // What functions say of their arguments comes wrapped as an internal error.
        DataFusionError::Internal(message) if message.contains("failed to match any signature") => from_plan(message),
        DataFusionError::Internal(message) => EngineError::Internal { message: clean(message) },
        other => data(clean(&other.strip_backtrace())),
    }
}

fn from_external(error: &(dyn std::error::Error + Send + Sync + 'static)) -> EngineError {
    if let Some(error) = error.downcast_ref::<DataFusionError>() {
        return kind(error);
    }
    if let Some(error) = error.downcast_ref::<ArrowError>() {
        return from_arrow(error);
    }
    if let Some(error) = error.downcast_ref::<DeltaTableError>() {
        return from_delta(error);
    }
    if let Some(Carried(error)) = error.downcast_ref::<Carried>() {
        return copy(error);
    }
    if let Some(error) = error.downcast_ref::<object_store::Error>() {
        return from_object_store(error);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return from_io("cannot read or write", error);
    }
    data(clean(&error.to_string()))
}

/// One of our errors on its way through DataFusion.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Carried(pub EngineError);

/// Wraps one of our errors for a DataFusion interface; [`from_datafusion`] gets it out again.
pub(super) fn carry(error: EngineError) -> DataFusionError {
    DataFusionError::External(Box::new(Carried(error)))
}

fn copy(error: &EngineError) -> EngineError {
    match error {
        EngineError::Sql { message, position, help } => {
            EngineError::Sql { message: message.clone(), position: *position, help: help.clone() }
        }
        EngineError::Data { message } => data(message.clone()),
        EngineError::NotFound { relation, kind } => EngineError::NotFound { relation: relation.clone(), kind: *kind },
        EngineError::Unsupported { feature, help } => {
            EngineError::Unsupported { feature: feature.clone(), help: help.clone() }
        }
        EngineError::Conflict { relation } => EngineError::Conflict { relation: relation.clone() },
        EngineError::Memory { message } => EngineError::Memory { message: message.clone() },
        EngineError::Storage { context, message, path } => {
            EngineError::Storage { context: context.clone(), message: message.clone(), path: path.clone() }
        }
        EngineError::Cancelled => EngineError::Cancelled,
        EngineError::Profile { message } => EngineError::Profile { message: message.clone() },
        EngineError::Internal { message } => EngineError::Internal { message: message.clone() },
    }
}

/// `Expected: …, found: … at Line: 1, Column: 8` → `syntax error at or near "…": expected …`, as databases say it, and the
/// position.
pub(super) fn from_parser(error: &ParserError) -> EngineError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
    };
    let Some((message, place)) = text.rsplit_once(" at Line: ") else { return sql(lower_first(&text)) };
    let mut numbers = place.split(", Column: ").map(|part| part.trim().parse::<usize>().ok());
    let position = match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(line), Some(column)) => Some(SqlPosition { line: line.max(1), column: column.max(1) }),
        _ => None,
    };
    let message = match message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        Some((expected, found)) => near(found, expected),
        None => format!("syntax error: {}", lower_first(message)),
    };
    EngineError::Sql { message, position, help: None }
}

/// What is said of a word that should not be where it is.
pub(super) fn near(found: &str, expected: &str) -> String {
    if found == "EOF" {
        return format!("syntax error at the end of the statement: expected {expected}");
    }
    format!("syntax error at or near \"{found}\": expected {expected}")
}

fn from_schema(error: &SchemaError) -> EngineError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let candidates = || valid_fields.iter().map(Column::name);
            let near = nearest(field.name(), candidates());
            let help = match near {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None if valid_fields.is_empty() => None,
                None => {
                    let mut names: Vec<&str> = candidates().collect();
                    names.dedup();
                    let more = if names.len() > 20 { ", …" } else { "" };
                    names.truncate(20);
                    Some(format!("the columns here are {}{more}", names.join(", ")))
                }
            };
            let name = match &field.relation {
                Some(relation) => format!("{relation}.{}", field.name()),
                None => field.name().to_owned(),
            };
            EngineError::Sql { message: format!("column `{name}` does not exist"), position: None, help }
        }
        SchemaError::AmbiguousReference { field } => EngineError::Sql {
            message: format!("column `{}` is ambiguous: more than one table has it", field.name()),
            position: None,
            help: Some("write the table's name or alias before it".to_owned()),
        },
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            EngineError::Sql {
                message: format!("duplicate column name `{name}`"),
                position: None,
                help: Some("give one of the two columns another name with `as`".to_owned()),
            }
        }
    }
}

fn from_plan(message: &str) -> EngineError {
    let message = clean(message);
    let named = |message: String, help: Option<String>| EngineError::Sql { message, position: None, help };
    if message.contains("Projections require unique expression names") {
        // `… but the expression "a.id AS x" at position 0 …`
        let name = message.split('"').nth(1).map(|text| text.rsplit(" AS ").next().unwrap_or(text));
        let message = name.map_or("duplicate column name".to_owned(), |name| format!("duplicate column name `{name}`"));
        return named(message, Some("give one of the two columns another name with `as`".to_owned()));
    }
    if let Some(name) = message.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
        return EngineError::NotFound { relation: quoted(name), kind: None };
    }
    if message.contains("must be in GROUP BY or an aggregate function")
        && let Some(column) = message.split('"').nth(1)
    {
        let message = format!("column `{column}` must appear in GROUP BY or inside of an aggregate function");
        return named(message, None);
    }
    if let Some((before, _)) = message.split_once("failed to match any signature")
        && let Some(function) = before.split('\'').nth(1)
    {
        let mut received: Vec<&str> =
            message.split("received ").skip(1).filter_map(|rest| rest.split([' ', ',']).next()).collect();
        received.dedup();
        let message = match received.first() {
            Some(received) => format!("function `{function}` does not take {}", received.to_lowercase()),
            None => format!("function `{function}` does not take these arguments"),
        };
        return named(message, Some("cast the argument to a type that it takes".to_owned()));
    }
    if let Some(at) = message.find("Did you mean ") {
        let (text, rest) = message.split_at(at);
        let near = rest.trim_start_matches("Did you mean ").trim_end_matches('?').trim_matches('\'');
        let wanted = text.split('\'').nth(1).unwrap_or("");
        let text = lower_first(text.trim().trim_end_matches('.'));
        let text = text.replace("invalid function", "there is no function").replace('\'', "`");
        return named(text, nearest(wanted, [near]).map(|near| format!("did you mean `{near}`?")));
    }
    sql(lower_first(&message))
}

fn quoted(dotted: &str) -> String {
    let parts: Vec<String> = dotted.split('.').map(crate::names::quote_identifier).collect();
    parts.join(".")
}

/// An Arrow error: the data's fault in nearly all cases.
pub(super) fn from_arrow(error: &ArrowError) -> EngineError {
    match error {
        ArrowError::DivideByZero => data("division by zero"),
        ArrowError::ArithmeticOverflow(message) => data(format!("numeric overflow: {message}")),
        ArrowError::CastError(message) | ArrowError::ParseError(message) | ArrowError::ComputeError(message) => {
            data(lower_first(message))
        }
        ArrowError::ExternalError(inner) => from_external(inner.as_ref()),
        ArrowError::IoError(_, error) => from_io("cannot read or write", error),
        other => data(clean(&other.to_string())),
    }
}

/// An error of the Delta library.
pub(super) fn from_delta(error: &DeltaTableError) -> EngineError {
    match error {
        DeltaTableError::Arrow { source } => from_arrow(source),
        DeltaTableError::ObjectStore { source } => from_object_store(source),
        DeltaTableError::Io { source } => from_io("cannot read or write", source),
        DeltaTableError::GenericError { source } => from_external(source.as_ref()),
        other => match io_cause(other) {
            Some(cause) => from_io("cannot read or write the warehouse", cause),
            None => data(clean(&other.to_string())),
        },
    }
}

/// What the system said, under the layers that it went through: a full disk is no wrong data.
fn io_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.filter_map(|error| error.downcast_ref::<io::Error>()).last()
}

pub(super) fn from_object_store(error: &object_store::Error) -> EngineError {
    let path = match error {
        object_store::Error::NotFound { path, .. } | object_store::Error::AlreadyExists { path, .. } => {
            Some(path.into())
        }
        _ => None,
    };
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut message = error.to_string();
    while let Some(current) = source {
        message = current.to_string();
        source = current.source();
    }
    EngineError::Storage { context: "cannot read or write the warehouse".to_owned(), message, path }
}

fn from_io(context: &str, error: &io::Error) -> EngineError {
    EngineError::Storage { context: context.to_owned(), message: error.to_string(), path: None }
}

/// The message without prefixes of layers and advice for developers.
fn clean(message: &str) -> String {
    let mut text = message;
    for stop in ["\nThis issue was likely caused", "\n\nbacktrace:", ".\nThis issue was"] {
        if let Some(at) = text.find(stop) {
            text = text.split_at(at).0;
        }
    }
    // A backtrace: `  0: …` at the start of a line.
    if let Some(at) =
        text.match_indices('\n').map(|(at, _)| at).find(|at| text.split_at(*at).1.trim_start().starts_with("0: "))
    {
        text = text.split_at(at).0;
    }
    for prefix in [
        "Kernel error: ",
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Invalid argument error: ",
        "Generic error: ",
        "type_coercion\ncaused by\n",
        "Optimizer rule ",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    sql_types(text.trim())
}

/// Arrow's type names as SQL's.
fn sql_types(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        out.push_str(match word.as_str() {
            "Utf8View" | "Utf8" | "LargeUtf8" => "varchar",
            "Int64" => "bigint",
            "Int32" => "integer",
            "Int16" => "smallint",
            "Float64" => "double",
            "Float32" => "float",
            "Date32" => "date",
            other => other,
        });
        word.clear();
    };
    for character in text.chars() {
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
        } else {
            flush(&mut word, &mut out);
            out.push(character);
        }
    }
    flush(&mut word, &mut out);
    out
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // Not for `SUM(…)` or `JSON`: only a word that merely starts a sentence.
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        from_datafusion(&error)
    }
}

impl From<DeltaTableError> for EngineError {
    fn from(error: DeltaTableError) -> Self {
        from_delta(&error)
    }
}
