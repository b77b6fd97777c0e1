-- No step of the funnel has more users than the step before.
select *
from {{ ref('funnel_daily') }}
where signed_up > saw_pricing
    or started_trial > signed_up
    or converted > started_trial
