{#- A table that keeps every state of a row: a new state closes the old one. -#}
{% materialization snapshot, default %}
  {%- set strategy_name = config.get('strategy') -%}
  {%- set grant_config = config.get('grants') -%}
  {%- set target_relation_exists, target_relation = get_or_create_relation(
      database=model.database, schema=model.schema, identifier=model.get('alias', model.get('name')), type='table') -%}
  {%- if not target_relation.is_table -%}
    {%- do exceptions.relation_wrong_type(target_relation, 'table') -%}
  {%- endif -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}

  {%- set strategy_macro = strategy_dispatch(strategy_name) -%}
  {%- set strategy = strategy_macro(model, 'snapshotted_data', 'source_data', model['config'], target_relation_exists) -%}

  {%- if not target_relation_exists -%}
    {%- set build_sql = build_snapshot_table(strategy, model['compiled_code']) -%}
    {{ check_time_data_types(build_sql) }}
    {% call statement('main') -%}
      {{ get_create_table_as_sql(false, target_relation, build_sql) }}
    {%- endcall %}
  {%- else -%}
    {%- set staging_table = tamis_update_snapshot(strategy, sql, target_relation) -%}
  {%- endif -%}

  {% do apply_grants(target_relation, grant_config, should_revoke(target_relation_exists, full_refresh_mode=false)) %}
  {% do persist_docs(target_relation, model) %}
  {%- if not target_relation_exists -%}
    {% do create_indexes(target_relation) %}
  {%- endif -%}
  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {% do adapter.commit() %}
  {%- if staging_table is defined -%}
    {% do post_snapshot(staging_table) %}
  {%- endif -%}
  {{ run_hooks(post_hooks, inside_transaction=false) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Adds what the query has now to a snapshot that is there; gives the staging table. -#}
{%- macro tamis_update_snapshot(strategy, sql, target_relation) -%}
  {{ adapter.assert_valid_snapshot_target_given_strategy(target_relation, get_snapshot_table_column_names(), strategy) }}
  {{ check_time_data_types(build_snapshot_table(strategy, sql)) }}
  {%- set staging_table = build_snapshot_staging_table(strategy, sql, target_relation) -%}
  {%- do tamis_begin_changes() -%}
  {%- do adapter.expand_target_column_types(from_relation=staging_table, to_relation=target_relation) -%}
  {%- do tamis_widen_numbers(staging_table, target_relation) -%}
  {%- set added = adapter.get_missing_columns(staging_table, target_relation) -%}
  {%- do create_columns(target_relation, tamis_without_staging_columns(added)) -%}
  {%- set inserted = [] -%}
  {%- for column in tamis_without_staging_columns(adapter.get_columns_in_relation(staging_table)) -%}
    {%- do inserted.append(adapter.quote(column.name)) -%}
  {%- endfor -%}
  {% call statement('main') -%}
    {{ snapshot_merge_sql(target=target_relation, source=staging_table, insert_cols=inserted) }}
  {%- endcall %}
  {%- do tamis_commit_changes() -%}
  {{ return(staging_table) }}
{%- endmacro -%}

{#- Numbers that the table's columns would round or could not hold get columns of their own type. -#}
{%- macro tamis_widen_numbers(from_relation, to_relation) -%}
  {%- set widths = {'tinyint': 1, 'smallint': 2, 'integer': 3, 'bigint': 4} -%}
  {%- set known = {} -%}
  {%- for column in adapter.get_columns_in_relation(to_relation) -%}
    {%- do known.update({column.name | lower: column}) -%}
  {%- endfor -%}
  {%- for column in adapter.get_columns_in_relation(from_relation) if column.name | lower in known -%}
    {%- set old = known[column.name | lower] -%}
    {%- set is_wider = (old.is_integer() and (column.is_float() or column.is_numeric()))
        or (old.is_integer() and column.is_integer()
            and widths.get(column.dtype | lower, 0) > widths.get(old.dtype | lower, 9))
        or (old.is_numeric() and column.is_float())
        or (old.is_numeric() and column.is_numeric() and column.numeric_scale > old.numeric_scale) -%}
    {%- if is_wider -%}
      {%- do alter_column_type(to_relation, old.name, column.data_type) -%}
    {%- endif -%}
  {%- endfor -%}
{%- endmacro -%}

{#- Around statements that take effect together, on engines where each takes effect at once. -#}
{%- macro tamis_begin_changes() -%}
  {{ return(adapter.dispatch('tamis_begin_changes', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__tamis_begin_changes() -%}
{%- endmacro -%}

{%- macro tamis_commit_changes() -%}
  {{ return(adapter.dispatch('tamis_commit_changes', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__tamis_commit_changes() -%}
{%- endmacro -%}

{#- The columns without those that only the staging table has. -#}
{%- macro tamis_without_staging_columns(columns) -%}
  {%- set kept = [] -%}
  {%- for column in columns if not tamis_is_staging_column(column.name) -%}
    {%- do kept.append(column) -%}
  {%- endfor -%}
  {{ return(kept) }}
{%- endmacro -%}

{#- Columns of the staging table that the snapshot has not. -#}
{%- macro tamis_is_staging_column(name) -%}
  {{ return(name | lower == 'dbt_change_type' or (name | lower).startswith('dbt_unique_key')) }}
{%- endmacro -%}

{#- The names of the five added columns, with the node's own where it sets them. -#}
{%- macro get_snapshot_table_column_names() -%}
  {%- set names = {
      'dbt_valid_to': 'dbt_valid_to',
      'dbt_valid_from': 'dbt_valid_from',
      'dbt_scd_id': 'dbt_scd_id',
      'dbt_updated_at': 'dbt_updated_at',
      'dbt_is_deleted': 'dbt_is_deleted',
  } -%}
  {%- for key, name in (config.get('snapshot_meta_column_names') or {}).items() if name -%}
    {%- do names.update({key: name}) -%}
  {%- endfor -%}
  {{ return(names) }}
{%- endmacro -%}

{%- macro build_snapshot_table(strategy, sql) -%}
  {{ adapter.dispatch('build_snapshot_table', 'dbt')(strategy, sql) }}
{%- endmacro -%}

{%- macro default__build_snapshot_table(strategy, sql) -%}
  {%- set columns = get_snapshot_table_column_names() -%}
  select
    *,
    {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
    {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
    {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
    {{ get_dbt_valid_to_current(strategy, columns) }}
    {%- if strategy.hard_deletes == 'new_record' -%},
    'False' as {{ columns.dbt_is_deleted }}
    {%- endif %}
  from (
    {{ sql }}
  ) sbq
{%- endmacro -%}

{#- `<no end> as dbt_valid_to`; typed like updated_at. -#}
{%- macro get_dbt_valid_to_current(strategy, columns) -%}
  {%- set current = tamis_snapshot_end(strategy) or 'null' -%}
  coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ current }}) as {{ columns.dbt_valid_to }}
{%- endmacro -%}

{#- The SQL of `dbt_valid_to_current`; none where current rows have no end. -#}
{%- macro tamis_snapshot_end(strategy=none) -%}
  {{ return(adapter.dispatch('tamis_snapshot_end', 'dbt')(strategy)) }}
{%- endmacro -%}

{%- macro default__tamis_snapshot_end(strategy) -%}
  {{ return(config.get('dbt_valid_to_current')) }}
{%- endmacro -%}

{%- macro build_snapshot_staging_table(strategy, sql, target_relation) -%}
  {%- set temp_relation = make_temp_relation(target_relation) -%}
  {%- set staging_sql = snapshot_staging_table(strategy, sql, target_relation) -%}
  {%- call statement('build_snapshot_staging_relation') -%}
    {{ create_table_as(true, temp_relation, staging_sql) }}
  {%- endcall -%}
  {{ return(temp_relation) }}
{%- endmacro -%}

{%- macro post_snapshot(staging_relation) -%}
  {{ adapter.dispatch('post_snapshot', 'dbt')(staging_relation) }}
{%- endmacro -%}

{%- macro default__post_snapshot(staging_relation) -%}
{%- endmacro -%}

{%- macro create_columns(relation, columns) -%}
  {{ adapter.dispatch('create_columns', 'dbt')(relation, columns) }}
{%- endmacro -%}

{%- macro default__create_columns(relation, columns) -%}
  {%- for column in columns -%}
    {%- call statement() -%}
      alter table {{ relation.render() }} add column {{ adapter.quote(column.name) }} {{ column.expanded_data_type }}
    {%- endcall -%}
  {%- endfor -%}
{%- endmacro -%}

{%- macro get_true_sql() -%}
  {{ adapter.dispatch('get_true_sql', 'dbt')() }}
{%- endmacro -%}

{%- macro default__get_true_sql() -%}
  {{ return('TRUE') }}
{%- endmacro -%}

{%- macro snapshot_merge_sql(target, source, insert_cols) -%}
  {{ adapter.dispatch('snapshot_merge_sql', 'dbt')(target, source, insert_cols) }}
{%- endmacro -%}

{%- macro default__snapshot_merge_sql(target, source, insert_cols) -%}
  {%- set columns = get_snapshot_table_column_names() -%}
  {%- set current = tamis_snapshot_end() -%}
  merge into {{ target.render() }} as DBT_INTERNAL_DEST
  using {{ source }} as DBT_INTERNAL_SOURCE
  on DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }} = DBT_INTERNAL_DEST.{{ columns.dbt_scd_id }}
  when matched
    and (DBT_INTERNAL_DEST.{{ columns.dbt_valid_to }} is null
      {%- if current %} or DBT_INTERNAL_DEST.{{ columns.dbt_valid_to }} = {{ current }}{% endif %})
    and DBT_INTERNAL_SOURCE.dbt_change_type in ('update', 'delete')
    then update set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
  when not matched
    and DBT_INTERNAL_SOURCE.dbt_change_type = 'insert'
    then insert ({{ insert_cols | join(', ') }})
    values ({% for column in insert_cols %}DBT_INTERNAL_SOURCE.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro -%}
