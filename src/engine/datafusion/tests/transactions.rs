//! BEGIN … COMMIT, conflicts, crashes and litter.

use super::harness::{Warehouse, open_at, text};
use crate::engine::{StatementOptions, TableOptions};

/// Log entries of a table.
fn versions(warehouse: &Warehouse, table: &str) -> usize {
    let log = warehouse.path(&format!("main/{table}/_delta_log"));
    std::fs::read_dir(log).map_or(0, |entries| {
        entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "json")).count()
    })
}

#[tokio::test]
async fn a_transaction_is_one_commit_per_table_and_reads_its_own_writes() {
    let warehouse = Warehouse::new().await;
    let other = warehouse.engine.session("other").await.unwrap();
    let options = StatementOptions::default();
    for (sql, expected) in [
        ("create table t as select 1 as id union all select 2", "CREATE TABLE AS 2"),
        ("begin", "BEGIN"),
        ("delete from t where id = 1", "DELETE 1"),
        ("insert into t values (3), (4)", "INSERT 2"),
        ("update t set id = 30 where id = 3", "UPDATE 1"),
        ("select * from t order by id", "id\n2\n4\n30"),
        ("create table n as select 7 as x", "CREATE TABLE AS 1"),
        ("insert into n values (8)", "INSERT 1"),
        ("select * from n order by x", "x\n7\n8"),
    ] {
        assert_eq!(warehouse.text(sql).await, expected, "{sql}");
    }
    assert_eq!(text(&other.execute("select * from t order by id", &options).await), "id\n1\n2");
    assert!(text(&other.execute("select * from n", &options).await).starts_with("error: relation"));
    assert_eq!(versions(&warehouse, "t"), 1);
    assert_eq!(warehouse.text("commit").await, "COMMIT");
    assert_eq!(text(&other.execute("select * from t order by id", &options).await), "id\n2\n4\n30");
    assert_eq!(text(&other.execute("select * from n order by x", &options).await), "x\n7\n8");
    assert_eq!((versions(&warehouse, "t"), versions(&warehouse, "n")), (2, 1));
}

