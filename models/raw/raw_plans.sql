select
    plan_id,
    plan_name,
    price_per_seat_usd,
    included_seats,
    tier
from {{ ref('plans') }}
