{{ config(cluster_by='id') }}
select id, name from {{ ref('colours') }}
