{#- The cross-database macros where this engine's SQL is not the default's. -#}
{%- macro datafusion__any_value(expression) -%}
  min({{ expression }})
{%- endmacro -%}

{%- macro datafusion__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
  {%- set ordered = ' ' ~ order_by_clause if order_by_clause else '' -%}
  {%- if limit_num -%}
  array_to_string(
    array_slice(array_agg({{ measure }}{{ ordered }}) filter (where {{ measure }} is not null), 1, {{ limit_num }}),
    {{ delimiter_text }}
  )
  {%- else -%}
  string_agg({{ measure }}, {{ delimiter_text }}{{ ordered }})
  {%- endif -%}
{%- endmacro -%}

{%- macro datafusion__array_concat(array_1, array_2) -%}
  array_concat({{ array_1 }}, {{ array_2 }})
{%- endmacro -%}

{%- macro datafusion__array_construct(inputs, data_type) -%}
  {%- if inputs | length > 0 -%}
  make_array({{ inputs | join(', ') }})
  {%- else -%}
  array_pop_back(make_array(cast(null as {{ data_type }})))
  {%- endif -%}
{%- endmacro -%}

{%- macro datafusion__safe_cast(field, type) -%}
  try_cast({{ field }} as {{ type }})
{%- endmacro -%}

{%- macro datafusion__position(substring_text, string_text) -%}
  strpos({{ string_text }}, {{ substring_text }})
{%- endmacro -%}

{%- macro datafusion__hash(field) -%}
  md5(cast({{ field }} as varchar))
{%- endmacro -%}

{%- macro datafusion__split_part(string_text, delimiter_text, part_number) -%}
  split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro -%}

{%- macro datafusion__current_timestamp() -%}
  now()
{%- endmacro -%}

{%- macro datafusion__current_timestamp_backcompat() -%}
  cast(now() as timestamp)
{%- endmacro -%}

{%- macro datafusion__snapshot_get_time() -%}
  cast(now() as timestamp)
{%- endmacro -%}

{%- macro datafusion__date(year, month, day) -%}
  make_date({{ year }}, {{ month }}, {{ day }})
{%- endmacro -%}

{%- macro datafusion__dateadd(datepart, interval, from_date_or_timestamp) -%}
  dateadd('{{ datepart | string | trim("'\"") | lower }}', {{ interval }}, cast({{ from_date_or_timestamp }} as timestamp))
{%- endmacro -%}

{%- macro datafusion__datediff(first_date, second_date, datepart) -%}
  datediff('{{ datepart | string | trim("'\"") | lower }}', cast({{ first_date }} as timestamp), cast({{ second_date }} as timestamp))
{%- endmacro -%}

{%- macro datafusion__last_day(date, datepart) -%}
  cast({{ datafusion__dateadd('day', -1, datafusion__dateadd(datepart, 1, dbt.date_trunc(datepart, date))) }} as date)
{%- endmacro -%}

{%- macro datafusion__type_string() -%}
  {{ return('varchar') }}
{%- endmacro -%}

{%- macro datafusion__type_float() -%}
  {{ return('double') }}
{%- endmacro -%}

{%- macro datafusion__type_numeric() -%}
  {{ return('decimal(28,6)') }}
{%- endmacro -%}

{%- macro datafusion__type_bigint() -%}
  {{ return('bigint') }}
{%- endmacro -%}

{#- Whole numbers are 64-bit everywhere: in literals, in seeds, and so here. -#}
{%- macro datafusion__type_int() -%}
  {{ return('bigint') }}
{%- endmacro -%}

{%- macro datafusion__type_timestamp() -%}
  {{ return('timestamp') }}
{%- endmacro -%}

{%- macro datafusion__type_boolean() -%}
  {{ return('boolean') }}
{%- endmacro -%}
