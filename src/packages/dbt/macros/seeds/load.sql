{#- Seeds: the CREATE from the CSV's columns, and the rows in batches. -#}
{%- macro create_csv_table(model, agate_table) -%}
  {{ return(adapter.dispatch('create_csv_table', 'dbt')(model, agate_table)) }}
{%- endmacro -%}

{%- macro default__create_csv_table(model, agate_table) -%}
  {%- set sql = tamis_csv_table_ddl('create table ', model, agate_table) -%}
  {%- call statement('_') -%}
    {{ sql }}
  {%- endcall -%}
  {{ return(sql) }}
{%- endmacro -%}

{#- `<create> this (column type, …)`: types from `column_types`, else as read from the file. -#}
{%- macro tamis_csv_table_ddl(create, model, agate_table) -%}
  {%- set overrides = model['config'].get('column_types', {}) or {} -%}
  {%- set quote_columns = model['config'].get('quote_columns', none) -%}
  {%- set lines = [] -%}
  {%- for name in agate_table.column_names -%}
    {%- set data_type = overrides.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
    {%- do lines.append(adapter.quote_seed_column(name, quote_columns) ~ ' ' ~ data_type) -%}
  {%- endfor -%}
  {{ return(create ~ this.render() ~ ' (' ~ lines | join(', ') ~ ')') }}
{%- endmacro -%}

{%- macro reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
  {{ return(adapter.dispatch('reset_csv_table', 'dbt')(model, full_refresh, old_relation, agate_table)) }}
{%- endmacro -%}

{%- macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
  {%- if full_refresh -%}
    {{ adapter.drop_relation(old_relation) }}
    {{ return(create_csv_table(model, agate_table)) }}
  {%- endif -%}
  {{ adapter.truncate_relation(old_relation) }}
  {{ return('truncate table ' ~ old_relation.render()) }}
{%- endmacro -%}

{#- Inserts the rows; returns the text of the first batch, for the file under target/run. -#}
{%- macro load_csv_rows(model, agate_table) -%}
  {{ return(adapter.dispatch('load_csv_rows', 'dbt')(model, agate_table)) }}
{%- endmacro -%}

{%- macro default__load_csv_rows(model, agate_table) -%}
  {%- set names = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
  {%- set statements = [] -%}
  {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
    {%- set bindings = [] -%}
    {%- for row in chunk -%}
      {%- do bindings.extend(row) -%}
    {%- endfor -%}
    {%- set sql -%}
      insert into {{ this.render() }} ({{ names }}) values
      {% for row in chunk -%}
        ({%- for column in agate_table.column_names -%}
          {{ get_binding_char() }}{{ ',' if not loop.last }}
        {%- endfor -%}){{ ',' if not loop.last }}
      {%- endfor %}
    {%- endset -%}
    {%- do adapter.add_query(sql, bindings=bindings, abridge_sql_log=true) -%}
    {%- do statements.append(sql) if loop.first -%}
  {%- endfor -%}
  {{ return(statements[0] if statements else '') }}
{%- endmacro -%}

{%- macro get_csv_sql(create_or_truncate_sql, insert_sql) -%}
  {{ adapter.dispatch('get_csv_sql', 'dbt')(create_or_truncate_sql, insert_sql) }}
{%- endmacro -%}

{%- macro default__get_csv_sql(create_or_truncate_sql, insert_sql) -%}
  {{ create_or_truncate_sql }};
  -- dbt seed --
  {{ insert_sql }}
{%- endmacro -%}

{%- macro get_binding_char() -%}
  {{ adapter.dispatch('get_binding_char', 'dbt')() }}
{%- endmacro -%}

{%- macro default__get_binding_char() -%}
  {{ return('%s') }}
{%- endmacro -%}

{%- macro get_batch_size() -%}
  {{ return(adapter.dispatch('get_batch_size', 'dbt')()) }}
{%- endmacro -%}

{%- macro default__get_batch_size() -%}
  {{ return(10000) }}
{%- endmacro -%}

{%- macro get_seed_column_quoted_csv(model, column_names) -%}
  {%- set quote_columns = model['config'].get('quote_columns', none) -%}
  {%- set quoted = [] -%}
  {%- for name in column_names -%}
    {%- do quoted.append(adapter.quote_seed_column(name, quote_columns)) -%}
  {%- endfor -%}
  {{ return(quoted | join(', ')) }}
{%- endmacro -%}
