-- Every delivery of the lake is either a clean event or in quarantine.
with counted as (

    select
        (select count(*) from {{ ref('raw_events') }}) as in_lake,
        (select count(*) from {{ ref('cleaned_events') }}) as clean,
        (select count(*) from {{ ref('quarantined_events') }}) as quarantined

)

select *
from counted
where in_lake <> clean + quarantined
