{#- Casts and literals. -#}
{%- macro cast(field, type) -%}
  {{ return(adapter.dispatch('cast', 'dbt')(field, type)) }}
{%- endmacro -%}

{%- macro default__cast(field, type) -%}
  cast({{ field }} as {{ type }})
{%- endmacro -%}

{#- Null where the value does not fit, on engines that can. -#}
{%- macro safe_cast(field, type) -%}
  {{ return(adapter.dispatch('safe_cast', 'dbt')(field, type)) }}
{%- endmacro -%}

{%- macro default__safe_cast(field, type) -%}
  cast({{ field }} as {{ type }})
{%- endmacro -%}

{#- 'true' or 'false', in lower case. -#}
{%- macro cast_bool_to_text(field) -%}
  {{ return(adapter.dispatch('cast_bool_to_text', 'dbt')(field)) }}
{%- endmacro -%}

{%- macro default__cast_bool_to_text(field) -%}
  cast({{ field }} as {{ type_string() }})
{%- endmacro -%}

{#- Quotes the text; nothing inside is escaped. -#}
{%- macro string_literal(value) -%}
  {{ return(adapter.dispatch('string_literal', 'dbt')(value)) }}
{%- endmacro -%}

{%- macro default__string_literal(value) -%}
  '{{ value }}'
{%- endmacro -%}

{%- macro escape_single_quotes(expression) -%}
  {{ return(adapter.dispatch('escape_single_quotes', 'dbt')(expression)) }}
{%- endmacro -%}

{%- macro default__escape_single_quotes(expression) -%}
  {{ expression | replace("'", "''") }}
{%- endmacro -%}

{#- Equality; null equals null under the flag enable_truthy_nulls_equals_macro. -#}
{%- macro equals(expr1, expr2) -%}
  {{ return(adapter.dispatch('equals', 'dbt')(expr1, expr2)) }}
{%- endmacro -%}

{%- macro default__equals(expr1, expr2) -%}
  {%- if adapter.behavior.enable_truthy_nulls_equals_macro.no_warn -%}
  case when ({{ expr1 }} = {{ expr2 }}) or ({{ expr1 }} is null and {{ expr2 }} is null) then 0 else 1 end = 0
  {%- else -%}
  {{ expr1 }} = {{ expr2 }}
  {%- endif -%}
{%- endmacro -%}
