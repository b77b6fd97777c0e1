//! What is refused, and arithmetic that fails instead of wrapping.

use crate::engine::datafusion::functions::tests::check_all;

#[test]
fn numbers_never_wrap() {
    const BIG: &str = "(values (9223372036854775807), (1)) as t(x)";
    let cases = [
        ("select 9223372036854775807 + 1".to_owned(), "error: a number is out of the range of its type"),
        (format!("select x + 1 from {BIG}"), "error: a number is out of the range of its type"),
        (format!("select x * 2 as y from {BIG} order by y"), "error: a number is out of the range of its type"),
        (format!("select 1 from {BIG} where x + 1 > 0"), "error: a number is out of the range of its type"),
        (format!("select sum(x + 1) from {BIG}"), "error: a number is out of the range of its type"),
        (format!("select sum(x) from {BIG}"), "error: a number is out of the range of its type"),
        (format!("select sum(distinct x) from {BIG}"), "error: a number is out of the range of its type"),
        (format!("select x % 2, sum(x) from {BIG} group by 1"), "error: a number is out of the range of its type"),
        (format!("select sum(x) over () from {BIG}"), "error: a number is out of the range of its type"),
        (format!("select sum(x) over (order by x rows between 1 preceding and current row) from {BIG}"), "error: a number is out of the range of its type"),
        (format!("select sum(x::decimal(38, 0)) from {BIG}"), "9223372036854775808"),
        (format!("select a.x from {BIG} join {BIG2} on a.x + 1 = b.x", BIG = BIG.replace("t(", "a("), BIG2 = BIG.replace("t(", "b(")), "error: a number is out of the range of its type"),
        ("select sum(x), sum(x) filter (where x > 1), sum(case when false then 1 end) from (values (1), (2), (null)) as t(x)".to_owned(), "3,2,∅"),
        ("select g, sum(x), sum(x) filter (where x > 1) from (values ('a', 1), ('b', 2), ('b', 3), ('c', null)) as t(g, x) group by g order by g".to_owned(), "a,1,∅|b,5,5|c,∅,∅"),
        ("select x, sum(x) over (order by x rows between 1 preceding and current row) from (values (1), (2), (3)) as t(x)".to_owned(), "1,1|2,3|3,5"),
        ("select sum(x + 1), sum(x * 2), sum(distinct x) from (values (1), (2), (2)) as t(x)".to_owned(), "8,10,3"),
    ];
    check_all(&cases.iter().map(|(sql, expected)| (sql.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn division_by_zero_is_an_error_for_every_type() {
    check_all(&[
        ("select 1 / 0", "error: division by zero"),
        ("select 1.0 / 0", "error: division by zero"),
        ("select 1 % 0", "error: division by zero"),
        ("select 1.5 % 0", "error: division by zero"),
        ("select 1::decimal(10, 2) / 0", "error: division by zero"),
        ("select x / y from (values (1.0, 2.0), (1.0, 0.0)) as t(x, y)", "error: division by zero"),
        ("select x / y from (values (1.0, 2.0), (null, 0.0), (1.0, null)) as t(x, y)", "0.5|∅|∅"),
        ("select case when y = 0 then null else x / y end from (values (1.0, 2.0), (1.0, 0.0)) as t(x, y)", "0.5|∅"),
        ("select x / nullif(y, 0) from (values (1.0, 2.0), (1.0, 0.0)) as t(x, y)", "0.5|∅"),
        ("select x / y from (values (1.0, 2.0), (1.0, 0.0)) as t(x, y) where y <> 0", "0.5"),
        ("select x from (values (1.0, 2.0), (1.0, 0.0)) as t(x, y) where y <> 0 and x / y < 1", "1.0"),
        (
            "select q from (select x / y as q, y from (select x, y, 1 as z from (values (1, 2), (1, 0)) as t(x, y)) where y <> 0)",
            "0",
        ),
        ("select x / y as q, y from (values (1, 2, 0), (1, 0, 0)) as t(x, y, z) where y <> 0", "0,2"),
        ("select x from (values ('1'), ('a')) as t(x) where x <> 'a' and x::int > 0", "1"),
        ("select avg(x) from (values (1), (2)) as t(x)", "1.5"),
    ]);
}

#[test]
fn clauses_that_the_planner_would_ignore_are_refused() {
    const T: &str = "(values (1), (2)) as t(k)";
    let cases = [
        ("select * from t tablesample (10)".to_owned(), "error: `TABLESAMPLE` is not supported"),
        ("select * from t sample (10)".to_owned(), "error: `TABLESAMPLE` is not supported"),
        ("select * from (select 1) tablesample (10)".to_owned(), "error: `TABLESAMPLE` is not supported"),
        (format!("select k from {T} for update"), "error: `FOR UPDATE` is not supported"),
        (format!("select k from {T} group by k with rollup"), "error: `GROUP BY … WITH ROLLUP"),
        (format!("select * from {T} order by all"), "error: `ORDER BY ALL over `*`` is not supported"),
        (format!("select k from {T} union all select 0 order by all"), "0|1|2"),
        (format!("select * rename (k as j) from {T}"), "error: `* RENAME` is not supported"),
        ("select * from t pivot (sum(v) for g in ('a', 'b'))".to_owned(), "error: `PIVOT` is not supported"),
        ("select k into x from t".to_owned(), "error: `SELECT INTO` is not supported"),
        (format!("select top 10 percent k from {T}"), "error: `TOP … WITH TIES / PERCENT`"),
        (
            "select * from a asof join b match_condition (a.x >= b.x) on a.y = b.y".to_owned(),
            "error: `ASOF JOIN` is not supported",
        ),
        (
            "with c as (select * from t tablesample (10)) select * from c".to_owned(),
            "error: `TABLESAMPLE` is not supported",
        ),
        (
            "select 1 where exists (select * from t tablesample (10))".to_owned(),
            "error: `TABLESAMPLE` is not supported",
        ),
    ];
    check_all(&cases.iter().map(|(sql, expected)| (sql.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn a_cast_to_an_integer_rounds() {
    check_all(&[
        ("select cast(2.5 as int), cast(-2.5 as bigint), 2.4::smallint, try_cast(2.6 as int)", "3,-3,2,3"),
        ("select x::int from (values (1.5), (null), (2.4)) as t(x)", "2|∅|2"),
        ("select 2.5::decimal(10, 1)::int, 2.49::decimal(10, 2)::int, 7::double::int", "3,2,7"),
        ("select 1e10::int", "error: Can't cast value 10000000000"),
    ]);
}
