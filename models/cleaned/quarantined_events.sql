{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='event_date',
) }}

select
    event_id,
    customer_id,
    user_id,
    event_type,
    occurred_at,
    received_at,
    schema_version,
    rejection_reason,
    payload,
    event_date,
    customer_bucket
from {{ ref('classified_events') }}
where rejection_reason is not null
{%- if is_incremental() %}
    and event_date >= {{ reread_from('event_date') }}
{%- endif %}
