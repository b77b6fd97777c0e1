//! Rows of a unit test as SQL.

use std::sync::Arc;

use arrow::datatypes::DataType;

use crate::{
    diagnostic::{Diagnostic, Origin},
    engine::Column,
    jinja::{Args, JinjaError, Rendered, SpanMap, Template, Value},
    manifest::{Node, RowSet, UnitRows},
};

use super::super::{
    compile::NodeError,
    context::NodeContext,
    runner::Runner,
    seed::{infer, sql_type},
};

/// Rows with the columns of what they stand for.
pub(super) struct Fixture<'a> {
    pub rows: &'a UnitRows,
    /// All of them, in order; those that no row has are null.
    pub columns: Vec<Column>,
    /// As written: `ref('orders')`.
    pub what: &'a str,
    /// Whether empty values are null, as in a seed's file.
    pub is_seed: bool,
}

/// The query that gives the rows: what the macro `get_fixture_sql` makes of them.
pub(super) fn fixture_sql(
    runner: &Runner,
    context: &NodeContext,
    fixture: &Fixture<'_>,
    node: &Node,
) -> Result<Rendered, NodeError> {
    let RowSet::Rows(rows) = &fixture.rows.rows else { return Ok(Rendered::default()) };
    let stored = |name: &str| {
        let found = fixture.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        found.map_or_else(|| name.to_owned(), |column| column.name.clone())
    };
    let is_empty = |value: &Value| fixture.is_seed && value.as_str() == Some("");
    let rows = rows.iter().map(|row| {
        let cells = row.iter().map(|(name, cell)| {
            let value = if is_empty(&cell.value) { Value::None } else { cell.value.clone() };
            (stored(name), value)
        });
        Value::dict(cells)
    });
    let types = fixture.columns.iter().map(|column| (column.name.as_str(), Value::from(column.data_type.as_str())));
    let args = Args::new(vec![Value::list(rows), Value::dict(types)]);
    let sql = runner.call_macro(context, "get_fixture_sql", args).map_err(|error| {
        let mut error = NodeError::of(&error, node);
        error.diagnostic.notes.push(format!("in the rows of `{}`", fixture.what));
        error
    })?;
    Ok(Rendered { text: sql.to_str(), map: SpanMap::default() })
}

/// Rows that are written as SQL, rendered.
pub(super) fn rendered_sql(context: &NodeContext, rows: &UnitRows, node: &Node) -> Result<Rendered, NodeError> {
    let RowSet::Sql(sql) = &rows.rows else { return Ok(Rendered::default()) };
    let template = Template::parse(sql, Origin::Within(rows.span)).map_err(|errors| {
        let first = errors.into_iter().next();
        NodeError::of_diagnostic(first.unwrap_or_else(|| Diagnostic::error("internal", "no template")))
    })?;
    context.render(&template).map_err(|error: JinjaError| NodeError::of(&error, node))
}

/// The declared columns, and those that only the rows have, with types that fit their values.
pub(super) fn with_inferred(mut columns: Vec<Column>, rows: &UnitRows) -> Vec<Column> {
    let RowSet::Rows(found) = &rows.rows else { return columns };
    for name in rows.columns() {
        if columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let values: Vec<&Value> = found.iter().filter_map(|row| row.get(name)).map(|cell| &cell.value).collect();
        columns.push(Column {
            name: name.to_owned(),
            data_type: type_of(&values, rows.format == crate::manifest::RowFormat::Csv),
            nullable: true,
            comment: None,
        });
    }
    columns
}

/// The type of values whose column is not known. Text of CSV may be anything; text of YAML is text, or a date or time.
fn type_of(values: &[&Value], is_csv: bool) -> String {
    let given: Vec<&Value> = values.iter().copied().filter(|value| !value.is_none()).collect();
    let all = |test: fn(&Value) -> bool| !given.is_empty() && given.iter().all(|value| test(value));
    if all(|value| matches!(value, Value::Bool(_))) {
        return "boolean".to_owned();
    }
    if all(|value| matches!(value, Value::Int(_))) {
        return "bigint".to_owned();
    }
    if all(|value| matches!(value, Value::Int(_) | Value::Float(_))) {
        return "double".to_owned();
    }
    if given.is_empty() || !all(|value| value.as_str().is_some()) {
        return "varchar".to_owned();
    }
    let texts: Vec<Option<String>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    let inferred = infer::column(&texts);
    match inferred.data_type() {
        found @ (DataType::Date32 | DataType::Timestamp(..)) => sql_type(found),
        found if is_csv => sql_type(found),
        _ => "varchar".to_owned(),
    }
}

/// `cast(null as …)` for each column, and no row.
pub(super) fn empty_sql(columns: &[Column]) -> Rendered {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("cast(null as {}) as {}", column.data_type, quoted(&column.name)))
        .collect();
    Rendered { text: format!("select {} where false", columns.join(", ")), map: SpanMap::default() }
}

/// Text for the engine.
pub(super) fn shared(rendered: &Rendered) -> Arc<str> {
    rendered.text.as_str().into()
}
