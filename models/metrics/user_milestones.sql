{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['customer_id', 'user_id'],
) }}

{# The first time that a user did something. A run looks at new sessions only and keeps what it knew. #}

{%- set milestones = ['first_seen_at', 'pricing_seen_at', 'signed_up_at', 'trial_started_at', 'converted_at'] %}

with fresh as (

    select
        customer_id,
        user_id,
        min(started_at) as first_seen_at,
        min(pricing_seen_at) as pricing_seen_at,
        min(signed_up_at) as signed_up_at,
        min(trial_started_at) as trial_started_at,
        min(converted_at) as converted_at,
        max(occurred_on) as last_seen_on
    from {{ ref('sessions') }}
    {%- if is_incremental() %}
    where occurred_on >= {{ reread_from('last_seen_on', var('late_arrival_days')) }}
    {%- endif %}
    group by customer_id, user_id

)

{% if is_incremental() -%}
select
    fresh.customer_id,
    fresh.user_id,
    {% for milestone in milestones -%}
    coalesce(least(fresh.{{ milestone }}, known.{{ milestone }}), fresh.{{ milestone }}, known.{{ milestone }}) as {{ milestone }},
    {% endfor -%}
    fresh.last_seen_on
from fresh
left join {{ this }} as known
    on fresh.customer_id = known.customer_id and fresh.user_id = known.user_id
{%- else -%}
select
    customer_id,
    user_id,
    {{ milestones | join(',\n    ') }},
    last_seen_on
from fresh
{%- endif %}
