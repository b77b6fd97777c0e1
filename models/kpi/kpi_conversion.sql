{{ config(materialized='view') }}

select
    cohort_date,
    saw_pricing,
    signed_up,
    started_trial,
    converted,
    {{ share('signed_up', 'saw_pricing') }} as signup_rate,
    {{ share('started_trial', 'signed_up') }} as trial_rate,
    {{ share('converted', 'started_trial') }} as paid_rate,
    {{ share('converted', 'saw_pricing') }} as overall_rate
from {{ ref('funnel_daily') }}
