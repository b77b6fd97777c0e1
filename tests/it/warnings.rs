//! What becomes of warnings, and what goes with every statement: promotion, silence, deprecations, query comments, secrets.

use std::{fs, path::Path};

use super::binary::{Folder, Ran, ran};

#[test]
fn warnings_are_promoted_and_silenced_by_their_events() {
    let folder = Folder::new(&[
        ("models/a.sql", "select 1 as id"),
        (
            "models/s.yml",
            "models:\n  - name: nothing\n  - name: a\n    columns:\n      - name: id\n        data_tests: [{accepted_values: {arguments: {values: [2]}, config: {severity: warn}}}]\n",
        ),
    ]);
    let options = |text: &'static str| vec!["--warn-error-options", text, "build"];
    for (args, status, shown, hidden) in [
        (vec!["build"], 0, "[WARNING][NoNodeForYamlKey]", "error"),
        (vec!["--warn-error", "build"], 2, "error[properties-without-node]", "PASS="),
        (options("{error: [NoNodeForYamlKey]}"), 2, "error[properties-without-node]", "PASS="),
        (options("{error: [LogTestResult]}"), 1, "FAIL 1", "WARN 1"),
        (options("{error: all, warn: [NoNodeForYamlKey, LogTestResult]}"), 0, "WARN=1", "error["),
        (options("{silence: [NoNodeForYamlKey]}"), 0, "WARN=1", "NoNodeForYamlKey"),
        (options("{error: [NoNodeForYamlKeys]}"), 2, "did you mean `NoNodeForYamlKey`?", "PASS="),
        (options("{warn: [NothingToDo]}"), 2, "`warn` makes exceptions", "PASS="),
        (options("{include: [NothingToDo]}"), 0, "WEOIncludeExcludeDeprecation", "error["),
    ] {
        let ran = folder.expect(status, &args);
        assert!(ran.text().contains(shown), "{args:?}: {shown} is missing in\n{}", ran.text());
        assert!(!ran.text().contains(hidden), "{args:?}: {hidden} in\n{}", ran.text());
    }
    folder.write(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nflags: {warn_error_options: {error: [NoNodeForYamlKey]}}\n",
    );
    folder.expect(2, &["build"]).shows(&["error[properties-without-node]"]);
}

#[test]
fn deprecations_are_counted_at_the_end() {
    let folder = Folder::new(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels:\n  shop:\n    materialized: table\n    +enabled: true\n    +materialised: view\n",
        ),
        ("models/a.sql", "select 1 as id"),
        ("macros/m.sql", "{% macro m() %}1{% endmacro %}\n{% endmacro %}\n"),
    ]);
    let ran = folder.expect(0, &["run", "-m", "a"]);
    ran.shows(&[
        "unexpected `endmacro`",
        "did you mean `+materialized`?",
        "[WARNING][DeprecationsSummary]: Summary of encountered deprecations:",
        "- CustomKeyInConfigDeprecation: 1 occurrence",
        "- MissingPlusPrefixDeprecation: 1 occurrence",
        "- ModelParamUsageDeprecation: 1 occurrence",
        "- UnexpectedJinjaBlockDeprecation: 1 occurrence",
    ]);
    // The slip is kept as a config of the user's own.
    assert!(ran.text().contains("sql table model main.a"), "{}", ran.text());
    folder.expect(2, &["--warn-error-options", "{error: [Deprecations]}", "run"]);
}

#[test]
fn variables_that_mean_nothing_and_older_ones_are_told() {
    let folder = Folder::new(&[("models/a.sql", "select 1 as id")]);
    let with = |name: &str, value: &str| -> Ran { ran(folder.command(&["run"]).env(name, value).output().unwrap()) };
    with("DBT_ENGINE_FAIL_FATS", "1").shows(&["EnvironmentVariableNamespaceDeprecation", "DBT_ENGINE_FAIL_FATS"]);
    with("DBT_DEFER_TO_STATE", "1").shows(&["DBT_DEFER_TO_STATE is the older name of DBT_DEFER", "error[no-state]"]);
    with("DBT_ENGINE_DEFER", "1").shows(&["error[no-state]"]);
    with("DBT_WARN_ERROR_OPTIONS", "{error: [x]}").shows(&["there is no event `x`"]);
}

/// The statements that were sent, from the log.
fn sent(folder: &Folder) -> String {
    fs::read_to_string(folder.path("logs/dbt.log")).unwrap()
}

