//! The built-in macros for the SQL of any database, executed: each gives the value that dbt gives on DuckDB.

use super::binary::Folder;

/// Column, expression, value as JSON. The rows below the expressions are 1, 2 and 3 in the column `x`.
const MACROS: &[(&str, &str, &str)] = &[
    ("any_value", "{{ dbt.any_value('x') }}", "1"),
    ("array_append", "{{ dbt.array_append(dbt.array_construct([1, 2]), 3) }}", r#""[1, 2, 3]""#),
    ("array_concat", "{{ dbt.array_concat(dbt.array_construct([1]), dbt.array_construct([2])) }}", r#""[1, 2]""#),
    ("bool_or", "{{ dbt.bool_or('x > 1') }}", "true"),
    ("cast", r#"{{ dbt.cast("'7'", api.Column.translate_type('integer')) }}"#, "7"),
    ("safe_cast", r#"{{ dbt.safe_cast("'x'", api.Column.translate_type('integer')) }}"#, "null"),
    ("cast_bool_to_text", "{{ dbt.cast_bool_to_text('1 = 1') }}", r#""true""#),
    ("concat", r#"{{ dbt.concat(["'a'", "'b'", "'c'"]) }}"#, r#""abc""#),
    ("concat_null", r#"{{ dbt.concat(["'a'", "null"]) }}"#, "null"),
    ("date", "{{ dbt.date(2024, 2, 3) }}", r#""2024-02-03""#),
    ("date_trunc", r#"cast({{ dbt.date_trunc('month', "cast('2024-02-15' as date)") }} as date)"#, r#""2024-02-01""#),
    ("dateadd", r#"cast({{ dbt.dateadd('month', 1, "cast('2024-01-31' as date)") }} as date)"#, r#""2024-02-29""#),
    (
        "dateadd_quarter",
        r#"cast({{ dbt.dateadd('quarter', -1, "cast('2024-05-31' as date)") }} as date)"#,
        r#""2024-02-29""#,
    ),
    ("datediff", r#"{{ dbt.datediff("cast('2023-12-31' as date)", "cast('2024-01-01' as date)", 'year') }}"#, "1"),
    (
        "datediff_hour",
        r#"{{ dbt.datediff("cast('2024-01-01 10:59:00' as timestamp)", "cast('2024-01-01 11:01:00' as timestamp)", 'hour') }}"#,
        "1",
    ),
    ("datediff_week", r#"{{ dbt.datediff("cast('2024-01-08' as date)", "cast('2024-01-15' as date)", 'week') }}"#, "1"),
    ("last_day", r#"{{ dbt.last_day("cast('2024-02-03' as date)", 'month') }}"#, r#""2024-02-29""#),
    ("last_day_quarter", r#"{{ dbt.last_day("cast('2024-02-03' as date)", 'quarter') }}"#, r#""2024-03-31""#),
    ("equals", "{{ dbt.equals('1', '1') }}", "true"),
    ("escape", r#"'{{ dbt.escape_single_quotes("it's") }}'"#, r#""it's""#),
    ("hash", r#"{{ dbt.hash("'abc'") }}"#, r#""900150983cd24fb0d6963f7d28e17f72""#),
    ("length", r#"{{ dbt.length("'häß'") }}"#, "3"),
    ("position", r#"{{ dbt.position("'b'", "'abc'") }}"#, "2"),
    ("position_none", r#"{{ dbt.position("'z'", "'abc'") }}"#, "0"),
    ("replace", r#"{{ dbt.replace("'abcb'", "'b'", "'x'") }}"#, r#""axcx""#),
    ("right", r#"{{ dbt.right("'abcdef'", 2) }}"#, r#""ef""#),
    ("right_none", r#"{{ dbt.right("'abc'", 0) }}"#, r#""""#),
    ("split", r#"{{ dbt.split_part("'a|b|c'", "'|'", 2) }}"#, r#""b""#),
    ("split_last", r#"{{ dbt.split_part("'a|b|c'", "'|'", -1) }}"#, r#""c""#),
    ("string_literal", r#"{{ dbt.string_literal("x") }}"#, r#""x""#),
    ("bigint", "cast('12345678901' as {{ dbt.type_bigint() }})", "12345678901"),
    ("boolean", "cast('true' as {{ dbt.type_boolean() }})", "true"),
    ("float", "cast('1.5' as {{ dbt.type_float() }})", "1.5"),
    ("int", "cast('12' as {{ dbt.type_int() }})", "12"),
    ("numeric", "cast('1.25' as {{ dbt.type_numeric() }})", "1.25"),
    ("string", "cast(1 as {{ dbt.type_string() }})", r#""1""#),
    ("timestamp", "cast('2024-01-02 03:04:05' as {{ dbt.type_timestamp() }})", r#""2024-01-02T03:04:05""#),
    ("listagg", r#"{{ dbt.listagg('x', "'-'", 'order by x desc') }}"#, r#""3-2-1""#),
    ("listagg_limit", r#"{{ dbt.listagg('x', "','", 'order by x', 2) }}"#, r#""1,2""#),
    ("now", "{{ dbt.current_timestamp() }} > cast('2024-01-01' as date)", "true"),
    ("now_back", "{{ dbt.current_timestamp_backcompat() }} > cast('2024-01-01' as date)", "true"),
    ("now_utc", "{{ dbt.current_timestamp_in_utc_backcompat() }} > cast('2024-01-01' as date)", "true"),
    ("snapshot_time", "{{ dbt.snapshot_get_time() }} > cast('2024-01-01' as date)", "true"),
    ("pow", "{{ dbt.get_powers_of_two(9) }}", "4"),
    (
        "intervals",
        r#"{{ dbt.get_intervals_between("cast('2024-01-01' as date)", "cast('2024-01-05' as date)", 'day') }}"#,
        "4",
    ),
    (
        "dates_in_range",
        "'{{ dbt.dates_in_range('20240101', '20240103') | join(',') }}'",
        r#""20240101,20240102,20240103""#,
    ),
    ("partition_range", "'{{ dbt.partition_range('20240101,20240102') | join(';') }}'", r#""20240101;20240102""#),
    ("empty_array", "{{ dbt.array_construct([], dbt.type_int()) }}", r#""[]""#),
];

#[test]
fn macros_for_sql_of_any_database_give_dbts_values() {
    let folder = Folder::new(&[]);
    let columns: Vec<String> = MACROS.iter().map(|(name, expression, _)| format!("{expression} as {name}")).collect();
    let sql = format!("select {} from (select 1 as x union all select 2 union all select 3) as t", columns.join(", "));
    let row: serde_json::Value = serde_json::from_str(&folder.rows(&sql)[0]).unwrap();
    for (name, expression, expected) in MACROS {
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(row[name], expected, "{name}: {expression}");
    }
}

#[test]
fn macros_that_make_rows_give_dbts_rows() {
    let folder = Folder::new(&[]);
    for (sql, expected) in [
        (
            "{{ dbt.generate_series(3) }}",
            &[r#"{"generated_number":1}"#, r#"{"generated_number":2}"#, r#"{"generated_number":3}"#][..],
        ),
        (
            "{{ dbt.date_spine('day', \"cast('2024-01-01' as date)\", \"cast('2024-01-03' as date)\") }}",
            &[r#"{"date_day":"2024-01-01T00:00:00"}"#, r#"{"date_day":"2024-01-02T00:00:00"}"#],
        ),
        ("select 1 as a {{ dbt.except() }} select 2", &[r#"{"a":1}"#]),
        ("select 1 as a {{ dbt.intersect() }} select 1", &[r#"{"a":1}"#]),
    ] {
        assert_eq!(folder.rows(sql), expected, "{sql}");
    }
}
