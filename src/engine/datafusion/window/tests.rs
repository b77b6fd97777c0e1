use std::sync::Arc;

use arrow::util::pretty::pretty_format_batches;
use datafusion::{
    execution::SessionStateBuilder,
    physical_plan::displayable,
    prelude::{SessionConfig, SessionContext},
};

use super::VectorizeWindows;

/// Few rows, many ties, nulls in keys and values; read in batches of 3 so that partitions and peers are cut.
const ROWS: &str = "create table t as select * from (values
    (1, 'a', 1, 10), (2, 'a', 1, 20), (3, 'a', 2, null), (4, 'a', null, 40), (5, 'b', 1, 50), (6, 'b', 1, 50),
    (7, 'b', 1, 70), (8, 'b', 1, 80), (9, 'b', 1, 90), (10, 'b', 3, 100), (11, null, 1, 110), (12, null, 1, 120),
    (13, null, null, null), (14, 'c', 5, 140), (15, 'd', 5, 150), (16, 'e', 5, null), (17, 'f', 5, 170),
    (18, 'g', 1, 180), (19, 'g', 2, 190), (20, 'g', 3, 200), (21, 'g', 4, 210), (22, 'g', 5, 220), (23, 'g', 6, 230)
) as v (id, k, o, x)";

async fn context(vectorized: bool) -> SessionContext {
    let mut config = SessionConfig::new().with_batch_size(3).with_target_partitions(2);
    config.options_mut().optimizer.repartition_windows = true;
    let mut state = SessionStateBuilder::new().with_default_features().with_config(config);
    if vectorized {
        state = state.with_physical_optimizer_rule(Arc::new(VectorizeWindows));
    }
    let context = SessionContext::new_with_state(state.build());
    context.sql(ROWS).await.unwrap().collect().await.unwrap();
    context
}

#[tokio::test]
async fn vectorised_windows_give_what_datafusions_own_give() {
    let (ours, theirs) = (context(true).await, context(false).await);
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
        let sql = format!("select id, {function} as w from t order by id");
        let plan = ours.sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
        let shown = displayable(plan.as_ref()).indent(false).to_string();
        assert_eq!(shown.contains("SortedWindowExec"), replaced, "{function}:\n{shown}");
        let [ours, theirs] = [&ours, &theirs].map(|context| async {
            let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
            pretty_format_batches(&batches).unwrap().to_string()
        });
        assert_eq!(ours.await, theirs.await, "{function}");
    }
}

#[tokio::test]
async fn several_windows_of_one_query_agree_with_datafusions_own() {
    let sql =
        "select id, lag(x) over w as a, row_number() over w as b, sum(x) over w as c, rank() over (order by o) as d,
        count(*) over (partition by k) as e from t window w as (partition by k order by o, id) order by id";
    let [ours, theirs] = [true, false].map(|vectorized| async move {
        let batches = context(vectorized).await.sql(sql).await.unwrap().collect().await.unwrap();
        pretty_format_batches(&batches).unwrap().to_string()
    });
    assert_eq!(ours.await, theirs.await);
}

#[tokio::test]
async fn a_window_over_no_rows_gives_no_rows() {
    let batches = context(true)
        .await
        .sql("select row_number() over (partition by k order by o) as n, lead(x) over (partition by k order by o) from t where id > 99")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 0);
}
