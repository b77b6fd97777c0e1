with orders as (

    select
        customer_id,
        count(*) as order_count,
        min(ordered_on) as first_ordered_on,
        sum(amount) as total_amount
    from {{ ref('stg_orders') }}
    where status <> 'returned'
    group by customer_id

)

select
    customers.customer_id,
    customers.first_name,
    customers.last_name,
    coalesce(orders.order_count, 0) as order_count,
    orders.first_ordered_on,
    coalesce(orders.total_amount, 0) as total_amount
from {{ ref('stg_customers') }} as customers
left join orders on orders.customer_id = customers.customer_id
