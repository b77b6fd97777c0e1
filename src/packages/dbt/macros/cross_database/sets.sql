{#- Set operators and numbers. -#}
{%- macro except() -%}
  {{ return(adapter.dispatch('except', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__except() -%}
  except
{%- endmacro -%}

{%- macro intersect() -%}
  {{ return(adapter.dispatch('intersect', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__intersect() -%}
  intersect
{%- endmacro -%}

{#- The exponent of the smallest power of two that is at least `upper_bound`. -#}
{%- macro get_powers_of_two(upper_bound) -%}
  {{ return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) }}
{%- endmacro -%}

{%- macro default__get_powers_of_two(upper_bound) -%}
  {%- if upper_bound <= 0 -%}
    {{ exceptions.raise_compiler_error('upper bound must be positive') }}
  {%- endif -%}
  {%- for exponent in range(1, 100) -%}
    {%- if upper_bound <= 2 ** exponent -%}
      {{ return(exponent) }}
    {%- endif -%}
  {%- endfor -%}
{%- endmacro -%}

{#- The numbers 1 to `upper_bound`, in the column generated_number. -#}
{%- macro generate_series(upper_bound) -%}
  {{ return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) }}
{%- endmacro -%}

{%- macro default__generate_series(upper_bound) -%}
  {%- set n = get_powers_of_two(upper_bound) -%}
  with p as (
    select 0 as generated_number union all select 1
  ), unioned as (
    select
      {% for i in range(n) -%}
      p{{ i }}.generated_number * {{ 2 ** i }}{{ ' + ' if not loop.last }}
      {% endfor -%}
      + 1 as generated_number
    from
      {% for i in range(n) -%}
      p as p{{ i }}{{ ' cross join ' if not loop.last }}
      {% endfor %}
  )
  select *
  from unioned
  where generated_number <= {{ upper_bound }}
  order by generated_number
{%- endmacro -%}
