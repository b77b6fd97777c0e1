{{ config(materialized='incremental', incremental_strategy='merge', unique_key=['id', 'name'], merge_update_columns=['price'], tmp_relation_type='table') }}
select id, name, price from {{ ref('colours') }}
