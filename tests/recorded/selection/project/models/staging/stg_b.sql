select * from {{ ref('raw_b') }}
