{{ config(row_access_policy='everything.dev.only_mine on (name)', table_tag="everything.dev.cost = 'low'") }}
select id, name from {{ ref('colours') }}
