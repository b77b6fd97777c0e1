{#- Tables, views, seeds, snapshots and tests. Each sets the query tag of its config and sets it back. -#}
{% materialization table, adapter='snowflake', supported_languages=['sql', 'python'] %}
  {%- set original_query_tag = set_query_tag() -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set grant_config = config.get('grants') -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}
  {{ tamis_make_way_for_table(existing_relation) }}

  {% call statement('main', language=model['language']) -%}
    {{ create_table_as(false, target_relation, compiled_code, model['language']) }}
  {%- endcall %}

  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode=true)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=false) }}
  {%- do unset_query_tag(original_query_tag) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- CREATE OR REPLACE replaces its own kind only. -#}
{%- macro tamis_make_way_for_table(existing_relation) -%}
  {%- if existing_relation is not none
      and (not existing_relation.is_table or existing_relation.is_iceberg_format != (tamis_table_format() == 'iceberg')) -%}
    {{ drop_relation_if_exists(existing_relation) }}
  {%- endif -%}
{%- endmacro -%}

{% materialization view, adapter='snowflake' %}
  {%- set original_query_tag = set_query_tag() -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set grant_config = config.get('grants') -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}
  {%- if existing_relation is not none and not existing_relation.is_view -%}
    {{ handle_existing_table(should_full_refresh(), existing_relation) }}
  {%- endif -%}

  {% call statement('main') -%}
    {{ get_create_view_as_sql(target_relation, sql) }}
  {%- endcall %}

  {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode=true)) %}
  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=false) }}
  {%- do unset_query_tag(original_query_tag) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization seed, adapter='snowflake' %}
  {%- set original_query_tag = set_query_tag() -%}
  {%- set made = materialization_seed_default() -%}
  {%- do unset_query_tag(original_query_tag) -%}
  {{ return(made) }}
{% endmaterialization %}

{#- Rows go over in few large statements, all or none of them. -#}
{%- macro snowflake__load_csv_rows(model, agate_table) -%}
  {%- set names = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
  {%- do run_query('begin') -%}
  {%- do adapter.tamis_load(this.incorporate(type='table'), agate_table, 'append', columns=names) -%}
  {%- do run_query('commit') -%}
  {{ return('insert into ' ~ this.render() ~ ' (' ~ names ~ ') values …') }}
{%- endmacro -%}

{% materialization snapshot, adapter='snowflake' %}
  {%- set original_query_tag = set_query_tag() -%}
  {%- set made = materialization_snapshot_default() -%}
  {%- do unset_query_tag(original_query_tag) -%}
  {{ return(made) }}
{% endmaterialization %}

{%- macro snowflake__snapshot_merge_sql(target, source, insert_cols) -%}
  {{ snowflake_dml_explicit_transaction(default__snapshot_merge_sql(target, source, insert_cols)) }}
{%- endmacro -%}

{% materialization test, adapter='snowflake' %}
  {%- set original_query_tag = set_query_tag() -%}
  {%- set made = materialization_test_default() -%}
  {%- do unset_query_tag(original_query_tag) -%}
  {{ return(made) }}
{% endmaterialization %}
