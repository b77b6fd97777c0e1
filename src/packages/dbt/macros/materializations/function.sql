{#- A function in the warehouse: `create or replace function` by its type and language. -#}
{% materialization function, default, supported_languages=['sql', 'python'] %}
  {%- set target_relation = this -%}
  {%- set language = model['language'] -%}
  {{ run_hooks(pre_hooks) }}
  {%- if language == 'python' -%}
    {%- if not config.get('runtime_version') -%}
      {{ exceptions.raise_compiler_error('A `runtime_version` is required for python functions') }}
    {%- endif -%}
    {%- if not config.get('entry_point') -%}
      {{ exceptions.raise_compiler_error('An `entry_point` is required for python functions') }}
    {%- endif -%}
  {%- endif -%}
  {%- set build_sql = adapter.dispatch(config.get('type') ~ '_function_' ~ language, 'dbt')(target_relation) -%}
  {{ function_execute_build_sql(build_sql) }}
  {{ run_hooks(post_hooks) }}
  {{ return({'relations': []}) }}
{% endmaterialization %}

{%- macro function_execute_build_sql(build_sql) -%}
  {{ adapter.dispatch('function_execute_build_sql', 'dbt')(build_sql) }}
{%- endmacro -%}

{%- macro default__function_execute_build_sql(build_sql) -%}
  {% call statement('main') -%}
    {{ build_sql }}
  {%- endcall %}
{%- endmacro -%}

{%- macro scalar_function_sql(target_relation) -%}
  {{ adapter.dispatch('scalar_function_sql', 'dbt')(target_relation) }}
{%- endmacro -%}

{%- macro default__scalar_function_sql(target_relation) -%}
  {{ scalar_function_create_replace_signature_sql(target_relation) }}
  {{ scalar_function_body_sql() }};
{%- endmacro -%}

{%- macro scalar_function_create_replace_signature_sql(target_relation) -%}
  {{ adapter.dispatch('scalar_function_create_replace_signature_sql', 'dbt')(target_relation) }}
{%- endmacro -%}

{%- macro default__scalar_function_create_replace_signature_sql(target_relation) -%}
  CREATE OR REPLACE FUNCTION {{ target_relation.render() }} ({{ formatted_scalar_function_args_sql() }})
  RETURNS {{ model.returns.data_type }}
  {{ scalar_function_volatility_sql() }}
  AS
{%- endmacro -%}

{%- macro formatted_scalar_function_args_sql() -%}
  {{ adapter.dispatch('formatted_scalar_function_args_sql', 'dbt')() }}
{%- endmacro -%}

{%- macro default__formatted_scalar_function_args_sql() -%}
  {%- set arguments = [] -%}
  {%- for argument in model.arguments -%}
    {%- set default = argument.get('default_value') -%}
    {%- do arguments.append(
        argument.name ~ ' ' ~ argument.data_type ~ (' DEFAULT ' ~ default if default is not none else '')) -%}
  {%- endfor -%}
  {{ arguments | join(', ') }}
{%- endmacro -%}

{%- macro scalar_function_body_sql() -%}
  {{ adapter.dispatch('scalar_function_body_sql', 'dbt')() }}
{%- endmacro -%}

{%- macro default__scalar_function_body_sql() -%}
  $$
  {{ sql }}
  $$ LANGUAGE SQL
{%- endmacro -%}

{%- macro scalar_function_volatility_sql() -%}
  {{ adapter.dispatch('scalar_function_volatility_sql', 'dbt')() }}
{%- endmacro -%}

{%- macro default__scalar_function_volatility_sql() -%}
  {%- set words = {'deterministic': 'IMMUTABLE', 'stable': 'STABLE', 'non-deterministic': 'VOLATILE'} -%}
  {%- set volatility = config.get('volatility') -%}
  {%- if volatility in words -%}
    {{ words[volatility] }}
  {%- elif volatility -%}
    {%- do unsupported_volatility_warning(volatility) -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro unsupported_volatility_warning(volatility) -%}
  {{ adapter.dispatch('unsupported_volatility_warning', 'dbt')(volatility) }}
{%- endmacro -%}

{%- macro default__unsupported_volatility_warning(volatility) -%}
  {{ exceptions.warn("Found `" ~ volatility ~ "` volatility specified on function `" ~ model.name ~ "`. This volatility is not supported by " ~ adapter.type() ~ ", and will be ignored") }}
{%- endmacro -%}
