{#- The view that has a versioned model's own name and reads its latest version; made after that version. -#}
{%- macro create_latest_version_pointer() -%}
  {{ return(adapter.dispatch('create_latest_version_pointer', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__create_latest_version_pointer() -%}
  {%- set setting = config.get('latest_version_pointer') -%}
  {%- set custom_alias = setting.get('alias') if setting is mapping else none -%}
  {%- set alias = generate_latest_version_pointer_alias(custom_alias, model) | trim -%}
  {%- set pointer = api.Relation.create(database=this.database, schema=this.schema, identifier=alias, type='view') -%}
  {%- for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot'] -%}
    {%- if node.relation_name and node.relation_name | lower == pointer | string | lower -%}
      {{ exceptions.raise_compiler_error(
          'the latest version pointer of ' ~ model.unique_id ~ ' would be ' ~ pointer ~ ', which is ' ~ node.unique_id
          ~ '; give `latest_version_pointer` another `alias`, or turn it off') }}
    {%- endif -%}
  {%- endfor -%}

  {%- set existing = load_cached_relation(pointer) -%}
  {%- if existing is not none and existing.is_view and model.get('batch') -%}
    {#- The first batch made it; the others may run side by side. -#}
    {{ return({'relations': [existing]}) }}
  {%- endif -%}
  {%- if existing is not none and not existing.is_view -%}
    {{ drop_relation_if_exists(existing) }}
  {%- endif -%}
  {% call statement('latest_version_pointer') -%}
    create or replace view {{ pointer }} as (
      select * from {{ this }}
    )
  {%- endcall %}
  {% do apply_grants(pointer, config.get('grants'), should_revoke(existing, full_refresh_mode=true)) %}
  {{ return({'relations': [pointer]}) }}
{%- endmacro -%}
