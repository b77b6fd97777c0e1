{{ config(warn_if='> 1000000', error_if='> 10000000') }}

-- Devices with a clock that is ahead; a sudden wave of them is a broken release.
select event_id
from {{ ref('cleaned_events') }}
where is_clock_skewed
