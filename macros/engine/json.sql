{# Reading JSON text. Payloads are flat objects. #}

{# JSON of a text; null where the text is not whole JSON. #}
{% macro as_json(column) -%}
  {{ return(adapter.dispatch('as_json')(column)) }}
{%- endmacro %}

{% macro default__as_json(column) -%}
  case when {{ column }} like {{ "'{%" ~ "}'" }} then {{ column }} end
{%- endmacro %}

{% macro duckdb__as_json(column) -%}
  try_cast({{ column }} as json)
{%- endmacro %}

{# Reading a value checks the text again, and gives null where it is cut off. #}
{% macro datafusion__as_json(column) -%}
  {{ column }}
{%- endmacro %}

{% macro snowflake__as_json(column) -%}
  try_parse_json({{ column }})
{%- endmacro %}

{# Whether the text was whole JSON; `json` is what as_json() made of it. #}
{% macro is_json(column, json) -%}
  {{ return(adapter.dispatch('is_json')(column, json)) }}
{%- endmacro %}

{% macro default__is_json(column, json) -%}
  {{ json }} is not null
{%- endmacro %}

{% macro datafusion__is_json(column, json) -%}
  json_valid({{ column }})
{%- endmacro %}

{# The value of a key as text; null where the key is missing. #}
{% macro json_text(json, key) -%}
  {{ return(adapter.dispatch('json_text')(json, key)) }}
{%- endmacro %}

{% macro default__json_text(json, key) -%}
  nullif(regexp_replace(regexp_replace({{ json }}, '^.*"{{ key }}":"?([^",}]*).*$', '\1'), '^[{].*$', ''), '')
{%- endmacro %}

{% macro duckdb__json_text(json, key) -%}
  json_extract_string({{ json }}, '$.{{ key }}')
{%- endmacro %}

{% macro datafusion__json_text(json, key) -%}
  json_extract_string({{ json }}, '$.{{ key }}')
{%- endmacro %}

{% macro snowflake__json_text(json, key) -%}
  {{ json }}:{{ key }}::varchar
{%- endmacro %}
