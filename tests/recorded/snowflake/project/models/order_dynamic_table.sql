{{ config(materialized='dynamic_table', grants={'select': ['reader']}, persist_docs={'relation': true}, query_tag='order', target_lag='1 hour',
    snowflake_warehouse='SMALL', pre_hook='select 1 as before_it', post_hook='select 2 as after_it') }}
select 1 as id
