with activity as (

    select
        activity_date,
        cast(sum(sessions) as bigint) as sessions,
        cast(sum(events) as bigint) as events,
        cast(sum(errors) as bigint) as errors,
        cast(sum(conversions) as bigint) as conversions,
        {{ money('sum(revenue_usd)') }} as revenue_usd
    from {{ ref('customer_daily') }}
    group by activity_date

)

select
    activity.activity_date,
    active.daily_active_users,
    active.daily_active_customers,
    active.weekly_active_customers,
    activity.sessions,
    activity.events,
    {{ share('activity.errors', 'activity.events') }} as error_rate,
    activity.conversions,
    activity.revenue_usd,
    {{ money('sum(activity.revenue_usd) over (order by activity.activity_date rows between 6 preceding and current row)') }} as revenue_usd_7d,
    coalesce(funnel.saw_pricing, 0) as saw_pricing,
    coalesce(funnel.converted, 0) as converted_later,
    mrr.mrr_usd,
    mrr.paying_customers
from activity
inner join {{ ref('kpi_active_customers') }} as active on activity.activity_date = active.activity_date
left join {{ ref('kpi_conversion') }} as funnel on activity.activity_date = funnel.cohort_date
left join {{ ref('kpi_mrr_monthly') }} as mrr on cast(date_trunc('month', activity.activity_date) as date) = mrr.month
