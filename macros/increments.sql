{#
  The day from which an incremental model reads again, as a date literal: the newest day of `column` in the model's own
  table, and `days` before it. A literal, not a subquery, so that engines skip the folders of older days.
#}
{% macro reread_from(column, days=0) -%}
  {%- set newest = none -%}
  {%- if execute -%}
    {%- set newest = run_query('select cast(max(' ~ column ~ ') as varchar) as newest from ' ~ this).columns[0].values()[0] -%}
  {%- endif -%}
  {%- if newest is none -%}
    {{ return("date '1970-01-01'") }}
  {%- endif -%}
  {%- set day = modules.datetime.datetime.strptime(newest[:10], '%Y-%m-%d') - modules.datetime.timedelta(days=days) -%}
  {{ return("date '" ~ day.strftime('%Y-%m-%d') ~ "'") }}
{%- endmacro %}
