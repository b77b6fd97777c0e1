{{ config(
    materialized=('table' if target.name == 'prod' else 'view'),
    schema=env_var('MARTS', 'marts'),
    meta={'owner': env_var('OWNER', 'bi')}
) }}
select * from {{ ref('b') }} where {{ var('flag', true) }}
