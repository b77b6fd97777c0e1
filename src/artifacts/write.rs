//! Files appear whole or not at all: written beside their place, then renamed.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use serde::Serialize;
use serde_json::Value;

use super::ArtifactError;

/// Writes a value as JSON in one line, creating the folder when it is missing.
///
/// # Errors
/// [`ArtifactError::Write`]; a file that was there before is left as it was.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ArtifactError> {
    atomically(path, |writer| serde_json::to_writer(writer, value).map_err(io::Error::from))
        .map_err(|cause| ArtifactError::Write { path: path.to_owned(), cause })
}

/// The shortest secret that is looked for in artifacts: what is shorter is part of too many harmless texts.
const MASKED: usize = 4;

/// As [`write_json`], with `*****` for each secret in a text.
///
/// # Errors
/// As [`write_json`].
pub(super) fn write_masked(path: &Path, value: &impl Serialize, secrets: &[String]) -> Result<(), ArtifactError> {
    if secrets.iter().all(|secret| secret.len() < MASKED) {
        return write_json(path, value);
    }
    let json = serde_json::to_value(value)
        .map_err(|error| ArtifactError::Write { path: path.to_owned(), cause: io::Error::from(error) })?;
    write_json(path, &masked(json, secrets))
}

/// A value with `*****` for each secret in a text.
pub fn masked(mut json: Value, secrets: &[String]) -> Value {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).filter(|secret| secret.len() >= MASKED).collect();
    mask(&mut json, &secrets);
    json
}

/// Writes a text, creating the folder when it is missing.
///
/// # Errors
/// As [`write_json`].
pub fn write_text(path: &Path, text: &str) -> Result<(), ArtifactError> {
    atomically(path, |writer| writer.write_all(text.as_bytes()))
        .map_err(|cause| ArtifactError::Write { path: path.to_owned(), cause })
}

fn mask(json: &mut Value, secrets: &[&str]) {
    match json {
        Value::String(text) => {
            for secret in secrets.iter().filter(|secret| text.contains(**secret)).collect::<Vec<_>>() {
                *text = text.replace(secret, "*****");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, secrets)),
        Value::Object(map) => map.values_mut().for_each(|item| mask(item, secrets)),
        _ => {}
    }
}

fn atomically(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4().simple()));
    let written = (|| {
        let mut writer = BufWriter::with_capacity(1 << 18, File::create_new(&temporary)?);
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The first error is the one to report; what is left of the temporary file is only litter.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// How long the stages of parsing took, in seconds: `perf_info.json`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PerfInfo {
    pub path_count: usize,
    pub parsed_path_count: usize,
    pub is_partial_parse_enabled: bool,
    pub is_static_analysis_enabled: bool,
    pub read_files_elapsed: f64,
    pub load_macros_elapsed: f64,
    pub parse_project_elapsed: f64,
    pub load_all_elapsed: f64,
}

/// Writes `perf_info.json`.
///
/// # Errors
/// As [`write_json`].
pub fn write_perf_info(path: &Path, info: &PerfInfo) -> Result<(), ArtifactError> {
    write_json(path, info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_a_text_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        let value = serde_json::json!({"a": ["x\"hush\"", {"b": "hush"}], "n": 1});
        write_masked(&path, &value, &["hush".to_owned(), "1".to_owned()]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"a":["x\"*****\"",{"b":"*****"}],"n":1}"#);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target/x.json");
        write_json(&path, &[1, 2]).unwrap();
        write_json(&path, &"é").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "\"é\"");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
