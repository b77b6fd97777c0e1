{#- Incremental strategies in this engine's SQL. -#}

{#- Keys replace rows; without a key rows are added. -#}
{%- macro datafusion__get_incremental_default_sql(arg_dict) -%}
  {%- if arg_dict['unique_key'] -%}
    {{ return(get_incremental_delete_insert_sql(arg_dict)) }}
  {%- endif -%}
  {{ return(get_incremental_append_sql(arg_dict)) }}
{%- endmacro -%}

{%- macro datafusion__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {%- set names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
  {%- if unique_key -%}
    {%- if unique_key is string or unique_key | length == 1 -%}
      {%- set key = unique_key if unique_key is string else unique_key[0] -%}
      delete from {{ target }} as DBT_INTERNAL_DEST
      where {{ key }} in (
        select {{ key }}
        from {{ source }} as DBT_INTERNAL_SOURCE
      )
    {%- else -%}
      delete from {{ target }} as DBT_INTERNAL_DEST
      where exists (
        select 1
        from {{ source }} as DBT_INTERNAL_SOURCE
        where {% for key in unique_key -%}
          DBT_INTERNAL_SOURCE.{{ key }} = DBT_INTERNAL_DEST.{{ key }}{{ ' and ' if not loop.last }}
        {%- endfor %}
      )
    {%- endif -%}
    {%- for predicate in incremental_predicates or [] %}
      and {{ predicate }}
    {%- endfor -%};
  {%- endif %}
  insert into {{ target }} ({{ names }})
  (
    select {{ names }}
    from {{ source }}
  )
{%- endmacro -%}

{#- The partitions of `partition_by` that the new rows touch are replaced; without partitions, or with predicates, what the
    predicates name is, and all rows without either. -#}
{%- macro datafusion__get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header=false) -%}
  {%- set names = get_quoted_csv(dest_columns | map(attribute='name')) -%}
  {%- set partition_by = tamis_config_list('partition_by') -%}
  delete from {{ target }} as DBT_INTERNAL_DEST
  where true
  {%- for predicate in predicates or [] %}
    and {{ predicate }}
  {%- endfor -%}
  {%- if partition_by and not predicates -%}
    {%- if partition_by | length == 1 %}
    and {{ partition_by[0] }} in (select {{ partition_by[0] }} from {{ source }} as DBT_INTERNAL_SOURCE)
    {%- else %}
    and exists (
      select 1
      from {{ source }} as DBT_INTERNAL_SOURCE
      where {% for key in partition_by -%}
        DBT_INTERNAL_SOURCE.{{ key }} = DBT_INTERNAL_DEST.{{ key }}{{ ' and ' if not loop.last }}
      {%- endfor %}
    )
    {%- endif -%}
  {%- endif -%};
  insert into {{ target }} ({{ names }})
  (
    select {{ names }}
    from {{ source }}
  )
{%- endmacro -%}

{#- The rows of one batch's window are replaced. What the query gives outside of the window is left to the other batches. -#}
{%- macro datafusion__get_incremental_microbatch_sql(arg_dict) -%}
  {%- set target = arg_dict['target_relation'] -%}
  {%- set event_time = config.get('event_time') -%}
  {%- set names = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
  {%- set conditions = [] -%}
  {%- if model.batch and model.batch.event_time_start -%}
    {%- do conditions.append(event_time ~ " >= timestamp '" ~ model.batch.event_time_start.strftime('%Y-%m-%d %H:%M:%S') ~ "'") -%}
  {%- endif -%}
  {%- if model.batch and model.batch.event_time_end -%}
    {%- do conditions.append(event_time ~ " < timestamp '" ~ model.batch.event_time_end.strftime('%Y-%m-%d %H:%M:%S') ~ "'") -%}
  {%- endif -%}
  {%- set window = [] + conditions -%}
  {%- do conditions.extend(arg_dict['incremental_predicates'] or []) -%}
  {%- if conditions -%}
  delete from {{ target }} as DBT_INTERNAL_DEST
  where ({{ conditions | join(') and (') }});
  {%- endif %}
  insert into {{ target }} ({{ names }})
  (
    select {{ names }}
    from {{ arg_dict['temp_relation'] }}
    {%- if window %}
    where ({{ window | join(') and (') }})
    {%- endif %}
  )
{%- endmacro -%}
