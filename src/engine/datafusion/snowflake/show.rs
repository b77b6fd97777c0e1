//! SHOW and DESCRIBE in Snowflake's form: its columns, in lower case as it names them, with what the lakehouse knows.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};

use super::{
    super::{
        core::{Name, SessionCore},
        information_schema::relation_columns,
        layout, statement,
    },
    commands::Command,
    names,
    tokens::Solid,
};
use crate::{
    engine::{EngineError, Outcome},
    names::RelationKind,
};

/// A SHOW.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Show {
    what: String,
    terse: bool,
    like: Option<String>,
    starts_with: Option<String>,
    /// The place as the lakehouse knows it.
    place: Vec<String>,
    in_account: bool,
    limit: Option<usize>,
    from: Option<String>,
}

/// Reads `show [terse] what [like '…'] [in [kind] name] [starts with '…'] [limit n [from '…']]`.
pub fn read_show(solid: &Solid<'_>) -> Result<Command, EngineError> {
    let mut show = Show::default();
    let mut at = 1;
    if solid.word(at) == "TERSE" {
        show.terse = true;
        at += 1;
    }
    let mut words = Vec::new();
    loop {
        let word = solid.word(at);
        if word.is_empty()
            || matches!(word.as_str(), "LIKE" | "IN" | "STARTS" | "LIMIT" | "HISTORY" | "ON" | "TO" | "OF")
        {
            break;
        }
        words.push(word.to_lowercase());
        at += 1;
    }
    show.what = words.join(" ");
    while at < solid.len() {
        match solid.word(at).as_str() {
            "LIKE" => {
                show.like = solid.text(at + 1);
                at += 2;
            }
            "STARTS" => {
                show.starts_with = solid.text(at + 2);
                at += 3;
            }
            "LIMIT" => {
                show.limit = solid.token(at + 1).and_then(|token| token.to_string().parse().ok());
                at += 2;
            }
            "FROM" => {
                show.from = solid.text(at + 1);
                at += 2;
            }
            "IN" => {
                show.in_account = solid.word(at + 1) == "ACCOUNT";
                let kind = matches!(
                    solid.word(at + 1).as_str(),
                    "ACCOUNT" | "DATABASE" | "SCHEMA" | "TABLE" | "VIEW" | "SESSION"
                );
                let (name, end) = solid.name(at + if kind { 2 } else { 1 });
                show.place = name;
                at = end.max(at + 1);
            }
            _ => at += 1,
        }
    }
    Ok(Command::Show(show))
}

impl Show {
    /// Whether a name as Snowflake shows it is wanted.
    fn wants(&self, name: &str) -> bool {
        let like = self.like.as_deref().is_none_or(|pattern| is_like(&name.to_lowercase(), &pattern.to_lowercase()));
        let starts = self.starts_with.as_deref().is_none_or(|start| name.starts_with(start));
        let after = self.from.as_deref().is_none_or(|from| name > from);
        like && starts && after
    }
}

/// `%` and `_`, with `\` before one that means itself.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut letters = pattern.chars();
    let Some(first) = letters.next() else { return text.is_empty() };
    let rest = letters.as_str();
    match first {
        '%' => {
            let mut starts = text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len()));
            starts.any(|at| text.get(at..).is_some_and(|tail| is_like(tail, rest)))
        }
        '_' => text.chars().next().is_some_and(|letter| is_like(text.get(letter.len_utf8()..).unwrap_or(""), rest)),
        '\\' if !rest.is_empty() => {
            let wanted = letters.next().unwrap_or('\\');
            text.strip_prefix(wanted).is_some_and(|tail| is_like(tail, letters.as_str()))
        }
        letter => text.strip_prefix(letter).is_some_and(|tail| is_like(tail, rest)),
    }
}

