select 1 where 1=0 and exists(select * from {{ ref('kpi') }}) and exists (select 1 from {{ ref('stg_a') }})
