{#- The rows that a snapshot's next run inserts, closes or marks as deleted. -#}
{%- macro snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {{ adapter.dispatch('snapshot_staging_table', 'dbt')(strategy, source_sql, target_relation) }}
{%- endmacro -%}

{%- macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  {%- set current = tamis_snapshot_end() -%}
  {%- set with_marker = strategy.hard_deletes == 'new_record' -%}
  {%- set closes_missing = strategy.hard_deletes in ('invalidate', 'new_record') or strategy.invalidate_hard_deletes -%}
  {%- if with_marker -%}
    {%- set new_scd_id = snapshot_hash_arguments([columns.dbt_scd_id, snapshot_get_time()]) -%}
  {%- endif -%}
  with snapshot_query as (
    {{ source_sql }}
  ),

  snapshotted_data as (
    select
      *,
      {{ unique_key_fields(strategy.unique_key) }}
    from {{ target_relation }}
    where {{ columns.dbt_valid_to }} is null
    {%- if current %} or {{ columns.dbt_valid_to }} = {{ current }}{% endif %}
  ),

  insertions_source_data as (
    select
      *,
      {{ unique_key_fields(strategy.unique_key) }},
      {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
      {{ get_dbt_valid_to_current(strategy, columns) }},
      {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
    from snapshot_query
  ),

  updates_source_data as (
    select
      *,
      {{ unique_key_fields(strategy.unique_key) }},
      {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}
    from snapshot_query
  ),

  {% if closes_missing -%}
  deletes_source_data as (
    select
      *,
      {{ unique_key_fields(strategy.unique_key) }}
    from snapshot_query
  ),
  {%- endif %}

  insertions as (
    select
      'insert' as dbt_change_type,
      source_data.*
      {%- if with_marker -%},
      'False' as {{ columns.dbt_is_deleted }}
      {%- endif %}
    from insertions_source_data as source_data
    left outer join snapshotted_data on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
    where {{ unique_key_is_null(strategy.unique_key, 'snapshotted_data') }}
      or ({{ unique_key_is_not_null(strategy.unique_key, 'snapshotted_data') }} and (
        {{ strategy.row_changed }}
        {%- if with_marker %} or snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'{% endif %}
      ))
  ),

  updates as (
    select
      'update' as dbt_change_type,
      source_data.*,
      snapshotted_data.{{ columns.dbt_scd_id }}
      {%- if with_marker -%},
      snapshotted_data.{{ columns.dbt_is_deleted }}
      {%- endif %}
    from updates_source_data as source_data
    inner join snapshotted_data on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
    where (
      {{ strategy.row_changed }}
      {%- if with_marker %} or snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'{% endif %}
    )
  )

  {%- if closes_missing %},

  deletes as (
    select
      'delete' as dbt_change_type,
      source_data.*,
      {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
      {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
      {{ snapshot_get_time() }} as {{ columns.dbt_valid_to }},
      snapshotted_data.{{ columns.dbt_scd_id }}
      {%- if with_marker -%},
      snapshotted_data.{{ columns.dbt_is_deleted }}
      {%- endif %}
    from snapshotted_data
    left join deletes_source_data as source_data on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
    where {{ unique_key_is_null(strategy.unique_key, 'source_data') }}
      {%- if with_marker %} and not snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'{% endif %}
  )
  {%- endif -%}

  {%- if with_marker %}
  {%- set source_columns = get_column_schema_from_query(source_sql) | map(attribute='name') | list -%}
  {%- set known = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list -%},

  deletion_records as (
    select
      'insert' as dbt_change_type,
      {% for name in source_columns -%}
      {{ 'snapshotted_data.' ~ adapter.quote(name) if name in known else 'null' }} as {{ adapter.quote(name) }},
      {% endfor -%}
      {% if strategy.unique_key | is_list -%}
      {% for key in strategy.unique_key -%}
      snapshotted_data.{{ key }} as dbt_unique_key_{{ loop.index }},
      {% endfor -%}
      {%- else -%}
      snapshotted_data.dbt_unique_key as dbt_unique_key,
      {% endif -%}
      {{ snapshot_get_time() }} as {{ columns.dbt_valid_from }},
      {{ snapshot_get_time() }} as {{ columns.dbt_updated_at }},
      snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
      {{ new_scd_id }} as {{ columns.dbt_scd_id }},
      'True' as {{ columns.dbt_is_deleted }}
    from snapshotted_data
    left join deletes_source_data as source_data on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
    where {{ unique_key_is_null(strategy.unique_key, 'source_data') }}
      and not snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'
  )
  {%- endif %}

  {#- By name: the columns of the parts are in different orders. -#}
  {%- set order = ['dbt_change_type']
      + (get_column_schema_from_query(source_sql) | map(attribute='quoted') | list)
      + tamis_unique_key_names(strategy.unique_key)
      + [columns.dbt_updated_at, columns.dbt_valid_from, columns.dbt_valid_to, columns.dbt_scd_id]
      + ([columns.dbt_is_deleted] if with_marker else []) -%}
  {%- set parts = ['insertions', 'updates'] + (['deletes'] if closes_missing else []) + (['deletion_records'] if with_marker else []) %}
  {% for part in parts -%}
  select {{ order | join(', ') }} from {{ part }}
  {{ 'union all' if not loop.last }}
  {% endfor -%}
{%- endmacro -%}

{%- macro tamis_unique_key_names(unique_key) -%}
  {%- if not (unique_key | is_list) -%}
    {{ return(['dbt_unique_key']) }}
  {%- endif -%}
  {%- set names = [] -%}
  {%- for key in unique_key -%}
    {%- do names.append('dbt_unique_key_' ~ loop.index) -%}
  {%- endfor -%}
  {{ return(names) }}
{%- endmacro -%}

{%- macro unique_key_fields(unique_key) -%}
  {%- if unique_key | is_list -%}
    {%- for key in unique_key -%}
      {{ key }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last }}
    {%- endfor -%}
  {%- else -%}
    {{ unique_key }} as dbt_unique_key
  {%- endif -%}
{%- endmacro -%}

{%- macro unique_key_join_on(unique_key, identifier, from_identifier) -%}
  {%- for name in tamis_unique_key_names(unique_key) -%}
    {{ identifier }}.{{ name }} = {{ from_identifier }}.{{ name }}{{ ' and ' if not loop.last }}
  {%- endfor -%}
{%- endmacro -%}

{%- macro unique_key_is_null(unique_key, identifier) -%}
  {{ identifier }}.{{ tamis_unique_key_names(unique_key)[0] }} is null
{%- endmacro -%}

{%- macro unique_key_is_not_null(unique_key, identifier) -%}
  {{ identifier }}.{{ tamis_unique_key_names(unique_key)[0] }} is not null
{%- endmacro -%}

{#- Warns when the times of deletions have another type than the times of changes. -#}
{%- macro check_time_data_types(sql) -%}
  {%- set updated_at_type = get_updated_at_column_data_type(sql) -%}
  {%- set now_type = get_snapshot_get_time_data_type() -%}
  {%- if now_type is not none and updated_at_type is not none and now_type != updated_at_type -%}
    {%- do exceptions.warn_snapshot_timestamp_data_types(now_type, updated_at_type) -%}
  {%- endif -%}
{%- endmacro -%}

{#- The type of `dbt_updated_at` in a query that makes a snapshot. -#}
{%- macro get_updated_at_column_data_type(snapshot_sql) -%}
  {%- set wanted = get_snapshot_table_column_names().dbt_updated_at | lower -%}
  {%- for column in get_column_schema_from_query(snapshot_sql) if column.column | lower == wanted -%}
    {{ return(column.dtype) }}
  {%- endfor -%}
  {{ return(none) }}
{%- endmacro -%}

{%- macro get_snapshot_get_time_data_type() -%}
  {%- set columns = get_column_schema_from_query('select ' ~ snapshot_get_time() ~ ' as dbt_now') -%}
  {{ return(columns[0].dtype) }}
{%- endmacro -%}
