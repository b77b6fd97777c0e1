{#- A table that is built anew when what it was made of changed: its query, or a version of what it reads. -#}
{% materialization materialized_view, adapter='datafusion' %}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set grant_config = config.get('grants') -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}

  {#- Before the query runs: what changes meanwhile is found by the next run. -#}
  {%- set inputs = adapter.tamis_input_versions() -%}
  {%- set parts = {
      'inputs': inputs,
      'query': sql,
      'layout': [tamis_config_list('partition_by'), tamis_config_list('cluster_by'), config.get('tblproperties')],
  } -%}
  {%- set made_of = none if inputs is none else local_md5(tojson(parts)) -%}
  {%- set is_current = made_of is not none
      and existing_relation is not none and existing_relation.is_table and not should_full_refresh()
      and adapter.tamis_table_property(target_relation, 'tamis.madeOf') == made_of -%}
  {%- if is_current -%}
    {% call noop_statement('main', 'UP TO DATE', 'UP TO DATE') -%}
      -- the query and the versions of all inputs are those of the last refresh
    {%- endcall %}
  {%- else -%}
    {%- do run_query('begin') -%}
    {% call statement('main') -%}
      {{ get_create_table_as_sql(false, target_relation, sql) }}
    {%- endcall %}
    {%- if made_of is not none -%}
      {%- do run_query('alter table ' ~ target_relation.render() ~ " set tblproperties ('tamis.madeOf' = '" ~ made_of ~ "')") -%}
    {%- endif -%}
    {%- do run_query('commit') -%}
    {% do create_indexes(target_relation) %}
    {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode=true)) %}
    {% do persist_docs(target_relation, model) %}
  {%- endif -%}
  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {{ run_hooks(post_hooks, inside_transaction=false) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
