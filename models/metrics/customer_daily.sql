{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['customer_id', 'activity_date'],
) }}

select
    customer_id,
    activity_date,
    count(*) as active_users,
    cast(sum(sessions) as bigint) as sessions,
    cast(sum(events) as bigint) as events,
    cast(sum(page_views) as bigint) as page_views,
    cast(sum(feature_uses) as bigint) as feature_uses,
    cast(sum(errors) as bigint) as errors,
    cast(sum(conversions) as bigint) as conversions,
    cast(sum(active_seconds) as bigint) as active_seconds,
    {{ money('sum(revenue_usd)') }} as revenue_usd
from {{ ref('user_daily') }}
{%- if is_incremental() %}
where activity_date >= {{ reread_from('activity_date', var('late_arrival_days')) }}
{%- endif %}
group by customer_id, activity_date
