select 1 as order_id, 2 as customer, timestamp '2024-01-01' as ordered_at, 10.5 as amount, 'web' as channel,
    date '2024-01-01' as valid_from, date '2024-02-01' as valid_to
