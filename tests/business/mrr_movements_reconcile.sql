-- Opening plus what moved is what the month ends with, and the next month opens with it.
with months as (

    select
        *,
        lag(mrr_usd) over (order by month) as mrr_of_month_before
    from {{ ref('kpi_mrr_monthly') }}

)

select *
from months
where mrr_usd <> opening_mrr_usd + new_mrr_usd + expansion_mrr_usd - contraction_mrr_usd - churned_mrr_usd
    or opening_mrr_usd <> mrr_of_month_before
