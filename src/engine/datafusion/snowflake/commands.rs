//! Statements that only Snowflake has: those that are carried out here, those that have no local meaning and are recorded,
//! and those that cannot be done.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::{
    show::{Show, read_show},
    tokens::Solid,
};
use crate::engine::EngineError;

/// A statement that is not planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Warehouses, roles, grants, policies, tags, clustering: accepted, and told in the log.
    Recorded(&'static str),
    Show(Show),
    Describe(Vec<String>),
    /// ALTER SESSION SET: parameters by name in lower case.
    SetParameters(Vec<(String, String)>),
    UnsetParameters(Vec<String>),
    /// Comments of a relation, or of its columns, as ALTER writes them: column and text.
    Comments {
        table: Vec<String>,
        comments: Vec<(Option<String>, Option<String>)>,
    },
    /// ALTER TABLE … SWAP WITH.
    Swap {
        one: Vec<String>,
        other: Vec<String>,
    },
}

/// The table of INSERT OVERWRITE INTO, and the place of the word: the table is emptied first, in the same transaction.
pub fn overwritten(solid: &Solid<'_>) -> Option<(Vec<String>, usize)> {
    if !solid.says(0, &["INSERT", "OVERWRITE", "INTO"]) {
        return None;
    }
    Some((solid.name(if solid.word(3) == "TABLE" { 4 } else { 3 }).0, solid.place(1)?))
}

/// The command that a statement is, if it is one.
///
/// # Errors
/// [`EngineError::Unsupported`] for what the embedded engine cannot do.
pub fn command(solid: &Solid<'_>) -> Result<Option<Command>, EngineError> {
    let found = match solid.word(0).as_str() {
        "GRANT" | "REVOKE" => Some(Command::Recorded("grants")),
        "USE" => Some(used(solid)?),
        "SHOW" => Some(read_show(solid)?),
        "DESCRIBE" | "DESC" if matches!(solid.word(1).as_str(), "TABLE" | "VIEW") => {
            Some(Command::Describe(solid.name(if solid.word(2) == "EXTERNAL" { 3 } else { 2 }).0))
        }
        "SET" | "UNSET" if !matches!(solid.word(1).as_str(), "TRANSACTION") => {
            return Err(unsupported("session variables", "use `var()` or a macro"));
        }
        "ALTER" => altered(solid)?,
        "COMMENT" => commented(solid),
        "CREATE" | "DROP" | "UNDROP" => made(solid)?,
        "PUT" | "GET" | "LIST" | "LS" | "REMOVE" | "RM" => return Err(unsupported("stages", FILES)),
        "COPY" => return Err(unsupported("COPY INTO", FILES)),
        "CALL" | "EXECUTE" => {
            return Err(unsupported("stored procedures and tasks", "use a macro with `run-operation`"));
        }
        "DECLARE" => return Err(unsupported("Snowflake Scripting", "use Jinja")),
        _ => None,
    };
    Ok(found)
}

const FILES: &str = "files are read by a source with `external_location`";

fn unsupported(feature: &str, help: &str) -> EngineError {
    EngineError::Unsupported { feature: format!("{feature} (dialect `snowflake`)"), help: Some(help.to_owned()) }
}

/// USE ROLE and USE WAREHOUSE mean nothing here; another schema would change what names mean.
fn used(solid: &Solid<'_>) -> Result<Command, EngineError> {
    match solid.word(1).as_str() {
        "WAREHOUSE" => Ok(Command::Recorded("warehouses")),
        "ROLE" | "SECONDARY" => Ok(Command::Recorded("roles")),
        _ => Err(unsupported("USE of a database or schema", "write names with their schema, as `ref()` does")),
    }
}

