//! What happens around the program: a disk that is full or read-only, a kill in the middle, other runs at the same time.
//! The old tables stay readable, the next run works, and there is no litter.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::binary::{Folder, Ran, command};

/// A table of `rows` rows whose content says which run made it.
const REPLACED: &str = "{{ config(materialized='table') }}
select {{ var('run', 1) }} as run, value as id, md5(cast(value as varchar)) as hash
from generate_series(1, {{ var('rows', 1000) }}) as numbers(value)";

/// Every run adds the row after the last one.
const COUNTER: &str = "{{ config(materialized='incremental') }}
{% if is_incremental() %}
select max(id) + 1 as id from {{ this }}
{% else %}
select 1 as id
{% endif %}";

fn start(folder: &Folder, args: &[&str]) -> Child {
    folder.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Ran {
    crate::binary::ran(child.wait_with_output().unwrap())
}

/// All files below the warehouse that are neither a table's nor the lock of one.
fn litter(folder: &Folder) -> BTreeSet<PathBuf> {
    let root = folder.path("warehouse");
    let mut found = BTreeSet::new();
    walk(&root, &mut found);
    let named = |path: &Path| path.strip_prefix(&root).unwrap().to_path_buf();
    found
        .into_iter()
        .map(|path| named(&path))
        .filter(|path| !path.starts_with("_tamis/locks") && !path.starts_with("main/t"))
        .collect()
}

fn walk(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { _ = found.insert(path) }
    }
}

/// Data files of the table `t` that no version of its log knows.
fn unknown_files(folder: &Folder) -> Vec<String> {
    let table = folder.path("warehouse/main/t");
    let mut log = String::new();
    for entry in fs::read_dir(table.join("_delta_log")).unwrap() {
        log += &String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap());
    }
    let files = fs::read_dir(&table).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter(|name| name != "_delta_log" && !log.contains(name.as_str())).collect()
}

#[track_caller]
fn clean(folder: &Folder) {
    assert_eq!(litter(folder), BTreeSet::new());
    assert_eq!(unknown_files(folder), Vec::<String>::new());
}

