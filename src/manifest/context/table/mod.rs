//! Tables of rows as values, as dbt's agate tables: what a query gave, what a seed holds.

mod parts;
mod print;

use std::{
    any::Any,
    cmp::Ordering,
    fmt,
    sync::{Arc, LazyLock},
};

use crate::jinja::{Args, ErrorKind, Interp, JinjaError, Object, Value};

use super::{
    arguments::{bind, is_nothing, string_pairs},
    base::iterate,
    convert::python_json,
};
use parts::{Columns, Rows};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Integer,
    Number,
    Text,
    Boolean,
    Date,
    DateTime,
}

impl ColumnKind {
    /// The column type that a seed of such values gets; `wide`: where [`super::Shared::wide_types`].
    pub fn sql_type(self, wide: bool) -> &'static str {
        match self {
            Self::Integer if wide => "integer",
            Self::Number if wide => "float8",
            Self::Text if wide => "text",
            Self::DateTime if wide => "timestamp without time zone",
            Self::Integer => "bigint",
            Self::Number => "double",
            Self::Text => "varchar",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "timestamp",
        }
    }

    /// agate's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "Integer",
            Self::Number => "Number",
            Self::Text => "Text",
            Self::Boolean => "Boolean",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
        }
    }
}

/// A row: one value per column.
pub type Row = Arc<[Value]>;

type MakeRows = Box<dyn FnOnce() -> Vec<Row> + Send>;

/// Rows with named columns. Cheap to clone.
#[derive(Clone)]
pub struct Table {
    names: Arc<[Arc<str>]>,
    kinds: Arc<[ColumnKind]>,
    /// Made when they are first looked at.
    rows: Arc<LazyLock<Vec<Row>, MakeRows>>,
    /// What the rows were made of; for Rust code that can use it as it is. Lost when the table is changed.
    native: Option<Arc<dyn Object>>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Table {
    /// Every row has one value per name.
    pub fn new(names: Vec<Arc<str>>, kinds: Vec<ColumnKind>, rows: Vec<Row>) -> Self {
        Self::lazy(names, kinds, Box::new(|| rows), None)
    }

    /// A table whose rows are made of `native` when they are first looked at.
    pub fn lazy(names: Vec<Arc<str>>, kinds: Vec<ColumnKind>, rows: MakeRows, native: Option<Arc<dyn Object>>) -> Self {
        Self { names: names.into(), kinds: kinds.into(), rows: Arc::new(LazyLock::new(rows)), native }
    }

    /// What [`Table::lazy`] was given.
    pub fn native(&self) -> Option<&Arc<dyn Object>> {
        self.native.as_ref()
    }

    pub fn empty() -> Self {
        Self::new(Vec::new(), Vec::new(), Vec::new())
    }

    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    pub fn kinds(&self) -> &[ColumnKind] {
        &self.kinds
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn into_value(self) -> Value {
        Value::object(self)
    }

    /// The table behind a value, if it is one.
    pub fn from_value(value: &Value) -> Option<&Table> {
        match value {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The index of a column by its exact name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| &**known == name)
    }

    /// The rows as JSON objects, for `to_json` and for logs.
    pub fn to_json_rows(&self) -> serde_json::Value {
        let object = |row: &Row| {
            let pairs = self.names.iter().zip(row.iter());
            let json = |value: &Value| crate::jinja::iso_text(value).map_or_else(|| value.to_json(), Into::into);
            serde_json::Value::Object(pairs.map(|(name, value)| (name.to_string(), json(value))).collect())
        };
        serde_json::Value::Array(self.rows.iter().map(object).collect())
    }

    /// The rows as a text table of at most so many rows and columns.
    pub fn to_text(&self, max_rows: Option<usize>, max_columns: Option<usize>) -> String {
        print::table(self, max_rows, max_columns)
    }

    fn with_rows(&self, rows: Vec<Row>) -> Self {
        Self { rows: Arc::new(LazyLock::new(Box::new(|| rows))), native: None, ..self.clone() }
    }

    fn with_columns(&self, keep: &[usize]) -> Self {
        let row = |row: &Row| -> Row { keep.iter().filter_map(|at| row.get(*at).cloned()).collect() };
        Self::new(
            keep.iter().filter_map(|at| self.names.get(*at).cloned()).collect(),
            keep.iter().filter_map(|at| self.kinds.get(*at).copied()).collect(),
            self.rows.iter().map(row).collect(),
        )
    }

    /// Indexes of the columns that are named by a text or a list of texts.
    fn positions(&self, key: &Value) -> Result<Vec<usize>, JinjaError> {
        let names = match key {
            Value::Str(_) => vec![key.clone()],
            other => iterate(other)?,
        };
        names
            .iter()
            .map(|name| {
                let name = name.to_str();
                self.position(&name).ok_or_else(|| JinjaError::new(ErrorKind::Value, format!("KeyError: '{name}'")))
            })
            .collect()
    }

    fn method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        Some(match name {
            "print_table" => self.print(interp, args),
            "print_json" | "to_json" => Ok(python_json(&self.to_json_rows(), false).into()),
            "print_structure" => Ok(print::structure(self).into()),
            "select" => bind(args, "select", &["key"])
                .and_then(|bound| self.positions(&bound.required("key")?))
                .map(|keep| self.with_columns(&keep).into_value()),
            "exclude" => {
                bind(args, "exclude", &["key"]).and_then(|bound| self.positions(&bound.required("key")?)).map(|drop| {
                    let keep: Vec<usize> = (0..self.names.len()).filter(|at| !drop.contains(at)).collect();
                    self.with_columns(&keep).into_value()
                })
            }
            "where" => self.filtered(interp, args),
            "find" => self.found(interp, args),
            "limit" => self.limited(args),
            "rename" => self.renamed(args),
            "order_by" => self.ordered(interp, args),
            "distinct" => self.distinct(args),
            "group_by" => self.grouped(args),
            _ => return None,
        })
    }

    fn print(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "print_table", &["max_rows", "max_columns", "output", "max_column_width"])?;
        let count = |name: &str, default: usize| match bound.get(name) {
            Some(Value::Int(count)) => usize::try_from(*count).ok(),
            Some(_) => None,
            None => Some(default),
        };
        let text = self.to_text(count("max_rows", 20), count("max_columns", 6));
        let print = interp.globals.get("builtins").and_then(|builtins| super::arguments::lookup(&builtins, "print"));
        if let Some(print) = print {
            interp.call(&print, Args::new(vec![text.into()]))?;
        }
        Ok(Value::None)
    }

