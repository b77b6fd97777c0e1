{#- Tables that Snowflake itself keeps up to date. -#}
{% materialization dynamic_table, adapter='snowflake' %}
  {%- set original_query_tag = set_query_tag() -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='dynamic_table') -%}
  {%- set grant_config = config.get('grants') -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}

  {%- set build_sql = dynamic_table_get_build_sql(existing_relation, target_relation) -%}
  {%- if build_sql | trim == '' -%}
    {{ dynamic_table_execute_no_op(target_relation) }}
  {%- else -%}
    {{ dynamic_table_execute_build_sql(build_sql, existing_relation, target_relation) }}
  {%- endif -%}

  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {{ run_hooks(post_hooks, inside_transaction=false) }}
  {%- do unset_query_tag(original_query_tag) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- CREATE, REPLACE, ALTER, or nothing: what brings the table from what it is to what the config says. -#}
{%- macro dynamic_table_get_build_sql(existing_relation, target_relation) -%}
  {%- if existing_relation is none -%}
    {{ return(get_create_sql(target_relation, sql)) }}
  {%- elif should_full_refresh() or not existing_relation.is_dynamic_table -%}
    {{ return(get_replace_sql(existing_relation, target_relation, sql)) }}
  {%- endif -%}
  {%- set on_change = config.get('on_configuration_change') or 'apply' -%}
  {%- set changes = snowflake__get_dynamic_table_configuration_changes(existing_relation, config) -%}
  {%- if changes is none -%}
    {%- do log('Nothing has changed in ' ~ target_relation) -%}
    {{ return('') }}
  {%- elif on_change == 'apply' -%}
    {{ return(snowflake__get_alter_dynamic_table_as_sql(existing_relation, changes, target_relation, sql)) }}
  {%- elif on_change == 'continue' -%}
    {{ exceptions.warn('Configuration changes were identified and `on_configuration_change` was set to `continue` for `' ~ target_relation.render() ~ '`') }}
    {{ return('') }}
  {%- elif on_change == 'fail' -%}
    {{ exceptions.raise_fail_fast_error('Configuration changes were identified and `on_configuration_change` was set to `fail` for `' ~ target_relation.render() ~ '`') }}
  {%- endif -%}
  {{ exceptions.raise_compiler_error('Unexpected configuration scenario: `' ~ on_change ~ '`') }}
{%- endmacro -%}

{%- macro dynamic_table_execute_no_op(relation) -%}
  {%- do store_raw_result(
      name='main', message='skip ' ~ relation, code='skip', rows_affected='-1') -%}
{%- endmacro -%}

{%- macro dynamic_table_execute_build_sql(build_sql, existing_relation, target_relation) -%}
  {%- set grant_config = config.get('grants') -%}
  {% call statement('main') -%}
    {{ build_sql }}
  {%- endcall %}
  {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode=true)) %}
  {% do persist_docs(target_relation, model) %}
{%- endmacro -%}

{%- macro snowflake__get_create_dynamic_table_as_sql(relation, sql) -%}
  create dynamic {{ 'iceberg ' if tamis_table_format() == 'iceberg' }}table {{ relation }}
  {{ tamis_dynamic_table_body(relation, sql) }}
{%- endmacro -%}

{%- macro snowflake__get_replace_dynamic_table_sql(relation, sql) -%}
  create or replace dynamic {{ 'iceberg ' if tamis_table_format() == 'iceberg' }}table {{ relation }}
  {{ tamis_dynamic_table_body(relation, sql) }}
{%- endmacro -%}

{%- macro tamis_dynamic_table_body(relation, sql) -%}
  {%- set target_lag = config.get('target_lag') -%}
  {%- set warehouse = config.get('snowflake_warehouse') -%}
  {%- if not warehouse -%}
    {{ exceptions.raise_compiler_error('the dynamic table `' ~ model.name ~ '` needs the config `snowflake_warehouse`: the warehouse that refreshes it') }}
  {%- endif -%}
  {%- if not target_lag and (config.get('scheduler') or 'ENABLE') | upper != 'DISABLE' -%}
    {{ exceptions.raise_compiler_error('the dynamic table `' ~ model.name ~ '` needs the config `target_lag`, like `1 hour` or `downstream`') }}
  {%- endif -%}
  {%- set keys = tamis_cluster_keys() -%}
  {{ "target_lag = '" ~ target_lag ~ "'" if target_lag }}
  warehouse = {{ warehouse }}
  {{ 'initialization_warehouse = ' ~ config.get('snowflake_initialization_warehouse') if config.get('snowflake_initialization_warehouse') }}
  {{ tamis_iceberg_options(relation) if tamis_table_format() == 'iceberg' }}
  refresh_mode = {{ config.get('refresh_mode') or 'AUTO' }}
  initialize = {{ config.get('initialize') or 'ON_CREATE' }}
  scheduler = '{{ config.get('scheduler') or 'ENABLE' }}'
  {{ tamis_protection() }}
  {{ 'cluster by (' ~ keys ~ ')' if keys }}
  {{ 'immutable where (' ~ config.get('immutable_where') ~ ')' if config.get('immutable_where') }}
  as (
    {{ sql }}
  )
{%- endmacro -%}

