{# Money is decimal with two places, everywhere. #}

{% macro money(expression) -%}
  cast({{ expression }} as decimal(18,2))
{%- endmacro %}

{# Whole cents as money; exact, without floating point. #}
{% macro cents_as_money(expression) -%}
  {{ money("cast(" ~ expression ~ " as decimal(14,0)) * cast('0.01' as decimal(3,2))") }}
{%- endmacro %}

{# A share with four places; null when there is nothing to share. #}
{% macro share(part, whole) -%}
  case when {{ whole }} > 0 then round(cast({{ part }} as double) / cast({{ whole }} as double), 4) end
{%- endmacro %}
