select
    subscription_id,
    customer_id,
    plan_id,
    seats,
    currency,
    price_per_seat,
    {{ money('seats * price_per_seat') }} as monthly_amount,
    started_on,
    ended_on
from {{ ref('subscriptions') }}
