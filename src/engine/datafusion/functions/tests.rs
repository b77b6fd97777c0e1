//! The dialect on real values: each row is a query and what it answers.

use datafusion::{
    arrow::{
        record_batch::RecordBatch,
        util::display::{ArrayFormatter, FormatOptions},
    },
    common::DataFusionError,
    logical_expr::LogicalPlan,
    prelude::{SessionConfig, SessionContext},
    sql::parser::{DFParserBuilder, Statement as DfStatement},
};

use super::{recover, register, rewrite_statement};
use crate::engine::datafusion::checks::{check_statement, data_error};

pub(crate) fn session() -> SessionContext {
    let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    register(&ctx).unwrap();
    ctx
}

/// Runs a statement the way the engine does; rows joined by `|`, values by `,`, NULL as `∅`.
pub(crate) async fn run(ctx: &SessionContext, sql: &str) -> Result<String, String> {
    let mut statements =
        DFParserBuilder::new(sql).build().unwrap().parse_statements().map_err(|error| error.to_string())?;
    let mut statement = statements.pop_front().unwrap();
    if let DfStatement::Statement(inner) = &mut statement {
        check_statement(inner).map_err(|error| error.to_string())?;
        rewrite_statement(inner).map_err(|error| error.to_string())?;
    }
    let plan = plan(ctx, statement).await.map_err(|error| error.strip_backtrace())?;
    let batches = ctx.execute_logical_plan(plan).await.map_err(|error| error.strip_backtrace())?.collect().await;
    let batches =
        batches.map_err(|error| data_error(&error).map_or_else(|| error.to_string(), |error| error.to_string()))?;
    Ok(rows(&batches))
}

pub(crate) fn rows(batches: &[RecordBatch]) -> String {
    let options = FormatOptions::default().with_null("∅");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(","));
        }
    }
    rows.join("|")
}

async fn plan(ctx: &SessionContext, mut statement: DfStatement) -> Result<LogicalPlan, DataFusionError> {
    loop {
        let error = match ctx.state().statement_to_plan(statement.clone()).await {
            Ok(plan) => return Ok(plan),
            Err(error) => error,
        };
        let DfStatement::Statement(inner) = &mut statement else { return Err(error) };
        if !recover(inner, &error) {
            return Err(error);
        }
    }
}

