{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['id', 'name'], incremental_predicates=['id > 0'], tmp_relation_type='table') }}
select id, name, price from {{ ref('colours') }}
