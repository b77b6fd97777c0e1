//! What a unit test says: its inputs, the rows that it expects, what it overrides.

use indexmap::IndexMap;

use crate::{diagnostic::Span, jinja::Value, names::UniqueId};

/// What only a unit test has.
#[derive(Debug, Clone)]
pub struct UnitTestFields {
    /// As written: `orders`, or `orders v2`.
    pub model: String,
    pub given: Vec<UnitInput>,
    pub expect: UnitRows,
    pub overrides: Option<Overrides>,
    /// `include` and `exclude`.
    pub versions: Option<Value>,
    /// The version that this node tests.
    pub version: Option<Value>,
    pub span: Span,
}

/// What stands for a `ref`, a `source` or the table itself.
#[derive(Debug, Clone)]
pub struct UnitInput {
    /// As written.
    pub input: String,
    pub span: Span,
    pub target: InputTarget,
    pub rows: UnitRows,
}

/// What an input stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputTarget {
    Node(UniqueId),
    /// The tested model.
    This,
    /// Nothing has this name, which is told when the test runs.
    Missing,
}

#[derive(Debug, Clone)]
pub struct UnitRows {
    pub format: RowFormat,
    /// The name of the file that the rows were in.
    pub fixture: Option<String>,
    pub rows: RowSet,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum RowSet {
    Rows(Vec<IndexMap<String, Cell>>),
    Sql(String),
}

/// A value, and where its column is named when that is in YAML.
#[derive(Debug, Clone)]
pub struct Cell {
    pub value: Value,
    pub span: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    Dict,
    Csv,
    Sql,
}

/// What macros, variables and environment variables give while the test runs.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub macros: IndexMap<String, Value>,
    pub vars: IndexMap<String, Value>,
    pub env_vars: IndexMap<String, Value>,
}

impl RowFormat {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dict => "dict",
            Self::Csv => "csv",
            Self::Sql => "sql",
        }
    }
}

impl UnitRows {
    /// Moves the first row without nulls to the front, as dbt does for engines that take types from the first row.
    pub fn promote_full_row(&mut self) {
        let RowSet::Rows(rows) = &mut self.rows else { return };
        if let Some(at) = rows.iter().position(|row| row.values().all(|cell| !cell.value.is_none())) {
            rows.swap(0, at);
        }
    }

    /// The rows as artifacts and templates see them: a list of dicts, or SQL.
    pub fn to_value(&self) -> Value {
        match &self.rows {
            RowSet::Sql(sql) => sql.as_str().into(),
            RowSet::Rows(rows) => Value::list(
                rows.iter().map(|row| Value::dict(row.iter().map(|(name, cell)| (name.as_str(), cell.value.clone())))),
            ),
        }
    }

    /// The names of all columns that any row has, in the order of first use.
    pub fn columns(&self) -> Vec<&str> {
        let RowSet::Rows(rows) = &self.rows else { return Vec::new() };
        let names: indexmap::IndexSet<&str> = rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
        names.into_iter().collect()
    }

    /// Python's text of the object that dbt holds.
    fn repr(&self) -> String {
        let format = self.format.as_str();
        format!(
            "rows={}, format=<UnitTestFormat.{}: '{format}'>, fixture={}",
            self.to_value().to_repr(),
            if self.format == RowFormat::Dict { "Dict".to_owned() } else { format.to_uppercase() },
            text_or_none(self.fixture.as_deref())
        )
    }
}

impl UnitTestFields {
    /// The text whose hash tells whether the test changed: dbt's, so that manifests of dbt can be compared with.
    pub fn fingerprint(&self) -> String {
        let versions = self.versions.as_ref().map_or_else(
            || "None".to_owned(),
            |versions| {
                let of = |key: &str| versions.get(key).unwrap_or(Value::None).to_repr();
                format!("UnitTestNodeVersions(include={}, exclude={})", of("include"), of("exclude"))
            },
        );
        let given: Vec<String> = self
            .given
            .iter()
            .map(|input| {
                format!(
                    "UnitTestInputFixture(input={}, {})",
                    Value::from(input.input.as_str()).to_repr(),
                    input.rows.repr()
                )
            })
            .collect();
        let overrides = self.overrides.as_ref().map_or_else(
            || "None".to_owned(),
            |given| {
                let dict = |values: &IndexMap<String, Value>| {
                    Value::dict(values.iter().map(|(key, value)| (key.as_str(), value.clone()))).to_repr()
                };
                format!(
                    "UnitTestOverrides(macros={}, vars={}, env_vars={})",
                    dict(&given.macros),
                    dict(&given.vars),
                    dict(&given.env_vars)
                )
            },
        );
        let given = given.join(", ");
        let mut text =
            format!("{}-{versions}-[{given}]-UnitTestOutputFixture({})-{overrides}", self.model, self.expect.repr());
        for input in self.given.iter().filter(|input| input.rows.fixture.is_some()) {
            let rows = input.rows.to_value();
            text.push('-');
            text.push_str(&rows.to_str());
        }
        text
    }
}

fn text_or_none(text: Option<&str>) -> String {
    text.map_or(Value::None, Value::from).to_repr()
}
