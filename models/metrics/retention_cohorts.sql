{{ config(materialized='table') }}

{# Users by the day of their first visit, and how many of them came on each day after it. #}

with cohorts as (

    select
        customer_id,
        user_id,
        cast(first_seen_at as date) as cohort_date
    from {{ ref('user_milestones') }}

),

sizes as (

    select
        cohort_date,
        count(*) as cohort_users
    from cohorts
    group by cohort_date

),

activity as (

    select
        cohorts.cohort_date,
        cast({{ dbt.datediff('cohorts.cohort_date', 'user_daily.activity_date', 'day') }} as integer) as days_since_first_visit,
        count(*) as active_users
    from {{ ref('user_daily') }} as user_daily
    inner join cohorts
        on user_daily.customer_id = cohorts.customer_id and user_daily.user_id = cohorts.user_id
    group by 1, 2

)

select
    activity.cohort_date,
    activity.days_since_first_visit,
    sizes.cohort_users,
    activity.active_users,
    {{ share('activity.active_users', 'sizes.cohort_users') }} as retention_rate
from activity
inner join sizes on activity.cohort_date = sizes.cohort_date
