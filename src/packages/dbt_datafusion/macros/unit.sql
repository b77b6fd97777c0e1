{#- Values of unit tests: lists and mappings are arrays and structs. -#}
{%- macro datafusion__fixture_value(value) -%}
  {%- if value is mapping -%}
    {%- set fields = [] -%}
    {%- for name in value -%}
      {%- do fields.append(dbt.string_literal(dbt.escape_single_quotes(name))) -%}
      {%- do fields.append(dbt.fixture_value(value[name])) -%}
    {%- endfor -%}
    {{ return('named_struct(' ~ fields | join(', ') ~ ')') }}
  {%- elif value is not string and value is iterable -%}
    {%- set items = [] -%}
    {%- for item in value -%}{%- do items.append(dbt.fixture_value(item)) -%}{%- endfor -%}
    {{ return('make_array(' ~ items | join(', ') ~ ')') }}
  {%- endif -%}
  {{ return(dbt.default__fixture_value(value)) }}
{%- endmacro -%}
