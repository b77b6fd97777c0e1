{{ config(materialized='incremental') }}
select id, name from {{ ref('colours') }}
