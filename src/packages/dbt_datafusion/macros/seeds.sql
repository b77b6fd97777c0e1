{#- Seeds: the table is made or emptied by SQL, its rows are handed over as they are; both in one commit. -#}
{%- macro datafusion__create_csv_table(model, agate_table) -%}
  {%- do run_query('begin') -%}
  {%- do tamis_apply_table_options() -%}
  {%- set sql = tamis_csv_table_ddl('create or replace table ', model, agate_table) -%}
  {%- call statement('_') -%}
    {{ sql }}
  {%- endcall -%}
  {{ return(sql) }}
{%- endmacro -%}

{%- macro datafusion__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
  {%- if full_refresh -%}
    {{ return(create_csv_table(model, agate_table)) }}
  {%- endif -%}
  {%- do run_query('begin') -%}
  {%- do adapter.truncate_relation(old_relation) -%}
  {{ return('truncate table ' ~ old_relation.render()) }}
{%- endmacro -%}

{%- macro datafusion__load_csv_rows(model, agate_table) -%}
  {%- do adapter.tamis_load(this.incorporate(type='table'), agate_table, 'append') -%}
  {%- do run_query('commit') -%}
  {{ return('insert into ' ~ this.render() ~ ' (' ~ get_seed_column_quoted_csv(model, agate_table.column_names) ~ ') values …') }}
{%- endmacro -%}