#[track_caller]
pub(crate) fn check_all(table: &[(&str, &str)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ctx = session();
    let mut wrong = Vec::new();
    for (sql, expected) in table {
        let found = runtime.block_on(run(&ctx, sql)).unwrap_or_else(|error| format!("error: {error}"));
        if found != *expected && !(expected.starts_with("error: ") && found.starts_with(expected)) {
            wrong.push(format!("{sql}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn differences_count_boundaries_whatever_the_spelling_of_the_part() {
    check_all(&[
        ("select datediff('day', date '2024-01-31', date '2024-02-02')", "2"),
        ("select datediff(day, '2024-01-31', '2024-02-02')", "2"),
        ("select date_diff('day', timestamp '2024-01-01 23:59:59', timestamp '2024-01-02 00:00:01')", "1"),
        ("select datediff(month, '2024-01-31', '2024-02-01')", "1"),
        (
            "select datediff(year, '2023-12-31', '2024-01-01'), datediff('quarter', date '2024-03-31', date '2024-04-01')",
            "1,1",
        ),
        ("select datediff(week, '2024-01-07', '2024-01-08')", "1"),
        (
            "select datediff(hour, '2024-01-01 10:59:00', '2024-01-01 11:01:00'), datediff('second', '2024-01-01', '2024-01-01 00:01:00')",
            "1,60",
        ),
        ("select datediff('millisecond', timestamp '2024-01-01 00:00:00.001', timestamp '2024-01-01 00:00:01')", "999"),
        ("select datediff(day, '2024-02-02', '2024-01-31'), datediff('day', null, date '2024-01-01')", "-2,∅"),
        (
            "select date_sub('month', date '2024-01-31', date '2024-02-29'), datesub(year, date '2020-02-29', date '2021-02-28')",
            "1,1",
        ),
        ("select datediff('fortnight', date '2024-01-31', date '2024-02-02')", "error: `fortnight` is not a date part"),
        (
            "select date '2024-03-01' - date '2024-02-01', date '2024-02-28' + 2, date '2024-03-01' - 1, 1 + date '2024-01-01'",
            "29,2024-03-01,2024-02-29,2024-01-02",
        ),
    ]);
}

#[test]
fn additions_keep_dates_and_cut_the_day_of_the_month() {
    check_all(&[
        ("select dateadd(day, 1, date '2024-02-28'), dateadd('month', 1, date '2024-01-31')", "2024-02-29,2024-02-29"),
        ("select dateadd(hour, 25, date '2024-01-01')", "2024-01-02T01:00:00"),
        (
            "select dateadd(week, -1, timestamp '2024-01-08 10:00:00'), dateadd(year, 1, '2024-02-29')",
            "2024-01-01T10:00:00,2025-02-28T00:00:00",
        ),
        (
            "select add_months(date '2024-03-31', -1), date_add(date '2024-01-01', interval '1 month')",
            "2024-02-29,2024-02-01",
        ),
        ("select date_add(day, interval '1 day') from (values (date '2024-01-01')) as t(day)", "2024-01-02"),
        (
            "select last_day(date '2024-02-10'), last_day('2024-01-10', 'quarter'), last_day(date '2024-01-03', year), last_day(date '2024-01-03', 'week')",
            "2024-02-29,2024-03-31,2024-12-31,2024-01-07",
        ),
        (
            "select date_trunc(month, date '2024-02-10'), date_trunc('week', timestamp '2024-01-10 12:00:00'), date_trunc('quarter', date '2024-05-01')",
            "2024-02-01,2024-01-08T00:00:00,2024-04-01",
        ),
    ]);
}

#[test]
fn parts_names_and_epochs() {
    check_all(&[
        (
            "select year(date '2024-05-06'), month(date '2024-05-06'), day('2024-05-06'::date), quarter(date '2024-05-06'), dayofweek(date '2024-05-05'), dayofyear(date '2024-02-01'), week(date '2024-01-01')",
            "2024,5,6,2,0,32,1",
        ),
        (
            "select hour(timestamp '2024-05-06 07:08:09'), minute(timestamp '2024-05-06 07:08:09'), second(timestamp '2024-05-06 07:08:09')",
            "7,8,9",
        ),
        ("select isodow(date '2024-05-05'), monthname(date '2024-05-06'), dayname(date '2024-05-06')", "7,May,Monday"),
        (
            "select epoch(timestamp '1970-01-02 00:00:00'), epoch_ms(timestamp '1970-01-01 00:00:01.5'), epoch_ms(1500)",
            "86400.0,1500,1970-01-01T00:00:01.500",
        ),
        ("select make_date(2024, 2, 29), make_timestamp(2024, 2, 29, 1, 2, 3.5)", "2024-02-29,2024-02-29T01:02:03.500"),
        ("select make_timestamp(2023, 2, 29, 1, 2, 3.5)", "error: 2023-2-29 1:2:3.5 is no timestamp"),
        (
            "select extract(year from date '2024-05-06'), extract(epoch from timestamp '1970-01-01 00:01:00'), date_part(dow, date '2024-05-05')",
            "2024,60.0,0",
        ),
        (
            "select count(*) from (select now() as a, current_timestamp as b, getdate() as c, current_date as d, today() as e) where a = b and b = c and d = e",
            "1",
        ),
    ]);
}

#[test]
fn formats_of_dates_in_both_notations() {
    check_all(&[
        (
            "select strftime(date '2024-05-06', '%d/%m/%Y'), strftime(timestamp '2024-05-06 07:08:09.123456', '%H:%M:%S.%f %p')",
            "06/05/2024,07:08:09.123456 AM",
        ),
        (
            "select to_char(timestamp '2024-05-06 17:08:09', 'YYYY-MM-DD HH24:MI:SS'), to_char(date '2024-05-06', 'FMDD Mon YY'), to_char(date '2024-05-06', 'YYYY\"Q\"Q')",
            "2024-05-06 17:08:09,6 May 24,2024Q2",
        ),
        (
            "select strptime('06/05/2024', '%d/%m/%Y'), strptime('2024-05-06 07:08:09.5', '%Y-%m-%d %H:%M:%S.%f'), try_strptime('x', '%Y')",
            "2024-05-06T00:00:00,2024-05-06T07:08:09.500,∅",
        ),
        ("select strptime('x', '%Y')", "error: `x` does not match the date format `%Y`"),
        (
            "select to_date('20240506', 'YYYYMMDD'), to_date('2024-05-06'), try_to_date('2024-13-01'), to_timestamp('06.05.2024 10', 'DD.MM.YYYY HH24')",
            "2024-05-06,2024-05-06,∅,2024-05-06T10:00:00",
        ),
        (
            "select to_timestamp(0), to_timestamp('2024-05-06T07:08:09'), to_timestamp(1.5), to_timestamp('9999-12-31')",
            "1970-01-01T00:00:00,2024-05-06T07:08:09,1970-01-01T00:00:01.500,9999-12-31T00:00:00",
        ),
        (
            "select timestamp '9999-12-31', cast('9999-12-31 23:59:59' as timestamp), '0001-01-01'::timestamp",
            "9999-12-31T00:00:00,9999-12-31T23:59:59,0001-01-01T00:00:00",
        ),
        (
            "select timestamp '2024-07-01 12:00:00' at time zone 'Europe/Berlin', timestamp with time zone '2024-07-01 12:00:00Z' at time zone 'Europe/Berlin'",
            "2024-07-01T10:00:00Z,2024-07-01T14:00:00",
        ),
        (
            "select convert_timezone('UTC', 'America/New_York', '2024-07-01 12:00:00'), convert_timezone('Europe/Berlin', '2024-01-01 00:00:00'::timestamp)",
            "2024-07-01T08:00:00,2024-01-01T01:00:00",
        ),
        (
            "select timestamp '2024-07-01 12:00:00' at time zone 'Mars/Olympus'",
            "error: `Mars/Olympus` is not a time zone",
        ),
        (
            "select timestamp '9999-12-31' > current_timestamp, current_timestamp < '9999-12-31'::timestamp, now() > '2000-01-01', now()::date > date '2000-01-01'",
            "true,true,true,true",
        ),
    ]);
}

#[test]
fn conditionals_of_other_dialects() {
    check_all(&[
        (
            "select iff(1 > 0, 'a', 'b'), if(false, 1, 2), nvl(null, 1), ifnull(null, 2), nvl2(1, 'x', 'y'), zeroifnull(null), nullifzero(0)",
            "a,2,1,2,x,0,∅",
        ),
        (
            "select div0(1, 0), div0(6, 3), div0null(1, null), mod(7, 3), decode(2, 1, 'one', 2, 'two', 'many'), decode(3, 1, 'one', 2, 'two', 'many'), decode(null, null, 'n', 1, '1')",
            "0,2,0,1,two,many,n",
        ),
        ("select greatest(1, 3, 2), least(1, null, 2), coalesce(null, 4)", "3,1,4"),
        ("select iff(true, 1)", "error: wrong arguments of `iff`"),
    ]);
}

#[test]
fn functions_of_other_warehouses_that_mean_one_thing() {
    check_all(&[
        (
            "select strtok('a.b', '.', 2), editdistance('ab', 'ac'), soundex('Robert'), hex_encode('SNOW'), base64_encode('a'), space(2) = '  '",
            "b,1,R163,534E4F57,YQ==,true",
        ),
        (
            "select bitand(12, 10), bitor(12, 10), bitxor(12, 10), width_bucket(5, 0, 10, 5), sha1('a') = sha('a'), round(haversine(0, 0, 0, 1), 1)",
            "8,14,6,3,true,111.2",
        ),
        (
            "select months_between(date '2024-03-31', date '2024-02-29'), next_day(date '2024-05-06', 'friday'), previous_day(date '2024-05-06', 'friday'), timestamp_from_parts(2024, 1, 1, 0, 90, 0), time_slice(timestamp '2024-01-01 10:20:00', 15, 'minute')",
            "1.0,2024-05-10,2024-05-03,2024-01-01T01:30:00,2024-01-01T10:15:00",
        ),
        (
            "select safe_divide(6, 0), safe_divide(6, 3), equal_null(null, null), locate('b', 'abc'), regexp_contains('abc', 'b'), byte_length('ä')",
            "∅,2,true,2,true,2",
        ),
        (
            "select format_date('%Y/%m', date '2024-05-06'), parse_date('%d.%m.%Y', '06.05.2024'), timestamp_trunc(timestamp '2024-05-06 07:08:09', hour), unix_seconds(timestamp '1970-01-02 00:00:00'), unix_millis(timestamp '1970-01-01 00:00:01.5')",
            "2024/05,2024-05-06,2024-05-06T07:00:00,86400,1500",
        ),
        (
            "select timestamp_seconds(60), timestamp_millis(1500), collect_list(v), bitor_agg(v) from (values (1), (2)) as t(v)",
            "1970-01-01T00:01:00,1970-01-01T00:00:01.500,[1, 2],3",
        ),
        ("select generate_array(1, 3), array_join([1, 2], '-'), sort_array([2, 1])", "[1, 2, 3],1-2,[1, 2]"),
    ]);
}

#[test]
fn aggregates_of_other_dialects() {
    const T: &str = "(values (1, 'a', 10), (2, 'b', 20), (3, 'b', null)) as t(k, g, v)";
    let cases = [
        ("select count_if(v > 10), countif(v > 100) from", "1,0"),
        ("select max_by(g, v), min_by(k, v), arg_max(k, v) filter (where k < 2) from", "b,1,1"),
        ("select listagg(g, '-') within group (order by k desc) from", "b-b-a"),
        (
            "select string_agg(k, ',' order by k), listagg(k) within group (order by k), group_concat(k order by k separator '/') from",
            "1,2,3,123,1/2/3",
        ),
        ("select listagg(distinct g, ',') within group (order by g) from", "a,b"),
        (
            "select mode(g), median(v), any_value(g) is not null, bool_or(v > 10), boolor_agg(v > 10), every(k > 0) from",
            "b,15.0,true,true,true,true",
        ),
        (
            "select approx_count_distinct(g), approx_quantile(k, 0.5), quantile_cont(k, 0.5), percentile_cont(0.5) within group (order by k) from",
            "2,2.0,2.0,2.0",
        ),
        ("select g, ratio_to_report(k) over () from", "a,0.16666666666666666|b,0.3333333333333333|b,0.5"),
        ("select g, count_if(v is null) over (partition by g) from", "a,0|b,1|b,1"),
        (
            "select array_agg(k order by k desc), list(g order by k), first(k order by k), last(k order by k) from",
            "[3, 2, 1],[a, b, b],1,3",
        ),
        ("select variance(k), stddev_samp(k), corr(k, v) from", "1.0,1.0,1.0"),
        ("select count(distinct g, v), count(distinct g, k), count(distinct k % 2, 1) from", "2,3,2"),
    ];
    let cases: Vec<(String, &str)> = cases.iter().map(|(sql, expected)| (format!("{sql} {T}"), *expected)).collect();
    check_all(&cases.iter().map(|(sql, expected)| (sql.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn text_functions_of_other_dialects() {
    check_all(&[
        (
            "select regexp_extract('a12b', '[0-9]+'), regexp_extract('a12b', '([a-z])([0-9]+)', 2), regexp_extract('x', '[0-9]'), regexp_substr('x', '[0-9]')",
            "12,12,,∅",
        ),
        (
            "select regexp_matches('abc', 'b'), regexp_full_match('abc', 'b'), 'abc' rlike 'b', 'abc' ~ 'z'",
            "true,false,true,false",
        ),
        (
            "select contains('abc', 'b'), startswith('abc', 'a'), ends_with('abc', 'c'), charindex('c', 'abc'), left('abc', -1), right('abc', 2), lpad('7', 3, '0')",
            "true,true,true,3,ab,bc,007",
        ),
        (
            "select split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), split('a,b', ','), len('äb'), len([1, 2])",
            "b,c,[a, b],2,2",
        ),
        (
            "select md5('abc'), sha256('abc'), sha2('abc', 512) = sha2('abc', 256)",
            "900150983cd24fb0d6963f7d28e17f72,ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,false",
        ),
        ("select length(uuid()), gen_random_uuid() <> uuid_string()", "36,true"),
        ("select 'a' like any ('a%', 'b%'), 'c' not like any ('a%', 'b%'), 'A' ilike any ('a', 'b')", "true,true,true"),
        ("select 'a' || 1 || null, concat('a', null, 1), concat_ws('-', 'a', null, 'b')", "∅,a1,a-b"),
        (
            "select initcap('ab cd'), trim('  a '), replace('aba', 'a', 'x'), substring('abcd' from 2 for 2), position('b' in 'abc'), reverse('ab'), translate('abc', 'ab', 'xy'), repeat('a', 3)",
            "Ab Cd,a,xbx,bc,2,ba,xyc,aaa",
        ),
    ]);
}

#[test]
fn types_of_other_dialects() {
    check_all(&[
        (
            "select '1.50'::number(10, 2), cast('3' as number), cast('x' as string), '2024-01-01'::timestamp_ntz, 1::float, 1::int64",
            "1.50,3,x,2024-01-01T00:00:00,1.0,1",
        ),
        (
            "select 'a'::varchar(10), 'a'::text, 'a'::character varying(3), 'true'::bool, 1::varchar, '7'::hugeint",
            "a,a,a,true,1,7",
        ),
        (
            "select to_number('12.34', 10, 2), try_to_number('x'), to_varchar(1), to_double('1.5'), to_boolean('true'), try_cast('x' as int), try_to_timestamp('x')",
            "12.34,∅,1,1.5,true,∅,∅",
        ),
        (
            "select arrow_typeof(1::float), arrow_typeof(2::real), arrow_typeof('2024-01-01'::timestamp), arrow_typeof('2024-01-01'::timestamptz), arrow_typeof(now()), arrow_typeof(3::decimal(10, 2))",
            "Float64,Float32,Timestamp(µs),Timestamp(µs, \"UTC\"),Timestamp(µs, \"UTC\"),Decimal128(10, 2)",
        ),
        ("select '10' > 9, '10' = 10, 1 = '1'", "true,true,true"),
        (
            "select 7 / 2, 7.0 / 2, 7 % 2, -7 / 2, round(2.567, 2), round(2.5), ceil(1.2), trunc(1.9), power(2, 3), sqrt(4.0), abs(-1), sign(-2)",
            "3,3.5,1,-3,2.57,3.0,2.0,1.0,8.0,2.0,1,-1.0",
        ),
    ]);
}

#[test]
fn tuples_in_lists_and_in_queries_follow_the_rules_of_null() {
    const T: &str = "(values (1, 'a'), (2, 'b'), (3, null)) as t(k, g)";
    let cases = [
        (format!("select k from {T} where (k, g) in ((1, 'a'), (2, 'x'))"), "1"),
        (format!("select k from {T} where (k, g) not in ((1, 'a'), (2, 'x'))"), "2|3"),
        (format!("select k from {T} where (k, g) in (select k, g from {T} where k < 3) order by k"), "1|2"),
        (format!("select k from {T} where (k, g) not in (select 1, 'a') order by k"), "2|3"),
        (format!("select k from {T} where (k, g) not in (select 3, 'z') order by k"), "1|2"),
        (format!("select k from {T} where (k, g) in ((1, 'a', 3))"), "error: `in` compares 2 columns with 3 values"),
    ];
    check_all(&cases.iter().map(|(sql, expected)| (sql.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn clauses_with_another_spelling() {
    const T: &str = "(values (1, 'b'), (2, 'a')) as t(k, g)";
    let cases = [
        (format!("select top 1 k from {T} order by k desc"), "2"),
        (format!("select k from {T} order by k fetch first 1 rows only"), "1"),
        (format!("select g, k + 1 from {T} order by all"), "a,3|b,2"),
        (format!("select g, count(*) from {T} group by all order by all"), "a,1|b,1"),
        ("select 1 minus select 1".to_owned(), ""),
        (format!("select k from {T} limit all"), "1|2"),
        (format!("from {T} select k"), "1|2"),
        (format!("select * exclude (g) from {T}"), "1|2"),
        (format!("select k from {T} qualify row_number() over (order by k desc) = 1"), "2"),
        (format!("select unnest([1, 2]), * from {T} where k = 1"), "1,1,b|2,1,b"),
        ("select generate_series from generate_series(1, 3)".to_owned(), "1|2|3"),
        (
            "select unnest(generate_series(date '2024-01-01', date '2024-01-03', interval '1 day'))::date as d"
                .to_owned(),
            "2024-01-01|2024-01-02|2024-01-03",
        ),
    ];
    check_all(&cases.iter().map(|(sql, expected)| (sql.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn json_text_is_read_by_path() {
    const J: &str = r#"'{"a": {"b": [10, "x\u00e9", null]}, "s": "t", "n": 1.5, "k e": true}'"#;
    let cases = [
        (format!("select json_extract({J}, '$.a.b'), json_extract({J}, '$.s'), json_extract_string({J}, '$.s'), json_extract_string({J}, '$.a.b[1]')"), r#"[10, "x\u00e9", null],"t",t,xé"#),
        (format!("select {J} -> 'a' -> 'b' ->> 0, {J} ->> '$.n', {J} ->> 'k e', {J} ->> '$.\"k e\"', {J} ->> '/a/b/0'"), "10,1.5,true,true,10"),
        (format!("select {J} ->> '$.a.b[#-2]', {J} -> 'a' -> 'b' ->> -3, {J} ->> '$.a.b[2]', {J} -> '$.a.b[2]', {J} ->> 'nope'"), "xé,10,∅,null,∅"),
        (format!("select 1 from (select {J} as j) where j ->> 's' = 't' and 'a' || (j ->> 's') = 'at' and j ->> 'x' is null and (j ->> 'n')::double > 1 and j ->> 's' in ('t') and 't' = j ->> 's'"), "1"),
        (format!("select json_array_length({J}, '$.a.b'), json_array_length('[1,2]'), json_array_length('1'), json_keys({J}), json_type({J}, '$.n'), json_valid({J}), json_exists({J}, '$.a.c')"), "3,2,0,[a, s, n, k e],DOUBLE,true,false"),
        ("select json_valid('{\"a\":1'), json_extract('{\"a\":1', '$.a'), json_extract_string('{\"a\":1} x', 'a'), try_parse_json('{'), json_valid(null)".to_owned(), "false,∅,∅,∅,∅"),
        ("select parse_json('{')".to_owned(), "error: `{` is not JSON"),
        ("select parse_json(' [1] '), get_json_object('{\"a\":{\"b\":2}}', '$.a.b'), json_extract_scalar('{\"a\":2}', '$.a')".to_owned(), "[1],2,2"),
        ("select unnest(json_array_elements('[{\"a\":1},{\"a\":2}]')) ->> 'a'".to_owned(), "1|2"),
        ("select json_extract('{}', '$.*')".to_owned(), "error: `$.*` is not a JSON path"),
    ];
    check_all(&cases.iter().map(|(sql, expected)| (sql.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn a_rewrite_does_not_rename_a_column() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ctx = session();
    for (sql, expected) in [
        ("select x::number from (select 1 as x)", "x"),
        ("select year(x) from (select date '2024-01-01' as x)", "year(x)"),
        ("select count_if(x > 1) from (select 1 as x)", "count_if(x > 1)"),
    ] {
        let mut statement = DFParserBuilder::new(sql).build().unwrap().parse_statements().unwrap().pop_front().unwrap();
        if let DfStatement::Statement(inner) = &mut statement {
            rewrite_statement(inner).unwrap();
        }
        let plan = match runtime.block_on(ctx.state().statement_to_plan(statement)) {
            Ok(plan) => plan,
            Err(error) => panic!("{sql}: {error}"),
        };
        assert_eq!(plan.schema().field(0).name(), expected, "{sql}");
    }
}

#[test]
fn an_alias_may_be_used_by_later_columns() {
    const T: &str = "(values (1), (2)) as t(a)";
    let cases = [
        (format!("select a + 1 as b, b * 2 as c, c + b as d from {T} where b > 2"), "3,6,9"),
        (format!("select a + 1 as a, a as b from {T}"), "2,1|3,2"),
        (format!("select b + 1 as b from {T}"), "error: Schema error: No field named b"),
    ];
    check_all(&cases.iter().map(|(sql, expected)| (sql.as_str(), *expected)).collect::<Vec<_>>());
}

#[test]
fn series_of_dates_and_intervals_times_a_number() {
    check_all(&[
        (
            "select d::date from generate_series(timestamp '2024-01-01', timestamp '2024-01-03', interval '1 day') as t(d)",
            "2024-01-01|2024-01-02|2024-01-03",
        ),
        (
            "select range::date from range(date '2024-01-01', date '2024-01-03', interval '1 day')",
            "2024-01-01|2024-01-02",
        ),
        ("select n from generate_series(1, 2) as t(n)", "1|2"),
        (
            "select date '2024-01-01' + interval '1 day' * 3, timestamp '2024-01-31' + 1 * interval '1 month', date '2024-01-01' + to_days(2)",
            "2024-01-04,2024-02-29T00:00:00,2024-01-03",
        ),
        (
            "select timestamp '2024-01-01' + interval '1 hour' * n from generate_series(1, 2) as t(n)",
            "2024-01-01T01:00:00|2024-01-01T02:00:00",
        ),
    ]);
}

#[test]
fn timestamps_are_read_with_and_without_seconds_and_zones() {
    check_all(&[
        (
            "select timestamp '2024-01-01 10:59', '2024-01-01T10:59'::timestamp, ' 2024-01-01 '::timestamp",
            "2024-01-01T10:59:00,2024-01-01T10:59:00,2024-01-01T00:00:00",
        ),
        (
            "select '2024-01-01T10:59:00Z'::timestamp, '2024-01-01 10:59:00+02:00'::timestamptz, '2024-01-01 10:59:00.123456'::timestamp",
            "2024-01-01T10:59:00,2024-01-01T08:59:00Z,2024-01-01T10:59:00.123456",
        ),
        (
            "select x::timestamp, try_cast(y as timestamp) from (values ('2024-01-01', 'nope'), (null, '2024-01-01 00:00')) as t(x, y)",
            "2024-01-01T00:00:00,∅|∅,2024-01-01T00:00:00",
        ),
        ("select 'nope'::timestamp", "error: `nope` is not a timestamp"),
    ]);
}

#[test]
fn similar_to_is_sql_and_not_a_regular_expression() {
    check_all(&[(
        "select 'abc' similar to 'a%', 'abc' similar to '_b_', 'abc' similar to 'b', 'abc' not similar to '(a|x)bc', 'a.c' similar to 'a.c', 'abc' similar to 'a.c'",
        "true,true,false,false,true,false",
    )]);
}

#[test]
fn a_column_of_a_full_or_right_join_using_has_the_value_of_whichever_side_has_the_row() {
    const WITH: &str = "with a as (select * from (values (1, 'a1'), (2, 'a2')) as t(k, x)), \
                        b as (select * from (values (2, 'b2'), (3, 'b3')) as t(k, y)), \
                        c as (select * from (values (3, 'c3'), (4, 'c4')) as t(k, z))";
    let cases = [
        ("select k, a.k as l, b.k as r from a full join b using (k) order by 1", "1,1,∅|2,2,2|3,∅,3"),
        ("select * from a full join b using (k) order by 1", "1,a1,∅|2,a2,b2|3,∅,b3"),
        ("select K + 1 as n, coalesce(x, y) from a full outer join b using (K) where k > 1 order by 1", "3,a2|4,b3"),
        ("select k, count(*) from a full join b using (k) group by k order by k desc limit 1", "3,1"),
        ("select k, y from a right join b using (k) order by 1", "2,b2|3,b3"),
        ("select * from a right join b using (k) order by 1", "2,a2,b2|3,∅,b3"),
        ("select y from a full join b using (k) order by k desc", "b3|b2|∅"),
        ("select a.k, y from a full join b using (k) order by k desc nulls first", "∅,b3|2,b2|1,∅"),
        (
            "select k, x, y, z from a full join b using (k) full join c using (k) order by 1",
            "1,a1,∅,∅|2,a2,b2,∅|3,∅,b3,c3|4,∅,∅,c4",
        ),
        ("select k, z from a full join b using (k) left join c using (k) order by 1", "1,∅|2,∅|3,c3"),
        ("select k, z from a right join b using (k) join c using (k)", "3,c3"),
        ("select k, x, y from a left join b using (k) order by 1", "1,a1,∅|2,a2,b2"),
        ("select (select max(k) from c), k from a full join b using (k) order by 2", "4,1|4,2|4,3"),
    ];
    let cases: Vec<(String, &str)> = cases.iter().map(|(sql, rows)| (format!("{WITH} {sql}"), *rows)).collect();
    check_all(&cases.iter().map(|(sql, rows)| (sql.as_str(), *rows)).collect::<Vec<_>>());
}

#[test]
fn joins_using_whose_column_cannot_be_told_from_the_text_are_refused() {
    check_all(&[
        ("with a as (select 1 as k) select * from a natural full join a as b", "error: a NATURAL join that is FULL"),
        (
            "with a as (select 1 as k) select k from a join a as b on a.k = b.k full join a as c using (k)",
            "error: a FULL join USING after another join",
        ),
        (
            "with a as (select 1 as k) select * from a full join a as b using (k) full join a as c using (k)",
            "error: `*` over several joins USING one column",
        ),
    ]);
}

#[test]
fn text_beside_dates_and_booleans_beside_numbers_are_read_as_these() {
    check_all(&[
        (
            "select coalesce(date '2024-01-02', '2099-01-01'), coalesce(cast(null as date), '2099-01-01'), coalesce(cast(null as timestamp), '2099-01-01 10:00'), coalesce(cast(null as boolean), 'false')",
            "2024-01-02,2099-01-01,2099-01-01T10:00:00,false",
        ),
        ("select coalesce(null, 'a'), coalesce(1, 2.5), coalesce(cast(null as int), '7')", "a,1.0,7"),
        (
            "select regexp_matches('abc', 'B', 'i') > 0, (1 = 2) = 0, 1 = true, regexp_matches('abc', 'B', 'c') > 0, regexp_matches('abc', 'b', '')",
            "true,true,true,false,true",
        ),
    ]);
}

#[test]
fn parts_of_dates_go_by_many_names() {
    check_all(&[
        (
            "select extract(dayofweek from date '2024-03-03'), extract(isodow from date '2024-03-03'), extract(dayofyear from date '2024-03-03'), date_part('weekday', date '2024-03-03'), date_part('dayofweekiso', date '2024-03-03')",
            "0,7,63,0,7",
        ),
        (
            "select date_part('isoweek', date '2024-12-30'), extract(weekofyear from date '2024-12-30'), extract(isoyear from date '2024-12-30'), date_part(week_iso, date '2024-12-30'), isoyear(date '2024-12-30')",
            "1,1,2025,1,2025",
        ),
        (
            "select extract(century from date '2000-12-30'), extract(century from date '2001-01-01'), extract(decade from date '1999-12-30'), date_part('millennium', date '2001-01-01')",
            "20,21,199,3",
        ),
    ]);
}

#[test]
fn windows_are_ordered_by_functions_of_functions_too() {
    const FROM: &str = "from (values (1, date '2024-01-09'), (1, date '2023-12-31')) as t(g, d) order by 1";
    for order in [
        "abs(datediff('day', d, date '2024-01-01'))",
        "abs(d - date '2024-01-01')",
        "sqrt(len(cast(d as varchar)) + abs(g - 2)), d desc",
        "round(abs(datediff('day', d, date '2024-01-01')) / 2.0, 1)",
    ] {
        check_all(&[(&format!("select rank() over (partition by g order by {order}) {FROM}"), "1|2")]);
    }
}
