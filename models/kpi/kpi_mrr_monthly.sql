select
    month,
    {{ money('sum(previous_mrr_usd)') }} as opening_mrr_usd,
    {{ money('sum(case when previous_mrr_usd = 0 then mrr_usd else 0 end)') }} as new_mrr_usd,
    {{ money('sum(case when previous_mrr_usd > 0 and mrr_usd > previous_mrr_usd then mrr_usd - previous_mrr_usd else 0 end)') }} as expansion_mrr_usd,
    {{ money('sum(case when mrr_usd > 0 and mrr_usd < previous_mrr_usd then previous_mrr_usd - mrr_usd else 0 end)') }} as contraction_mrr_usd,
    {{ money('sum(case when mrr_usd = 0 then previous_mrr_usd else 0 end)') }} as churned_mrr_usd,
    {{ money('sum(mrr_usd)') }} as mrr_usd,
    cast(sum(case when mrr_usd > 0 then 1 else 0 end) as bigint) as paying_customers
from {{ ref('customer_months') }}
group by month
