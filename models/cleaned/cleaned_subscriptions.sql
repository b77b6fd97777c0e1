{{ config(materialized='table') }}

select
    subscriptions.subscription_id,
    subscriptions.customer_id,
    customers.segment,
    subscriptions.plan_id,
    plans.tier,
    subscriptions.seats,
    subscriptions.currency,
    subscriptions.monthly_amount,
    subscriptions.started_on,
    subscriptions.ended_on,
    subscriptions.ended_on is null as is_open
from {{ ref('raw_subscriptions') }} as subscriptions
inner join {{ ref('raw_customers') }} as customers on subscriptions.customer_id = customers.customer_id
inner join {{ ref('raw_plans') }} as plans on subscriptions.plan_id = plans.plan_id
