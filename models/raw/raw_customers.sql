select
    customer_id,
    customer_name,
    segment,
    country,
    billing_currency,
    signed_up_on
from {{ ref('customers') }}
