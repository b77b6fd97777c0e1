//! PUT: the server says where files of this machine go and with which key they are sealed; they are sent there from here.

mod files;
mod seal;
mod store;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::StreamExt as _;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{http::Http, result};
use crate::engine::{EngineError, Outcome};
use seal::Material;
use store::{StageInfo, Store};

/// How many files are on their way at once; each is in memory meanwhile.
const AT_ONCE: usize = 4;

/// What the answer to a PUT says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    #[serde(rename = "src_locations", default)]
    pub sources: Vec<String>,
    pub auto_compress: Option<bool>,
    pub source_compression: Option<String>,
    pub overwrite: Option<bool>,
    pub stage_info: StageInfo,
    pub encryption_material: Option<Material>,
}

impl Plan {
    /// Whether each file has an address of its own, for which the server must be asked.
    pub fn is_for_one_file(&self) -> bool {
        self.stage_info.presigned_url.is_some() && self.stage_info.token().is_none()
    }

    /// The name of a file on the stage.
    pub fn target(&self, file: &Path) -> String {
        let name = name_of(file);
        if self.packs(&name) { format!("{name}.gz") } else { name }
    }

    fn packs(&self, name: &str) -> bool {
        self.auto_compress.unwrap_or(true) && !files::is_packed(name, self.source_compression.as_deref())
    }

    /// The files of this machine that are meant, in order.
    ///
    /// # Errors
    /// When there is none.
    pub fn files(&self) -> Result<Vec<PathBuf>, EngineError> {
        files::expanded(&self.sources)
    }
}

/// What became of a file.
#[derive(Debug)]
pub struct Sent {
    source: String,
    target: String,
    source_size: usize,
    target_size: usize,
    packed: bool,
    skipped: bool,
}

/// Sends files to the stage.
///
/// # Errors
/// The first file that cannot be read or sent; those before it are on the stage.
pub async fn send(http: &Http, plan: &Plan, files: Vec<PathBuf>) -> Result<Vec<Sent>, EngineError> {
    let store = Store::of(&plan.stage_info)?;
    let each = files.into_iter().map(|file| one(http, plan, &store, file));
    let mut running = futures::stream::iter(each).buffered(AT_ONCE);
    let mut sent = Vec::new();
    while let Some(file) = running.next().await {
        sent.push(file?);
    }
    Ok(sent)
}

async fn one(http: &Http, plan: &Plan, store: &Store, file: PathBuf) -> Result<Sent, EngineError> {
    let source = name_of(&file);
    let (packed, target) = (plan.packs(&source), plan.target(&file));
    let shown = file.display().to_string();
    let failed = |message: String| EngineError::Storage {
        context: format!("{shown} cannot be put on the stage"),
        message,
        path: Some(file.clone()),
    };
    let skipped = !plan.overwrite.unwrap_or(false) && store.has(http, &target).await.map_err(failed)?;
    let source_size = std::fs::metadata(&file).map_err(|error| failed(error.to_string()))?.len();
    let mut sent = Sent {
        source,
        target,
        source_size: usize::try_from(source_size).unwrap_or(usize::MAX),
        target_size: 0,
        packed,
        skipped,
    };
    if skipped {
        return Ok(sent);
    }
    let material = plan.encryption_material.clone();
    let path = file.clone();
    let prepared = tokio::task::spawn_blocking(move || {
        let content = files::read(&path, packed).map_err(|error| error.to_string())?;
        let digest = BASE64_STANDARD.encode(Sha256::digest(&content));
        let (content, seal) = match &material {
            Some(material) => {
                let (content, seal) = material.seal(content)?;
                (content, Some(seal))
            }
            None => (content, None),
        };
        Ok::<_, String>((content, digest, seal))
    });
    let prepared = prepared.await.map_err(|error| failed(error.to_string()))?;
    let (content, digest, seal) = prepared.map_err(failed)?;
    sent.target_size = content.len();
    store.put(http, &sent.target, content.into(), &digest, seal.as_ref()).await.map_err(failed)?;
    Ok(sent)
}

/// The rows that PUT answers with.
///
/// # Errors
/// None in practice: the columns have one length.
pub fn outcome(sent: &[Sent]) -> Result<Outcome, EngineError> {
    let texts = |text: fn(&Sent) -> &str| Arc::new(StringArray::from_iter_values(sent.iter().map(text))) as ArrayRef;
    let sizes = |size: fn(&Sent) -> usize| {
        let sizes = sent.iter().map(|sent| i64::try_from(size(sent)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(sizes)) as ArrayRef
    };
    let columns = [
        ("source", texts(|sent| &sent.source)),
        ("target", texts(|sent| &sent.target)),
        ("source_size", sizes(|sent| sent.source_size)),
        ("target_size", sizes(|sent| sent.target_size)),
        ("source_compression", texts(|_| "NONE")),
        ("target_compression", texts(|sent| if sent.packed { "GZIP" } else { "NONE" })),
        ("status", texts(|sent| if sent.skipped { "SKIPPED" } else { "UPLOADED" })),
        ("message", texts(|_| "")),
    ];
    let field = |(name, column): &(&str, ArrayRef)| {
        let kind = if name.ends_with("_size") { DataType::Int64 } else { column.data_type().clone() };
        Field::new(*name, kind, true)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|error| EngineError::Internal { message: error.to_string() })?;
    let mut outcome = result::nothing();
    outcome.rows_affected = u64::try_from(sent.len()).ok();
    outcome.metrics.bytes_written = sent.iter().map(|sent| sent.target_size as u64).sum();
    outcome.schema = schema;
    outcome.batches = vec![batch];
    Ok(outcome)
}

fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The statement for one file instead of all, by its name on the stage: what stands between `file://` and the end of the
/// word or of the quotes is another.
pub fn for_file(sql: &str, target: &str) -> Option<String> {
    let at = sql.find("file://")?;
    let (before, rest) = sql.split_at_checked(at)?;
    let (before, end) = match before.strip_suffix('\'') {
        Some(before) => (before, rest.find('\'')? + 1),
        None => (before, rest.find(char::is_whitespace)?),
    };
    let (_, after) = rest.split_at_checked(end)?;
    Some(format!("{before}'file://{}'{after}", target.replace('\'', "\\'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_put_for_one_of_its_files() {
        for (sql, expected) in [
            ("put file:///lake/*.parquet @s/x overwrite=true", "put 'file://a b.parquet' @s/x overwrite=true"),
            ("PUT 'file:///lake/*' @s", "PUT 'file://a b.parquet' @s"),
        ] {
            assert_eq!(for_file(sql, "a b.parquet").as_deref(), Some(expected));
        }
        assert_eq!(for_file("put x @s", "a"), None);
    }
}
