with usage as (

    select
        customer_id,
        {{ money('sum(revenue_usd)') }} as revenue_usd,
        cast(sum(events) as bigint) as events,
        cast(sum(sessions) as bigint) as sessions,
        cast(sum(errors) as bigint) as errors
    from {{ ref('customer_daily') }}
    group by customer_id

),

ranked as (

    select
        usage.*,
        row_number() over (order by usage.revenue_usd desc, usage.events desc, usage.customer_id) as revenue_rank
    from usage

)

select
    cast(ranked.revenue_rank as integer) as revenue_rank,
    ranked.customer_id,
    customers.customer_name,
    customers.segment,
    customers.country,
    ranked.revenue_usd,
    coalesce(months.mrr_usd, {{ money('0') }}) as mrr_usd,
    ranked.events,
    ranked.sessions,
    ranked.errors
from ranked
inner join {{ ref('raw_customers') }} as customers on ranked.customer_id = customers.customer_id
left join {{ ref('customer_months') }} as months
    on ranked.customer_id = months.customer_id
    and months.month = (select max(month) from {{ ref('kpi_mrr_monthly') }})
where ranked.revenue_rank <= 10
