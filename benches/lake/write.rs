//! Rows as Parquet, CSV or JSON lines. All three hold the same values.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int32Builder, StringBuilder, TimestampMicrosecondBuilder},
    datatypes::{DataType, Field, Schema, TimeUnit},
    record_batch::RecordBatch,
};
use chrono::DateTime;
use clap::ValueEnum;
use datafusion::parquet::{
    arrow::ArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::WriterProperties,
    schema::types::ColumnPath,
};

use super::{
    dimensions::customer_id,
    events::{CONVERSION, DEVICES, ERROR, KINDS, PAGES, Row, Style},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Parquet,
    Csv,
    #[value(name = "json", alias = "jsonl")]
    Json,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "jsonl",
        }
    }
}

const BATCH: usize = 65_536;

pub fn write_file(path: &Path, format: Format, rows: &[Row]) -> io::Result<()> {
    let file = File::create(path)?;
    match format {
        Format::Parquet => write_parquet(file, rows),
        Format::Csv => write_csv(file, rows),
        Format::Json => write_json(file, rows),
    }
}

/// A row as the values of its columns; buffers are reused from row to row.
#[derive(Default)]
struct Texts {
    id: String,
    customer: String,
    user: String,
    kind: String,
    payload: String,
}

impl Texts {
    fn set(&mut self, row: &Row) {
        self.id.clear();
        self.user.clear();
        let _ = write!(self.id, "evt_{:016x}", row.id);
        let _ = write!(self.user, "u_{:04}_{:05}", row.customer + 1, row.user);
        styled(&customer_id(row.customer), row.customer_style, &mut self.customer);
        let kind = KINDS.get(usize::from(row.kind)).copied().unwrap_or_default();
        styled(kind, row.kind_style, &mut self.kind);
        payload(row, &mut self.payload);
    }

    fn id<'a>(&'a self, row: &Row) -> Option<&'a str> {
        (!row.id_missing).then_some(self.id.as_str())
    }

    fn customer<'a>(&'a self, row: &Row) -> Option<&'a str> {
        (row.customer_style != Style::Missing).then_some(self.customer.as_str())
    }
}

fn styled(text: &str, style: Style, out: &mut String) {
    out.clear();
    match style {
        Style::Plain | Style::Missing => out.push_str(text),
        Style::Upper => out.extend(text.chars().flat_map(char::to_uppercase)),
        Style::Padded => {
            let _ = write!(out, " {text} ");
        }
        Style::Capital => {
            let mut letters = text.chars();
            out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(letters.as_str());
        }
        Style::Blank => out.push(' '),
    }
}

/// The JSON of a row in its client's schema version: 1 has url, amt, cur; 2 renames amt and cur and adds plan; 3 renames
/// url, counts money in cents and adds the device.
fn payload(row: &Row, out: &mut String) {
    out.clear();
    let page = PAGES.get(usize::from(row.page)).copied().unwrap_or("/");
    let _ = match row.version {
        1 | 2 => write!(out, "{{\"url\":\"{page}\""),
        _ => write!(out, "{{\"path\":\"{page}\""),
    };
    if row.kind == CONVERSION {
        let (whole, cents) = (row.amount_cents / 100, row.amount_cents % 100);
        let (currency, plan) = (row.currency_name(), row.plan_name());
        let _ = match row.version {
            1 => write!(out, ",\"amt\":{whole}.{cents:02},\"cur\":\"{}\"", currency.to_lowercase()),
            2 => write!(out, ",\"amount\":\"{whole}.{cents:02}\",\"currency\":\"{currency}\",\"plan\":\"{plan}\""),
            _ => write!(out, ",\"amount_cents\":{},\"currency\":\"{currency}\",\"plan\":\"{plan}\"", row.amount_cents),
        };
    }
    if row.kind == ERROR {
        let _ = write!(out, ",\"code\":{}", row.error_code);
    }
    if row.version >= 3 {
        let device = DEVICES.get(usize::from(row.device)).copied().unwrap_or("desktop");
        let _ = write!(out, ",\"device\":\"{device}\"");
    }
    if row.truncated {
        out.truncate(out.len() / 2);
    } else {
        out.push('}');
    }
}

