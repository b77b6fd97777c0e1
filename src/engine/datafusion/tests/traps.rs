//! What a CREATE TABLE AS gets wrong without care, and names.

use super::harness::{Warehouse, run_script};

#[tokio::test]
async fn columns_made_from_literals_take_nulls_later() {
    run_script(&[
        ("create table t as select 1 as id", "CREATE TABLE AS 1"),
        ("insert into t values (null)", "INSERT 1"),
        ("select count(*) as n, count(id) as m from t", "n | m\n2 | 1"),
    ])
    .await;
}

#[tokio::test]
async fn types_that_delta_lacks_become_types_that_it_has() {
    run_script(&[
        (
            "create table t as select
               arrow_cast(200, 'UInt8') as u8, arrow_cast(70000, 'UInt32') as u32, arrow_cast(5, 'UInt64') as u64,
               arrow_cast('2024-01-02T03:04:05.123456789', 'Timestamp(Nanosecond, None)') as ns,
               arrow_cast('x', 'Utf8View') as view, arrow_cast(1.5, 'Float16') as half, null as nothing,
               arrow_cast('k', 'Dictionary(Int32, Utf8)') as dict, cast('9999-12-31' as timestamp) as far",
            "CREATE TABLE AS 1",
        ),
        (
            "select * from t",
            "u8 | u32 | u64 | ns | view | half | nothing | dict | far
             200 | 70000 | 5 | 2024-01-02T03:04:05.123456 | x | 1.5 | null | k | 9999-12-31T00:00:00",
        ),
        (
            "describe t",
            "column_name | data_type | is_nullable | comment
             u8 | smallint | YES | 
             u32 | bigint | YES | 
             u64 | decimal(20,0) | YES | 
             ns | timestamp | YES | 
             view | varchar | YES | 
             half | float | YES | 
             nothing | integer | YES | 
             dict | varchar | YES | 
             far | timestamp | YES |",
        ),
        (
            "create table i as select interval '1 day' as pause",
            "error: column `pause` has type interval, which a table cannot store (cast it: `cast(\"pause\" as varchar)`)",
        ),
        (
            "create table d as select 1 as a, 2 as \"A\"",
            "error: duplicate column name `A`; column names are compared without case (give one of the two columns another name with `as`)",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_query_without_rows_makes_a_table_with_columns() {
    run_script(&[
        ("create table t as select 1 as id, 'a' as name where false", "CREATE TABLE AS 0"),
        ("select * from t", "id | name"),
        ("create or replace table t as select 2 as id where 1 = 2", "CREATE TABLE AS 0"),
        ("select * from t", "id"),
    ])
    .await;
}

#[tokio::test]
async fn names_match_without_case_and_keep_theirs() {
    run_script(&[
        (
            "create table \"My Orders\" as select 1 as \"Order Id\", 2 as \"customerId\", 3 as plain",
            "CREATE TABLE AS 1",
        ),
        ("select \"order id\", customerid, PLAIN from \"my orders\"", "Order Id | customerId | plain\n1 | 2 | 3"),
        ("select o.CustomerID as x from \"My Orders\" as o where o.customerid = 2", "x\n2"),
        ("create table \"my orders\" as select 1 as x", "error: table \"lake\".\"main\".\"my orders\" already exists"),
        ("create table \"a/b\" as select 1 as x", "error: the name `a/b` cannot be stored: it contains `/`"),
        ("create table \"a.b é\" as select 1 as x", "CREATE TABLE AS 1"),
        ("select * from \"a.b é\"", "x\n1"),
        ("create table Mixed as select 1 as Id", "CREATE TABLE AS 1"),
        ("select ID from MIXED", "id\n1"),
        (
            "show tables",
            "database | schema | name | kind
             lake | main | My Orders | table
             lake | main | a.b é | table
             lake | main | mixed | table",
        ),
        ("insert into \"my orders\" (\"CUSTOMERID\") values (5)", "INSERT 1"),
        ("delete from \"My Orders\" where CUSTOMERID = 5", "DELETE 1"),
        ("select customerid from \"My Orders\"", "customerId\n2"),
    ])
    .await;
}

#[tokio::test]
async fn a_view_replaces_a_table_and_back() {
    let warehouse = Warehouse::new().await;
    for (sql, expected) in [
        ("create table t as select 1 as id", "CREATE TABLE AS 1"),
        ("create view t as select 2 as id", "error: table \"lake\".\"main\".\"t\" already exists"),
        ("create or replace view t as select 2 as id", "CREATE VIEW"),
        ("select * from t", "id\n2"),
    ] {
        assert_eq!(warehouse.text(sql).await, expected);
    }
    assert!(!warehouse.path("main/t").exists());
    assert!(warehouse.path("main/t.view.json").exists());
    for (sql, expected) in [
        ("create or replace table t as select 3 as id", "CREATE TABLE AS 1"),
        ("select * from t", "id\n3"),
        // A table may be replaced by what a view of its old name said.
        ("create or replace view v as select id + 1 as id from t", "CREATE VIEW"),
        ("create or replace table v as select * from v", "CREATE TABLE AS 1"),
        ("select * from v", "id\n4"),
    ] {
        assert_eq!(warehouse.text(sql).await, expected);
    }
    assert!(!warehouse.path("main/t.view.json").exists());
    assert!(warehouse.path("main/t/_delta_log/00000000000000000000.json").exists());
}

#[tokio::test]
async fn words_of_other_databases_clauses_are_names_of_columns() {
    let warehouse = Warehouse::new().await;
    let anywhere =
        ["sort", "cluster", "distribute", "view", "top", "minus", "explain", "values", "exclude", "type", "level"];
    for word in anywhere {
        let sql = format!(
            "select id, {word}, z from (select 1 as id, 2 as {word}, 3 as z) as t where {word} < 3 order by id, {word} desc"
        );
        assert_eq!(warehouse.text(&sql).await, format!("id | {word} | z\n1 | 2 | 3"), "{sql}");
    }
    for word in anywhere.into_iter().chain(["struct", "exists", "trim", "interval"]) {
        let sql = format!("select {word} as a, max({word}) as b from (select 5 as {word}) as t group by {word}");
        assert_eq!(warehouse.text(&sql).await, "a | b\n5 | 5", "{sql}");
    }
    let sql = "select 1 as a where exists (select 1) and trim(' x ') = 'x' and interval '1 day' < interval '2 days'";
    assert_eq!(warehouse.text(sql).await, "a\n1");
    assert_eq!(warehouse.text("select * from (values (1), (2)) as t(a) order by a").await, "a\n1\n2");
}

#[tokio::test]
async fn wrong_sql_is_explained_where_it_is_wrong() {
    run_script(&[
        ("create table orders as select 1 as order_id, 2 as amount", "CREATE TABLE AS 1"),
        ("select\n  oder_id from orders", "error: column `oder_id` does not exist @2:3 (did you mean `order_id`?)"),
        ("select * from order_s", "error: relation \"lake\".\"main\".\"order_s\" does not exist @1:15 (did you mean `orders`?)"),
        ("select * from mian.orders", "error: relation \"lake\".\"mian\".\"orders\" does not exist: there is no schema `mian` @1:15 (did you mean the schema `main`?)"),
        ("select * fro orders", "error: syntax error at or near \"fro\": expected the end of the statement @1:10"),
        ("select cast('x' as integer)", "error: cannot cast string 'x' to value of integer type"),
        ("select sum('a') as x from orders", "error: function `sum` does not take string (cast the argument to a type that it takes)"),
        ("select amount, count(*) as n from orders", "error: column `orders.amount` must appear in GROUP BY or inside of an aggregate function @1:8"),
        ("select uper('a')", "error: there is no function `uper` @1:8 (did you mean `upper`?)"),
        ("select order_id as a, amount as a from orders", "error: duplicate column name `a` (give one of the two columns another name with `as`)"),
        ("optimize table orders", "error: `optimize table` is not supported by this engine"),
    ])
    .await;
}
