{% snapshot snap_a %}
{{ config(unique_key='id', strategy='check', check_cols=['id'], target_schema='snaps') }}
select * from {{ ref('a') }}
{% endsnapshot %}
