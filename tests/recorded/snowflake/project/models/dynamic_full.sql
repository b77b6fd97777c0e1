{{ config(materialized='dynamic_table', target_lag='downstream', snowflake_warehouse='SMALL', refresh_mode='FULL', initialize='ON_SCHEDULE', cluster_by=['id'], row_access_policy='everything.dev.only_mine on (name)', table_tag="everything.dev.cost = 'low'") }}
select id, name from {{ ref('colours') }}
