{#- The kinds of nodes whose relation is replaced in one step. -#}
{% materialization table, adapter='datafusion' %}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set grant_config = config.get('grants') -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}

  {% call statement('main') -%}
    {{ get_create_table_as_sql(false, target_relation, sql) }}
  {%- endcall %}
  {% do create_indexes(target_relation) %}
  {{ run_hooks(post_hooks, inside_transaction=true) }}

  {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode=true)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=false) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- The query is checked under a name of its own; what stands in the place stays readable until the new view does. -#}
{% materialization view, adapter='datafusion' %}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set grant_config = config.get('grants') -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ drop_relation_if_exists(load_cached_relation(intermediate_relation)) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}

  {% call statement('main') -%}
    {{ get_create_view_as_sql(intermediate_relation, sql) }}
  {%- endcall %}
  {%- if existing_relation is none -%}
    {{ adapter.rename_relation(intermediate_relation, target_relation) }}
  {%- else -%}
    {% call statement('replace_view') -%}
      {{ tamis_as_replacing(get_create_view_as_sql(target_relation, sql)) }}
    {%- endcall %}
    {% do adapter.drop_relation(intermediate_relation) %}
  {%- endif -%}

  {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode=true)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {{ run_hooks(post_hooks, inside_transaction=false) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- A first run, a full refresh and a change from a view replace the relation in one commit; other runs add to the table
    in one commit. -#}
{% materialization incremental, adapter='datafusion' %}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set unique_key = config.get('unique_key') -%}
  {%- set full_refresh_mode = should_full_refresh() or (existing_relation is not none and existing_relation.is_view) -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {%- set grant_config = config.get('grants') -%}
  {%- set incremental_strategy = config.get('incremental_strategy') or 'default' -%}
  {%- set strategy_macro = adapter.get_incremental_strategy_macro(context, incremental_strategy) -%}

  {{ run_hooks(pre_hooks, inside_transaction=false) }}
  {{ run_hooks(pre_hooks, inside_transaction=true) }}

  {%- if existing_relation is none or full_refresh_mode -%}
    {% call statement('main') -%}
      {{ get_create_table_as_sql(false, target_relation, sql) }}
    {%- endcall %}
  {%- else -%}
    {%- set temp_relation = make_temp_relation(target_relation) -%}
    {%- do run_query(get_create_table_as_sql(true, temp_relation, sql)) -%}
    {%- set dest_columns = process_schema_changes(on_schema_change, temp_relation, existing_relation) -%}
    {%- if not dest_columns -%}
      {%- set dest_columns = adapter.get_columns_in_relation(existing_relation) -%}
    {%- endif -%}
    {%- set build_sql = strategy_macro({
        'target_relation': target_relation,
        'temp_relation': temp_relation,
        'unique_key': unique_key,
        'dest_columns': dest_columns,
        'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none),
    }) -%}
    {%- set one_statement = incremental_strategy in ('append', 'merge') or (incremental_strategy == 'default' and not unique_key) -%}
    {%- if not one_statement -%}
      {%- do run_query('begin') -%}
    {%- endif -%}
    {% call statement('main') -%}
      {{ build_sql }}
    {%- endcall %}
    {%- if not one_statement -%}
      {%- do run_query('commit') -%}
    {%- endif -%}
    {%- do run_query('drop table if exists ' ~ temp_relation) -%}
  {%- endif -%}

  {% do apply_grants(target_relation, grant_config, should_revoke(existing_relation, full_refresh_mode)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=true) }}
  {{ run_hooks(post_hooks, inside_transaction=false) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
