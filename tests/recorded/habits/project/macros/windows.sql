{% macro windows() %}
  1
{% endmacro %}

{% macro windows_too() -%}
  {{ windows() }}
{%- endmacro %}
