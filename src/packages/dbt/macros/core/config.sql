{#- Text before the CREATE of a model: set by a call block in the model, kept as config `sql_header`. -#}
{%- macro set_sql_header(config) -%}
  {{ config.set('sql_header', caller()) }}
{%- endmacro -%}

{#- True when an incremental model meets its own table and may read it as `this`. -#}
{%- macro is_incremental() -%}
  {%- if not execute -%}
    {%- do return(false) -%}
  {%- endif -%}
  {%- set existing = adapter.get_relation(database=this.database, schema=this.schema, identifier=this.table) -%}
  {%- do return(
      existing is not none
      and existing.type == 'table'
      and model.config.materialized == 'incremental'
      and not should_full_refresh()
  ) -%}
{%- endmacro -%}

{#- The node's own `full_refresh` wins over the flag. -#}
{%- macro should_full_refresh() -%}
  {%- set configured = config.get('full_refresh') -%}
  {%- if configured is none -%}
    {%- do return(flags.FULL_REFRESH) -%}
  {%- endif -%}
  {%- do return(configured) -%}
{%- endmacro -%}

{%- macro should_store_failures() -%}
  {%- set configured = config.get('store_failures') -%}
  {%- if configured is none -%}
    {%- do return(flags.STORE_FAILURES) -%}
  {%- endif -%}
  {%- do return(configured) -%}
{%- endmacro -%}

{%- macro is_core_v2() -%}
  {%- do return(dbt_version.split('.')[0] | int == 2) -%}
{%- endmacro -%}
