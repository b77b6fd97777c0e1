select 1 as id,
  {{ kit.double("1") }} as twice,
  {{ windows() }} as w
