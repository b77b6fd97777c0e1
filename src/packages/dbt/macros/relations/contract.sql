{#- Contracts: the query's columns against the declared ones, and the column list of the CREATE. -#}
{%- macro get_table_columns_and_constraints() -%}
  {{ adapter.dispatch('get_table_columns_and_constraints', 'dbt')() }}
{%- endmacro -%}

{%- macro default__get_table_columns_and_constraints() -%}
  {{ return(table_columns_and_constraints()) }}
{%- endmacro -%}

{%- macro table_columns_and_constraints() -%}
  {%- set lines = adapter.render_raw_columns_constraints(raw_columns=model['columns'])
      + adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
  (
    {{ lines | join(',\n    ') }}
  )
{%- endmacro -%}

{%- macro get_assert_columns_equivalent(sql) -%}
  {{ adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql) }}
{%- endmacro -%}

{%- macro default__get_assert_columns_equivalent(sql) -%}
  {{ return(assert_columns_equivalent(sql)) }}
{%- endmacro -%}

{#- Prints nothing; raises when the names or types of the query and of the contract differ. Order does not matter. -#}
{%- macro assert_columns_equivalent(sql) -%}
  {%- set found = format_columns(get_column_schema_from_query(sql, config.get('sql_header', none))) -%}
  {%- set declared = format_columns(get_column_schema_from_query(get_empty_schema_sql(model['columns']))) -%}
  {%- set found_texts = found | map(attribute='formatted') | list -%}
  {%- set declared_texts = declared | map(attribute='formatted') | list -%}
  {%- if found_texts | sort != declared_texts | sort -%}
    {%- do exceptions.raise_contract_error(declared, found) -%}
  {%- endif -%}
{%- endmacro -%}

{%- macro format_columns(columns) -%}
  {%- set formatted = [] -%}
  {%- for column in columns -%}
    {%- do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) -%}
  {%- endfor -%}
  {{ return(formatted) }}
{%- endmacro -%}

{%- macro default__format_column(column) -%}
  {%- set name = column.column | lower -%}
  {%- set data_type = column.dtype -%}
  {{ return({'name': name, 'data_type': data_type, 'formatted': name ~ ' ' ~ data_type}) }}
{%- endmacro -%}

{#- The query with its columns in the order of the contract. -#}
{%- macro get_select_subquery(sql) -%}
  {{ return(adapter.dispatch('get_select_subquery', 'dbt')(sql)) }}
{%- endmacro -%}

{%- macro default__get_select_subquery(sql) -%}
  select {{ adapter.dispatch('get_column_names', 'dbt')() }}
  from (
    {{ sql }}
  ) as model_subq
{%- endmacro -%}

{%- macro default__get_column_names() -%}
  {%- set names = [] -%}
  {%- for key in model['columns'] -%}
    {%- set column = model['columns'][key] -%}
    {%- do names.append(adapter.quote(column['name']) if column.get('quote') else column['name']) -%}
  {%- endfor -%}
  {{ names | join(', ') }}
{%- endmacro -%}
