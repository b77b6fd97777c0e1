//! The warehouse as a directory: how names become paths and paths become names. The listing is the catalog, so a copy of
//! the folder, or a second machine, sees the same. Knows files; knows no SQL and no Delta log.
//!
//! ```text
//! <root>/<schema>/<table>/_delta_log/…   a Delta table
//! <root>/<schema>/<view>.view.json       a view; a table folder of the same name beside it is litter
//! <root>/<schema>/<name>.function.json   a scalar function; its name has nothing to do with relations
//! <root>/<schema>/<name>.dropped.json    a table whose removal has begun: it no longer exists
//! <root>/_tamis/{staging,locks}/         never a schema
//! ```
//!
//! Lookup ignores case and keeps the case that was stored, as DuckDB does.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::Dialect;
use crate::{
    engine::{Column, EngineError},
    names::{RelationKind, quote_identifier},
};

/// The folder inside a root that is the engine's own.
pub(super) const PRIVATE: &str = "_tamis";
const VIEW_SUFFIX: &str = ".view.json";
const FUNCTION_SUFFIX: &str = ".function.json";
const DROPPED_SUFFIX: &str = ".dropped.json";
/// Bytes of an encoded name; file systems stop at 255, suffixes and staging need some.
const LONGEST_NAME: usize = 230;

/// One database: a name and the folder behind it.
#[derive(Debug)]
pub(super) struct Root {
    pub name: String,
    pub path: PathBuf,
}

/// Where a relation is, or would be. Names are as stored.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub root: Arc<Root>,
    pub schema: String,
    pub name: String,
}

impl Place {
    pub fn schema_dir(&self) -> PathBuf {
        self.root.path.join(encode(&self.schema))
    }

    pub fn table_dir(&self) -> PathBuf {
        self.schema_dir().join(encode(&self.name))
    }

    pub fn view_file(&self) -> PathBuf {
        self.schema_dir().join(format!("{}{VIEW_SUFFIX}", encode(&self.name)))
    }

    pub fn function_file(&self) -> PathBuf {
        self.schema_dir().join(format!("{}{FUNCTION_SUFFIX}", encode(&self.name)))
    }

    pub fn dropped_file(&self) -> PathBuf {
        self.schema_dir().join(format!("{}{DROPPED_SUFFIX}", encode(&self.name)))
    }

    pub fn lock_file(&self) -> PathBuf {
        let name = format!("{}.{}.lock", encode(&self.schema.to_lowercase()), encode(&self.name.to_lowercase()));
        self.root.path.join(PRIVATE).join("locks").join(name)
    }

    /// What is stored here now.
    pub fn kind(&self) -> Option<RelationKind> {
        if self.view_file().exists() {
            Some(RelationKind::View)
        } else if self.dropped_file().exists() || !self.table_dir().join("_delta_log").is_dir() {
            None
        } else {
            Some(RelationKind::Table)
        }
    }

    /// The same schema, another name.
    pub fn sibling(&self, name: &str) -> Place {
        Place { root: Arc::clone(&self.root), schema: self.schema.clone(), name: name.to_owned() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [database, schema, name] = [&self.root.name, &self.schema, &self.name].map(|part| quote_identifier(part));
        write!(f, "{database}.{schema}.{name}")
    }
}

/// What `<view>.view.json` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ViewFile {
    pub format: u32,
    pub sql: String,
    /// The dialect of `sql`; names in it are the lakehouse's.
    #[serde(default, skip_serializing_if = "Dialect::is_generic")]
    pub dialect: Dialect,
    /// Where unqualified names in `sql` are looked up.
    pub database: String,
    pub schema: String,
    pub columns: Vec<ViewColumn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    pub run: String,
}

