//! File formats: which one a path means, and DataFusion's reader of it with our options.

use std::{str::FromStr, sync::Arc};

use datafusion::{
    common::{
        config::{CsvOptions, JsonOptions, TableParquetOptions},
        parsers::CompressionTypeVariant,
    },
    datasource::file_format::{
        FileFormat, arrow::ArrowFormat, csv::CsvFormat, json::JsonFormat, parquet::ParquetFormat,
    },
};

use super::reference::Options;
use crate::engine::EngineError;

/// Rows that are read to find out the types of a text file.
const SAMPLE_ROWS: usize = 20_480;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Parquet,
    Csv,
    Json,
    Arrow,
    Delta,
}

/// What a file's name says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub format: Option<Format>,
    pub compression: CompressionTypeVariant,
    pub tab: bool,
}

pub(super) fn kind_of(path: &str) -> Kind {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let (stem, compression) = match name.rsplit_once('.') {
        Some((stem, "gz" | "gzip")) => (stem, CompressionTypeVariant::GZIP),
        Some((stem, "bz2")) => (stem, CompressionTypeVariant::BZIP2),
        Some((stem, "xz")) => (stem, CompressionTypeVariant::XZ),
        Some((stem, "zst" | "zstd")) => (stem, CompressionTypeVariant::ZSTD),
        _ => (name.as_str(), CompressionTypeVariant::UNCOMPRESSED),
    };
    let ending = stem.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    let format = match ending {
        "parquet" | "parq" | "pq" => Some(Format::Parquet),
        "csv" | "tsv" | "txt" => Some(Format::Csv),
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        "arrow" | "feather" | "ipc" => Some(Format::Arrow),
        _ => None,
    };
    Kind { format, compression, tab: ending == "tsv" }
}

/// The format of a file whose name must say it.
pub(super) fn required(path: &str) -> Result<Format, EngineError> {
    kind_of(path).format.ok_or_else(|| EngineError::Unsupported {
        feature: format!("the file type of `{path}`"),
        help: Some("name the format: `read_parquet('…')`, `read_csv('…')` or `read_json('…')`".to_owned()),
    })
}

/// The compression: the option, or what the name says.
pub(super) fn compression(options: &Options, kind: Kind) -> Result<CompressionTypeVariant, EngineError> {
    match options.compression.as_deref() {
        None | Some("auto" | "auto_detect") => Ok(kind.compression),
        Some("none") => Ok(CompressionTypeVariant::UNCOMPRESSED),
        Some(name) => CompressionTypeVariant::from_str(name).map_err(|_| EngineError::Unsupported {
            feature: format!("the compression `{name}`"),
            help: Some("gzip, bzip2, xz and zstd are".to_owned()),
        }),
    }
}

/// DataFusion's reader. `json_array`: the file is one array rather than a document per line.
pub(super) fn reader(
    format: Format,
    options: &Options,
    kind: Kind,
    json_array: bool,
) -> Result<Arc<dyn FileFormat>, EngineError> {
    let compression = compression(options, kind)?;
    Ok(match format {
        Format::Parquet | Format::Delta => {
            let mut parquet = TableParquetOptions::default();
            // Spark's INT96 timestamps, as everything else, in microseconds.
            parquet.global.coerce_int96 = Some("us".to_owned());
            Arc::new(ParquetFormat::default().with_options(parquet))
        }
        Format::Arrow => Arc::new(ArrowFormat),
        Format::Json => {
            let json = JsonOptions {
                compression,
                schema_infer_max_rec: Some(options.sample_size.unwrap_or(SAMPLE_ROWS)),
                newline_delimited: !json_array,
                ..JsonOptions::default()
            };
            Arc::new(JsonFormat::default().with_options(json))
        }
        Format::Csv => {
            let csv = CsvOptions {
                has_header: Some(options.header.unwrap_or(true)),
                delimiter: options.delimiter.unwrap_or(if kind.tab { b'\t' } else { b',' }),
                quote: options.quote.unwrap_or(b'"'),
                escape: options.escape.filter(|escape| *escape != b'"'),
                comment: options.comment,
                compression,
                schema_infer_max_rec: Some(options.sample_size.unwrap_or(SAMPLE_ROWS)),
                null_regex: options.null_text.as_ref().map(|text| format!("^{}$", regex::escape(text))),
                // A quoted line break must not be taken for the end of a row where a file is read in parts.
                newlines_in_values: Some(true),
                ..CsvOptions::default()
            };
            Arc::new(CsvFormat::default().with_options(csv))
        }
    })
}
