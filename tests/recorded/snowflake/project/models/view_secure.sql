{{ config(materialized='view', secure=true, copy_grants=true) }}
select id, name from {{ ref('colours') }}
