{#- The relation of the state as it is now: copied where the engine can, else a view of it. -#}
{% materialization clone, default %}
  {%- if not defer_relation -%}
    {{ log('No relation found in state manifest for ' ~ model.unique_id, info=true) }}
    {{ return({'relations': []}) }}
  {%- endif -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- if existing_relation and not flags.FULL_REFRESH -%}
    {{ log('Relation ' ~ existing_relation ~ ' already exists', info=true) }}
    {{ return({'relations': []}) }}
  {%- endif -%}

  {%- set other_relation = load_cached_relation(defer_relation) -%}
  {%- if other_relation and other_relation.type == 'table' and can_clone_table() -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if defer_relation.render() == this.render() -%}
      {{ log('The state has the same relation as the target, skipping clone for relation: ' ~ this.render()) }}
      {{ return({'relations': [target_relation]}) }}
    {%- endif -%}
    {% call statement('main') -%}
      {{ create_or_replace_clone(target_relation, defer_relation) }}
    {%- endcall %}
  {%- else -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {% call statement('main') -%}
      {{ get_replace_view_sql(target_relation, 'select * from ' ~ defer_relation) }}
    {%- endcall %}
  {%- endif -%}
  {% do persist_docs(target_relation, model) %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{%- macro can_clone_table() -%}
  {{ return(adapter.dispatch('can_clone_table', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__can_clone_table() -%}
  {{ return(false) }}
{%- endmacro -%}

{%- macro create_or_replace_clone(this_relation, defer_relation) -%}
  {{ return(adapter.dispatch('create_or_replace_clone', 'dbt')(this_relation, defer_relation)) }}
{%- endmacro -%}

{%- macro default__create_or_replace_clone(this_relation, defer_relation) -%}
  create or replace table {{ this_relation.render() }} clone {{ defer_relation.render() }}
{%- endmacro -%}