#[test]
fn every_statement_carries_the_comment_of_the_project() {
    let default = r#"/* {"app": "dbt", "dbt_version": "1.11.14", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.a"} */"#;
    let macros = "{% macro who(node) %}by {{ node.name if node else connection_name }}{% endmacro %}";
    for (comment, expected) in [
        ("", Some(format!("{default}\n"))),
        ("query-comment: sent by hand\n", Some("/* sent by hand */\n".to_owned())),
        (
            "query-comment: \"run {{ node.unique_id }} on {{ target.name }}\"\n",
            Some("/* run model.shop.a on dev */\n".to_owned()),
        ),
        ("query-comment: {comment: \"{{ who(node) }}\", append: true}\n", Some("\n/* by a */".to_owned())),
        ("query-comment: \"{{ return(target.name) }} unseen\"\n", Some("/* dev */\n".to_owned())),
        ("query-comment: {comment: x, job-label: true}\n", Some("/* x */\n".to_owned())),
        ("query-comment: null\n", None),
        ("query-comment: ''\n", None),
    ] {
        let project = format!("name: shop\nprofile: shop\n{comment}");
        let folder =
            Folder::new(&[("dbt_project.yml", &project), ("models/a.sql", "select 1 as id"), ("macros/m.sql", macros)]);
        folder.expect(0, &["-q", "run"]);
        let log = sent(&folder);
        match expected {
            Some(expected) => assert!(log.contains(&expected), "{comment}: {expected} is missing in\n{log}"),
            None => assert!(!log.contains("/* "), "{comment}: a comment in\n{log}"),
        }
        let stored = fs::read_to_string(folder.path("target/run/shop/models/a.sql")).unwrap();
        assert!(!stored.contains("/*"), "{stored}");
    }
}

#[test]
fn a_comment_does_not_move_errors_and_cannot_end_itself() {
    let project = |comment: &str| format!("name: shop\nprofile: shop\nquery-comment: \"{comment}\"\n");
    let folder = Folder::new(&[
        ("dbt_project.yml", &project("two\\nlines")),
        ("models/a.sql", "select\n  1 as id,\n  nothing as x"),
    ]);
    folder.expect(1, &["run"]).shows(&["models/a.sql:3:3"]);
    folder.write("dbt_project.yml", project("x */ drop table y"));
    folder.expect(1, &["run"]).shows(&["which would end it"]);
    folder.write("dbt_project.yml", project("{{ oops"));
    folder.expect(2, &["run"]).shows(&["error[jinja-syntax]", "dbt_project.yml:3:"]);
}

/// All files under a folder that hold a text.
fn holding(folder: &Path, text: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding(&path, text, found);
        } else if fs::read(&path).unwrap().windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
}

#[test]
fn a_secret_is_nowhere_to_be_found() {
    const CANARY: &str = "kanari-7431";
    let profile = "shop:\n  target: dev\n  outputs:\n    dev:\n      type: datafusion\n      path: warehouse\n      schema: main\n      \
                   token_of_mine: \"{{ env_var('DBT_ENV_SECRET_BIRD') }}\"\n      \
                   pieces: \"{{ env_var('DBT_ENV_SECRET_BIRD') | list | join('.') }}\"\n";
    let folder = Folder::new(&[
        ("profiles.yml", profile),
        ("models/a.sql", "select '{{ target | tojson }}' as t, '{{ target.token_of_mine | list | join }}' as x"),
        ("models/b.sql", "{{ log(target.token_of_mine ~ target, info=true) }} select '{{ var('leak', '') }}' as leak"),
        (
            "macros/m.sql",
            "{% macro tell() %}{{ print(target) }}{{ exceptions.raise_compiler_error(target.token_of_mine[:4] ~ var('leak', '')) }}{% endmacro %}",
        ),
    ]);
    let leak = format!("{{leak: {CANARY}}}");
    for args in [
        &["-d", "run", "--vars", &leak][..],
        &["--log-format", "json", "-d", "run", "--vars", &leak],
        &["-d", "run-operation", "tell", "--vars", &leak],
        &["debug"],
        &["docs", "generate"],
        &["compile", "-s", "c"],
    ] {
        if args[0] == "compile" {
            folder.write("models/c.sql", "select '{{ env_var('DBT_ENV_SECRET_BIRD') }}' as x");
        }
        let ran = ran(folder.command(args).env("DBT_ENV_SECRET_BIRD", CANARY).output().unwrap());
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!told.contains(CANARY) && !told.contains("k.a.n.a.r.i"), "{args:?} tells the secret:\n{told}");
    }
    // The user's own variable is compiled into the user's own SQL; that is where it was put.
    let mut found = Vec::new();
    for place in ["logs", "target"] {
        holding(&folder.path(place), CANARY, &mut found);
        holding(&folder.path(place), "k.a.n.a.r.i", &mut found);
    }
    found.retain(|path| !path.contains("/compiled/") && !path.contains("/run/"));
    assert!(found.is_empty(), "the secret is in {found:?}");
    let compiled = fs::read_to_string(folder.path("target/compiled/shop/models/a.sql")).unwrap();
    assert!(!compiled.contains("kan"), "{compiled}");
}
