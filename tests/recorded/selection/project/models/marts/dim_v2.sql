select id from {{ ref('stg_events') }} join {{ ref('stg_c') }} using (id)
