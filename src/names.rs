//! What things are called: unique ids, resource types, relations and their quoting. Pure text; knows no file and no
//! warehouse.

use std::{fmt, sync::Arc};

/// The id of a node, source, macro, …: `model.jaffle.orders`. Unique in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UniqueId(Arc<str>);

impl UniqueId {
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for UniqueId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// dbt's resource types, in the order in which counts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    Model,
    Analysis,
    Test,
    Snapshot,
    Operation,
    Seed,
    Source,
    Exposure,
    Metric,
    Group,
    SemanticModel,
    SavedQuery,
    UnitTest,
    Function,
    Macro,
    Doc,
    SqlOperation,
}

impl ResourceType {
    pub const ALL: [ResourceType; 17] = [
        Self::Model,
        Self::Analysis,
        Self::Test,
        Self::Snapshot,
        Self::Operation,
        Self::Seed,
        Self::Source,
        Self::Exposure,
        Self::Metric,
        Self::Group,
        Self::SemanticModel,
        Self::SavedQuery,
        Self::UnitTest,
        Self::Function,
        Self::Macro,
        Self::Doc,
        Self::SqlOperation,
    ];

    /// The name in artifacts and selectors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Analysis => "analysis",
            Self::Test => "test",
            Self::Snapshot => "snapshot",
            Self::Operation => "operation",
            Self::Seed => "seed",
            Self::Source => "source",
            Self::Exposure => "exposure",
            Self::Metric => "metric",
            Self::Group => "group",
            Self::SemanticModel => "semantic_model",
            Self::SavedQuery => "saved_query",
            Self::UnitTest => "unit_test",
            Self::Function => "function",
            Self::Macro => "macro",
            Self::Doc => "doc",
            Self::SqlOperation => "sql_operation",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a relation is in the warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationKind {
    Table,
    View,
    Cte,
    MaterializedView,
    /// A table that the warehouse itself keeps up to date.
    DynamicTable,
    /// A table whose files are Iceberg's.
    IcebergTable,
    External,
    Ephemeral,
    Function,
    PointerTable,
}

impl RelationKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table | Self::IcebergTable => "table",
            Self::View => "view",
            Self::Cte => "cte",
            Self::MaterializedView => "materialized_view",
            Self::DynamicTable => "dynamic_table",
            Self::External => "external",
            Self::Ephemeral => "ephemeral",
            Self::Function => "function",
            Self::PointerTable => "pointer_table",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Table,
            Self::View,
            Self::Cte,
            Self::MaterializedView,
            Self::DynamicTable,
            Self::External,
            Self::Ephemeral,
            Self::Function,
            Self::PointerTable,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for RelationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A yes or no for each part of a relation's name: quote it, or include it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    pub database: bool,
    pub schema: bool,
    pub identifier: bool,
}

impl Policy {
    pub const ALL: Policy = Policy { database: true, schema: true, identifier: true };
}

impl Default for Policy {
    fn default() -> Self {
        Self::ALL
    }
}

/// `database.schema.identifier` in a warehouse. Parts are as written, unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Relation {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub identifier: Option<String>,
    pub kind: Option<RelationKind>,
    pub quote: Policy,
    pub include: Policy,
}

impl Relation {
    pub fn new(database: impl Into<String>, schema: impl Into<String>, identifier: impl Into<String>) -> Self {
        Self {
            database: Some(database.into()),
            schema: Some(schema.into()),
            identifier: Some(identifier.into()),
            kind: None,
            quote: Policy::ALL,
            include: Policy::ALL,
        }
    }

    #[must_use]
    pub fn with_kind(mut self, kind: Option<RelationKind>) -> Self {
        self.kind = kind;
        self
    }

    /// The dotted name for SQL text, quoted with `"` by the quote policy, limited by the include policy.
    pub fn render(&self) -> String {
        let parts = [
            (&self.database, self.include.database, self.quote.database),
            (&self.schema, self.include.schema, self.quote.schema),
            (&self.identifier, self.include.identifier, self.quote.identifier),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter_map(|(part, include, quote)| part.as_deref().filter(|_| include).map(|part| (part, quote)))
            .map(|(part, quote)| if quote { quote_identifier(part) } else { part.to_owned() })
            .collect();
        parts.join(".")
    }

    /// The key under which two spellings of one relation meet in a cache: all parts in lower case.
    pub fn key(&self) -> RelationKey {
        let lower = |part: &Option<String>| part.as_deref().unwrap_or("").to_lowercase();
        RelationKey {
            database: lower(&self.database),
            schema: lower(&self.schema),
            identifier: lower(&self.identifier),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

/// A relation's name without case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationKey {
    pub database: String,
    pub schema: String,
    pub identifier: String,
}

/// An identifier in double quotes; inner quotes are doubled.
pub fn quote_identifier(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_renders_by_its_policies() {
        let mut relation = Relation::new("db", "my schema", "a\"b");
        assert_eq!(relation.render(), r#""db"."my schema"."a""b""#);
        relation.include.database = false;
        relation.quote.schema = false;
        assert_eq!(relation.render(), r#"my schema."a""b""#);
    }
}
