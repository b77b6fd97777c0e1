select 1 as id, 'a' as name, cast(1.5 as number(10,2)) as price
