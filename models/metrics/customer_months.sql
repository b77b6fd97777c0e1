{{ config(materialized='ephemeral') }}

{# Recurring revenue of each customer in each month up to the newest event, zero included, beside the month before. #}

with months as (

    select distinct rate_month as month
    from {{ ref('raw_exchange_rates') }}
    where rate_month <= (select max(activity_date) from {{ ref('customer_daily') }})

),

active as (

    select
        subscriptions.customer_id,
        months.month,
        sum(cast(subscriptions.monthly_amount * rates.usd_per_unit as decimal(18,2))) as mrr_usd
    from {{ ref('cleaned_subscriptions') }} as subscriptions
    inner join months
        on subscriptions.started_on <= months.month
        and (subscriptions.ended_on is null or subscriptions.ended_on > months.month)
    inner join {{ ref('raw_exchange_rates') }} as rates
        on subscriptions.currency = rates.currency and months.month = rates.rate_month
    group by subscriptions.customer_id, months.month

),

every_month as (

    select
        customers.customer_id,
        months.month,
        {{ money('coalesce(active.mrr_usd, 0)') }} as mrr_usd
    from {{ ref('raw_customers') }} as customers
    cross join months
    left join active on customers.customer_id = active.customer_id and months.month = active.month

)

select
    customer_id,
    month,
    mrr_usd,
    {{ money('coalesce(lag(mrr_usd) over (partition by customer_id order by month), 0)') }} as previous_mrr_usd
from every_month
