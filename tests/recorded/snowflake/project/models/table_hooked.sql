{{ config(
    pre_hook=["select 1 as before_it", {"sql": "select 2 as before_begin", "transaction": false}],
    post_hook=["select 3 as after_it", {"sql": "select 4 as after_commit", "transaction": false}],
    sql_header="alter session set timezone = 'UTC';"
) }}
select id, name from {{ ref('colours') }}
