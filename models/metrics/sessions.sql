{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='occurred_on',
    partition_by=['occurred_on'],
) }}

{# Sessions end at midnight, so a day stands for itself and is built again as a whole when late events arrive. #}

{%- set reread = reread_from('occurred_on', var('late_arrival_days')) if is_incremental() else none %}

with events as (

    select
        customer_id,
        user_id,
        event_id,
        event_type,
        occurred_at,
        occurred_on,
        page,
        amount,
        currency,
        device,
        cast(date_trunc('month', occurred_on) as date) as rate_month,
        lag(occurred_at) over (
            partition by customer_id, user_id, occurred_on
            order by occurred_at, event_id
        ) as previous_at
    from {{ ref('cleaned_events') }}
    {%- if reread %}
    where event_date >= {{ reread }} and occurred_on >= {{ reread }}
    {%- endif %}

),

numbered as (

    select
        *,
        case
            when previous_at is null or occurred_at > previous_at + interval '{{ var("session_gap_minutes") }} minutes' then 1
            else 0
        end as is_first,
        sum(case
            when previous_at is null or occurred_at > previous_at + interval '{{ var("session_gap_minutes") }} minutes' then 1
            else 0
        end) over (
            partition by customer_id, user_id, occurred_on
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number
    from events

),

aggregated as (

    select
        numbered.customer_id,
        numbered.user_id,
        numbered.occurred_on,
        cast(numbered.session_number as integer) as session_number,
        min(numbered.occurred_at) as started_at,
        max(numbered.occurred_at) as ended_at,
        max(case when numbered.is_first = 1 then numbered.page end) as entry_page,
        max(numbered.device) as device,
        count(*) as events,
        {% for type in ['page_view', 'click', 'feature_use', 'error', 'conversion'] -%}
        cast(sum(case when numbered.event_type = '{{ type }}' then 1 else 0 end) as bigint) as {{ type }}s,
        {% endfor -%}
        {{ money("coalesce(sum(cast(numbered.amount * rates.usd_per_unit as decimal(18,2))), 0)") }} as revenue_usd,
        min(case when numbered.page = '/pricing' then numbered.occurred_at end) as pricing_seen_at,
        min(case when numbered.event_type = 'signup' then numbered.occurred_at end) as signed_up_at,
        min(case when numbered.event_type = 'trial_start' then numbered.occurred_at end) as trial_started_at,
        min(case when numbered.event_type = 'conversion' then numbered.occurred_at end) as converted_at
    from numbered
    left join {{ ref('raw_exchange_rates') }} as rates
        on numbered.currency = rates.currency and numbered.rate_month = rates.rate_month
    group by numbered.customer_id, numbered.user_id, numbered.occurred_on, numbered.session_number

)

select
    {{ dbt.concat(['user_id', "'_'", 'cast(occurred_on as varchar)', "'_'", 'cast(session_number as varchar)']) }} as session_id,
    customer_id,
    user_id,
    occurred_on,
    session_number,
    started_at,
    ended_at,
    cast({{ dbt.datediff('started_at', 'ended_at', 'second') }} as bigint) as duration_seconds,
    entry_page,
    device,
    events,
    page_views,
    clicks,
    feature_uses,
    errors,
    conversions,
    revenue_usd,
    pricing_seen_at,
    signed_up_at,
    trial_started_at,
    converted_at
from aggregated
