{{ config(contract={'enforced': true}) }}
select 1 as id, 'x' as v, null as free from {{ ref('stg_a') }}
