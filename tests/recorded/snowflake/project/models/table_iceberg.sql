{{ config(table_format='iceberg', external_volume='lake', base_location_root='root', base_location_subpath='sub') }}
select id from {{ ref('colours') }}
