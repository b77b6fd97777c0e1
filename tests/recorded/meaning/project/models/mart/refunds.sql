select order_id, 1 as refunded from {{ ref('orders') }}