/// What `<function>.function.json` holds. Types and expressions are SQL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FunctionFile {
    pub format: u32,
    pub arguments: Vec<FunctionArgument>,
    pub returns: String,
    pub body: String,
    pub run: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FunctionArgument {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A column of a view as it was when the view was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ViewColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
    pub nullable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl From<&Column> for ViewColumn {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            nullable: column.nullable,
            comment: column.comment.clone(),
        }
    }
}

/// A name as a file name: bytes outside `[A-Za-z0-9_-]` become `%XX`.
pub(super) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        let reserved = index == 0 && name.eq_ignore_ascii_case(PRIVATE);
        if (byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') && !reserved {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The name behind a file name; `None` when [`encode`] never makes it.
pub(super) fn decode(file: &str) -> Option<String> {
    let bytes = file.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'%' {
            let hex = std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            at += 3;
        } else if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            out.push(byte);
            at += 1;
        } else {
            return None;
        }
    }
    String::from_utf8(out).ok()
}

/// Refuses names that cannot be stored.
pub(super) fn check_name(name: &str) -> Result<(), EngineError> {
    if name.contains('/') {
        return Err(EngineError::Sql {
            message: format!("the name `{name}` cannot be stored: it contains `/`"),
            position: None,
            help: None,
        });
    }
    if name.is_empty() || encode(name).len() > LONGEST_NAME {
        let message = if name.is_empty() {
            "a relation needs a name".to_owned()
        } else {
            format!("the name `{name}` is too long to be stored ({} bytes, at most {LONGEST_NAME})", encode(name).len())
        };
        return Err(EngineError::Sql { message, position: None, help: None });
    }
    Ok(())
}

/// The schemas of a database, sorted.
pub(super) fn schemas(root: &Root) -> Result<Vec<String>, EngineError> {
    let mut names: Vec<String> = read_dir(&root.path)?
        .into_iter()
        .filter(|(name, is_dir)| *is_dir && !name.eq_ignore_ascii_case(PRIVATE))
        .filter_map(|(name, _)| decode(&name))
        .collect();
    names.sort();
    Ok(names)
}

/// The stored spelling of a schema, or `None` when it does not exist.
pub(super) fn find_schema(root: &Root, schema: &str) -> Result<Option<String>, EngineError> {
    if root.path.join(encode(schema)).is_dir() {
        return Ok(Some(schema.to_owned()));
    }
    let wanted = schema.to_lowercase();
    Ok(schemas(root)?.into_iter().find(|name| name.to_lowercase() == wanted))
}

/// The relations of a schema with their kind, sorted by name; empty when the schema does not exist.
pub(super) fn relations(root: &Root, schema: &str) -> Result<Vec<(String, RelationKind)>, EngineError> {
    let entries = read_dir(&root.path.join(encode(schema)))?;
    let mut views = Vec::new();
    let mut hidden = Vec::new();
    for (file, is_dir) in &entries {
        if *is_dir {
            continue;
        }
        if let Some(name) = file.strip_suffix(VIEW_SUFFIX).and_then(decode) {
            views.push(name);
        } else if let Some(name) = file.strip_suffix(DROPPED_SUFFIX).and_then(decode) {
            hidden.push(name);
        }
    }
    hidden.extend(views.iter().cloned());
    let mut found: Vec<(String, RelationKind)> = views.into_iter().map(|name| (name, RelationKind::View)).collect();
    for (file, is_dir) in entries {
        let Some(name) = decode(&file).filter(|_| is_dir) else { continue };
        if !hidden.contains(&name) && root.path.join(encode(schema)).join(&file).join("_delta_log").is_dir() {
            found.push((name, RelationKind::Table));
        }
    }
    found.sort();
    Ok(found)
}

