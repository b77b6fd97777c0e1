select * from {{ ref('a') }} join {{ source('lake', 'events') }} e on true join {{ source('lake', 'events') }} f on true
