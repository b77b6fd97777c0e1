{#- Dates. Dates and intervals are SQL text; a datepart is a word: day, week, month, … -#}
{%- macro date(year, month, day) -%}
  {{ return(adapter.dispatch('date', 'dbt')(year, month, day)) }}
{%- endmacro -%}

{%- macro default__date(year, month, day) -%}
  {%- set value = modules.datetime.date(year, month, day) -%}
  to_date('{{ value.strftime('%Y-%m-%d') }}', 'YYYY-MM-DD')
{%- endmacro -%}

{%- macro date_trunc(datepart, date) -%}
  {{ return(adapter.dispatch('date_trunc', 'dbt')(datepart, date)) }}
{%- endmacro -%}

{%- macro default__date_trunc(datepart, date) -%}
  date_trunc('{{ datepart }}', {{ date }})
{%- endmacro -%}

{%- macro dateadd(datepart, interval, from_date_or_timestamp) -%}
  {{ return(adapter.dispatch('dateadd', 'dbt')(datepart, interval, from_date_or_timestamp)) }}
{%- endmacro -%}

{%- macro default__dateadd(datepart, interval, from_date_or_timestamp) -%}
  dateadd(
    {{ datepart }},
    {{ interval }},
    {{ from_date_or_timestamp }}
  )
{%- endmacro -%}

{#- How many boundaries of the datepart lie between the two. -#}
{%- macro datediff(first_date, second_date, datepart) -%}
  {{ return(adapter.dispatch('datediff', 'dbt')(first_date, second_date, datepart)) }}
{%- endmacro -%}

{%- macro default__datediff(first_date, second_date, datepart) -%}
  datediff(
    {{ datepart }},
    {{ first_date }},
    {{ second_date }}
  )
{%- endmacro -%}

{%- macro last_day(date, datepart) -%}
  {{ return(adapter.dispatch('last_day', 'dbt')(date, datepart)) }}
{%- endmacro -%}

{%- macro default__last_day(date, datepart) -%}
  {{ return(default_last_day(date, datepart)) }}
{%- endmacro -%}

{%- macro default_last_day(date, datepart) -%}
  cast(
    {{ dbt.dateadd('day', '-1', dbt.dateadd(datepart, '1', dbt.date_trunc(datepart, date))) }}
    as date)
{%- endmacro -%}

{#- How many dateparts lie between; runs a query. -#}
{%- macro get_intervals_between(start_date, end_date, datepart) -%}
  {{ return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) }}
{%- endmacro -%}

{%- macro default__get_intervals_between(start_date, end_date, datepart) -%}
  {%- if not execute -%}
    {{ return(1) }}
  {%- endif -%}
  {%- call statement('get_intervals_between', fetch_result=true) -%}
    select {{ dbt.datediff(start_date, end_date, datepart) }}
  {%- endcall -%}
  {%- set found = load_result('get_intervals_between')['data'] -%}
  {{ return(found[0][0] if found else 1) }}
{%- endmacro -%}

{#- One row per datepart from the start to the end, in the column date_<datepart>. -#}
{%- macro date_spine(datepart, start_date, end_date) -%}
  {{ return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) }}
{%- endmacro -%}

{%- macro default__date_spine(datepart, start_date, end_date) -%}
  with rawdata as (
    {{ dbt.generate_series(dbt.get_intervals_between(start_date, end_date, datepart)) }}
  ),

  all_periods as (
    select (
      {{ dbt.dateadd(datepart, '(row_number() over (order by generated_number) - 1)', start_date) }}
    ) as date_{{ datepart }}
    from rawdata
  ),

  filtered as (
    select *
    from all_periods
    where date_{{ datepart }} <= {{ end_date }}
  )

  select * from filtered
{%- endmacro -%}