/// The place of an existing relation under its stored name, or the place where it would be made.
pub(super) fn find(root: &Arc<Root>, schema: &str, name: &str) -> Result<(Place, Option<RelationKind>), EngineError> {
    let schema = find_schema(root, schema)?.unwrap_or_else(|| schema.to_owned());
    let place = Place { root: Arc::clone(root), schema, name: name.to_owned() };
    if let Some(kind) = place.kind() {
        return Ok((place, Some(kind)));
    }
    let wanted = name.to_lowercase();
    let stored = relations(root, &place.schema)?.into_iter().find(|(stored, _)| stored.to_lowercase() == wanted);
    Ok(match stored {
        Some((stored, kind)) => (place.sibling(&stored), Some(kind)),
        None => (place, None),
    })
}

pub(super) fn read_view(place: &Place) -> Result<ViewFile, EngineError> {
    let path = place.view_file();
    let bytes = std::fs::read(&path).map_err(|error| storage(format!("cannot read view {place}"), &path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| EngineError::Data {
        message: format!("the file of view {place} is not readable: {error} ({})", path.display()),
    })
}

/// The functions of a schema; none when it does not exist.
pub(super) fn functions(root: &Root, schema: &str) -> Result<Vec<String>, EngineError> {
    let entries = read_dir(&root.path.join(encode(schema)))?;
    let files = entries.iter().filter(|(_, is_dir)| !is_dir);
    Ok(files.filter_map(|(file, _)| file.strip_suffix(FUNCTION_SUFFIX).and_then(decode)).collect())
}

pub(super) fn read_function(place: &Place) -> Result<FunctionFile, EngineError> {
    let path = place.function_file();
    let bytes =
        std::fs::read(&path).map_err(|error| storage(format!("cannot read function {place}"), &path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| EngineError::Data {
        message: format!("the file of function {place} is not readable: {error} ({})", path.display()),
    })
}

/// Writes a view in one step: a reader sees the old file or the new one.
pub(super) fn write_view(place: &Place, view: &ViewFile, scratch: &Path) -> Result<(), EngineError> {
    write_file(&place.view_file(), &format!("view {place}"), view, scratch)
}

/// Writes a function in one step.
pub(super) fn write_function(place: &Place, function: &FunctionFile, scratch: &Path) -> Result<(), EngineError> {
    write_file(&place.function_file(), &format!("function {place}"), function, scratch)
}

fn write_file(path: &Path, what: &str, content: &impl Serialize, scratch: &Path) -> Result<(), EngineError> {
    let fail = |error: &io::Error| storage(format!("cannot write {what}"), path, error);
    let text =
        serde_json::to_vec_pretty(content).map_err(|error| EngineError::Internal { message: error.to_string() })?;
    let temporary = scratch.join(format!("{}.json", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(scratch).map_err(|error| fail(&error))?;
    std::fs::write(&temporary, text).map_err(|error| fail(&error))?;
    std::fs::rename(&temporary, path).map_err(|error| fail(&error))
}

/// An I/O failure with what it was about.
pub(super) fn storage(context: String, path: &Path, error: &io::Error) -> EngineError {
    EngineError::Storage { context, message: error.to_string(), path: Some(path.to_path_buf()) }
}

/// File names of a folder and whether each is a folder; nothing when it does not exist.
fn read_dir(path: &Path) -> Result<Vec<(String, bool)>, EngineError> {
    let fail = |error: &io::Error| storage("cannot list the warehouse".to_owned(), path, error);
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(fail(&error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| fail(&error))?;
        let is_dir = entry.path().is_dir();
        if let Ok(name) = entry.file_name().into_string() {
            names.push((name, is_dir));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_survives_the_way_through_a_file_name() {
        for (name, file) in [
            ("orders", "orders"),
            ("my table", "my%20table"),
            ("a.b/c", "a%2Eb%2Fc"),
            ("é", "%C3%A9"),
            ("_tamis", "%5Ftamis"),
            ("..", "%2E%2E"),
            ("100%", "100%25"),
        ] {
            assert_eq!(encode(name), file);
            assert_eq!(decode(file).as_deref(), Some(name));
        }
        assert_eq!(decode("a.view.json"), None);
    }
}
