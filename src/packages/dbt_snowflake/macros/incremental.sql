{#- Tables that later runs add to. What is new is a temporary view where one statement reads it, a temporary table where
    several do. -#}
{% materialization incremental, adapter='snowflake', supported_languages=['sql', 'python'] %}
  {%- set original_query_tag = set_query_tag() -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set unique_key = config.get('unique_key') -%}
  {%- set incremental_strategy = config.get('incremental_strategy') or 'default' -%}
  {%- set tmp_relation_type = dbt_snowflake_get_tmp_relation_type(incremental_strategy, unique_key, model['language']) -%}
  {%- set full_refresh_mode = should_full_refresh() -%}
  {%- set is_new = existing_relation is none or full_refresh_mode or not existing_relation.is_table -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {%- set grant_config = config.get('grants') -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}

  {%- if is_new -%}
    {{ tamis_make_way_for_table(existing_relation) }}
    {% call statement('main', language=model['language']) -%}
      {{ create_table_as(false, target_relation, compiled_code, model['language']) }}
    {%- endcall %}
  {%- else -%}
    {{ tamis_add_to_table(existing_relation, target_relation, tmp_relation_type, incremental_strategy, on_schema_change) }}
  {%- endif -%}

  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=false) }}
  {%- do unset_query_tag(original_query_tag) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{%- macro tamis_add_to_table(existing_relation, target_relation, tmp_relation_type, incremental_strategy, on_schema_change) -%}
  {%- set temp_relation = make_temp_relation(this).incorporate(type=tmp_relation_type) -%}
  {%- if tmp_relation_type == 'view' -%}
    {%- do run_query(snowflake__create_view_as_with_temp_flag(temp_relation, compiled_code, true)) -%}
  {%- else -%}
    {%- do run_query(create_table_as(true, temp_relation, compiled_code)) -%}
  {%- endif -%}
  {%- do adapter.expand_target_column_types(from_relation=temp_relation, to_relation=target_relation) -%}
  {%- set dest_columns = process_schema_changes(on_schema_change, temp_relation, existing_relation) -%}
  {%- if not dest_columns -%}
    {%- set dest_columns = adapter.get_columns_in_relation(existing_relation) -%}
  {%- endif -%}
  {%- set strategy_macro = adapter.get_incremental_strategy_macro(context, incremental_strategy) -%}
  {%- set build_sql = strategy_macro({
      'target_relation': target_relation,
      'temp_relation': temp_relation,
      'unique_key': config.get('unique_key'),
      'dest_columns': dest_columns,
      'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none),
  }) -%}
  {% call statement('main') -%}
    {{ build_sql }}
  {%- endcall %}
  {{ drop_relation_if_exists(temp_relation) }}
{%- endmacro -%}

{#- `view` or `table`. DELETE and INSERT would each run the query of a view, and the second might see other rows. -#}
{%- macro dbt_snowflake_get_tmp_relation_type(strategy, unique_key, language) -%}
  {%- set wanted = config.get('tmp_relation_type') -%}
  {%- if language == 'python' and wanted == 'view' -%}
    {%- do exceptions.raise_compiler_error("Python models currently only support 'table' for tmp_relation_type but " ~ wanted ~ " was specified.") -%}
  {%- endif -%}
  {%- if strategy == 'delete+insert' and wanted == 'view' and unique_key is not none -%}
    {%- do exceptions.raise_compiler_error(
        "In order to maintain consistent results when `unique_key` is not none, the `delete+insert` strategy only supports"
        ~ " `table` for `tmp_relation_type` but " ~ wanted ~ " was specified.") -%}
  {%- endif -%}
  {%- if wanted in ('view', 'table') -%}
    {{ return(wanted) }}
  {%- elif language == 'python' or (strategy == 'delete+insert' and unique_key is not none) -%}
    {{ return('table') }}
  {%- endif -%}
  {{ return('view') }}
{%- endmacro -%}

{%- macro snowflake__get_incremental_default_sql(arg_dict) -%}
  {{ return(get_incremental_merge_sql(arg_dict)) }}
{%- endmacro -%}

{%- macro snowflake__get_incremental_append_sql(arg_dict) -%}
  {{ return(snowflake_dml_explicit_transaction(default__get_incremental_append_sql(arg_dict))) }}
{%- endmacro -%}

{#- Without a key there is nothing to match: all rows are new. -#}
{%- macro snowflake__get_merge_sql(target, source_sql, unique_key, dest_columns, incremental_predicates) -%}
  {%- if unique_key -%}
    {{ snowflake_dml_explicit_transaction(default__get_merge_sql(target, source_sql, unique_key, dest_columns, incremental_predicates)) }}
  {%- else -%}
    {{ snowflake_dml_explicit_transaction(get_insert_into_sql(target, source_sql, dest_columns)) }}
  {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
  {{ snowflake_dml_explicit_transaction(
      default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates)) }}
{%- endmacro -%}

{%- macro get_incremental_insert_overwrite_sql(arg_dict) -%}
  {{ return(adapter.dispatch('insert_overwrite_get_sql', 'dbt')(
      arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'], arg_dict['dest_columns'])) }}
{%- endmacro -%}

{#- All rows are replaced. `overwrite_columns` names the columns to fill; by default those of the table. -#}
{%- macro snowflake__insert_overwrite_get_sql(target, source, unique_key, dest_columns) -%}
  {%- set wanted = config.get('overwrite_columns') or [] -%}
  {%- set names = wanted | join(', ') if wanted else get_quoted_csv(dest_columns | map(attribute='name')) -%}
  {%- set dml -%}
    insert overwrite into {{ target }} ({{ names }})
    select {{ names }}
    from {{ source }}
  {%- endset -%}
  {{ return(snowflake_dml_explicit_transaction(dml)) }}
{%- endmacro -%}

{#- The rows of one batch's window are replaced, in one step. -#}
{%- macro snowflake__get_incremental_microbatch_sql(arg_dict) -%}
  {%- set target = arg_dict['target_relation'] -%}
  {%- set event_time = 'DBT_INTERNAL_TARGET.' ~ config.get('event_time') -%}
  {%- set conditions = [] + (arg_dict['incremental_predicates'] or []) -%}
  {%- if model.batch and model.batch.event_time_start -%}
    {%- do conditions.append(event_time ~ " >= to_timestamp_tz('" ~ model.batch.event_time_start ~ "')") -%}
  {%- endif -%}
  {%- if model.batch and model.batch.event_time_end -%}
    {%- do conditions.append(event_time ~ " < to_timestamp_tz('" ~ model.batch.event_time_end ~ "')") -%}
  {%- endif -%}
  {%- set dml -%}
    {%- if conditions %}
    delete from {{ target }} DBT_INTERNAL_TARGET
    where (
      {{ conditions | join('\n      and ') }}
    );
    {%- endif %}
    {{ get_insert_into_sql(target, arg_dict['temp_relation'], arg_dict['dest_columns']) }}
  {%- endset -%}
  {{ return(snowflake_dml_explicit_transaction(dml)) }}
{%- endmacro -%}
