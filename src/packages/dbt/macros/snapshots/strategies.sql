{#- Snapshot strategies: what a change is, and the id of a state. A strategy returns {unique_key, updated_at, row_changed,
    scd_id, invalidate_hard_deletes, hard_deletes}. -#}
{%- macro strategy_dispatch(name) -%}
  {%- set parts = name.split('.') -%}
  {%- set macro_name = 'snapshot_' ~ parts[-1] ~ '_strategy' -%}
  {%- if parts | length > 1 -%}
    {%- set package = context.get(parts[0]) -%}
    {%- if package is none or package[macro_name] is not defined -%}
      {{ exceptions.raise_compiler_error("Could not find macro '" ~ macro_name ~ "' in package '" ~ parts[0] ~ "'") }}
    {%- endif -%}
    {{ return(package[macro_name]) }}
  {%- endif -%}
  {%- if macro_name not in context -%}
    {{ exceptions.raise_compiler_error("Could not find snapshot strategy macro '" ~ macro_name ~ "' for snapshot strategy '" ~ name ~ "'") }}
  {%- endif -%}
  {{ return(context[macro_name]) }}
{%- endmacro -%}

{%- macro snapshot_hash_arguments(args) -%}
  {{ adapter.dispatch('snapshot_hash_arguments', 'dbt')(args) }}
{%- endmacro -%}

{%- macro default__snapshot_hash_arguments(args) -%}
  md5({% for arg in args -%}
    coalesce(cast({{ arg }} as varchar), ''){{ " || '|' || " if not loop.last }}
  {%- endfor %})
{%- endmacro -%}

{%- macro snapshot_string_as_time(timestamp) -%}
  {{ adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp) }}
{%- endmacro -%}

{%- macro default__snapshot_string_as_time(timestamp) -%}
  {%- do exceptions.raise_not_implemented('snapshot_string_as_time macro not implemented for adapter ' ~ adapter.type()) -%}
{%- endmacro -%}

{%- macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
  {%- set columns = get_snapshot_table_column_names() -%}
  {%- set unique_key = model_config.get('unique_key') -%}
  {%- set updated_at = model_config.get('updated_at') -%}
  {%- set hard_deletes = adapter.get_hard_deletes_behavior(model_config) -%}
  {{ return({
      'unique_key': unique_key,
      'updated_at': updated_at,
      'row_changed': '(' ~ snapshotted_rel ~ '.' ~ columns.dbt_valid_from ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')',
      'scd_id': snapshot_hash_arguments(api.Relation.scd_args(unique_key, updated_at)),
      'invalidate_hard_deletes': hard_deletes == 'invalidate',
      'hard_deletes': hard_deletes,
  }) }}
{%- endmacro -%}

{%- macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
  {%- set unique_key = model_config.get('unique_key') -%}
  {%- set hard_deletes = adapter.get_hard_deletes_behavior(model_config) -%}
  {%- set check_cols_config = model_config.get('check_cols') -%}
  {%- set updated_at = model_config.get('updated_at') or snapshot_get_time() -%}
  {%- set column_added = false -%}
  {%- if check_cols_config == 'all' -%}
    {%- set column_added, check_cols = snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
  {%- elif check_cols_config is iterable and check_cols_config is not string and check_cols_config | length > 0 -%}
    {%- set column_added, check_cols = snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
  {%- else -%}
    {%- do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) -%}
  {%- endif -%}
  {%- set row_changed -%}
    (
      {%- if column_added -%}
        {{ get_true_sql() }}
      {%- else -%}
        {%- for column in check_cols -%}
          {{ snapshotted_rel }}.{{ column }} <> {{ current_rel }}.{{ column }}
          or (({{ snapshotted_rel }}.{{ column }} is null) <> ({{ current_rel }}.{{ column }} is null))
          {{- ' or ' if not loop.last }}
        {%- endfor -%}
      {%- endif -%}
    )
  {%- endset -%}
  {{ return({
      'unique_key': unique_key,
      'updated_at': updated_at,
      'row_changed': row_changed,
      'scd_id': snapshot_hash_arguments(api.Relation.scd_args(unique_key, updated_at)),
      'invalidate_hard_deletes': hard_deletes == 'invalidate',
      'hard_deletes': hard_deletes,
  }) }}
{%- endmacro -%}

{#- (whether the query has columns to check that the table lacks, the quoted columns that both have). -#}
{%- macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
  {%- if not target_exists -%}
    {{ return((false, get_column_schema_from_query(node['compiled_code']) | map(attribute='quoted') | list)) }}
  {%- endif -%}
  {%- set query_columns = get_columns_in_query(node['compiled_code']) -%}
  {%- if check_cols_config != 'all' -%}
    {%- set wanted = check_cols_config | map('lower') | list -%}
    {%- set checked = [] -%}
    {%- for name in query_columns -%}
      {%- if name | lower in wanted -%}{%- do checked.append(name) -%}{%- endif -%}
    {%- endfor -%}
    {%- set query_columns = checked -%}
  {%- endif -%}
  {%- set table = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) -%}
  {%- set known = adapter.get_columns_in_relation(table) | map(attribute='name') | map('lower') | list -%}
  {%- set ns = namespace(added=false) -%}
  {%- set common = [] -%}
  {%- for name in query_columns -%}
    {%- if name | lower in known -%}
      {%- do common.append(adapter.quote(name)) -%}
    {%- else -%}
      {%- set ns.added = true -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return((ns.added, common)) }}
{%- endmacro -%}