fn time(milliseconds: i64) -> String {
    DateTime::from_timestamp_millis(milliseconds)
        .map(|time| time.format("%Y-%m-%d %H:%M:%S%.3f").to_string())
        .unwrap_or_default()
}

fn write_csv(file: File, rows: &[Row]) -> io::Result<()> {
    let mut out = csv::Writer::from_writer(BufWriter::new(file));
    out.write_record([
        "event_id",
        "customer_id",
        "user_id",
        "event_type",
        "event_ts",
        "received_at",
        "schema_version",
        "payload",
    ])?;
    let mut texts = Texts::default();
    for row in rows {
        texts.set(row);
        out.write_record([
            texts.id(row).unwrap_or_default(),
            texts.customer(row).unwrap_or_default(),
            &texts.user,
            &texts.kind,
            &time(row.event_ms),
            &time(row.received_ms),
            &row.version.to_string(),
            &texts.payload,
        ])?;
    }
    out.flush()
}

fn write_json(file: File, rows: &[Row]) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    let mut texts = Texts::default();
    for row in rows {
        texts.set(row);
        let value = serde_json::json!({
            "event_id": texts.id(row),
            "customer_id": texts.customer(row),
            "user_id": texts.user,
            "event_type": texts.kind,
            "event_ts": time(row.event_ms),
            "received_at": time(row.received_ms),
            "schema_version": row.version,
            "payload": texts.payload,
        });
        serde_json::to_writer(&mut out, &value)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn write_parquet(file: File, rows: &[Row]) -> io::Result<()> {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let schema = Arc::new(Schema::new(vec![
        Field::new("event_id", DataType::Utf8, true),
        Field::new("customer_id", DataType::Utf8, true),
        Field::new("user_id", DataType::Utf8, true),
        Field::new("event_type", DataType::Utf8, true),
        Field::new("event_ts", timestamp.clone(), true),
        Field::new("received_at", timestamp, true),
        Field::new("schema_version", DataType::Int32, true),
        Field::new("payload", DataType::Utf8, true),
    ]));
    let plain = |builder: datafusion::parquet::file::properties::WriterPropertiesBuilder, column: &str, encoding| {
        let path = ColumnPath::from(column);
        builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, encoding)
    };
    let level = ZstdLevel::try_new(6).map_err(io::Error::other)?;
    let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(level));
    properties = plain(properties, "event_id", Encoding::PLAIN);
    properties = plain(properties, "event_ts", Encoding::DELTA_BINARY_PACKED);
    properties = plain(properties, "received_at", Encoding::DELTA_BINARY_PACKED);
    let mut writer = ArrowWriter::try_new(BufWriter::new(file), schema.clone(), Some(properties.build()))
        .map_err(io::Error::other)?;
    let mut texts = Texts::default();
    for chunk in rows.chunks(BATCH) {
        let mut strings: [StringBuilder; 5] = std::array::from_fn(|_| StringBuilder::new());
        let mut event_ts = TimestampMicrosecondBuilder::new();
        let mut received_at = TimestampMicrosecondBuilder::new();
        let mut version = Int32Builder::new();
        let [ids, customers, users, kinds, payloads] = &mut strings;
        for row in chunk {
            texts.set(row);
            ids.append_option(texts.id(row));
            customers.append_option(texts.customer(row));
            users.append_value(&texts.user);
            kinds.append_value(&texts.kind);
            payloads.append_value(&texts.payload);
            event_ts.append_value(row.event_ms * 1_000);
            received_at.append_value(row.received_ms * 1_000);
            version.append_value(i32::from(row.version));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids.finish()),
            Arc::new(customers.finish()),
            Arc::new(users.finish()),
            Arc::new(kinds.finish()),
            Arc::new(event_ts.finish()),
            Arc::new(received_at.finish()),
            Arc::new(version.finish()),
            Arc::new(payloads.finish()),
        ];
        let batch = RecordBatch::try_new(schema.clone(), columns).map_err(io::Error::other)?;
        writer.write(&batch).map_err(io::Error::other)?;
    }
    writer.close().map_err(io::Error::other)?;
    Ok(())
}
