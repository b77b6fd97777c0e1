{#- User-defined functions: the body between $$ and $$. -#}
{%- macro snowflake__scalar_function_body_sql() -%}
  AS
  $$
  {{ sql }}
  $$
{%- endmacro -%}

{%- macro snowflake__scalar_function_create_replace_signature_sql(target_relation) -%}
  CREATE OR REPLACE FUNCTION {{ target_relation.render() }} ({{ formatted_scalar_function_args_sql() }})
  RETURNS {{ model.returns.data_type }}
  LANGUAGE SQL
  {{ scalar_function_volatility_sql() }}
{%- endmacro -%}

{%- macro snowflake__scalar_function_volatility_sql() -%}
  {%- set volatility = config.get('volatility') -%}
  {%- if volatility == 'deterministic' -%}
    IMMUTABLE
  {%- elif volatility == 'non-deterministic' -%}
    VOLATILE
  {%- elif volatility -%}
    {%- do unsupported_volatility_warning(volatility) -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__scalar_function_create_replace_signature_python(target_relation) -%}
  CREATE OR REPLACE FUNCTION {{ target_relation.render() }} ({{ formatted_scalar_function_args_sql() }})
  RETURNS {{ model.returns.data_type }}
  LANGUAGE PYTHON
  RUNTIME_VERSION = '{{ config.get('runtime_version') }}'
  {{ 'PACKAGES = (' ~ tamis_quoted_list(config.get('packages')) ~ ')' if config.get('packages') }}
  HANDLER = '{{ config.get('entry_point') }}'
  {{ scalar_function_volatility_sql() }}
{%- endmacro -%}

{%- macro snowflake__scalar_function_python(target_relation) -%}
  {{ snowflake__scalar_function_create_replace_signature_python(target_relation) }}
  {{ scalar_function_body_sql() }}
{%- endmacro -%}

{%- macro snowflake__aggregate_function_python(target_relation) -%}
  {{ snowflake__scalar_function_create_replace_signature_python(target_relation)
      | replace('CREATE OR REPLACE FUNCTION', 'CREATE OR REPLACE AGGREGATE FUNCTION') }}
  {{ scalar_function_body_sql() }}
{%- endmacro -%}

{%- macro tamis_quoted_list(names) -%}
  {%- set quoted = [] -%}
  {%- for name in names -%}{%- do quoted.append("'" ~ name ~ "'") -%}{%- endfor -%}
  {{ return(quoted | join(', ')) }}
{%- endmacro -%}
