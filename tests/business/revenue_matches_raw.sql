-- Revenue of the metrics is the revenue of the lake after the documented rules, computed another way.
with accepted as (

    select
        event_id,
        max(amount) as amount,
        max(currency) as currency,
        min(case when event_ts > received_at + interval '{{ var("clock_skew_minutes") }} minutes' then received_at else event_ts end) as occurred_at
    from {{ ref('raw_events') }}
    where lower(trim(event_type)) = 'conversion'
        and event_id is not null
        and nullif(trim(customer_id), '') is not null
        and is_payload_valid
    group by event_id

),

raw_revenue as (

    select {{ money('sum(cast(accepted.amount * rates.usd_per_unit as decimal(18,2)))') }} as revenue_usd
    from accepted
    inner join {{ ref('raw_exchange_rates') }} as rates
        on accepted.currency = rates.currency
        and cast(date_trunc('month', accepted.occurred_at) as date) = rates.rate_month

),

metric_revenue as (

    select {{ money('sum(revenue_usd)') }} as revenue_usd
    from {{ ref('customer_daily') }}

)

select
    raw_revenue.revenue_usd as revenue_in_raw,
    metric_revenue.revenue_usd as revenue_in_metrics
from raw_revenue
cross join metric_revenue
where raw_revenue.revenue_usd <> metric_revenue.revenue_usd
