{{ config(materialized='dynamic_table', target_lag='5 minutes', snowflake_warehouse='small') }}
select id, name from {{ ref('colours') }}
