//! Microbatch models: which windows are built, what a failed one leaves, and samples of time.

use std::fs;

use super::binary::{Folder, Ran};

const EVENTS: &str = "{{ config(materialized='table', event_time='ts') }}
select * from (values (1, timestamp '2024-01-01 01:00:00'), (2, timestamp '2024-01-02 02:00:00'),
    (3, timestamp '2024-01-03 03:00:00'), (4, timestamp '2024-01-04 00:00:00')) as t(id, ts)
where id <= {{ var('until', 4) }}";

fn with_model(config: &str, select: &str) -> Folder {
    let model = format!(
        "{{{{ config(materialized='incremental', incremental_strategy='microbatch', begin='2024-01-01', {config}) }}}}\n{select}"
    );
    Folder::new(&[
        ("models/events.sql", EVENTS),
        ("models/daily.sql", &model),
        ("models/down.sql", "select count(*) as n from {{ ref('daily') }}"),
    ])
}

fn daily() -> Folder {
    with_model(
        "event_time='ts', batch_size='day'",
        "select id, ts, '{{ model.batch.id }}' as batch, {{ is_incremental() }} as adds,
         cast(case when cast(id as varchar) = '{{ var('bad', '') }}' then 'x' else '1' end as integer) as v
         from {{ ref('events') }}",
    )
}

const FOUR_DAYS: [&str; 4] = ["--event-time-start", "2024-01-01", "--event-time-end", "2024-01-04 12:00:00"];

#[track_caller]
fn build(folder: &Folder, status: i32, args: &[&str]) -> Ran {
    folder.expect(status, &[&["build"], &FOUR_DAYS[..], args].concat())
}

/// `id batch adds` of each row.
#[track_caller]
fn rows(folder: &Folder) -> String {
    let rows = folder.rows(
        "select id || ' ' || batch || case when adds then '+' else '' end as row from {{ ref('daily') }} order by id",
    );
    let rows = rows.iter().map(|row| row.trim_start_matches("{\"row\":\"").trim_end_matches("\"}").to_owned());
    rows.collect::<Vec<_>>().join(", ")
}

