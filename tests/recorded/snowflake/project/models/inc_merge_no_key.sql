{{ config(materialized='incremental', incremental_strategy='merge', merge_exclude_columns=['name']) }}
select id, name, price from {{ ref('colours') }}
