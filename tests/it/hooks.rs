//! Hooks of the project and of seeds: what is said of them, and how one that fails ends a command. Each as dbt does it.

use super::binary::Folder;

const START: &str =
    "{% macro look() %}{% if execute %}{% do run_query('select * from nowhere') %}{% endif %}{% endmacro %}";

fn with_hooks(hooks: &str) -> Folder {
    let project = format!("name: shop\nversion: '1.0'\nprofile: shop\n{hooks}\n");
    Folder::new(&[
        ("dbt_project.yml", project.as_str()),
        ("macros/look.sql", START),
        ("models/a.sql", "{{ config(materialized='table') }} select 1 as id"),
        ("seeds/s.csv", "id\n1\n"),
    ])
}

#[test]
fn a_statement_that_fails_skips_the_hooks_after_it_and_not_the_models() {
    let folder = with_hooks(r#"on-run-start: ["select 1", "select * from nowhere", "select 2"]"#);
    let ran = folder.expect(1, &["run"]);
    ran.shows(&[
        "Concurrency: 2 threads",
        "1 of 3 OK hook: shop.on-run-start.0",
        "2 of 3 ERROR hook: shop.on-run-start.1",
        "3 of 3 SKIP hook: shop.on-run-start.2",
        "1 of 1 OK created sql table model main.a",
        "Done. PASS=2 WARN=0 ERROR=1 SKIP=1",
    ]);
}

#[test]
fn a_hook_that_cannot_be_rendered_ends_the_command() {
    let folder = with_hooks(r#"on-run-start: "{{ look() }}""#);
    folder.expect(2, &["run"]).shows(&["Encountered an error", "nowhere", "in macro `shop.look`"]);
    assert!(!folder.path("warehouse/main/a").exists(), "no model is run after it");
    let folder = with_hooks(r#"on-run-end: ["select 1", "{{ look() }}", "select 2"]"#);
    let ran = folder.expect(2, &["run"]);
    ran.shows(&["1 of 3 OK hook: shop.on-run-end.0", "Encountered an error", "nowhere"]);
    let results = std::fs::read_to_string(folder.path("target/run_results.json")).unwrap();
    assert!(results.contains("model.shop.a"), "what ran before is in the results");
}

#[test]
fn a_hook_of_a_seed_depends_on_nothing() {
    for hook in ["ref('a')", "source('s', 't')"] {
        let folder = with_hooks(&format!("seeds: {{+post-hook: \"select * from {{{{ {hook} }}}}\"}}"));
        folder.expect(2, &["parse"]).shows(&["error[ref-not-allowed]: Seeds cannot depend on other nodes"]);
    }
    let folder = with_hooks("seeds: {+post-hook: \"select * from {{ this }}\"}");
    folder.expect(0, &["seed"]);
}
