//! INSERT, DELETE, UPDATE, MERGE, TRUNCATE.

use super::harness::run_script;

const TABLE: (&str, &str) =
    ("create table t as select * from (values (1, 'a'), (2, 'b'), (3, null)) as v(id, name)", "CREATE TABLE AS 3");

#[tokio::test]
async fn insert_goes_by_position_or_by_name() {
    run_script(&[
        TABLE,
        ("insert into t values (4, 'd'), (5, 'e')", "INSERT 2"),
        ("insert into t (name, id) select 'f', 6", "INSERT 1"),
        ("insert into t (id) values (7)", "INSERT 1"),
        ("select * from t where id > 3 order by id", "id | name\n4 | d\n5 | e\n6 | f\n7 | null"),
        ("insert into t values (1)", "error: the table has 2 columns, 1 values are given for each row"),
        ("insert into t (id, nme) values (1, 'x')", "error: column `nme` does not exist @1:20 (did you mean `name`?)"),
        ("insert into t select id + 10, name from t where id = 1", "INSERT 1"),
        ("select count(*) as n from t", "n\n8"),
    ])
    .await;
}

#[tokio::test]
async fn delete_keeps_rows_whose_condition_is_null() {
    run_script(&[
        TABLE,
        ("delete from t where name = 'a'", "DELETE 1"),
        ("select * from t order by id", "id | name\n2 | b\n3 | null"),
        ("delete from t where name = 'zzz'", "DELETE 0"),
        ("create table gone as select 3 as id", "CREATE TABLE AS 1"),
        ("delete from t where id in (select id from gone)", "DELETE 1"),
        ("select * from t", "id | name\n2 | b"),
        ("insert into t values (3, 'c')", "INSERT 1"),
        ("delete from t using gone where gone.id = t.id", "DELETE 1"),
        ("delete from lake.main.t as dest where (dest.id) in (select 2)", "DELETE 1"),
        ("select count(*) as n from t", "n\n0"),
        ("insert into t values (1, 'a'), (2, 'b')", "INSERT 2"),
        ("delete from t", "DELETE 2"),
        ("insert into t values (1, 'a')", "INSERT 1"),
        ("truncate table t", "TRUNCATE"),
        ("select count(*) as n from t", "n\n0"),
    ])
    .await;
}

#[tokio::test]
async fn update_changes_only_the_rows_that_meet_the_condition() {
    run_script(&[
        TABLE,
        ("update t set name = upper(name) || id where id < 3", "UPDATE 2"),
        ("select * from t order by id", "id | name\n1 | A1\n2 | B2\n3 | null"),
        ("update t set name = 'x'", "UPDATE 3"),
        ("update t set id = id * 10, name = 'y' where id in (select 2)", "UPDATE 1"),
        ("select * from t order by id", "id | name\n1 | x\n3 | x\n20 | y"),
        ("update t set nam = 1", "error: column `nam` does not exist @1:14 (did you mean `name`?)"),
        ("create table s as select * from (values (20, 'new'), (5, 'none')) as v(key, name)", "CREATE TABLE AS 2"),
        ("update t as d set name = s.name || d.id from s where s.key = d.id", "UPDATE 1"),
        ("select * from t where id = 20", "id | name\n20 | new20"),
        (
            "update t set name = 'x' from s, s as more where s.key = t.id",
            "error: `update with several tables or returning` is not supported by this engine",
        ),
    ])
    .await;
}

#[tokio::test]
async fn merge_updates_inserts_and_deletes() {
    run_script(&[
        TABLE,
        (
            "create temporary table s as select * from (values (2, 'B'), (3, 'C'), (9, 'I')) as v(id, name)",
            "CREATE TABLE AS 3",
        ),
        (
            "merge into t as DBT_INTERNAL_DEST using s as DBT_INTERNAL_SOURCE
             on DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id
             when matched then update set \"name\" = DBT_INTERNAL_SOURCE.\"name\"
             when not matched then insert (\"id\", \"name\") values (\"id\", \"name\")",
            "MERGE 3",
        ),
        ("select * from t order by id", "id | name\n1 | a\n2 | B\n3 | C\n9 | I"),
        (
            "merge into t using (select 1 as id, 'x' as name union all select 2, 'x') as s on s.id = t.id
             when matched and t.name = 'a' then delete
             when matched then update set name = t.name || s.name
             when not matched by source and t.id = 9 then delete",
            "MERGE 3",
        ),
        ("select * from t order by id", "id | name\n2 | Bx\n3 | C"),
        (
            "merge into t using s on s.id = t.id when not matched then insert (id, name) values (s.id, s.name)",
            "MERGE 1",
        ),
        ("select count(*) as n from t", "n\n3"),
        (
            "merge into t using s on false
             when not matched by source and t.id = 2 then delete
             when not matched then insert (id, name) values (id, name)",
            "MERGE 4",
        ),
        ("select * from t order by id, name", "id | name\n2 | B\n3 | C\n3 | C\n9 | I\n9 | I"),
    ])
    .await;
}

#[tokio::test]
async fn merge_refuses_a_source_that_matches_twice() {
    run_script(&[
        TABLE,
        (
            "merge into t using (select 1 as id union all select 1) as s on s.id = t.id when matched then delete",
            "error: MERGE into \"lake\".\"main\".\"t\": 1 rows of the source match a row that another one matches too",
        ),
        ("select count(*) as n from t", "n\n3"),
        // Null keys match nothing: they are inserted each time.
        (
            "merge into t using (select cast(null as bigint) as id, 'n' as name) as s on s.id = t.id
             when matched then delete when not matched then insert (id, name) values (id, name)",
            "MERGE 1",
        ),
    ])
    .await;
}
