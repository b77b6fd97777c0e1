{#- A unit test: the model's query over given rows, and the rows that are expected of it, told apart by a column. -#}
{% materialization unit, default %}
  {%- set expected_rows = config.get('expected_rows') -%}
  {%- set expected_sql = config.get('expected_sql') -%}
  {%- set types = {} -%}
  {%- set stored = {} -%}
  {%- for column in get_column_schema_from_query(sql) -%}
    {%- do types.update({column.name: column.data_type}) -%}
    {%- do stored.update({column.name | lower: column.name}) -%}
  {%- endfor -%}
  {%- set names = [] -%}
  {%- set rows = [] -%}
  {%- if expected_sql -%}
    {%- for column in get_column_schema_from_query(expected_sql) -%}
      {%- do names.append(column.name) -%}
    {%- endfor -%}
  {%- else -%}
    {%- for row in expected_rows -%}
      {%- set renamed = {} -%}
      {%- for name in row -%}
        {%- set own = stored.get(name | lower, name) -%}
        {%- do renamed.update({own: row[name]}) -%}
        {%- if own not in names -%}{%- do names.append(own) -%}{%- endif -%}
      {%- endfor -%}
      {%- do rows.append(renamed) -%}
    {%- endfor -%}
    {%- if not names -%}{%- set names = types.keys() | list -%}{%- endif -%}
  {%- endif -%}
  {%- set quoted = [] -%}
  {%- for name in names -%}{%- do quoted.append(adapter.quote(name)) -%}{%- endfor -%}
  {%- set expected = expected_sql or get_expected_sql(rows, types, names) -%}

  {% call statement('main', fetch_result=true) -%}
    {{ get_unit_test_sql(sql, expected, quoted) }}
  {%- endcall %}

  {{ return({'relations': []}) }}
{% endmaterialization %}

{%- macro get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
  {{ adapter.dispatch('get_unit_test_sql', 'dbt')(main_sql, expected_fixture_sql, expected_column_names) }}
{%- endmacro -%}

{%- macro default__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
{%- set names = expected_column_names | join(', ') -%}
select {{ names }}, {{ dbt.string_literal('actual') }} as {{ adapter.quote('actual_or_expected') }}
from (
{{ main_sql }}
) as dbt_internal_unit_test_actual
union all
select {{ names }}, {{ dbt.string_literal('expected') }} as {{ adapter.quote('actual_or_expected') }}
from (
{{ expected_fixture_sql }}
) as dbt_internal_unit_test_expected
{%- endmacro -%}

{#- The rows of an input as a query. Columns that a row does not have are null. -#}
{%- macro get_fixture_sql(rows, column_name_to_data_types) -%}
  {%- set types = column_name_to_data_types or dbt.columns_of_this() -%}
  {%- for row in rows -%}
    {%- do validate_fixture_rows([row], loop.index) -%}
    {%- for name in row if name not in types -%}
      {{ exceptions.raise_compiler_error(
          "Invalid column name: '" ~ name ~ "' in unit test fixture for '" ~ model.name ~ "'.\nAccepted columns for '" ~
          model.name ~ "' are: " ~ types.keys() | list) }}
    {%- endfor -%}
  {%- endfor -%}
  {{- dbt.rows_as_sql(rows, types, types.keys() | list) -}}
{%- endmacro -%}

{#- The expected rows as a query with the given columns. -#}
{%- macro get_expected_sql(rows, column_name_to_data_types, column_names=none) -%}
  {{- dbt.rows_as_sql(rows, column_name_to_data_types, column_names or column_name_to_data_types.keys() | list) -}}
{%- endmacro -%}

{%- macro rows_as_sql(rows, types, names) -%}
  {%- for row in rows or [{}] -%}
    {%- set formatted = format_row(row, types) -%}
    {%- if not loop.first %}
union all
{% endif -%}
    select
    {%- for name in names %}
    {{ formatted.get(name) or cast('null', types[name]) }} as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
    {%- endfor -%}
  {%- endfor -%}
  {%- if not rows %}
where false
  {%- endif -%}
{%- endmacro -%}

{#- A row with its values as SQL of the columns' types. -#}
{%- macro format_row(row, column_name_to_data_types) -%}
  {%- set formatted = {} -%}
  {%- for name in row -%}
    {%- set type = column_name_to_data_types[name] -%}
    {%- set value = 'null' if row[name] is none else dbt.fixture_value(row[name]) -%}
    {%- do formatted.update({name: cast(value, type)}) -%}
  {%- endfor -%}
  {{ return(formatted) }}
{%- endmacro -%}

{#- A value of YAML or CSV as SQL. -#}
{%- macro fixture_value(value) -%}
  {{ return(adapter.dispatch('fixture_value', 'dbt')(value)) }}
{%- endmacro -%}

{%- macro default__fixture_value(value) -%}
  {%- if value is none -%}
    {{ return('null') }}
  {%- elif value is string -%}
    {{ return(dbt.string_literal(dbt.escape_single_quotes(value))) }}
  {%- elif value is mapping -%}
    {{ return(dbt.string_literal(dbt.escape_single_quotes(tojson(value)))) }}
  {%- elif value is iterable -%}
    {%- set items = [] -%}
    {%- for item in value -%}{%- do items.append(dbt.fixture_value(item)) -%}{%- endfor -%}
    {{ return('array[' ~ items | join(', ') ~ ']') }}
  {%- else -%}
    {{ return(value | string) }}
  {%- endif -%}
{%- endmacro -%}

{#- Rows must be mappings. -#}
{%- macro validate_fixture_rows(rows, row_number) -%}
  {{ return(adapter.dispatch('validate_fixture_rows', 'dbt')(rows, row_number)) }}
{%- endmacro -%}

{%- macro default__validate_fixture_rows(rows, row_number) -%}
  {%- for row in rows if row is not mapping -%}
    {{ exceptions.raise_compiler_error('row ' ~ row_number ~ ' of a unit test fixture is no mapping') }}
  {%- endfor -%}
{%- endmacro -%}

{%- macro columns_of_this() -%}
  {%- set types = {} -%}
  {%- for column in adapter.get_columns_in_relation(load_relation(this) or defer_relation) -%}
    {%- do types.update({column.name: column.data_type}) -%}
  {%- endfor -%}
  {{ return(types) }}
{%- endmacro -%}
