{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='sync_all_columns') }}
select id, {% if is_incremental() %}cast(price as number(12,4)) as price, 'x' as added{% else %}name{% endif %} from {{ ref('colours') }}
