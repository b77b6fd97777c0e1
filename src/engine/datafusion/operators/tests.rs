//! Our operators against DataFusion's: the same rows, and each where it should stand in the plan.

use arrow::util::pretty::pretty_format_batches;
use datafusion::{
    execution::SessionStateBuilder,
    physical_plan::displayable,
    prelude::{SessionConfig, SessionContext},
};

use super::rules;

/// Few rows, many ties, nulls in keys and values; read in batches of 3 so that partitions and peers are cut.
const ROWS: &str = "create table t as select * from (values
    (1, 'a', 1, 10), (2, 'a', 1, 20), (3, 'a', 2, null), (4, 'a', null, 40), (5, 'b', 1, 50), (6, 'b', 1, 50),
    (7, 'b', 1, 70), (8, 'b', 1, 80), (9, 'b', 1, 90), (10, 'b', 3, 100), (11, null, 1, 110), (12, null, 1, 120),
    (13, null, null, null), (14, 'c', 5, 140), (15, 'd', 5, 150), (16, 'e', 5, null), (17, 'f', 5, 170),
    (18, 'g', 1, 180), (19, 'g', 2, 190), (20, 'g', 3, 200), (21, 'g', 4, 210), (22, 'g', 5, 220), (23, 'g', 6, 230)
) as v (id, k, o, x)";

/// Keys of their own but for three that come twice and one that comes three times; null is one of them.
const MOSTLY_UNIQUE: &str = "create table u as
    select v as id, case when v in (7, 31) then null else 'key' || v end as k, v % 5 as o, v * 10 as x
    from (values (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17), (18), (19),
    (20), (21), (22), (23), (24), (25), (26), (27), (28), (29), (30), (31), (32), (33), (34), (35), (36)) as s (v)
    union all values (101, 'key1', 0, 1010), (102, 'key15', 9, null), (103, 'key15', null, 1030), (104, 'key36', 3, 1)";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operators {
    DataFusion,
    Vectorised,
    Split,
}

async fn context(operators: Operators) -> SessionContext {
    let config = SessionConfig::new().with_batch_size(3).with_target_partitions(2);
    let state = SessionStateBuilder::new().with_default_features().with_config(config);
    let state = match operators {
        Operators::DataFusion => state,
        Operators::Vectorised => state.with_physical_optimizer_rules(rules(usize::MAX)),
        Operators::Split => state.with_physical_optimizer_rules(rules(0)),
    };
    let context = SessionContext::new_with_state(state.build());
    for sql in [ROWS, MOSTLY_UNIQUE] {
        context.sql(sql).await.unwrap().collect().await.unwrap();
    }
    context
}

