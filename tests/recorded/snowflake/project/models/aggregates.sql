select
  {{ dbt.listagg('name', "','", 'order by id') }} as names,
  {{ dbt.any_value('name') }} as any_name,
  {{ dbt.bool_or('id > 1') }} as any_big
from {{ ref('colours') }}
