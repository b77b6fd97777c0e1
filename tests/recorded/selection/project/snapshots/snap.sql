{% snapshot snap_a %}{{ config(target_schema='snaps', unique_key='id', strategy='check', check_cols=['v']) }}select * from {{ ref('stg_a') }}{% endsnapshot %}
