{#- A data test: counts the rows that its query returns; keeps them in a table or view when asked to. -#}
{% materialization test, default %}
  {%- set relations = [] -%}
  {%- set main_sql = sql -%}
  {%- set limit = config.get('limit') -%}

  {%- if should_store_failures() -%}
    {%- set identifier = model['alias'] -%}
    {%- set old_relation = adapter.get_relation(database=database, schema=schema, identifier=identifier) -%}
    {%- set stored_as = config.get('store_failures_as') or 'table' -%}
    {%- if stored_as not in ('table', 'view') -%}
      {{ exceptions.raise_compiler_error(
          "'" ~ stored_as ~ "' is not a valid value for `store_failures_as`. Accepted values are: ['ephemeral', 'table', 'view']") }}
    {%- endif -%}
    {%- set target_relation = api.Relation.create(
        identifier=identifier, schema=schema, database=database, type=stored_as) -%}
    {{ drop_relation_if_exists(old_relation) }}
    {% call statement(auto_begin=true) -%}
      {{ get_create_sql(target_relation, sql if limit is none else 'select * from (\n' ~ sql ~ '\n) dbt_internal_test limit ' ~ limit) }}
    {%- endcall %}
    {%- do relations.append(target_relation) -%}
    {#- The rows are read back, so that what is counted is what is kept. -#}
    {%- set main_sql -%}
      select *
      from {{ target_relation }}
    {%- endset -%}
    {% do adapter.commit() %}
  {%- endif -%}

  {% call statement('main', fetch_result=true) -%}
    {{ get_test_sql(main_sql, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit) }}
  {%- endcall %}

  {{ return({'relations': relations}) }}
{% endmaterialization %}

{%- macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  {{ adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro -%}

{%- macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  select
    {{ fail_calc }} as failures,
    {{ fail_calc }} {{ warn_if }} as should_warn,
    {{ fail_calc }} {{ error_if }} as should_error
  from (
    {{ main_sql }}
    {{ 'limit ' ~ limit if limit is not none }}
  ) dbt_internal_test
{%- endmacro -%}

{#- What `model` is in a generic test: the relation, filtered by the test's `where`. -#}
{%- macro get_where_subquery(relation) -%}
  {%- do return(adapter.dispatch('get_where_subquery', 'dbt')(relation)) -%}
{%- endmacro -%}

{%- macro default__get_where_subquery(relation) -%}
  {%- set where = config.get('where', '') -%}
  {%- if where -%}
    {%- set filtered -%}
      (select * from {{ relation }} where {{ where }}) dbt_subquery
    {%- endset -%}
    {%- do return(filtered) -%}
  {%- endif -%}
  {%- do return(relation) -%}
{%- endmacro -%}
