{{ config(materialized='ephemeral') }}

{# Trimmed and typed; still every delivery. #}

with trimmed as (

    select
        nullif(trim(event_id), '') as event_id,
        nullif(lower(trim(customer_id)), '') as customer_id,
        nullif(trim(user_id), '') as user_id,
        lower(trim(event_type)) as event_type,
        event_ts,
        received_at,
        event_ts > received_at + interval '{{ var("clock_skew_minutes") }} minutes' as is_clock_skewed,
        schema_version,
        payload,
        is_payload_valid,
        page,
        amount,
        currency,
        plan_id,
        error_code,
        device,
        event_date,
        customer_bucket
    from {{ ref('raw_events') }}

)

select
    event_id,
    customer_id,
    user_id,
    event_type,
    case when is_clock_skewed then received_at else event_ts end as occurred_at,
    cast(case when is_clock_skewed then received_at else event_ts end as date) as occurred_on,
    received_at,
    is_clock_skewed,
    schema_version,
    payload,
    is_payload_valid,
    page,
    amount,
    currency,
    plan_id,
    error_code,
    device,
    event_date,
    customer_bucket
from trimmed
