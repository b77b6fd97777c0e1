{{ config(transient=false, copy_grants=true, cluster_by=['id', 'name'], automatic_clustering=true) }}
select id, name from {{ ref('colours') }}
