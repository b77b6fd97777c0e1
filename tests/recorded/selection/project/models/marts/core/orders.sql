select * from {{ ref('eph') }} join {{ ref('stg_b') }} using (id)
