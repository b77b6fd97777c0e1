{{ config(materialized='table', tags=['x'], schema='marts') }}
select id, {{ cents('id') }} as cents from {{ ref('a') }}
