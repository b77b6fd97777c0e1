//! ALTER, COMMENT, time travel, information_schema, table settings, loading.

use std::sync::Arc;

use arrow::{
    array::{Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};

use super::harness::{Warehouse, run_script, text};
use crate::{
    engine::{Load, LoadMode, StatementOptions, TableOptions},
    names::Relation,
};

#[tokio::test]
async fn columns_are_added_dropped_renamed_and_retyped() {
    run_script(&[
        ("create table t as select 1 as id, 'a' as name", "CREATE TABLE AS 1"),
        ("alter table t add column at timestamp", "ALTER TABLE"),
        ("alter table t add column id integer", "error: column `id` already exists"),
        ("insert into t values (2, 'b', '2024-01-01 00:00:00')", "INSERT 1"),
        ("select * from t order by id", "id | name | at\n1 | a | null\n2 | b | 2024-01-01T00:00:00"),
        ("alter table t alter column id type varchar", "ALTER TABLE"),
        ("alter table t rename column name to \"Full Name\"", "ALTER TABLE"),
        ("alter table t drop column at", "ALTER TABLE"),
        ("select id || '!' as id, \"Full Name\" from t order by 1", "id | Full Name\n1! | a\n2! | b"),
        ("alter table t rename to u", "ALTER TABLE"),
        ("select count(*) as n from u", "n\n2"),
        ("create view v as select * from u", "CREATE VIEW"),
        ("alter view v rename to w", "ALTER TABLE"),
        ("show tables", "database | schema | name | kind\nlake | main | u | table\nlake | main | w | view"),
        (
            "alter table t add column x integer",
            "error: relation \"lake\".\"main\".\"t\" does not exist (did you mean `u`?)",
        ),
    ])
    .await;
}

#[tokio::test]
async fn comments_are_kept_in_the_table() {
    run_script(&[
        ("create table t as select 1 as id", "CREATE TABLE AS 1"),
        ("comment on table t is 'all of it'", "COMMENT"),
        ("comment on column t.id is 'it''s the key'", "COMMENT"),
        ("create view v as select id from t", "CREATE VIEW"),
        ("comment on column main.v.id is 'seen'", "COMMENT"),
        (
            "select table_name, column_name, data_type, column_comment from information_schema.columns order by 1",
            "table_name | column_name | data_type | column_comment
             t | id | bigint | it's the key
             v | id | bigint | seen",
        ),
        (
            "select table_schema, table_name, table_type from lake.information_schema.tables order by 2",
            "table_schema | table_name | table_type\nmain | t | BASE TABLE\nmain | v | VIEW",
        ),
        ("select schema_name from information_schema.schemata", "schema_name\nmain"),
    ])
    .await;
}

#[tokio::test]
async fn older_versions_can_be_read() {
    run_script(&[
        ("create table t as select 1 as id", "CREATE TABLE AS 1"),
        ("insert into t values (2)", "INSERT 1"),
        ("select count(*) as n from t for version as of 0", "n\n1"),
        ("select t.id from t version as of 0", "id\n1"),
        ("select count(*) as n from main.t for version as of 1 as x join t on t.id = x.id", "n\n2"),
        ("select count(*) as n from t for timestamp as of '2999-01-01'", "n\n2"),
    ])
    .await;
}

#[tokio::test]
async fn not_null_of_a_declared_column_is_checked() {
    run_script(&[
        ("create table t (id bigint not null, name text)", "CREATE TABLE"),
        ("insert into t values (1, null)", "INSERT 1"),
        ("insert into t values (null, 'x')", "error: NOT NULL constraint failed: column `id` has a null value"),
        ("create table if not exists t (id bigint)", "CREATE TABLE"),
        ("select * from t", "id | name\n1 | null"),
    ])
    .await;
}

#[tokio::test]
async fn temporary_tables_are_the_sessions_own() {
    let warehouse = Warehouse::new().await;
    let other = warehouse.engine.session("other").await.unwrap();
    let options = StatementOptions::default();
    for (sql, expected) in [
        ("create temporary table x as select 1 as id", "CREATE TABLE AS 1"),
        ("insert into x values (2)", "INSERT 1"),
        ("select * from x order by id", "id\n1\n2"),
        ("show tables", "database | schema | name | kind"),
        ("create table t as select * from x", "CREATE TABLE AS 2"),
        ("drop table x", "DROP TABLE"),
    ] {
        assert_eq!(warehouse.text(sql).await, expected, "{sql}");
    }
    assert!(text(&other.execute("select * from x", &options).await).starts_with("error: relation"));
}

#[tokio::test]
async fn partitions_and_properties_are_stored_and_pruned() {
    let warehouse = Warehouse::new().await;
    let table = TableOptions {
        partition_by: vec!["day".to_owned()],
        cluster_by: vec!["id".to_owned()],
        target_file_size: Some(1024 * 1024),
        properties: vec![("delta.appendOnly".to_owned(), "false".to_owned()), ("owner".to_owned(), "me".to_owned())],
        filled_at_once: false,
    };
    let options = StatementOptions { table, limit: None };
    let sql = "create table t as select value as id, cast('2024-01-0' || (value % 3 + 1) as date) as day
               from generate_series(1, 300) as s(value)";
    warehouse.session.execute(sql, &options).await.unwrap();
    for day in 1..=3 {
        assert!(warehouse.path(&format!("main/t/day=2024-01-0{day}")).is_dir());
    }
    let outcome = warehouse.sql("select count(id) as n from t where day = '2024-01-02' and id > 0").await.unwrap();
    assert_eq!(outcome.metrics.files_read, 1);
    assert_eq!(text(&Ok(outcome)), "n\n100");
    assert_eq!(warehouse.text("delete from t where day = '2024-01-02'").await, "DELETE 100");
    assert_eq!(warehouse.text("update t set id = 0 where id = 2").await, "UPDATE 1");
    assert_eq!(warehouse.text("select count(*) as n, min(id) as m from t").await, "n | m\n200 | 0");
    let wrong = TableOptions { partition_by: vec!["dya".to_owned()], ..TableOptions::default() };
    let options = StatementOptions { table: wrong, limit: None };
    assert_eq!(
        text(&warehouse.session.execute("create or replace table t as select 1 as day", &options).await),
        "error: the table is to be laid out by column `dya`, which it does not have (did you mean `day`?)"
    );
}

#[tokio::test]
async fn batches_are_loaded_and_appended() {
    let warehouse = Warehouse::new().await;
    let schema =
        Arc::new(Schema::new(vec![Field::new("Id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)]));
    let batch = RecordBatch::try_new(
        Arc::clone(&schema),
        vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringArray::from(vec![Some("a"), None]))],
    )
    .unwrap();
    let relation = Relation::new("lake", "main", "seed");
    for mode in [LoadMode::CreateOrReplace, LoadMode::Append] {
        let load =
            Load { schema: Arc::clone(&schema), batches: vec![batch.clone()], mode, columns: None, comment: None };
        assert_eq!(warehouse.session.load(&relation, load).await.unwrap().rows_affected, Some(2));
    }
    assert_eq!(warehouse.text("select count(id) as n, count(name) as m from seed").await, "n | m\n4 | 2");
    let empty = Load { schema, batches: Vec::new(), mode: LoadMode::CreateOrReplace, columns: None, comment: None };
    warehouse.session.load(&relation, empty).await.unwrap();
    assert_eq!(warehouse.text("select * from seed").await, "Id | name");
    let columns = warehouse.session.columns(&relation).await.unwrap().unwrap();
    assert_eq!(columns.iter().map(|column| column.data_type.as_str()).collect::<Vec<_>>(), ["bigint", "varchar"]);
    let described =
        warehouse.session.describe("select id, name || 'x' as y, 1.5 as f, now() as t from seed").await.unwrap();
    let described: Vec<String> =
        described.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
    assert_eq!(described, ["Id bigint", "y varchar", "f double", "t timestamp with time zone"]);
}

#[tokio::test]
async fn a_default_is_given_to_the_rows_that_are_there_and_to_those_that_do_not_say_a_value() {
    run_script(&[
        ("create table t (id int, kind text default 'it''s', at date default date '2024-01-02')", "CREATE TABLE"),
        ("insert into t (id) values (1)", "INSERT 1"),
        ("alter table t add column amount decimal(5, 2) not null default -1.5", "ALTER TABLE"),
        ("alter table t add column note text default null", "ALTER TABLE"),
        ("comment on column t.amount is 'in euro'", "COMMENT"),
        ("insert into t (id, kind) values (2, null)", "INSERT 1"),
        (
            "merge into t using (select 3 as id) as s on t.id = s.id when not matched then insert (id) values (s.id)",
            "MERGE 1",
        ),
        ("alter table t rename column kind to form", "ALTER TABLE"),
        ("insert into t (id) values (4)", "INSERT 1"),
        (
            "select id, form, at, amount, note from t order by id",
            "id | form | at | amount | note
             1 | it's | 2024-01-02 | -1.50 | null
             2 | null | 2024-01-02 | -1.50 | null
             3 | it's | 2024-01-02 | -1.50 | null
             4 | it's | 2024-01-02 | -1.50 | null",
        ),
        ("alter table t add column wrong int default 'x'", "error: the default 'x' of column `wrong` is no INT"),
        (
            "alter table t add column later timestamp default now()",
            "error: `the default `now()`, which is not a constant` is not supported by this engine",
        ),
        (
            "alter table t add column more int not null",
            "error: NOT NULL constraint failed: column `more` has a null value",
        ),
    ])
    .await;
}
