//! A project that is not there, not complete, or not what it should be.

use super::{old_table_is_kept, with_old_table};
use crate::binary::Folder;

/// Files of a bad project, and what its user reads: nothing runs, exit status 2.
#[track_caller]
fn check(files: &[(&str, &str)], args: &[&str], expected: &[&str]) {
    let folder = Folder::new(files);
    folder.expect(2, args).shows(expected);
    assert!(!folder.path("warehouse/main").exists(), "nothing ran");
}

#[test]
fn a_project_folder_that_is_not_there_is_an_error_of_usage() {
    let folder = Folder::new(&[("models/a.sql", "select 1 as id")]);
    for command in ["debug", "run", "parse"] {
        folder.expect(2, &[command, "--project-dir", "nopass"]).shows(&["--project-dir", "'nopass' does not exist"]);
    }
}

#[test]
fn a_folder_without_a_project_says_how_to_start_one() {
    let ran = Folder::empty().expect(2, &["run"]);
    ran.shows(&["Encountered an error:", "error[project-not-found]: No dbt_project.yml found", "tamis init"]);
}

#[test]
fn a_project_without_profile_says_where_it_was_looked_for() {
    let folder = Folder::new(&[]);
    std::fs::remove_file(folder.path("profiles.yml")).unwrap();
    folder.expect(2, &["run"]).shows(&[
        "error[profiles-not-found]",
        "looked for a profiles.yml file in",
        "--profiles-dir",
    ]);
}

#[test]
fn a_wrong_profile_or_target_names_those_that_exist() {
    check(
        &[("dbt_project.yml", "name: shop\nprofile: shopp\n")],
        &["run"],
        &[
            "error[profile-not-found]: Could not find profile named 'shopp'",
            "dbt_project.yml:2:10",
            "did you mean `shop`?",
        ],
    );
    check(&[], &["run", "--profile", "other"], &["Could not find profile named 'other'", "has the profiles shop"]);
    check(
        &[],
        &["run", "--target", "prod"],
        &[
            "error[target-not-found]: The profile 'shop' does not have a target named 'prod'",
            "profiles.yml:1:1",
            "The valid target names for this profile are: dev",
        ],
    );
}

#[test]
fn settings_of_a_profile_are_checked_before_anything_runs() {
    let profile = |text: &str| format!("shop:\n  target: dev\n  outputs:\n    dev: {{{text}}}\n");
    for (text, expected) in [
        ("type: datafusio", "target `dev` of profile `shop` has the type `datafusio`, which is not supported"),
        ("type: datafusion, threads: two", "must be a whole number above 0, found 'two'"),
        ("type: datafusion, memory_limit: 3 cups", "must be a size of at least 64MB, like `2GB`, found `3 cups`"),
        ("path: warehouse", "`type`"),
    ] {
        let files = [("profiles.yml", profile(text)), ("models/a.sql", "select 1 as id".to_owned())];
        let folder = Folder::new(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
        folder.expect(2, &["run"]).shows(&[expected, "profiles.yml:4:"]);
    }
}

#[test]
fn broken_yaml_is_shown_where_it_breaks() {
    for (text, expected) in [
        ("models:\n  - name: kept\n    columns: [\n", "error[yaml-syntax]: this is not valid YAML"),
        ("models:\n  - name: kept\n\tdescription: x\n", "YAML is indented with spaces, not with tabs"),
        ("models:\n  - name: kept\n    description: \"open\n", "found unexpected end of stream"),
        ("models: kept\n", "the value of 'models' is not a list"),
        ("models:\n  - kept\n", "a list element for 'models' is not a dictionary"),
        ("models:\n  - name: kept\n    columns: 3\n", "`columns` of model `kept` must be a list, found a number"),
    ] {
        let folder = with_old_table(&[("models/schema.yml", text)]);
        let ran = folder.expect(2, &["run"]);
        ran.shows(&["Encountered an error:", expected]);
        ran.shows(&["error[", "models/schema.yml:"]);
        std::fs::remove_file(folder.path("models/schema.yml")).unwrap();
        old_table_is_kept(&folder);
    }
}

#[test]
fn a_key_that_is_written_twice_is_a_warning_with_both_places() {
    let text = "models:\n  - name: kept\n    description: one\n    description: two\n";
    let folder = with_old_table(&[("models/schema.yml", text)]);
    let expected = ["warning[yaml-duplicate-key]: the key `description` is written twice", "models/schema.yml:4:5"];
    folder.expect(0, &["run"]).shows(&expected);
}

#[test]
fn a_project_file_that_is_empty_or_no_text_is_an_error() {
    check(&[("dbt_project.yml", "")], &["run"], &["dbt_project.yml must be a mapping, found nothing"]);
    let folder = Folder::new(&[]);
    folder.write("dbt_project.yml", b"name: \xff\xfe\n");
    folder.expect(2, &["run"]).shows(&["error[file-not-utf8]: `dbt_project.yml` is not UTF-8 text"]);
}

#[test]
fn references_that_lead_nowhere_stop_the_run() {
    check(
        &[("models/stg_orders.sql", "select 1 as id"), ("models/orders.sql", "select *\nfrom {{ ref('stg_ordrs') }}")],
        &["run"],
        &[
            "error[ref-not-found]: model `orders` refers to `stg_ordrs`, which does not exist",
            "models/orders.sql:2:9",
            "did you mean `stg_orders`?",
        ],
    );
    check(
        &[
            ("models/old.sql", "{{ config(enabled=false) }} select 1 as id"),
            ("models/new.sql", "select * from {{ ref('old') }}"),
        ],
        &["run"],
        &["model `new` refers to `old`, which is disabled", "models/new.sql:1:18"],
    );
    check(
        &[
            ("models/a.sql", "select * from {{ ref('b') }}"),
            ("models/b.sql", "select * from {{ ref('c') }}"),
            ("models/c.sql", "select * from {{ ref('a') }}"),
        ],
        &["run"],
        &["error[cycle]: Found a cycle: model.shop.a --> model.shop.c --> model.shop.b --> model.shop.a"],
    );
}

#[test]
fn two_models_of_one_name_are_both_shown() {
    check(
        &[("models/x/orders.sql", "select 1 as id"), ("models/y/orders.sql", "select 2 as id")],
        &["run"],
        &[
            "error[duplicate-name]: model `orders` is defined twice in package `shop`",
            "models/y/orders.sql:1:1",
            "models/x/orders.sql:1:1",
            "first defined here",
        ],
    );
}
