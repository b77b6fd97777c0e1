//! The parts of a table as values: its columns, one column, its rows, one row.

use std::{any::Any, sync::Arc};

use crate::jinja::{Args, Interp, JinjaError, Object, Value};

use super::{
    super::arguments::{bind, is_nothing},
    ColumnKind, Row, Table,
};

/// `table.columns`: by index, by name, one after the other.
#[derive(Debug)]
pub(super) struct Columns(pub(super) Table);

/// `table.rows`.
#[derive(Debug)]
pub(super) struct Rows(pub(super) Table);

#[derive(Debug)]
struct Column {
    table: Table,
    at: usize,
}

#[derive(Debug)]
struct RowValue {
    table: Table,
    row: Row,
}

/// A row as a value.
pub(super) fn row_value(table: &Table, row: &Row) -> Value {
    Value::object(RowValue { table: table.clone(), row: Arc::clone(row) })
}

/// The type of a column as a value: it prints as agate's class.
pub(super) fn data_type(kind: ColumnKind) -> Value {
    Value::object(DataType(kind))
}

fn column_value(table: &Table, at: usize) -> Value {
    Value::object(Column { table: table.clone(), at })
}

/// An index from the start or, when negative, from the end.
fn index(key: &Value, len: usize) -> Option<usize> {
    let Value::Int(at) = key else { return None };
    if *at < 0 { len.checked_sub(usize::try_from(at.unsigned_abs()).ok()?) } else { usize::try_from(*at).ok() }
}

fn name_value(name: &Arc<str>) -> Value {
    Value::Str(Arc::clone(name))
}

/// The methods that all sequences with names have.
fn mapped(object: &dyn Object, keys: Option<Vec<Value>>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
    let items = object.iter().unwrap_or_default();
    Some(match name {
        "values" => Ok(Value::tuple(items)),
        "keys" => Ok(keys.map_or(Value::None, Value::tuple)),
        "items" => Ok(Value::list(
            keys.unwrap_or_default().into_iter().zip(items).map(|(key, value)| Value::tuple([key, value])),
        )),
        "dict" => Ok(Value::dict(keys.unwrap_or_default().into_iter().zip(items))),
        "get" => bind(args, "get", &["key", "default"]).map(|bound| {
            let key = bound.value("key");
            object.get_item(&key).unwrap_or_else(|| bound.value("default"))
        }),
        _ => return None,
    })
}

impl Object for Columns {
    fn type_name(&self) -> &'static str {
        "MappedSequence"
    }

    fn get_attr(&self, _: &str) -> Option<Value> {
        None
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        let at = match key {
            Value::Str(name) => self.0.position(name)?,
            other => index(other, self.0.names.len())?,
        };
        (at < self.0.names.len()).then(|| column_value(&self.0, at))
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        mapped(self, Some(self.0.names.iter().map(name_value).collect()), name, args)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some((0..self.0.names.len()).map(|at| column_value(&self.0, at)).collect())
    }

    fn to_repr(&self) -> String {
        "<agate.MappedSequence: columns>".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for Rows {
    fn type_name(&self) -> &'static str {
        "MappedSequence"
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        let at = index(key, self.0.rows.len())?;
        self.0.rows.get(at).map(|row| row_value(&self.0, row))
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        mapped(self, None, name, args)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Object::iter(&self.0)
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.rows.len())
    }

    fn to_repr(&self) -> String {
        "<agate.MappedSequence: rows>".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Column {
    fn values(&self) -> Vec<Value> {
        self.table.rows.iter().map(|row| row.get(self.at).cloned().unwrap_or(Value::None)).collect()
    }

    fn name(&self) -> Value {
        self.table.names.get(self.at).map_or(Value::None, name_value)
    }
}

impl Object for Column {
    fn type_name(&self) -> &'static str {
        "Column"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        match name {
            "name" => Some(self.name()),
            "data_type" => self.table.kinds.get(self.at).map(|kind| data_type(*kind)),
            "index" => i64::try_from(self.at).ok().map(Value::from),
            _ => None,
        }
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        let at = index(key, self.table.rows.len())?;
        self.table.rows.get(at).and_then(|row| row.get(self.at)).cloned()
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        let known = |value: &Value| !is_nothing(value);
        match name {
            "values_distinct" => {
                let distinct: indexmap::IndexSet<Value> = self.values().into_iter().collect();
                Some(Ok(Value::tuple(distinct)))
            }
            "values_without_nulls" => Some(Ok(Value::tuple(self.values().into_iter().filter(known)))),
            "values_sorted" => {
                let mut values = self.values();
                values.sort_by(super::compare);
                Some(Ok(Value::tuple(values)))
            }
            _ => mapped(self, None, name, args),
        }
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.values())
    }

    fn len(&self) -> Option<usize> {
        Some(self.table.rows.len())
    }

    fn to_repr(&self) -> String {
        format!("<agate.Column: {}>", Value::tuple(self.values()).to_repr())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for RowValue {
    fn type_name(&self) -> &'static str {
        "Row"
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        let at = match key {
            Value::Str(name) => self.table.position(name)?,
            other => index(other, self.row.len())?,
        };
        self.row.get(at).cloned()
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        self.table.position(name).and_then(|at| self.row.get(at).cloned())
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        mapped(self, Some(self.table.names.iter().map(name_value).collect()), name, args)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.row.to_vec())
    }

    fn to_repr(&self) -> String {
        format!("<agate.Row: {}>", Value::tuple(self.row.iter().cloned()).to_repr())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<RowValue>().is_some_and(|other| self.row == other.row)
    }

    fn to_json(&self) -> Option<serde_json::Value> {
        Some(serde_json::Value::Array(self.row.iter().map(Value::to_json).collect()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct DataType(ColumnKind);

impl Object for DataType {
    fn type_name(&self) -> &'static str {
        self.0.as_str()
    }

    fn to_repr(&self) -> String {
        format!("<agate.data_types.{} object>", self.0.as_str())
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
