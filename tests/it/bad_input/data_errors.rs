//! Files with bad data: seeds that are ragged or do not fit, and lakes with broken, differing or missing files.

use std::fs;

use super::{old_table_is_kept, with_old_table};
use crate::binary::Folder;

/// A seed that was loaded before with one good row, then changed.
#[track_caller]
fn check_seed(text: &str, expected: &[&str]) {
    let types = "seeds:\n  - name: days\n    config: {column_types: {day: date}}\n";
    let folder = Folder::new(&[("seeds/days.csv", "id,day\n1,2024-01-01\n"), ("seeds/seeds.yml", types)]);
    folder.expect(0, &["-q", "seed"]);
    folder.write("seeds/days.csv", text);
    for args in [&["seed"][..], &["seed", "--full-refresh"]] {
        let ran = folder.expect(1, args);
        ran.shows(&["Error in seed days (seeds/days.csv)"]);
        ran.shows(expected);
    }
    assert_eq!(folder.rows("select * from {{ ref('days') }}"), [r#"{"id":1,"day":"2024-01-01"}"#], "the old rows");
}

#[test]
fn a_row_with_too_many_values_names_its_line() {
    check_seed(
        "id,day\n1,2024-01-01\n2,2024-01-02,x\n",
        &[
            "error[seed-csv]: seeds/days.csv: line 3 has 3 values, but the header has 2 columns",
            "quote values that contain the delimiter",
        ],
    );
}

#[test]
fn a_value_that_does_not_fit_names_its_row_and_column() {
    check_seed("id,day\n1,2024-01-01\n2,soon\n", &["row 2 after the header, column `day`: cannot convert", "'soon'"]);
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_rest() {
    check_seed(
        "id,day\n1,2024-01-01\n2,\"2024-01-02\n3,2024-01-03\n",
        &["seeds/days.csv: line 3: the quote that begins a value here is never closed"],
    );
}

#[test]
fn an_empty_seed_is_an_error() {
    check_seed("", &["seeds/days.csv: the file is empty", "a seed needs a header row"]);
}

#[test]
fn short_rows_are_filled_with_a_warning() {
    let folder = Folder::new(&[("seeds/days.csv", "id,name\n1\n2,b\n")]);
    folder
        .expect(0, &["seed"])
        .shows(&["warning[seed-short-row]", "line 2 has 1 values, but the header has 2 columns"]);
    assert_eq!(
        folder.rows("select * from {{ ref('days') }} order by id"),
        [r#"{"id":1,"name":null}"#, r#"{"id":2,"name":"b"}"#]
    );
}

#[test]
fn marks_quotes_and_line_breaks_of_a_seed_are_read() {
    let folder = Folder::new(&[]);
    folder
        .write("seeds/names.csv", "\u{feff}id,name\r\n1,\"a \"\"quoted\"\" one\"\r\n2,\"two\nlines\"\r\n3,\"a,b\"\r\n");
    folder.expect(0, &["-q", "seed"]);
    assert_eq!(
        folder.rows("select * from {{ ref('names') }} order by id"),
        [r#"{"id":1,"name":"a \"quoted\" one"}"#, r#"{"id":2,"name":"two\nlines"}"#, r#"{"id":3,"name":"a,b"}"#,]
    );
}

const SOURCES: &str = "sources:
  - name: lake
    tables:
      - name: events
        config: {meta: {external_location: \"lake/*.FORMAT\"}}
";
const MODEL: &str = "{{ config(materialized='table') }}\nselect * from {{ source('lake', 'events') }}";

/// A project that reads a lake of these files; Parquet files are made by the program itself from the given query.
fn lake(format: &str, files: &[(&str, &str)]) -> Folder {
    let folder = with_old_table(&[("models/sources.yml", &SOURCES.replace("FORMAT", format))]);
    for (path, text) in files {
        if format == "parquet" {
            let model = format!("{{{{ config(materialized='table') }}}}\n{text}");
            folder.write("models/maker.sql", model);
            folder.expect(0, &["-q", "run", "--select", "maker", "--full-refresh"]);
            let made = newest_parquet(&folder);
            folder.write(path, fs::read(made).unwrap());
            fs::remove_dir_all(folder.path("warehouse/main/maker")).unwrap();
        } else {
            folder.write(path, text);
        }
    }
    let _ = fs::remove_file(folder.path("models/maker.sql"));
    folder.write("models/events.sql", MODEL);
    folder
}

fn newest_parquet(folder: &Folder) -> std::path::PathBuf {
    let files = fs::read_dir(folder.path("warehouse/main/maker")).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "parquet")).unwrap()
}

#[track_caller]
fn fails(folder: &Folder, expected: &[&str]) {
    let ran = folder.expect(1, &["run"]);
    ran.shows(&["Database Error in model events (models/events.sql)"]);
    ran.shows(expected);
    ran.shows(&["models/events.sql:2:"]);
    assert!(!folder.path("warehouse/main/events").exists(), "no half table");
    old_table_is_kept(folder);
}

#[test]
fn a_truncated_parquet_file_is_named() {
    let folder = lake("parquet", &[("lake/a.parquet", "select 1 as id"), ("lake/b.parquet", "select 2 as id")]);
    let whole = fs::read(folder.path("lake/b.parquet")).unwrap();
    folder.write("lake/b.parquet", &whole[..whole.len() / 2]);
    fails(&folder, &["cannot read `lake/b.parquet`", "Corrupt footer"]);
    folder.write("lake/b.parquet", "");
    fails(&folder, &["cannot read `lake/b.parquet` (0 bytes): the file is empty"]);
}

#[test]
fn an_empty_prefix_is_an_error_and_not_an_empty_table() {
    let folder = lake("parquet", &[]);
    fails(&folder, &["cannot read `lake/*.parquet`: no file matches"]);
    fs::create_dir(folder.path("lake")).unwrap();
    fails(&folder, &["cannot read `lake/*.parquet`: no file matches"]);
}

#[test]
fn files_of_different_schemas_are_united_by_name_or_refused() {
    let files = [("lake/a.parquet", "select 1 as id, 'x' as name"), ("lake/b.parquet", "select 2 as id, 5 as amount")];
    let folder = lake("parquet", &files);
    folder.expect(0, &["-q", "run"]);
    assert_eq!(
        folder.rows("select * from {{ ref('events') }} order by id"),
        [r#"{"id":1,"name":"x","amount":null}"#, r#"{"id":2,"name":null,"amount":5}"#,]
    );
    let folder = lake("parquet", &[("lake/a.parquet", "select 1 as id"), ("lake/b.parquet", "select 'x' as id")]);
    fails(&folder, &["column `id` is bigint in `lake/a.parquet` and varchar in `lake/b.parquet`"]);
}

#[test]
fn a_line_that_is_no_json_names_its_file() {
    let folder = lake("jsonl", &[("lake/a.jsonl", "{\"id\": 1}\n{\"id\": \n")]);
    fails(&folder, &["cannot read `lake/a.jsonl`"]);
}
