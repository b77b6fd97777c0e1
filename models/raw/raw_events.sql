{# One set of columns for the three schema versions. #}

with events as (

    select
        cast(event_id as varchar) as event_id,
        cast(customer_id as varchar) as customer_id,
        cast(user_id as varchar) as user_id,
        cast(event_type as varchar) as event_type,
        cast(event_ts as timestamp) as event_ts,
        cast(received_at as timestamp) as received_at,
        cast(schema_version as integer) as schema_version,
        cast(payload as varchar) as payload,
        cast(event_date as date) as event_date,
        cast(customer_bucket as integer) as customer_bucket
    from {{ source('lake', 'events') }}

),

parsed as (

    select
        *,
        {{ as_json('payload') }} as document
    from events

)

select
    event_id,
    customer_id,
    user_id,
    event_type,
    event_ts,
    received_at,
    schema_version,
    payload,
    {{ is_json('payload', 'document') }} as is_payload_valid,
    case
        when schema_version <= 2 then {{ json_text('document', 'url') }}
        else {{ json_text('document', 'path') }}
    end as page,
    case
        when schema_version = 1 then {{ money(json_text('document', 'amt')) }}
        when schema_version = 2 then {{ money(json_text('document', 'amount')) }}
        else {{ cents_as_money(json_text('document', 'amount_cents')) }}
    end as amount,
    case
        when schema_version = 1 then upper({{ json_text('document', 'cur') }})
        else {{ json_text('document', 'currency') }}
    end as currency,
    case when schema_version >= 2 then {{ json_text('document', 'plan') }} end as plan_id,
    cast({{ json_text('document', 'code') }} as integer) as error_code,
    case when schema_version >= 3 then {{ json_text('document', 'device') }} end as device,
    event_date,
    customer_bucket
from parsed
