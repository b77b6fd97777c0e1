{{ config(materialized='table') }}

{# Users by the day on which they first saw the pricing page, and how far they got afterwards. #}

with steps as (

    select
        cast(pricing_seen_at as date) as cohort_date,
        case when signed_up_at >= pricing_seen_at then 1 else 0 end as signed_up,
        case when signed_up_at >= pricing_seen_at and trial_started_at >= signed_up_at then 1 else 0 end as started_trial,
        case
            when signed_up_at >= pricing_seen_at and trial_started_at >= signed_up_at and converted_at >= trial_started_at
                then 1
            else 0
        end as converted
    from {{ ref('user_milestones') }}
    where pricing_seen_at is not null

)

select
    cohort_date,
    count(*) as saw_pricing,
    cast(sum(signed_up) as bigint) as signed_up,
    cast(sum(started_trial) as bigint) as started_trial,
    cast(sum(converted) as bigint) as converted
from steps
group by cohort_date