    fn matching(&self, interp: &mut Interp<'_>, test: &Value) -> Result<Vec<Row>, JinjaError> {
        let mut rows = Vec::new();
        for row in self.rows.iter() {
            let value = parts::row_value(self, row);
            if interp.call(test, Args::new(vec![value]))?.is_truthy() {
                rows.push(Arc::clone(row));
            }
        }
        Ok(rows)
    }

    fn filtered(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let test = bind(args, "where", &["test"])?.required("test")?;
        let rows = self.matching(interp, &test)?;
        Ok(self.with_rows(rows).into_value())
    }

    fn found(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let test = bind(args, "find", &["test"])?.required("test")?;
        let rows = self.matching(interp, &test)?;
        Ok(rows.first().map_or(Value::None, |row| parts::row_value(self, row)))
    }

    fn limited(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "limit", &["start_or_stop", "stop", "step"])?;
        let number = |name: &str| match bound.get(name) {
            Some(Value::Int(number)) => usize::try_from(*number).ok(),
            _ => None,
        };
        let (start, stop) = match number("stop") {
            Some(stop) => (number("start_or_stop").unwrap_or(0), stop),
            None => (0, number("start_or_stop").unwrap_or(self.rows.len())),
        };
        let step = number("step").unwrap_or(1).max(1);
        let rows = self.rows.iter().take(stop).skip(start).step_by(step).cloned().collect();
        Ok(self.with_rows(rows).into_value())
    }

    fn renamed(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "rename", &["column_names", "row_names", "slug_columns", "slug_rows"])?;
        let given = bound.value("column_names");
        let mut names: Vec<Arc<str>> = self.names.to_vec();
        if let Some(pairs) = string_pairs(&given) {
            for (from, to) in pairs {
                for name in names.iter_mut().filter(|name| ***name == *from) {
                    *name = to.to_str().into();
                }
            }
        } else if !is_nothing(&given) {
            let new = iterate(&given)?;
            if new.len() != names.len() {
                return Err(JinjaError::new(ErrorKind::Value, "rename() takes one name for every column"));
            }
            names = new.iter().map(|name| name.to_str().into()).collect();
        }
        Ok(Self { names: names.into(), native: None, ..self.clone() }.into_value())
    }

    fn ordered(&self, interp: &mut Interp<'_>, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "order_by", &["key", "reverse"])?;
        let key = bound.required("key")?;
        let mut keyed: Vec<(Vec<Value>, Row)> = Vec::new();
        if matches!(key, Value::Str(_) | Value::List(_) | Value::Tuple(_)) {
            let positions = self.positions(&key)?;
            for row in self.rows.iter() {
                keyed.push((positions.iter().filter_map(|at| row.get(*at).cloned()).collect(), Arc::clone(row)));
            }
        } else {
            for row in self.rows.iter() {
                let value = interp.call(&key, Args::new(vec![parts::row_value(self, row)]))?;
                keyed.push((vec![value], Arc::clone(row)));
            }
        }
        keyed.sort_by(|(a, _), (b, _)| compare_keys(a, b));
        if bound.flag("reverse", false) {
            keyed.reverse();
        }
        Ok(self.with_rows(keyed.into_iter().map(|(_, row)| row).collect()).into_value())
    }

    fn distinct(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "distinct", &["key"])?;
        let positions = match bound.get("key") {
            Some(key) if !is_nothing(key) => self.positions(key)?,
            _ => (0..self.names.len()).collect(),
        };
        let mut seen = std::collections::HashSet::new();
        let mut rows = Vec::new();
        for row in self.rows.iter() {
            let key: Vec<String> = positions.iter().filter_map(|at| row.get(*at)).map(Value::to_repr).collect();
            if seen.insert(key) {
                rows.push(Arc::clone(row));
            }
        }
        Ok(self.with_rows(rows).into_value())
    }

    /// Tables by the values of a column, as a dict.
    fn grouped(&self, args: Args) -> Result<Value, JinjaError> {
        let key = bind(args, "group_by", &["key"])?.required("key")?;
        let position = self.positions(&key)?.first().copied().unwrap_or(0);
        let mut groups: indexmap::IndexMap<Value, Vec<Row>> = indexmap::IndexMap::new();
        for row in self.rows.iter() {
            let value = row.get(position).cloned().unwrap_or(Value::None);
            groups.entry(value).or_default().push(Arc::clone(row));
        }
        Ok(Value::dict(groups.into_iter().map(|(value, rows)| (value, self.with_rows(rows).into_value()))))
    }
}

