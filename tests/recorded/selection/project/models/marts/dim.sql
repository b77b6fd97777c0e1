select id from {{ ref('stg_events') }}
