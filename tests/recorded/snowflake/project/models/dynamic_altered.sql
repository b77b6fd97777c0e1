{{ config(materialized='dynamic_table', target_lag=var('lag', '5 minutes'), snowflake_warehouse=var('wh', 'small')) }}
select id, name from {{ ref('colours') }}
