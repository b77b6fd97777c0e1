select 1 as id from {{ source('ext', 'events') }}
