//! Files and packages that nobody should write: each is read as it is or refused with a clear error; nothing hangs.

use std::{fs, os::unix::fs::symlink};

use super::binary::Folder;

const A: (&str, &str) = ("models/a.sql", "select 1 as id");

#[test]
fn marks_and_line_ends_of_every_system_are_read() {
    let folder = Folder::new(&[]);
    folder.write("dbt_project.yml", "\u{feff}name: shop\r\nprofile: shop\r\n");
    folder.write("models/a.sql", "\u{feff}select 1 as id\r\n-- end\r\n");
    folder.write("models/b.sql", "select id\r\nfrom {{ ref('a') }}\r\n");
    folder.write(
        "models/s.yml",
        "\u{feff}models:\r\n  - name: a\r\n    columns:\r\n      - name: id\r\n        data_tests: [unique]\r\n",
    );
    folder.write("seeds/s.csv", "\u{feff}id,name\r\n1,x\r\n");
    folder.expect(0, &["build"]).shows(&["PASS=4"]);
    assert_eq!(folder.rows("select id, name from {{ ref('s') }}"), [r#"{"id":1,"name":"x"}"#]);
}

#[test]
fn text_that_is_no_text_names_its_file() {
    for (path, bytes) in [
        ("models/b.sql", &b"select '\xff' as id"[..]),
        ("models/s.yml", b"models: [{name: \xff}]"),
        ("macros/m.sql", b"{% macro m() %}\xff{% endmacro %}"),
        ("seeds/s.csv", b"id\n\xff\n"),
    ] {
        let folder = Folder::new(&[A]);
        folder.write(path, bytes);
        let ran = folder.run(&["build"]);
        assert!(ran.status == 1 || ran.status == 2, "{path}: {}", ran.text());
        ran.shows(&[path.rsplit('/').next().unwrap()]);
    }
}

#[test]
fn nul_bytes_are_errors_or_text() {
    for (path, text) in [("models/b.sql", "select 1 \0 as id"), ("models/s.yml", "models: [{name: \0}]")] {
        let folder = Folder::new(&[A, (path, text)]);
        let ran = folder.run(&["run"]);
        assert!(ran.status == 1 || ran.status == 2, "{path}: {}", ran.text());
        ran.shows(&[path]);
    }
}

#[test]
fn file_names_may_have_dots_umlauts_and_pictures() {
    let folder = Folder::new(&[
        ("models/größe.sql", "select 1 as id"),
        ("models/a folder/with.dots/x.sql", "select * from {{ ref('größe') }}"),
        ("models/🎈.sql", "select 2 as id"),
        ("models/v1.2.sql", "select 3 as id"),
    ]);
    folder.expect(0, &["run"]).shows(&["PASS=4"]);
    assert_eq!(
        folder.rows("select id from {{ ref('🎈') }} union all select id from {{ ref('v1.2') }} order by 1").len(),
        2
    );
    folder.write("models/two words.sql", "select 1 as id");
    folder.expect(2, &["run"]).shows(&["error[name-with-space]", "two words"]);
}

#[test]
fn a_loop_of_links_ends() {
    let folder = Folder::new(&[A]);
    symlink(folder.path("models"), folder.path("models/again")).unwrap();
    symlink(folder.path("models/nowhere.sql"), folder.path("models/nowhere.sql")).unwrap();
    let ran = folder.run(&["run"]);
    assert!(matches!(ran.status, 0 | 2), "{}", ran.text());
    ran.shows(&["a"]);
}

#[test]
fn a_package_with_the_name_of_the_root_is_an_error() {
    let folder = Folder::new(&[
        A,
        ("packages.yml", "packages: [{local: twin}]"),
        ("twin/dbt_project.yml", "name: shop\n"),
        ("dbt_packages/shop/dbt_project.yml", "name: shop\n"),
    ]);
    folder.expect(2, &["run"]).shows(&["error[package-twice]", "the name \"shop\"", "one is this project"]);
}

#[test]
fn two_parses_give_the_same_manifest_whatever_the_threads() {
    let folder =
        Folder::new(&[("models/s.yml", "models: [{name: m1, columns: [{name: id, data_tests: [unique, not_null]}]}]")]);
    for number in 0..40 {
        let parent =
            if number > 0 { format!("{{{{ ref('m{}') }}}}", number / 2) } else { "(select 1 as id)".to_owned() };
        let macros = format!("{{% macro f{number}() %}}{number}{{% endmacro %}}");
        folder.write(
            &format!("models/d{}/m{number}.sql", number % 7),
            format!("select {{{{ f{number}() }}}} as id from {parent}"),
        );
        folder.write(&format!("macros/f{number}.sql"), macros);
    }
    let parsed = |threads: &str| {
        folder.expect(0, &["-q", "parse", "--threads", threads]);
        let text = fs::read_to_string(folder.path("target/manifest.json")).unwrap();
        let changing =
            r#""(invocation_id|generated_at|invocation_started_at|run_started_at)":\s*"[^"]*"|"created_at":\s*[0-9.]+"#;
        regex::Regex::new(changing).unwrap().replace_all(&text, "").into_owned()
    };
    let first = parsed("1");
    for threads in ["1", "8", "3"] {
        assert!(parsed(threads) == first, "the manifest of {threads} threads differs");
    }
}
