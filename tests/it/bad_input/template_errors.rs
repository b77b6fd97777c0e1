//! Templates that do not parse, ask for what is not there, or never end.

use super::{old_table_is_kept, with_old_table};

#[test]
fn a_template_that_is_not_closed_is_shown_where_it_was_opened() {
    for (text, expected, place) in [
        ("select\n{% if true %}\n1 as id", "`if` is not closed: missing `{% endif %}`", "models/bad.sql:2:1"),
        ("select {{ 1 ", "error[jinja-syntax]", "models/bad.sql:1:"),
        ("select 1 {# open", "missing end of comment tag: `#}`", "models/bad.sql:1:10"),
        ("select 1 {% endif %}", "unexpected `endif`", "models/bad.sql:1:13"),
        ("{% macro a() %}", "error[jinja-syntax]", "models/bad.sql:1:"),
    ] {
        let folder = with_old_table(&[("models/bad.sql", text)]);
        folder.expect(2, &["run"]).shows(&["error[jinja-syntax]", place]);
        folder.expect(2, &["parse"]).shows(&[expected]);
    }
}

#[test]
fn an_unknown_macro_fails_its_model_alone() {
    let macros = "{% macro cents(column) %}{{ column }} / 100{% endmacro %}";
    let folder = with_old_table(&[
        ("macros/cents.sql", macros),
        ("models/bad.sql", "select {{ cent('amount') }} as x"),
        ("models/good.sql", "select 1 as id"),
    ]);
    let ran = folder.expect(1, &["run"]);
    ran.shows(&["Compilation Error in model bad (models/bad.sql)", "'cent' is undefined", "models/bad.sql:1:11"]);
    ran.shows(&["PASS=2 WARN=0 ERROR=1 SKIP=0"]);
    old_table_is_kept(&folder);
}

#[test]
fn recursion_without_end_is_an_error_of_a_few_lines() {
    let folder = with_old_table(&[
        ("macros/forever.sql", "{% macro forever(n) %}{{ forever(n + 1) }}{% endmacro %}"),
        ("models/bad.sql", "select {{ forever(1) }}"),
    ]);
    let ran = folder.expect(2, &["run"]);
    ran.shows(&["error[jinja-limit]: the template is nested too deeply", "macros/forever.sql:1:", "times"]);
    assert!(ran.text().lines().count() < 20, "{}", ran.text());
}

#[test]
fn sizes_without_limit_are_refused() {
    for (text, expected) in [
        ("select {% for i in range(1000000000) %}{{ i }},{% endfor %} 1", "range too big"),
        ("select '{{ 'x' * 10000000000 }}'", "a value of 10000000000 bytes or items is too large"),
        ("select {{ 10 ** 10 ** 10 }}", "error[jinja-"),
    ] {
        let folder = with_old_table(&[("models/bad.sql", text)]);
        folder.expect(2, &["run"]).shows(&[expected, "models/bad.sql:1:"]);
    }
}

#[test]
fn a_variable_that_is_not_given_fails_its_model_alone() {
    let folder = with_old_table(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\nvars: {start_date: '2024-01-01'}\n"),
        ("models/bad.sql", "select {{ var('start_dat') }} as x"),
        ("models/below.sql", "select * from {{ ref('bad') }}"),
    ]);
    let ran = folder.expect(1, &["run"]);
    ran.shows(&["Required var 'start_dat' not found", "did you mean 'start_date'?", "models/bad.sql:1:11"]);
    ran.shows(&["PASS=1 WARN=0 ERROR=1 SKIP=1"]);
}

#[test]
fn an_unknown_materialization_is_named() {
    let folder = with_old_table(&[("models/bad.sql", "{{ config(materialized='tabel') }} select 1 as id")]);
    let ran = folder.run(&["run"]);
    assert_ne!(ran.status, 0);
    ran.shows(&["No materialization 'tabel' was found"]);
    old_table_is_kept(&folder);
}
