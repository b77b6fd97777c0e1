{{ config(materialized='dynamic_table', target_lag='5 minutes', snowflake_warehouse='small', refresh_mode=var('mode', 'FULL')) }}
select id, name from {{ ref('colours') }}
