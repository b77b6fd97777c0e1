{{ config(materialized=var('switched', 'view'), target_lag='1 hour', snowflake_warehouse='small') }}
select id, name from {{ ref('colours') }}
