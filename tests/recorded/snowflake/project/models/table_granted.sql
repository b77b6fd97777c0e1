{{ config(grants={'select': ['reader', 'auditor'], 'insert': ['writer']}) }}
select id, name from {{ ref('colours') }}