#[tokio::test]
async fn rollback_leaves_everything_as_it_was() {
    let warehouse = Warehouse::new().await;
    for (sql, expected) in [
        ("create table t as select 1 as id", "CREATE TABLE AS 1"),
        ("begin; delete from t; insert into t values (5); create table n as select 1 as x; rollback", "ROLLBACK"),
        ("select * from t", "id\n1"),
        ("show tables", "database | schema | name | kind\nlake | main | t | table"),
        ("insert into t values (2)", "INSERT 1"),
        ("select * from t order by id", "id\n1\n2"),
    ] {
        assert_eq!(warehouse.text(sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_transaction_that_read_an_older_version_conflicts() {
    let warehouse = Warehouse::new().await;
    let other = warehouse.engine.session("other").await.unwrap();
    let options = StatementOptions::default();
    warehouse.sql("create table t as select 1 as id").await.unwrap();
    warehouse.sql("begin").await.unwrap();
    warehouse.sql("insert into t select max(id) + 1 from t").await.unwrap();
    other.execute("insert into t values (2)", &options).await.unwrap();
    let conflict = "error: \"lake\".\"main\".\"t\" was changed by another run at the same time";
    assert_eq!(warehouse.text("commit").await, conflict);
    let reader = warehouse.engine.session("reader").await.unwrap();
    let read = async || text(&reader.execute("select * from t order by id", &options).await);
    assert_eq!(read().await, "id\n1\n2");
    // What does not depend on the rows there are goes on top.
    warehouse.sql("begin").await.unwrap();
    warehouse.sql("insert into t values (10)").await.unwrap();
    other.execute("insert into t values (3)", &options).await.unwrap();
    assert_eq!(warehouse.text("commit").await, "COMMIT");
    assert_eq!(read().await, "id\n1\n2\n3\n10");
    warehouse.sql("begin").await.unwrap();
    warehouse.sql("create or replace table t as select 0 as id").await.unwrap();
    other.execute("insert into t values (4)", &options).await.unwrap();
    assert_eq!(warehouse.text("commit").await, "COMMIT");
    assert_eq!(read().await, "id\n0");
}

#[tokio::test]
async fn rows_computed_from_an_older_version_are_not_added() {
    let warehouse = Warehouse::new().await;
    let other = warehouse.engine.session("other").await.unwrap();
    let options = StatementOptions::default();
    let conflict = "error: \"lake\".\"main\".\"t\" was changed by another run at the same time";
    warehouse.sql("create table t as select 1 as id").await.unwrap();
    for expected in [conflict, "INSERT 1"] {
        let new = "create or replace temporary table new as select max(id) + 1 as id from t";
        assert_eq!(warehouse.text(new).await, "CREATE TABLE AS 1");
        if expected == conflict {
            other.execute("insert into t values (2)", &options).await.unwrap();
        }
        assert_eq!(warehouse.text("insert into t select * from new").await, expected);
    }
    assert_eq!(warehouse.text("select * from t order by id").await, "id\n1\n2\n3");
    assert_eq!(warehouse.text("create or replace table t as select id * 2 as id from t").await, "CREATE TABLE AS 3");
}

#[tokio::test]
async fn what_a_dead_run_left_is_swept() {
    let warehouse = Warehouse::new().await;
    warehouse.sql("create table t as select 1 as id").await.unwrap();
    let dead = warehouse.path("_tamis/staging/dead-1");
    std::fs::create_dir_all(&dead).unwrap();
    std::fs::write(dead.join("part.parquet"), b"half").unwrap();
    std::fs::write(warehouse.path("_tamis/staging/dead-1.lock"), b"").unwrap();
    // A drop that was cut short: the marker is there, the folder is too.
    std::fs::write(warehouse.path("main/t.dropped.json"), b"{}").unwrap();
    let again = open_at(warehouse.folder.path()).await;
    assert!(!dead.exists());
    let session = again.session("again").await.unwrap();
    let options = StatementOptions::default();
    assert!(text(&session.execute("select * from t", &options).await).starts_with("error: relation"));
    assert_eq!(text(&session.execute("create table t as select 2 as id", &options).await), "CREATE TABLE AS 1");
    assert_eq!(text(&session.execute("select * from t", &options).await), "id\n2");
    assert!(!warehouse.path("main/t.dropped.json").exists());
}

#[tokio::test]
async fn a_failed_statement_leaves_the_old_table_and_no_files() {
    let warehouse = Warehouse::new().await;
    warehouse.sql("create table t as select 1 as id").await.unwrap();
    let failed = warehouse
        .text("create or replace table t as select cast(v as integer) as id from (values ('1'), ('x')) as x(v)")
        .await;
    assert!(failed.starts_with("error: "), "{failed}");
    assert_eq!(warehouse.text("select * from t").await, "id\n1");
    warehouse.engine.close().await.unwrap();
    let staged = std::fs::read_dir(warehouse.path("_tamis/staging")).unwrap().count();
    assert_eq!(staged, 0);
    let files = std::fs::read_dir(warehouse.path("main/t")).unwrap().count();
    assert_eq!(files, 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_folder_is_a_storage_error_and_the_table_stays() {
    use std::os::unix::fs::PermissionsExt;
    let warehouse = Warehouse::new().await;
    warehouse.sql("create table t as select 1 as id").await.unwrap();
    let log = warehouse.path("main/t/_delta_log");
    std::fs::remove_dir_all(warehouse.path("main/t.lock")).ok();
    let before = std::fs::metadata(&log).unwrap().permissions();
    std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o555)).unwrap();
    let result = warehouse.text("insert into t values (2)").await;
    std::fs::set_permissions(&log, before).unwrap();
    // The root user may write everywhere.
    if result != "INSERT 1" {
        assert!(result.starts_with("error: cannot write table"), "{result}");
        assert_eq!(warehouse.text("select * from t").await, "id\n1");
    }
}

#[tokio::test]
async fn files_that_a_dead_run_moved_without_committing_are_removed() {
    let warehouse = Warehouse::new().await;
    warehouse.sql("create table t as select 1 as id").await.unwrap();
    let dead = warehouse.path("_tamis/staging/dead-2/x");
    std::fs::create_dir_all(&dead).unwrap();
    std::fs::write(warehouse.path("_tamis/staging/dead-2.lock"), b"").unwrap();
    std::fs::write(warehouse.path("main/t/part-9.parquet"), b"lost").unwrap();
    let table = warehouse.folder.path().canonicalize().unwrap().join("main/t");
    let journal = format!(r#"{{"table":{table:?},"version":1,"files":["part-9.parquet"]}}"#);
    std::fs::write(dead.join("moving.json"), journal).unwrap();
    open_at(warehouse.folder.path()).await;
    assert!(!warehouse.path("main/t/part-9.parquet").exists());
    assert_eq!(warehouse.text("select * from t").await, "id\n1");
}

#[tokio::test]
async fn damaged_files_are_named() {
    let warehouse = Warehouse::new().await;
    warehouse.sql("create table t as select 1 as id").await.unwrap();
    warehouse.sql("create table u as select 1 as id").await.unwrap();
    std::fs::write(warehouse.path("main/u/_delta_log/00000000000000000001.json"), "garbage").unwrap();
    let result = warehouse.text("select * from u").await;
    assert!(result.starts_with("error: table \"lake\".\"main\".\"u\" cannot be read: "), "{result}");
    assert!(!result.contains('\n'), "{result}");
    for entry in std::fs::read_dir(warehouse.path("main/t")).unwrap().flatten() {
        if entry.path().extension().is_some_and(|end| end == "parquet") {
            std::fs::write(entry.path(), b"PAR1").unwrap();
        }
    }
    let result = warehouse.text("select * from t").await;
    assert!(result.starts_with("error: a Parquet file cannot be read: "), "{result}");
    assert!(result.contains("main/t/part-"), "{result}");
}

#[tokio::test]
async fn a_table_that_is_created_and_filled_at_once_is_replaced_in_one_commit() {
    let warehouse = Warehouse::new().await;
    let table = TableOptions { filled_at_once: true, cluster_by: vec!["id".to_owned()], ..TableOptions::default() };
    let options = StatementOptions { table, limit: None };
    assert_eq!(warehouse.text("create table t as select 1 as id, 'a' as name").await, "CREATE TABLE AS 1");
    for (create, select, expected, then) in [
        ("(id int not null, name text)", "select name, id + 1 from t", "CREATE TABLE AS 1", "id | name\n2 | a"),
        (
            "(id int not null, name text)",
            "select 'b', null",
            "error: NOT NULL constraint failed: column `id`",
            "id | name\n2 | a",
        ),
        ("(id int not null)", "select name, id from t", "error: column `name` does not exist", "id | name\n2 | a"),
        ("(name text, id bigint, more text)", "select 'c', 3", "CREATE TABLE AS 1", "id | name\n3 | c"),
    ] {
        let sql = format!("create table t {create};\ninsert into t (name, id) (\n{select}\n);");
        let outcome = text(&warehouse.session.execute(&sql, &options).await);
        assert!(outcome.starts_with(expected), "{sql}: {outcome}");
        assert_eq!(warehouse.text("select id, name from t").await, then, "{sql}");
    }
    assert_eq!(versions(&warehouse, "t"), 3);
    assert_eq!(warehouse.text("create view v as select 1 as id").await, "CREATE VIEW");
    let sql = "create table v (id int); insert into v (id) (select id from v)";
    assert_eq!(text(&warehouse.session.execute(sql, &options).await), "CREATE TABLE AS 1");
    assert_eq!(versions(&warehouse, "v"), 1);
    let sql = "create table t (id int); insert into t select 1";
    assert!(warehouse.text(sql).await.contains("already exists"));
}
