{{ config(materialized='incremental', unique_key='id', on_schema_change='append_new_columns', cluster_by=['id'], persist_docs={'relation': true, 'columns': true}) }}
select id{% if is_incremental() %}, name{% endif %} from {{ ref('colours') }}
