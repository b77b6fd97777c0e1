//! What a statement answered, as values: the adapter's response, and the results that `load_result` gives back.

use std::{any::Any, collections::HashMap, sync::Mutex};

use crate::{
    engine::{Details, Outcome},
    jinja::{Args, Interp, JinjaError, Object, Value},
    manifest::context::{
        Table,
        arguments::{bind, dict, is_nothing, lock, text},
        mapping::mapping_method,
    },
};

/// dbt's AdapterResponse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// `CREATE TABLE`, `INSERT 3`.
    pub message: String,
    pub code: Option<String>,
    pub rows_affected: Option<u64>,
    /// What else the warehouse says of it: `query_id`, ….
    pub details: Details,
}

impl Response {
    pub fn of(outcome: &Outcome, details: Details) -> Self {
        let message = match outcome.rows_affected {
            Some(rows) => format!("{} {rows}", outcome.tag),
            None => outcome.tag.clone(),
        };
        Self { message, code: Some(outcome.tag.clone()), rows_affected: outcome.rows_affected, details }
    }

    /// From what a template stored: one of ours, a text, or a dict.
    pub fn from_value(value: &Value) -> Self {
        if let Value::Object(object) = value
            && let Some(response) = object.as_any().downcast_ref::<Response>()
        {
            return response.clone();
        }
        Self { message: text(value).unwrap_or_default(), ..Self::default() }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let rows = self.rows_affected.and_then(|rows| i64::try_from(rows).ok());
        let mut fields = vec![
            ("_message", self.message.clone().into()),
            ("code", self.code.clone().into()),
            ("rows_affected", rows.into()),
        ];
        fields.extend(self.details.iter().map(|(name, value)| (*name, Value::from_json(value))));
        fields
    }
}

impl Object for Response {
    fn type_name(&self) -> &'static str {
        "AdapterResponse"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        let name = if name == "message" { "_message" } else { name };
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.as_str().and_then(|name| self.get_attr(name))
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        match name {
            "to_dict" => Some(Ok(dict(self.fields()))),
            _ => mapping_method(self, name, args),
        }
    }

    fn to_str(&self) -> String {
        self.message.clone()
    }

    fn to_repr(&self) -> String {
        format!("AdapterResponse(_message='{}')", self.message)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(self.fields().into_iter().map(|(name, _)| name.into()).collect())
    }

    fn is_truthy(&self) -> bool {
        true
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn to_json(&self) -> Option<serde_json::Value> {
        Some(dict(self.fields()).to_json())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// One result under a name: `response`, `data` (a list of tuples) and `table`.
#[derive(Debug, Clone)]
pub struct StatementResult {
    pub response: Value,
    pub table: Table,
}

impl Object for StatementResult {
    fn type_name(&self) -> &'static str {
        "AttrDict"
    }

    fn get_attr(&self, name: &str) -> Option<Value> {
        match name {
            "response" => Some(self.response.clone()),
            "table" => Some(self.table.clone().into_value()),
            "data" => Some(Value::list(self.table.rows().iter().map(|row| Value::tuple(row.iter().cloned())))),
            _ => None,
        }
    }

    fn get_item(&self, key: &Value) -> Option<Value> {
        key.as_str().and_then(|name| self.get_attr(name))
    }

    fn call_method(&self, _: &mut Interp<'_>, name: &str, args: Args) -> Option<Result<Value, JinjaError>> {
        mapping_method(self, name, args)
    }

    fn iter(&self) -> Option<Vec<Value>> {
        Some(["response", "data", "table"].into_iter().map(Value::from).collect())
    }

    fn is_mapping(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Results by name. All but `main` can be loaded once.
#[derive(Debug, Default)]
pub struct Results(Mutex<HashMap<String, Option<StatementResult>>>);

impl Results {
    /// `store_result(name, response, agate_table=none)`.
    pub(super) fn store(&self, args: Args) -> Result<Value, JinjaError> {
        let bound = bind(args, "store_result", &["name", "response", "agate_table"])?;
        let table = table_argument(bound.get("agate_table"))?;
        self.put(bound.required_text("name")?, StatementResult { response: bound.value("response"), table });
        Ok("".into())
    }

    /// `store_raw_result(name, message, code, rows_affected, agate_table=none)`.
    pub(super) fn store_raw(&self, args: Args) -> Result<Value, JinjaError> {
        let names = &["name", "message", "code", "rows_affected", "agate_table"];
        let bound = bind(args, "store_raw_result", names)?;
        let response = Response {
            message: bound.text("message").unwrap_or_default(),
            code: bound.text("code"),
            rows_affected: bound.text("rows_affected").and_then(|rows| rows.parse().ok()),
            details: Details::new(),
        };
        let table = table_argument(bound.get("agate_table"))?;
        self.put(bound.required_text("name")?, StatementResult { response: Value::object(response), table });
        Ok("".into())
    }

    /// `load_result(name)`.
    pub(super) fn load(&self, args: Args) -> Result<Value, JinjaError> {
        let name = bind(args, "load_result", &["name"])?.required_text("name")?;
        let mut results = lock(&self.0);
        match results.get_mut(&name) {
            None => Ok(Value::None),
            Some(None) => Err(JinjaError::raised(format!(
                "The 'statement' result named '{name}' has already been loaded into a variable"
            ))),
            Some(slot) => {
                let result = if name == "main" { slot.clone() } else { slot.take() };
                Ok(result.map_or(Value::None, Value::object))
            }
        }
    }

    pub fn put(&self, name: String, result: StatementResult) {
        lock(&self.0).insert(name, Some(result));
    }

    /// The result of the statement `main`; it stays.
    pub fn main(&self) -> Option<StatementResult> {
        lock(&self.0).get("main").cloned().flatten()
    }

    /// `_sql_results`.
    pub(super) fn all(&self) -> Value {
        let results = lock(&self.0);
        Value::dict(
            results.iter().map(|(name, result)| (name.as_str(), result.clone().map_or(Value::None, Value::object))),
        )
    }
}

fn table_argument(value: Option<&Value>) -> Result<Table, JinjaError> {
    match value {
        None => Ok(Table::empty()),
        Some(value) if is_nothing(value) => Ok(Table::empty()),
        Some(value) => {
            Table::from_value(value).cloned().ok_or_else(|| JinjaError::type_error("agate_table must be a table"))
        }
    }
}
