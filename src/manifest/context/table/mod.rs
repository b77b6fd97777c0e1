//! Tables of rows as values, as dbt's agate tables: what a query gave, what a seed holds.

use std::{any::Any, sync::Arc};

use crate::jinja::{Object, Value};

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
    /// The column type that a seed of such values gets.
    pub fn sql_type(self) -> &'static str {
        match self {
            Self::Integer => "bigint",
            Self::Number => "double",
            Self::Text => "varchar",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "timestamp",
        }
    }
}

/// Rows with named columns. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Table {
    names: Arc<[Arc<str>]>,
    kinds: Arc<[ColumnKind]>,
    rows: Arc<[Arc<[Value]>]>,
}

impl Table {
    /// Every row has one value per name.
    pub fn new(names: Vec<Arc<str>>, kinds: Vec<ColumnKind>, rows: Vec<Arc<[Value]>>) -> Self {
        Self { names: names.into(), kinds: kinds.into(), rows: rows.into() }
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

    pub fn rows(&self) -> &[Arc<[Value]>] {
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
}

impl Object for Table {
    fn type_name(&self) -> &'static str {
        "Table"
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
