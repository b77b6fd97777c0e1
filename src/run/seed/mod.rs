//! A seed's CSV file → one record batch with dbt's inferred types. Knows files and Arrow; asks no warehouse.

pub(super) mod infer;

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, StringArray},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatch,
};

use crate::diagnostic::Diagnostic;

/// How to read a seed.
#[derive(Debug, Clone)]
pub struct SeedOptions {
    /// One byte; dbt's `delimiter` config.
    pub delimiter: String,
    /// Header names whose values stay text: they get a type from `column_types`.
    pub text_columns: Vec<String>,
}

/// A seed as read.
#[derive(Debug, Clone)]
pub struct SeedTable {
    pub batch: RecordBatch,
    pub warnings: Vec<Diagnostic>,
}

/// Reads the bytes of a CSV file. `path` is for messages only.
///
/// A byte order mark is dropped, empty fields and the word `null` are null, short rows are filled with null (with a
/// warning), blank lines are no rows. Column types are inferred as dbt does: number, date, timestamp, boolean, text;
/// whole numbers are 64-bit integers.
///
/// # Errors
/// A diagnostic that names the row (1-based, the header is row 1) and the column.
pub fn read(path: &str, bytes: &[u8], options: &SeedOptions) -> Result<SeedTable, Box<Diagnostic>> {
    let fail = |message: String| Box::new(Diagnostic::error("seed-csv", format!("{path}: {message}")));
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        let diagnostic = Diagnostic::error("seed-csv", format!("{path}:{line}: the file is not UTF-8"));
        Box::new(diagnostic.help("save the file as UTF-8"))
    })?;
    let mut warnings = Vec::new();
    let delimiter = delimiter(&options.delimiter)
        .ok_or_else(|| fail(format!("the delimiter must be one ASCII character, found `{}`", options.delimiter)))?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = match records.next() {
        None => return Err(Box::new((*fail("the file is empty".into())).help("a seed needs a header row"))),
        Some(header) => header.map_err(|error| fail(error.to_string()))?,
    };
    if let Some(line) = unclosed_quote(text, delimiter) {
        let error = fail(format!("line {line}: the quote that begins a value here is never closed"));
        return Err(Box::new((*error).help("close it, or write a quote inside of quotes twice")));
    }
    let names = column_names(path, &header, &mut warnings);
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); names.len()];
    let mut short = 0_usize;
    for record in records {
        let record = record.map_err(|error| fail(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() > names.len() {
            let message =
                format!("line {line} has {} values, but the header has {} columns", record.len(), names.len());
            return Err(Box::new((*fail(message)).help("quote values that contain the delimiter")));
        }
        if record.len() < names.len() {
            short += 1;
            if short == 1 {
                let message = format!(
                    "{path}: line {line} has {} values, but the header has {} columns; the rest is null",
                    record.len(),
                    names.len()
                );
                warnings.push(Diagnostic::warning("seed-short-row", message));
            }
        }
        for (at, column) in columns.iter_mut().enumerate() {
            column.push(record.get(at).filter(|value| !value.is_empty()).map(str::to_owned));
        }
    }
    let mut fields = Vec::with_capacity(names.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(names.len());
    for (name, values) in names.iter().zip(&columns) {
        let array = if options.text_columns.contains(name) {
            Arc::new(
                values
                    .iter()
                    .map(|value| value.as_deref().filter(|text| !infer::is_null(text)))
                    .collect::<StringArray>(),
            )
        } else {
            infer::column(values)
        };
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema, arrays).map_err(|error| fail(error.to_string()))?;
    Ok(SeedTable { batch, warnings })
}

/// The SQL name of an inferred type.
pub(super) fn sql_type(inferred: &DataType) -> String {
    match inferred {
        DataType::Int64 => "bigint".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        _ => "varchar".to_owned(),
    }
}

fn delimiter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] => Some(*byte),
        b"\\t" => Some(b'\t'),
        _ => None,
    }
}

/// The line of a quote that is open at the end of the text: everything after it would be one value.
fn unclosed_quote(text: &str, delimiter: u8) -> Option<usize> {
    let (mut line, mut opened, mut starts) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        line += usize::from(byte == b'\n');
        if opened.is_some() {
            if byte == b'"' && bytes.next_if_eq(&b'"').is_none() {
                opened = None;
            }
        } else if byte == b'"' && starts {
            opened = Some(line);
        }
        starts = opened.is_none() && (byte == delimiter || byte == b'\n' || byte == b'\r');
    }
    opened
}

