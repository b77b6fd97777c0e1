{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='event_date',
    partition_by=['event_date'],
    on_schema_change='append_new_columns',
) }}

{#
  Every delivery with the reason why it is not counted, if any. The newest day of arrival is read again on each run, and
  the days before it only to recognise events that were delivered before.
#}

{%- set reread = reread_from('event_date') if is_incremental() else none %}

with deliveries as (

    select
        *,
        row_number() over (
            partition by customer_id, user_id, event_id
            order by received_at, event_date
        ) as delivery_number
    from {{ ref('typed_events') }}
    {%- if reread %}
    where event_date >= {{ reread_from('event_date', var('late_arrival_days')) }}
    {%- endif %}

)

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
    case
        when event_id is null then 'missing_event_id'
        when customer_id is null then 'missing_customer'
        when user_id is null then 'missing_user'
        when event_type is null or event_type not in (
            'page_view', 'click', 'feature_use', 'signup', 'trial_start', 'conversion', 'error'
        ) then 'unknown_event_type'
        when not is_payload_valid then 'malformed_payload'
        when event_type = 'conversion' and (amount is null or currency is null) then 'conversion_without_amount'
        when delivery_number > 1 then 'duplicate_delivery'
    end as rejection_reason,
    payload,
    event_date,
    customer_bucket
from deliveries
{%- if reread %}
where event_date >= {{ reread }}
{%- endif %}
