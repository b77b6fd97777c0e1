//! Snapshots from first run to later ones: what a change, a deletion and a new column leave in the table.

use super::binary::Folder;

/// People at steps 1, 2 and 3: bob is renamed, then cat goes and bob stays.
const PEOPLE: &str = "step,id,name,updated_at
1,1,ann,2024-01-01 00:00:00
1,2,bob,2024-01-01 00:00:00
1,3,cat,2024-01-01 00:00:00
2,1,ann,2024-01-01 00:00:00
2,2,rob,2024-01-02 00:00:00
2,3,cat,2024-01-01 00:00:00
3,1,ann,2024-01-01 00:00:00
3,2,rob,2024-01-02 00:00:00
4,1,ann,2024-01-01 00:00:00
4,2,rob,2024-01-02 00:00:00
4,3,cat,2024-01-01 00:00:00
";
const CURRENT: &str =
    "select id, name, updated_at {{ var('more', '') }} from {{ ref('people') }} where step = {{ var('step') }}";

fn with_snapshot(config: &str) -> Folder {
    let snapshot = format!(
        "{{% snapshot history %}}\n{{{{ config(unique_key='id', {config}) }}}}\nselect * from {{{{ ref('now') }}}}\n{{% endsnapshot %}}\n"
    );
    let folder = Folder::new(&[
        ("seeds/people.csv", PEOPLE),
        ("models/now.sql", CURRENT),
        ("snapshots/history.sql", &snapshot),
        ("models/down.sql", "select count(*) as n from {{ ref('history') }}"),
        ("snapshots/history.yml", "snapshots:\n  - name: history\n    columns: [{name: id, data_tests: [not_null]}]\n"),
    ]);
    folder.expect(0, &["-q", "seed"]);
    folder
}

#[track_caller]
fn at_step(folder: &Folder, step: u8) {
    let vars = format!("{{step: {step}}}");
    folder.expect(0, &["-q", "build", "--exclude", "people", "--vars", &vars]);
}

