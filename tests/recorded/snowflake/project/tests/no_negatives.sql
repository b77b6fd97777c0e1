select * from {{ ref('table_plain') }} where id < 0