async fn rows(context: &SessionContext, sql: &str) -> String {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

#[tokio::test]
async fn windows_give_what_datafusions_own_give() {
    let datafusion = context(Operators::DataFusion).await;
    let (vectorised, split) = (context(Operators::Vectorised).await, context(Operators::Split).await);
    for (replaced, function) in [
        (true, "row_number() over (partition by k order by o, id)"),
        (true, "row_number() over (order by id)"),
        (true, "rank() over (partition by k order by o)"),
        (true, "dense_rank() over (partition by k order by o desc nulls first)"),
        (true, "rank() over (order by o)"),
        (true, "lag(x) over (partition by k order by o, id)"),
        (true, "lag(x, 2, -1) over (partition by k order by o, id)"),
        (true, "lag(x, 4) over (order by id)"),
        (true, "lag(x, 0) over (order by id)"),
        (true, "lag(x, -2, 7) over (partition by k order by id)"),
        (true, "lead(x) over (partition by k order by o, id)"),
        (true, "lead(x, 3, 0) over (partition by k order by id)"),
        (true, "sum(x) over (partition by k order by o, id rows between unbounded preceding and current row)"),
        (true, "sum(x) over (partition by k order by o)"),
        (true, "avg(x) over (partition by k order by o)"),
        (true, "count(x) over (partition by k order by o)"),
        (true, "max(x) over (partition by k order by o)"),
        (true, "sum(distinct x) over (partition by k order by id rows between unbounded preceding and current row)"),
        (true, "count(*) over (partition by k order by o groups between unbounded preceding and current row)"),
        (true, "count(x) over (partition by k)"),
        (true, "max(x) over (partition by k, o)"),
        (true, "min(k) over (partition by o order by id rows between unbounded preceding and unbounded following)"),
        (true, "sum(x) over (order by id rows between unbounded preceding and current row)"),
        (false, "lag(x) ignore nulls over (partition by k order by id)"),
        (false, "sum(x) filter (where x > 50) over (partition by k order by id)"),
        (false, "sum(x) over (partition by k order by id rows between 1 preceding and current row)"),
        (false, "first_value(x) over (partition by k order by id)"),
        (false, "ntile(2) over (partition by k order by id)"),
        (false, "sum(x) over ()"),
    ] {
        for table in ["t", "u"] {
            let sql = format!("select id, {function} as w from {table} order by id");
            let shown = plan(&vectorised, &sql).await;
            assert_eq!(shown.contains("SortedWindowExec"), replaced, "{function}:\n{shown}");
            let shown = plan(&split, &sql).await;
            assert_eq!(
                shown.contains("SplitWindowExec"),
                replaced && function.contains("partition by"),
                "{function}:\n{shown}"
            );
            let expected = rows(&datafusion, &sql).await;
            assert_eq!(rows(&vectorised, &sql).await, expected, "{function}");
            assert_eq!(rows(&split, &sql).await, expected, "{function}");
        }
    }
}

#[tokio::test]
async fn only_scans_are_read_twice() {
    let split = context(Operators::Split).await;
    for (twice, from) in [
        (true, "u"),
        (true, "(select upper(k) as k, id from u where id > 2)"),
        (true, "(select k, id from u union all select k, id from t)"),
        (false, "(select k, max(id) as id from u group by k)"),
        (false, "(select k, id from u order by x limit 5)"),
        (false, "(select u.k, u.id from u join t on t.id = u.id)"),
        (false, "(select k, coalesce(lag(id) over (partition by k order by id), id) as id from u)"),
        (false, "(select case when random() > 0.5 then k end as k, id from u)"),
    ] {
        let sql = format!("select id, row_number() over (partition by k order by id) as n from {from} as source");
        let shown = plan(&split, &sql).await;
        assert_eq!(shown.contains("SplitWindowExec"), twice, "{from}:\n{shown}");
    }
}

#[tokio::test]
async fn what_a_query_does_with_a_split_window_gives_the_same() {
    let (datafusion, split) = (context(Operators::DataFusion).await, context(Operators::Split).await);
    let window = "row_number() over (partition by k order by id desc)";
    for sql in [
        format!("select id, k from u qualify {window} = 1 order by id"),
        format!("select count(*) as n, sum(n) as s from (select {window} as n from u)"),
        format!("select count(*) as n from (select {window} as n from u limit 7)"),
        format!("select k, count(*) as c, max(n) as m from (select k, {window} as n from u) group by k order by k"),
        format!("select a.id, b.n from t a join (select id, {window} as n from u) b on a.id = b.id order by a.id"),
        format!("select id, n, lag(n) over (order by id) as p from (select id, {window} as n from u) order by id"),
        format!("select id from (select id, {window} as n from u) where n > 1 union all select id from t order by id"),
    ] {
        assert_eq!(rows(&split, &sql).await, rows(&datafusion, &sql).await, "{sql}");
    }
}

#[tokio::test]
async fn several_windows_of_one_query_agree_with_datafusions_own() {
    let sql =
        "select id, lag(x) over w as a, row_number() over w as b, sum(x) over w as c, rank() over (order by o) as d,
        count(*) over (partition by k) as e from t window w as (partition by k order by o, id) order by id";
    let expected = rows(&context(Operators::DataFusion).await, sql).await;
    for operators in [Operators::Vectorised, Operators::Split] {
        assert_eq!(rows(&context(operators).await, sql).await, expected, "{operators:?}");
    }
}

#[tokio::test]
async fn a_window_over_no_rows_gives_no_rows() {
    let sql = "select row_number() over (partition by k order by o) as n, lead(x) over (partition by k order by o) as x
        from t where id > 99";
    for operators in [Operators::Vectorised, Operators::Split] {
        let batches = context(operators).await.sql(sql).await.unwrap().collect().await.unwrap();
        assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 0);
    }
}

#[tokio::test]
async fn groups_of_several_rows_are_found_among_the_rows_with_repeated_keys() {
    let (datafusion, split) = (context(Operators::DataFusion).await, context(Operators::Split).await);
    for (fewer, sql) in [
        (true, "select k, count(*) as n from u group by k having count(*) > 1 order by k"),
        (
            true,
            "select k, count(*) as n, sum(x) as s from u where k is not null group by k having count(*) >= 2 order by k",
        ),
        (true, "select k as key, count(id) as n from u group by k having 1 < count(id) and max(id) > 0 order by key"),
        (
            true,
            "select upper(k) as up, o % 2 as m, count(*) as n from u group by upper(k), o % 2 having count(*) > 1 order by up",
        ),
        (false, "select k, count(distinct o) as n from u group by k having count(distinct o) > 1 order by k"),
        (true, "select k, count(*) as n from t group by k having count(*) > 2 order by k"),
        (
            true,
            "select count(*) as failures from (select k, count(*) as n from u group by k having count(*) > 1) as failed",
        ),
        (
            true,
            "select max(s) as m from (select k, o, count(*) as n, sum(x) as s from t group by k, o having count(*) > 1) as g",
        ),
        (false, "select k, count(*) as n from u group by k having count(*) > 0 order by k"),
        (false, "select k, count(*) as n from u group by k having count(*) = 1 order by k"),
        (false, "select k, sum(id) as n from u group by k having sum(id) > 1 order by k"),
        (false, "select k, count(*) as n from u group by k having count(*) > 1 or max(id) > 35 order by k"),
        (false, "select k, o, count(*) as n from u group by rollup (k, o) having count(*) > 1 order by k, o"),
        (false, "select count(*) as n from u having count(*) > 1"),
    ] {
        let shown = plan(&split, sql).await;
        assert_eq!(shown.contains("RepeatedRowsExec"), fewer, "{sql}:\n{shown}");
        assert_eq!(rows(&split, sql).await, rows(&datafusion, sql).await, "{sql}");
    }
}