/// `id name from-to` with the days of January, `now` for the time of a run.
#[track_caller]
fn history(folder: &Folder) -> String {
    let day = |column: &str| {
        format!(
            "case when {column} is null then '' when {column} > timestamp '2025-01-01' then 'now' \
             else cast(date_part('day', {column}) as varchar) end"
        )
    };
    let rows = folder.rows(&format!(
        "select id || ' ' || name || ' ' || {} || '-' || {} as row from {{{{ ref('history') }}}} order by id, \
         dbt_valid_from, coalesce(dbt_valid_to, timestamp '2100-01-01')",
        day("dbt_valid_from"),
        day("dbt_valid_to")
    ));
    let rows = rows.iter().map(|row| row.trim_start_matches("{\"row\":\"").trim_end_matches("\"}").to_owned());
    rows.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_change_closes_the_old_row_and_a_second_run_changes_nothing() {
    for strategy in [
        "strategy='timestamp', updated_at='updated_at'",
        "strategy='check', check_cols=['name'], updated_at='updated_at'",
    ] {
        let folder = with_snapshot(strategy);
        at_step(&folder, 1);
        assert_eq!(history(&folder), "1 ann 1-, 2 bob 1-, 3 cat 1-", "{strategy}");
        at_step(&folder, 2);
        at_step(&folder, 2);
        assert_eq!(history(&folder), "1 ann 1-, 2 bob 1-2, 2 rob 2-, 3 cat 1-", "{strategy}");
    }
}

#[test]
fn rows_that_go_and_come_back() {
    for (hard_deletes, gone, back) in [
        ("ignore", "3 cat 1-", "3 cat 1-"),
        ("invalidate", "3 cat 1-now", "3 cat 1-now, 3 cat 1-"),
        // A deletion has a row of its own, which the row that comes back closes.
        ("new_record", "3 cat 1-now, 3 cat now-", "3 cat 1-now, 3 cat 1-, 3 cat now-1"),
    ] {
        let folder =
            with_snapshot(&format!("strategy='timestamp', updated_at='updated_at', hard_deletes='{hard_deletes}'"));
        for step in [2, 3, 3] {
            at_step(&folder, step);
        }
        assert_eq!(history(&folder), format!("1 ann 1-, 2 rob 2-, {gone}"), "{hard_deletes}");
        for step in [4, 4] {
            at_step(&folder, step);
        }
        assert_eq!(history(&folder), format!("1 ann 1-, 2 rob 2-, {back}"), "{hard_deletes}");
    }
}

#[test]
fn a_new_column_is_added_and_a_number_keeps_its_fraction() {
    let folder = with_snapshot("strategy='check', check_cols='all'");
    folder.expect(0, &["-q", "build", "--vars", "{step: 1, more: ', 1 as size'}"]);
    folder.expect(0, &["-q", "build", "--vars", "{step: 1, more: \", 1.5 as size, 'x' as kind\"}"]);
    assert_eq!(
        folder.rows(
            "select size, kind, dbt_valid_to is null as is_current from {{ ref('history') }} where id = 1 order by size"
        ),
        [r#"{"size":1,"kind":null,"is_current":false}"#, r#"{"size":1.5,"kind":"x","is_current":true}"#]
    );
}

#[test]
fn a_failure_leaves_the_table_as_it_was() {
    let folder = with_snapshot("strategy='timestamp', updated_at='updated_at'");
    at_step(&folder, 1);
    let before = history(&folder);
    for (vars, expected) in [
        // Rob's row is there twice, each newer than the snapshot's.
        (
            "{step: '2 or step = 3', more: \", 'x' as added\"}",
            "the query of snapshot `history` has several rows with the unique key 2",
        ),
        ("{step: 2, more: \", cast(name as integer) as added\"}", "cannot cast string 'ann' to value of integer type"),
    ] {
        let ran = folder.expect(1, &["build", "--exclude", "people", "--vars", vars]);
        ran.shows(&["Failure in snapshot history (snapshots/history.sql)", expected]);
        ran.shows(&["SKIP relation main.down"]);
        assert_eq!(history(&folder), before, "{vars}");
        assert!(!folder.rows("select * from {{ ref('history') }}")[0].contains("added"), "{vars}");
    }
}

#[test]
fn the_end_of_current_rows_and_the_names_of_columns_are_the_projects() {
    let folder = with_snapshot(
        "strategy='timestamp', updated_at='updated_at', dbt_valid_to_current=\"date '9999-12-31'\", \
         snapshot_meta_column_names={'dbt_valid_to': 'until', 'dbt_scd_id': 'state'}",
    );
    for step in [1, 2, 2] {
        at_step(&folder, step);
    }
    assert_eq!(
        folder.rows(
            "select name, until, state is not null as has_id from {{ ref('history') }} where id = 2 order by until"
        ),
        [
            r#"{"name":"bob","until":"2024-01-02T00:00:00","has_id":true}"#,
            r#"{"name":"rob","until":"9999-12-31T00:00:00","has_id":true}"#
        ]
    );
}

#[test]
fn the_command_runs_snapshots_alone() {
    let folder = with_snapshot("strategy='timestamp', updated_at='updated_at'");
    folder.expect(0, &["-q", "run", "-s", "now", "--vars", "{step: 1}"]);
    let ran = folder.expect(0, &["snapshot", "--vars", "{step: 1}"]);
    ran.shows(&["1 of 1 START snapshot main.history", "1 of 1 OK snapshotted main.history", "1 snapshot in"]);
    assert_eq!(
        folder.expect(0, &["-q", "ls", "--select", "resource_type:snapshot", "--vars", "{step: 1}"]).stdout,
        "shop.history.history\nshop.not_null_history_id\n"
    );
}

#[test]
fn a_snapshot_does_not_replace_a_view() {
    let folder = Folder::new(&[("models/place.sql", "{{ config(alias='history') }} select 1 as id, now() as at")]);
    folder.expect(0, &["-q", "run"]);
    folder.write("models/place.sql", "select 1 as id, now() as at");
    folder.write(
        "snapshots/history.yml",
        "snapshots:\n  - name: history\n    relation: ref('place')\n    config: {unique_key: id, strategy: timestamp, \
         updated_at: at}\n",
    );
    folder.expect(1, &["build"]).shows(&["Failure in snapshot history", "history"]);
    assert_eq!(folder.rows("select id from main.history"), [r#"{"id":1}"#], "the view");
}
