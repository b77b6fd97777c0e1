{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='activity_date',
) }}

select
    customer_id,
    user_id,
    occurred_on as activity_date,
    count(*) as sessions,
    cast(sum(events) as bigint) as events,
    cast(sum(page_views) as bigint) as page_views,
    cast(sum(feature_uses) as bigint) as feature_uses,
    cast(sum(errors) as bigint) as errors,
    cast(sum(conversions) as bigint) as conversions,
    cast(sum(duration_seconds) as bigint) as active_seconds,
    {{ money('sum(revenue_usd)') }} as revenue_usd
from {{ ref('sessions') }}
{%- if is_incremental() %}
where occurred_on >= {{ reread_from('activity_date', var('late_arrival_days')) }}
{%- endif %}
group by customer_id, user_id, occurred_on