{%- macro snowflake__describe_dynamic_table(relation) -%}
  {%- set shown = run_query(
      "show dynamic tables like '" ~ relation.identifier ~ "' in schema " ~ relation.include(identifier=false)) -%}
  {{ return({'dynamic_table': shown}) }}
{%- endmacro -%}

{#- {key: {'context': what it is to be}}, with `refresh_mode` and the like only where Snowflake can not change it; none when
    the table is as the config says. -#}
{%- macro snowflake__get_dynamic_table_configuration_changes(existing_relation, new_config) -%}
  {%- set shown = snowflake__describe_dynamic_table(existing_relation)['dynamic_table'] -%}
  {%- if shown.rows | length == 0 -%}
    {{ return(none) }}
  {%- endif -%}
  {%- set row = shown.rows[0] -%}
  {%- set changes = {} -%}
  {%- set target_lag = config.get('target_lag') -%}
  {%- if target_lag and row['target_lag'] | lower != target_lag | lower -%}
    {%- do changes.update({'target_lag': {'context': target_lag}}) -%}
  {%- endif -%}
  {%- set warehouse = config.get('snowflake_warehouse') -%}
  {%- if warehouse and row['warehouse'] | upper != warehouse | trim('"') | upper -%}
    {%- do changes.update({'snowflake_warehouse': {'context': warehouse}}) -%}
  {%- endif -%}
  {%- set refresh_mode = config.get('refresh_mode') or 'AUTO' -%}
  {%- if refresh_mode | upper != 'AUTO' and row['refresh_mode'] | upper != refresh_mode | upper -%}
    {%- do changes.update({'refresh_mode': {'context': refresh_mode}}) -%}
  {%- endif -%}
  {%- set keys = tamis_cluster_keys() -%}
  {%- if 'cluster_by' in shown.column_names and tamis_same_keys(row['cluster_by'] or '') != tamis_same_keys(keys) -%}
    {%- do changes.update({'cluster_by': {'context': keys}}) -%}
  {%- endif -%}
  {{ return(changes or none) }}
{%- endmacro -%}

{#- Clustering keys for a comparison: SHOW tells `LINEAR(ID, NAME)`. -#}
{%- macro tamis_same_keys(keys) -%}
  {%- set inner = modules.re.sub('(?i)^linear\\((.*)\\)$', '\\1', keys | trim) -%}
  {{ return(inner | replace(' ', '') | replace('"', '') | upper) }}
{%- endmacro -%}

{#- Lag, warehouse and clustering are altered in place; another refresh mode needs a new table. -#}
{%- macro snowflake__get_alter_dynamic_table_as_sql(existing_relation, configuration_changes, target_relation, sql) -%}
  {%- if configuration_changes.refresh_mode -%}
    {{ get_replace_sql(existing_relation, target_relation, sql) }}
  {%- else -%}
    {%- if configuration_changes.target_lag or configuration_changes.snowflake_warehouse %}
    alter dynamic table {{ existing_relation }} set
      {%- if configuration_changes.target_lag %} target_lag = '{{ configuration_changes.target_lag.context }}'{% endif %}
      {%- if configuration_changes.snowflake_warehouse %} warehouse = {{ configuration_changes.snowflake_warehouse.context }}{% endif %};
    {%- endif -%}
    {%- if configuration_changes.cluster_by %}
    alter dynamic table {{ existing_relation }}
      {{ 'cluster by (' ~ configuration_changes.cluster_by.context ~ ')' if configuration_changes.cluster_by.context else 'drop clustering key' }};
    {%- endif -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__refresh_dynamic_table(relation) -%}
  alter dynamic table {{ relation }} refresh
{%- endmacro -%}
