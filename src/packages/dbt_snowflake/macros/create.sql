{#- CREATE text of tables and views. All that protects rows is in the CREATE itself, so that they are never there without it. -#}
{%- macro snowflake__create_table_as(temporary, relation, compiled_code, language='sql') -%}
  {%- if language != 'sql' -%}
    {%- do exceptions.raise_not_implemented('python models are not supported by adapter ' ~ adapter.type()) -%}
  {%- endif -%}
  {%- if temporary -%}
    {{ snowflake__create_table_temporary_sql(relation, compiled_code) }}
  {%- elif tamis_table_format() == 'iceberg' -%}
    {{ snowflake__create_table_built_in_sql(relation, compiled_code) }}
  {%- else -%}
    {{ snowflake__create_table_info_schema_sql(relation, compiled_code) }}
  {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__create_table_temporary_sql(relation, compiled_code) -%}
  {{ tamis_sql_header() }}
  create or replace temporary table {{ relation }}
  as (
    {{ compiled_code }}
  );
{%- endmacro -%}

{#- `transient` unless the config says otherwise: it keeps no history that costs. -#}
{%- macro snowflake__create_table_info_schema_sql(relation, compiled_code) -%}
  {{ tamis_create_table('transient table' if config.get('transient', default=true) else 'table', relation, compiled_code, '') }}
{%- endmacro -%}

{%- macro snowflake__create_table_built_in_sql(relation, compiled_code) -%}
  {{ tamis_create_table('iceberg table', relation, compiled_code, tamis_iceberg_options(relation)) }}
{%- endmacro -%}

{#- Rows are sorted by the clustering keys as they are written; then Snowflake is told of the keys. -#}
{%- macro tamis_create_table(kind, relation, compiled_code, options) -%}
  {%- set is_contracted = config.get('contract').enforced -%}
  {%- set query = compiled_code -%}
  {%- if is_contracted -%}
    {{ get_assert_columns_equivalent(compiled_code) }}
    {%- set query = get_select_subquery(compiled_code) -%}
  {%- endif -%}
  {%- set keys = tamis_cluster_keys() -%}
  {{ tamis_sql_header() }}
  create or replace {{ kind }} {{ relation }}
  {%- if is_contracted %}
    {{ get_table_columns_and_constraints() }}
  {%- endif %}
  {{ options }}
  {{ 'copy grants' if config.get('copy_grants', default=false) }}
  {{ tamis_protection() }}
  as (
    {%- if keys %}
    select * from (
      {{ query }}
    ) order by ({{ keys }})
    {%- else %}
    {{ query }}
    {%- endif %}
  );
  {%- if keys %}
  alter {{ 'iceberg table' if kind == 'iceberg table' else 'table' }} {{ relation }} cluster by ({{ keys }});
  {%- endif %}
  {%- if keys and config.get('automatic_clustering', default=false) %}
  alter {{ 'iceberg table' if kind == 'iceberg table' else 'table' }} {{ relation }} resume recluster;
  {%- endif %}
{%- endmacro -%}

{%- macro tamis_sql_header() -%}
  {{ return(config.get('sql_header') or '') }}
{%- endmacro -%}

{#- `a, b` of `cluster_by`: one expression or a list. Empty without. -#}
{%- macro tamis_cluster_keys() -%}
  {%- set keys = config.get('cluster_by') or [] -%}
  {{ return(keys if keys is string else keys | join(', ')) }}
{%- endmacro -%}

{#- The clauses of `row_access_policy` and `table_tag`. -#}
{%- macro tamis_protection() -%}
  {%- set policy = config.get('row_access_policy') -%}
  {%- set tag = config.get('table_tag') -%}
  {{ 'with row access policy ' ~ policy if policy }}
  {{ 'with tag (' ~ tag ~ ')' if tag }}
{%- endmacro -%}

{%- macro tamis_table_format() -%}
  {{ return((config.get('table_format') or 'default') | lower) }}
{%- endmacro -%}

{%- macro tamis_iceberg_options(relation) -%}
  {%- set volume = config.get('external_volume') -%}
  {%- set root = config.get('base_location_root') or '_dbt' -%}
  {%- set below = config.get('base_location_subpath') -%}
  {{ "external_volume = '" ~ volume ~ "'" if volume }}
  catalog = 'SNOWFLAKE'
  base_location = '{{ root }}/{{ relation.schema }}/{{ relation.identifier }}{{ '/' ~ below if below }}'
  {{ "storage_serialization_policy = '" ~ config.get('storage_serialization_policy') ~ "'" if config.get('storage_serialization_policy') }}
  {{ 'data_retention_time_in_days = ' ~ config.get('data_retention_time_in_days') if config.get('data_retention_time_in_days') is not none }}
  {{ 'max_data_extension_time_in_days = ' ~ config.get('max_data_extension_time_in_days') if config.get('max_data_extension_time_in_days') is not none }}
  {{ 'change_tracking = ' ~ config.get('change_tracking') if config.get('change_tracking') is not none }}
{%- endmacro -%}

{%- macro snowflake__create_view_as(relation, sql) -%}
  {{ snowflake__create_view_as_with_temp_flag(relation, sql) }}
{%- endmacro -%}

{#- Comments of columns can only be given when the view is made. -#}
{%- macro snowflake__create_view_as_with_temp_flag(relation, sql, is_temporary=false) -%}
  {%- if config.get('contract').enforced and not is_temporary -%}
    {{ get_assert_columns_equivalent(sql) }}
  {%- endif -%}
  {%- set comments = '' -%}
  {%- if config.persist_column_docs() and model.columns -%}
    {%- set comments = get_persist_docs_column_list(model.columns, get_columns_in_query(sql)) -%}
  {%- endif -%}
  {{ tamis_sql_header() }}
  create or replace {{ 'secure ' if config.get('secure', default=false) }}{{ 'temporary ' if is_temporary }}view {{ relation }}
  {{ comments }}
  {{ 'copy grants' if config.get('copy_grants', default=false) }}
  {{ tamis_protection() }}
  as (
    {{ sql }}
  );
{%- endmacro -%}

{#- The columns of a view with their comments. -#}
{%- macro get_persist_docs_column_list(model_columns, query_columns) -%}
  {%- set lines = [] -%}
  {%- for name in query_columns -%}
    {%- do lines.append(get_column_comment_sql(name, model_columns)) -%}
  {%- endfor -%}
  (
    {{ lines | join(',\n    ') }}
  )
{%- endmacro -%}

{#- `"ID" COMMENT $$…$$`. The documented name may be written in any case. -#}
{%- macro get_column_comment_sql(column_name, column_dict) -%}
  {%- set column = column_dict.get(column_name) or column_dict.get(column_name | lower) or column_dict.get(column_name | upper) or {} -%}
  {{ return(adapter.quote(column_name) ~ ' COMMENT ' ~ tamis_dollar_quoted(column.get('description') or '')) }}
{%- endmacro -%}

{#- Text between $$ and $$, which cannot hold a $$ itself. -#}
{%- macro tamis_dollar_quoted(text) -%}
  {{ return('$$' ~ text | replace('$', '[$]') ~ '$$') }}
{%- endmacro -%}

{%- macro snowflake__can_clone_table() -%}
  {{ return(true) }}
{%- endmacro -%}

{%- macro snowflake__create_or_replace_clone(this_relation, defer_relation) -%}
  create or replace {{ 'transient ' if config.get('transient', default=true) }}table {{ this_relation }}
  clone {{ defer_relation }}
  {{ 'copy grants' if config.get('copy_grants', default=false) }}
{%- endmacro -%}

{#- Exchanges two tables in one step. -#}
{%- macro tamis_swap_tables(relation, other_relation) -%}
  {%- do run_query('alter table ' ~ relation.render() ~ ' swap with ' ~ other_relation.render()) -%}
{%- endmacro -%}
