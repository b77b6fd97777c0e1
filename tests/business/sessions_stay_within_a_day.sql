-- A session ends at midnight and after half an hour of silence, so it is never longer than a day or on two days.
select
    session_id,
    started_at,
    ended_at
from {{ ref('sessions') }}
where ended_at < started_at
    or duration_seconds > 24 * 60 * 60
    or cast(started_at as date) <> cast(ended_at as date)
