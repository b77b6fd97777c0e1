{#- CREATE OR REPLACE is atomic here, whatever stands in the place. So are CREATE and INSERT of a table with a contract, which
    the engine takes as one statement. Temporary tables live in the session, without a schema. -#}
{%- macro datafusion__create_table_as(temporary, relation, sql) -%}
  {%- set sql_header = config.get('sql_header', none) -%}
  {%- set contracted = config.get('contract').enforced and not temporary -%}
  {%- if not temporary -%}
    {%- do tamis_apply_table_options(filled_at_once=contracted) -%}
  {%- endif -%}
  {%- if contracted -%}
    {{ get_assert_columns_equivalent(sql) }}
  {%- endif -%}
  {{ sql_header if sql_header is not none }}
  {%- if contracted %}
  create table {{ relation }}
    {{ get_table_columns_and_constraints() }};
  insert into {{ relation }} ({{ adapter.dispatch('get_column_names', 'dbt')() }}) (
    {{ get_select_subquery(sql) }}
  );
  {%- else %}
  create {% if temporary %}temporary table{% else %}or replace table{% endif %} {{ relation }}
  as (
    {{ sql }}
  );
  {%- endif -%}
{%- endmacro -%}

{#- Integers of any width are one type to a contract, also inside of arrays and structs: literals and counts are 64 bits
    wide, and the table gets what the contract declares. -#}
{%- macro datafusion__format_column(column) -%}
  {%- set formatted = default__format_column(column) -%}
  {%- set one_width = modules.re.sub('\\b(tinyint|smallint|bigint)\\b', 'integer', formatted['data_type']) -%}
  {%- do formatted.update({'formatted': formatted['name'] ~ ' ' ~ one_width}) -%}
  {{ return(formatted) }}
{%- endmacro -%}

{#- Layout and properties of the table that the next CREATE makes, from the node's config. -#}
{%- macro tamis_apply_table_options(filled_at_once=false) -%}
  {%- do adapter.tamis_table_options({
      'filled_at_once': filled_at_once,
      'partition_by': tamis_config_list('partition_by'),
      'cluster_by': tamis_config_list('cluster_by'),
      'target_file_size': config.get('target_file_size'),
      'tblproperties': config.get('tblproperties') or {},
  }) -%}
{%- endmacro -%}

{#- A config that is one name or a list of names, as a list. -#}
{%- macro tamis_config_list(key) -%}
  {%- set value = config.get(key) -%}
  {%- if not value -%}
    {{ return([]) }}
  {%- endif -%}
  {{ return([value] if value is string else value) }}
{%- endmacro -%}

{%- macro datafusion__get_replace_table_sql(relation, sql) -%}
  {{ get_create_table_as_sql(false, relation, sql) }}
{%- endmacro -%}

{%- macro datafusion__get_replace_view_sql(relation, sql) -%}
  {{ tamis_as_replacing(get_create_view_as_sql(relation, sql)) }}
{%- endmacro -%}

{#- CREATE VIEW as CREATE OR REPLACE VIEW; the text may be a project's own. -#}
{%- macro tamis_as_replacing(create_sql) -%}
  {{ return(create_sql | replace('create view', 'create or replace view', 1)) }}
{%- endmacro -%}

{%- macro datafusion__make_temp_relation(base_relation, suffix) -%}
  {{ return(base_relation.incorporate(
      path={'database': none, 'schema': none, 'identifier': base_relation.identifier ~ suffix}, type='table')) }}
{%- endmacro -%}

{%- macro datafusion__can_clone_table() -%}
  {{ return(true) }}
{%- endmacro -%}

{%- macro datafusion__drop_table(relation) -%}
  drop table if exists {{ relation.render() }}
{%- endmacro -%}

{%- macro datafusion__drop_view(relation) -%}
  drop view if exists {{ relation.render() }}
{%- endmacro -%}

{%- macro datafusion__rename_relation(from_relation, to_relation) -%}
  {%- set target_name = adapter.quote_as_configured(to_relation.identifier, 'identifier') -%}
  {%- call statement('rename_relation') -%}
    alter {{ 'view' if from_relation.is_view else 'table' }} {{ from_relation.render() }} rename to {{ target_name }}
  {%- endcall -%}
{%- endmacro -%}

{%- macro datafusion__alter_column_type(relation, column_name, new_column_type) -%}
  {%- do run_query('alter table ' ~ relation.render() ~ ' alter column ' ~ adapter.quote(column_name)
      ~ ' set data type ' ~ new_column_type) -%}
{%- endmacro -%}

{%- macro datafusion__list_relations_without_caching(schema_relation) -%}
  {%- set query -%}
    select
      table_catalog as database,
      table_name as name,
      table_schema as schema,
      case when table_type = 'VIEW' then 'view' else 'table' end as type
    from {{ information_schema_name(adapter.quote(schema_relation.database)) }}.tables
    where lower(table_schema) = lower('{{ schema_relation.schema }}')
  {%- endset -%}
  {{ return(run_query(query)) }}
{%- endmacro -%}

{%- macro datafusion__check_schema_exists(information_schema, schema) -%}
  {%- set query -%}
    select count(*)
    from {{ information_schema_name(adapter.quote(information_schema.database)) }}.schemata
    where schema_name = '{{ schema }}'
  {%- endset -%}
  {{ return(run_query(query)) }}
{%- endmacro -%}
