{{ config(materialized='view') }}

with days as (

    select distinct activity_date
    from {{ ref('customer_daily') }}

)

select
    days.activity_date,
    count(distinct case when daily.activity_date = days.activity_date then daily.customer_id end) as daily_active_customers,
    count(distinct daily.customer_id) as weekly_active_customers,
    cast(sum(case when daily.activity_date = days.activity_date then daily.active_users else 0 end) as bigint) as daily_active_users
from days
inner join {{ ref('customer_daily') }} as daily
    on daily.activity_date <= days.activity_date
    and daily.activity_date > days.activity_date - interval '7 days'
group by days.activity_date