/// Answers a SHOW.
pub async fn show(
    session: &Arc<SessionCore>,
    show: &Show,
    parameters: &[(String, String)],
) -> Result<Outcome, EngineError> {
    match show.what.as_str() {
        "objects" | "tables" | "views" | "dynamic tables" | "materialized views" | "iceberg tables" => {
            relations(session, show)
        }
        "schemas" => schemas(session, show),
        "databases" => {
            let found = session.lake.roots.iter().map(|root| names::swapped(&root.name));
            let found: Vec<Vec<String>> =
                found.filter(|name| show.wants(name)).map(|name| vec![String::new(), name]).collect();
            rows(&["created_on", "name"], found)
        }
        "columns" => columns(session, show).await,
        "parameters" => {
            let known = |(name, value): &(String, String)| {
                let key = name.to_uppercase();
                show.wants(&key)
                    .then(|| vec![key, value.clone(), String::new(), "SESSION".into(), String::new(), "STRING".into()])
            };
            let mut found: Vec<Vec<String>> = parameters.iter().filter_map(known).collect();
            // A parameter that nobody set has its default: the empty text.
            if let Some(like) = show.like.as_deref().filter(|like| found.is_empty() && !like.contains('%')) {
                found.push(vec![
                    like.to_uppercase(),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    "STRING".into(),
                ]);
            }
            rows(&["key", "value", "default", "level", "description", "type"], found)
        }
        what if what.contains("grants") => rows(
            &[
                "created_on",
                "privilege",
                "granted_on",
                "name",
                "granted_to",
                "grantee_name",
                "grant_option",
                "granted_by",
            ],
            Vec::new(),
        ),
        _ => rows(&["created_on", "name", "database_name", "schema_name", "comment"], Vec::new()),
    }
}

fn relations(session: &Arc<SessionCore>, show: &Show) -> Result<Outcome, EngineError> {
    let config = &session.lake.config;
    let mut all = Vec::new();
    let (database, wanted) = match show.place.as_slice() {
        [] => (config.database.clone(), (!show.in_account).then(|| config.schema.clone())),
        [schema] => (config.database.clone(), Some(schema.clone())),
        [database, schema, ..] => (database.clone(), Some(schema.clone())),
    };
    let root = session.root(&database)?;
    let schemas = match &wanted {
        Some(schema) => match layout::find_schema(root, schema)? {
            Some(schema) => vec![schema],
            None => {
                let place = format!("{}.{}", names::swapped(&database), names::swapped(schema));
                return Err(EngineError::Sql {
                    message: format!("Schema '{place}' does not exist or not authorized."),
                    position: None,
                    help: None,
                });
            }
        },
        None => layout::schemas(root)?,
    };
    for schema in schemas {
        let mut found = layout::relations(root, &schema)?;
        let staged = session.staged_tables(root, &schema);
        found.extend(staged.into_iter().map(|name| (name, RelationKind::Table)));
        found.sort();
        found.dedup_by(|one, other| one.0 == other.0);
        for (name, kind) in found {
            let is_view = kind == RelationKind::View;
            let wanted = match show.what.as_str() {
                "tables" => !is_view,
                "views" => is_view,
                "objects" => true,
                _ => false,
            };
            let name = names::swapped(&name);
            if wanted && show.wants(&name) {
                let kind = if is_view { "VIEW" } else { "TABLE" };
                all.push([name, kind.to_owned(), names::swapped(&root.name), names::swapped(&schema)]);
            }
        }
    }
    all.truncate(show.limit.unwrap_or(usize::MAX));
    if show.terse {
        let lines =
            all.into_iter().map(|[name, kind, database, schema]| vec![String::new(), name, kind, database, schema]);
        return rows(&["created_on", "name", "kind", "database_name", "schema_name"], lines.collect());
    }
    let names = [
        "created_on",
        "name",
        "database_name",
        "schema_name",
        "kind",
        "comment",
        "cluster_by",
        "rows",
        "bytes",
        "owner",
        "retention_time",
        "is_dynamic",
        "is_iceberg",
        "text",
        "is_secure",
        "is_materialized",
    ];
    let lines = all.into_iter().map(|[name, kind, database, schema]| {
        let empty = String::new;
        let no = || "N".to_owned();
        vec![
            empty(),
            name,
            database,
            schema,
            kind,
            empty(),
            empty(),
            empty(),
            empty(),
            empty(),
            "1".to_owned(),
            no(),
            no(),
            empty(),
            "false".to_owned(),
            "false".to_owned(),
        ]
    });
    rows(&names, lines.collect())
}

