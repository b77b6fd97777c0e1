{{ config(materialized='incremental', unique_key='id', persist_docs={'relation': true, 'columns': true}, grants={'select': ['reader']}, query_tag='inc', tmp_relation_type='view', copy_grants=true, transient=false) }}
select id, name from {{ ref('colours') }}
