{{ config(query_tag='finance', snowflake_warehouse='large') }}
select id, name from {{ ref('colours') }}
