{{ config(tags='kit_tag') }} select * from {{ ref('base_a') }}
