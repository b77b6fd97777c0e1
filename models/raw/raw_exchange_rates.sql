select
    rate_month,
    currency,
    usd_per_unit
from {{ ref('exchange_rates') }}
