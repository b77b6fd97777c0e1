{{ config(materialized='view') }}

select
    event_id,
    customer_id,
    user_id,
    event_type,
    occurred_at,
    occurred_on,
    received_at,
    is_clock_skewed,
    schema_version,
    page,
    amount,
    currency,
    plan_id,
    error_code,
    device,
    event_date,
    customer_bucket
from {{ ref('classified_events') }}
where rejection_reason is null
