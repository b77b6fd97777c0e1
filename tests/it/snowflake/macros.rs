//! The statements of `dbt_snowflake`: each materialization and config, as recorded. scripts/snowflake_statements.py compares
//! them with those of dbt-snowflake; after a change, TAMIS_RECORD=1 writes the record anew.

use std::{fmt::Write as _, fs, path::Path};

use super::server::Server;
use crate::binary::Folder;

const RECORD: &str = "tests/recorded/snowflake/statements.txt";

/// A folder's files, with their paths in it.
fn files(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// What the server ran since `from`, one statement per line; what sessions do at their beginning left out.
fn statements(server: &Server, from: usize) -> String {
    let mut text = String::new();
    for sql in server.state().ran.iter().skip(from) {
        let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let of_session = ["use database", "use schema", "use role", "use secondary"];
        if !of_session.iter().any(|begin| line.to_lowercase().starts_with(begin)) {
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

#[test]
fn each_materialization_and_config_sends_the_recorded_statements() {
    let server = Server::start();
    server.state().told = vec![
        (
            "describe table",
            &["name", "type", "kind"],
            &[&["ID", "NUMBER(38,0)", "COLUMN"], &["NAME", "VARCHAR(16777216)", "COLUMN"]],
        ),
        ("show parameters", &["key", "value"], &[&["QUERY_TAG", ""]]),
        (
            "show grants",
            &["privilege", "granted_to", "grantee_name"],
            &[&["OWNERSHIP", "ROLE", "OWNER"], &["SELECT", "ROLE", "OLD"]],
        ),
        ("select current_warehouse", &["WAREHOUSE"], &[&["WH"]]),
        (
            "show dynamic tables",
            &["name", "target_lag", "warehouse", "refresh_mode", "cluster_by"],
            &[&["X", "1 minute", "BIG", "FULL", ""]],
        ),
        ("select * from ( select id", &["ID", "NAME"], &[]),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/snowflake/project");
    let mut project = Vec::new();
    files(&root, &root, &mut project);
    let profile = server.profile("user: ann, password: pw-ann, warehouse: small").replace("shop:", "everything:");
    let mut all: Vec<(&str, &str)> = project.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    all.retain(|(name, _)| *name != "profiles.yml");
    all.push(("profiles.yml", &profile));
    let folder = Folder::new(&all);
    let mut found = String::new();
    for (title, command) in [("first run", "run"), ("second run", "run"), ("seeds", "seed"), ("seeds again", "seed")] {
        let from = server.state().ran.len();
        let mut args = vec![command, "--threads", "1"];
        if command == "run" {
            args.extend(["--exclude", "table_contract", "view_contract", "inc_microbatch", "dynamic_altered"]);
        }
        folder.expect(0, &args);
        write!(found, "## {title}\n{}\n", statements(&server, from)).unwrap();
    }
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORD);
    if std::env::var_os("TAMIS_RECORD").is_some() {
        fs::write(&record, &found).unwrap();
    }
    let expected = fs::read_to_string(&record).unwrap_or_default().replace("\r\n", "\n");
    for (at, (line, wanted)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, wanted, "{RECORD}:{}", at + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{found}");
}

#[test]
fn a_node_that_fails_gives_its_session_back_as_it_was() {
    let server = Server::start();
    server.state().told = vec![
        ("show parameters", &["key", "value"], &[&["QUERY_TAG", "before"]]),
        ("select current_warehouse", &["WAREHOUSE"], &[&["WH"]]),
    ];
    let profile = server.profile("user: ann, password: pw-ann, warehouse: WH");
    let model = "{{ config(materialized='table', query_tag='mine', snowflake_warehouse='BIG') }} select no_such_column";
    let folder = Folder::new(&[("profiles.yml", &profile), ("models/a.sql", model)]);
    folder.expect(1, &["run"]);
    let ran = statements(&server, 0);
    let after: Vec<&str> = ran.lines().skip_while(|line| !line.contains("no_such_column")).collect();
    for wanted in ["alter session set query_tag = 'before'", "use warehouse WH"] {
        assert!(after.contains(&wanted), "{wanted}: {ran}");
    }
}