/// Starts of the batches of run_results.json: `done: …; failed: …`.
fn batches(folder: &Folder) -> String {
    let text = fs::read_to_string(folder.path("target/run_results.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let result = json["results"].as_array().unwrap().iter().find(|one| one["unique_id"] == "model.shop.daily").unwrap();
    let days = |key: &str| {
        let batches = result["batch_results"][key].as_array().unwrap().iter();
        batches.map(|batch| batch[0].as_str().unwrap()[8..10].to_owned()).collect::<Vec<_>>().join(" ")
    };
    format!("{}: done {}, failed {}", result["message"].as_str().unwrap(), days("successful"), days("failed"))
}

#[test]
fn each_window_is_a_query_of_its_own_and_a_second_run_doubles_nothing() {
    let folder = daily();
    let ran = build(&folder, 0, &[]);
    ran.shows(&[
        "2 of 3 START sql microbatch model main.daily",
        "Batch 1 of 4 START batch 2024-01-01 of main.daily .................................... [RUN]",
        "Batch 1 of 4 OK created batch 2024-01-01 of main.daily",
        "Batch 4 of 4 OK created batch 2024-01-04 of main.daily",
        "2 of 3 OK created sql microbatch model main.daily .............................. [SUCCESS in",
    ]);
    assert_eq!(rows(&folder), "1 20240101, 2 20240102+, 3 20240103+, 4 20240104+");
    assert_eq!(batches(&folder), "SUCCESS: done 01 02 03 04, failed ");
    for kind in ["compiled", "run"] {
        let sql = folder.path(&format!("target/{kind}/shop/models/daily/daily_2024-01-02.sql"));
        assert!(fs::read_to_string(&sql).unwrap().contains("2024-01-02 00:00:00"), "{}", sql.display());
    }
    build(&folder, 0, &[]);
    assert_eq!(rows(&folder), "1 20240101+, 2 20240102+, 3 20240103+, 4 20240104+");
}

#[test]
fn a_failed_window_keeps_its_rows_and_the_others_are_built() {
    let folder = daily();
    build(&folder, 0, &[]);
    let ran = build(&folder, 1, &["--vars", "{bad: 3}"]);
    ran.shows(&[
        "Batch 3 of 4 ERROR creating batch 2024-01-03 of main.daily",
        "Batch 4 of 4 OK created batch 2024-01-04 of main.daily",
        "2 of 3 PARTIALLY created sql microbatch model main.daily",
        "[PARTIAL SUCCESS (3/4) in",
        "SKIP relation main.down",
        "Completed with 1 partial success and 0 warnings",
        "Failure in model daily (models/daily.sql)",
        "cannot cast string 'x' to value of integer type",
    ]);
    assert_eq!(batches(&folder), "PARTIAL SUCCESS (3/4): done 01 02 04, failed 03");
    assert_eq!(rows(&folder), "1 20240101+, 2 20240102+, 3 20240103+, 4 20240104+");
}

#[test]
fn when_the_first_window_fails_the_others_are_skipped() {
    let folder = daily();
    let ran = build(&folder, 1, &["--vars", "{bad: 1}"]);
    ran.shows(&[
        "Batch 1 of 4 ERROR creating batch 2024-01-01",
        "Batch 2 of 4 SKIP batch 2024-01-02",
        "Batch 4 of 4 SKIP batch 2024-01-04",
        "2 of 3 ERROR creating sql microbatch model main.daily",
    ]);
    assert_eq!(batches(&folder), "ERROR: done , failed 01 02 03 04");
}

#[test]
fn a_full_refresh_builds_all_windows_anew_and_drops_what_was_before() {
    let folder = daily();
    build(&folder, 0, &[]);
    let two = ["run", "--full-refresh", "--event-time-start", "2024-01-02", "--event-time-end", "2024-01-04"];
    folder.expect(0, &two);
    assert_eq!(rows(&folder), "2 20240102, 3 20240103+");
}

#[test]
fn hooks_run_before_the_first_window_and_after_the_last() {
    let folder = with_model(
        "event_time='ts', batch_size='day', pre_hook=\"insert into main.log select 'before {{ model.batch.id }}'\", \
         post_hook=\"insert into main.log select 'after {{ model.batch.id }}'\"",
        "-- depends_on: {{ ref('log') }}\nselect * from {{ ref('events') }}",
    );
    folder.write("models/log.sql", "{{ config(materialized='table') }} select 'made' as what");
    build(&folder, 0, &[]);
    assert_eq!(
        folder.rows("select what from main.log order by what"),
        [r#"{"what":"after 20240104"}"#, r#"{"what":"before 20240101"}"#, r#"{"what":"made"}"#]
    );
}

#[test]
fn event_times_may_be_days_or_have_a_zone_and_inputs_without_one_are_read_whole() {
    for (column, input) in [
        ("cast(ts as date)", "{{ ref('events') }}"),
        ("cast(ts as timestamp with time zone)", "{{ ref('events') }}"),
        // Each batch sees all rows, and keeps those of its window.
        ("ts", "{{ ref('events').render() }}"),
    ] {
        let folder = with_model(
            "event_time='happened', batch_size='month'",
            &format!("select id, {column} as happened from {{{{ ref('typed') }}}}"),
        );
        folder.write(
            "models/typed.sql",
            format!("{{{{ config(event_time='happened') }}}} select id, {column} as happened, ts from {input}"),
        );
        for _ in 0..2 {
            folder.expect(0, &["build", "--event-time-start", "2024-01-01", "--event-time-end", "2024-02-01"]);
        }
        assert_eq!(folder.rows("select count(*) as n from {{ ref('daily') }}"), [r#"{"n":4}"#], "{column} of {input}");
    }
    let folder = with_model("event_time='ts', batch_size='day'", "select id, ts from {{ ref('events').render() }}");
    for _ in 0..2 {
        build(&folder, 0, &[]);
        assert_eq!(folder.rows("select count(*) as n from {{ ref('daily') }}"), [r#"{"n":4}"#]);
    }
}

#[test]
fn a_sample_reads_a_window_of_each_input_with_an_event_time() {
    let folder = Folder::new(&[
        ("models/events.sql", EVENTS),
        ("models/all.sql", "{{ config(materialized='table') }} select id from {{ ref('events') }}"),
    ]);
    folder.expect(0, &["build", "--sample", "{start: 2024-01-02, end: 2024-01-04}"]);
    assert_eq!(folder.rows("select id from {{ ref('all') }} order by id"), [r#"{"id":2}"#, r#"{"id":3}"#]);
    folder.expect(0, &["build", "--sample", "3 days"]);
    assert!(folder.rows("select id from {{ ref('all') }}").is_empty(), "all rows are older");
    folder.expect(2, &["build", "--sample", "3 weeks"]).shows(&["--sample is `3 weeks`, expected a window of time"]);
    folder.expect(0, &["build", "--empty"]);
    assert!(folder.rows("select id from {{ ref('all') }}").is_empty());
}

#[test]
fn a_projects_own_macro_runs_once_per_model_unless_the_flag_is_set() {
    let own = "{% macro get_incremental_microbatch_sql(args) %}
        insert into {{ args.target_relation }} select * from {{ args.temp_relation }}{% endmacro %}";
    let folder = with_model("event_time='ts', batch_size='day'", "select id, ts from {{ ref('events') }}");
    folder.write("macros/own.sql", own);
    let ran = build(&folder, 0, &[]);
    ran.shows(&["MicrobatchMacroOutsideOfBatchesDeprecation", "2 of 3 OK created sql microbatch model main.daily"]);
    assert!(!ran.stdout.contains("Batch 1 of"), "{}", ran.stdout);
    folder.write(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nflags: {require_batched_execution_for_custom_microbatch_strategy: true}\n",
    );
    build(&folder, 0, &[]).shows(&["Batch 4 of 4 OK created batch 2024-01-04 of main.daily"]);
}

#[test]
fn retry_builds_the_windows_that_failed() {
    let folder = daily();
    build(&folder, 1, &["--vars", "{bad: 3}"]);
    assert_eq!(batches(&folder), "PARTIAL SUCCESS (3/4): done 01 02 04, failed 03");
    let ran = folder.expect(0, &["retry", "--vars", "{bad: 0}"]);
    ran.shows(&["Batch 1 of 1 START batch 2024-01-03 of main.daily", "main.down"]);
    assert!(!ran.text().contains("main.events"), "{}", ran.text());
    assert_eq!(batches(&folder), "SUCCESS: done 03 01 02 04, failed ");
    assert_eq!(folder.rows("select count(*) as n from {{ ref('daily') }}"), [r#"{"n":4}"#]);
}
