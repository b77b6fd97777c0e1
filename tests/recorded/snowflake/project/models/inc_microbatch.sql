{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='bought_on', batch_size='day', begin='2026-01-01', lookback=1) }}
select id, name, bought_on from {{ ref('colours') }}
