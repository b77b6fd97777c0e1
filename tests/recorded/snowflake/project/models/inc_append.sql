{{ config(materialized='incremental', incremental_strategy='append') }}
select id, name from {{ ref('colours') }}
{% if is_incremental() %}where id > (select max(id) - 2 from {{ this }}){% endif %}