/// Header names; a missing name becomes a letter and a repeated one gets a number, as dbt does, with a warning.
fn column_names(path: &str, header: &csv::StringRecord, warnings: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (index, name) in header.iter().enumerate() {
        let mut unique = name.to_owned();
        if unique.is_empty() {
            unique = letter_name(index);
            let message = format!("{path}: column {} has no name; it is called `{unique}`", index + 1);
            warnings.push(Diagnostic::warning("seed-unnamed-column", message));
        }
        let mut number = 2;
        while names.contains(&unique) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        if !name.is_empty() && unique != name {
            let message =
                format!("{path}: the header names `{name}` more than once; column {} is called `{unique}`", index + 1);
            warnings.push(Diagnostic::warning("seed-duplicate-column", message));
        }
        names.push(unique);
    }
    names
}

/// a, b, … z, aa, bb, …
fn letter_name(index: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(index % 26).unwrap_or(0));
    std::iter::repeat_n(letter, index / 26 + 1).collect()
}

#[cfg(test)]
mod tests {
    use arrow::{datatypes::DataType, util::pretty::pretty_format_batches};

    use super::*;

    fn read_text(text: &str) -> Result<SeedTable, Box<Diagnostic>> {
        read("seeds/a.csv", text.as_bytes(), &SeedOptions { delimiter: ",".into(), text_columns: vec!["t".into()] })
    }

    #[test]
    fn types_are_those_that_dbt_infers() {
        for (value, expected) in [
            ("1", "Int64 1"),
            ("01", "Int64 1"),
            ("\"1,234\"", "Int64 1234"),
            ("$5", "Int64 5"),
            (" 5 ", "Int64 5"),
            ("1e3", "Int64 1000"),
            ("1.0", "Float64 1.0"),
            (".5", "Float64 0.5"),
            ("99999999999999999999", "Decimal128(38, 0) 99999999999999999999"),
            ("TRUE", "Boolean true"),
            ("yes", "Utf8 yes"),
            ("2024-01-05", "Date32 2024-01-05"),
            ("2024-1-5", "Date32 2024-01-05"),
            ("2024-13-01", "Utf8 2024-13-01"),
            ("2024-01-05 10:00:00", "Timestamp(µs) 2024-01-05T10:00:00"),
            ("2024-01-05T10:00:00+02:00", "Timestamp(µs) 2024-01-05T08:00:00"),
            ("2024-01-05 10:00:00.123", "Utf8 2024-01-05 10:00:00.123"),
            ("12:00", "Utf8 12:00"),
        ] {
            let batch = read_text(&format!("c\n{value}\n")).unwrap().batch;
            let shown = arrow::util::display::array_value_to_string(batch.column(0), 0).unwrap();
            assert_eq!(format!("{} {shown}", batch.column(0).data_type()), expected, "{value}");
        }
    }

    #[test]
    fn nulls_quotes_and_marks_are_read() {
        let table = read_text("\u{feff}a,t,c\n1,01,\"x \"\"y\"\"\nz\"\nnull,,\n").unwrap();
        let shown = pretty_format_batches(&[table.batch]).unwrap().to_string();
        assert_eq!(
            shown,
            "+---+----+-------+\n| a | t  | c     |\n+---+----+-------+\n| 1 | 01 | x \"y\" |\n|   |    | z     |\n|   |    |       |\n+---+----+-------+"
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error() {
        let error = read_text("a,b\n1,2\n3,\"x \"\" y\n4,5\n").unwrap_err();
        assert_eq!(error.message, "seeds/a.csv: line 3: the quote that begins a value here is never closed");
        for text in ["a,b\n1,5\" pipe\n", "a,b\n1,\"\"\n", "a,b\n1,\"x\"\"\"\n", "a,b\n1,\"x\"y\"\n"] {
            assert_eq!(read_text(text).map(|table| table.batch.num_rows()).ok(), Some(1), "{text}");
        }
    }

    #[test]
    fn a_mixed_column_is_text_and_an_empty_one_is_integer() {
        let batch = read_text("a,b\n1,\nx,\n").unwrap().batch;
        assert_eq!(batch.column(0).data_type(), &DataType::Utf8);
        assert_eq!(batch.column(1).data_type(), &DataType::Int64);
    }

    #[test]
    fn ragged_rows_name_their_line() {
        let error = read_text("a,b\n1,2\n1,2,3\n").unwrap_err();
        assert_eq!(error.message, "seeds/a.csv: line 3 has 3 values, but the header has 2 columns");
        let table = read_text("a,b\n1\n2,3\n").unwrap();
        assert_eq!(table.warnings.len(), 1);
        assert_eq!(table.batch.num_rows(), 2);
        assert_eq!(read_text("").unwrap_err().message, "seeds/a.csv: the file is empty");
        assert_eq!(read_text("a,b\n").unwrap().batch.num_rows(), 0);
    }

    #[test]
    fn repeated_and_missing_names_are_told_apart() {
        let table = read_text("a,a,\n1,2,3\n").unwrap();
        let names: Vec<_> = table.batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["a", "a_2", "c"]);
        assert_eq!(table.warnings.len(), 2);
    }
}
