//! Schemas, tables, views, listing and loading.

use super::harness::{Warehouse, run_script};

#[tokio::test]
async fn tables_and_views_are_made_read_and_dropped() {
    run_script(&[
        ("create schema s", "CREATE SCHEMA"),
        ("create schema s", "error: schema `s` already exists"),
        ("create schema if not exists s", "CREATE SCHEMA"),
        ("create table s.t as select 1 as id, 'a' as name union all select 2, null", "CREATE TABLE AS 2"),
        ("select * from s.t order by id", "id | name\n1 | a\n2 | null"),
        ("select * from lake.s.t order by id limit 1", "id | name\n1 | a"),
        ("create table s.t as select 1 as x", "error: table \"lake\".\"s\".\"t\" already exists"),
        ("create or replace table s.t as select 'x' as y", "CREATE TABLE AS 1"),
        ("select * from s.t", "y\nx"),
        ("create view s.q as (select 'it''s' as \"a\"\"b\", E'tab\\there' as c)", "CREATE VIEW"),
        ("select * from s.q", "a\"b | c\nit's | tab\there"),
        ("drop view s.q", "DROP VIEW"),
        ("create view s.v as select y || '!' as z from s.t", "CREATE VIEW"),
        ("select * from s.v", "z\nx!"),
        ("show tables in s", "database | schema | name | kind\nlake | s | t | table\nlake | s | v | view"),
        ("drop table s.v", "error: \"lake\".\"s\".\"v\" is a view, not a table (write `drop view`)"),
        ("drop view s.v", "DROP VIEW"),
        ("drop table s.t", "DROP TABLE"),
        ("drop table if exists s.t", "DROP TABLE"),
        ("show tables in s", "database | schema | name | kind"),
        ("drop schema s", "DROP SCHEMA"),
    ])
    .await;
}

#[tokio::test]
async fn rows_are_counted_as_often_as_they_are_read() {
    let warehouse = Warehouse::new().await;
    warehouse.sql("create table t as select value as id from generate_series(1, 150000) as s(value)").await.unwrap();
    for (sql, reads) in [
        ("select max(id + 1) as m from t", 1),
        // Keys first, then the rows.
        ("select sum(n) as s from (select row_number() over (partition by id order by id) as n from t) as numbered", 2),
        ("select id, count(*) as n from t group by id having count(*) > 1", 2),
    ] {
        assert_eq!(warehouse.sql(sql).await.unwrap().metrics.rows_read, reads * 150_000, "{sql}");
    }
}
