{{ config(severity='warn', store_failures=true, store_failures_as='table') }}

-- More than one in twenty deliveries of a day in quarantine means that a client is broken.
select
    event_date,
    count(*) as deliveries,
    sum(case when rejection_reason is null then 0 else 1 end) as rejected
from {{ ref('classified_events') }}
group by event_date
having sum(case when rejection_reason is null then 0 else 1 end) * 20 > count(*)