fn schemas(session: &Arc<SessionCore>, show: &Show) -> Result<Outcome, EngineError> {
    let database = show.place.first().cloned().unwrap_or_else(|| session.lake.config.database.clone());
    let root = session.root(&database)?;
    let mut found: Vec<String> = layout::schemas(root)?.iter().map(|schema| names::swapped(schema)).collect();
    found.retain(|schema| show.wants(schema));
    found.truncate(show.limit.unwrap_or(usize::MAX));
    let database = names::swapped(&root.name);
    let lines =
        found.into_iter().map(|schema| vec![String::new(), schema, String::new(), database.clone(), String::new()]);
    rows(&["created_on", "name", "kind", "database_name", "schema_name"], lines.collect())
}

fn named(session: &SessionCore, parts: &[String]) -> Name {
    let config = &session.lake.config;
    let mut parts = parts.iter().rev().cloned();
    let table = parts.next().unwrap_or_default();
    let schema = parts.next().unwrap_or_else(|| config.schema.clone());
    let database = parts.next().unwrap_or_else(|| config.database.clone());
    Name { database, schema, table }
}

async fn columns(session: &Arc<SessionCore>, show: &Show) -> Result<Outcome, EngineError> {
    let name = named(session, &show.place);
    let Some(columns) = relation_columns(session, &name).await? else { return Err(session.missing(&name)?) };
    let table = names::swapped(&name.table);
    let schema = names::swapped(&name.schema);
    let database = names::swapped(&name.database);
    let lines = columns.into_iter().map(names::shown_column).filter(|column| show.wants(&column.name)).map(|column| {
        let nullable = if column.nullable { "true" } else { "NOT_NULL" };
        let kind = serde_json::json!({ "type": column.data_type, "nullable": column.nullable }).to_string();
        vec![
            table.clone(),
            schema.clone(),
            column.name,
            kind,
            nullable.to_owned(),
            String::new(),
            "COLUMN".to_owned(),
            String::new(),
            column.comment.unwrap_or_default(),
            database.clone(),
        ]
    });
    let names = [
        "table_name",
        "schema_name",
        "column_name",
        "data_type",
        "null?",
        "default",
        "kind",
        "expression",
        "comment",
        "database_name",
    ];
    rows(&names, lines.collect())
}

/// DESCRIBE TABLE.
pub async fn describe(session: &Arc<SessionCore>, parts: &[String]) -> Result<Outcome, EngineError> {
    let name = named(session, parts);
    let Some(columns) = relation_columns(session, &name).await? else { return Err(session.missing(&name)?) };
    let lines = columns.into_iter().map(names::shown_column).map(|column| {
        let nullable = if column.nullable { "Y" } else { "N" };
        vec![
            column.name,
            column.data_type,
            "COLUMN".to_owned(),
            nullable.to_owned(),
            String::new(),
            "N".to_owned(),
            "N".to_owned(),
            String::new(),
            String::new(),
            column.comment.unwrap_or_default(),
            String::new(),
        ]
    });
    let names = [
        "name",
        "type",
        "kind",
        "null?",
        "default",
        "primary key",
        "unique key",
        "check",
        "expression",
        "comment",
        "policy name",
    ];
    rows(&names, lines.collect())
}

/// An answer of texts; an empty one is NULL.
fn rows(names: &[&str], lines: Vec<Vec<String>>) -> Result<Outcome, EngineError> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |at: usize| {
        let values = lines.iter().map(|line| line.get(at).filter(|text| !text.is_empty()).map(String::as_str));
        Arc::new(values.collect::<StringArray>()) as ArrayRef
    };
    let batch = RecordBatch::try_new(Arc::clone(&schema), (0..names.len()).map(column).collect())
        .map_err(|error| EngineError::Internal { message: error.to_string() })?;
    let rows_affected = u64::try_from(lines.len()).ok();
    Ok(Outcome { schema, batches: vec![batch], rows_affected, ..statement::nothing("SUCCESS") })
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn patterns_match_as_like_does() {
        for (text, pattern, expected) in [
            ("orders", "ord%", true),
            ("orders", "o_ders", true),
            ("orders", "order", false),
            ("a_b", "a\\_b", true),
            ("axb", "a\\_b", false),
            ("", "%", true),
            ("é", "_", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} like {pattern}");
        }
    }
}