/// What is accepted and recorded when it is made, changed or dropped.
fn without_meaning(solid: &Solid<'_>, at: usize) -> Option<&'static str> {
    const KINDS: [(&[&str], &str); 17] = [
        (&["WAREHOUSE"], "warehouses"),
        (&["ROLE"], "roles"),
        (&["DATABASE", "ROLE"], "roles"),
        (&["USER"], "users"),
        (&["ACCOUNT"], "accounts"),
        (&["TAG"], "tags"),
        (&["MASKING", "POLICY"], "policies"),
        (&["ROW", "ACCESS", "POLICY"], "policies"),
        (&["AGGREGATION", "POLICY"], "policies"),
        (&["PROJECTION", "POLICY"], "policies"),
        (&["SESSION", "POLICY"], "policies"),
        (&["NETWORK", "POLICY"], "policies"),
        (&["PASSWORD", "POLICY"], "policies"),
        (&["RESOURCE", "MONITOR"], "resource monitors"),
        (&["FILE", "FORMAT"], "file formats"),
        (&["SHARE"], "shares"),
        (&["NOTIFICATION", "INTEGRATION"], "integrations"),
    ];
    KINDS.iter().find(|(words, _)| solid.says(at, words)).map(|(_, name)| *name)
}

fn made(solid: &Solid<'_>) -> Result<Option<Command>, EngineError> {
    let mut at = if solid.says(1, &["OR", "REPLACE"]) { 3 } else { 1 };
    if let Some(name) = without_meaning(solid, at) {
        return Ok(Some(Command::Recorded(name)));
    }
    while matches!(
        solid.word(at).as_str(),
        "TEMPORARY" | "TEMP" | "TRANSIENT" | "SECURE" | "LOCAL" | "GLOBAL" | "VOLATILE"
    ) {
        at += 1;
    }
    let refused = match solid.word(at).as_str() {
        "STAGE" => ("stages", FILES),
        "PIPE" => ("pipes", FILES),
        "STREAM" => ("streams", "use an incremental model"),
        "TASK" => ("tasks", "use a scheduler of the system that calls `tamis build`"),
        "PROCEDURE" => ("stored procedures", "use a macro with `run-operation`"),
        "SEQUENCE" => ("sequences", "use `row_number()` or `generate_surrogate_key`"),
        "EXTERNAL" => ("external tables", FILES),
        "DATABASE" if solid.word(0) == "CREATE" => {
            ("CREATE DATABASE", "attach folders with `databases` in the profile")
        }
        _ if solid.word(0) == "UNDROP" => ("UNDROP", "drops are final"),
        _ => return Ok(None),
    };
    Err(unsupported(refused.0, refused.1))
}

/// COMMENT on what is kept nowhere; those of tables, views and columns are stored.
fn commented(solid: &Solid<'_>) -> Option<Command> {
    let at = if solid.says(1, &["IF", "EXISTS"]) { 4 } else { 2 };
    let is_kept = !matches!(solid.word(at).as_str(), "SCHEMA" | "DATABASE" | "FUNCTION" | "PROCEDURE");
    (without_meaning(solid, at).is_some() || !is_kept).then_some(Command::Recorded("comments"))
}

fn altered(solid: &Solid<'_>) -> Result<Option<Command>, EngineError> {
    if solid.word(1) == "SESSION" {
        return parameters(solid).map(Some);
    }
    if let Some(name) = without_meaning(solid, 1) {
        return Ok(Some(Command::Recorded(name)));
    }
    let mut at = match solid.word(1).as_str() {
        "TABLE" | "VIEW" | "SCHEMA" | "DATABASE" => 2,
        "DYNAMIC" | "ICEBERG" if solid.word(2) == "TABLE" => 3,
        "MATERIALIZED" if solid.word(2) == "VIEW" => 3,
        "STREAM" | "TASK" | "PIPE" | "STAGE" | "PROCEDURE" => return made(solid),
        _ => return Ok(None),
    };
    if solid.says(at, &["IF", "EXISTS"]) {
        at += 2;
    }
    let (name, at) = solid.name(at);
    if solid.says(at, &["SWAP", "WITH"]) {
        return Ok(Some(Command::Swap { one: name, other: solid.name(at + 2).0 }));
    }
    let is_dynamic =
        solid.word(1) == "DYNAMIC" && matches!(solid.word(at).as_str(), "SET" | "REFRESH" | "SUSPEND" | "RESUME");
    let recorded = [
        (&["CLUSTER", "BY"][..], "clustering"),
        (&["DROP", "CLUSTERING"], "clustering"),
        (&["SUSPEND", "RECLUSTER"], "clustering"),
        (&["RESUME", "RECLUSTER"], "clustering"),
        (&["SET", "TAG"], "tags"),
        (&["UNSET", "TAG"], "tags"),
        (&["ADD", "ROW", "ACCESS"], "policies"),
        (&["DROP", "ROW", "ACCESS"], "policies"),
        (&["DROP", "ALL", "ROW"], "policies"),
        (&["SET", "AGGREGATION"], "policies"),
        (&["UNSET", "AGGREGATION"], "policies"),
        (&["SET", "SECURE"], "secure views"),
        (&["UNSET", "SECURE"], "secure views"),
        (&["SET", "CHANGE_TRACKING"], "change tracking"),
        (&["SET", "DATA_RETENTION_TIME_IN_DAYS"], "retention"),
        (&["ADD", "SEARCH"], "search optimization"),
        (&["DROP", "SEARCH"], "search optimization"),
    ];
    if is_dynamic {
        return Ok(Some(Command::Recorded("dynamic tables")));
    }
    if let Some((_, name)) = recorded.iter().find(|(words, _)| solid.says(at, words)) {
        return Ok(Some(Command::Recorded(name)));
    }
    if let Some(comments) = comments(solid, at) {
        return Ok(Some(Command::Comments { table: name, comments }));
    }
    // ALTER TABLE t MODIFY COLUMN c SET MASKING POLICY p, … SET TAG ….
    if matches!(solid.word(at).as_str(), "MODIFY" | "ALTER") {
        let column = if solid.word(at + 1) == "COLUMN" { at + 2 } else { at + 1 };
        let after = solid.name(column).1;
        let sets = matches!(solid.word(after).as_str(), "SET" | "UNSET");
        if sets && matches!(solid.word(after + 1).as_str(), "MASKING" | "TAG" | "PROJECTION") {
            return Ok(Some(Command::Recorded("policies")));
        }
    }
    Ok(None)
}

/// `set comment = '…'`, `unset comment`, `alter [column] a comment '…', [column] b unset comment`.
fn comments(solid: &Solid<'_>, at: usize) -> Option<Vec<(Option<String>, Option<String>)>> {
    if solid.says(at, &["UNSET", "COMMENT"]) {
        return Some(vec![(None, None)]);
    }
    if solid.says(at, &["SET", "COMMENT"]) {
        return Some(vec![(None, Some(solid.text(at + 3)?))]);
    }
    if !matches!(solid.word(at).as_str(), "ALTER" | "MODIFY") {
        return None;
    }
    let mut at = at + 1;
    let is_list = matches!(solid.token(at), Some(Token::LParen));
    at += usize::from(is_list);
    let mut found = Vec::new();
    loop {
        let (column, end) = solid.name(if solid.word(at) == "COLUMN" { at + 1 } else { at });
        let [column] = <[String; 1]>::try_from(column).ok()?;
        let text = match solid.word(end).as_str() {
            "COMMENT" => Some(solid.text(end + 1)?),
            "UNSET" if solid.word(end + 1) == "COMMENT" => None,
            _ => return None,
        };
        found.push((Some(column), text));
        at = end + 2;
        match solid.token(at) {
            Some(Token::Comma) => at += 1,
            Some(Token::RParen) if is_list => return Some(found),
            None | Some(Token::SemiColon) => return Some(found),
            Some(_) => return None,
        }
    }
}

/// ALTER SESSION SET a = 1, b = 'x'; ALTER SESSION UNSET a, b.
fn parameters(solid: &Solid<'_>) -> Result<Command, EngineError> {
    let wrong = || EngineError::Sql {
        message: "ALTER SESSION takes SET name = value or UNSET name".into(),
        position: None,
        help: None,
    };
    let sets = match solid.word(2).as_str() {
        "SET" => true,
        "UNSET" => false,
        _ => return Err(wrong()),
    };
    let (mut set, mut unset) = (Vec::new(), Vec::new());
    let mut at = 3;
    while at < solid.len() {
        let name = solid.word(at).to_lowercase();
        if name.is_empty() {
            at += 1;
            continue;
        }
        if !sets {
            unset.push(name);
            at += 1;
            continue;
        }
        let value = solid.token(at + 2).ok_or_else(wrong)?;
        let value = solid.text(at + 2).unwrap_or_else(|| value.to_string());
        set.push((name, value));
        at += 3;
    }
    Ok(if sets { Command::SetParameters(set) } else { Command::UnsetParameters(unset) })
}
