with counted as (

    select
        month,
        cast(sum(case when previous_mrr_usd > 0 then 1 else 0 end) as bigint) as customers_at_start,
        cast(sum(case when previous_mrr_usd = 0 and mrr_usd > 0 then 1 else 0 end) as bigint) as new_customers,
        cast(sum(case when previous_mrr_usd > 0 and mrr_usd = 0 then 1 else 0 end) as bigint) as churned_customers,
        {{ money('sum(previous_mrr_usd)') }} as mrr_at_start_usd,
        {{ money('sum(case when mrr_usd = 0 then previous_mrr_usd else 0 end)') }} as churned_mrr_usd,
        {{ money('sum(case when mrr_usd > 0 and mrr_usd < previous_mrr_usd then previous_mrr_usd - mrr_usd else 0 end)') }} as contraction_mrr_usd
    from {{ ref('customer_months') }}
    group by month

)

select
    month,
    customers_at_start,
    new_customers,
    churned_customers,
    customers_at_start + new_customers - churned_customers as customers_at_end,
    {{ share('churned_customers', 'customers_at_start') }} as customer_churn_rate,
    {{ share('churned_mrr_usd + contraction_mrr_usd', 'mrr_at_start_usd') }} as revenue_churn_rate
from counted
