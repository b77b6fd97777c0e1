{#- Snapshots: one reading of the query, one commit. -#}

{#- The query runs once, into a session's table, as the staging query reads it several times. -#}
{%- macro datafusion__snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {%- set source = tamis_snapshot_source(target_relation) -%}
  {%- do run_query(create_table_as(true, source, source_sql)) -%}
  {{ return(default__snapshot_staging_table(strategy, 'select * from ' ~ source, target_relation)) }}
{%- endmacro -%}

{%- macro tamis_snapshot_source(target_relation) -%}
  {{ return(make_temp_relation(target_relation, '__dbt_source')) }}
{%- endmacro -%}

{%- macro datafusion__tamis_begin_changes() -%}
  {%- do run_query('begin') -%}
{%- endmacro -%}

{%- macro datafusion__tamis_commit_changes() -%}
  {%- do run_query('commit') -%}
{%- endmacro -%}

{#- A state that is current and stays so is not inserted again, whatever the source repeats. One that was closed is
    inserted, even with an id that the table has: a row that came back, or changed without a newer `updated_at`. -#}
{%- macro datafusion__snapshot_merge_sql(target, source, insert_cols) -%}
  {%- set columns = get_snapshot_table_column_names() -%}
  {%- set current = tamis_snapshot_end() -%}
  {%- do tamis_refuse_repeated_keys(source, columns) -%}
  merge into {{ target.render() }} as DBT_INTERNAL_DEST
  using (
    with closed as (
      select {{ columns.dbt_scd_id }} as scd_id
      from {{ source }}
      where dbt_change_type <> 'insert'
    ),

    kept as (
      select DBT_INTERNAL_DEST.{{ columns.dbt_scd_id }} as scd_id
      from {{ target.render() }} as DBT_INTERNAL_DEST
      left join closed on closed.scd_id = DBT_INTERNAL_DEST.{{ columns.dbt_scd_id }}
      where {{ tamis_is_current(columns, current) }}
        and closed.scd_id is null
    )

    select staged.*
    from {{ source }} as staged
    left join kept on kept.scd_id = staged.{{ columns.dbt_scd_id }}
    where staged.dbt_change_type <> 'insert' or kept.scd_id is null
  ) as DBT_INTERNAL_SOURCE
  on DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }} = DBT_INTERNAL_DEST.{{ columns.dbt_scd_id }}
    and DBT_INTERNAL_SOURCE.dbt_change_type <> 'insert'
    and {{ tamis_is_current(columns, current) }}
  when matched
    then update set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
  when not matched
    and DBT_INTERNAL_SOURCE.dbt_change_type = 'insert'
    then insert ({{ insert_cols | join(', ') }})
    values ({% for column in insert_cols %}DBT_INTERNAL_SOURCE.{{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro -%}

{%- macro tamis_is_current(columns, current) -%}
  (DBT_INTERNAL_DEST.{{ columns.dbt_valid_to }} is null
  {%- if current %} or DBT_INTERNAL_DEST.{{ columns.dbt_valid_to }} = {{ current }}{% endif %})
{%- endmacro -%}

{#- Two rows of one key would both close the old state. -#}
{%- macro tamis_refuse_repeated_keys(source, columns) -%}
  {%- set keys = config.get('unique_key') -%}
  {%- set names = tamis_unique_key_names(keys) | join(', ') -%}
  {%- set repeated = run_query(
      'select ' ~ names ~ ' from ' ~ source ~ " where dbt_change_type <> 'insert' group by " ~ names ~ ', '
      ~ columns.dbt_scd_id ~ ' having count(*) > 1 limit 1') -%}
  {%- if execute and repeated.rows | length > 0 -%}
    {%- set values = [] -%}
    {%- for value in repeated.rows[0].values() -%}
      {%- do values.append(value | string) -%}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error(
        'the query of snapshot `' ~ model.name ~ '` has several rows with the unique key ' ~ values | join(', ')
        ~ '; a snapshot needs one row per key (`unique_key: '
        ~ (keys if keys is string else keys | join(', ')) ~ '`)') }}
  {%- endif -%}
{%- endmacro -%}

{#- In the type of the column: a date that is compared with a time would become nanoseconds, which end in 2262. -#}
{%- macro datafusion__tamis_snapshot_end(strategy) -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
  {%- if not current -%}
    {{ return(none) }}
  {%- endif -%}
  {%- if strategy -%}
    {%- set query -%}
      select {{ strategy.updated_at }} as updated_at from ({{ model['compiled_code'] }}) sbq
    {%- endset -%}
    {{ return('cast(' ~ current ~ ' as ' ~ get_column_schema_from_query(query)[0].data_type ~ ')') }}
  {%- endif -%}
  {%- set name = get_snapshot_table_column_names().dbt_valid_to -%}
  {%- for column in adapter.get_columns_in_relation(this) if column.name | lower == name | lower -%}
    {{ return('cast(' ~ current ~ ' as ' ~ column.data_type ~ ')') }}
  {%- endfor -%}
  {{ return(current) }}
{%- endmacro -%}

{%- macro datafusion__post_snapshot(staging_relation) -%}
  {%- do run_query('drop table if exists ' ~ staging_relation) -%}
  {%- do run_query('drop table if exists ' ~ tamis_snapshot_source(this)) -%}
{%- endmacro -%}

{%- macro datafusion__snapshot_string_as_time(timestamp) -%}
  {{ return("cast('" ~ timestamp ~ "' as timestamp)") }}
{%- endmacro -%}
