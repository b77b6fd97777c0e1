-- Everyone is there on the day of the first visit, and never more than everyone.
select *
from {{ ref('retention_cohorts') }}
where active_users > cohort_users
    or (days_since_first_visit = 0 and active_users <> cohort_users)