#[track_caller]
fn is_of_run(folder: &Folder, run: i64, rows: i64) {
    let sql = "select run, count(*) as n, count(distinct id) as ids from {{ ref('t') }} group by 1";
    assert_eq!(folder.rows(sql), [format!(r#"{{"run":{run},"n":{rows},"ids":{rows}}}"#)]);
}

#[test]
fn after_a_kill_in_the_middle_the_old_table_is_there_and_the_next_run_leaves_no_litter() {
    let folder = Folder::new(&[("models/t.sql", REPLACED)]);
    folder.expect(0, &["-q", "run"]);
    let mut child = start(&folder, &["-q", "run", "--vars", "{run: 2, rows: 300000000}"]);
    let begun = Instant::now();
    while litter(&folder).iter().all(|path| !path.to_string_lossy().contains(".parquet")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing was written");
        sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!litter(&folder).is_empty(), "the kill came in the middle");
    is_of_run(&folder, 1, 1000);
    folder.expect(0, &["-q", "run", "--vars", "{run: 3}"]);
    is_of_run(&folder, 3, 1000);
    clean(&folder);
}

#[test]
fn a_table_that_two_runs_replace_at_once_is_wholly_of_one() {
    let folder = Folder::new(&[("models/t.sql", REPLACED)]);
    let second = start(&folder, &["-q", "run", "--target-path", "target2", "--vars", "{run: 2, rows: 200000}"]);
    let third = start(&folder, &["-q", "run", "--target-path", "target3", "--vars", "{run: 3, rows: 200000}"]);
    for ran in [end(second), end(third)] {
        assert_eq!(ran.status, 0, "{}", ran.text());
    }
    let rows = folder.rows("select run, count(*) as n, count(distinct id) as ids from {{ ref('t') }} group by 1");
    let whole = |run: i64| format!(r#"{{"run":{run},"n":200000,"ids":200000}}"#);
    assert!(rows == [whole(2)] || rows == [whole(3)], "{rows:?}");
    clean(&folder);
}

#[test]
fn runs_that_read_what_they_add_to_never_double_a_row() {
    let folder = Folder::new(&[("models/t.sql", COUNTER)]);
    folder.expect(0, &["-q", "run"]);
    let children: Vec<Child> =
        (0..4).map(|n| start(&folder, &["run", "--target-path", &format!("target{n}")])).collect();
    let mut added = 0;
    for child in children {
        let ran = end(child);
        match ran.status {
            0 => added += 1,
            // A run that lost twice says so.
            _ => ran.shows(&["error[conflict]: \"tamis\".\"main\".\"t\" was changed by another run at the same time"]),
        }
    }
    assert!(added > 0);
    let expected: Vec<String> = (1..=1 + added).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    assert_eq!(folder.rows("select id from {{ ref('t') }} order by id"), expected);
    clean(&folder);
}

#[test]
fn rows_that_are_replaced_are_deleted_and_added_in_one_commit() {
    let model = "{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id') }}
select 1 as id, {{ var('run', 1) }} as run union all select {{ var('run', 1) }} + 1, {{ var('run', 1) }}";
    let folder = Folder::new(&[("models/t.sql", model)]);
    let versions = || fs::read_dir(folder.path("warehouse/main/t/_delta_log")).unwrap().count();
    folder.expect(0, &["-q", "run"]);
    assert_eq!(versions(), 1);
    folder.expect(0, &["-q", "run", "--vars", "{run: 2}"]);
    assert_eq!(versions(), 2, "a crash between the two would lose rows");
    let rows = folder.rows("select id, run from {{ ref('t') }} order by id");
    assert_eq!(rows, [r#"{"id":1,"run":2}"#, r#"{"id":2,"run":1}"#, r#"{"id":3,"run":2}"#]);
}

/// A limit on the size of files is what a full disk looks like to a process: the write fails.
#[cfg(unix)]
#[test]
fn a_write_that_fails_midway_leaves_the_old_table() {
    let folder = Folder::new(&[("models/t.sql", REPLACED)]);
    folder.expect(0, &["-q", "run"]);
    let tamis = folder.command(&["run", "--vars", "{run: 2, rows: 300000}"]);
    let mut limited = Command::new("sh");
    // Files of at most one or two megabytes, by the shell's unit. The signal is ignored, so that the write gets an error.
    limited.arg("-c").arg("trap '' XFSZ; ulimit -f 2000; exec \"$@\"").arg("sh").arg(tamis.get_program());
    limited.args(tamis.get_args()).current_dir(folder.root.path()).env("HOME", folder.root.path());
    let ran = crate::binary::ran(limited.output().unwrap());
    assert_eq!(ran.status, 1, "{}", ran.text());
    ran.shows(&["Database Error in model t (models/t.sql)", "cannot read or write the warehouse: ", "File too large"]);
    is_of_run(&folder, 1, 1000);
    clean(&folder);
    folder.expect(0, &["-q", "run", "--vars", "{run: 3}"]);
    is_of_run(&folder, 3, 1000);
}

#[test]
fn a_warehouse_that_is_a_file_is_an_error() {
    let folder = Folder::new(&[("models/t.sql", REPLACED), ("warehouse", "not a folder")]);
    folder.expect(2, &["run"]).shows(&["error[warehouse]", "must be a folder", "warehouse is a file"]);
    assert_eq!(fs::read(folder.path("warehouse")).unwrap(), b"not a folder");
}

/// A warehouse mounted read-only, which needs the rights of an administrator, as permissions do not bind them.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_warehouse_can_be_read_and_says_why_it_is_not_written() {
    let folder = Folder::new(&[("models/t.sql", REPLACED)]);
    folder.expect(0, &["-q", "run"]);
    let mount = "mount --bind warehouse warehouse && mount -o remount,ro,bind warehouse";
    let read_only = |args: &[&str]| {
        let tamis = command(folder.root.path(), args);
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &format!("{mount} && exec \"$@\""), "sh"]).arg(tamis.get_program());
        crate::binary::ran(
            command
                .args(tamis.get_args())
                .current_dir(folder.root.path())
                .env("HOME", folder.root.path())
                .output()
                .unwrap(),
        )
    };
    let possible = Command::new("unshare").args(["-m", "sh", "-c", mount]).current_dir(folder.root.path()).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this test mounts a folder, which this user must not");
        return;
    }
    let ran = read_only(&["run", "--vars", "{run: 2}"]);
    assert_eq!(ran.status, 1, "{}", ran.text());
    ran.shows(&["Read-only file system"]);
    let ran = read_only(&["-q", "show", "--inline", "select max(run) as run from {{ ref('t') }}", "--output", "json"]);
    assert_eq!(ran.status, 0, "{}", ran.text());
    ran.shows(&["\"run\": 1"]);
    is_of_run(&folder, 1, 1000);
}

/// A table whose folder refuses changes, which needs a file system with that attribute.
#[cfg(target_os = "linux")]
#[test]
fn a_table_that_cannot_be_written_stays_as_it_was() {
    let folder = Folder::new(&[("models/t.sql", REPLACED)]);
    folder.expect(0, &["-q", "run"]);
    let paths = [folder.path("warehouse/main/t"), folder.path("warehouse/main/t/_delta_log")];
    let chattr =
        |flag: &str| Command::new("chattr").arg(flag).args(&paths).output().is_ok_and(|done| done.status.success());
    if !chattr("+i") {
        chattr("-i");
        eprintln!("skipped: this test makes folders immutable, which this user or file system cannot");
        return;
    }
    let ran = folder.run(&["run", "--vars", "{run: 2}"]);
    chattr("-i");
    assert_eq!(ran.status, 1, "{}", ran.text());
    ran.shows(&["Database Error in model t", "cannot write table \"tamis\".\"main\".\"t\": Operation not permitted"]);
    is_of_run(&folder, 1, 1000);
    clean(&folder);
}
