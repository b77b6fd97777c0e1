{{ config(tags=['x'], pre_hook='select 1', contract={'enforced': false}) }}select * from {{ ref('orders') }} union all select * from {{ ref('orders') }}
