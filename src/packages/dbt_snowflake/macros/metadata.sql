{#- What the account holds. Listings come in pages, as SHOW gives 10,000 rows at most. -#}
{%- macro snowflake__list_schemas(database) -%}
  {{ return(run_query('show terse schemas in database ' ~ database ~ ' limit 10000')) }}
{%- endmacro -%}

{%- macro snowflake__check_schema_exists(information_schema, schema) -%}
  {{ return(run_query(
      'select count(*) from ' ~ information_schema.database ~ '.information_schema.schemata'
      ~ " where upper(schema_name) = upper('" ~ schema ~ "')"
      ~ " and upper(catalog_name) = upper('" ~ information_schema.database ~ "')")) }}
{%- endmacro -%}

{%- macro snowflake__list_relations_without_caching(schema_relation, max_iter=10000, max_results_per_iter=10000) -%}
  {%- set place = schema_relation.without_identifier() if schema_relation is not string else schema_relation -%}
  {%- set pages = [] -%}
  {%- set ns = namespace(watermark=none, done=false) -%}
  {%- for page in range(max_iter) if not ns.done -%}
    {%- set found = run_query(snowflake__show_objects_sql(place, max_results_per_iter, ns.watermark)) -%}
    {%- do pages.append(found) -%}
    {%- if found.rows | length < max_results_per_iter -%}
      {%- set ns.done = true -%}
    {%- else -%}
      {%- set ns.watermark = found.columns['name'].values()[-1] -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if not ns.done -%}
    {{ exceptions.raise_compiler_error('the schema ' ~ place ~ ' holds more than ' ~ max_iter * max_results_per_iter ~ ' objects') }}
  {%- endif -%}
  {%- if pages | length == 1 -%}
    {{ return(pages[0]) }}
  {%- endif -%}
  {%- set rows = [] -%}
  {%- for page in pages -%}
    {%- for row in page.rows -%}{%- do rows.append(row) -%}{%- endfor -%}
  {%- endfor -%}
  {{ return(rows) }}
{%- endmacro -%}

{%- macro snowflake__show_objects_sql(schema, max_results_per_iter=10000, watermark=none) -%}
  show objects in {{ schema }}
  limit {{ max_results_per_iter }}
  {%- if watermark is not none %} from '{{ watermark }}'{% endif %}
{%- endmacro -%}

{#- SHOW for one relation. -#}
{%- macro snowflake__show_object_metadata(relation) -%}
  {{ return(run_query("show objects like '" ~ relation.identifier ~ "' in " ~ relation.include(identifier=false) ~ ' limit 1')) }}
{%- endmacro -%}

{%- macro snowflake__get_relation_last_modified(information_schema, relations) -%}
  {%- set places = [] -%}
  {%- for relation in relations -%}
    {%- do places.append("(upper(table_schema) = upper('" ~ relation.schema ~ "') and upper(table_name) = upper('" ~ relation.identifier ~ "'))") -%}
  {%- endfor -%}
  {%- call statement('last_modified', fetch_result=true) -%}
    select
      table_schema as schema,
      table_name as identifier,
      last_altered as last_modified,
      {{ current_timestamp() }} as snapshotted_at
    from {{ information_schema }}.tables
    where {{ places | join(' or ') }}
  {%- endcall -%}
  {{ return(load_result('last_modified')) }}
{%- endmacro -%}
