select
    id as order_id,
    customer_id,
    ordered_on,
    status,
    amount_cents / 100.0 as amount
from {{ ref('raw_orders') }}
