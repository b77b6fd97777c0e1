{{ config(materialized='incremental', unique_key='id', incremental_predicates=['DBT_INTERNAL_DEST.id > 0']) }}
select id, name from {{ ref('colours') }}