/// Order of sort keys; none comes last.
fn compare_keys(a: &[Value], b: &[Value]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = compare(a, b);
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.is_none(), b.is_none()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    }
    // Dates print so that text order is time order.
    a.to_str().cmp(&b.to_str())
}

/// A value as a number, for order only.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        #[expect(clippy::cast_precision_loss, reason = "only compared")]
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Decimal(value) => value.to_string().parse().ok(),
        _ => None,
    }
}

impl Object for Table {
    fn type_name(&self) -> &'static str {
        "Table"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        Some(match name {
            "columns" => Value::object(Columns(self.clone())),
            "rows" => Value::object(Rows(self.clone())),
            "column_names" => Value::tuple(self.names.iter().map(|name| Value::Str(Arc::clone(name)))),
            "column_types" => Value::tuple(self.kinds.iter().map(|kind| parts::data_type(*kind))),
            "row_names" => Value::None,
            _ => return None,
        })
    }

    /// `table[0]` is `table.rows[0]`.
    fn get_item(&self, key: &Value) -> Option<Value> {
        Rows(self.clone()).get_item(key)
    }

    fn call_method(&self, interp: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        self.method(interp, name, args)
    }

    fn to_str(&self) -> String {
        print::structure(self)
    }

    fn to_repr(&self) -> String {
        "<agate.table.Table object>".to_owned()
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.rows.iter().map(|row| parts::row_value(self, row)).collect())
    }

    fn len(&self) -> Option<usize> {
        None
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Table>().is_some_and(|other| Arc::ptr_eq(&self.rows, &other.rows))
    }

    fn to_json(&self) -> Option<serde_json::Value> {
        Some(self.to_json_rows())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests;
