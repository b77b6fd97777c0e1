{#- The cross-database macros where Snowflake's SQL is not the default's. -#}
{%- macro snowflake__right(string_text, length_expression) -%}
  case when {{ length_expression }} = 0
    then ''
    else right({{ string_text }}, {{ length_expression }})
  end
{%- endmacro -%}

{#- TRY_CAST takes text only: a number or a date is cast as it is. -#}
{%- macro snowflake__safe_cast(field, type) -%}
  {%- if type | lower in ('geometry', 'geography') -%}
  try_to_{{ type }}({{ field }})
  {%- elif type | upper == 'VARIANT' -%}
  cast({{ field }} as {{ type }})
  {%- else -%}
  try_cast({{ tamis_as_text(field) }} as {{ type }})
  {%- endif -%}
{%- endmacro -%}

{%- macro tamis_as_text(field) -%}
  {{ return("'" ~ dbt.escape_single_quotes(field) ~ "'" if field is number else field) }}
{%- endmacro -%}

{%- macro snowflake__cast(field, type) -%}
  {%- if type | upper in ('GEOMETRY', 'GEOGRAPHY') -%}
  to_{{ type | lower }}({{ field }})
  {%- else -%}
  cast({{ field }} as {{ type }})
  {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__bool_or(expression) -%}
  boolor_agg({{ expression }})
{%- endmacro -%}

{%- macro snowflake__escape_single_quotes(expression) -%}
  {{ expression | replace("'", "\\'") }}
{%- endmacro -%}

{%- macro snowflake__array_construct(inputs, data_type) -%}
  array_construct({{ inputs | join(', ') }})
{%- endmacro -%}

{%- macro snowflake__current_timestamp() -%}
  convert_timezone('UTC', current_timestamp())
{%- endmacro -%}

{%- macro snowflake__current_timestamp_backcompat() -%}
  current_timestamp::{{ type_timestamp() }}
{%- endmacro -%}

{%- macro snowflake__current_timestamp_in_utc_backcompat() -%}
  convert_timezone('UTC', {{ snowflake__current_timestamp_backcompat() }})::{{ type_timestamp() }}
{%- endmacro -%}

{%- macro snowflake__snapshot_get_time() -%}
  to_timestamp_ntz({{ current_timestamp() }})
{%- endmacro -%}

{%- macro snowflake__snapshot_string_as_time(timestamp) -%}
  {{ return("to_timestamp_ntz('" ~ timestamp ~ "')") }}
{%- endmacro -%}

{#- Values of unit tests: lists and mappings are ARRAY and OBJECT. -#}
{%- macro snowflake__fixture_value(value) -%}
  {%- if value is mapping or (value is not string and value is iterable) -%}
    {{ return("parse_json('" ~ dbt.escape_single_quotes(tojson(value)) ~ "')") }}
  {%- endif -%}
  {{ return(dbt.default__fixture_value(value)) }}
{%- endmacro -%}
