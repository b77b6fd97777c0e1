{#- Dropping, renaming and changing relations. -#}
{%- macro snowflake__get_drop_sql(relation) -%}
  {%- if relation.is_dynamic_table -%}
    {{ snowflake__get_drop_dynamic_table_sql(relation) }}
  {%- else -%}
    {{ default__get_drop_sql(relation) }}
  {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__get_drop_dynamic_table_sql(relation) -%}
  drop dynamic table if exists {{ relation }}
{%- endmacro -%}

{%- macro snowflake__rename_relation(from_relation, to_relation) -%}
  {%- call statement('rename_relation') -%}
    {{ tamis_rename_sql(from_relation, to_relation.render()) }}
  {%- endcall -%}
{%- endmacro -%}

{%- macro tamis_rename_sql(relation, new_name) -%}
  alter {{ tamis_ddl_word(relation) }} {{ relation }} rename to {{ new_name }}
{%- endmacro -%}

{#- What the relation is called after ALTER and COMMENT ON. -#}
{%- macro tamis_ddl_word(relation) -%}
  {%- if relation.is_dynamic_table -%}
    {{ return('dynamic table') }}
  {%- elif relation.is_view -%}
    {{ return('view') }}
  {%- elif relation.is_materialized_view -%}
    {{ return('materialized view') }}
  {%- elif relation.is_iceberg_format -%}
    {{ return('iceberg table') }}
  {%- endif -%}
  {{ return('table') }}
{%- endmacro -%}

{#- `new_name` is an identifier: the relation stays in its schema. -#}
{%- macro snowflake__get_rename_sql(relation, new_name) -%}
  {{ tamis_rename_sql(relation, relation.incorporate(path={'identifier': new_name}).render()) }}
{%- endmacro -%}

{%- macro snowflake__get_create_sql(relation, sql) -%}
  {%- if relation.is_dynamic_table -%}
    {{ snowflake__get_create_dynamic_table_as_sql(relation, sql) }}
  {%- else -%}
    {{ default__get_create_sql(relation, sql) }}
  {%- endif -%}
{%- endmacro -%}

{%- macro snowflake__get_replace_table_sql(relation, sql) -%}
  {{ get_create_table_as_sql(false, relation, sql) }}
{%- endmacro -%}

{%- macro snowflake__get_replace_view_sql(relation, sql) -%}
  {{ get_create_view_as_sql(relation, sql) }}
{%- endmacro -%}

{%- macro snowflake__get_replace_sql(existing_relation, target_relation, sql) -%}
  {%- if existing_relation.is_dynamic_table and target_relation.is_dynamic_table -%}
    {{ snowflake__get_replace_dynamic_table_sql(target_relation, sql) }}
  {%- else -%}
    {{ default__get_replace_sql(existing_relation, target_relation, sql) }}
  {%- endif -%}
{%- endmacro -%}

{#- Statements that take effect together. -#}
{%- macro snowflake_dml_explicit_transaction(dml) -%}
  begin;
  {{ dml | trim | trim(';') }};
  commit;
{%- endmacro -%}

{%- macro snowflake__truncate_relation(relation) -%}
  {%- call statement('truncate_relation') -%}
    {{ snowflake_dml_explicit_transaction('truncate table ' ~ relation.render()) }}
  {%- endcall -%}
{%- endmacro -%}

{%- macro snowflake__alter_column_type(relation, column_name, new_column_type) -%}
  {%- do run_query(
      'alter table ' ~ relation.render() ~ ' alter ' ~ adapter.quote(column_name) ~ ' set data type ' ~ new_column_type) -%}
{%- endmacro -%}

{%- macro snowflake__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
  {%- set head = 'alter ' ~ ('dynamic table ' if relation.is_dynamic_table else 'iceberg table ' if relation.is_iceberg_format else 'table ')
      ~ relation.render() -%}
  {%- set added = [] -%}
  {%- for column in add_columns or [] -%}
    {%- do added.append(column.quoted ~ ' ' ~ column.expanded_data_type) -%}
  {%- endfor -%}
  {%- if added -%}
    {%- do run_query(head ~ ' add column ' ~ added | join(', ')) -%}
  {%- endif -%}
  {%- if remove_columns -%}
    {%- do run_query(head ~ ' drop column ' ~ remove_columns | map(attribute='quoted') | join(', ')) -%}
  {%- endif -%}
{%- endmacro -%}

