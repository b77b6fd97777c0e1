//! SQL that does not parse, does not fit the data, or does not fit its types: never a silent wrong answer.

use super::{old_table_is_kept, with_old_table};

const BASE: (&str, &str) = ("models/base.sql", "select 1 as id, 2 as amount, 'x' as name");

/// A table model over `base`, and what its user reads; the old table and the other models are not touched.
#[track_caller]
fn check(select: &str, expected: &[&str]) {
    let model = format!("{{{{ config(materialized='table') }}}}\n{select} from {{{{ ref('base') }}}}\n");
    let folder = with_old_table(&[BASE, ("models/bad.sql", &model)]);
    let ran = folder.expect(1, &["run"]);
    ran.shows(&["Database Error in model bad (models/bad.sql)"]);
    ran.shows(expected);
    ran.shows(&["models/bad.sql:2:"]);
    ran.shows(&["PASS=2 WARN=0 ERROR=1 SKIP=0"]);
    assert!(!folder.path("warehouse/main/bad").exists(), "no half table");
    old_table_is_kept(&folder);
}

#[test]
fn sql_that_does_not_parse_is_shown_in_the_model() {
    check("selec id", &["error[database-error]: syntax error at or near \"selec\"", "models/bad.sql:2:1"]);
    check("select (id", &["error[database-error]: syntax error"]);
}

#[test]
fn an_unknown_column_names_the_near_one() {
    check("select id, amuont", &["column `amuont` does not exist", "models/bad.sql:2:12", "did you mean `amount`?"]);
}

#[test]
fn types_that_clash_are_an_error() {
    check("select id + name as x", &["cannot coerce", "bigint + varchar", "models/bad.sql:2:8"]);
    check("select cast(name as int) as x", &["cannot cast string 'x'"]);
}

#[test]
fn division_by_zero_says_how_to_get_null() {
    check("select amount / (id - 1) as x", &["division by zero; write `a / nullif(b, 0)`"]);
}

#[test]
fn overflow_is_an_error() {
    check(
        "select 9223372036854775807 + id as x",
        &["a number is out of the range of its type", "cast to a wider type"],
    );
}

#[test]
fn a_failed_model_leaves_its_old_table_and_skips_what_depends_on_it() {
    let folder = with_old_table(&[
        ("models/kept.sql", "{{ config(materialized='table') }} select 1 / 0 as id"),
        ("models/below.sql", "select * from {{ ref('kept') }}"),
    ]);
    folder.expect(1, &["run"]).shows(&["division by zero", "PASS=0 WARN=0 ERROR=1 SKIP=1"]);
    old_table_is_kept(&folder);
}

#[test]
fn a_failed_hook_or_test_is_an_error_with_its_place() {
    let folder = with_old_table(&[
        ("models/kept.sql", "{{ config(materialized='table', post_hook='selec 1') }} select 1 as id"),
        ("tests/business.sql", "select * from {{ ref('kept') }} where nothing = 1"),
    ]);
    folder.expect(1, &["run"]).shows(&["Database Error in model kept", "syntax error"]);
    let ran = folder.expect(1, &["test"]);
    ran.shows(&["Database Error in test business", "column `nothing` does not exist", "tests/business.sql:1:39"]);
}
