select 1 as id, date '2024-01-01' as valid_from, date '2024-01-02' as valid_to
