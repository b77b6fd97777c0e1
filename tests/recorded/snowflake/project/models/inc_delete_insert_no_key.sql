{{ config(materialized='incremental', incremental_strategy='delete+insert', tmp_relation_type='view') }}
select id, name, price from {{ ref('colours') }}
